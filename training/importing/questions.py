"""What a network's file cannot say: questions, each with its proposal, and how answers are read."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from training.errors import OptionError
from training.importing.evidence import KNOWN_MOMENTS, SECONDS, Proposal
from training.importing.interface import SIGNED, UNIT, Range, with_moments
from training.importing.outputs import Output
from training.text import printable
from training.vae import priors
from training.vae.image_shape import ImageShape
from training.vae.likelihoods import LIKELIHOODS

RANGES = "0..1, -1..1, imagenet, cifar-10, mnist, fashion-mnist, or LOW..HIGH or MEAN/STD"
OUTPUTS = ("logits", "values", "values 0..1", "values -1..1", "tanh")
_NUMBER = r"-?\d+(?:\.\d+)?(?:e-?\d+)?"


@dataclass(frozen=True)
class Question:
    """A question: the option that answers it, its words, the proposal, valid answers, and what
    reads one and raises OptionError where it is none."""

    option: str
    words: str
    proposal: Proposal
    valid: str
    read: Callable[[str], object]


Answer = Callable[[Question], str]


def proposed(question: Question) -> str:
    """The answer of whoever takes all proposals."""
    return question.proposal.value


def read_second(text: str) -> str:
    """A kind of second output.

    Raises:
        OptionError: it is none.
    """
    found = text.strip().replace("-", "_").replace("logvar", "log_var").replace("logstd", "log_std")
    if found not in SECONDS:
        raise _bad("second", text, ", ".join(SECONDS))
    return found


def read_range(text: Any, channels: int) -> Range:
    """A range of pictures' values: its ends, or a mean and a standard deviation.

    Raises:
        OptionError: it is none.
    """
    if isinstance(text, tuple | list) and len(text) == 2:
        text = f"{text[0]}..{text[1]}"
    said = str(text).strip().lower().strip("[]()")
    for name, mean, std in KNOWN_MOMENTS[channels]:
        if said == name:
            return with_moments(name, mean, std)
    ends = re.fullmatch(rf"({_NUMBER})\s*(?:\.\.|,|…| to )\s*({_NUMBER})", said)
    if ends and float(ends[2]) > float(ends[1]):
        low, high = float(ends[1]), float(ends[2])
        known = {(0.0, 1.0): UNIT, (-1.0, 1.0): SIGNED}
        whole = Range(f"{low:g}..{high:g}", (high - low,), (low,))
        return known.get((low, high), whole)
    halves = said.split("/")
    if len(halves) == 2 and all(re.fullmatch(rf"{_NUMBER}(,\s*{_NUMBER})*", h) for h in halves):
        means, stds = ([float(n) for n in half.split(",")] for half in halves)
        if len(means) == len(stds) and len(means) in (1, channels) and min(stds) > 0:
            return with_moments(said, means, stds)
    raise _bad("input-range", str(text), RANGES)


def read_output(text: str, ending: str, channels: int) -> Output | None:
    """What a decoder gives; None for values of a range that evidence is to tell.

    Raises:
        OptionError: it is none.
    """
    said = text.strip().lower()
    if said == "logits":
        return Output("logits", UNIT)
    if said.startswith(("sigmoid", "probabilit")):
        return Output("values", UNIT)
    if said.startswith("tanh"):
        return Output("values", SIGNED)
    if said == "values":
        return Output("values", UNIT) if ending == "sigmoid" else None
    if said.startswith("values"):
        return Output("values", read_range(said.removeprefix("values").strip(" :in"), channels))
    raise _bad("output", text, ", ".join(OUTPUTS) + ", or values and a range")


def read_prior(text: str) -> str:
    """A prior's name, or N(M, V) with its variance as it is written; "point" stands for none.

    Raises:
        OptionError: it is none.
    """
    if text == "point":
        return text
    written = re.fullmatch(rf"[Nn]\(\s*({_NUMBER})\s*,\s*({_NUMBER})\s*(²|\^2)?\s*\)", text.strip())
    if written and float(written[2]) > 0:
        mean, spread = float(written[1]), float(written[2])
        std = spread if written[3] else math.sqrt(spread)
        text = "standard-normal" if (mean, std) == (0, 1) else f"normal-{mean:g}-{std:g}"
    try:
        priors.find(text)
    except ValueError as error:
        raise OptionError(f"--prior {printable(text, 40)} is not possible: {error}") from None
    return text


def read_likelihood(text: str) -> str:
    """A likelihood's name; "none" stands for the squared error, a distance.

    Raises:
        OptionError: it is none, or has numbers of its own.
    """
    name = "squared-error" if text == "none" else text
    valid = [n for n, row in LIKELIHOODS.items() if not (row.learned or row.perceptual)]
    if name not in valid:
        raise _bad("likelihood", text, ", ".join([*valid, "none"]))
    return name


def _bad(option: str, text: str, valid: str) -> OptionError:
    return OptionError(
        f"--{option} {printable(text, 40)} is not possible; the valid ones are {valid}."
    )


@dataclass
class Import:
    """An import: the network's parts, options that are `given`, pictures (N, n) in [0, 1] of a
    shape with their labels (N,), or None for a decoder alone, and what is said of it. `label` names
    the options of the label that it is given; `categories` count those of categorical latents.
    Parts that are not told are found in the `model`. `notes` are sentences for the report."""

    encoder: Callable[..., Any] | None
    decoder: Callable[..., Any] | None
    given: Mapping[str, str] = field(default_factory=dict)
    answer: Answer = proposed
    x: Tensor | None = None
    shape: ImageShape | None = None
    labels: Tensor | None = None
    label: tuple[str, ...] = ()
    categories: tuple[int, ...] | None = None
    latent: tuple[int, ...] | None = None
    codes: Tensor | None = None
    model: nn.Module | None = None
    answers: list[tuple[str, str]] = field(default_factory=list)
    evidence: dict[str, str] = field(default_factory=dict)  # of proposals that nobody saw
    notes: list[str] = field(default_factory=list)

    def ask(
        self,
        option: str,
        words: str,
        proposal: Proposal,
        valid: str,
        read: Callable[[str], object],
    ) -> str:
        """The answer to a question, which is kept for the checkpoint."""
        found = self.given.get(option)
        if found is None:
            found = self.answer(Question(option, words, proposal, valid, read))
            if self.answer is proposed:
                self.evidence[option] = proposal.evidence
        self.answers.append((option, printable(str(found), 200)))
        return found
