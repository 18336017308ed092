"""A network as an ONNX file, for the runtime that the engine is compared with.

Version 8 of the format, operators 17. Source: onnx.proto of the ONNX project.
"""

import struct

import torch
from torch import nn


def _varint(n: int) -> bytes:
    out = bytearray()
    n &= 2**64 - 1
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes([*out, n])


def _number(field: int, n: int) -> bytes:
    return _varint(field << 3) + _varint(n)


def _content(field: int, content: bytes | str) -> bytes:
    data = content.encode() if isinstance(content, str) else content
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _tensor(name: str, tensor: torch.Tensor) -> bytes:
    kind = 7 if tensor.dtype == torch.int64 else 1
    dims = b"".join(_number(1, n) for n in tensor.shape)
    data = tensor.detach().contiguous().numpy().tobytes()
    return dims + _number(2, kind) + _content(8, name) + _content(9, data)


def _attribute(name: str, value: int | float | tuple[int, ...]) -> bytes:
    start = _content(1, name)
    if isinstance(value, float):
        return start + _varint(2 << 3 | 5) + struct.pack("<f", value) + _number(20, 1)
    if isinstance(value, int):
        return start + _number(3, value) + _number(20, 2)
    return start + b"".join(_number(8, n) for n in value) + _number(20, 7)


def _value(name: str, shape: tuple[int, ...]) -> bytes:
    dims = b"".join(_content(1, _number(1, n)) for n in shape)
    return _content(1, name) + _content(2, _content(1, _number(1, 1) + _content(2, dims)))


def _window(layer: nn.Conv2d | nn.ConvTranspose2d) -> dict:
    assert not isinstance(layer.padding, str)
    found = {"pads": (*layer.padding, *layer.padding), "strides": tuple(layer.stride)}
    if isinstance(layer, nn.ConvTranspose2d):
        found["output_padding"] = tuple(layer.output_padding)
    return found


def model(layers: nn.Sequential, latent_dim: int, size: int) -> bytes:
    """The file of a decoder (1, d) → (1, n): linear layers, convolutions, activations, reshapes."""
    nodes, tensors, last = [], [], "z"
    attributes: dict
    for n, layer in enumerate(layers):
        inputs: list[str] = [last]
        attributes = {}
        for name, tensor in layer.named_parameters():
            tensors.append(_tensor(f"{name}{n}", tensor))
            inputs.append(f"{name}{n}")
        if isinstance(layer, nn.Flatten | nn.Unflatten):
            kind = "Reshape"
            shape = [1, -1] if isinstance(layer, nn.Flatten) else [1, *layer.unflattened_size]
            tensors.append(_tensor(f"shape{n}", torch.tensor(shape)))
            inputs.append(f"shape{n}")
        elif isinstance(layer, nn.Linear):
            kind, attributes = "Gemm", {"transB": 1}
        elif isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            kind = "ConvTranspose" if isinstance(layer, nn.ConvTranspose2d) else "Conv"
            attributes = _window(layer)
        elif isinstance(layer, nn.LeakyReLU):
            kind, attributes = "LeakyRelu", {"alpha": float(layer.negative_slope)}
        elif isinstance(layer, nn.SiLU):
            nodes.append(_content(1, last) + _content(2, f"s{n}") + _content(4, "Sigmoid"))
            kind, inputs = "Mul", [last, f"s{n}"]
        else:
            kind = {nn.ReLU: "Relu", nn.Tanh: "Tanh"}[type(layer)]
        last = f"h{n}"
        nodes.append(
            b"".join(_content(1, name) for name in inputs)
            + _content(2, last)
            + _content(4, kind)
            + b"".join(_content(5, _attribute(*pair)) for pair in attributes.items())
        )
    graph = b"".join(_content(1, node) for node in nodes) + _content(2, "decoder")
    graph += b"".join(_content(5, tensor) for tensor in tensors)
    graph += _content(11, _value("z", (1, latent_dim))) + _content(12, _value(last, (1, size)))
    return _number(1, 8) + _content(7, graph) + _content(8, _content(1, "") + _number(2, 17))
