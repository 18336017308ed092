"""Rows of operators of each number for itself, and of arithmetic."""

import math
from typing import Any

import torch
from torch import Tensor

from training.importing.lowered import Dims, Lowered, Value, program_shape, row

FAR = 1e30  # a bound that no number reaches


def like(g: Lowered, x: Value, op: str, *others: Value, **attributes: Any) -> Value:
    """What an op makes of values of one shape, in that shape."""
    return Value(g.add(op, x.name, *(o.name for o in others), **attributes), x.shape)


def scaled(g: Lowered, x: Value, factor: float, shift: float = 0.0) -> Value:
    """factor · x + shift."""
    if shift == 0:
        return x if factor == 1 else like(g, x, "scale", factor=float(factor))
    sides = g.dims(x.name)
    picture = sides if len(sides) in (1, 3) else (1, 1, x.size)
    ones = torch.ones(picture[0], dtype=torch.float64)
    name = g.reshaped(x.name, picture)
    name = g.add("affine", name, weight=ones * factor, bias=ones * shift)
    return g.put(name, x.shape)


def _aligned(g: Lowered, x: Value, shape: Dims) -> str:
    """Name of a value with as many axes as the program's value of a broadcast shape has."""
    wide = (*(1 for _ in range(len(shape) - len(x.shape))), *x.shape)
    rank = len(program_shape(shape))
    return g.reshaped(x.name, wide[len(wide) - rank :] or (1,))


def _wide(g: Lowered, op: str, x: Value, y: Value) -> Value:
    """Sum or product of two values, one spread over the other."""
    shape = tuple(torch.broadcast_shapes(x.shape, y.shape))
    return g.put(g.add(op, _aligned(g, x, shape), _aligned(g, y, shape)), shape)


def affine(g: Lowered, x: Value, weight: Tensor, bias: Tensor) -> Value:
    """x · weight + bias with constants that x is spread over, or that are spread over x."""
    weight, bias = torch.broadcast_tensors(weight.double(), bias.double())
    if weight.numel() and weight.min() == weight.max() and bias.min() == bias.max():
        shape = torch.broadcast_shapes(x.shape, weight.shape)
        if tuple(shape) == x.shape:
            return scaled(g, x, float(weight.flatten()[0]), float(bias.flatten()[0]))
    shape = tuple(torch.broadcast_shapes(x.shape, weight.shape))
    if shape != x.shape:
        if not bias.any():
            return _wide(g, "multiply", x, g.value(weight))
        x = x if (weight == 1).all() else _wide(g, "multiply", x, g.value(weight))
        return _wide(g, "add", x, g.value(bias))
    weight, bias = (t.expand(shape).reshape(program_shape(shape)) for t in (weight, bias))
    sides = g.dims(x.name)
    if len(sides) == 3 and _of_channels(weight) and _of_channels(bias):
        weight, bias = weight[:, 0, 0], bias[:, 0, 0]
        name = x.name
    else:
        name = g.reshaped(x.name, (x.size,))
        weight, bias = weight.flatten(), bias.flatten()
    more = {"bias": bias.clone()} if bias.any() else {}
    return g.put(g.add("affine", name, weight=weight.clone(), **more), shape)


def _of_channels(t: Tensor) -> bool:
    return bool((t == t[:, :1, :1]).all())


@row("add.Tensor", "add.Scalar", "add_.Tensor")
def add(g: Lowered, x: Any, y: Any, alpha: float = 1) -> Value:
    """x + alpha · y."""
    if not isinstance(x, Value):
        return affine(g, y, torch.tensor(float(alpha)), torch.as_tensor(x))
    if not isinstance(y, Value):
        return affine(g, x, torch.tensor(1.0), torch.as_tensor(y) * alpha)
    y = scaled(g, y, alpha)
    return like(g, x, "add", y) if x.shape == y.shape else _wide(g, "add", x, y)


@row("sub.Tensor", "sub.Scalar")
def _sub(g: Lowered, x: Any, y: Any, alpha: float = 1) -> Value:
    return add(g, x, y, -alpha)


@row("rsub.Scalar", "rsub.Tensor")
def _rsub(g: Lowered, x: Any, y: Any, alpha: float = 1) -> Value:
    return add(g, y, x, -alpha)


@row("mul.Tensor", "mul.Scalar")
def multiply(g: Lowered, x: Any, y: Any) -> Value:
    """x · y."""
    if not isinstance(x, Value):
        x, y = y, x
    if not isinstance(y, Value):
        return affine(g, x, torch.as_tensor(y), torch.tensor(0.0))
    if x == y:
        return power(g, x, 2.0)
    return like(g, x, "multiply", y) if x.shape == y.shape else _wide(g, "multiply", x, y)


@row("div.Tensor", "div.Scalar")
def _div(g: Lowered, x: Any, y: Any) -> Value:
    inverse = power(g, y, -1.0) if isinstance(y, Value) else 1 / torch.as_tensor(y).double()
    return multiply(g, x, inverse)


@row("neg.default")
def _neg(g: Lowered, x: Value) -> Value:
    return scaled(g, x, -1.0)


@row("pow.Tensor_Scalar")
def power(g: Lowered, x: Value, exponent: float) -> Value:
    """x to a constant power."""
    return x if exponent == 1 else like(g, x, "power", exponent=float(exponent))


for _name, _exponent in (("sqrt", 0.5), ("rsqrt", -0.5), ("reciprocal", -1.0), ("square", 2.0)):
    row(f"{_name}.default")(lambda g, x, exponent=_exponent: power(g, x, exponent))


@row("pow.Scalar")
def _exponential(g: Lowered, base: float, x: Value) -> Value:
    g.need(base > 0, "A power of a negative number has no op")
    return like(g, scaled(g, x, math.log(base)), "exp")


for _name in ("relu", "silu", "tanh", "sigmoid", "exp", "log", "sin", "abs"):
    row(f"{_name}.default")(lambda g, x, op=_name: like(g, x, op))


@row("cos.default")
def _cos(g: Lowered, x: Value) -> Value:
    return like(g, scaled(g, x, 1.0, math.pi / 2), "sin")


@row("expm1.default")
def _expm1(g: Lowered, x: Value) -> Value:
    return scaled(g, like(g, x, "exp"), 1.0, -1.0)


@row("log1p.default")
def _log1p(g: Lowered, x: Value) -> Value:
    return like(g, scaled(g, x, 1.0, 1.0), "log")


@row("leaky_relu.default")
def _leaky_relu(g: Lowered, x: Value, slope: float = 0.01) -> Value:
    return like(g, x, "leaky_relu", slope=float(slope))


@row("prelu.default", "_prelu_kernel.default")
def _prelu(g: Lowered, x: Value, weight: Any) -> Value:
    slope = g.constant(weight, "The slope")
    if slope.numel() == 1:
        return like(g, x, "leaky_relu", slope=float(slope.flatten()[0]))
    sides = [1] * len(x.shape)
    sides[1 if len(x.shape) > 1 else 0] = -1
    below = like(g, scaled(g, x, -1.0), "relu")
    return add(g, like(g, x, "relu"), multiply(g, below, -slope.reshape(sides)))


@row("elu.default")
def _elu(g: Lowered, x: Value, alpha: float = 1, scale: float = 1, input_scale: float = 1) -> Value:
    g.need(input_scale == 1, "An ELU whose input is scaled below 0 alone has no op")
    return scaled(g, like(g, x, "elu", alpha=float(alpha)), scale)


@row("selu.default")
def _selu(g: Lowered, x: Value) -> Value:
    return _elu(g, x, 1.6732632423543772, 1.0507009873554805)


@row("celu.default")
def _celu(g: Lowered, x: Value, alpha: float = 1) -> Value:
    return scaled(g, like(g, scaled(g, x, 1 / alpha), "elu", alpha=1.0), alpha)


@row("gelu.default")
def _gelu(g: Lowered, x: Value, approximate: str = "none") -> Value:
    return like(g, x, "gelu", approximate=approximate)


@row("softplus.default")
def _softplus(g: Lowered, x: Value, beta: float = 1, threshold: float = 20) -> Value:
    return like(g, x, "softplus", beta=float(beta), threshold=float(threshold))


@row("log_sigmoid.default")
def _log_sigmoid(g: Lowered, x: Value) -> Value:
    return scaled(g, like(g, scaled(g, x, -1.0), "softplus"), -1.0)


@row("mish.default")
def _mish(g: Lowered, x: Value) -> Value:
    return multiply(g, x, like(g, like(g, x, "softplus"), "tanh"))


@row("hardsigmoid.default")
def _hardsigmoid(g: Lowered, x: Value) -> Value:
    return clamp(g, scaled(g, x, 1 / 6, 0.5), 0, 1)


@row("hardswish.default")
def _hardswish(g: Lowered, x: Value) -> Value:
    return multiply(g, x, _hardsigmoid(g, x))


@row("relu6.default")
def _relu6(g: Lowered, x: Value) -> Value:
    return clamp(g, x, 0, 6)


@row("glu.default")
def _glu(g: Lowered, x: Value, dim: int = -1) -> Value:
    axis = g.axis(x, dim)
    half = x.shape[axis] // 2
    gate = like(g, g.part(x, axis, half, 2 * half), "sigmoid")
    return multiply(g, g.part(x, axis, 0, half), gate)


@row("clamp.default", "hardtanh.default")
def clamp(g: Lowered, x: Value, low: float | None = -1, high: float | None = 1) -> Value:
    """x held between two constants."""
    low, high = (-FAR if low is None else low), (FAR if high is None else high)
    if low == 0 and high == FAR:
        return like(g, x, "relu")
    return like(g, x, "clamp", low=float(low), high=float(high))


@row("clamp.Tensor")
def _clamp_tensor(g: Lowered, x: Value, low: Any = None, high: Any = None) -> Value:
    bounds = [None if b is None else _number(g, b) for b in (low, high)]
    return clamp(g, x, *bounds)


def _number(g: Lowered, bound: Any) -> float:
    found = g.constant(bound, "A bound")
    g.need(found.numel() == 1, "A bound for each number has no op")
    return float(found.flatten()[0])


@row("clamp_min.default", "clamp_min.Tensor", "maximum.default", "max.other")
def _least(g: Lowered, x: Any, low: Any) -> Value:
    x, low = (x, low) if isinstance(x, Value) else (low, x)
    return clamp(g, x, _number(g, low), None)


@row("clamp_max.default", "clamp_max.Tensor", "minimum.default", "min.other")
def _most(g: Lowered, x: Any, high: Any) -> Value:
    x, high = (x, high) if isinstance(x, Value) else (high, x)
    return clamp(g, x, None, _number(g, high))


@row("threshold.default")
def _threshold(g: Lowered, x: Value, threshold: float, value: float) -> Value:
    g.need(threshold == 0 and value == 0, "A threshold other than 0 has no op")
    return like(g, x, "relu")


@row("addcmul.default")
def _addcmul(g: Lowered, x: Any, y: Any, z: Any, value: float = 1) -> Value:
    return add(g, x, multiply(g, y, z), value)


@row("lerp.Scalar")
def _lerp(g: Lowered, x: Any, y: Any, weight: float) -> Value:
    return add(g, multiply(g, x, 1 - weight), y, weight)


@row("clone.default", "contiguous.default", "detach.default", "alias.default")
def _same(g: Lowered, x: Value, **options: Any) -> Value:
    return x


@row("lift_fresh_copy.default", "detach_.default", "positive.default")
def _same_too(g: Lowered, x: Value) -> Value:
    return x


@row("_to_copy.default", "to.dtype", "to.device")
def _to(g: Lowered, x: Value, dtype: Any = None, **options: Any) -> Value:
    assert g.node is not None
    source = g.node.all_input_nodes[0].meta["val"].dtype
    dtype = dtype if isinstance(dtype, torch.dtype) else source
    rounds = source.is_floating_point and not dtype.is_floating_point
    g.need(not rounds, "Rounding to whole numbers has no op")
    return x


@row("dropout.default", "feature_dropout.default", "alpha_dropout.default")
@row("feature_alpha_dropout.default")
def _dropout(g: Lowered, x: Value, p: float, train: bool) -> Value:
    told = "call .eval() on the network, or give F.dropout training=self.training"
    g.need(not train or p == 0, f"A dropout is left in training; {told}")
    return x


@row("native_dropout.default")
def _native_dropout(g: Lowered, x: Value, p: float, train: bool | None) -> Any:
    return _dropout(g, x, p, bool(train)), None


@row("zeros_like.default", "new_zeros.default")
def _zeros(g: Lowered, *args: Any, **options: Any) -> Tensor:
    return torch.zeros(g.result_shape())


@row("ones_like.default", "new_ones.default")
def _ones(g: Lowered, *args: Any, **options: Any) -> Tensor:
    return torch.ones(g.result_shape())


@row("full_like.default", "new_full.default")
def _full(g: Lowered, *args: Any, **options: Any) -> Tensor:
    return torch.full(g.result_shape(), float(args[-1]))
