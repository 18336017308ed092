"""Ops that move numbers: another shape, order, part or size."""

import math
from collections.abc import Sequence
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from msgspec import Meta
from torch import Tensor

from training.vae.op import MAX_RANK, Axis, Count, Margin, Name, Op, Shape, Tensors, need, picture


class Reshape(Op, frozen=True, forbid_unknown_fields=True):
    """The same numbers in another shape; one side may be −1, all that is left."""

    sides: Annotated[tuple[int, ...], Meta(min_length=1, max_length=MAX_RANK)]

    def shape(self, inputs: Sequence[Shape], of: Tensors) -> Shape:
        """The sides, −1 filled in."""
        size, known = math.prod(inputs[0]), math.prod(n for n in self.sides if n != -1)
        need(
            self.sides.count(-1) <= 1 and all(n == -1 or n >= 1 for n in self.sides),
            f"{list(self.sides)} is no shape",
        )
        need(
            size % known == 0 and (-1 in self.sides or size == known),
            f"{size} numbers do not go into the shape {list(self.sides)}",
        )
        return tuple(size // known if n == -1 else n for n in self.sides)

    def run(self, inputs: Sequence[Tensor], of: Tensors) -> Tensor:
        """As Tensor.reshape."""
        return inputs[0].reshape(len(inputs[0]), *self.sides)


class Permute(Op, frozen=True, forbid_unknown_fields=True):
    """Axes in another order, counted from 0 without the batch."""

    order: Annotated[tuple[Axis, ...], Meta(min_length=1, max_length=MAX_RANK)]

    def shape(self, inputs: Sequence[Shape], of: Tensors) -> Shape:
        """The sides in that order."""
        (shape,) = inputs
        need(
            sorted(self.order) == list(range(len(shape))),
            f"{list(self.order)} is no order of the axes of {list(shape)}",
        )
        return tuple(shape[axis] for axis in self.order)

    def run(self, inputs: Sequence[Tensor], of: Tensors) -> Tensor:
        """As Tensor.permute."""
        return inputs[0].permute(0, *(axis + 1 for axis in self.order))


class Slice(Op, frozen=True, forbid_unknown_fields=True):
    """A part along an axis, from `start` to before `stop`."""

    axis: Axis
    start: Annotated[int, Meta(ge=0)]
    stop: Count

    def shape(self, inputs: Sequence[Shape], of: Tensors) -> Shape:
        """As the input's, with that side shorter."""
        (shape,) = inputs
        need(
            self.axis < len(shape) and self.start < self.stop <= shape[self.axis],
            f"there is no part {self.start}…{self.stop} along axis {self.axis} of {list(shape)}",
        )
        return *shape[: self.axis], self.stop - self.start, *shape[self.axis + 1 :]

    def run(self, inputs: Sequence[Tensor], of: Tensors) -> Tensor:
        """As Tensor.narrow."""
        return inputs[0].narrow(self.axis + 1, self.start, self.stop - self.start)


class Concat(Op, frozen=True, forbid_unknown_fields=True):
    """Inputs one behind the other along an axis."""

    arity = (1, 64)
    axis: Axis = 0

    def shape(self, inputs: Sequence[Shape], of: Tensors) -> Shape:
        """As the first input's, with that side the sum of all."""
        first, axis = inputs[0], self.axis
        for shape in inputs:
            fits = len(shape) == len(first) > axis and all(
                n == m or k == axis for k, (n, m) in enumerate(zip(shape, first, strict=True))
            )
            need(fits, f"{list(shape)} does not go behind {list(first)} along axis {axis}")
        return *first[:axis], sum(shape[axis] for shape in inputs), *first[axis + 1 :]

    def run(self, inputs: Sequence[Tensor], of: Tensors) -> Tensor:
        """As torch.cat."""
        return torch.cat(list(inputs), self.axis + 1)


class Append(Op, frozen=True, forbid_unknown_fields=True):
    """The numbers of a tensor put behind a vector."""

    tensors = ("bias",)
    bias: Name

    def shape(self, inputs: Sequence[Shape], of: Tensors) -> Shape:
        """(n + count,)."""
        need(len(inputs[0]) == 1, f"it takes a vector, and its input is {list(inputs[0])}")
        need(of[self.bias].ndim == 1, f"{self.bias!r} is no vector")
        return (inputs[0][0] + len(of[self.bias]),)

    def run(self, inputs: Sequence[Tensor], of: Tensors) -> Tensor:
        """Each row with the numbers behind it."""
        (x,) = inputs
        return torch.cat([x, of[self.bias].to(x.dtype).expand(len(x), -1)], 1)


class Pad(Op, frozen=True, forbid_unknown_fields=True):
    """A picture with a margin: `sides` are left, right, top, bottom, as torch counts them."""

    sides: tuple[Margin, Margin, Margin, Margin]
    mode: Literal["zero", "replicate", "reflect"] = "zero"

    def shape(self, inputs: Sequence[Shape], of: Tensors) -> Shape:
        """(channels, height + top + bottom, width + left + right)."""
        channels, height, width = picture(inputs[0])
        left, right, top, bottom = self.sides
        if self.mode == "reflect":
            need(
                max(left, right) < width and max(top, bottom) < height,
                "a reflected margin is smaller than the picture, and this one is not",
            )
        return channels, height + top + bottom, width + left + right

    def run(self, inputs: Sequence[Tensor], of: Tensors) -> Tensor:
        """As torch.nn.functional.pad."""
        return F.pad(inputs[0], self.sides, "constant" if self.mode == "zero" else self.mode)


class Upsample(Op, frozen=True, forbid_unknown_fields=True):
    """A picture brought to `size` (height, width), by nearest or by bilinear interpolation."""

    size: tuple[Count, Count]
    mode: Literal["nearest", "bilinear"] = "nearest"
    align_corners: bool = False

    def shape(self, inputs: Sequence[Shape], of: Tensors) -> Shape:
        """(channels, *size)."""
        need(
            self.mode == "bilinear" or not self.align_corners,
            "nearest does not align corners",
        )
        return picture(inputs[0])[0], *self.size

    def run(self, inputs: Sequence[Tensor], of: Tensors) -> Tensor:
        """As torch.nn.functional.interpolate."""
        corners = self.align_corners if self.mode == "bilinear" else None
        return F.interpolate(inputs[0], self.size, mode=self.mode, align_corners=corners)


class OneHot(Op, frozen=True, forbid_unknown_fields=True):
    """Rows of zeros with a one at each number of a vector, (n,) → (n, classes); a number that names
    no class gets zeros alone."""

    classes: Annotated[int, Meta(ge=1, le=65536)]

    def shape(self, inputs: Sequence[Shape], of: Tensors) -> Shape:
        """(n, classes)."""
        need(len(inputs[0]) == 1, f"it takes a vector, and its input is {list(inputs[0])}")
        return inputs[0][0], self.classes

    def run(self, inputs: Sequence[Tensor], of: Tensors) -> Tensor:
        """1 where the number, rounded down from its half, is the class's."""
        x = torch.floor(inputs[0] + 0.5)
        return (x[..., None] == torch.arange(self.classes, device=x.device)).to(inputs[0].dtype)
