"""Pictures of a folder or an archive: brought to one shape, and kept as one array in a file."""

import contextlib
import os
import shutil
import statistics
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from training.console import progress_bar
from training.data import picture_file, pictures
from training.data.image_set import DataError, ImageSet, Split
from training.data.names import Options
from training.data.picture_file import Header
from training.data.scan import Collection, Entry, many
from training.files import read_regular, replace_file
from training.text import printable, printable_path
from training.vae.image_shape import GREY_28, ImageShape

VERSION = 1  # of how pictures are made: what another version has made is not taken from the cache
SIDES = (GREY_28.height, 32, 64, 96, 128)  # of which one is chosen where no size is asked for
SAMPLE = 512  # pictures that are looked at to choose a size and whether there is colour
TEST_SHARE = 0.2
CHUNK = 256  # pictures that are in memory at once while the array is made


class Progress(NamedTuple):
    """Pictures read so far and in all."""

    done: int
    total: int


# --- the shape -----------------------------------------------------------------------------------


_decided: "dict[tuple[str, Options], Decision]" = {}


class Decision(NamedTuple):
    """The shape that pictures are brought to, and the sentences that say why."""

    shape: ImageShape
    notes: tuple[str, ...]


def decide(found: Collection, options: Options) -> Decision:
    """The shape of the images, by what is asked for and, where that leaves it open, by a look at
    `SAMPLE` of the pictures.

    Raises:
        DataError: none of those that are looked at can be read.
    """
    if (found.key, options) in _decided:
        return _decided[found.key, options]
    name = picture_file.name_of(VERSION, found.key, options)
    path = picture_file.cache_dir() / f"{name}.json"
    made = _remembered(path) or _look(found, options)
    _remember(path, made)
    if len(_decided) > 256:
        _decided.clear()
    _decided[found.key, options] = made
    return made


def _remembered(path: Path) -> Decision | None:
    try:
        return msgspec.json.decode(read_regular(path, 10_000), type=Decision)
    except (OSError, ValueError):
        return None


def _remember(path: Path, made: Decision) -> None:
    with contextlib.suppress(OSError):  # then it is decided again next time
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, lambda file: file.write(msgspec.json.encode(made)), sync=False)


def _look(found: Collection, options: Options) -> Decision:
    sample = sorted(found.entries, key=lambda entry: entry.hash)[:SAMPLE]
    looked_at = "" if len(sample) == len(found.entries) else " that were looked at"
    headers: list[tuple[Entry, pictures.Facts]] = []
    if options.size is None or options.color == "auto":
        failed = ""
        for entry in sample:
            try:
                with found.open(entry) as file:
                    headers.append((entry, pictures.facts(file)))
            except Exception as error:  # Pillow's many readers raise many kinds
                failed = failed or f"{printable(entry.name)}: {pictures.reason(error)}"
        if not headers:
            raise DataError(
                f"None of the pictures in {found.shown} can be read ({failed}). Replace them."
            )
    notes = []
    if options.size is None:
        middle = statistics.median(min(f.width, f.height) for _, f in headers)
        side = max([s for s in SIDES if s <= middle], default=SIDES[0])
        width = height = side
        notes.append(f"{side}×{side} pixels: the median of the shorter sides is {middle:g}.")
    else:
        width, height = options.size
    coloured = options.color == "rgb"
    if options.color == "auto":
        coloured = any(_looks_coloured(found, e, options) for e, f in headers if f.may_be_coloured)
        all_ = f"Grey, because all {len(headers):,}{looked_at} are."
        notes.append("In colour, because there is some." if coloured else all_)
    return Decision(ImageShape(3 if coloured else 1, height, width), tuple(notes))


def _looks_coloured(found: Collection, entry: Entry, options: Options) -> bool:
    try:
        with found.open(entry) as file:
            return pictures.is_coloured(file, options)
    except Exception:  # it is named when it is read
        return False


# --- the array -----------------------------------------------------------------------------------


def splits(entries: tuple[Entry, ...]) -> tuple[list[Entry], list[Entry]]:
    """Those to train on and those for tests, by the hash of their names; of two or more pictures
    there is one in each at least."""
    order = sorted(entries, key=lambda entry: (entry.hash, entry.name))
    tests = sum(entry.hash < TEST_SHARE * 2**64 for entry in order)
    tests = min(max(tests, 1), max(len(order) - 1, 0))
    test = {entry.name for entry in order[:tests]}
    return [e for e in entries if e.name not in test], [e for e in entries if e.name in test]


def path_of(found: Collection, shape: ImageShape, options: Options) -> Path:
    """The file of the cache that holds these pictures in this shape."""
    name = picture_file.name_of(VERSION, found.key, shape.dims, options.crop, options.background)
    return picture_file.cache_dir() / f"{name}{picture_file.SUFFIX}"


class _Reading:
    """The work of `prepare`: what has been read into the file so far, and what was left out."""

    def __init__(self, found: Collection, shape: ImageShape, options: Options) -> None:
        self.found, self.shape, self.options = found, shape, options
        self.labels: list[int] = []
        self.left_out: list[str] = []
        self.coloured = 0

    def _one(self, entry: Entry) -> tuple[NDArray[np.uint8] | str, bool]:
        try:
            with self.found.open(entry) as file:
                return pictures.levels(file, self.shape, self.options)
        except Exception as error:  # Pillow's many readers raise many kinds
            return pictures.reason(error), False

    def into(self, file: IO[bytes], report: Callable[[Progress], object]) -> None:
        """Write the whole file."""
        train, test = splits(self.found.entries)
        entries, of_training = train + test, 0
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            for begin in range(0, len(entries), CHUNK):
                part = entries[begin : begin + CHUNK]
                for n, (values, colour) in enumerate(pool.map(self._one, part), begin):
                    if isinstance(values, str):
                        self.left_out.append(f"{printable(entries[n].name)} ({values})")
                        continue
                    file.write(values.data)
                    self.labels.append(entries[n].label)
                    self.coloured += colour
                    of_training += n < len(train)
                report(Progress(begin + len(part), len(entries)))
        count = len(self.labels)
        if not count:
            raise DataError(
                f"None of the pictures in {self.found.shown} can be read ({self.left_out[0]}). "
                "Replace them."
            )
        of_training = min(max(of_training, 1), count - 1)  # where all of a split were broken
        notes = _told(self.left_out, self.coloured if self.shape.channels == 1 else 0)
        header = Header(self.shape, count, of_training, self.found.classes, notes=notes)
        picture_file.finish(file, header, np.array(self.labels))


def prepare(
    found: Collection, options: Options, report: Callable[[Progress], object] = lambda _: None
) -> Path:
    """The file of the cache with all the pictures, which are read if it is not there; `report` is
    called as they are. No more than `CHUNK` of them are in memory at once.

    Raises:
        DataError: no picture can be read, or the cache cannot be written to.
    """
    shape = decide(found, options).shape
    path, needed = path_of(found, shape, options), len(found.entries) * shape.size
    if picture_file.kept(path) is not None:
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(path.parent).free
        if free < needed:
            raise OSError(0, f"they take {needed / 1e9:.1f} GB, and {free / 1e9:.1f} are free")
        reading = _Reading(found, shape, options)
        picture_file.keep(path, lambda file: reading.into(file, report))
    except OSError as error:
        raise DataError(
            f"The pictures cannot be kept in {printable_path(path.parent)} ({error.strerror}); "
            "name another folder with VAE_CACHE_DIR."
        ) from None
    return path


def _told(left_out: list[str], greyed: int) -> tuple[str, ...]:
    """Sentences of pictures that cannot be read, and of those whose colours are lost."""
    notes = []
    if left_out:
        more = f", and {len(left_out) - 3:,} more" if len(left_out) > 3 else ""
        names = f"{', '.join(left_out[:3])}{more}"
        files = many(len(left_out), "file")
        notes.append(f"{files} left out that cannot be read as an image: {names}.")
    if greyed:
        notes.append(f"{many(greyed, 'picture')} in colour made grey.")
    return tuple(notes)


def load(found: Collection, options: Options, split: Split, called: str) -> ImageSet:
    """A split of the pictures, called `called`; with a progress bar where they have to be read.

    Raises:
        DataError: as `decide` and `prepare`, and where one picture alone is to be split.
    """
    with progress_bar(unit=" pictures", desc=f"reading {found.shown}", delay=1) as bar:

        def report(progress: Progress) -> None:
            bar.total = progress.total
            bar.update(progress.done - bar.n)

        path = prepare(found, options, report)
    stored = picture_file.kept(path)
    if stored is None:
        raise DataError(
            f"The pictures that were kept in {printable_path(path.parent)} are gone. Try again."
        )
    notes = decide(found, options).notes + found.notes + stored.header.notes
    return picture_file.split_of(stored, split, called, notes)
