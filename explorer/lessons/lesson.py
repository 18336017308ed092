"""A lesson as it is written in YAML, read and checked: `Lesson`, `Step`, `View`, `Question`.

docs/LESSONS.md says how to write one. A file is a stranger's: it is read as data (`safe_load`),
bounded, and each fault is a sentence.
"""

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import yaml
from msgspec import Meta, Struct

from explorer import paths
from training.errors import UserError
from training.text import printable

FOLDER = Path(__file__).parent
SUFFIX = ".yaml"
MOST_BYTES = 2**18
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")

Text = Annotated[str, Meta(min_length=1, max_length=1500)]
Short = Annotated[str, Meta(min_length=1, max_length=200)]
Finite = Annotated[float, Meta(ge=-1e6, le=1e6)]
Share = Annotated[float, Meta(ge=0, le=1)]
Image = Annotated[int, Meta(ge=0, le=10**7)]

Page = Literal["explore", "understand"]
# Parts of a page that a step may point at or hide; web/session/parts.js says where they are.
Part = Literal[
    "x", "pad", "pen", "typical", "posterior", "map", "legend", "tools", "manifold", "sliders",
    "x-hat", "terms", "tabs", "panel", "walk", "formula", "chain", "options", "story", "question",
    "picture", "steps", "numbers", "table",
]  # fmt: skip
Until = Literal["z", "x", "draw", "play", "answer", "predict", "map", "manifold", "panel", "mark"]


class View(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What a step shows. What it does not name stays as the step before left it."""

    image: Image | None = None
    z: Annotated[tuple[Finite, ...], Meta(min_length=1, max_length=256)] | None = None
    section: Annotated[int, Meta(ge=1, le=9)] | None = None
    manifold: bool | None = None
    panel: Literal["trace", "kl", "sample", "walk"] | None = None
    path: Annotated[str, Meta(pattern=r"^(straight|spherical|z[1-9]\d{0,3})$")] | None = None
    marks: tuple[Image, Image] | None = None
    share: Share | None = None
    play: bool | None = None
    classes: Annotated[tuple[Short, ...], Meta(max_length=1000)] | None = None
    zoom: tuple[Finite, Finite, Finite, Finite] | None = None
    predict: bool | None = None


class Question(Struct, forbid_unknown_fields=True):
    """What is asked; the answer is shown after a try. `right` counts the options from 1."""

    ask: Annotated[str, Meta(min_length=1, max_length=300)]
    options: Annotated[tuple[Short, ...], Meta(min_length=2, max_length=5)]
    right: Annotated[int, Meta(ge=1, le=5)]
    answer: Text


class Step(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A step: its text, what is shown, stands out or is hidden, and what is to be done."""

    text: Text
    view: View = msgspec.field(default_factory=View)
    highlight: tuple[Part, ...] = ()
    hide: tuple[Part, ...] = ()
    question: Question | None = None
    until: Until | None = None


class Lesson(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A lesson: a title, the page it is on, the model and data, and its steps."""

    title: Annotated[str, Meta(min_length=1, max_length=80)]
    page: Page
    checkpoint: Short
    steps: Annotated[tuple[Step, ...], Meta(min_length=1, max_length=100)]
    data: Short | None = None
    about: Annotated[str, Meta(max_length=300)] = ""
    hide: tuple[Part, ...] = ()


class LessonError(UserError):
    """A lesson cannot be read; the message is one sentence that says where and why."""


def read(path: Path) -> Lesson:
    """The lesson in a file.

    Raises:
        LessonError: it is not there, no YAML, or says what a lesson cannot.
    """
    name = printable(path.name)
    try:
        size = path.stat().st_size
        text = path.read_text("utf-8") if size <= MOST_BYTES else ""
    except FileNotFoundError:
        raise LessonError(f"There is no file {printable(os.fspath(path), 200)}.") from None
    except (OSError, UnicodeDecodeError):
        raise LessonError(f"{name} cannot be read as text; it must be a file in UTF-8.") from None
    if size > MOST_BYTES:
        raise LessonError(f"{name} has {size:,} bytes; a lesson has at most {MOST_BYTES:,}.")
    try:
        document = _load(text)
    except yaml.YAMLError as error:
        raise LessonError(f"{name} is no YAML{_place(error)}.") from None
    except RecursionError:
        raise LessonError(f"{name} is nested too deeply for a lesson.") from None
    try:
        lesson = msgspec.convert(document, Lesson)
    except msgspec.ValidationError as error:
        raise LessonError(f"{name}: {_fault(str(error))}") from None
    for n, step in enumerate(lesson.steps, 1):
        _check(name, n, step, lesson.page)
    return lesson


def _load(text: str) -> Any:
    """Data of a YAML text. Names of others' (anchors) could grow without end, and are not known."""
    for token in yaml.scan(text, Loader=yaml.SafeLoader):
        if isinstance(token, yaml.AnchorToken | yaml.AliasToken):
            raise yaml.MarkedYAMLError(problem_mark=token.start_mark)
    return yaml.safe_load(text)


def _place(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return "" if mark is None else f": look at line {mark.line + 1}, column {mark.column + 1}"


_AT = re.compile(r" - at `\$\.?([^`]*)`$")
_STEP = re.compile(r"steps\[(\d+)\]\.?")


def _fault(said: str) -> str:
    """msgspec's words as a sentence, with the step counted as a reader does."""
    found = _AT.search(said)
    words = _AT.sub("", said).rstrip(".")
    where = found[1] if found else ""
    step = _STEP.match(where)
    if step:
        rest = where[step.end() :]
        where = f"step {int(step[1]) + 1}" + (f", {rest}" if rest else "")
    if "Invalid enum" in words:
        words = f"{words}; docs/LESSONS.md has those that there are"
    return printable(f"{words}{f' (at {where})' if where else ''}.", 400)


def _check(name: str, n: int, step: Step, page: Page) -> None:
    """What one field says of another."""
    question, view = step.question, step.view
    if question and question.right > len(question.options):
        raise LessonError(
            f"{name}: step {n} says that option {question.right} is right, and has "
            f"{len(question.options)}."
        )
    if step.until == "answer" and question is None:
        raise LessonError(f"{name}: step {n} waits for an answer, and asks no question.")
    wrong = ("section", "predict") if page == "explore" else _OF_EXPLORE
    for field in wrong:
        if getattr(view, field) is not None:
            raise LessonError(f"{name}: step {n} sets {field}, which page {page} has not.")
    if view.zoom and not (view.zoom[0] < view.zoom[1] and view.zoom[2] < view.zoom[3]):
        raise LessonError(
            f"{name}: step {n} zooms to {list(view.zoom)}; write x from, to, y from, to, as in "
            "[-3, 3, -2, 2]."
        )
    if step.text.count("`") % 2 or step.text.count("**") % 2:
        raise LessonError(f"{name}: step {n} has a ` or a ** that is not closed.")


_OF_EXPLORE = ("manifold", "panel", "path", "marks", "share", "play", "classes", "zoom")


def folders() -> list[Path]:
    """Where lessons are: a lecturer's own folder first, then those that ship."""
    own = os.environ.get("VAE_LESSON_DIR")
    return [*([paths.folder("VAE_LESSON_DIR", own)] if own else []), FOLDER]


def find(name: str) -> Lesson | None:
    """The lesson of a name; None where there is none.

    Raises:
        LessonError: it is there, and cannot be read.
    """
    if not NAME.fullmatch(name):
        return None
    for folder in folders():
        path = folder / f"{name}{SUFFIX}"
        if path.is_file():
            return read(path)
    return None


def listed() -> list[tuple[str, Lesson]]:
    """All lessons that can be read, by name; a lecturer's own first."""
    found: dict[str, Lesson] = {}
    for folder in folders():
        files = sorted(folder.glob(f"*{SUFFIX}")) if folder.is_dir() else []
        for path in files[:200]:
            if path.stem in found or not NAME.fullmatch(path.stem):
                continue
            try:
                found[path.stem] = read(path)
            except LessonError:  # `python -m explorer lesson FILE` says why
                continue
    return list(found.items())


def facts(name: str, lesson: Lesson) -> dict[str, Any]:
    """A lesson as the browser is given it."""
    return {"name": name, **msgspec.to_builtins(lesson)}


def summary(name: str, lesson: Lesson) -> dict[str, Any]:
    """What a list of lessons says of one."""
    return {
        "name": name,
        "title": lesson.title,
        "about": lesson.about,
        "page": lesson.page,
        "steps": len(lesson.steps),
    }
