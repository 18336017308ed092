"""JSON of a run's folder: one reader, which bounds size, depth and values.

A run's folder may come from anywhere and be edited by hand, and it is read while somebody trains or
watches: whatever is in it, reading ends in a value within its bounds or in a `DocumentError`.
"""

import re
import types
import typing
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, TypeVar, Union

import msgspec
from msgspec import Meta

from training.errors import UserError
from training.files import read_regular
from training.text import printable, printable_path

MOST_BYTES = 2**20
MOST_BRACKETS = 200  # opened in a document, and so its depth; our own open about ten
MOST_DIGITS = 400  # in a row: more is no number that a float holds
MOST_STEPS = 2**53  # beyond it a browser does not count by one

T = TypeVar("T")
_LONG_NUMBER = re.compile(rb"\d{%d}" % MOST_DIGITS)
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")

# Bounds of values, with what the sentence says of them.
Count = Annotated[
    int, Meta(ge=0, le=MOST_STEPS, description=f"a whole number from 0 to {MOST_STEPS:,}")
]
Words = Annotated[
    str,
    Meta(
        max_length=4096,
        pattern=r"^[^\x00]*$",
        description="a text of at most 4,096 characters, none of them null",
    ),
]


class DocumentError(UserError):
    """A document cannot be read; `reason` is a clause that says why, without a full stop."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason[:1].upper() + reason[1:] + ".")
        self.reason = reason


class Reader(Generic[T]):
    """Reader of JSON documents of one type."""

    def __init__(self, kind: Any) -> None:
        self.kind = kind
        self._decoder = msgspec.json.Decoder(kind)

    def decode(self, content: bytes) -> T:
        """The value in a document.

        Raises:
            DocumentError: it is too deep, no JSON, no UTF-8, of another type or out of its bounds.
        """
        if content.count(b"[") + content.count(b"{") > MOST_BRACKETS:
            raise DocumentError(f"it opens more than {MOST_BRACKETS} brackets")
        if len(content) > MOST_DIGITS and _LONG_NUMBER.search(content):
            raise DocumentError(f"it holds a number of more than {MOST_DIGITS} digits")
        try:
            if not content.isascii():
                content.decode()  # msgspec passes over what is in fields that it does not know
            return self._decoder.decode(content)
        except msgspec.ValidationError as error:
            raise DocumentError(explain(str(error), content, self.kind)) from None
        except UnicodeDecodeError:
            raise DocumentError("it is not UTF-8") from None
        except (ValueError, OverflowError, RecursionError, MemoryError) as error:
            raise DocumentError(printable(str(error)).rstrip(".")) from None

    def read(self, path: Path) -> T:
        """The value in a file.

        Raises:
            OSError: it cannot be read, is no regular file, or too large.
            DocumentError: as `decode`.
        """
        return self.decode(read_regular(path, MOST_BYTES))


def explain(message: str, document: bytes | Any, kind: Any) -> str:
    """Clause of a failed validation: which value is at fault, and which ones are valid.

    `message` is msgspec's; `document` the JSON or what was converted.
    """
    reason, _, where = message.partition(" - at `$")
    steps = [name or int(index) for name, index in _STEP.findall(where)]
    field = ".".join(map(str, steps))
    reason = printable(f"{reason[:1].lower()}{reason[1:]}".replace("`", "").rstrip("."), 120)
    if not steps:
        return reason
    valid = describe(kind, steps) or f"it is {reason}"
    try:
        value = msgspec.json.decode(document) if isinstance(document, bytes) else document
        for step in steps:
            value = value[step]
        shown = printable(msgspec.json.encode(value), 40)
    except (KeyError, IndexError, TypeError, ValueError, RecursionError):
        return f"its {field} is not possible; valid is {valid}"
    if reason.startswith("expected"):
        return f"its {field} is {shown}, and valid is {valid}"
    return f"its {field} is {shown}: {reason}; valid is {valid}"


def describe(kind: Any, steps: Iterable[str | int]) -> str:
    """Description of the values that are valid at a place in a type; empty where it has none."""
    for step in steps:
        if isinstance(step, int):
            arguments = [a for a in typing.get_args(_plain(kind)) if a is not Ellipsis]
            kind = arguments[min(step, len(arguments) - 1)] if arguments else Any
        else:
            try:
                kind = typing.get_type_hints(_plain(kind), include_extras=True).get(step, Any)
            except (TypeError, NameError):
                return ""
    found = [_describe_one(part) for part in _parts(kind)]
    return " or ".join(found) if all(found) else ""


def _parts(kind: Any) -> tuple[Any, ...]:
    if typing.get_origin(kind) in (Union, types.UnionType):
        return typing.get_args(kind)
    return (kind,)


def _plain(kind: Any) -> Any:
    """A type without what it is annotated with, and without None."""
    if typing.get_origin(kind) is Annotated:
        return _plain(typing.get_args(kind)[0])
    parts = [part for part in _parts(kind) if part is not type(None)]
    return kind if len(parts) != 1 or parts[0] is kind else _plain(parts[0])


def _describe_one(kind: Any) -> str:
    if kind is type(None):
        return "null"
    if typing.get_origin(kind) is Literal:
        return ", ".join(map(str, typing.get_args(kind)))
    if typing.get_origin(kind) is Annotated:
        for meta in typing.get_args(kind)[1:]:
            if isinstance(meta, Meta) and meta.description:
                return meta.description
    return {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}.get(
        _plain(kind), ""
    )


def fault_of(path: Path, error: OSError | DocumentError) -> str:
    """Clause that names a file and what is wrong with it."""
    if isinstance(error, OSError):
        return f"{printable_path(path)} cannot be read ({error.strerror or error})"
    return f"{printable_path(path)} is damaged ({error.reason})"
