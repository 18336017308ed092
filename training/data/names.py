"""Names of data sets: a row of a table, or KIND:PATH; behind a question mark, options.

    mnist    celeba?classes=Smiling    folder:faces    zip:~/cats.zip?size=64x48&color=grey

Such a name is what runs and checkpoints keep of their data. Only what stands behind the last
question mark and reads as options is taken for some; so a path may hold question marks too.
"""

import os
import re
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args

from training.data.image_set import DataError
from training.text import printable, printable_path

Kind = Literal["folder", "zip", "npz"]
KINDS: tuple[Kind, ...] = get_args(Kind)
SIZES = (8, 256)  # the least and the most pixels of a side
_TAIL = re.compile(r"[a-z]+=[^&?=/\\]*(?:&[a-z]+=[^&?=/\\]*)*")
_SIZE = re.compile(r"(\d{1,4})(?:[x×](\d{1,4}))?")
VALUES: dict[str, tuple[str, ...]] = {
    "crop": ("centre", "pad"),
    "color": ("auto", "rgb", "grey"),
    "background": ("white", "black"),
}


@dataclass(frozen=True)
class Options:
    """Options of pictures: `size` (width, height), which is chosen by the pictures where it is
    None; whether what has another aspect is cut or padded; colour; what lies behind transparent
    pictures and beside padded ones."""

    size: tuple[int, int] | None = None
    crop: str = "centre"
    color: str = "auto"
    background: str = "white"


@dataclass(frozen=True)
class Name:
    """A data set's name in its parts. `kind` is None, and `path` the row's name, for rows."""

    kind: Kind | None
    path: str
    options: Options = Options()
    classes: str = ""  # the factor that colours, for rows with factors

    def __str__(self) -> str:
        """The name, which `parse` takes apart again."""
        said = [f"{f.name}={_text(getattr(self.options, f.name))}" for f in fields(Options)]
        usual = [f"{f.name}={_text(f.default)}" for f in fields(Options)]
        told = [own for own, other in zip(said, usual, strict=True) if own != other]
        told += [f"classes={self.classes}"] if self.classes else []
        head = f"{self.kind}:{self.path}" if self.kind else self.path
        if not told and _split(head)[1] is not None:
            told = ["color=auto"]  # else the end of the path would be taken for options
        return f"{head}?{'&'.join(told)}" if told else head


def _text(value: Any) -> str:
    return f"{value[0]}x{value[1]}" if isinstance(value, tuple) else str(value)


def _split(name: str) -> tuple[str, str | None]:
    head, mark, tail = name.rpartition("?")
    return (head, tail) if mark and _TAIL.fullmatch(tail) else (name, None)


def parse_size(text: str) -> tuple[int, int]:
    """Width and height of a size, 64 or 64x48.

    Raises:
        DataError: it is none, or a side is not within `SIZES`.
    """
    found = _SIZE.fullmatch(text)
    least, most = SIZES
    sides = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not all(least <= side <= most for side in sides):
        raise DataError(
            f"The size {printable(text, 20)!r} is not possible; write a side as 64, or width and "
            f"height as 64x48, each from {least} to {most}."
        )
    return sides


def without_place(name: str) -> str:
    """The name of a data set without where its pictures lie: of a path from the root its end."""
    try:
        told = parse(name)
    except DataError:
        return os.path.basename(name)
    path = os.path.normpath(os.path.expanduser(told.path))
    if told.kind is None or not (os.path.isabs(path) or path.startswith(os.pardir)):
        return name
    return str(replace(told, path=os.path.basename(path)))


def parse(name: str) -> Name:
    """The parts of a name.

    Raises:
        DataError: it has an option that there is not, or a value that is not possible.
    """
    head, tail = _split(name)
    prefix, colon, path = head.partition(":")
    kind = next((kind for kind in KINDS if colon and kind == prefix), None)
    given: dict[str, str] = {}
    for part in tail.split("&") if tail is not None else ():
        key, _, value = part.partition("=")
        if key in given:
            raise DataError(f"The option {key} stands twice in {printable_path(name)}.")
        given[key] = value
    valid = [f.name for f in fields(Options)] if kind else ["classes"]
    for key in given:
        if key not in valid:
            part = " If it belongs to the path, add ?color=auto." if kind else ""
            raise DataError(
                f"The data set {printable_path(head)} has no option {printable(key, 20)!r}; the "
                f"valid ones are {', '.join(valid)}.{part}"
            )
    classes = given.pop("classes", "")
    size = parse_size(given.pop("size")) if "size" in given else None
    given = {key: {"center": "centre", "gray": "grey"}.get(v, v) for key, v in given.items()}
    for key, value in given.items():
        if value not in VALUES[key]:
            raise DataError(
                f"The option {key}={printable(value, 20)} is not possible; the valid ones are "
                f"{', '.join(f'{key}={v}' for v in VALUES[key])}."
            )
    return Name(kind, path if kind else head, Options(size, **given), classes)
