"""Folding of scales, of norms in evaluation (weight and bias a channel) and of constants into the
linear layers and convolutions before and behind them."""

import math

import torch
from msgspec.structs import replace
from torch import Tensor

from training.importing.folding import Draft, Rule
from training.vae import ops_algebra, ops_linear, ops_places, ops_pointwise
from training.vae.op import Shape
from training.vae.program import Node

_LAYERS = ops_linear.Linear | ops_linear.Conv | ops_linear.ConvTranspose


def _scaling(draft: Draft, node: Node | None, count: int) -> tuple[Tensor, Tensor | None] | None:
    """Weight and bias, (count,) each, of an op that scales and shifts each channel."""
    if node is None:
        return None
    if isinstance(node.op, ops_pointwise.Scale):
        return torch.full((count,), node.op.factor, dtype=torch.float64), None
    if isinstance(node.op, ops_linear.Affine):
        weight = draft.tensor(node.op.weight)
        assert weight is not None
        return weight, draft.tensor(node.op.bias)
    return None


def _scale_of_scale(draft: Draft, node: Node, shape: Shape) -> bool:
    """Two scalings, one behind the other, as one."""
    if not isinstance(node.op, ops_pointwise.Scale | ops_linear.Affine):
        return False
    before = draft.node(node.inputs[0])
    own, first = (_scaling(draft, n, shape[0]) for n in (node, before))
    if own is None or first is None or before is None or not draft.free(before.name):
        return False
    if isinstance(node.op, ops_pointwise.Scale) and isinstance(before.op, ops_pointwise.Scale):
        both = ops_pointwise.Scale(factor=node.op.factor * before.op.factor)
        return draft.put(node.name, both, before.inputs, before.name)
    if len(shape) not in (1, 3):
        return False
    weight, bias = own[0] * first[0], own[1]
    if first[1] is not None:
        bias = first[1] * own[0] + (0 if bias is None else bias)
    kept = None if bias is None else draft.keep(bias)
    op = ops_linear.Affine(weight=draft.keep(weight), bias=kept)
    return draft.put(node.name, op, before.inputs, before.name)


def _into_layer_before(draft: Draft, node: Node, shape: Shape) -> bool:
    """A scaling into the layer before it that nobody else takes, also where that is reshaped."""
    if not isinstance(node.op, ops_pointwise.Scale | ops_linear.Affine):
        return False
    before = draft.node(node.inputs[0])
    between: Node | None = None
    if before is not None and isinstance(before.op, ops_places.Reshape):
        between, before = before, draft.node(before.inputs[0])
    chain = [n.name for n in (between, before) if n is not None]
    if before is None or not all(map(draft.sole, chain)) or not draft.free(*chain):
        return False
    layer, full = before.op, draft.shapes[before.name]
    channels = full[-1] if isinstance(layer, ops_linear.Linear) else full[0]
    found = _scaling(draft, node, shape[0])
    if found is None or not isinstance(layer, _LAYERS):
        return False
    weight, bias = found
    if isinstance(node.op, ops_pointwise.Scale):
        weight = torch.full((channels,), node.op.factor, dtype=torch.float64)
    elif between is not None or len(full) == 2:
        if not isinstance(layer, ops_linear.Linear) or len(full) != 1:
            return False
        each = math.prod(shape[1:])
        weight = weight.repeat_interleave(each)
        bias = None if bias is None else bias.repeat_interleave(each)
    own = draft.tensor(layer.bias)
    shift = None if own is None else own * weight
    if bias is not None:
        shift = bias if shift is None else shift + bias
    kernel = draft.tensor(layer.weight)
    assert kernel is not None
    kernel = _outputs_scaled(layer, kernel, weight)
    kept = None if shift is None else draft.keep(shift)
    changed = replace(layer, weight=draft.keep(kernel), bias=kept)
    draft.put(before.name, changed, before.inputs, node.name, *chain)
    return draft.bypass(node.name, node.inputs[0])


def _outputs_scaled(layer: _LAYERS, kernel: Tensor, weight: Tensor) -> Tensor:
    if not isinstance(layer, ops_linear.ConvTranspose):
        return kernel * weight.reshape(-1, *(1 for _ in kernel.shape[1:]))
    size, each = kernel.shape[0] // layer.groups, kernel.shape[1]  # channels in and out a group
    spread = weight.reshape(layer.groups, 1, each).expand(-1, size, -1)
    return kernel * spread.reshape(-1, each, 1, 1)


def _into_norm_before(draft: Draft, node: Node, shape: Shape) -> bool:
    """A scaling into the weight and bias of the group norm before it."""
    if not isinstance(node.op, ops_pointwise.Scale | ops_linear.Affine):
        return False
    before = draft.node(node.inputs[0])
    if before is None or not isinstance(before.op, ops_linear.GroupNorm):
        return False
    found = _scaling(draft, node, shape[0])
    if found is None or not draft.sole(before.name) or not draft.free(before.name):
        return False
    own, shift = draft.tensor(before.op.weight), draft.tensor(before.op.bias)
    weight = found[0] if own is None else own * found[0]
    bias = (0 if shift is None else shift * found[0]) + (0 if found[1] is None else found[1])
    kept = draft.keep(bias) if isinstance(bias, Tensor) else None
    op = replace(before.op, weight=draft.keep(weight), bias=kept)
    draft.put(before.name, op, before.inputs, node.name)
    return draft.bypass(node.name, before.name)


def _into_layer_behind(draft: Draft, node: Node, shape: Shape) -> bool:
    """A scaling into the layer behind it; a shift only where no margin of zeros comes between."""
    layer = node.op
    if not isinstance(layer, _LAYERS):
        return False
    before = draft.node(node.inputs[0])
    spread = 1
    names = [node.inputs[0]]
    if before is not None and isinstance(before.op, ops_places.Reshape):
        sides, flat = draft.shapes[before.inputs[0]], draft.shapes[before.name]
        if not isinstance(layer, ops_linear.Linear) or len(flat) != 1:
            return False
        spread, before = math.prod(sides[1:]), draft.node(before.inputs[0])
        names.append(before.name if before is not None else names[0])
    if before is None or not draft.free(*names):
        return False
    found = _scaling(draft, before, draft.shapes[before.name][0])
    if found is None:
        return False
    weight, bias = found
    kernel = draft.tensor(layer.weight)
    assert kernel is not None
    own = draft.tensor(layer.bias)
    if isinstance(before.op, ops_pointwise.Scale):
        kernel, shift = kernel * before.op.factor, own
    elif isinstance(layer, ops_linear.Linear):
        if len(draft.shapes[before.name]) == 3 and len(names) == 1:
            return False
        weight = weight.repeat_interleave(spread)
        shift = own
        if bias is not None:
            shift = kernel @ bias.repeat_interleave(spread) + (0 if own is None else own)
        kernel = kernel * weight
    elif bias is not None and (isinstance(layer, ops_linear.ConvTranspose) or any(layer.padding)):
        return False
    else:
        kernel, shift = _inputs_scaled(layer, kernel, weight, bias, own)
    kept = None if shift is None else draft.keep(shift)
    op = replace(layer, weight=draft.keep(kernel), bias=kept)
    if len(names) == 1:
        return draft.put(node.name, op, before.inputs, before.name)
    if not draft.sole(names[0]):  # the reshape is somebody else's too
        return False
    draft.put(names[0], ops_places.Reshape(sides=draft.shapes[names[0]]), before.inputs)
    return draft.put(node.name, op, node.inputs, *names)


def _inputs_scaled(
    layer: ops_linear.Conv | ops_linear.ConvTranspose,
    kernel: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    own: Tensor | None,
) -> tuple[Tensor, Tensor | None]:
    if isinstance(layer, ops_linear.ConvTranspose):
        return kernel * weight.reshape(-1, 1, 1, 1), own
    out, each = kernel.shape[:2]
    parts = weight.reshape(layer.groups, each).repeat_interleave(out // layer.groups, 0)
    shift = own
    if bias is not None:
        given = bias.reshape(layer.groups, each).repeat_interleave(out // layer.groups, 0)
        shift = (kernel.sum((2, 3)) * given).sum(1) + (0 if own is None else own)
    return kernel * parts[:, :, None, None], shift


def _constant_inputs(draft: Draft, node: Node, shape: Shape) -> bool:
    """Constant numbers among those that a linear layer takes, into its bias."""
    before = draft.node(node.inputs[0]) if node.inputs else None
    if not isinstance(node.op, ops_linear.Linear) or before is None or len(shape) != 1:
        return False
    if not isinstance(before.op, ops_places.Concat | ops_places.Append):
        return False
    kernel, bias = draft.tensor(node.op.weight), draft.tensor(node.op.bias)
    assert kernel is not None
    kept: list[str] = []
    columns: list[int] = []
    at = 0
    shift = torch.zeros(len(kernel), dtype=torch.float64) if bias is None else bias
    for name in before.inputs:
        source, stop = draft.node(name), at + draft.shapes[name][0]
        if source is not None and isinstance(source.op, ops_algebra.Constant):
            shift = shift + kernel[:, at:stop] @ draft.tensors[source.op.value].double()
        else:
            kept.append(name)
            columns += range(at, stop)
        at = stop
    if isinstance(before.op, ops_places.Append):
        shift = shift + kernel[:, at:] @ draft.tensors[before.op.bias].double()
    elif len(kept) == len(before.inputs):
        return False
    if not kept or not draft.free(before.name) or not draft.sole(before.name):
        return False
    op = replace(node.op, weight=draft.keep(kernel[:, columns]), bias=draft.keep(shift))
    draft.put(before.name, ops_places.Concat(), kept)
    return draft.put(node.name, op, node.inputs, before.name)


def _linear_of_linear(draft: Draft, node: Node, shape: Shape) -> bool:
    """Two linear layers with nothing between, as one, where that is no more work."""
    before = draft.node(node.inputs[0]) if node.inputs else None
    if before is None or not isinstance(before.op, ops_linear.Linear):
        return False
    if not isinstance(node.op, ops_linear.Linear):
        return False
    if not draft.sole(before.name) or not draft.free(before.name):
        return False
    first, second = draft.tensor(before.op.weight), draft.tensor(node.op.weight)
    assert first is not None
    assert second is not None
    if second.shape[0] * first.shape[1] > first.numel() + second.numel():
        return False
    inner, outer = draft.tensor(before.op.bias), draft.tensor(node.op.bias)
    shift = outer if inner is None else second @ inner + (0 if outer is None else outer)
    kept = None if shift is None else draft.keep(shift)
    op = ops_linear.Linear(weight=draft.keep(second @ first), bias=kept)
    return draft.put(node.name, op, before.inputs, before.name)


RULES: tuple[Rule, ...] = (
    _scale_of_scale,
    _into_layer_before,
    _into_norm_before,
    _into_layer_behind,
    _constant_inputs,
    _linear_of_linear,
)
