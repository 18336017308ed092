"""Files of pictures that are mapped into memory, and the folder where those that can be made again
are kept.

A file holds the images, uint8 (N, n), row by row; then an npz archive with their labels, their
factors and a JSON header; then the archive's length, 8 bytes, little-endian, and `_MAGIC`.
"""

import contextlib
import hashlib
import io
import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, NamedTuple

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.data.image_set import DataError, Factor, ImageSet, Split
from training.files import PARTIAL, clear_partials, open_regular, replace_file
from training.text import printable_path
from training.vae.image_shape import ImageShape

SUFFIX = ".pictures"
MOST_FILES = 1000  # of the cache
MOST_BYTES = 32 * 2**30  # of it; the newest file may be larger
_MAGIC = b"pictures"
_MOST_TAIL = 512 * 2**20
_ROOT = Path(__file__).resolve().parents[2]


class Header(msgspec.Struct, frozen=True):
    """A file's header: the first `train` of its images are for training, the others for tests."""

    shape: ImageShape
    count: int
    train: int
    classes: tuple[str, ...]
    factors: tuple[tuple[str, tuple[str, ...] | None], ...] = ()
    notes: tuple[str, ...] = ()


class Pictures(NamedTuple):
    """The content of a file: `images` uint8 (N, n), over the mapped file, and `labels` (N,)."""

    header: Header
    images: Tensor
    labels: Tensor
    factors: tuple[Factor, ...] = ()


def cache_dir() -> Path:
    """Folder of the pictures that can be made again; VAE_CACHE_DIR moves it."""
    return _ROOT / Path(os.environ.get("VAE_CACHE_DIR") or ".cache").expanduser() / "pictures"


def name_of(*causes: object) -> str:
    """A file's name, without its end, for what follows from `causes`, by their `repr`."""
    said = repr(causes).encode("utf-8", "backslashreplace")
    return hashlib.blake2b(said, digest_size=16).hexdigest()


def finish(
    file: IO[bytes], header: Header, labels: NDArray[Any], factors: Iterable[Factor] = ()
) -> None:
    """Write what follows the images, which have been written row by row."""
    arrays = {f"factor{i}": factor.values for i, factor in enumerate(factors)}
    said = np.frombuffer(msgspec.json.encode(header), np.uint8)
    with io.BytesIO() as tail:
        np.savez(tail, allow_pickle=False, header=said, labels=labels, **arrays)
        content = tail.getvalue()
    file.write(content + len(content).to_bytes(8, "little") + _MAGIC)


def read(path: Path) -> Pictures:
    """The content of a file, its images mapped and not read.

    Raises:
        OSError: it cannot be read.
        ValueError: it is damaged.
    """
    with open_regular(path) as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(0, end - 16))
        foot = file.read(16)
        length = int.from_bytes(foot[:8], "little")
        if foot[8:] != _MAGIC or not 0 < length <= min(_MOST_TAIL, end - 16):
            raise ValueError("it does not end as it should")
        file.seek(end - 16 - length)
        tail = file.read(length)
    try:
        with np.load(io.BytesIO(tail), allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        header = msgspec.json.decode(arrays["header"].tobytes(), type=Header)
        labels = torch.from_numpy(arrays["labels"].astype(np.int64))
        factors = tuple(
            Factor(name, arrays[f"factor{i}"].astype(np.float32), names)
            for i, (name, names) in enumerate(header.factors)
        )
    except Exception as error:  # whatever a damaged archive raises
        raise ValueError(f"its header cannot be read: {error}") from None
    n, size = header.count, header.shape.size
    counts = {len(labels), *(len(f.values) for f in factors)}
    fits = n > 0 and n * size == end - 16 - length and counts == {n} and 0 <= header.train <= n
    if not fits or not 0 <= int(labels.min()) <= int(labels.max()) < len(header.classes):
        raise ValueError("its parts do not fit each other")
    # Mode "c": what is written to the tensor, if anything ever is, stays in memory.
    mapped = np.memmap(path, np.uint8, "c", shape=(n, size))
    return Pictures(header, torch.from_numpy(mapped), labels, factors)


def kept(path: Path) -> Pictures | None:
    """The content of a file of the cache; None where there is none, or it is damaged."""
    try:
        found = read(path)
    except (OSError, ValueError):
        return None
    with contextlib.suppress(OSError):
        os.utime(path)  # the cache keeps what was used last
    return found


def keep(path: Path, make: Callable[[IO[bytes]], object]) -> None:
    """Have `make(file)` write a file of the cache, whole or not at all, and limit the cache.

    Raises:
        OSError: that is impossible.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    clear_partials(path.parent)
    replace_file(path, make, sync=False)
    with contextlib.suppress(OSError):  # another process may be at it too
        left = MOST_BYTES
        newest = sorted(path.parent.iterdir(), key=os.path.getmtime, reverse=True)
        for n, old in enumerate(newest):
            left -= old.stat().st_size
            if n and (n > MOST_FILES or left < 0) and not old.name.endswith(PARTIAL):
                old.unlink()


def split_of(stored: Pictures, split: Split, called: str, notes: tuple[str, ...] = ()) -> ImageSet:
    """A split of a file's pictures, as the data set `called`.

    Raises:
        DataError: there is no picture in it.
    """
    header = stored.header
    rows = slice(0, header.train) if split == "train" else slice(header.train, None)
    if not len(stored.labels[rows]):
        raise DataError(
            f"{printable_path(called)} has no picture for the {split} split; it needs two or more "
            "that can be read."
        )
    factors = tuple(replace(factor, values=factor.values[rows]) for factor in stored.factors)
    return ImageSet(
        *(called, split, stored.images[rows], stored.labels[rows], header.classes, header.shape),
        *(factors, notes or header.notes),
    )
