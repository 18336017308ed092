"""Ops that weigh and sum: linear layers, convolutions, norms, pools."""

import math
from collections.abc import Sequence
from typing import Annotated

import torch
import torch.nn.functional as F
from msgspec import Meta
from torch import Tensor

from training.vae.op import (
    Axis,
    Count,
    Margins,
    Name,
    Op,
    Shape,
    Step,
    Steps,
    Tensors,
    channels_of,
    need,
    picture,
)


class Linear(Op, frozen=True, forbid_unknown_fields=True):
    """W·x + b of a vector (n,), or of each row of a matrix (rows, n); `weight` (m, n)."""

    tensors = ("weight", "bias")
    weight: Name
    bias: Name | None = None

    def shape(self, inputs: Sequence[Shape], of: Tensors) -> Shape:
        """(m,), or (rows, m)."""
        (shape,) = inputs
        need(of[self.weight].ndim == 2, "its weight is no matrix")
        m, n = of[self.weight].shape
        need(
            len(shape) in (1, 2) and shape[-1] == n,
            f"its weight takes {n} numbers, and its input has the shape {list(shape)}",
        )
        self.optional(self.bias, of, m)
        return (*shape[:-1], m)

    def run(self, inputs: Sequence[Tensor], of: Tensors) -> Tensor:
        """As torch.nn.functional.linear."""
        return F.linear(inputs[0], of[self.weight], of[self.bias] if self.bias else None)

    def products(self, inputs: Sequence[Shape], of: Tensors) -> int:
        """Those of the matrix, for each row."""
        return of[self.weight].numel() * math.prod(inputs[0][:-1])


class _Convolution(Op, frozen=True, forbid_unknown_fields=True):
    tensors = ("weight", "bias")
    weight: Name
    bias: Name | None = None
    stride: Steps = (1, 1)
    padding: Margins = (0, 0)
    dilation: Steps = (1, 1)
    groups: Step = 1

    def _kernel(self, channels: int, own: int, of: Tensors) -> tuple[int, int]:
        """The kernel's size; ValueError unless axis `own` of the weight is for so many channels."""
        need(of[self.weight].ndim == 4, "its weight has no four dimensions")
        size = list(of[self.weight].shape)
        taken = size[1] * self.groups if own == 1 else size[0]
        need(taken == channels, f"its weight takes {taken} channels, and its input has {channels}")
        need(size[0] % self.groups == 0, f"its channels do not part into {self.groups} groups")
        return size[2], size[3]


class Conv(_Convolution, frozen=True, forbid_unknown_fields=True):
    """Convolution of a picture; `weight` (out, in / groups, kernel height, width)."""

    def shape(self, inputs: Sequence[Shape], of: Tensors) -> Shape:
        """(out, height, width)."""
        channels, *sides = picture(inputs[0])
        kernel = self._kernel(channels, 1, of)
        out = of[self.weight].shape[0]
        self.optional(self.bias, of, out)
        return out, *(
            (n + 2 * p - d * (k - 1) - 1) // s + 1
            for n, k, s, p, d in zip(
                sides, kernel, self.stride, self.padding, self.dilation, strict=True
            )
        )

    def run(self, inputs: Sequence[Tensor], of: Tensors) -> Tensor:
        """As torch.nn.functional.conv2d."""
        bias = of[self.bias] if self.bias else None
        rest = self.stride, self.padding, self.dilation, self.groups
        return F.conv2d(inputs[0], of[self.weight], bias, *rest)

    def products(self, inputs: Sequence[Shape], of: Tensors) -> int:
        """Those of the kernel, at each place of the output."""
        return of[self.weight].numel() * math.prod(self.shape(inputs, of)[1:])


class ConvTranspose(_Convolution, frozen=True, forbid_unknown_fields=True):
    """Transposed convolution of a picture; `weight` (in, out / groups, kernel height, width)."""

    output_padding: Margins = (0, 0)

    def shape(self, inputs: Sequence[Shape], of: Tensors) -> Shape:
        """(out, height, width)."""
        channels, *sides = picture(inputs[0])
        kernel = self._kernel(channels, 0, of)
        out = of[self.weight].shape[1] * self.groups
        self.optional(self.bias, of, out)
        for extra, s, d in zip(self.output_padding, self.stride, self.dilation, strict=True):
            need(extra < max(s, d), f"its output padding {extra} is not below stride or dilation")
        return out, *(
            (n - 1) * s - 2 * p + d * (k - 1) + 1 + extra
            for n, k, s, p, d, extra in zip(
                *(sides, kernel, self.stride, self.padding, self.dilation),
                self.output_padding,
                strict=True,
            )
        )

    def run(self, inputs: Sequence[Tensor], of: Tensors) -> Tensor:
        """As torch.nn.functional.conv_transpose2d."""
        bias = of[self.bias] if self.bias else None
        rest = self.stride, self.padding, self.output_padding, self.groups, self.dilation
        return F.conv_transpose2d(inputs[0], of[self.weight], bias, *rest)

    def products(self, inputs: Sequence[Shape], of: Tensors) -> int:
        """Those of the kernel, at each place of the input."""
        return of[self.weight].numel() * math.prod(inputs[0][1:])


class Affine(Op, frozen=True, forbid_unknown_fields=True):
    """x · weight + bias in each channel of a picture, or each number of a vector."""

    tensors = ("weight", "bias")
    weight: Name
    bias: Name | None = None

    def shape(self, inputs: Sequence[Shape], of: Tensors) -> Shape:
        """The input's."""
        channels = channels_of(inputs[0])
        self.optional(self.weight, of, channels)
        self.optional(self.bias, of, channels)
        return inputs[0]

    def run(self, inputs: Sequence[Tensor], of: Tensors) -> Tensor:
        """Scaled and shifted."""
        (x,) = inputs
        sides = (-1, *(1 for _ in x.shape[2:]))
        scaled = x * of[self.weight].reshape(sides)
        return scaled + of[self.bias].reshape(sides) if self.bias else scaled


class GroupNorm(Op, frozen=True, forbid_unknown_fields=True):
    """Group normalisation (Wu & He 2018), then weight and bias of each channel."""

    tensors = ("weight", "bias")
    groups: Count
    weight: Name | None = None
    bias: Name | None = None
    eps: Annotated[float, Meta(gt=0, le=1)] = 1e-5

    def shape(self, inputs: Sequence[Shape], of: Tensors) -> Shape:
        """The input's."""
        channels = channels_of(inputs[0])
        need(
            channels % self.groups == 0,
            f"{channels} channels do not part into {self.groups} groups",
        )
        self.optional(self.weight, of, channels)
        self.optional(self.bias, of, channels)
        return inputs[0]

    def run(self, inputs: Sequence[Tensor], of: Tensors) -> Tensor:
        """As torch.nn.functional.group_norm, of a batch of one with one number a group too."""
        (x,) = inputs
        grouped = x.reshape(len(x), self.groups, -1)
        variance, mean = torch.var_mean(grouped, -1, correction=0, keepdim=True)
        scaled = ((grouped - mean) * torch.rsqrt(variance + self.eps)).reshape(x.shape)
        sides = (-1, *(1 for _ in x.shape[2:]))
        if self.weight:
            scaled = scaled * of[self.weight].reshape(sides)
        return scaled + of[self.bias].reshape(sides) if self.bias else scaled


class _Pool(Op, frozen=True, forbid_unknown_fields=True):
    kernel: Steps
    stride: Steps
    padding: Margins = (0, 0)

    def shape(self, inputs: Sequence[Shape], of: Tensors) -> Shape:
        """(channels, height, width)."""
        channels, *sides = picture(inputs[0])
        for k, p in zip(self.kernel, self.padding, strict=True):
            need(2 * p <= k, f"the padding {p} is more than half of the kernel's {k}")
        return channels, *(
            (n + 2 * p - k) // s + 1
            for n, k, s, p in zip(sides, self.kernel, self.stride, self.padding, strict=True)
        )


class MaxPool(_Pool, frozen=True, forbid_unknown_fields=True):
    """The largest number of each window."""

    def run(self, inputs: Sequence[Tensor], of: Tensors) -> Tensor:
        """As torch.nn.functional.max_pool2d."""
        return F.max_pool2d(inputs[0], self.kernel, self.stride, self.padding)


class AvgPool(_Pool, frozen=True, forbid_unknown_fields=True):
    """The mean of each window; `count_padding` says whether the margin counts, as zeros."""

    count_padding: bool = True

    def run(self, inputs: Sequence[Tensor], of: Tensors) -> Tensor:
        """As torch.nn.functional.avg_pool2d."""
        return F.avg_pool2d(
            *(inputs[0], self.kernel, self.stride, self.padding),
            count_include_pad=self.count_padding,
        )


class Softmax(Op, frozen=True, forbid_unknown_fields=True):
    """exp(x) / Σ exp(x) along an axis."""

    axis: Axis = 0

    def shape(self, inputs: Sequence[Shape], of: Tensors) -> Shape:
        """The input's."""
        need(self.axis < len(inputs[0]), f"{list(inputs[0])} has no axis {self.axis}")
        return inputs[0]

    def run(self, inputs: Sequence[Tensor], of: Tensors) -> Tensor:
        """As Tensor.softmax."""
        return inputs[0].softmax(self.axis + 1)
