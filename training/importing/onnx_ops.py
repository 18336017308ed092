"""The table of ONNX operators: functions of tensors, and of arrays where shapes are meant."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from training.importing.onnx_file import OnnxNode

Row = Callable[..., Any]
MOST_NUMBERS = 2**24  # of a constant
OF_CONSTANTS = ("Resize", "Pow", "Clip", "Pad", "Dropout")  # whose other inputs have to be known


def _ints(value: Any) -> list[int]:
    return [int(n) for n in np.asarray(value).reshape(-1)]


def _margins(node: OnnxNode, x: Tensor, kernel: Sequence[int]) -> tuple[Tensor, list[int], bool]:
    """The input, the padding that a layer has itself, and whether the input has been padded."""
    along = len(kernel)
    pads = node.attributes.get("pads") or [0] * 2 * along
    mode = node.attributes.get("auto_pad", "NOTSET")
    strides = node.attributes.get("strides") or [1] * along
    if mode in ("SAME_UPPER", "SAME_LOWER"):
        steps = node.attributes.get("dilations") or [1] * along
        sizes = zip(x.shape[2:], kernel, strides, steps, strict=True)
        whole = [max((math.ceil(n / s) - 1) * s + d * (k - 1) + 1 - n, 0) for n, k, s, d in sizes]
        halves = [n // 2 for n in whole]
        rest = [n - h for n, h in zip(whole, halves, strict=True)]
        pads = halves + rest if mode == "SAME_UPPER" else rest + halves
    if pads[:along] == pads[along:]:
        return x, pads[:along], False
    sides = [
        n
        for low, high in zip(pads[:along][::-1], pads[along:][::-1], strict=True)
        for n in (low, high)
    ]
    return F.pad(x, sides), [0] * along, True


def _conv(node: OnnxNode, x: Tensor, w: Tensor, b: Tensor | None = None) -> Tensor:
    a = node.attributes
    x, padding, _ = _margins(node, x, w.shape[2:])
    along = w.ndim - 2
    function = (F.conv1d, F.conv2d)[along - 1]
    return function(
        *(x, w, b, a.get("strides") or 1, padding, a.get("dilations") or 1, a.get("group", 1))
    )


def _conv_transpose(node: OnnxNode, x: Tensor, w: Tensor, b: Tensor | None = None) -> Tensor:
    a, along = node.attributes, w.ndim - 2
    pads = a.get("pads") or [0] * 2 * along
    extra = a.get("output_padding") or [0] * along
    if "output_shape" in a or pads[:along] != pads[along:]:
        raise ValueError("a transposed convolution with sides of its own has no op")
    function = (F.conv_transpose1d, F.conv_transpose2d)[along - 1]
    rest = pads[:along], extra, a.get("group", 1), a.get("dilations") or 1
    return function(x, w, b, a.get("strides") or 1, *rest)


def _gemm(node: OnnxNode, x: Tensor, y: Tensor, c: Tensor | None = None) -> Tensor:
    a = node.attributes
    x = x.T if a.get("transA") else x
    y = y.T if a.get("transB") else y
    found = (x @ y) * a.get("alpha", 1.0)
    return found if c is None else found + c * a.get("beta", 1.0)


def _pool(node: OnnxNode, x: Tensor) -> Tensor:
    a, kernel = node.attributes, node.attributes["kernel_shape"]
    strides = a.get("strides") or [1] * len(kernel)
    counted = bool(a.get("count_include_pad", 0)) or node.op == "MaxPool"
    x, padding, padded = _margins(node, x, kernel)
    if (padded and (node.op == "MaxPool" or not counted)) or a.get("ceil_mode"):
        raise ValueError("pooling with sides of its own has no op")
    if node.op == "MaxPool":
        return F.max_pool2d(x, kernel, strides, padding, a.get("dilations") or 1)
    return F.avg_pool2d(x, kernel, strides, padding, count_include_pad=counted)


def _reshape(node: OnnxNode, x: Any, shape: Any) -> Any:
    wanted = [x.shape[n] if side == 0 else side for n, side in enumerate(_ints(shape))]
    return x.reshape(wanted)


def _axes(node: OnnxNode, axes: Any) -> list[int]:
    return _ints(node.attributes.get("axes") if axes is None else axes)


def _unsqueeze(node: OnnxNode, x: Any, axes: Any = None) -> Any:
    for axis in sorted(_axes(node, axes)):
        x = np.expand_dims(x, axis) if isinstance(x, np.ndarray) else x.unsqueeze(axis)
    return x


def _squeeze(node: OnnxNode, x: Any, axes: Any = None) -> Any:
    for axis in sorted(_axes(node, axes), reverse=True):
        x = np.squeeze(x, axis) if isinstance(x, np.ndarray) else x.squeeze(axis)
    return x


def _slice(node: OnnxNode, x: Any, *rest: Any) -> Any:
    a = node.attributes
    starts, stops = (_ints(rest[0]), _ints(rest[1])) if rest else (a["starts"], a["ends"])
    axes = _ints(rest[2]) if len(rest) > 2 and rest[2] is not None else a.get("axes")
    steps = _ints(rest[3]) if len(rest) > 3 else [1] * len(starts)
    for axis, start, stop, step in zip(
        axes or range(len(starts)), starts, stops, steps, strict=True
    ):
        places = [slice(None)] * x.ndim
        places[axis] = slice(start, min(stop, 2**31), step)
        x = x[tuple(places)]
    return x


def _split(node: OnnxNode, x: Tensor, sizes: Any = None) -> Any:
    axis = node.attributes.get("axis", 0)
    given = node.attributes.get("split") if sizes is None else _ints(sizes)
    return x.split(given, axis) if given else x.chunk(len(node.outputs), axis)


def _gather(node: OnnxNode, x: Any, places: Any) -> Any:
    axis = node.attributes.get("axis", 0)
    if isinstance(x, np.ndarray):
        return np.asarray(np.take(x, places, axis))
    if isinstance(places, Tensor):  # an embedding of a label
        return F.embedding(places, x)
    where = [n % x.shape[axis] for n in _ints(places)]
    if np.ndim(places) == 0:
        return x.select(axis, where[0])
    return torch.cat([x.narrow(axis, n, 1) for n in where], axis)


def _concat(node: OnnxNode, *parts: Any) -> Any:
    axis = node.attributes["axis"]
    if all(isinstance(part, np.ndarray) for part in parts):
        return np.concatenate(parts, axis)
    return torch.cat([torch.as_tensor(part) for part in parts], axis)


def _pad(
    node: OnnxNode, x: Tensor, pads: Any = None, value: Any = None, axes: Any = None
) -> Tensor:
    a = node.attributes
    given = _ints(a["pads"] if pads is None else pads)
    n = x.ndim
    sides = [
        m for low, high in zip(given[:n][::-1], given[n:][::-1], strict=True) for m in (low, high)
    ]
    mode = {"constant": "constant", "reflect": "reflect", "edge": "replicate"}[
        a.get("mode", "constant")
    ]
    filled = a.get("value", 0.0) if value is None else float(value)
    while len(sides) > 2 and not any(sides[-2:]):
        sides = sides[:-2]
    sides += [0, 0] * (mode != "constant" and len(sides) == 2)
    return F.pad(x, sides, mode, filled if mode == "constant" else None)


def _resize(node: OnnxNode, x: Tensor, *rest: Any) -> Tensor:
    a = node.attributes
    last = np.asarray(rest[-1])
    if last.dtype.kind == "f":
        factors = [float(n) for n in last.reshape(-1)]
        size = [round(n * f) for n, f in zip(x.shape[2:], factors[2:], strict=True)]
    else:
        size = _ints(last)[2:]
    how = a.get("coordinate_transformation_mode", "half_pixel")
    if a.get("mode", "nearest") == "nearest":
        if any(m % n for n, m in zip(x.shape[2:], size, strict=True)):
            raise ValueError("nearest with another than a whole factor has no op")
        return F.interpolate(x, size, mode="nearest")
    if a["mode"] != "linear" or how not in ("half_pixel", "pytorch_half_pixel", "align_corners"):
        raise ValueError(f"Resize with {a['mode']} and {how} has no op")
    return F.interpolate(x, size, mode="bilinear", align_corners=how == "align_corners")


def _depth_to_space(node: OnnxNode, x: Tensor) -> Tensor:
    k = node.attributes["blocksize"]
    if node.attributes.get("mode", "DCR") == "CRD":
        return F.pixel_shuffle(x, k)
    b, c, h, w = x.shape
    return (
        x.reshape(b, k, k, c // k**2, h, w).permute(0, 3, 4, 1, 5, 2).reshape(b, -1, h * k, w * k)
    )


def _reduce(function: Row) -> Row:
    def row(node: OnnxNode, x: Tensor, axes: Any = None) -> Tensor:
        along = _axes(node, axes) if axes is not None or "axes" in node.attributes else None
        keep = bool(node.attributes.get("keepdims", 1))
        return function(x, tuple(range(x.ndim)) if along is None else tuple(along), keep)

    return row


def _layer_norm(node: OnnxNode, x: Tensor, w: Tensor, b: Tensor | None = None) -> Tensor:
    axis = node.attributes.get("axis", -1) % x.ndim
    return F.layer_norm(x, x.shape[axis:], w, b, node.attributes.get("epsilon", 1e-5))


def _expand(node: OnnxNode, x: Any, shape: Any) -> Any:
    return x.expand(torch.broadcast_shapes(x.shape, tuple(_ints(shape))))


def _constant_of_shape(node: OnnxNode, shape: Any) -> Any:
    if math.prod(_ints(shape)) > MOST_NUMBERS:
        raise ValueError("a constant of too many numbers")
    value = np.asarray(node.attributes.get("value", np.float32(0))).reshape(-1)[0]
    full = np.full(_ints(shape), value)
    return torch.from_numpy(full) if full.dtype.kind == "f" else full


def _cast(node: OnnxNode, x: Any) -> Any:
    whole = node.attributes["to"] in (2, 3, 5, 6, 7)
    if isinstance(x, np.ndarray):
        return x.astype(np.int64 if whole else np.float32)
    return x.long() if whole else x.float()


def _clip(node: OnnxNode, x: Tensor, low: Any = None, high: Any = None) -> Tensor:
    a = node.attributes
    bounds = [a.get(n) if b is None else float(b) for n, b in (("min", low), ("max", high))]
    return torch.clamp(x, *bounds)


def _dropout(node: OnnxNode, x: Tensor, *rest: Any) -> Tensor:
    if len(rest) > 1 and rest[1] is not None and bool(np.asarray(rest[1])):
        raise ValueError("a dropout is left in training; export the network after .eval()")
    return x


def _batch_norm(node: OnnxNode, x: Tensor, *rest: Tensor) -> Tensor:
    weight, bias, mean, variance = rest
    eps = node.attributes.get("epsilon", 1e-5)
    return F.batch_norm(x, mean, variance, weight, bias, False, 0.0, eps)


def _plain(function: Row) -> Row:
    return lambda node, *inputs: function(*inputs)


def _with(function: Row, **defaults: Any) -> Row:
    """A function of a tensor and of attributes by their names in ONNX, with its defaults."""
    return lambda node, x: function(
        x, *(node.attributes.get(name, value) for name, value in defaults.items())
    )


ROWS: dict[str, Row] = {
    "Constant": _plain(lambda: None),
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "Gemm": _gemm,
    "MatMul": _plain(lambda x, y: x @ y),
    "BatchNormalization": _batch_norm,
    "InstanceNormalization": lambda node, x, w, b: F.instance_norm(
        x, None, None, w, b, True, 0.0, node.attributes.get("epsilon", 1e-5)
    ),
    "LayerNormalization": _layer_norm,
    "MaxPool": _pool,
    "AveragePool": _pool,
    "GlobalAveragePool": _plain(lambda x: x.mean((2, 3), keepdim=True)),
    "GlobalMaxPool": _plain(lambda x: x.amax((2, 3), keepdim=True)),
    "Relu": _plain(F.relu),
    "LeakyRelu": _with(F.leaky_relu, alpha=0.01),
    "PRelu": _plain(lambda x, slope: F.relu(x) - slope * F.relu(-x)),
    "Elu": _with(F.elu, alpha=1.0),
    "Selu": _plain(F.selu),
    "Celu": _with(F.celu, alpha=1.0),
    "Sigmoid": _plain(torch.sigmoid),
    "HardSigmoid": _with(lambda x, a, b: (a * x + b).clamp(0, 1), alpha=0.2, beta=0.5),
    "HardSwish": _plain(F.hardswish),
    "Tanh": _plain(torch.tanh),
    "Softplus": _plain(F.softplus),
    "Softsign": _plain(F.softsign),
    "Gelu": lambda node, x: F.gelu(x, approximate=node.attributes.get("approximate", "none")),
    "Mish": _plain(F.mish),
    "Softmax": _with(torch.softmax, axis=-1),
    "LogSoftmax": _with(torch.log_softmax, axis=-1),
    "Exp": _plain(torch.exp),
    "Log": _plain(torch.log),
    "Sqrt": _plain(torch.sqrt),
    "Reciprocal": _plain(lambda x: 1 / x),
    "Neg": _plain(lambda x: -x),
    "Abs": _plain(torch.abs),
    "Erf": _plain(torch.erf),
    "Pow": _plain(lambda x, y: x ** float(y)),
    "Add": _plain(lambda x, y: x + y),
    "Sub": _plain(lambda x, y: x - y),
    "Mul": _plain(lambda x, y: x * y),
    "Div": _plain(lambda x, y: x // y if isinstance(x, np.ndarray) else x / y),
    "Clip": _clip,
    "Flatten": lambda node, x: x.flatten(node.attributes.get("axis", 1)),
    "Reshape": _reshape,
    "Transpose": lambda node, x: x.permute(node.attributes["perm"]),
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Concat": _concat,
    "Split": _split,
    "Slice": _slice,
    "Gather": _gather,
    "Pad": _pad,
    "Resize": _resize,
    "DepthToSpace": _depth_to_space,
    "SpaceToDepth": lambda node, x: F.pixel_unshuffle(x, node.attributes["blocksize"]),
    "ReduceMean": _reduce(torch.mean),
    "ReduceSum": _reduce(torch.sum),
    "Identity": _plain(lambda x: x),
    "Dropout": _dropout,
    "Cast": _cast,
    "Shape": _plain(lambda x: np.array(x.shape, np.int64)),
    "ConstantOfShape": _constant_of_shape,
    "Expand": _expand,
    "RandomNormalLike": _plain(torch.randn_like),
}
