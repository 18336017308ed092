"""Ops of each number for itself: activations and the like."""

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from training.vae.op import Finite, Op, Positive, Shape, Tensors, need


class Pointwise(Op, frozen=True, forbid_unknown_fields=True):
    """A function of each number."""

    def shape(self, inputs: Sequence[Shape], of: Tensors) -> Shape:
        """The input's."""
        return inputs[0]

    def run(self, inputs: Sequence[Tensor], of: Tensors) -> Tensor:
        """The function's values."""
        return self.function(inputs[0])

    def function(self, x: Tensor) -> Tensor:
        """The function."""
        raise NotImplementedError


class Relu(Pointwise, frozen=True, forbid_unknown_fields=True):
    """max(x, 0)."""

    def function(self, x: Tensor) -> Tensor:
        """As torch.relu."""
        return F.relu(x)


class LeakyRelu(Pointwise, frozen=True, forbid_unknown_fields=True):
    """x, and slope · x below 0."""

    slope: Finite = 0.01

    def function(self, x: Tensor) -> Tensor:
        """As torch.nn.functional.leaky_relu."""
        return F.leaky_relu(x, self.slope)


class Elu(Pointwise, frozen=True, forbid_unknown_fields=True):
    """x, and alpha · (exp(x) − 1) below 0."""

    alpha: Finite = 1.0

    def function(self, x: Tensor) -> Tensor:
        """As torch.nn.functional.elu."""
        return F.elu(x, self.alpha)


class Silu(Pointwise, frozen=True, forbid_unknown_fields=True):
    """x · sigmoid(x)."""

    def function(self, x: Tensor) -> Tensor:
        """As torch.nn.functional.silu."""
        return F.silu(x)


class Gelu(Pointwise, frozen=True, forbid_unknown_fields=True):
    """x · Φ(x), or its approximation by tanh."""

    approximate: Literal["none", "tanh"] = "none"

    def function(self, x: Tensor) -> Tensor:
        """As torch.nn.functional.gelu."""
        return F.gelu(x, approximate=self.approximate)


class Tanh(Pointwise, frozen=True, forbid_unknown_fields=True):
    """The hyperbolic tangent."""

    def function(self, x: Tensor) -> Tensor:
        """As torch.tanh."""
        return torch.tanh(x)


class Sigmoid(Pointwise, frozen=True, forbid_unknown_fields=True):
    """1 / (1 + exp(−x))."""

    def function(self, x: Tensor) -> Tensor:
        """As torch.sigmoid."""
        return torch.sigmoid(x)


class Softplus(Pointwise, frozen=True, forbid_unknown_fields=True):
    """log(1 + exp(beta · x)) / beta, and x where beta · x is above `threshold`."""

    beta: Positive = 1.0
    threshold: Positive = 20.0

    def function(self, x: Tensor) -> Tensor:
        """As torch.nn.functional.softplus."""
        return F.softplus(x, self.beta, self.threshold)


class Exp(Pointwise, frozen=True, forbid_unknown_fields=True):
    """exp(x)."""

    def function(self, x: Tensor) -> Tensor:
        """As torch.exp."""
        return torch.exp(x)


class Clamp(Pointwise, frozen=True, forbid_unknown_fields=True):
    """x held between `low` and `high`."""

    low: Finite
    high: Finite

    def shape(self, inputs: Sequence[Shape], of: Tensors) -> Shape:
        """The input's."""
        need(self.low <= self.high, f"low is {self.low:g}, above high, {self.high:g}")
        return inputs[0]

    def function(self, x: Tensor) -> Tensor:
        """As torch.clamp."""
        return x.clamp(self.low, self.high)


class Scale(Pointwise, frozen=True, forbid_unknown_fields=True):
    """x · factor."""

    factor: Finite

    def function(self, x: Tensor) -> Tensor:
        """The product."""
        return x * self.factor


class Log(Pointwise, frozen=True, forbid_unknown_fields=True):
    """The natural logarithm."""

    def function(self, x: Tensor) -> Tensor:
        """As torch.log."""
        return torch.log(x)


class Power(Pointwise, frozen=True, forbid_unknown_fields=True):
    """x to the power of `exponent`."""

    exponent: Finite

    def function(self, x: Tensor) -> Tensor:
        """As torch.pow."""
        return torch.pow(x, self.exponent)


class Sin(Pointwise, frozen=True, forbid_unknown_fields=True):
    """The sine."""

    def function(self, x: Tensor) -> Tensor:
        """As torch.sin."""
        return torch.sin(x)


class Abs(Pointwise, frozen=True, forbid_unknown_fields=True):
    """The absolute value."""

    def function(self, x: Tensor) -> Tensor:
        """As torch.abs."""
        return torch.abs(x)
