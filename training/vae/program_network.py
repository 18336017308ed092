"""Programs as torch modules: the networks that somebody else wrote."""

import re
from typing import Any, NamedTuple

import msgspec
import torch
from torch import Tensor, nn

from training.vae.program import INPUT, Builder, Program, evaluate

_NAME = re.compile(r"t\d{1,9}", re.ASCII)

_AT_ONCE = 2**27  # numbers of all values of a batch

PROGRAM = "program"  # the architecture that is none of ours


class Programs(NamedTuple):
    """Encoder and decoder of a model as programs; of a decoder alone `codes` (N, d) of pictures."""

    encoder: Program | None
    decoder: Program
    codes: Tensor | None = None


class ProgramNetwork(nn.Module):
    """A program as a module, (B, n) → (B, m): its tensors are buffers of the same names.

    Raises:
        ValueError: a tensor has a name that `Builder` does not give.
    """

    def __init__(self, program: Program) -> None:
        super().__init__()
        self._program = program
        for name in program.used_tensors():
            if not _NAME.fullmatch(name):
                raise ValueError(f"a tensor is called {name[:40]!r}, and not t and a number")
            self.register_buffer(name, program.tensors[name])

    def current(self) -> Program:
        """The program with the tensors as they are now."""
        tensors = dict(self.named_buffers(recurse=False))
        return self._program.with_tensors(tensors)

    def forward(self, x: Tensor) -> Tensor:
        """Run it, of a large batch so many at a time that memory stays bounded."""
        tensors = dict(self.named_buffers(recurse=False))
        rows = max(1, _AT_ONCE // self._program.total)
        parts = [evaluate(self._program, part, tensors)[0] for part in x.split(rows)]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def lower(self, builder: Builder, x: str) -> str:
        """Name of the value that it makes of `x` in another program."""
        program = self.current()
        names = {INPUT: x}
        for node in program.nodes:
            attributes: dict[str, Any] = {
                info.name: getattr(node.op, info.name)
                for info in msgspec.structs.fields(type(node.op))
            }
            for attribute in node.op.tensors:
                name = attributes[attribute]
                attributes[attribute] = None if name is None else program.tensors[name]
            inputs = (names[name] for name in node.inputs)
            names[node.name] = builder.add(node.kind, *inputs, **attributes)
        return names[program.outputs[0]]
