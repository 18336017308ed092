"""Rows of operators that move numbers: shapes, parts, margins, sizes, labels."""

import math
from collections.abc import Sequence
from typing import Any

import torch

from training.importing.aten_pointwise import add
from training.importing.lowered import Dims, Lowered, Value, program_shape, row


@row("view.default", "reshape.default", "_unsafe_view.default", "view_copy.default")
@row("flatten.using_ints", "unflatten.int", "squeeze.dim", "squeeze.dims", "squeeze.default")
@row("unsqueeze.default", "atleast_2d.default", "view_as.default", "reshape_as.default")
def _reshape(g: Lowered, x: Value, *rest: Any) -> Value:
    return g.put(x.name)


@row("permute.default", "movedim.int")
def _permute(g: Lowered, x: Value, order: Sequence[int]) -> Value:
    return g.moved(x, [g.axis(x, a) for a in order])


@row("transpose.int", "swapaxes.default")
def _transpose(g: Lowered, x: Value, a: int, b: int) -> Value:
    order = list(range(len(x.shape)))
    a, b = g.axis(x, a), g.axis(x, b)
    order[a], order[b] = b, a
    return g.moved(x, order)


@row("t.default", "numpy_T.default", "mT.default")
def _t(g: Lowered, x: Value) -> Value:
    return _transpose(g, x, -1, -2) if len(x.shape) > 1 else x


@row("slice.Tensor")
def _slice(
    g: Lowered,
    x: Value,
    dim: int = 0,
    start: int | None = None,
    stop: int | None = None,
    step: int = 1,
) -> Value:
    axis = g.axis(x, dim)
    return _taken(g, x, axis, range(x.shape[axis])[slice(start, stop, step)])


def _taken(g: Lowered, x: Value, axis: int, places: Sequence[int]) -> Value:
    """The parts of a value at places along an axis of torch, in their order."""
    g.need(len(places) > 0, "A part of no numbers has no op")
    runs: list[list[int]] = []
    for place in places:
        if runs and place == runs[-1][1]:
            runs[-1][1] = place + 1
        else:
            runs.append([place, place + 1])
    if len(runs) <= 16:
        return g.joined([g.part(x, axis, *run) for run in runs], axis)
    # Many: the rows of a matrix with a one in each.
    length, order = x.shape[axis], [n for n in range(len(x.shape)) if n != axis]
    last = g.moved(x, [*order, axis])
    rows = last.size // length
    name = g.reshaped(last.name, (length,) if rows == 1 else (rows, length))
    name = g.add("linear", name, weight=torch.eye(length)[list(places)])
    found = g.put(name, (*last.shape[:-1], len(places)))
    back = [*range(axis), len(x.shape) - 1, *range(axis, len(x.shape) - 1)]
    return g.moved(found, back)


@row("select.int")
def _select(g: Lowered, x: Value, dim: int, index: int) -> Value:
    axis = g.axis(x, dim)
    at = index % x.shape[axis]
    return g.put(g.part(x, axis, at, at + 1).name, (*x.shape[:axis], *x.shape[axis + 1 :]))


@row("narrow.default")
def _narrow(g: Lowered, x: Value, dim: int, start: int, length: int) -> Value:
    return g.part(x, g.axis(x, dim), start, start + length)


@row("split_with_sizes.default", "split.sizes")
def _split_sizes(g: Lowered, x: Value, sizes: Sequence[int], dim: int = 0) -> list[Value]:
    axis, at, found = g.axis(x, dim), 0, []
    for size in sizes:
        found.append(g.part(x, axis, at, at + size))
        at += size
    return found


@row("split.Tensor")
def _split(g: Lowered, x: Value, size: int, dim: int = 0) -> list[Value]:
    length = x.shape[g.axis(x, dim)]
    return _split_sizes(g, x, [min(size, length - at) for at in range(0, length, size)], dim)


@row("chunk.default", "tensor_split.sections")
def _chunk(g: Lowered, x: Value, count: int, dim: int = 0) -> list[Value]:
    assert g.node is not None
    return _split_sizes(g, x, [int(v.shape[dim]) for v in g.node.meta["val"]], dim)


@row("unbind.int")
def _unbind(g: Lowered, x: Value, dim: int = 0) -> list[Value]:
    return [_select(g, x, dim, n) for n in range(x.shape[g.axis(x, dim)])]


@row("cat.default", "concat.default")
def _cat(g: Lowered, parts: Sequence[Any], dim: int = 0) -> Value:
    values = [g.value(p) for p in parts if isinstance(p, Value) or p.numel()]
    return g.joined(values, g.axis(values[0], dim))


@row("stack.default")
def _stack(g: Lowered, parts: Sequence[Any], dim: int = 0) -> Value:
    values = [g.value(p) for p in parts]
    axis = dim % (len(values[0].shape) + 1)
    spread = [g.put(v.name, (*v.shape[:axis], 1, *v.shape[axis:])) for v in values]
    return g.joined(spread, axis)


@row("expand.default", "expand_as.default", "broadcast_to.default")
def _expand(g: Lowered, x: Value, *rest: Any, **options: Any) -> Value:
    return spread(g, x, g.result_shape())


def spread(g: Lowered, x: Value, shape: Dims) -> Value:
    """A value repeated along the axes that are longer in a shape of torch."""
    if x.size == math.prod(shape):
        return g.put(x.name, shape)
    wide = (*(1 for _ in range(len(shape) - len(x.shape))), *x.shape)
    sides = program_shape(wide) if wide[0] == shape[0] else wide
    if len(sides) == 3 and sides[1:] == (1, 1) and wide[1] == shape[1] and len(shape) == 4:
        name = g.reshaped(x.name, sides)
        return g.put(g.add("upsample", name, size=list(shape[2:])), shape)
    return add(g, g.put(x.name, wide), torch.zeros(shape))


@row("broadcast_tensors.default")
def _broadcast(g: Lowered, values: Sequence[Any]) -> list[Value]:
    return [spread(g, g.value(v), g.result_shape(n)) for n, v in enumerate(values)]


@row("repeat.default", "tile.default")
def _repeat(g: Lowered, x: Value, counts: Sequence[int]) -> Value:
    wide = (*(1 for _ in range(len(counts) - len(x.shape))), *x.shape)
    counts = (*(1 for _ in range(len(wide) - len(counts))), *counts)
    found = g.put(x.name, wide)
    for axis, count in enumerate(counts):
        if count > 1 and found.shape[axis] == 1:
            found = spread(g, found, (*found.shape[:axis], count, *found.shape[axis + 1 :]))
        elif count > 1:
            found = g.joined([found] * count, axis)
    return found


@row("repeat_interleave.self_int")
def _repeat_interleave(g: Lowered, x: Value, count: int, dim: int | None = None) -> Value:
    g.need(dim is not None, "repeat_interleave without an axis has no op")
    axis = g.axis(x, dim or 0)
    wide = (*x.shape[: axis + 1], 1, *x.shape[axis + 1 :])
    longer = (*wide[: axis + 1], count, *wide[axis + 2 :])
    return g.put(spread(g, g.put(x.name, wide), longer).name)


@row("flip.default")
def _flip(g: Lowered, x: Value, dims: Sequence[int]) -> Value:
    for axis in (g.axis(x, d) for d in dims):
        x = _taken(g, x, axis, range(x.shape[axis] - 1, -1, -1))
    return x


@row("roll.default")
def _roll(g: Lowered, x: Value, shifts: Sequence[int], dims: Sequence[int] = ()) -> Value:
    g.need(len(dims) == len(shifts), "A roll without axes has no op")
    for axis, shift in zip((g.axis(x, d) for d in dims), shifts, strict=True):
        n = x.shape[axis]
        x = _taken(g, x, axis, [(k - shift) % n for k in range(n)])
    return x


@row("index.Tensor", "index_select.default")
def _index(g: Lowered, x: Value, *rest: Any) -> Value:
    if len(rest) == 2:
        axis, places = g.axis(x, rest[0]), rest[1]
    else:
        axes = [n for n, places in enumerate(rest[0]) if places is not None]
        g.need(len(axes) == 1, "Numbers at places along several axes have no op")
        axis, places = axes[0], rest[0][axes[0]]
    where = g.constant(places, "Where numbers are taken")
    g.need(where.ndim == 1, "Places of several axes have no op")
    where = where.nonzero()[:, 0] if where.dtype == torch.bool else where
    return _taken(g, x, axis, [int(n) % x.shape[axis] for n in where])


@row("constant_pad_nd.default")
def _pad_constant(g: Lowered, x: Value, sides: Sequence[int], value: float = 0) -> Value:
    return _pad(g, x, sides, "constant", value)


@row("pad.default")
def _pad(
    g: Lowered, x: Value, sides: Sequence[int], mode: str = "constant", value: float | None = None
) -> Value:
    if mode == "circular":
        return _circular(g, x, sides)
    if value:
        return add(g, padded(g, add(g, x, -value), sides, "zero"), value)
    return padded(g, x, sides, "zero" if mode == "constant" else mode)


@row("reflection_pad2d.default", "reflection_pad1d.default")
def _reflect(g: Lowered, x: Value, sides: Sequence[int]) -> Value:
    return padded(g, x, sides, "reflect")


@row("replication_pad2d.default", "replication_pad1d.default")
def _replicate(g: Lowered, x: Value, sides: Sequence[int]) -> Value:
    return padded(g, x, sides, "replicate")


def padded(g: Lowered, x: Value, sides: Sequence[int], mode: str) -> Value:
    """A value with margins at the ends of its last axes, in torch's order; negative ones cut."""
    for n in range(len(sides) // 2):
        axis, (low, high) = len(x.shape) - 1 - n, sides[2 * n : 2 * n + 2]
        if low < 0 or high < 0:
            x = g.part(x, axis, max(-low, 0), x.shape[axis] - max(-high, 0))
    sides = [max(n, 0) for n in sides]
    far, sides = sides[4:], [*sides, 0, 0][:4]
    shape = list(x.shape)
    if any(sides):
        tall = shape[-2] if len(shape) > 1 else 1
        name = g.reshaped(x.name, (x.size // (tall * shape[-1]), tall, shape[-1]))
        name = g.add("pad", name, sides=list(sides), mode=mode)
        shape[-1] += sides[0] + sides[1]
        if len(shape) > 1:
            shape[-2] += sides[2] + sides[3]
        x = g.put(name, shape)
    for n in range(len(far) // 2):  # of channels, as of other axes in front
        axis, (low, high) = len(shape) - 3 - n, far[2 * n : 2 * n + 2]
        g.need(mode == "zero" or not (low or high), "A margin of channels has no op")
        ends = [torch.zeros(*x.shape[:axis], m, *x.shape[axis + 1 :]) for m in (low, high) if m]
        if ends:
            parts = [ends[0], x] if low else [x]
            x = g.joined([g.value(p) for p in (*parts, *(ends[-1:] if high else ()))], axis)
    return x


def _circular(g: Lowered, x: Value, sides: Sequence[int]) -> Value:
    for n in range(len(sides) // 2):
        axis, (low, high) = len(x.shape) - 1 - n, sides[2 * n : 2 * n + 2]
        length = x.shape[axis]
        x = _taken(g, x, axis, [k % length for k in range(-low, length + high)])
    return x


@row("upsample_nearest2d.vec", "upsample_nearest2d.default", "upsample_nearest1d.vec")
@row("_upsample_nearest_exact2d.vec", "upsample_nearest1d.default")
def _nearest(g: Lowered, x: Value, *rest: Any) -> Value:
    assert g.node is not None
    along = 1 if "1d" in str(g.node.target) else 2
    size = _size(g, x, along, rest, "exact" in str(g.node.target))
    return g.put(g.add("upsample", g.picture(x, along), size=size))


@row("upsample_bilinear2d.vec", "upsample_bilinear2d.default", "_upsample_bilinear2d_aa.vec")
def _bilinear(g: Lowered, x: Value, size: Any, corners: bool, *rest: Any) -> Value:
    assert g.node is not None
    grown = [n >= m for n, m in zip(g.result_shape()[2:], x.shape[2:], strict=True)]
    g.need("_aa" not in str(g.node.target) or all(grown), "Antialiasing has no op")
    sides = _size(g, x, 2, rest, False)
    name = g.add(
        *("upsample", g.picture(x)), size=sides, mode="bilinear", align_corners=bool(corners)
    )
    return g.put(name)


def _size(g: Lowered, x: Value, along: int, rest: Sequence[Any], whole: bool) -> list[int]:
    """Height and width of the result; refused where a scale does not give just these."""
    size = list(g.result_shape()[-along:])
    own = x.shape[-along:]
    given = [item for item in rest if isinstance(item, float)]
    for item in rest:
        if isinstance(item, list | tuple) and any(isinstance(n, float) for n in item):
            given = list(item)
    for n, m, factor in zip(own, size, given, strict=False):
        fits = factor is None or abs(n * factor - m) < 1e-6
        g.need(fits, f"A scale of {factor} that gives no whole side has no op")
    g.need(not whole or not any(m % n for n, m in zip(own, size, strict=True)), "It has no op")
    return [1, *size][-2:]


@row("pixel_shuffle.default")
def _pixel_shuffle(g: Lowered, x: Value, factor: int) -> Value:
    channels, height, width = g.dims(g.picture(x))
    rest = channels // factor**2
    name = g.reshaped(g.picture(x), (rest, factor, factor, height, width))
    return g.put(g.add("permute", name, order=[0, 3, 1, 4, 2]))


@row("pixel_unshuffle.default")
def _pixel_unshuffle(g: Lowered, x: Value, factor: int) -> Value:
    channels, height, width = g.dims(g.picture(x))
    name = g.reshaped(g.picture(x), (channels, height // factor, factor, width // factor, factor))
    return g.put(g.add("permute", name, order=[0, 2, 4, 1, 3]))


@row("channel_shuffle.default")
def _channel_shuffle(g: Lowered, x: Value, groups: int) -> Value:
    channels, height, width = g.dims(g.picture(x))
    name = g.reshaped(g.picture(x), (groups, channels // groups, height, width))
    return g.put(g.add("permute", name, order=[1, 0, 2, 3]))
