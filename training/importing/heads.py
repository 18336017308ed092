"""Which of an encoder's results are mu, the second output and the chances of categories."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from training.importing.evidence import is_mean, kind_of_name, return_names
from training.importing.exported import Exported, ImportRefused
from training.importing.interface import DecoderCall, find_decoder
from training.importing.outputs import Head, Heads

_SAMPLES = ("z", "sample", "samples", "latent", "latents", "code")


class Found(NamedTuple):
    """Readings of an encoder's results that a decoder goes with, the first one proposed; `name` is
    what the network calls the second output, `raw` what the decoder gives for a code."""

    heads: list[Heads]
    decoder: DecoderCall
    name: str
    raw: Tensor


def find_heads(
    function: Callable[..., Any],
    exported: Exported,
    made: Sequence[Tensor],
    decoder: Callable[..., Any],
    pixels: int,
    categories: Sequence[int] | None,
    classes: int,
    point: bool,
) -> Found:
    """The readings of an encoder's results `made` for some pictures, and how the decoder takes a
    code; `point` where there is no second output.

    Raises:
        ImportRefused: all results are drawn, or the decoder takes no such code.
    """
    names = _names(function, exported)
    usable = _usable(exported, made, names, pixels)
    if not usable:
        raise ImportRefused(
            "The encoder gives nothing but what it draws; name a method or a function that returns "
            "mu and the second output, as they are before the draw, with --encoder."
        )
    refusal: ImportRefused | None = None
    for heads, sizes, name in _readings(usable, made, names, categories, point):
        mu = heads[0].mu.take(made)
        dims = tuple(mu.shape[1:])
        ways = [dims, (mu[0].numel(),), (mu[0].numel(), 1, 1)]
        try:
            call, raw = find_decoder(decoder, ways, sizes, classes)
        except ImportRefused as error:
            refusal = refusal or error
            continue
        return Found(heads, call, name, raw[0])
    assert refusal is not None
    raise refusal


def _names(function: Callable[..., Any], exported: Exported) -> list[str]:
    names = [name for name, _ in exported.outputs]
    told = return_names(function)
    if all(name.isdigit() or not name for name in names) and len(told) == len(names):
        return told
    return names


def _usable(
    exported: Exported, made: Sequence[Tensor], names: Sequence[str], pixels: int
) -> list[int]:
    drawn = [node in exported.random for _, node in exported.outputs]
    found = [n for n, t in enumerate(made) if not drawn[n] and t.ndim >= 2]
    if len(found) > 2:  # a reconstruction beside mu and the second output
        found = [n for n in found if made[n][0].numel() != pixels] or found
    kept: list[int] = []
    for n in found:
        same = [m for m in kept if made[m].shape == made[n].shape]
        if not any(torch.equal(made[m], made[n]) for m in same):
            kept.append(n)
    if len(kept) > 2:
        kept = [n for n in kept if names[n].lower() not in _SAMPLES] or kept
    return kept


def _readings(
    usable: list[int],
    made: Sequence[Tensor],
    names: Sequence[str],
    categories: Sequence[int] | None,
    point: bool,
) -> Iterator[tuple[list[Heads], tuple[int, ...], str]]:
    """Heads, the counts of options of the categories, and the second output's name."""
    if len(usable) == 1:
        yield from _of_one(usable[0], made[usable[0]], categories, point)
        return
    means = [n for n in usable if is_mean(names[n])]
    mu = means[0] if len(means) == 1 else usable[0]
    equal = [n for n in usable if n != mu and made[n].shape == made[mu].shape]
    named = [n for n in equal if kind_of_name(names[n])]
    second = next(iter([*named, *equal]), None)
    rest = [n for n in usable if n not in (mu, second) and made[n].ndim == 2]
    sizes = tuple(made[n].shape[1] for n in rest)
    positive = all(bool((made[n] >= 0).all()) for n in rest)
    summed = all(bool((made[n].sum(1) - 1).abs().max() < 1e-3) for n in rest)
    two = None if second is None or point else Head(second)
    name = names[second] if second is not None else ""
    if rest:
        heads = Heads(Head(mu), two, tuple(map(Head, rest)), not (positive and summed))
        yield [heads], sizes, name
    yield [Heads(Head(mu), two)], (), name


def _of_one(
    index: int, row: Tensor, categories: Sequence[int] | None, point: bool
) -> Iterator[tuple[list[Heads], tuple[int, ...], str]]:
    """Readings of a single result: mu and the second in halves or turn by turn, or mu alone."""
    size = row.shape[1]
    if categories:
        d, at, heads = (size - sum(categories)) // (1 if point else 2), 0, []
        at = size - sum(categories)
        for k in categories:
            heads.append(Head(index, at, at + k))
            at += k
        chances = torch.cat([h.take([row] * (index + 1)) for h in heads], 1)
        softmax = bool((chances < 0).any())
        two = None if point else Head(index, d, 2 * d)
        yield [Heads(Head(index, 0, d), two, tuple(heads), softmax)], tuple(categories), ""
    alone = [Heads(Head(index))]
    if point:
        yield alone, (), ""
    elif size % 2 == 0:
        half = size // 2
        halves = Heads(Head(index, 0, half), Head(index, half, size))
        turns = Heads(Head(index, 0, None, 2), Head(index, 1, None, 2))
        yield ([halves, turns] if row.ndim == 2 else [halves]), (), ""
    if not point:
        yield alone, (), ""
