"""Arrays that took long, kept on disk under a name made of what they were computed from."""

import contextlib
import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.files import clear_partials, replace_file

MOST_FILES = 64
MOST_BYTES = 256 * 2**20


def name_of(*causes: Any) -> str:
    """A file's name for what follows from `causes`: arrays by their content, others by `repr`."""
    digest = hashlib.blake2b(digest_size=16)
    for cause in causes:
        if isinstance(cause, np.ndarray):
            digest.update(repr((cause.shape, cause.dtype.str)).encode())
            digest.update(np.ascontiguousarray(cause).data)
        else:
            digest.update(repr(cause).encode())
        digest.update(b"\0")
    return f"{digest.hexdigest()}.npz"


def load(path: Path) -> dict[str, NDArray[Any]] | None:
    """The arrays in a file by name; None where there is none or it is damaged."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except Exception:  # whatever a damaged archive makes NumPy and zlib raise
        return None


def store(path: Path, **arrays: NDArray[Any]) -> None:
    """Write arrays to a file, whole or not at all. OSError where that is impossible.

    The folder keeps its newest files: `MOST_FILES` of them, of `MOST_BYTES` together.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    clear_partials(path.parent)
    replace_file(path, lambda file: np.savez(file, allow_pickle=False, **arrays), sync=False)
    with contextlib.suppress(OSError):  # another server may be at it too
        left = MOST_BYTES
        newest = sorted(path.parent.glob("*.npz"), key=os.path.getmtime, reverse=True)
        for n, old in enumerate(newest):
            left -= old.stat().st_size
            if n and (n >= MOST_FILES or left < 0):
                old.unlink()
