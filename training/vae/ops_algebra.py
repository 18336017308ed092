"""Ops between values: sums, products, means, and values that are the same for all inputs."""

import math
from collections.abc import Sequence
from functools import reduce
from typing import Annotated

from msgspec import Meta
from torch import Tensor

from training.vae.op import MAX_RANK, Axis, Name, Op, Shape, Tensors, need


class _Elementwise(Op, frozen=True, forbid_unknown_fields=True):
    arity = (2, 64)

    def shape(self, inputs: Sequence[Shape], of: Tensors) -> Shape:
        """The inputs', of equal rank; a side of 1 counts for all along it."""
        whole = inputs[0]
        for shape in inputs[1:]:
            fits = len(shape) == len(whole) and all(
                n == m or 1 in (n, m) for n, m in zip(shape, whole, strict=True)
            )
            need(fits, f"{list(shape)} does not go with {list(whole)}")
            whole = tuple(map(max, shape, whole))
        return whole


class Add(_Elementwise, frozen=True, forbid_unknown_fields=True):
    """Sum of values of equal rank; a side of 1 counts for all along it."""

    def run(self, inputs: Sequence[Tensor], of: Tensors) -> Tensor:
        """Their sum."""
        return sum(inputs[1:], inputs[0])


class Multiply(_Elementwise, frozen=True, forbid_unknown_fields=True):
    """Product, number by number, of values of equal rank; a side of 1 counts for all along it."""

    def run(self, inputs: Sequence[Tensor], of: Tensors) -> Tensor:
        """Their product."""
        return reduce(lambda a, b: a * b, inputs)


class MatMul(Op, frozen=True, forbid_unknown_fields=True):
    """Products of matrices (…, m, k) and (…, k, n), or (…, n, k) where the second is transposed;
    two to four axes, the leading ones the same."""

    arity = (2, 2)
    transpose: bool = False

    def shape(self, inputs: Sequence[Shape], of: Tensors) -> Shape:
        """(…, m, n)."""
        first, second = inputs
        need(
            2 <= len(first) == len(second) <= 4 and first[:-2] == second[:-2],
            f"{list(first)} and {list(second)} are no matrices of as many",
        )
        k, n = second[-2:] if not self.transpose else second[:-3:-1]
        need(first[-1] == k, f"{list(first)} takes {first[-1]} rows, and {list(second)} has {k}")
        return *first[:-1], n

    def run(self, inputs: Sequence[Tensor], of: Tensors) -> Tensor:
        """As torch.matmul."""
        first, second = inputs
        return first @ (second.transpose(-1, -2) if self.transpose else second)

    def products(self, inputs: Sequence[Shape], of: Tensors) -> int:
        """m · k · n, for each pair of matrices."""
        return math.prod(inputs[0]) * self.shape(inputs, of)[-1]


class Mean(Op, frozen=True, forbid_unknown_fields=True):
    """The mean along some axes, which stay, with a side of 1."""

    axes: Annotated[tuple[Axis, ...], Meta(min_length=1, max_length=MAX_RANK)]

    def shape(self, inputs: Sequence[Shape], of: Tensors) -> Shape:
        """The input's, with 1 for those sides."""
        (shape,) = inputs
        fits = max(self.axes) < len(shape) and len(set(self.axes)) == len(self.axes)
        need(fits, f"{list(self.axes)} are no axes of {list(shape)}")
        return tuple(1 if axis in self.axes else n for axis, n in enumerate(shape))

    def run(self, inputs: Sequence[Tensor], of: Tensors) -> Tensor:
        """As Tensor.mean."""
        return inputs[0].mean([axis + 1 for axis in self.axes], keepdim=True)


class Constant(Op, frozen=True, forbid_unknown_fields=True):
    """A tensor's numbers, for every input the same."""

    tensors = ("value",)
    arity = (0, 0)
    value: Name

    def shape(self, inputs: Sequence[Shape], of: Tensors) -> Shape:
        """The tensor's."""
        need(of[self.value].ndim >= 1, f"{self.value!r} has no axis")
        return tuple(of[self.value].shape)

    def run(self, inputs: Sequence[Tensor], of: Tensors) -> Tensor:
        """(1, …): whoever runs it repeats it for a batch."""
        return of[self.value][None]
