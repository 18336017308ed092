"""Networks of ONNX files as torch modules: an operator after another, by a table."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from training.importing.exported import ImportRefused
from training.importing.onnx_file import read_onnx
from training.importing.onnx_ops import OF_CONSTANTS, ROWS
from training.text import printable


class OnnxNetwork(nn.Module):
    """The network of an ONNX file, of tensors to a dictionary of tensors.

    Raises:
        ImportRefused: it cannot be read, or has an operator that is in no row.
    """

    def __init__(self, path: Path | str) -> None:
        super().__init__()
        self._graph = read_onnx(path)
        self._hosts: dict[str, Any] = {}
        self._arrays: dict[str, Any] = {}
        self._names: dict[str, str] = {}
        for name, array in self._graph.constants.items():
            self._keep(name, array)
        unknown = sorted({n.op for n in self._graph.nodes if n.op not in ROWS})
        if unknown:
            raise ImportRefused(
                f"{printable(str(path), 80)} has operators that are not known: "
                f"{', '.join(printable(op, 30) for op in unknown[:6])}."
            )
        for node in self._graph.nodes:
            if node.op == "Constant":
                value = next(iter(node.attributes.values()))
                self._keep(node.outputs[0], np.asarray(value))

    def _keep(self, name: str, array: Any) -> None:
        self._arrays[name] = array
        if array.dtype.kind == "f":
            own = f"constant_{len(self._names)}"
            self._names[name] = own
            self.register_buffer(own, torch.from_numpy(array.astype(np.float32)))
        else:
            self._hosts[name] = array

    def forward(self, *inputs: Tensor) -> dict[str, Tensor]:
        """What comes out, by its names; one example is run after another, as many files ask for."""
        rows = [self._one([x[n : n + 1] for x in inputs]) for n in range(len(inputs[0]))]
        return {name: torch.cat([row[name] for row in rows]) for name in self._graph.outputs}

    def _one(self, inputs: list[Tensor]) -> dict[str, Tensor]:
        found: dict[str, Any] = {"": None, **self._hosts}
        found |= {name: getattr(self, own) for name, own in self._names.items()}
        if len(inputs) != len(self._graph.inputs):
            raise ValueError(f"it takes {len(self._graph.inputs)} inputs, not {len(inputs)}")
        found |= dict(zip(self._graph.inputs, inputs, strict=True))
        for node in self._graph.nodes:
            if node.op == "Constant":
                continue
            taken = [found[name] for name in node.inputs]
            if node.op in OF_CONSTANTS:
                rest = zip(node.inputs[1:], taken[1:], strict=True)
                taken[1:] = [self._arrays.get(name, value) for name, value in rest]
            made = ROWS[node.op](node, *taken)
            several = made if isinstance(made, tuple | list) else [made]
            found.update(zip(node.outputs, several, strict=False))
        return {name: found[name] for name in self._graph.outputs}
