"""An op of a program: its attributes, their bounds, and its torch twin.

Shapes are without the batch: (n,) for vectors, (channels, height, width) for pictures. Whatever
does not fit raises ValueError with what is wrong; `Program` says in which op.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

from msgspec import Meta, Struct
from torch import Tensor

MAX_RANK = 6

Shape = tuple[int, ...]
Tensors = Mapping[str, Tensor]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
Count = Annotated[int, Meta(ge=1, le=2**24)]
Step = Annotated[int, Meta(ge=1, le=256)]
Margin = Annotated[int, Meta(ge=0, le=1024)]
Axis = Annotated[int, Meta(ge=0, lt=MAX_RANK)]
Finite = Annotated[float, Meta(ge=-1e30, le=1e30)]
Positive = Annotated[float, Meta(gt=0, le=1e6)]
Steps = tuple[Step, Step]
Margins = tuple[Margin, Margin]


def need(condition: bool, message: str) -> None:
    """Raise ValueError with a message unless a condition holds."""
    if not condition:
        raise ValueError(message)


def picture(shape: Shape) -> tuple[int, int, int]:
    need(len(shape) == 3, f"it takes a picture, and its input has the shape {list(shape)}")
    return shape[0], shape[1], shape[2]


def channels_of(shape: Shape) -> int:
    need(
        len(shape) in (1, 3),
        f"it takes a vector or a picture, and its input has the shape {list(shape)}",
    )
    return shape[0]


class Op(Struct, frozen=True, forbid_unknown_fields=True):
    """A kind of op: attributes as fields, of which `tensors` are names of tensors."""

    tensors: ClassVar[tuple[str, ...]] = ()
    arity: ClassVar[tuple[int, int]] = (1, 1)  # fewest and most inputs

    def shape(self, inputs: Sequence[Shape], of: Tensors) -> Shape:
        """Shape of the output; ValueError where inputs, attributes and tensors do not fit."""
        raise NotImplementedError

    def run(self, inputs: Sequence[Tensor], of: Tensors) -> Tensor:
        """Output of inputs (B, …)."""
        raise NotImplementedError

    def products(self, inputs: Sequence[Shape], of: Tensors) -> int:
        """Multiply-adds of one output."""
        return 0

    def optional(self, name: str | None, of: Tensors, length: int) -> Tensor | None:
        """The tensor of a name, if there is one; ValueError unless it is (length,)."""
        if name is None:
            return None
        found = tuple(of[name].shape)
        need(found == (length,), f"{name!r} has the shape {list(found)} instead of [{length}]")
        return of[name]
