"""Rows of norms, means and other sums along axes."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from training.importing.aten_pointwise import add, affine, clamp, like, multiply, power, scaled
from training.importing.lowered import Lowered, Value, row

_TRAINING = "A batch norm is left in training; call .eval() on the network"


def _numbers(t: Any) -> Tensor | None:
    return None if t is None else torch.as_tensor(t).double()


def _batch_norm(
    g: Lowered, x: Value, weight: Any, bias: Any, mean: Any, variance: Any, eps: float
) -> Value:
    """The norm of evaluation: a weight and a bias of each channel."""
    g.need(mean is not None and variance is not None, _TRAINING)
    factor = torch.rsqrt(g.constant(variance, "A variance").double() + eps)
    shift = -g.constant(mean, "A mean").double() * factor
    if weight is not None:
        factor, shift = factor * weight.double(), shift * weight.double()
    if bias is not None:
        shift = shift + bias.double()
    sides = [-1, *(1 for _ in x.shape[2:])]
    return affine(g, x, factor.reshape(sides), shift.reshape(sides))


@row("batch_norm.default")
def _batch_norm_flag(
    g: Lowered, x: Value, w: Any, b: Any, mean: Any, var: Any, training: bool, *rest: Any
) -> Value:
    g.need(not training, _TRAINING)
    return _batch_norm(g, x, w, b, mean, var, rest[1])


@row("_native_batch_norm_legit_no_training.default")
def _batch_norm_evaluated(
    g: Lowered, x: Value, w: Any, b: Any, mean: Any, var: Any, momentum: float, eps: float
) -> Any:
    shape = g.result_shape(0)
    assert shape == x.shape
    return _batch_norm(g, x, w, b, mean, var, eps), None, None


@row("_native_batch_norm_legit_functional.default", "_native_batch_norm_legit.default")
@row("_native_batch_norm_legit.no_stats", "native_batch_norm.default")
def _batch_norm_trained(g: Lowered, x: Value, *rest: Any) -> Any:
    raise g.refuse(_TRAINING)


def grouped(g: Lowered, x: Value, groups: int, weight: Any, bias: Any, eps: float) -> Value:
    """Group norm of a value in the program's shape, (channels, …), with numbers of each channel."""
    sides = g.dims(x.name)
    wide = sides if len(sides) in (1, 3) else (sides[0], 1, x.size // sides[0])
    name = g.reshaped(x.name, wide)
    more = {k: _numbers(t) for k, t in (("weight", weight), ("bias", bias)) if t is not None}
    name = g.add("group_norm", name, groups=groups, eps=float(eps), **more)
    return g.put(name, x.shape)


@row("group_norm.default")
def _group_norm(
    g: Lowered,
    x: Value,
    groups: int,
    weight: Any = None,
    bias: Any = None,
    eps: float = 1e-5,
    cudnn: bool = True,
) -> Value:
    g.need(x.shape[0] == 1, "A norm of several pictures in place of a batch of one has no op")
    return grouped(g, x, groups, weight, bias, eps)


@row("native_group_norm.default")
def _native_group_norm(
    g: Lowered, x: Value, w: Any, b: Any, n: int, c: int, hw: int, groups: int, eps: float
) -> Any:
    return grouped(g, x, groups, w, b, eps), None, None


@row("instance_norm.default")
def _instance_norm(g: Lowered, x: Value, w: Any, b: Any, *rest: Any) -> Value:
    mean, var, own, _, eps, _ = rest
    if not own:
        return _batch_norm(g, x, w, b, mean, var, eps)
    g.need(x.shape[0] == 1, "A norm of several pictures in place of a batch of one has no op")
    return grouped(g, x, x.shape[1], w, b, eps)


@row("layer_norm.default")
def _layer_norm(
    g: Lowered,
    x: Value,
    shape: Sequence[int],
    weight: Any = None,
    bias: Any = None,
    eps: float = 1e-5,
    cudnn: bool = True,
) -> Value:
    rows = x.size // math.prod(shape)
    own = [None if t is None else t.flatten().repeat(rows) for t in (weight, bias)]
    flat = Value(g.reshaped(x.name, (x.size,)), (1, x.size))
    return g.put(grouped(g, flat, rows, own[0], own[1], eps).name, x.shape)


@row("native_layer_norm.default")
def _native_layer_norm(g: Lowered, x: Value, shape: Any, w: Any, b: Any, eps: float) -> Any:
    return _layer_norm(g, x, shape, w, b, eps), None, None


def mean(g: Lowered, x: Value, axes: Sequence[int], keep: bool) -> Value:
    """The mean along axes of torch."""
    axes = sorted(g.axis(x, a) for a in axes) or list(range(len(x.shape)))
    shape = [1 if n in axes else side for n, side in enumerate(x.shape) if keep or n not in axes]
    long = [n for n in axes if x.shape[n] > 1]
    if not long:
        return g.put(x.name, shape)
    sides, lead = g.dims(x.name), len(x.shape) - len(g.dims(x.name))
    own = [n - lead for n in long]
    if len(sides) == 3 and own == [1, 2]:
        name = g.add("avg_pool", x.name, kernel=list(sides[1:]), stride=list(sides[1:]))
    else:
        name = g.add("mean", x.name, axes=own)
    return g.put(name, shape)


@row("mean.dim")
def _mean(g: Lowered, x: Value, axes: Any, keep: bool = False, dtype: Any = None) -> Value:
    return mean(g, x, [axes] if isinstance(axes, int) else axes or [], keep)


@row("mean.default")
def _mean_all(g: Lowered, x: Value, dtype: Any = None) -> Value:
    return mean(g, x, [], False)


def total(g: Lowered, x: Value, axes: Sequence[int], keep: bool) -> Value:
    """The sum along axes of torch."""
    along = [g.axis(x, a) for a in axes] or list(range(len(x.shape)))
    count = math.prod(x.shape[a] for a in along)
    return scaled(g, mean(g, x, axes, keep), float(count))


@row("sum.dim_IntList")
def _sum(g: Lowered, x: Value, axes: Any, keep: bool = False, dtype: Any = None) -> Value:
    return total(g, x, axes or [], keep)


@row("sum.default")
def _sum_all(g: Lowered, x: Value, dtype: Any = None) -> Value:
    return total(g, x, [], False)


def _variance(g: Lowered, x: Value, axes: Any, keep: bool, correction: float) -> Value:
    axes = axes or list(range(len(x.shape)))
    count = math.prod(x.shape[g.axis(x, a)] for a in axes)
    apart = add(g, x, mean(g, x, axes, True), -1)
    return scaled(g, mean(g, power(g, apart, 2.0), axes, keep), count / (count - correction))


@row("var.dim", "std.dim")
def _var(g: Lowered, x: Value, axes: Any, unbiased: bool = True, keep: bool = False) -> Value:
    assert g.node is not None
    found = _variance(g, x, axes, keep, float(unbiased))
    return power(g, found, 0.5) if "std" in str(g.node.target) else found


@row("var.correction", "std.correction")
def _var_correction(
    g: Lowered, x: Value, axes: Any = None, *, correction: Any = None, keepdim: bool = False
) -> Value:
    return _var(g, x, axes, 1.0 if correction is None else correction, keepdim)


@row("var_mean.correction")
def _var_mean(
    g: Lowered, x: Value, axes: Any = None, *, correction: Any = None, keepdim: bool = False
) -> Any:
    correction = 1.0 if correction is None else correction
    return _variance(g, x, axes, keepdim, correction), mean(g, x, axes or [], keepdim)


@row("linalg_vector_norm.default")
def _vector_norm(
    g: Lowered, x: Value, order: float = 2, axes: Any = None, keep: bool = False, **rest: Any
) -> Value:
    g.need(order in (1, 2), "A norm of this order has no op")
    if order == 1:
        return total(g, like(g, x, "abs"), axes or [], keep)
    return power(g, total(g, power(g, x, 2.0), axes or [], keep), 0.5)


@row("softmax.int", "_softmax.default")
def softmax(g: Lowered, x: Value, dim: int, dtype: Any = None) -> Value:
    """exp(x) / Σ exp(x) along an axis of torch."""
    lead = len(x.shape) - len(g.dims(x.name))
    own = g.axis(x, dim) - lead
    if own < 0:
        return affine(g, x, torch.tensor(0.0), torch.tensor(1.0))  # of one number
    return like(g, x, "softmax", axis=own)


@row("log_softmax.int", "_log_softmax.default")
def _log_softmax(g: Lowered, x: Value, dim: int, dtype: Any = None) -> Value:
    return like(g, clamp(g, softmax(g, x, dim), 1e-38, None), "log")


@row("amax.default", "max.dim")
def _largest(g: Lowered, x: Value, axes: Any, keep: bool = False) -> Any:
    assert g.node is not None
    several = "max.dim" in str(g.node.target)
    along = [g.axis(x, a) for a in ([axes] if isinstance(axes, int) else axes)]
    name = g.picture(x)
    g.need(along == [2, 3], "The largest of other axes than height and width has no op")
    sides = list(g.dims(name)[1:])
    found = g.add("max_pool", name, kernel=sides, stride=sides)
    value = g.put(found, g.result_shape(0 if several else None))
    return (value, None) if several else value


@row("rms_norm.default", "_fused_rms_norm.default")
def _rms_norm(
    g: Lowered, x: Value, shape: Any, weight: Any = None, eps: float | None = None
) -> Any:
    axes = list(range(len(x.shape) - len(shape), len(x.shape)))
    square = mean(g, power(g, x, 2.0), axes, True)
    small = torch.finfo(torch.float32).eps if eps is None else eps
    found = multiply(g, x, power(g, scaled(g, square, 1.0, small), -0.5))
    found = found if weight is None else multiply(g, found, weight)
    return (found, None) if g.node is not None and "fused" in str(g.node.target) else found
