"""Evidence for what a network's file cannot say, from its source, its graph and its pictures."""

import ast
import inspect
import itertools
import re
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from training.importing.exported import modules_of
from training.importing.interface import (
    SIGNED,
    UNIT,
    DecoderCall,
    EncoderCall,
    Range,
    tried,
    with_moments,
)
from training.importing.outputs import Heads, Output

SECONDS = ("log_var", "log_std", "std", "var", "none")
_NAMES = (
    ("log_var", r"log_?(var|cov|sigma_?(2|sq|square))|lnvar|lv$"),
    ("log_std", r"log_?(std|sd|sigma|scale|stddev)|ls$"),
    ("std", r"(^|_)(std|sd|sigma|scale|stddev)"),
    ("var", r"(^|_)(var|variance)"),
)
_MEAN = re.compile(r"(^|_)(mu|mean|means|loc|z_?mean)($|_|\d)|mu$|mean$", re.IGNORECASE)
_HALVED = re.compile(
    r"exp\(\s*0?\.5\s*\*|\*\s*0?\.5\s*\)|0?\.5\s*\*\s*[\w.]+\)\.exp|/\s*2(\.0)?\s*\)|mul_?\(0?\.5\)"
)
_SOURCE_OF_BERNOULLI = re.compile(r"binary_cross_entropy|BCELoss|BCEWithLogits|bce_loss")
KNOWN_MOMENTS = {
    1: (("mnist", (0.1307,), (0.3081,)), ("fashion-mnist", (0.286,), (0.353,))),
    3: (
        ("imagenet", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ("cifar-10", (0.4914, 0.4822, 0.4465), (0.247, 0.2435, 0.2616)),
    ),
}


@dataclass(frozen=True)
class Proposal:
    """An answer that is proposed, and the clause that speaks for it."""

    value: str
    evidence: str


def source_of(function: Callable[..., Any]) -> str:
    """Source of the file in which a network's own class or function stands; "" where there is
    none."""
    held = modules_of(function)
    for thing in (*map(type, held), inspect.unwrap(function)):
        module = getattr(thing, "__module__", "") or ""
        if module.startswith("torch."):
            continue
        try:
            path = inspect.getsourcefile(thing)
            return open(path, encoding="utf-8").read(2**20) if path else ""
        except (OSError, TypeError, UnicodeError):
            continue
    return ""


def return_names(function: Callable[..., Any]) -> list[str]:
    """What a function calls the members of the tuple that it returns; [] where it says nothing."""
    called = function.forward if isinstance(function, nn.Module) else function
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(called)))
    except (OSError, TypeError, SyntaxError, IndentationError):
        return []
    returns = [node for node in ast.walk(tree) if isinstance(node, ast.Return)]
    tuples = [node.value for node in returns if isinstance(node.value, ast.Tuple)]
    return [_word(item) for item in tuples[-1].elts] if tuples else []


def _word(node: ast.AST) -> str:
    """The name within an expression that speaks of an output, else the first one."""
    found = [
        n.attr if isinstance(n, ast.Attribute) else n.id
        for n in ast.walk(node)
        if isinstance(n, ast.Attribute | ast.Name)
    ]
    speaking = [word for word in found if kind_of_name(word) or is_mean(word)]
    return next(iter([*speaking, *found]), "")


def kind_of_name(name: str) -> str | None:
    """The second output that a name speaks of."""
    found = (kind for kind, pattern in _NAMES if re.search(pattern, name, re.IGNORECASE))
    return next(found, None)


def is_mean(name: str) -> bool:
    """Whether a name speaks of a mean."""
    return bool(_MEAN.search(name))


def propose_second(name: str, values: Tensor, source: str) -> Proposal:
    """What the second output is, by its name, by the source around it, at last by its values."""
    positive = bool((values >= 0).all())
    named = kind_of_name(name)
    if named and not (named in ("std", "var") and not positive):
        return Proposal(named, f"it is called {name}")
    if positive:
        return Proposal("std", "none of its values is below 0")
    if _HALVED.search(source) and "exp" in source:
        return Proposal("log_var", "the source halves it before exp")
    return Proposal("log_var", "this is what most networks give; nothing in the source says so")


def propose_likelihood(output: Output, ending: str, source: str) -> Proposal:
    """The reconstruction term, by the source's own loss and the decoder's end."""
    if _SOURCE_OF_BERNOULLI.search(source):
        return Proposal("bernoulli", "the source has a binary cross-entropy")
    if re.search(r"mse_loss|MSELoss", source):
        return Proposal("squared-error", "the source has a squared error, of a weight not known")
    if output.kind == "logits" or ending == "sigmoid":
        return Proposal("bernoulli", "the decoder gives probabilities")
    return Proposal("squared-error", "nothing says that a likelihood was trained")


class Fit(NamedTuple):
    """How well pictures are reconstructed under one reading of a network: mean squared error of a
    value in [0, 1]."""

    range: Range
    output: Output
    heads: Heads
    error: float


def ranges(call: EncoderCall, x: Tensor) -> list[Range]:
    """The ranges of input that are tried: the usual ones, and that of the mean and the standard
    deviation of each channel of the pictures (N, n)."""
    if call.form == "rgba":
        return [UNIT, SIGNED]
    known = [*KNOWN_MOMENTS[call.shape.channels]]
    channels = x.reshape(len(x), call.shape.channels, -1)
    mean, std = (
        tuple(float(f"{n:.3g}") for n in found.tolist())
        for found in (channels.mean((0, 2)), channels.std((0, 2)))
    )
    if min(std) > 0:
        name = "/".join(",".join(f"{n:g}" for n in half) for half in (mean, std))
        known.append((name, mean, std))
    return [UNIT, SIGNED, *(with_moments(*row) for row in known)]


def readings(ending: str, input_range: Range) -> list[Output]:
    """What a decoder's output may be, by its end: values in a range, or logits."""
    if ending == "sigmoid":
        return [Output("values", UNIT)]
    if ending == "tanh":
        return [Output("values", SIGNED), Output("values", UNIT)]
    own = [] if input_range in (UNIT, SIGNED) else [Output("values", input_range)]
    return [Output("logits", UNIT), Output("values", UNIT), Output("values", SIGNED), *own]


def fits(
    encoder: EncoderCall,
    decoder: DecoderCall,
    heads: Sequence[Heads],
    output: Output,
    ending: str,
    x: Tensor,
    labels: Tensor | None,
    tried_ranges: Sequence[Range],
    fixed: bool,
) -> list[Fit]:
    """Reconstruction errors of pictures (N, n) under all readings, the least first; an error less
    than one in a hundred better does not speak for a reading behind another."""
    found = []
    for range_, head in itertools.product(tried_ranges, heads):
        call = replace(encoder, range=range_)
        made = tried(call.function, *call.inputs(x, labels))
        if isinstance(made, Exception):
            continue
        known = labels if labels is not None else x.new_zeros(len(x))
        z = head.code(made, known if decoder.label else None)
        raw = tried(decoder.function, *decoder.inputs(z))
        if isinstance(raw, Exception):
            continue
        for reading in [output] if fixed else readings(ending, range_):
            own = replace(reading, form=output.form, channels=output.channels)
            pictures = own.pictures(raw[0], encoder.shape)
            error = float(((pictures - x) ** 2).mean())
            if torch.isfinite(torch.tensor(error)):
                found.append(Fit(range_, own, head, error))
    order = sorted(range(len(found)), key=lambda n: found[n].error * (1 + 0.01 * (n > 0)))
    return [found[n] for n in order]
