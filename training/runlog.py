"""A run on disk: `runs/NAME/`, written by the training process and read by whoever watches.

    config.json      what the run is: `RunConfig`
    records.jsonl    an epoch a line, appended: its step and its `EpochTerms`; the last line may be
                     half-written
    resume.pt        the newest saved state of the `Trainer`; absent before the first save

Everything but the log is written beside its place and renamed, so that no reader ever sees half.
"""

import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
import torch

from training.loop import EpochTerms
from training.presets import Preset

FORMAT_VERSION = 1
RUNS = Path("runs")
_MAX_CONFIG = 2**20


class RunError(Exception):
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


def _replace(path: Path, write: Any) -> None:
    """Have `write(file)` fill a file beside `path`, sync it, and put it in its place."""
    partial = None
    try:
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=path.name, suffix=".partial", delete=False
        ) as file:
            partial = Path(file.name)
            write(file)
            file.flush()
            os.fsync(file.fileno())
        partial.chmod(0o644)
        os.replace(partial, path)
    except (OSError, RuntimeError) as error:
        if partial is not None:
            partial.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise _why(path, error) from None
        # torch's writer hides the system's reason.
        raise RunError(
            f"{path} cannot be written ({str(error).splitlines()[0]}). Make room; what was saved "
            "before is still there."
        ) from None


class Run:
    """A run's folder, for the process that trains.

    Raises:
        RunError: from any method, where the folder cannot be written or makes no sense.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    @property
    def log(self) -> Path:
        """Where the records are."""
        return self.path / "records.jsonl"

    def create(self, config: RunConfig) -> None:
        """Make the folder; it must be new or empty."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if any(self.path.iterdir()):
                raise RunError(
                    f"{self.path} is not empty; name another folder with --run-dir, or go on with "
                    f"what is in it by `python -m training resume {self.path}`."
                )
            _replace(
                self.path / "config.json", lambda f: f.write(msgspec.json.encode(asdict(config)))
            )
            self.log.touch()
        except OSError as error:
            raise _why(self.path, error) from None

    def config(self) -> RunConfig:
        """What the run is."""
        path = self.path / "config.json"
        try:
            with path.open("rb") as file:
                return msgspec.json.decode(file.read(_MAX_CONFIG), type=RunConfig)
        except OSError as error:
            raise RunError(
                f"{self.path} holds no run ({path.name}: {error.strerror}); `python -m training "
                "fit` makes one."
            ) from None
        except (msgspec.DecodeError, ValueError) as error:
            raise RunError(f"{path} is damaged ({error}); begin the run anew.") from None

    def append(self, terms: EpochTerms, step: int) -> None:
        """Add a record, whole or not at all as far as the system allows."""
        line = json.dumps({"step": step, **asdict(terms)}) + "\n"
        try:
            with self.log.open("ab", buffering=0) as file:
                file.write(line.encode())
                os.fsync(file.fileno())
        except OSError as error:
            raise _why(self.log, error) from None

    def save(self, state: dict[str, Any]) -> None:
        """Keep a state of the `Trainer`."""
        _replace(self.path / "resume.pt", lambda file: torch.save(state, file))

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
        """Take records after `step` off the log, and return those that stay.

        A run that was killed may have logged an epoch that its saved state does not know.
        """
        kept = [(at, terms) for at, terms in read(self.log) if at <= step]
        lines = [json.dumps({"step": at, **asdict(terms)}) + "\n" for at, terms in kept]
        _replace(self.log, lambda file: file.write("".join(lines).encode()))
        return [terms for _, terms in kept]


def read(log: Path) -> Iterator[tuple[int, EpochTerms]]:
    """The records of a log that may be written to this moment: (step, terms).

    A last line without its end is left out, and so is one that makes no sense.
    """
    try:
        content = log.read_bytes()
    except OSError:
        return
    for line in content.splitlines(keepends=True):
        if not line.endswith(b"\n"):
            return
        try:
            fields = json.loads(line)
            yield int(fields.pop("step")), msgspec.convert(fields, EpochTerms)
        except (ValueError, KeyError, AttributeError, msgspec.ValidationError):
            continue
