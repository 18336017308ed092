"""Training runs as a watcher sees them: what they do, and what they have done. No Streamlit."""

import contextlib
import functools
import os
import subprocess
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from explorer import blobs
from training.data.image_set import DataError
from training.data.names import parse, without_place
from training.files import clear_partials, open_regular
from training.presets import PRESETS
from training.runs import log
from training.runs.run import NAME, Run, RunError, snapshot_steps
from training.runs.snapshots import Probe, Snapshot
from training.runs.status import Control, Status
from training.text import SENTENCE_LIMIT, printable
from training.vae import priors

PATIENCE = 60.0  # seconds that a run's process may take to say its first word
MOST_LINES = 2000
OUTPUT = "output.txt"
CLEAR_EVERY = 60.0  # seconds
_LAST_BYTES = 2**16  # of what a process printed
_WORDS = {
    "epochs": "{} epochs",
    "beta": "β {:g}",
    "beta_warmup_epochs": "warm-up {}",
    "learning_rate": "rate {:g}",
    "batch_size": "batch {}",
}
PROCESSES: dict[Path, subprocess.Popen[bytes]] = {}


def process_of(run: Run) -> subprocess.Popen[bytes] | None:
    """The process that was started here for a run, alive or not."""
    return PROCESSES.get(run.path)


def find(root: Path, name: str) -> Run:
    """The run of this name.

    Raises:
        RunError: there is none.
    """
    if not NAME.fullmatch(name) or not os.path.isfile(root / name / "config.json"):
        raise RunError(f"There is no run {printable(name, 60)!r}.")
    return Run(root / name)


def names(root: Path) -> list[str]:
    """The runs in a folder, the newest first."""
    found = []
    for name in _folders(root):
        with contextlib.suppress(OSError):  # one that vanishes does not take the others along
            found.append(((root / name / "config.json").stat().st_mtime, name))
    _clear_partials(root, tuple(name for _, name in found), int(time.monotonic() // CLEAR_EVERY))
    return [name for _, name in sorted(found, reverse=True)]


def _folders(root: Path) -> list[str]:
    try:
        return [name for name in os.listdir(root) if NAME.fullmatch(name)]
    except OSError:
        return []


@functools.lru_cache(maxsize=8)
def _clear_partials(root: Path, names: tuple[str, ...], _minute: int) -> None:
    """Remove what dead writers have left in runs and beside them, once a minute at most."""
    clear_partials(root)
    for name in names:
        Run(root / name).clear_partials()


def state_of(run: Run) -> Status:
    """Status of a run, also while its process has not yet written one, or died before it could."""
    status = run.status()
    process = process_of(run)
    if process is not None and status.pid != process.pid:  # it has not spoken for itself yet
        code = process.poll()
        if code is None:
            return replace(status, state="new", message="")
        if code:
            return replace(status, state="failed", message=_last_words(run))
    if status.state == "new" and _age(run) > PATIENCE:
        return replace(status, state="interrupted")
    return status


def _age(run: Run) -> float:
    try:
        return time.time() - (run.path / "config.json").stat().st_mtime
    except OSError:
        return 0.0


def _last_words(run: Run) -> str:
    try:
        with open_regular(run.path / OUTPUT) as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _LAST_BYTES))
            lines = file.read(_LAST_BYTES).decode(errors="replace").strip().splitlines()
    except OSError:
        lines = []
    if not lines:
        return "Its process ended unheard."
    return printable(lines[-1].removeprefix("error: "), SENTENCE_LIMIT)


def listing(root: Path) -> list[dict[str, Any]]:
    """Name and state of every run, the newest first."""
    return [
        {"name": name, "state": state_of(run).state, "what": what(run)}
        for name in names(root)[:200]
        if (run := Run(root / name))
    ]


def what(run: Run) -> str:
    """Description of a run by what its recipe has different from the preset, in a few words."""
    try:
        stamp = (run.path / "config.json").stat().st_mtime_ns
    except OSError:
        return ""
    return _what(run.path, stamp)


@functools.lru_cache(maxsize=1024)
def _what(path: Path, stamp: int) -> str:
    try:
        config = Run(path).config()
    except RunError:
        return "cannot be read"
    preset = config.preset
    usual = PRESETS.get(preset.name, preset)
    words = [f"{preset.model.latent_dim}-D"]
    if preset.model.prior != usual.model.prior:
        words.append(preset.model.prior)
    if preset.data != usual.data:
        words.append(_called(preset.data))
    for field, word in _WORDS.items():
        if getattr(preset, field) != getattr(usual, field):
            words.append(word.format(getattr(preset, field)))
    if config.seed:
        words.append(f"seed {config.seed}")
    return ", ".join(words)


def _called(data: str) -> str:
    """A data set in a word or two; never where it lies."""
    try:
        told = parse(data)
    except DataError:
        return printable(without_place(data))
    return printable(os.path.basename(os.path.normpath(told.path)) if told.kind else data)


_BEHIND = 2**20  # bytes of a log: thousands of lines


class _Digest:
    """A log as watchers need it, read once for all of them: its lines that count, thinned."""

    def __init__(self, path: Path) -> None:
        self.log = path
        self.lock = threading.Lock()
        self.lines: list[Any] = []
        self.place = 0

    def since(self, place: int) -> tuple[list[Any], int, bool]:
        """The lines since a place, the place after them, and whether all before is to be
        forgotten."""
        with self.lock:
            self._read()
            # Who is far behind is given what is held: nothing is read again while others wait.
            if 0 < place <= self.place <= place + _BEHIND:
                found = log.follow(self.log, place)
                if len(found.lines) <= MOST_LINES // 2:
                    return found.lines, found.place, False
            return log.thinned(self.lines, MOST_LINES), self.place, place > 0

    def _read(self) -> None:
        while True:
            found = log.follow(self.log, self.place)
            if found.anew:
                self.lines = []
            at, self.place = self.place, found.place
            if found.place == at and not found.anew:
                return
            self.lines = log.counted([*self.lines, *found.lines])
            if len(self.lines) > 3 * MOST_LINES:
                self.lines = log.thinned(self.lines, MOST_LINES)


@functools.lru_cache(maxsize=32)
def _digest(path: Path, run_id: str) -> _Digest:
    return _Digest(Run(path).log)


def news(run: Run, place: int, known: str = "") -> dict[str, Any]:
    """State and log lines for a watcher who has read the run of id `known` as far as `place`.

    Raises:
        RunError: the run makes no sense.
    """
    config = run.config()
    lines, place, anew = _digest(run.path, config.id).since(place if known == config.id else 0)
    status, preset = state_of(run), config.preset
    try:
        control = run.read_control()
    except RunError as error:  # what is refused is said, and the run goes on as it was
        control = Control()
        status = replace(status, message=status.message or str(error))
    snapshots = []
    for step in snapshot_steps(run.snapshots):
        with contextlib.suppress(OSError):
            stamp = (run.snapshots / f"{step}.npz").stat().st_mtime_ns
            snapshots.append([step, f"{stamp:x}"])
    return {
        "state": status.state,
        "message": status.message,
        "checkpoint": _made(status),
        "steps": status.steps,
        "batches": status.batches,
        "saved": status.saved,
        "order": control.order,
        "asked_beta": control.beta,
        "beta": preset.beta,
        "preset": preset.name,
        "data": printable(without_place(preset.data)),
        "epochs": preset.epochs,
        "latent_dim": preset.model.latent_dim,
        "likelihood": blobs.likelihood(preset.model.likelihood, preset.model.image_shape),
        "prior_name": preset.model.prior,
        "seed": config.seed,
        "prior": priors.find(preset.model.prior).facts(),
        "id": config.id,
        "lines": lines,
        "place": place,
        "anew": anew or known != config.id,
        "snapshots": snapshots,
    }


def _made(status: Status) -> str | None:
    """The name of the checkpoint that a run has made, if it is still there."""
    if status.checkpoint and os.path.isfile(status.checkpoint):
        return Path(status.checkpoint).stem
    return None


def snapshot_blob(run: Run, step: int) -> bytes:
    """The blob of a snapshot.

    Raises:
        SnapshotError: there is none of this step, or it is damaged.
    """
    found = Snapshot.read(run.snapshots / f"{step}.npz")
    return blobs.pack(
        "snapshot",
        {"step": step, "axes": found.axes.tolist()},
        {
            "codes": found.codes,
            "grid": found.grid,
            "reconstructions": found.reconstructions,
        },
    )


def probe_blob(run: Run) -> bytes:
    """The blob of the arrays that a run's snapshots share.

    Raises:
        SnapshotError: there is none yet, or it is damaged.
    """
    found = Probe.read(run.path / "probe.npz")
    return blobs.pack(
        "probe",
        {"classes": found.classes.tolist(), "shape": list(found.image_shape.dims)},
        {"labels": found.labels.astype("uint8"), "images": found.images},
    )
