"""Checkpoints measured beside the page, one at a time, by processes of their own. No Streamlit."""

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import msgspec

from explorer.paths import ROOT
from explorer.runs import launch
from training.errors import UserError
from training.evaluation.command import Progress
from training.text import SENTENCE_LIMIT, printable

_LAST_BYTES = 2**16  # of what a process complained of


class Measurement:
    """A checkpoint that is measured, or was: `fault` is the sentence on why it could not be."""

    def __init__(self, path: Path, data_dir: Path) -> None:
        self.path = path
        self.progress: Progress | None = None
        self.fault = ""
        self.cancelled = False
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process lives
        threads = str(launch.threads())
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "training", "evaluate", str(path.resolve()), "--keep"),
                *("--data-dir", str(data_dir)),
            ],
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": threads},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
        )
        self._reader = threading.Thread(target=self._read, daemon=True, name="measure")
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            with contextlib.suppress(msgspec.MsgspecError):
                self.progress = msgspec.json.decode(line, type=Progress)
        if self._process.wait() and not self.cancelled:
            self.fault = self._last_words()
        self._complaints.close()

    def _last_words(self) -> str:
        file = self._complaints
        file.seek(max(0, file.seek(0, os.SEEK_END) - _LAST_BYTES))
        lines = file.read().decode(errors="replace").strip().splitlines()
        if lines and lines[-1].startswith("error: "):
            return printable(lines[-1].removeprefix("error: "), SENTENCE_LIMIT)
        return f"{self.path.stem} was not measured: the process that measured it ended early."

    @property
    def running(self) -> bool:
        """Whether its numbers are still to come."""
        return self._reader.is_alive()

    def cancel(self) -> None:
        """End it; nothing is kept."""
        self.cancelled = True
        self._process.terminate()
        self._reader.join(10)


_newest: list[Measurement] = []
_lock = threading.Lock()


def newest() -> Measurement | None:
    """The measurement that was begun last, for all visitors."""
    return _newest[-1] if _newest else None


def start(path: Path, data_dir: Path) -> Measurement:
    """Begin to measure a checkpoint; its row is kept beside it.

    Raises:
        UserError: another one is being measured, or no process can be begun.
    """
    with _lock:
        before = newest()
        if before is not None and before.running:
            raise UserError(
                f"{before.path.stem} is being measured; wait for its numbers, or cancel it."
            )
        try:
            _newest[:] = [Measurement(path, data_dir)]
        except OSError as error:
            raise UserError(f"{path.stem} cannot be measured ({error.strerror}).") from None
        return _newest[0]
