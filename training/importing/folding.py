"""Folding of a program: fewer ops that compute the same.

A rule looks at an op and at what it takes, and says what to put in its place; the rules of norms
and scales are in `folding_scales`, that of a linear layer's rows in `folding_rows`. In a round each
op is part of one change at most, and what nobody takes any more goes away.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable

from msgspec.structs import replace
from torch import Tensor

from training.vae import ops_algebra, ops_linear, ops_places, ops_pointwise
from training.vae.op import Op, Shape
from training.vae.program import INPUT, Node, Program

ROUNDS = 60
MOST_KEPT = 2**20  # numbers of a constant that is computed now


class Draft:
    """A program in change: nodes by name, tensors in double precision, and who takes what."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.shapes = program.shapes
        self.nodes = {node.name: node for node in program.nodes}
        self.tensors: dict[str, Tensor] = dict(program.tensors)
        self.outputs = list(program.outputs)
        taken = [name for node in program.nodes for name in node.inputs]
        self.uses = Counter([*taken, *self.outputs])
        self.touched: set[str] = set()
        self.changed = False

    def node(self, name: str) -> Node | None:
        """The node that makes a value; None for the input."""
        return self.nodes.get(name)

    def sole(self, name: str) -> bool:
        """Whether a value is taken once, and by an op."""
        return self.uses[name] == 1 and name not in self.outputs

    def free(self, *names: str) -> bool:
        """Whether no change of this round is about any of these values."""
        return not self.touched.intersection(names)

    def keep(self, tensor: Tensor) -> str:
        """Name of a tensor, in double precision."""
        name = f"f{len(self.tensors)}"
        while name in self.tensors:
            name += "_"
        self.tensors[name] = tensor.double()
        return name

    def tensor(self, name: str | None) -> Tensor | None:
        """The tensor of a name, in double precision."""
        return None if name is None else self.tensors[name].double()

    def put(self, name: str, op: Op, inputs: Iterable[str], *about: str) -> bool:
        """Put an op in the place of a node; `about` are others that the change is about."""
        self.nodes[name] = Node(name, tuple(inputs), op)
        self.touched.update((name, *about))
        self.changed = True
        return True

    def bypass(self, name: str, source: str) -> bool:
        """Have everybody take `source` in place of a value."""
        for other in list(self.nodes.values()):
            if name in other.inputs:
                inputs = tuple(source if n == name else n for n in other.inputs)
                self.nodes[other.name] = Node(other.name, inputs, other.op)
                self.touched.add(other.name)
        self.outputs = [source if n == name else n for n in self.outputs]
        self.touched.update((name, source))
        self.changed = True
        return True

    def done(self) -> Program:
        """The program of what is still taken, in an order that can be run."""
        order: list[Node] = []
        seen = {INPUT}
        open_ = [(name, False) for name in reversed(self.outputs)]
        while open_:
            name, ready = open_.pop()
            if ready:
                order.append(self.nodes[name])
            elif name not in seen:
                seen.add(name)
                open_.append((name, True))
                open_ += [(source, False) for source in reversed(self.nodes[name].inputs)]
        used = {n for node in order for n in _names(node.op)}
        tensors = {name: t for name, t in self.tensors.items() if name in used}
        return Program(self.program.shape, tuple(order), tensors, tuple(self.outputs))


def _names(op: Op) -> list[str]:
    return [n for n in (getattr(op, key) for key in op.tensors) if n is not None]


Rule = Callable[[Draft, Node, Shape], bool]


def fold(program: Program) -> Program:
    """A program of fewer ops that computes the same, up to rounding."""
    from training.importing import folding_rows, folding_scales

    rules = (_identity, _constant, _merged, *folding_scales.RULES)
    for _ in range(ROUNDS):
        draft = Draft(program)
        for node in program.nodes:
            if draft.free(node.name):
                current = draft.nodes[node.name]
                any(rule(draft, current, draft.shapes[node.name]) for rule in rules)
        program = draft.done()
        rowed = folding_rows.gathered(program)
        if not draft.changed and rowed is program:
            break
        program = rowed
    return _renumbered(program)


def _renumbered(program: Program) -> Program:
    """The program with values and tensors named by their numbers, tensors in single precision."""
    names = {INPUT: INPUT} | {node.name: f"{n + 1}" for n, node in enumerate(program.nodes)}
    tensors: dict[str, Tensor] = {}
    own: dict[str, str] = {}
    nodes = []
    for node in program.nodes:
        for name in _names(node.op):
            if name not in own:
                own[name] = f"t{len(own)}"
                tensors[own[name]] = program.tensors[name].float().contiguous()
        attributes = {key: getattr(node.op, key) for key in node.op.tensors}
        op = replace(node.op, **{k: own[n] for k, n in attributes.items() if n is not None})
        nodes.append(Node(names[node.name], tuple(names[n] for n in node.inputs), op))
    outputs = tuple(names[name] for name in program.outputs)
    return Program(program.shape, tuple(nodes), tensors, outputs)


def _identity(draft: Draft, node: Node, shape: Shape) -> bool:
    """An op that gives what it takes."""
    if len(node.inputs) != 1 or draft.shapes[node.inputs[0]] != shape:
        return False
    op, (source,) = node.op, node.inputs
    same = isinstance(op, ops_places.Reshape | ops_places.Slice | ops_places.Concat)
    if isinstance(op, ops_places.Permute):
        same = list(op.order) == sorted(op.order)
    elif isinstance(op, ops_places.Pad):
        same = not any(op.sides)
    elif isinstance(op, ops_places.Upsample):
        same = True
    elif isinstance(op, ops_linear.MaxPool | ops_linear.AvgPool):
        same = (*op.kernel, *op.stride, *op.padding) == (1, 1, 1, 1, 0, 0)
    elif isinstance(op, ops_pointwise.Scale):
        same = op.factor == 1
    elif isinstance(op, ops_pointwise.Power):
        same = op.exponent == 1
    elif isinstance(op, ops_pointwise.Relu):
        before = draft.node(source)
        same = before is not None and isinstance(before.op, ops_pointwise.Relu)
    elif isinstance(op, ops_linear.Affine):
        bias = draft.tensor(op.bias)
        same = bool((draft.tensors[op.weight] == 1).all()) and (bias is None or not bias.any())
    return same and draft.free(source) and draft.bypass(node.name, source)


def _constant(draft: Draft, node: Node, shape: Shape) -> bool:
    """An op of constants alone, computed now."""
    sources = [draft.node(name) for name in node.inputs]
    if not sources or math.prod(shape) > MOST_KEPT or not draft.free(*node.inputs):
        return False
    values = []
    for source in sources:
        if source is None or not isinstance(source.op, ops_algebra.Constant):
            return False
        values.append(draft.tensors[source.op.value].double()[None])
    tensors = {name: draft.tensors[name].double() for name in _names(node.op)}
    found = node.op.run(values, tensors)[0]
    return draft.put(node.name, ops_algebra.Constant(value=draft.keep(found)), (), *node.inputs)


def _merged(draft: Draft, node: Node, shape: Shape) -> bool:
    """Two moves, one behind the other, as one."""
    before = draft.node(node.inputs[0]) if node.inputs else None
    if before is None or not before.inputs or not draft.free(before.name):
        return False
    op, first = node.op, before.op
    if isinstance(op, ops_places.Reshape) and isinstance(first, ops_places.Reshape):
        return draft.put(node.name, ops_places.Reshape(sides=shape), before.inputs, before.name)
    if isinstance(op, ops_places.Permute) and isinstance(first, ops_places.Permute):
        order = tuple(first.order[n] for n in op.order)
        return draft.put(node.name, ops_places.Permute(order=order), before.inputs, before.name)
    match (op, first):
        case ops_places.Slice(axis=n), ops_places.Slice(axis=m, start=start) if n == m:
            part = ops_places.Slice(axis=n, start=op.start + start, stop=op.stop + start)
            return draft.put(node.name, part, before.inputs, before.name)
    if isinstance(op, ops_pointwise.Log) and isinstance(first, ops_pointwise.Clamp):
        power = draft.node(before.inputs[0])
        if power and isinstance(power.op, ops_pointwise.Exp) and first.low > 0:
            held = ops_pointwise.Clamp(low=math.log(first.low), high=math.log(first.high))
            return draft.put(node.name, held, power.inputs, before.name, power.name)
    later = isinstance(op, ops_pointwise.Pointwise) and isinstance(first, ops_places.Reshape)
    if later and draft.sole(before.name):  # a shape behind what is done to each number
        draft.put(before.name, op, before.inputs)
        return draft.put(node.name, ops_places.Reshape(sides=shape), node.inputs, *before.inputs)
    return False
