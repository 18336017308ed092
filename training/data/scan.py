"""Pictures in a folder, found and not yet read."""

import functools
import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple

from training.data import pictures
from training.data.image_set import DataError
from training.files import open_regular
from training.text import printable_path

ONE_CLASS = "pictures"


class Entry(NamedTuple):
    """A file among the pictures: its path below the folder, with /, the number of its class, and
    what changes when its content does."""

    name: str
    label: int
    stamp: tuple[int, ...]

    @property
    def hash(self) -> int:
        """A number below 2⁶⁴ that depends on nothing but the name."""
        digest = hashlib.blake2b(os.fsencode(self.name), digest_size=8).digest()
        return int.from_bytes(digest, "big")


@dataclass(frozen=True)
class Collection:
    """Pictures before they are read. `shown` is what a sentence calls them, `place` what tells
    them from others; `open` opens one, or raises OSError."""

    shown: str
    place: str
    classes: tuple[str, ...]
    entries: tuple[Entry, ...]
    open: Callable[[Entry], IO[bytes]]
    notes: tuple[str, ...] = ()

    @functools.cached_property
    def key(self) -> str:
        """A name of the content: it changes with the files' names, sizes and times."""
        digest = hashlib.blake2b(os.fsencode(self.place), digest_size=16)
        for entry in self.entries:
            digest.update(repr(entry).encode("utf-8", "backslashreplace"))
        return digest.hexdigest()


def refuse_other_text(names: list[str]) -> None:
    """Refuse names that are no text: they could be neither saved with a run nor shown.

    Raises:
        DataError: one of the names is not UTF-8.
    """
    for name in names:
        try:
            name.encode()
        except UnicodeEncodeError:
            raise DataError(
                f"The folder {printable_path(name)} has a name that is not UTF-8. Rename it."
            ) from None


def _below(folder: str, seen: set[tuple[int, int]]) -> Iterator[os.DirEntry[str]]:
    """The pictures in a folder and those below, each folder once however links lead to it."""
    info = os.stat(folder)
    if (info.st_dev, info.st_ino) in seen:
        return
    seen.add((info.st_dev, info.st_ino))
    with os.scandir(folder) as listing:
        entries = sorted(listing, key=lambda entry: entry.name)
    for entry in entries:
        if entry.is_dir():
            if not entry.name.startswith("."):
                yield from _below(entry.path, seen)
        elif pictures.is_picture(entry.name) and not entry.name.startswith("."):
            yield entry


def scan_folder(path: Path) -> Collection:
    """The pictures of a folder: a class is a folder in it, with all below; those beside class
    folders are left out, and where there are no class folders all are one class.

    Raises:
        DataError: no such folder, no pictures, or a class whose name is no text.
    """
    shown = printable_path(path)
    if not os.path.isdir(path):
        raise DataError(f"{shown} is not a folder. `folder:PATH` takes a folder of pictures.")
    refuse_other_text([str(path)])
    root, classes, notes = str(path), list[str](), list[str]()
    found: list[tuple[str, os.stat_result, int]] = []
    start = len(os.path.join(root, ""))  # of what lies below the folder, in a path
    try:
        with os.scandir(root) as listing:
            top = sorted(listing, key=lambda entry: entry.name)
        own = [e for e in top if not e.name.startswith(".")]
        seen = {(os.stat(root).st_dev, os.stat(root).st_ino)}
        for folder in (entry for entry in own if entry.is_dir()):
            inside = list(_below(folder.path, seen))
            if inside:
                found += [(e.path[start:], _stat(e), len(classes)) for e in inside]
                classes.append(folder.name)
        loose = [e for e in own if not e.is_dir() and pictures.is_picture(e.name)]
    except OSError as error:
        name = printable_path(error.filename or path)
        raise DataError(f"{name} cannot be read ({error.strerror}).") from None
    refuse_other_text(classes)
    if classes and loose:
        notes.append(f"{many(len(loose), 'picture')} beside the folders of classes left out.")
    if not classes:
        classes, found = [ONE_CLASS], [(e.name, _stat(e), 0) for e in loose]
    if not found:
        raise DataError(
            f"{shown} holds no pictures. Put them into it, or those of each class into a folder "
            "of their own."
        )
    entries = tuple(
        Entry(name.replace(os.sep, "/"), label, (info.st_size, info.st_mtime_ns))
        for name, info, label in found
    )
    return Collection(
        *(shown, os.path.realpath(root), tuple(classes), entries),
        lambda entry: open_regular(os.path.join(root, *entry.name.split("/"))),
        tuple(notes),
    )


def _stat(entry: os.DirEntry[str]) -> os.stat_result:
    try:
        return entry.stat()
    except OSError:  # a link to nowhere: it is told when it is opened
        return entry.stat(follow_symlinks=False)


def many(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'s' * (n != 1)}"
