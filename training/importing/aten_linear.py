"""Rows of operators that weigh and sum: linear layers, products, convolutions, attention, pools."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from training.importing.aten_norms import softmax
from training.importing.aten_places import padded
from training.importing.aten_pointwise import add, scaled
from training.importing.lowered import Lowered, Value, row


@row("linear.default")
def linear(g: Lowered, x: Value, weight: Any, bias: Any = None) -> Value:
    """W·x + b along torch's last axis."""
    w = g.constant(weight, "The weight of a linear layer")
    rows = x.size // x.shape[-1]
    name = g.reshaped(x.name, (x.shape[-1],) if rows == 1 else (rows, x.shape[-1]))
    more = {} if bias is None else {"bias": g.constant(bias, "A bias")}
    return g.put(g.add("linear", name, weight=w, **more), (*x.shape[:-1], w.shape[0]))


@row("addmm.default")
def _addmm(g: Lowered, bias: Any, x: Any, y: Any, beta: float = 1, alpha: float = 1) -> Value:
    plain = beta == alpha == 1 and isinstance(x, Value) and not isinstance(y, Value)
    if plain and not isinstance(bias, Value) and bias.ndim == 1 and len(bias) == y.shape[1]:
        return linear(g, x, y.T, bias)
    product = scaled(g, matmul(g, x, y), alpha)
    bias = scaled(g, bias, beta) if isinstance(bias, Value) else bias * beta
    return add(g, bias, product)


@row("baddbmm.default")
def _baddbmm(g: Lowered, bias: Any, x: Any, y: Any, beta: float = 1, alpha: float = 1) -> Value:
    return _addmm(g, bias, x, y, beta, alpha)


@row("matmul.default", "mm.default", "bmm.default", "mv.default")
def matmul(g: Lowered, x: Any, y: Any) -> Value:
    """x·y, as torch.matmul has it."""
    shape = g.result_shape()
    if isinstance(x, Value) and not isinstance(y, Value):
        y = y.reshape(y.shape[-2:]) if y.ndim > 2 and y.shape[:-2].numel() == 1 else y
        if y.ndim == 1:
            return g.put(linear(g, x, y[None]).name, shape)
        if y.ndim == 2:
            return g.put(linear(g, x, y.T).name, shape)
    if isinstance(y, Value) and not isinstance(x, Value):
        x = x.reshape(x.shape[-2:]) if x.ndim > 2 and x.shape[:-2].numel() == 1 else x
        if len(y.shape) == 1:
            return g.put(linear(g, y, x if x.ndim == 2 else x[None]).name, shape)
        if x.ndim <= 2:
            turned = linear(g, _turned(g, y), x if x.ndim == 2 else x[None])
            return g.put(_turned(g, turned).name, shape)
    return product(g, g.value(x), g.value(y), False)


def _turned(g: Lowered, x: Value) -> Value:
    last = len(x.shape) - 1
    return g.moved(x, [*range(last - 1), last, last - 1])


def product(g: Lowered, x: Value, y: Value, transpose: bool) -> Value:
    """x·y, or x·yᵀ, of each matrix of the last two axes."""
    g.need(min(len(x.shape), len(y.shape)) >= 2, "A product of vectors has no op")
    ahead = tuple(torch.broadcast_shapes(x.shape[:-2], y.shape[:-2]))
    count = math.prod(ahead)
    g.need(
        all(math.prod(v.shape[:-2]) == count for v in (x, y)),
        "A product of one matrix with several has no op",
    )
    front = (count,) if count > 1 else ()
    names = [g.reshaped(v.name, (*front, *v.shape[-2:])) for v in (x, y)]
    name = g.add("matmul", *names, transpose=transpose)
    return g.put(name, (*ahead, x.shape[-2], y.shape[-2 if transpose else -1]))


@row("scaled_dot_product_attention.default")
def _attention(
    g: Lowered,
    q: Value,
    k: Value,
    v: Value,
    mask: Any = None,
    dropout: float = 0.0,
    causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Value:
    g.need(dropout == 0, "A dropout is left in training; call .eval() on the network")
    g.need(not enable_gqa, "Attention of groups of heads has no op")
    scores = product(g, q, g.value(k), True)
    scores = scaled(g, scores, 1 / math.sqrt(q.shape[-1]) if scale is None else scale)
    if causal:
        mask = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
    if mask is not None:
        if not isinstance(mask, Value) and mask.dtype == torch.bool:
            mask = torch.zeros(mask.shape).masked_fill(~mask, -1e4)
        scores = add(g, scores, mask)
    return product(g, softmax(g, scores, len(scores.shape) - 1), g.value(v), False)


def _pair(value: Any) -> list[int]:
    found = [int(n) for n in (value if isinstance(value, list | tuple) else [value])]
    return found * 2 if len(found) == 1 else found


def _window(w: Tensor, **sides: Any) -> tuple[Tensor, int, dict[str, list[int]]]:
    """A convolution's weight for pictures, the axes that it moves along, and its sides."""
    along = w.ndim - 2
    if along == 1:
        neutral = {"stride": 1, "dilation": 1, "padding": 0, "output_padding": 0}
        return (
            w[:, :, None],
            1,
            {k: [neutral[k], _pair(v)[-1]] for k, v in sides.items()},
        )
    return w, along, {k: _pair(v) for k, v in sides.items()}


def _convolved(
    g: Lowered, x: Value, weight: Any, bias: Any, transposed: bool, groups: int, **sides: Any
) -> Value:
    w = g.constant(weight, "The kernel of a convolution")
    w, along, window = _window(w, **sides)
    g.need(along in (1, 2), "A convolution along more than two axes has no op")
    more = {} if bias is None else {"bias": g.constant(bias, "A bias")}
    op = "conv_transpose" if transposed else "conv"
    name = g.add(op, g.picture(x, along), weight=w, groups=groups, **more, **window)
    return g.put(name)


@row("conv2d.default", "conv1d.default", "conv3d.default")
def _conv(
    g: Lowered,
    x: Value,
    w: Any,
    b: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Value:
    sides = {"stride": stride, "padding": padding, "dilation": dilation}
    return _convolved(g, x, w, b, False, groups, **sides)


@row("conv2d.padding", "conv1d.padding")
def _conv_same(
    g: Lowered,
    x: Value,
    w: Any,
    b: Any = None,
    stride: Any = 1,
    padding: str = "valid",
    dilation: Any = 1,
    groups: int = 1,
) -> Value:
    margins = [0] * (w.ndim - 2)
    if padding == "same":
        steps = _pair(dilation)[-len(margins) :]
        whole = [d * (k - 1) for d, k in zip(steps, w.shape[2:], strict=True)]
        margins = [n // 2 for n in whole]
        if any(n % 2 for n in whole):
            sides = [side for n in reversed(whole) for side in (n // 2, n - n // 2)]
            x, margins = padded(g, x, sides, "zero"), [0] * len(margins)
    return _conv(g, x, w, b, stride, margins, dilation, groups)


@row("conv_transpose2d.input", "conv_transpose1d.default", "conv_transpose3d.input")
def _conv_transpose(
    g: Lowered,
    x: Value,
    w: Any,
    b: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Value:
    sides = {"stride": stride, "padding": padding, "dilation": dilation}
    return _convolved(g, x, w, b, True, groups, output_padding=output_padding, **sides)


@row("convolution.default")
def _convolution(g: Lowered, x: Value, w: Any, b: Any, *window: Any) -> Value:
    stride, padding, dilation, transposed, output_padding, groups = window
    sides = {"stride": stride, "padding": padding, "dilation": dilation}
    if transposed:
        sides["output_padding"] = output_padding
    return _convolved(g, x, w, b, transposed, groups, **sides)


def _pooled(
    g: Lowered, op: str, x: Value, along: int, kernel: Any, stride: Any, padding: Any, **more: Any
) -> Value:
    kernel, stride, padding = (
        [neutral, _pair(v)[-1]] if along == 1 else _pair(v)
        for v, neutral in ((kernel, 1), (stride or kernel, 1), (padding, 0))
    )
    name = g.add(op, g.picture(x, along), kernel=kernel, stride=stride, padding=padding, **more)
    shape = g.result_shape() if not _several(g) else g.result_shape(0)
    g.need(math.prod(g.dims(name)) == math.prod(shape), "Pooling with ceil_mode has no op")
    return g.put(name, shape)


def _several(g: Lowered) -> bool:
    assert g.node is not None
    return isinstance(g.node.meta["val"], tuple | list)


@row("max_pool2d.default", "max_pool1d.default", "max_pool2d_with_indices.default")
def _max_pool(
    g: Lowered,
    x: Value,
    kernel: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil: bool = False,
) -> Any:
    g.need(all(d == 1 for d in _pair(dilation)), "Pooling with dilation has no op")
    assert g.node is not None
    along = 1 if "pool1d" in str(g.node.target) else 2
    found = _pooled(g, "max_pool", x, along, kernel, stride, padding)
    return (found, None) if _several(g) else found


@row("avg_pool2d.default", "avg_pool1d.default")
def _avg_pool(
    g: Lowered,
    x: Value,
    kernel: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil: bool = False,
    count_padding: bool = True,
    divisor: int | None = None,
) -> Value:
    g.need(not divisor, "Pooling with a divisor of its own has no op")
    assert g.node is not None
    along = 1 if "pool1d" in str(g.node.target) else 2
    return _pooled(
        g, "avg_pool", x, along, kernel, stride, padding, count_padding=bool(count_padding)
    )


@row("adaptive_avg_pool2d.default", "_adaptive_avg_pool2d.default", "adaptive_avg_pool1d.default")
@row("adaptive_max_pool2d.default", "adaptive_max_pool1d.default")
def _adaptive_pool(g: Lowered, x: Value, size: Sequence[int]) -> Any:
    assert g.node is not None
    target = str(g.node.target)
    op = "max_pool" if "max" in target else "avg_pool"
    along = 1 if "pool1d" in target else 2
    name = g.picture(x, along)
    sides, size = list(g.dims(name)[1:]), [1, *size][-2:]
    fits = not any(n % s for n, s in zip(sides, size, strict=True))
    g.need(fits, f"Pooling {sides} into {list(size)}, windows of different sizes, has no op")
    kernel = [n // s for n, s in zip(sides, size, strict=True)]
    shape = g.result_shape(0 if _several(g) else None)
    found = g.put(g.add(op, name, kernel=kernel, stride=kernel), shape)
    return (found, None) if _several(g) else found
