"""The log of a run, `records.jsonl`: one JSON object a line, only ever appended to.

Three kinds of lines: `step`, the terms of the newest steps, a few times a second; `epoch`, those of
an epoch with the test images'; and `rewind`, after which what was logged beyond its step does not
count, because the run went on from there again.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from training.files import open_regular
from training.runs.documents import Count, DocumentError, Reader
from training.runs.records import EpochTerms, PerDim, StepTerms

_CHUNK = 16 * 2**20  # bytes that are read at once; a line that is longer makes no sense


class StepLine(StepTerms, tag_field="kind", tag="step", frozen=True):
    """Line of the newest steps' terms, and `at`, when it was written (seconds since 1970)."""

    at: float


class EpochLine(EpochTerms, tag_field="kind", tag="epoch", frozen=True):
    """Line of an epoch's terms, its last step, and the test images' KL in each latent dimension."""

    step: Count
    test_kl_per_dim: PerDim

    def terms(self) -> EpochTerms:
        """The epoch's terms alone."""
        return EpochTerms(*(getattr(self, name) for name in EpochTerms.__struct_fields__))


class RewindLine(msgspec.Struct, tag_field="kind", tag="rewind", frozen=True):
    """Rewind to `step`: no line after it counts."""

    step: Count


Line = StepLine | EpochLine | RewindLine
_LINE: Reader[Line] = Reader(Line)


def step_line(terms: StepTerms, at: float) -> StepLine:
    """The line of the newest steps' terms, in seven digits: more than a screen shows."""
    values = {name: _seven_digits(v) for name, v in msgspec.structs.asdict(terms).items()}
    return StepLine(**values, at=round(at, 3))


def _seven_digits(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_seven_digits, value))
    return float(f"{value:.7g}") if isinstance(value, float) else value


def epoch_line(terms: EpochTerms, step: int, kl_per_dim: tuple[float, ...]) -> EpochLine:
    """The line of an epoch's terms."""
    return EpochLine(**msgspec.structs.asdict(terms), step=step, test_kl_per_dim=kl_per_dim)


class News(NamedTuple):
    """Lines of a log since a place in it, and the place to read from next.

    `anew` says that the log is another one: what was read before does not count.
    """

    lines: list[Line]
    place: int
    anew: bool


def follow(log: Path, place: int = 0) -> News:
    """Some lines of a log that may be written to this moment, from a `place` (in bytes) on.

    A last line without its end is left for the next time; one that makes no sense is left out. A
    log that is not there, or cannot be read, has no lines. There is more to read for as long as the
    place moves on.
    """
    try:
        with open_regular(log) as file:
            size = file.seek(0, 2)
            anew = place > size
            start = 0 if anew else place
            file.seek(start)
            content = file.read(_CHUNK)
    except OSError:
        return News([], 0, place > 0)
    whole = content.rfind(b"\n") + 1
    if len(content) == _CHUNK and not whole:
        return News([], start + _CHUNK, anew)
    lines: list[Line] = []
    for text in content[:whole].splitlines():
        try:
            lines.append(_LINE.decode(text))
        except DocumentError:
            continue
    return News(lines, start + whole, anew)


def counted(lines: Sequence[Line]) -> list[StepLine | EpochLine]:
    """The lines that count: those that a later rewind takes back are left out."""
    kept: list[StepLine | EpochLine] = []
    for line in lines:
        if isinstance(line, RewindLine):
            while kept and kept[-1].step > line.step:
                kept.pop()
        else:
            kept.append(line)
    return kept


def read(log: Path) -> list[StepLine | EpochLine]:
    """The lines of a log that count."""
    lines: list[Line] = []
    place, news = 0, follow(log)
    while news.place > place:
        lines += news.lines
        place, news = news.place, follow(log, news.place)
    return counted(lines)


def epochs(log: Path) -> list[EpochLine]:
    """The epochs of a log that count."""
    return [line for line in read(log) if isinstance(line, EpochLine)]


def thinned(lines: Sequence[Any], most: int = 2000) -> list[Any]:
    """At most about `most` lines: all epochs, and of the steps as many as there is room for, at
    even distances, the newest among them.

    A run of many hours has more than can be told apart on a screen.
    """
    steps = [line for line in lines if isinstance(line, StepLine)]
    room = max(2, most - (len(lines) - len(steps)))
    if len(steps) <= room:
        return list(lines)
    gap = (steps[-1].step - steps[0].step) / (room - 1)
    kept, due = [], float(steps[0].step)
    for line in lines:
        if isinstance(line, StepLine) and line is not steps[-1]:
            if line.step < due:
                continue
            due = max(due + gap, line.step)
        kept.append(line)
    return kept
