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
import io
import os
import re
import secrets
import socket
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import filelock
import msgspec
import psutil
import torch
from msgspec import Meta

from training.errors import UserError
from training.files import (
    DamagedError,
    clear_partials,
    read_regular,
    replace_file,
    run_dir,
    seal,
    unseal_zip,
)
from training.presets import Preset
from training.runs.documents import DocumentError, Reader, Words, explain, fault_of
from training.runs.log import EpochLine, Line, RewindLine, read
from training.runs.records import EpochTerms
from training.runs.snapshots import Probe, Snapshot
from training.runs.status import (
    ALIVE,
    CONTROL,
    STATUS,
    Control,
    State,
    Status,
    is_alive,
    is_locked,
)
from training.text import SENTENCE_LIMIT, printable, printable_path

FORMAT_VERSION = 2
NAME = re.compile(r"\w[\w.-]{0,99}")  # of the runs that the page lists
MOST_THREADS = 1024
_MOST_STATE = 4 * 2**30
_STEP = re.compile(r"(0|[1-9][0-9]{0,14})\.npz")
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
    seed: Annotated[
        int, Meta(ge=0, le=2**63 - 1, description=f"a whole number from 0 to {2**63 - 1:,}")
    ]
    data_dir: Words
    device: Words
    threads: Annotated[
        int, Meta(ge=1, le=MOST_THREADS, description=f"a whole number from 1 to {MOST_THREADS:,}")
    ]
    validation: Annotated[
        int, Meta(ge=0, le=2**31, description=f"a whole number from 0 to {2**31:,}")
    ] = 0
    save_every: Annotated[
        float, Meta(ge=0, le=1e9, description="a number of seconds from 0 to 1,000,000,000")
    ] = 15.0
    out: Words | None = None
    overwrite: bool = True  # where another checkpoint is at `out` by then; else the next free name
    # Drawn when the run is made: a name may be given again, this is not.
    id: Annotated[
        str, Meta(pattern=r"^[\w-]{0,64}$", description="at most 64 letters, digits and hyphens")
    ] = ""
    format_version: int = FORMAT_VERSION

    def __post_init__(self) -> None:
        """Raise ValueError where the preset's name cannot begin a file's."""
        if not NAME.fullmatch(self.preset.name):
            raise ValueError(
                f"the preset's name is {printable(self.preset.name, 40)}, and valid are letters, "
                "digits, dots, hyphens and underscores"
            )


CONFIG: Reader[RunConfig] = Reader(RunConfig)


def free_run(name: str, root: Path | None = None) -> Path:
    """The first folder of this name that is not taken yet: NAME, NAME-2, …, below `root`, or
    else among the runs."""
    root = run_dir() if root is None else root
    path, n = root / name, 2
    while path.exists():
        path, n = root / f"{name}-{n}", n + 1
    return path


def _why(path: Path, error: OSError) -> RunError:
    return RunError(
        f"{printable_path(path)} cannot be written ({error.strerror}). Make room, or name "
        "another folder with "
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
            f"{printable_path(path)} cannot be written ({printable(str(error))}). Make room; what "
            "was saved before is still there."
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
        """Make the folder; it must be new or empty, and have a name that the page lists."""
        if not NAME.fullmatch(name := self.path.absolute().name):
            raise RunError(
                f"The page would not list a run of the name {printable(name)}; name another folder "
                "with --run-dir, of at most 100 letters, digits, dots, hyphens and underscores."
            )
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if any(self.path.iterdir()):
                raise RunError(
                    f"{self._shown} is not empty; name another folder with --run-dir, or go on "
                    f"with what is in it by `python -m training resume {self._shown}`."
                )
            self._write("config.json", replace(config, id=config.id or secrets.token_hex(8)))
            self.log.touch()
            self.snapshots.mkdir()
        except OSError as error:
            raise _why(self.path, error) from None

    @property
    def _shown(self) -> str:
        return printable_path(self.path)

    def _write(self, name: str, value: Any, sync: bool = True) -> None:
        try:
            content = msgspec.json.encode(asdict(value))
        except UnicodeEncodeError as error:
            raise RunError(
                f"{self._shown} cannot hold {printable(error.object)}, which is not UTF-8; rename "
                "that."
            ) from None
        _replace(self.path / name, lambda file: file.write(content), sync)

    def write_config(self, config: RunConfig) -> None:
        """Write the configuration of a run that no process trains."""
        self._write("config.json", config)

    def config(self) -> RunConfig:
        """Configuration of the run.

        Raises:
            RunError: there is no run, or it is damaged or of another format version.
        """
        path = self.path / "config.json"
        try:
            config = CONFIG.read(path)
        except OSError as error:
            raise RunError(
                f"{self._shown} holds no run (config.json: {error.strerror}); `python -m training "
                "fit` makes one."
            ) from None
        except DocumentError as error:
            raise RunError(f"{fault_of(path, error)}; mend it, or begin the run anew.") from None
        if config.format_version != FORMAT_VERSION:
            raise RunError(
                f"{self._shown} is a run of format version "
                f"{printable(str(config.format_version))}, and this program goes on with "
                f"version {FORMAT_VERSION}; begin the run anew."
            )
        return config

    def status(self) -> Status:
        """Status as it was written, or `interrupted` where its process is gone; one that cannot be
        read is that of a new run, with a message that says why."""
        path = self.path / "status.json"
        try:
            status = STATUS.read(path)
        except FileNotFoundError:
            return Status()
        except (OSError, DocumentError) as error:
            return Status(
                message=f"{fault_of(path, error)}; the run writes it anew when it goes on."
            )
        status = replace(status, message=printable(status.message, SENTENCE_LIMIT))
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
        """Requests to the run; none, where there is no such file or it makes no sense."""
        try:
            return self.read_control()
        except RunError:
            return Control()

    def read_control(self) -> Control:
        """Requests to the run; none, where there is no such file.

        Raises:
            RunError: the file makes no sense, or asks for what is not possible.
        """
        path = self.path / "control.json"
        try:
            return CONTROL.read(path)
        except FileNotFoundError:
            return Control()
        except (OSError, DocumentError) as error:
            raise RunError(
                f"{fault_of(path, error)}, so nothing in it is obeyed; mend or remove it."
            ) from None

    def request(self, **changes: Any) -> None:
        """Change requests to the run: fields of `Control`, the others stay as they are.

        Raises:
            RunError: a value is not possible, the folder cannot be written, or another process is
                writing there.
        """
        try:
            with filelock.FileLock(self.path / "control.lock", timeout=LOCK_PATIENCE):
                fields = {**asdict(self.control()), **changes}
                try:
                    msgspec.json.encode(fields)  # what is no text cannot be asked for
                    asked = msgspec.convert(fields, Control)
                    if asked.beta is not None and asked.beta != asked.beta:
                        raise ValueError("its beta is NaN, which is no number")
                except msgspec.ValidationError as error:
                    reason = explain(str(error), fields, Control)
                    raise RunError(f"That cannot be asked of {self._shown}: {reason}.") from None
                except (ValueError, TypeError, OverflowError) as error:
                    reason = printable(str(error), 120)
                    raise RunError(f"That cannot be asked of {self._shown}: {reason}.") from None
                self._write("control.json", asked, sync=False)
        except filelock.Timeout:
            raise RunError(f"Somebody else steers {self._shown} now; try again.") from None
        except OSError as error:
            raise _why(self.path, error) from None

    def clear_partials(self) -> None:
        """Remove what writers of the run's files have left who died while they wrote."""
        clear_partials(self.path)
        clear_partials(self.snapshots)

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
                f"{self._shown} is being trained by another process (number {self.status().pid}); "
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
        file = io.BytesIO()
        torch.save(state, file)
        content = seal(file.getvalue())
        _replace(self.path / "resume.pt", lambda file: file.write(content))

    def save_snapshot(self, step: int, snapshot: Snapshot, probe: Probe) -> None:
        """Write a snapshot, and before the first one what all of them share."""
        if not (self.path / "probe.npz").exists():
            _replace(self.path / "probe.npz", lambda file: file.write(probe.pack()), sync=False)
        content = snapshot.pack()
        _replace(self.snapshots / f"{step}.npz", lambda file: file.write(content), sync=False)

    def state(self) -> dict[str, Any] | None:
        """The newest saved state, or None where nothing has been saved yet."""
        path = self.path / "resume.pt"
        remedy = "remove it to begin the run anew."
        try:
            content = unseal_zip(read_regular(path, _MOST_STATE), compressed=False)
            state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise RunError(
                f"{printable_path(path)} cannot be read ({error.strerror or error}); {remedy}"
            ) from None
        except DamagedError as error:
            raise RunError(f"{printable_path(path)} is damaged ({error}); {remedy}") from None
        except Exception as error:  # torch's reader raises many kinds
            raise RunError(
                f"{printable_path(path)} is damaged ({type(error).__name__}); {remedy}"
            ) from None
        if not isinstance(state, dict):
            raise RunError(f"{printable_path(path)} is damaged (it holds no state); {remedy}")
        return state

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
        return sorted(
            int(found[1]) for name in os.listdir(folder) if (found := _STEP.fullmatch(name))
        )
    except OSError:
        return []
