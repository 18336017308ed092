"""Text of strangers, made safe for a sentence or a terminal."""

import os
from pathlib import Path

LIMIT = 80
PATH_LIMIT = 200  # a path that is cut can be neither found nor copied
SENTENCE_LIMIT = 500


def printable(text: str | bytes | Path, limit: int = LIMIT) -> str:
    """Text on one line, of at most `limit` characters, the last of them … where more was there.

    Control characters, overrides of the direction of writing, separators of lines, characters
    without a picture, and bytes that are no UTF-8 stand as their escapes: \\x1b, \\u202e, \\xff.
    """
    if isinstance(text, bytes):
        # Four bytes a character at most; what follows would be cut off anyway.
        text = text[: 4 * (limit + 1)].decode(errors="surrogateescape")
    shown, length = [], 0
    for character in str(text)[: limit + 1]:
        shown.append(character if character.isprintable() else _escape(character))
        length += len(shown[-1])
    if length <= limit and len(shown) <= limit:
        return "".join(shown)
    while shown and length > limit - 1:
        length -= len(shown.pop())
    return ("".join(shown) + "…")[:limit]


def _escape(character: str) -> str:
    if "\udc80" <= character <= "\udcff":  # a byte of a name that is not UTF-8
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()


def printable_path(path: Path | str) -> str:
    """A path as it may stand in a sentence; it is cut later than other text is."""
    return printable(os.fspath(path), PATH_LIMIT)
