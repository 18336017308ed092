"""Graphs of other people's modules, by torch.export: aten operators over named tensors.

The module is run once on one example, without its batch growing: what Python decides on the way
(shapes, flags, loops) is decided then, and a branch on a value is refused.
"""

import contextlib
import dataclasses
import inspect
import io
import logging
import operator
import os
import re
import traceback
import types
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, fx, nn

from training.errors import UserError
from training.text import printable, printable_path

_TORCH = os.path.dirname(torch.__file__)
_HERE = os.path.dirname(__file__)
IN_TRAINING = "Expected more than 1 value per channel when training"  # says torch
_FRAME = re.compile(r'File "([^"]+)", line (\d+)')


class ImportRefused(UserError):
    """A network cannot be imported; one sentence says why, and where in its source."""


class Part(NamedTuple):
    """A tensor that a network returns, and what the network calls it."""

    name: str
    value: Tensor


@dataclass(frozen=True)
class Exported:
    """The graph of a function of tensors for a batch of one.

    `tensors` are its parameters, buffers and constants by the names of their placeholders, `inputs`
    the names of those that are arguments. `outputs` are nodes, by the name that the network gives
    each; `random` the nodes that depend on a draw. `used` are the addresses of the tensors that are
    taken by an operator.
    """

    graph: fx.Graph
    tensors: Mapping[str, Tensor]
    inputs: tuple[str, ...]
    outputs: tuple[tuple[str, fx.Node], ...]
    random: frozenset[fx.Node]
    used: frozenset[int]


def parts(value: Any, name: str = "") -> list[Part]:
    """The tensors of whatever a network returns, in order: of tuples, mappings, dataclasses, and of
    normal distributions their mean and standard deviation.

    Raises:
        ImportRefused: it returns something else.
    """
    if isinstance(value, Tensor):
        return [Part(name, value)]
    if value is None or isinstance(value, bool | int | float | str):
        return []
    return [part for key, item in _members(value, name) for part in parts(item, key)]


def _members(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from ((str(key), item) for key, item in value.items())
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        yield from zip(value._fields, value, strict=True)
    elif isinstance(value, tuple | list):
        yield from ((f"{name}{n}", item) for n, item in enumerate(value))
    elif isinstance(value, torch.distributions.Independent):
        yield from _members(value.base_dist, name)
    elif isinstance(value, torch.distributions.Normal):
        yield from (("mean", value.loc), ("std", value.scale))
    elif hasattr(value, "logits") and hasattr(value, "probs"):  # a categorical distribution
        yield "probabilities", value.probs
    elif hasattr(value, "latent_dist"):
        yield from _members(value.latent_dist, name)
    elif hasattr(value, "mean") and hasattr(value, "logvar"):
        yield from (("mean", value.mean), ("logvar", value.logvar))
    elif dataclasses.is_dataclass(value):
        yield from ((f.name, getattr(value, f.name)) for f in dataclasses.fields(value))
    else:
        raise ImportRefused(
            f"The network returns a {printable(type(value).__name__)}, and tensors are needed; "
            "name a method or a function that returns mu and the second output as tensors."
        )


class Callee(nn.Module):
    """A function of tensors as a module that gives a tuple of tensors, with the modules that it
    runs registered; what it keeps of itself while it runs is put back."""

    def __init__(
        self, function: Callable[..., Any], record: Callable[[list[str]], Any] = lambda names: None
    ) -> None:
        super().__init__()
        self.function = function
        self.held = nn.ModuleList(modules_of(function))
        self.record = record

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """The tensors that the function returns."""
        before = [(m, dict(m.__dict__)) for held in self.held for m in held.modules()]
        try:
            found = parts(self.function(*inputs))
        finally:
            for module, state in before:
                module.__dict__.clear()
                module.__dict__.update(state)
        self.record([part.name for part in found])
        return tuple(part.value for part in found)


def modules_of(function: Callable[..., Any]) -> list[nn.Module]:
    """The modules that a function runs: itself, the one that it is a method of, or those that it
    closes over or names."""
    if isinstance(function, nn.Module):
        return [function]
    owner = getattr(function, "__self__", None)
    if isinstance(owner, nn.Module):
        return [owner]
    inner = inspect.unwrap(function)
    if not isinstance(inner, types.FunctionType):
        seen = vars(owner if owner is not None else function)
        return [m for m in seen.values() if isinstance(m, nn.Module)]
    cells = [cell.cell_contents for cell in inner.__closure__ or ()]
    named = [inner.__globals__.get(name) for name in inner.__code__.co_names]
    found: list[nn.Module] = []
    for item in (*cells, *named, *(inner.__defaults__ or ())):
        if isinstance(item, nn.Module):
            found.append(item)
        elif isinstance(item, types.MethodType | types.FunctionType) and item in cells:
            found += modules_of(item)
    return found


class _OwnLines(set):
    """The frames whose lines torch keeps of each operator: the user's, whatever they are called."""

    def __contains__(self, frame: object) -> bool:
        return isinstance(frame, tuple) and _own(str(frame[0]))


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Without gradients, logs of whole graphs, checks of distributions and fused layers."""
    fast, checks = torch.backends.mha.get_fastpath_enabled(), torch.distributions.Distribution
    checked, kept = checks._validate_args, fx.proxy._STACK_TRACE_ANCHORS
    logging.disable(logging.CRITICAL)
    torch.backends.mha.set_fastpath_enabled(False)
    checks.set_default_validate_args(False)
    fx.proxy._STACK_TRACE_ANCHORS = _OwnLines()
    try:
        told = io.StringIO()  # torch prints the graph of a branch there
        with warnings.catch_warnings(), torch.no_grad(), contextlib.redirect_stderr(told):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)
        torch.backends.mha.set_fastpath_enabled(fast)
        checks.set_default_validate_args(checked)
        fx.proxy._STACK_TRACE_ANCHORS = kept


def _decomposed(program: Any, known: Collection[str]) -> Any:
    """The program with operators that are not known in terms of others, where torch knows them."""
    for node in program.graph.nodes:
        if str(node.target) == "aten.batch_norm.default" and node.args[5] is True:
            raise in_training(line_of(node.meta.get("stack_trace")))
    program = program.run_decompositions({})
    table = torch.export.default_decompositions()
    for _ in range(3):
        unknown = {
            node.target: table[node.target]
            for node in program.graph.nodes
            if node.op == "call_function"
            and isinstance(node.target, torch._ops.OpOverload)
            and str(node.target).removeprefix("aten.") not in known
            and node.target in table
        }
        if not unknown:
            break
        try:
            program = program.run_decompositions(unknown)
        except Exception:  # then what is not known is refused by its name
            break
    return program


def export(
    function: Callable[..., Any], example: Sequence[Tensor], known: Collection[str] = ()
) -> Exported:
    """The graph of a function for inputs (1, …) like the example's; operators that are not among
    the `known` ones are taken apart where torch can.

    Raises:
        ImportRefused: it cannot be run, branches on a value, or returns no tensors.
    """
    names: list[str] = []
    callee = Callee(function, lambda found: names.__setitem__(slice(None), found))
    callee.training = any(module.training for module in callee.held)
    try:
        with _quietly():
            program = torch.export.export(callee, tuple(example), strict=False)
            program = _decomposed(program, known)
    except UserError:
        raise
    except Exception as error:  # the user's own code may raise anything
        raise _explain(error) from None
    return _taken(program, names)


def said(error: object) -> str:
    """What an error of other people's code says, as a clause without its full stop."""
    text = " ".join(str(error).split()) or type(error).__name__
    return printable(text, 240).rstrip(".")


def in_training(where: str = "") -> ImportRefused:
    return ImportRefused(f"A batch norm is left in training; call .eval() on the network{where}.")


def _explain(error: Exception) -> ImportRefused:
    """The sentence of what went wrong while a network ran."""
    text = str(error)
    where = _frame(traceback.extract_tb(error.__traceback__)) or line_of(text)
    if IN_TRAINING in text:
        return in_training(where)
    kinds = ("DataDependent", "data-dependent", "GuardOnData", "aten._local_scalar_dense")
    if any(kind in type(error).__name__ or kind in text for kind in kinds):
        return ImportRefused(
            f"The network decides by a value that it computes{where}; a program has no branches, "
            "so that what it does may depend on the shapes alone."
        )
    said = " ".join(text.split("\n\n")[0].split()) or type(error).__name__
    return ImportRefused(
        f"The network cannot be run on one example{where}: {printable(said, 300).rstrip('.')}."
    )


def _own(path: str) -> bool:
    """Whether a file is neither torch's, nor Python's, nor of this package."""
    return not path.startswith((_TORCH, _HERE, os.path.dirname(os.__file__), "<"))


def _frame(frames: Sequence[traceback.FrameSummary]) -> str:
    found = [f for f in frames if _own(f.filename)]
    return f" ({printable_path(found[-1].filename)}, line {found[-1].lineno})" if found else ""


def line_of(trace: str | None) -> str:
    """The line of the user's own source that a stack trace ends in, in brackets; "" where none."""
    found = [(path, line) for path, line in _FRAME.findall(trace or "") if _own(path)]
    return f" ({printable_path(found[-1][0])}, line {found[-1][1]})" if found else ""


def _taken(program: Any, names: Sequence[str]) -> Exported:
    signature = program.graph_signature
    state = {**program.state_dict, **program.constants}
    tensors, inputs = {}, []
    for spec in signature.input_specs:
        if spec.kind.name == "USER_INPUT":
            inputs.append(spec.arg.name)
        elif isinstance(state.get(spec.target), Tensor):
            tensors[spec.arg.name] = state[spec.target].detach()
    nodes = {node.name: node for node in program.graph.nodes}
    outputs = [
        nodes[spec.arg.name]
        for spec in signature.output_specs
        if spec.kind.name == "USER_OUTPUT" and hasattr(spec.arg, "name")
    ]
    if not outputs:
        raise ImportRefused("The network returns no tensors; name a function that does.")
    named = tuple(zip(names, outputs, strict=True))
    used = {tensors[n].data_ptr() for n, node in nodes.items() if n in tensors and node.users}
    return Exported(
        program.graph, tensors, tuple(inputs), named, _random(program.graph), frozenset(used)
    )


def is_random(node: fx.Node) -> bool:
    """Whether an operator draws numbers."""
    tags = getattr(node.target, "tags", ())
    flagged = any(word in str(node.target) for word in ("dropout", "dot_product_attention"))
    return torch.Tag.nondeterministic_seeded in tags and not flagged


def _random(graph: fx.Graph) -> frozenset[fx.Node]:
    found: set[fx.Node] = set()
    for node in graph.nodes:
        if is_random(node) or any(source in found for source in node.all_input_nodes):
            found.add(node)
    return frozenset(found)


def is_getitem(node: fx.Node) -> bool:
    """Whether a node takes one of several results of another."""
    return node.target is operator.getitem
