"""The terminal: lines that are printed at once, and bars. Work goes on where it cannot be written.

The reader of a pipe (head, less) may go, a terminal may be closed, the disk below a file may be
full: none of these is a reason to end a training.
"""

import contextlib
import os
import sys
from collections.abc import Callable
from typing import Any, TextIO

from training.text import printable


def say(text: str) -> None:
    """Print a line on standard output, at once; what would steer a terminal stands as escapes."""
    _print(text, sys.stdout)


def complain(text: str) -> None:
    """Print a line on standard error, at once."""
    _print(text, sys.stderr)


def _print(text: str, stream: TextIO | None) -> None:
    text = printable(text, 12 * len(text) + 1)  # however many escapes: nothing is cut
    if stream is not None:  # None where the descriptor was closed before Python began
        _attempt(stream, lambda: print(text, file=stream, flush=True))


def _attempt(stream: TextIO, write: Callable[[], object]) -> None:
    """Write to a stream; one whose reader is gone leads nowhere from then on."""
    try:
        write()
    except BrokenPipeError:
        _divert(stream)
    except (OSError, ValueError):  # full, or closed; there may be room for the next line
        pass


def _divert(stream: TextIO) -> None:
    """Lead a stream nowhere, what is still in its buffer too."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def open_standard_streams() -> None:
    """Open the standard descriptors that are closed: the next file would take their number, and
    whatever libraries print would be written into it."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            with contextlib.suppress(OSError):
                os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free


def flush() -> None:
    """Write what is left in the buffers; what cannot be written is given up, so that the
    interpreter's own attempt does not change the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            try:
                stream.flush()
            except (OSError, ValueError):
                _divert(stream)


class _Forgiving:
    """Standard error for a bar: what cannot be written is left out."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self.encoding = getattr(stream, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        if self._stream is not None:
            stream = self._stream
            _attempt(stream, lambda: stream.write(text))
        return len(text)

    def flush(self) -> None:
        if self._stream is not None:
            _attempt(self._stream, self._stream.flush)

    def isatty(self) -> bool:
        try:
            return self._stream is not None and self._stream.isatty()
        except ValueError:  # closed
            return False

    def fileno(self) -> int:
        if self._stream is None:
            raise OSError("standard error is closed")
        return self._stream.fileno()


def progress_bar(**options: Any) -> Any:
    """A tqdm bar on standard error, which shows on a terminal alone unless `disable` says so."""
    from tqdm import tqdm

    return tqdm(**{"file": _Forgiving(sys.stderr), "disable": None, **options})
