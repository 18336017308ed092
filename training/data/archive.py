"""Pictures in a zip archive of a folder: listed and read in place, nothing is unpacked to disk."""

import io
import os
import zipfile
from pathlib import Path
from typing import IO

from training.data import pictures
from training.data.image_set import DataError
from training.data.scan import ONE_CLASS, Collection, Entry, many, refuse_other_text
from training.files import open_regular
from training.text import printable_path

MOST_MEMBERS = 1_000_000
MOST_DIRECTORY = 256 * 2**20  # bytes of the archive's list of members
MOST_MEMBER = 64 * 2**20  # bytes of one picture's file
MOST_UNPACKED = 64 * 2**30  # bytes of all of them


def scan_zip(path: Path) -> Collection:
    """The pictures of an archive, in classes by their folders as `scan_folder` has it. Folders that
    all of them lie in count for nothing.

    Raises:
        DataError: there is none, it is damaged, holds no pictures, or more than it may.
    """
    shown = printable_path(path)
    try:
        info = os.stat(path)
        _refuse_large_directory(path)
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            members = archive.infolist()
    except OSError as error:
        raise DataError(f"{shown} cannot be read ({error.strerror or error}).") from None
    except Exception as error:  # a damaged archive raises many kinds
        raise DataError(
            f"{shown} is damaged or no zip archive ({pictures.reason(error)})."
        ) from None
    if len(members) > MOST_MEMBERS or sum(m.file_size for m in members) > MOST_UNPACKED:
        raise DataError(f"{shown} would unpack to more than it may. Unpack it, and use folder:.")
    parts: dict[tuple[str, ...], zipfile.ZipInfo] = {}
    for member in members:
        steps = tuple(member.filename.split("/"))
        hidden = any(not step or step.startswith((".", "__MACOSX")) for step in steps)
        if not member.is_dir() and not hidden and pictures.is_picture(steps[-1]):
            parts.setdefault(steps, member)
    while parts and len({steps[0] for steps in parts}) == 1 and all(len(s) > 1 for s in parts):
        parts = {steps[1:]: member for steps, member in parts.items()}
    folders = sorted({steps[0] for steps in parts if len(steps) > 1})
    classes = folders or [ONE_CLASS]
    refuse_other_text([str(path), *classes])
    loose = [steps for steps in parts if len(steps) == 1]
    notes = []
    if folders and loose:
        notes = [f"{many(len(loose), 'picture')} beside the folders of classes left out."]
        parts = {steps: member for steps, member in parts.items() if len(steps) > 1}
    if not parts:
        raise DataError(f"{shown} holds no pictures.")
    numbers = {name: n for n, name in enumerate(classes)}
    names = {"/".join(steps): member.filename for steps, member in parts.items()}
    entries = tuple(
        Entry("/".join(steps), numbers.get(steps[0], 0), (member.file_size, member.CRC))
        for steps, member in sorted(parts.items())
    )
    reader = _Reader(path, names)
    place = f"{os.path.realpath(path)} {info.st_size} {info.st_mtime_ns}"
    return Collection(shown, place, tuple(classes), entries, reader.open, tuple(notes))


def _refuse_large_directory(path: Path) -> None:
    """Refuse an archive whose list of members would not fit its bound, before it is read."""
    with open_regular(path) as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(0, end - 2**16 - 22))
        tail = file.read()
    at = tail.rfind(b"PK\5\6")
    size = int.from_bytes(tail[at + 12 : at + 16], "little") if at >= 0 else 0
    if size > MOST_DIRECTORY and (size != 0xFFFFFFFF or end > MOST_UNPACKED):
        raise ValueError("its list of members is longer than it may be")


class _Reader:
    """An archive that is opened when the first of its pictures is."""

    def __init__(self, path: Path, names: dict[str, str]) -> None:
        self._path, self._names = path, names
        self._archive: zipfile.ZipFile | None = None

    def open(self, entry: Entry) -> IO[bytes]:
        """The content of a member, in memory; several threads may ask at once."""
        if self._archive is None:
            self._archive = zipfile.ZipFile(open_regular(self._path))
        member = self._archive.getinfo(self._names[entry.name])
        if member.file_size > MOST_MEMBER:
            raise ValueError(f"it has more than {MOST_MEMBER:,} bytes")
        with self._archive.open(member) as file:
            return io.BytesIO(file.read(MOST_MEMBER))
