"""Values of an exported graph in a program: the ground that the rows of `aten` stand on.

The graph is of one picture, so that an axis of length one in front, wherever the network puts it,
holds nothing: a value in torch's shape (1, …) has the shape (…) in the program, any other shape
its own. Whether a network treats the pictures of a batch apart is seen when it is compared.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, fx

from training.importing.exported import Exported, ImportRefused, is_getitem, line_of
from training.text import printable
from training.vae.op import MAX_RANK
from training.vae.program import Builder, ProgramError

Dims = tuple[int, ...]


class Value(NamedTuple):
    """A value of a program by its name there, and its shape in torch."""

    name: str
    shape: Dims

    @property
    def size(self) -> int:
        """The count of its numbers."""
        return math.prod(self.shape)


Row = Callable[..., Any]
ROWS: dict[str, Row] = {}
MOST_ROWS = 64  # of concat


def row(*targets: str) -> Callable[[Row], Row]:
    """Enter a function as the row of aten operators, named without "aten."."""

    def enter(function: Row) -> Row:
        ROWS.update(dict.fromkeys(targets, function))
        return function

    return enter


def program_shape(shape: Sequence[int]) -> Dims:
    """The shape in a program of a shape in torch."""
    if len(shape) >= 2 and shape[0] == 1:
        return tuple(shape[1:])
    return tuple(shape) or (1,)


class Lowered:
    """A graph in the making, and the operator that is being lowered (`node`)."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        self.node: fx.Node | None = None

    def refuse(self, why: str) -> ImportRefused:
        """The error of the operator at hand, with its name and its line in the source."""
        node = self.node
        if node is None:
            return ImportRefused(f"{why}.")
        name = printable(str(node.target), 60)
        return ImportRefused(f"{why}: the operator {name}{line_of(node.meta.get('stack_trace'))}.")

    def need(self, condition: bool, why: str) -> None:
        """Refuse the operator at hand unless a condition holds."""
        if not condition:
            raise self.refuse(why)

    def result_shape(self, index: int | None = None) -> Dims:
        """Torch's shape of what the operator at hand gives."""
        assert self.node is not None
        found = self.node.meta["val"]
        return tuple(int(n) for n in (found if index is None else found[index]).shape)

    def add(self, op: str, *inputs: str, **attributes: Any) -> str:
        """Name of the value that an op of the program makes."""
        try:
            return self.builder.add(op, *inputs, **attributes)
        except ProgramError as error:
            why = str(error).partition(" cannot be run: ")[2] or str(error)
            raise self.refuse(f"There is no op for this ({why.rstrip('.')})") from None

    def dims(self, name: str) -> Dims:
        """Shape of a value in the program."""
        return self.builder.shapes[name]

    def reshaped(self, name: str, sides: Sequence[int]) -> str:
        """Name of a value in another shape of the program."""
        if self.dims(name) == tuple(sides):
            return name
        self.need(len(sides) <= MAX_RANK, f"At most {MAX_RANK} axes are possible")
        return self.add("reshape", name, sides=list(sides))

    def put(self, name: str, shape: Sequence[int] | None = None) -> Value:
        """A value of the program as one of torch, by default in the shape of the result."""
        shape = self.result_shape() if shape is None else tuple(shape)
        return Value(self.reshaped(name, program_shape(shape)), shape)

    def value(self, x: Any) -> Value:
        """A value, made of a constant where it is one."""
        if isinstance(x, Value):
            return x
        found = torch.as_tensor(x, dtype=torch.float32)
        shape = tuple(found.shape)
        own = found.reshape(program_shape(shape))
        return Value(self.add("constant", value=own), shape)

    def constant(self, x: Any, what: str) -> Tensor:
        """A tensor that is known now.

        Raises:
            ImportRefused: it depends on the network's input.
        """
        self.need(not isinstance(x, Value), f"{what} must be constant, and depends on the input")
        return torch.as_tensor(x)

    def axis(self, x: Value, axis: int) -> int:
        """An axis of torch, counted from 0."""
        return axis % max(len(x.shape), 1)

    def picture(self, x: Value, sides: int = 2) -> str:
        """Name of a value as a picture (channels, height, width); of one axis less the height is 1.

        Raises:
            ImportRefused: there are several pictures, or it is none.
        """
        shape = x.shape
        if len(shape) == sides + 2:
            self.need(shape[0] == 1, "Several pictures in place of a batch of one have no op")
            shape = shape[1:]
        self.need(len(shape) == sides + 1, f"An input of the shape {list(x.shape)} has no op")
        return self.reshaped(x.name, shape if sides == 2 else (shape[0], 1, shape[1]))

    def moved(self, x: Value, order: Sequence[int]) -> Value:
        """A value with torch's axes in another order."""
        long = [n for n, side in enumerate(x.shape) if side > 1]
        wanted = [long.index(n) for n in order if x.shape[n] > 1]
        shape = tuple(x.shape[n] for n in order)
        name = x.name
        if wanted != sorted(wanted):
            name = self.reshaped(name, [x.shape[n] for n in long])
            name = self.add("permute", name, order=wanted)
        return self.put(name, shape)

    def part(self, x: Value, axis: int, start: int, stop: int) -> Value:
        """The part of a value along an axis of torch."""
        shape = (*x.shape[:axis], stop - start, *x.shape[axis + 1 :])
        if shape == x.shape:
            return x
        before, after = math.prod(x.shape[:axis]), math.prod(x.shape[axis + 1 :])
        own = axis - (len(x.shape) - len(self.dims(x.name)))
        if own >= 0:
            return self.put(self.add("slice", x.name, axis=own, start=start, stop=stop), shape)
        name = self.reshaped(x.name, [before, x.shape[axis], after])
        return self.put(self.add("slice", name, axis=1, start=start, stop=stop), shape)

    def joined(self, parts: Sequence[Value], axis: int) -> Value:
        """Values one behind the other along an axis of torch."""
        first = parts[0].shape
        shape = (*first[:axis], sum(p.shape[axis] for p in parts), *first[axis + 1 :])
        if len(parts) == 1:
            return parts[0]
        before, after = math.prod(first[:axis]), math.prod(first[axis + 1 :])
        sides = [n for n in (before, -1, after) if n != 1] or [-1]
        along = sides.index(-1)
        whole = program_shape(shape)
        own = axis - (len(shape) - len(whole))
        plain = own >= 0 and all(
            len(p.shape) == len(self.dims(p.name)) + (len(shape) - len(whole)) for p in parts
        )
        names = []
        for p in parts:
            flat = [p.shape[axis] if n == -1 else n for n in sides]
            names.append(p.name if plain else self.reshaped(p.name, flat))
        while len(names) > 1:  # an op takes so many
            groups = [names[n : n + MOST_ROWS] for n in range(0, len(names), MOST_ROWS)]
            names = [
                self.add("concat", *group, axis=own if plain else along)
                if len(group) > 1
                else group[0]
                for group in groups
            ]
        return self.put(names[0], shape)


def lower(
    builder: Builder, exported: Exported, inputs: Mapping[str, Value], wanted: Sequence[fx.Node]
) -> list[Value]:
    """The values of nodes of a graph, what they need of it lowered; `inputs` are the arguments'.

    Raises:
        ImportRefused: an operator is in no row, or draws; its name and its line are told.
    """
    from training.importing import aten  # noqa: F401  (fills ROWS)

    graph = Lowered(builder)
    found: dict[fx.Node, Any] = {}
    needed = _needed(wanted)
    for node in exported.graph.nodes:
        if node not in needed:
            continue
        graph.node = node
        if node.op == "placeholder":
            found[node] = inputs[node.name] if node.name in inputs else exported.tensors[node.name]
        else:
            found[node] = _result(graph, node, found, exported)
    graph.node = None
    return [graph.value(found[node]) for node in wanted]


def _needed(wanted: Sequence[fx.Node]) -> set[fx.Node]:
    needed, open_ = set(wanted), list(wanted)
    while open_:
        for source in open_.pop().all_input_nodes:
            if source not in needed:
                needed.add(source)
                open_.append(source)
    return needed


def _result(graph: Lowered, node: fx.Node, found: Mapping[fx.Node, Any], exported: Exported) -> Any:
    taken: Any = fx.map_arg((node.args, dict(node.kwargs)), lambda source: found[source])
    args, kwargs = taken
    if is_getitem(node):
        return args[0][args[1]]
    graph.need(
        node not in exported.random,
        "A network that draws numbers is no function of its input; name what it computes before",
    )
    name = str(node.target).removeprefix("aten.")
    known = any(isinstance(found[source], Value) for source in node.all_input_nodes) or any(
        isinstance(item, Value) for source in node.all_input_nodes for item in _items(found[source])
    )
    if not known:  # of parameters alone: computed now
        with torch.no_grad():
            assert callable(node.target)
            return node.target(*args, **kwargs)
    graph.need(name in ROWS, "A program has no op for this")
    return ROWS[name](graph, *args, **kwargs)


def _items(value: Any) -> Sequence[Any]:
    return value if isinstance(value, tuple | list) else ()
