"""A run on disk: `runs/NAME/`, written by the processes that train and read by watchers.

    config.json      what the run is: `RunConfig`
    status.json      what it is doing: `Status`
    control.json     what it is asked to do: `Control`; written by whoever watches
    records.jsonl    a record a line, only ever appended to; the last line may be half-written
    probe.npz, snapshots/STEP.npz   what the model looks like (training/snapshots.py)
    resume.pt        the newest saved state of the `Trainer`; absent before the first save
    lock             held by the process that trains

Everything but the log is written beside its place and renamed, so that no reader ever sees half.
"""

import contextlib
import errno
import os
import secrets
import socket
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import filelock
import msgspec
import psutil
import torch

from training.errors import UserError
from training.files import replace_file
from training.presets import Preset
from training.runs.log import EpochLine, Line, RewindLine, read
from training.runs.records import EpochTerms
from training.runs.snapshots import Probe, Snapshot
from training.runs.status import ALIVE, Control, State, Status, is_alive, is_locked

FORMAT_VERSION = 2
RUNS = Path("runs")
_MAX_FILE = 2**20
LOCK_PATIENCE = 2.0  # seconds; a process that ends may hold its lock a moment longer


class RunError(UserError):
    """A run cannot be written or read; the message says which, why and what to do."""


@dataclass(frozen=True)
class RunConfig:
    """Everything that a run needs to be gone on with, as in `config.json`.

    `validation` images were held back from training; `out` is the checkpoint to write, or None for
    the first free name; `threads` counts torch's, which change the last bits of a sum; a state is
    saved every `save_every` seconds.
    """

    preset: Preset
    seed: int
    data_dir: str
    device: str
    threads: int
    validation: int = 0
    save_every: float = 15.0
    out: str | None = None
    overwrite: bool = True  # where another checkpoint is at `out` by then; else the next free name
    id: str = ""  # drawn when the run is made: a name may be given again, this is not
    format_version: int = FORMAT_VERSION


def free_run(name: str, root: Path = RUNS) -> Path:
    """The first folder of this name that is not taken yet: NAME, NAME-2, …"""
    path, n = root / name, 2
    while path.exists():
        path, n = root / f"{name}-{n}", n + 1
    return path


def _why(path: Path, error: OSError) -> RunError:
    return RunError(
        f"{path} cannot be written ({error.strerror}). Make room, or name another folder with "
        "--run-dir; what was saved before is still there."
    )


def _replace(path: Path, write: Any, sync: bool = True) -> None:
    """As `replace_file`, with sentences."""
    try:
        replace_file(path, write, sync)
    except (OSError, RuntimeError) as error:
        if isinstance(error, OSError):
            raise _why(path, error) from None
        # torch's writer hides the system's reason.
        raise RunError(
            f"{path} cannot be written ({str(error).splitlines()[0]}). Make room; what was saved "
            "before is still there."
        ) from None


class Run:
    """A run's folder.

    Raises:
        RunError: from any method, where the folder cannot be written or makes no sense.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    @property
    def log(self) -> Path:
        """Path of the log."""
        return self.path / "records.jsonl"

    @property
    def snapshots(self) -> Path:
        """Folder of the snapshots."""
        return self.path / "snapshots"

    def create(self, config: RunConfig) -> None:
        """Make the folder; it must be new or empty."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if any(self.path.iterdir()):
                raise RunError(
                    f"{self.path} is not empty; name another folder with --run-dir, or go on with "
                    f"what is in it by `python -m training resume {self.path}`."
                )
            self._write("config.json", replace(config, id=config.id or secrets.token_hex(8)))
            self.log.touch()
            self.snapshots.mkdir()
        except OSError as error:
            raise _why(self.path, error) from None

    def _write(self, name: str, value: Any, sync: bool = True) -> None:
        content = msgspec.json.encode(asdict(value))
        _replace(self.path / name, lambda file: file.write(content), sync)

    def _read(self, name: str, kind: type) -> Any:
        with (self.path / name).open("rb") as file:
            return msgspec.json.decode(file.read(_MAX_FILE), type=kind)

    def config(self) -> RunConfig:
        """Configuration of the run.

        Raises:
            RunError: there is no run, or it is damaged or of another format version.
        """
        try:
            config = self._read("config.json", RunConfig)
        except OSError as error:
            raise RunError(
                f"{self.path} holds no run (config.json: {error.strerror}); `python -m training "
                "fit` makes one."
            ) from None
        except (msgspec.DecodeError, ValueError) as error:
            raise RunError(
                f"{self.path / 'config.json'} is damaged ({error}); begin the run anew."
            ) from None
        if config.format_version != FORMAT_VERSION:
            raise RunError(
                f"{self.path} is a run of format version {config.format_version}, and this program "
                f"goes on with version {FORMAT_VERSION}; begin the run anew."
            )
        return config

    def status(self) -> Status:
        """Status as it was written, or `interrupted` where its process is gone."""
        try:
            status = self._read("status.json", Status)
        except (OSError, ValueError):
            return Status()
        if status.state in ALIVE:
            locked = is_locked(self.path / "lock")
            if not (is_alive(status) if locked is None else locked):
                return replace(status, state="interrupted")
        return status

    def write_status(self, state: State, **more: Any) -> None:
        """Write the status, with this process as the one that trains."""
        me = psutil.Process()
        before = self.status()
        fields = {**asdict(before), "message": "", **more, "state": state}
        fields |= {"pid": me.pid, "started": me.create_time(), "host": socket.gethostname()}
        self._write("status.json", Status(**fields))

    def control(self) -> Control:
        """Requests to the run; none, where there is no such file or it is damaged."""
        try:
            return self._read("control.json", Control)
        except (OSError, ValueError):
            return Control()

    def request(self, **changes: Any) -> None:
        """Change requests to the run: fields of `Control`, the others stay as they are.

        Raises:
            RunError: the folder cannot be written, or another process is writing there.
        """
        try:
            with filelock.FileLock(self.path / "control.lock", timeout=LOCK_PATIENCE):
                asked = Control(**{**asdict(self.control()), **changes})
                self._write("control.json", asked, sync=False)
        except filelock.Timeout:
            raise RunError(f"Somebody else steers {self.path.name} now; try again.") from None
        except OSError as error:
            raise _why(self.path, error) from None

    @contextlib.contextmanager
    def exclusive_lock(self) -> Iterator[None]:
        """Hold the run's lock, so that no two processes train it at the same time.

        Raises:
            RunError: another process holds it, or the folder cannot be written.
        """
        lock = filelock.FileLock(self.path / "lock")
        try:
            lock.acquire(timeout=LOCK_PATIENCE)
        except filelock.Timeout:
            raise RunError(
                f"{self.path} is being trained by another process (number {self.status().pid}); "
                "stop that one first."
            ) from None
        except OSError as error:
            raise _why(self.path, error) from None
        try:
            yield
        finally:
            lock.release()

    def append(self, line: Line, sync: bool = True) -> None:
        """Add a record, whole or not at all as far as the system allows."""
        try:
            text = msgspec.json.encode(line) + b"\n"
            with self.log.open("ab", buffering=0) as file:
                if file.write(text) < len(text):  # nearly full: the next line must not join this
                    file.write(b"\n")
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                if sync:
                    os.fsync(file.fileno())
        except OSError as error:
            raise _why(self.log, error) from None

    def save(self, state: dict[str, Any]) -> None:
        """Save a state of the `Trainer`."""
        _replace(self.path / "resume.pt", lambda file: torch.save(state, file))

    def save_snapshot(self, step: int, snapshot: Snapshot, probe: Probe) -> None:
        """Write a snapshot, and before the first one what all of them share."""
        if not (self.path / "probe.npz").exists():
            _replace(self.path / "probe.npz", lambda file: file.write(probe.pack()), sync=False)
        content = snapshot.pack()
        _replace(self.snapshots / f"{step}.npz", lambda file: file.write(content), sync=False)

    def state(self) -> dict[str, Any] | None:
        """The newest saved state, or None where nothing has been saved yet."""
        path = self.path / "resume.pt"
        if not path.exists():
            return None
        try:
            return torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # torch's reader raises many kinds
            raise RunError(
                f"{path} is damaged ({type(error).__name__}); remove it to begin the run anew."
            ) from None

    def rewind(self, step: int) -> list[EpochTerms]:
        """Take what comes after `step` off the run, and return the epochs that stay.

        A run that was killed may have logged what its saved state does not know. The log is not
        cut: a line says from where on it no longer counts.
        """
        try:
            with self.log.open("a+b", buffering=0) as file:
                if file.seek(0, os.SEEK_END):
                    file.seek(-1, os.SEEK_END)
                    if file.read(1) != b"\n":  # a half-written line makes no sense of the next one
                        file.write(b"\n")
            lines = read(self.log)
            if any(line.step > step for line in lines):
                self.append(RewindLine(step))
                lines = read(self.log)
            for number in snapshot_steps(self.snapshots):
                if number > step:
                    (self.snapshots / f"{number}.npz").unlink()
        except OSError as error:
            raise _why(self.path, error) from None
        return [line.terms() for line in lines if isinstance(line, EpochLine)]


def snapshot_steps(folder: Path) -> list[int]:
    """The steps of which a folder holds snapshots, in order."""
    try:
        return sorted(int(p.stem) for p in folder.glob("*.npz") if p.stem.isdecimal())
    except OSError:
        return []
