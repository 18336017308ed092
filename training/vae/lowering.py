"""Lowering of torch modules to ops of a program: one row a type in `LOWERINGS`."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from training.vae.program import Builder, ProgramError

Lowering = Callable[[Builder, Any, str], str]


def lower(builder: Builder, module: nn.Module, x: str) -> str:
    """Name of the value that a module makes of the value `x`, its ops added to the builder.

    Raises:
        ProgramError: it is of no type in `LOWERINGS` and has no method `lower` of its own.
    """
    row = LOWERINGS.get(type(module))
    if row:
        return row(builder, module, x)
    own = getattr(module, "lower", None)
    if own is None:
        known = ", ".join(kind.__name__ for kind in LOWERINGS)
        raise ProgramError(
            f"A layer of type {type(module).__name__} has no ops; those that have are {known}, "
            "and modules with a method lower(builder, x)."
        )
    return own(builder, x)


def _pair(value: Any) -> list[int]:
    return [int(v) for v in (value if isinstance(value, tuple | list) else (value, value))]


def _sequential(builder: Builder, module: nn.Sequential, x: str) -> str:
    for layer in module:
        x = builder.lower(layer, x)
    return x


def _same(builder: Builder, module: nn.Module, x: str) -> str:
    return x


def _plain(op: str, *attributes: str) -> Lowering:
    """A layer that is an op of one input whose attributes are the layer's, of the same names."""

    def lowering(builder: Builder, module: nn.Module, x: str) -> str:
        return builder.add(op, x, **{name: getattr(module, name) for name in attributes})

    return lowering


def _linear(builder: Builder, module: nn.Linear, x: str) -> str:
    shape = builder.shapes[x]
    flat = len(shape) > 2
    if flat:
        x = builder.add("reshape", x, sides=[-1, shape[-1]])
    x = builder.add("linear", x, weight=module.weight, bias=module.bias)
    return builder.add("reshape", x, sides=[*shape[:-1], -1]) if flat else x


def _window(module: nn.Conv2d | nn.ConvTranspose2d) -> dict[str, Any]:
    return {
        "weight": module.weight,
        "bias": module.bias,
        "stride": _pair(module.stride),
        "dilation": _pair(module.dilation),
        "groups": module.groups,
    }


def _conv(builder: Builder, module: nn.Conv2d, x: str) -> str:
    modes = {"zeros": "zero", "replicate": "replicate", "reflect": "reflect"}
    if module.padding_mode not in modes:
        raise ProgramError(f"There is no op for the padding mode {module.padding_mode!r}.")
    # torch keeps left, right, top, bottom, also where padding is "same" and the sides differ.
    margins = list(module._reversed_padding_repeated_twice)
    left, right, top, bottom = margins
    padding = [top, left]
    if module.padding_mode != "zeros" or left != right or top != bottom:
        x = builder.add("pad", x, sides=margins, mode=modes[module.padding_mode])
        padding = [0, 0]
    return builder.add("conv", x, **_window(module), padding=padding)


def _conv_transpose(builder: Builder, module: nn.ConvTranspose2d, x: str) -> str:
    rest = {name: _pair(getattr(module, name)) for name in ("padding", "output_padding")}
    return builder.add("conv_transpose", x, **_window(module), **rest)


def _batch_norm(builder: Builder, module: nn.BatchNorm1d | nn.BatchNorm2d, x: str) -> str:
    """The norm of evaluation, folded into a weight and a bias a channel."""
    mean, variance = module.running_mean, module.running_var
    if mean is None or variance is None:
        raise ProgramError("A batch norm without running statistics has no op.")
    weight = torch.rsqrt(variance.double() + module.eps)
    if module.weight is not None:
        weight = weight * module.weight.double()
    bias = -mean.double() * weight
    if module.bias is not None:
        bias = bias + module.bias.double()
    return builder.add("affine", x, weight=weight, bias=bias)


def _group_norm(builder: Builder, module: nn.GroupNorm, x: str) -> str:
    return builder.add(
        "group_norm",
        x,
        groups=module.num_groups,
        weight=module.weight,
        bias=module.bias,
        eps=module.eps,
    )


def _upsample(builder: Builder, module: nn.Upsample, x: str) -> str:
    _, *sides = builder.shapes[x]
    if module.size is not None:
        size = _pair(module.size)
    else:
        factors: Any = module.scale_factor
        both = factors if isinstance(factors, tuple) else (factors, factors)
        exact = [n * float(f) for n, f in zip(sides, both, strict=True)]
        size = [round(n) for n in exact]
        if any(abs(n - e) > 1e-9 for n, e in zip(size, exact, strict=True)):
            raise ProgramError(
                f"Upsampling {sides} by {module.scale_factor} gives no whole sides; "
                "there is an op for whole ones alone."
            )
    corners = bool(module.align_corners)
    return builder.add("upsample", x, size=size, mode=module.mode, align_corners=corners)


def _axis(axis: int, rank: int) -> int:
    """An axis counted from 0 without the batch, of one that torch counts with it."""
    found = axis - 1 if axis >= 0 else rank + axis
    if not 0 <= found < rank:
        raise ProgramError(f"There is no op along axis {axis}, which is the batch's or none.")
    return found


def _flatten(builder: Builder, module: nn.Flatten, x: str) -> str:
    shape = builder.shapes[x]
    first, last = (_axis(a, len(shape)) for a in (module.start_dim, module.end_dim))
    middle = math.prod(shape[first : last + 1])
    return builder.add("reshape", x, sides=[*shape[:first], middle, *shape[last + 1 :]])


def _unflatten(builder: Builder, module: nn.Unflatten, x: str) -> str:
    shape = builder.shapes[x]
    if not isinstance(module.dim, int):
        raise ProgramError("Unflatten by a named axis has no op; number the axis.")
    axis = _axis(module.dim, len(shape))
    sides = [*shape[:axis], *map(int, module.unflattened_size), *shape[axis + 1 :]]
    return builder.add("reshape", x, sides=sides)


def _pixel_shuffle(builder: Builder, module: nn.PixelShuffle, x: str) -> str:
    factor, (channels, height, width) = module.upscale_factor, builder.shapes[x]
    rest = channels // factor**2
    x = builder.add("reshape", x, sides=[rest, factor, factor, height, width])
    x = builder.add("permute", x, order=[0, 3, 1, 4, 2])
    return builder.add("reshape", x, sides=[rest, height * factor, width * factor])


def _refuse(condition: bool, what: str) -> None:
    if condition:
        raise ProgramError(f"There is no op for pooling with {what}.")


def _pool(op: str) -> Lowering:
    def lowering(builder: Builder, module: Any, x: str) -> str:
        _refuse(module.ceil_mode, "ceil_mode")
        _refuse(_pair(getattr(module, "dilation", 1)) != [1, 1], "dilation")
        _refuse(bool(getattr(module, "divisor_override", None)), "a divisor of its own")
        more = {}
        if op == "avg_pool" and not module.count_include_pad:
            more["count_padding"] = False
        sides = {
            name: _pair(getattr(module, f"{name}_size" if name == "kernel" else name))
            for name in ("kernel", "stride", "padding")
        }
        return builder.add(op, x, **sides, **more)

    return lowering


def _adaptive_avg_pool(builder: Builder, module: nn.AdaptiveAvgPool2d, x: str) -> str:
    _, *sides = builder.shapes[x]
    size = [n if s is None else s for n, s in zip(sides, _pair_or_none(module), strict=True)]
    _refuse(any(n % s for n, s in zip(sides, size, strict=True)), "windows of different sizes")
    kernel = [n // s for n, s in zip(sides, size, strict=True)]
    return builder.add("avg_pool", x, kernel=kernel, stride=kernel)


def _pair_or_none(module: nn.AdaptiveAvgPool2d) -> list[int | None]:
    size = module.output_size
    return list(size) if isinstance(size, tuple | list) else [size, size]


def _softmax(builder: Builder, module: nn.Softmax, x: str) -> str:
    if module.dim is None:
        raise ProgramError("A softmax without an axis has no op; say along which.")
    return builder.add("softmax", x, axis=_axis(module.dim, len(builder.shapes[x])))


def _pad(mode: str) -> Lowering:
    def lowering(builder: Builder, module: Any, x: str) -> str:
        return builder.add("pad", x, sides=list(module.padding), mode=mode)

    return lowering


def _clamp(builder: Builder, module: nn.Hardtanh, x: str) -> str:
    return builder.add("clamp", x, low=float(module.min_val), high=float(module.max_val))


def _leaky_relu(builder: Builder, module: nn.LeakyReLU, x: str) -> str:
    return builder.add("leaky_relu", x, slope=float(module.negative_slope))


LOWERINGS: dict[type[nn.Module], Lowering] = {
    nn.Sequential: _sequential,
    nn.Identity: _same,
    nn.Dropout: _same,
    nn.Dropout2d: _same,
    nn.Linear: _linear,
    nn.Conv2d: _conv,
    nn.ConvTranspose2d: _conv_transpose,
    nn.BatchNorm1d: _batch_norm,
    nn.BatchNorm2d: _batch_norm,
    nn.GroupNorm: _group_norm,
    nn.Upsample: _upsample,
    nn.UpsamplingNearest2d: _upsample,
    nn.UpsamplingBilinear2d: _upsample,
    nn.PixelShuffle: _pixel_shuffle,
    nn.Flatten: _flatten,
    nn.Unflatten: _unflatten,
    nn.MaxPool2d: _pool("max_pool"),
    nn.AvgPool2d: _pool("avg_pool"),
    nn.AdaptiveAvgPool2d: _adaptive_avg_pool,
    nn.ZeroPad2d: _pad("zero"),
    nn.ReplicationPad2d: _pad("replicate"),
    nn.ReflectionPad2d: _pad("reflect"),
    nn.Softmax: _softmax,
    nn.ReLU: _plain("relu"),
    nn.LeakyReLU: _leaky_relu,
    nn.ELU: _plain("elu", "alpha"),
    nn.SiLU: _plain("silu"),
    nn.GELU: _plain("gelu", "approximate"),
    nn.Tanh: _plain("tanh"),
    nn.Sigmoid: _plain("sigmoid"),
    nn.Softplus: _plain("softplus", "beta", "threshold"),
    nn.Hardtanh: _clamp,
    nn.ReLU6: _clamp,
}
