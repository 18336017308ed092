"""ONNX files, read as data: nodes, their attributes and constant tensors.

The format is Protocol Buffers' (field numbers of onnx.proto, version 1.16); of it only what a graph
of tensors needs is read, and no package for it is needed.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.files import read_regular
from training.importing.exported import ImportRefused
from training.text import printable_path

MOST_BYTES = 2**29
MOST_NODES = 8192
_TYPES = {
    1: np.float32,
    2: np.uint8,
    3: np.int8,
    5: np.int16,
    6: np.int32,
    7: np.int64,
    9: np.bool_,
    10: np.float16,
    11: np.float64,
}


@dataclass
class OnnxNode:
    """An operator: its kind, the names of what it takes and makes, and attributes."""

    op: str = ""
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass
class OnnxGraph:
    """Operators in their order, constant tensors, and names of inputs and outputs."""

    nodes: list[OnnxNode] = field(default_factory=list)
    constants: dict[str, NDArray[Any]] = field(default_factory=dict)
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)


def read_onnx(path: Path | str) -> OnnxGraph:
    """The graph of an ONNX file.

    Raises:
        ImportRefused: it cannot be read, is damaged, or keeps its tensors elsewhere.
    """
    shown = printable_path(path)
    try:
        content = memoryview(read_regular(path, MOST_BYTES))
    except OSError as error:
        raise ImportRefused(f"{shown} cannot be read ({error.strerror}).") from None
    try:
        graphs = [value for number, value in _fields(content) if number == 7]
        if len(graphs) != 1:
            raise ValueError("it has no graph")
        return _graph(graphs[0])
    except (ValueError, LookupError, struct.error, TypeError, OverflowError) as error:
        raise ImportRefused(f"{shown} is damaged or no ONNX file ({error}).") from None


def _number(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
        if shift > 63:
            raise ValueError("a number of more than 64 bits")


def _fields(data: memoryview) -> Iterator[tuple[int, Any]]:
    """Numbers and values of a message's fields: whole numbers, 4 or 8 bytes, or parts."""
    at = 0
    while at < len(data):
        key, at = _number(data, at)
        kind = key & 7
        if kind == 0:
            value, at = _number(data, at)
            yield key >> 3, value
            continue
        size = {1: 8, 5: 4}.get(kind)
        if kind == 2:
            size, at = _number(data, at)
        if size is None or at + size > len(data):
            raise ValueError("a field that is cut off")
        yield key >> 3, data[at : at + size]
        at += size


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value


def _numbers(value: Any) -> list[int]:
    """Whole numbers, packed or one."""
    if isinstance(value, int):
        return [_signed(value)]
    found, at = [], 0
    while at < len(value):
        number, at = _number(value, at)
        found.append(_signed(number))
    return found


def _text(value: Any) -> str:
    return bytes(value).decode()


def _graph(data: memoryview) -> OnnxGraph:
    graph = OnnxGraph()
    for number, value in _fields(data):
        if number == 1:
            graph.nodes.append(_node(value))
            if len(graph.nodes) > MOST_NODES:
                raise ValueError(f"more than {MOST_NODES} nodes")
        elif number == 5:
            name, tensor = _tensor(value)
            graph.constants[name] = tensor
        elif number in (11, 12):
            name = next(_text(v) for n, v in _fields(value) if n == 1)
            (graph.inputs if number == 11 else graph.outputs).append(name)
    graph.inputs = [name for name in graph.inputs if name not in graph.constants]
    return graph


def _node(data: memoryview) -> OnnxNode:
    node = OnnxNode()
    for number, value in _fields(data):
        if number == 1:
            node.inputs.append(_text(value))
        elif number == 2:
            node.outputs.append(_text(value))
        elif number == 4:
            node.op = _text(value)
        elif number == 5:
            name, found = _attribute(value)
            node.attributes[name] = found
    return node


def _attribute(data: memoryview) -> tuple[str, Any]:
    name, value = "", None
    floats: list[float] = []
    ints: list[int] = []
    for number, found in _fields(data):
        if number == 1:
            name = _text(found)
        elif number == 2:
            value = struct.unpack("<f", found)[0]
        elif number == 3:
            value = _signed(found)
        elif number == 4:
            value = _text(found)
        elif number == 5:
            value = _tensor(found)[1]
        elif number == 7:
            floats += struct.unpack(f"<{len(found) // 4}f", found)
        elif number == 8:
            ints += _numbers(found)
    return name, ints or floats or value


def _tensor(data: memoryview) -> tuple[str, NDArray[Any]]:
    name, dims, kind, raw = "", [], 1, None
    plain: list[Any] = []
    for number, value in _fields(data):
        if number == 1:
            dims += _numbers(value)
        elif number == 2:
            kind = value
        elif number == 4:
            plain += struct.unpack(f"<{len(value) // 4}f", value)
        elif number in (5, 7):
            plain += _numbers(value)
        elif number == 8:
            name = _text(value)
        elif number == 9:
            raw = bytes(value)
        elif number == 10:
            plain += struct.unpack(f"<{len(value) // 8}d", value)
        elif number == 13:
            raise ValueError("its tensors are in other files; export it into one")
    dtype = np.dtype(_TYPES[kind])
    array: NDArray[Any] = np.array(plain, dtype) if raw is None else np.frombuffer(raw, dtype)
    return name, array.reshape(dims)
