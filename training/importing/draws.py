"""A whole model parted at its draw: what comes before z = μ + σ·ε is the encoder, what comes behind
it the decoder, wherever in the model's own forward its layers are."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, fx, nn

from training.importing.exported import Exported, ImportRefused, export, is_getitem, is_random

_SAME = ("view", "reshape", "expand", "clone", "_to_copy", "unsqueeze", "squeeze", "contiguous")
_SUMS = ("add.Tensor",)
_PRODUCTS = ("mul.Tensor",)


class Draw(NamedTuple):
    """z = μ + σ·ε in a graph: the nodes of the three."""

    z: fx.Node
    mu: fx.Node
    std: fx.Node


def _name(node: fx.Node) -> str:
    return str(node.target).removeprefix("aten.")


def _is_noise(node: Any) -> bool:
    """Whether a node is a draw, or one in another shape."""
    while isinstance(node, fx.Node) and _name(node).split(".")[0] in _SAME:
        node = node.args[0]
    return isinstance(node, fx.Node) and is_random(node)


def find_draw(exported: Exported) -> Draw | None:
    """The draw of a graph, where there is just one."""
    found = [
        draw for node in exported.graph.nodes if (draw := _draw_at(node, exported)) is not None
    ]
    return found[0] if len(found) == 1 else None


def _draw_at(node: fx.Node, exported: Exported) -> Draw | None:
    drawn = exported.random
    if _name(node) in ("normal.Tensor_Tensor", "normal_functional.default"):
        mu, std = (*node.args, None, None)[:2]
        if isinstance(mu, fx.Node) and isinstance(std, fx.Node) and _of_input(mu, exported):
            return Draw(node, mu, std)
        return None
    pairs: list[tuple[Any, Any]] = []
    if _name(node) == "addcmul.default" and len(node.args) == 3:
        pairs = [(node.args[0], (node.args[1], node.args[2]))]
    elif _name(node) in _SUMS and not node.kwargs:
        for mu, product in (node.args[:2], node.args[1::-1]):
            if isinstance(product, fx.Node) and _name(product) in _PRODUCTS:
                pairs.append((mu, product.args[:2]))
    for mu, factors in pairs:
        for std, noise in (factors, factors[::-1]):
            if not (isinstance(mu, fx.Node) and isinstance(std, fx.Node) and _is_noise(noise)):
                continue
            if mu not in drawn and std not in drawn:
                return Draw(node, mu, std)
    return None


def _of_input(node: Any, exported: Exported) -> bool:
    """Whether a node depends on an argument."""
    open_, seen = [node], set()
    while open_:
        current = open_.pop()
        if current.op == "placeholder" and current.name in exported.inputs:
            return True
        for source in current.all_input_nodes:
            if source not in seen:
                seen.add(source)
                open_.append(source)
    return False


class Cut(nn.Module):
    """A part of an exported graph: from some of its nodes to others, for one example after another.

    It gives a dictionary of what comes out.
    """

    def __init__(
        self, exported: Exported, given: Sequence[fx.Node], wanted: Mapping[str, fx.Node]
    ) -> None:
        super().__init__()
        self._given, self._wanted = list(given), dict(wanted)
        self._order = _between(exported.graph, given, list(wanted.values()))
        self._names = {}
        for node in self._order:
            if node.op == "placeholder":
                name = f"of_{node.name}"
                self._names[node] = name
                self.register_buffer(name, exported.tensors[node.name])

    def forward(self, *inputs: Tensor) -> dict[str, Tensor]:
        """What comes out, (N, …) each."""
        rows = [self._one([x[n : n + 1] for x in inputs]) for n in range(len(inputs[0]))]
        return {name: torch.cat([row[name] for row in rows]) for name in self._wanted}

    def _one(self, inputs: list[Tensor]) -> dict[str, Tensor]:
        found: dict[fx.Node, Any] = {}
        for node, x in zip(self._given, inputs, strict=True):
            found[node] = x.reshape(node.meta["val"].shape)
        for node in self._order:
            if node in found:
                continue
            if node.op == "placeholder":
                found[node] = getattr(self, self._names[node])
                continue
            taken: Any = fx.map_arg((node.args, dict(node.kwargs)), found.__getitem__)
            args, kwargs = taken
            target: Any = node.target
            found[node] = args[0][args[1]] if is_getitem(node) else target(*args, **kwargs)
        return {name: found[node] for name, node in self._wanted.items()}


class LabelledCut(Cut):
    """A part that takes a label beside its example."""

    def forward(  # type: ignore[override]
        self, x: Tensor, label: Tensor
    ) -> dict[str, Tensor]:
        """What comes out, (N, …) each."""
        return super().forward(x, label)


def _between(graph: fx.Graph, given: Sequence[fx.Node], wanted: Sequence[fx.Node]) -> list[fx.Node]:
    """The nodes that are needed, in order; nothing is looked for behind the given ones."""
    needed, open_ = set(wanted), [node for node in wanted if node not in given]
    while open_:
        for source in open_.pop().all_input_nodes:
            if source not in needed and source not in given:
                needed.add(source)
                open_.append(source)
    return [node for node in graph.nodes if node in needed]


def parted(
    function: Callable[..., Any], inputs: Sequence[Tensor], known: Sequence[str]
) -> tuple[nn.Module, nn.Module | None]:
    """Encoder and decoder of a whole model, parted at its draw; a network that gives its draw alone
    has no decoder here (None). Of `inputs`, a picture and perhaps a label, both take the label.

    Raises:
        ImportRefused: it has no draw z = μ + σ·ε, or several, or more than z goes on.
    """
    exported = export(function, inputs, known)
    draw = find_draw(exported)
    if draw is None or len(exported.inputs) != len(inputs):
        raise ImportRefused("The model's forward has no draw z = μ + σ·ε, or several of them.")
    nodes = {node.name: node for node in exported.graph.nodes}
    x, *label = (nodes[name] for name in exported.inputs)
    cut = LabelledCut if label else Cut
    encoder = cut(exported, [x, *label], {"mu": draw.mu, "std": draw.std}).eval()
    pictures = [
        node
        for _, node in exported.outputs
        if node in exported.random and node is not draw.z and _size(node) >= _size(draw.z)
    ]
    behind = [node for node in pictures if _size(node) == _size(x)] or pictures
    if not behind:
        return encoder, None
    order = _between(exported.graph, [draw.z, *label], behind[:1])
    if any(is_random(node) or node is x for node in order):
        raise ImportRefused("The decoder takes more than z, or draws numbers of its own.")
    return encoder, cut(exported, [draw.z, *label], {"x": behind[0]}).eval()


def _size(node: fx.Node) -> int:
    return int(node.meta["val"].numel())
