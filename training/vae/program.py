"""Programs: encoder and decoder as ops over named tensors, run by torch here and by the browser's
engine there.

A program is a graph: each op names its inputs, by default the value before it. The input of the
whole is called "x", and a value without a name of its own goes by the number of its op, from "1".
As JSON:

    {"shape": [2], "ops": [{"op": "linear", "weight": "t0", "bias": "t1"}, {"op": "silu"},
        {"op": "linear", "weight": "t2"}, {"op": "add", "inputs": ["2", "3"]}]}

`OPS` has a row a kind of op, and so has `explorer/web/engine/ops.js`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from torch import Tensor

from training.errors import UserError
from training.text import printable
from training.vae import ops_algebra, ops_linear, ops_places, ops_pointwise
from training.vae.op import MAX_RANK, Count, Name, Op, Shape, need

INPUT = "x"
MAX_OPS = 4096
MAX_SIZE = 2**24  # numbers of one value
MAX_TOTAL = 2**26  # numbers of all values
MAX_PRODUCTS = 10**9  # multiply-adds of one run

OPS: dict[str, type[Op]] = {
    "linear": ops_linear.Linear,
    "conv": ops_linear.Conv,
    "conv_transpose": ops_linear.ConvTranspose,
    "affine": ops_linear.Affine,
    "group_norm": ops_linear.GroupNorm,
    "max_pool": ops_linear.MaxPool,
    "avg_pool": ops_linear.AvgPool,
    "softmax": ops_linear.Softmax,
    "add": ops_algebra.Add,
    "multiply": ops_algebra.Multiply,
    "matmul": ops_algebra.MatMul,
    "mean": ops_algebra.Mean,
    "constant": ops_algebra.Constant,
    "reshape": ops_places.Reshape,
    "permute": ops_places.Permute,
    "slice": ops_places.Slice,
    "concat": ops_places.Concat,
    "append": ops_places.Append,
    "pad": ops_places.Pad,
    "upsample": ops_places.Upsample,
    "one_hot": ops_places.OneHot,
    "relu": ops_pointwise.Relu,
    "leaky_relu": ops_pointwise.LeakyRelu,
    "elu": ops_pointwise.Elu,
    "silu": ops_pointwise.Silu,
    "gelu": ops_pointwise.Gelu,
    "tanh": ops_pointwise.Tanh,
    "sigmoid": ops_pointwise.Sigmoid,
    "softplus": ops_pointwise.Softplus,
    "exp": ops_pointwise.Exp,
    "clamp": ops_pointwise.Clamp,
    "scale": ops_pointwise.Scale,
    "log": ops_pointwise.Log,
    "power": ops_pointwise.Power,
    "sin": ops_pointwise.Sin,
    "abs": ops_pointwise.Abs,
}


class ProgramError(UserError):
    """A program makes no sense; the message is a sentence that names the op."""


class Node(msgspec.Struct, frozen=True):
    """An op in a graph: its kind, the values it takes, and the name of the value it makes."""

    name: str
    inputs: tuple[str, ...]
    op: Op

    @property
    def kind(self) -> str:
        """The op's name in `OPS`."""
        return next(kind for kind, row in OPS.items() if row is type(self.op))


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    shape: Annotated[tuple[Count, ...], Meta(min_length=1, max_length=MAX_RANK)]
    ops: Annotated[list[dict[str, Any]], Meta(max_length=MAX_OPS)]
    outputs: Annotated[list[Name], Meta(min_length=1, max_length=64)] | None = None


@dataclass(frozen=True)
class Program:
    """A checked program: the input's shape, ops in the order of their running, named float tensors,
    and the names of what comes out, by default the last value.

    Raises:
        ProgramError: an op names a value or a tensor that is not there, or they do not fit.
    """

    shape: Shape
    nodes: tuple[Node, ...]
    tensors: Mapping[str, Tensor]
    outputs: tuple[str, ...] = ()
    shapes: dict[str, Shape] = field(init=False, compare=False)  # of all values
    products: int = field(init=False, compare=False)  # multiply-adds of one run
    total: int = field(init=False, compare=False)  # numbers of all values

    def __post_init__(self) -> None:
        """Check, and find the shapes."""
        shapes: dict[str, Shape] = {INPUT: tuple(self.shape)}
        products, total = 0, math.prod(self.shape)
        for n, node in enumerate(self.nodes):
            shapes[node.name], more = _checked(n + 1, node, shapes, self.tensors)
            products += more
            total += math.prod(shapes[node.name])
            if products >= MAX_PRODUCTS or total > MAX_TOTAL:
                raise ProgramError(
                    f"The program takes {products:.3g} multiplications and {total:.3g} numbers a "
                    f"picture, or more; fewer than {MAX_PRODUCTS:.3g} and at most "
                    f"{MAX_TOTAL:.3g} are run."
                )
        last = self.nodes[-1].name if self.nodes else INPUT
        object.__setattr__(self, "outputs", tuple(self.outputs) or (last,))
        for name in self.outputs:
            if name not in shapes:
                raise ProgramError(f"The output {printable(name)!r} is the name of no value.")
        object.__setattr__(self, "shapes", shapes)
        object.__setattr__(self, "products", products)
        object.__setattr__(self, "total", total)

    def used_tensors(self) -> list[str]:
        """Names of the tensors that its ops take, in the order of their use."""
        found = (getattr(node.op, name) for node in self.nodes for name in node.op.tensors)
        return list(dict.fromkeys(name for name in found if name is not None))

    def with_tensors(self, tensors: Mapping[str, Tensor]) -> "Program":
        """The same ops over other tensors of the same names and shapes."""
        return replace(self, tensors=tensors)

    def describe(self) -> dict[str, Any]:
        """The program as JSON has it, without the tensors; what is as by default is left out."""
        ops, before = [], INPUT
        for n, node in enumerate(self.nodes):
            entry: dict[str, Any] = {"op": node.kind}
            if node.name != str(n + 1):
                entry["name"] = node.name
            if node.inputs != (before,):
                entry["inputs"] = list(node.inputs)
            for info in msgspec.structs.fields(type(node.op)):
                value = getattr(node.op, info.name)
                if info.required or value != info.default:
                    entry[info.name] = msgspec.to_builtins(value)
            ops.append(entry)
            before = node.name
        found: dict[str, Any] = {"shape": list(self.shape), "ops": ops}
        if self.outputs != (before,):
            found["outputs"] = list(self.outputs)
        return found


def _checked(
    number: int, node: Node, shapes: Mapping[str, Shape], tensors: Mapping[str, Tensor]
) -> tuple[Shape, int]:
    """Shape of a node's value, and its multiply-adds; ProgramError where it does not fit."""
    try:
        for name in node.inputs:
            need(name in shapes, f"no value before it is called {printable(name)!r}")
        need(node.name not in shapes, f"two values are called {printable(node.name)!r}")
        least, most = node.op.arity
        taken = str(least) if least == most else f"{least} to {most}"
        need(least <= len(node.inputs) <= most, f"it takes {taken} inputs, not {len(node.inputs)}")
        for attribute in node.op.tensors:
            found = getattr(node.op, attribute)
            need(found is None or found in tensors, f"there is no tensor {printable(str(found))!r}")
        inputs = [shapes[name] for name in node.inputs]
        shape = tuple(int(n) for n in node.op.shape(inputs, tensors))
        need(min(shape) >= 1, f"its output would have the shape {list(shape)}")
        need(
            len(shape) <= MAX_RANK and math.prod(shape) <= MAX_SIZE,
            f"its output, {list(shape)}, would be larger than {MAX_SIZE:,} numbers",
        )
    except ValueError as error:
        raise ProgramError(f"Op {number} ({node.kind}) cannot be run: {error}.") from None
    return shape, node.op.products(inputs, tensors)


def read(document: Any, tensors: Mapping[str, Tensor]) -> Program:
    """The program of a description, as `Program.describe` gives it and JSON carries it.

    Raises:
        ProgramError: it makes no sense; the message says which op, and what is wrong.
    """
    try:
        found = msgspec.convert(document, _Document)
    except msgspec.ValidationError as error:
        raise ProgramError(f"The program makes no sense ({printable(str(error), 200)}).") from None
    nodes: list[Node] = []
    before = INPUT
    for n, entry in enumerate(found.ops):
        attributes = dict(entry)
        kind = attributes.pop("op", None)
        if not isinstance(kind, str) or kind not in OPS:
            raise ProgramError(
                f"Op {n + 1} is of the kind {printable(str(kind))!r}; the known ones are "
                f"{', '.join(OPS)}."
            )
        try:
            name = msgspec.convert(attributes.pop("name", f"{n + 1}"), Name)
            inputs = msgspec.convert(attributes.pop("inputs", [before]), list[Name])
            op = msgspec.convert(attributes, OPS[kind])
        except msgspec.ValidationError as error:
            reason = printable(str(error), 200)
            raise ProgramError(f"Op {n + 1} ({kind}) makes no sense: {reason}.") from None
        nodes.append(Node(name, tuple(inputs), op))
        before = name
    return Program(found.shape, tuple(nodes), tensors, tuple(found.outputs or ()))


def evaluate(
    program: Program, x: Tensor, tensors: Mapping[str, Tensor] | None = None
) -> list[Tensor]:
    """All outputs of a program for inputs (B, …), each (B, …); with other `tensors`, as they are
    on another device."""
    tensors = program.tensors if tensors is None else tensors
    values = {INPUT: x.reshape(len(x), *program.shape)}
    last = {name: n for n, node in enumerate(program.nodes) for name in node.inputs}
    for n, node in enumerate(program.nodes):
        made = node.op.run([values[name] for name in node.inputs], tensors)
        if not node.inputs:
            made = made.to(x.dtype).expand(len(x), *made.shape[1:])
        values[node.name] = made
        for name in set(node.inputs):
            if last[name] == n and name not in program.outputs:
                del values[name]
    return [values[name] for name in program.outputs]


def run(program: Program, x: Tensor) -> Tensor:
    """The first output of a program for inputs (B, …)."""
    return evaluate(program, x)[0]


class Builder:
    """A program in the making. Values are named; `shapes` has the shape of each, without a batch.

    `tensors` may be shared by several programs; the names count through all of them.
    """

    def __init__(self, shape: Sequence[int], tensors: dict[str, Tensor] | None = None) -> None:
        self.x = INPUT
        self.shapes: dict[str, Shape] = {INPUT: tuple(shape)}
        self.tensors: dict[str, Tensor] = {} if tensors is None else tensors
        self.nodes: list[Node] = []

    def add(self, op: str, *inputs: str, **attributes: Any) -> str:
        """Name of the value that an op makes of other values, by default of the last one. An
        attribute that is a tensor is kept under a name of its own.

        Raises:
            ProgramError: inputs and attributes do not fit.
        """
        last = self.nodes[-1].name if self.nodes else INPUT
        taken = inputs or ((last,) if OPS[op].arity[1] else ())
        plain = {}
        for key, value in attributes.items():
            plain[key] = self._keep(value) if isinstance(value, Tensor) else value
        name = f"{len(self.nodes) + 1}"
        try:
            node = Node(name, taken, msgspec.convert(plain, OPS[op]))
        except msgspec.ValidationError as error:
            raise ProgramError(f"Op {name} ({op}) makes no sense: {error}.") from None
        shape, _ = _checked(len(self.nodes) + 1, node, self.shapes, self.tensors)
        self.nodes.append(node)
        self.shapes[name] = shape
        return name

    def _keep(self, tensor: Tensor) -> str:
        name = f"t{len(self.tensors)}"
        self.tensors[name] = tensor.detach().float()
        return name

    def lower(self, module: Any, x: str) -> str:
        """Name of the value that a torch module makes of a value, its ops added here.

        A module that has a method `lower(builder, x)` is asked itself; else its row in
        `lowering.LOWERINGS` is.

        Raises:
            ProgramError: the module is of a kind that has no ops.
        """
        from training.vae import lowering

        return lowering.lower(self, module, x)

    def program(self, *outputs: str) -> Program:
        """The program of all ops so far, and of the values that come out, by default the last."""
        return Program(self.shapes[INPUT], tuple(self.nodes), self.tensors, outputs)


def of_module(
    module: Any, shape: Sequence[int], tensors: dict[str, Tensor] | None = None
) -> Program:
    """Program of a torch module for inputs of a shape (without a batch), as it runs in evaluation;
    its tensors may be put among those of other programs.

    Raises:
        ProgramError: it has a layer that no op stands for.
    """
    builder = Builder(shape, tensors)
    return builder.program(builder.lower(module, builder.x))
