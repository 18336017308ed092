"""Training runs as a watcher sees and steers them. Files and processes; no Streamlit.

A run belongs to its own process, never to a page: what is started here goes on when the browser,
or the whole app, is closed.
"""

import contextlib
import functools
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from explorer.places import ROOT
from explorer.stage import payload
from training import log, priors
from training.checkpoint import SUFFIX
from training.loop import pick_device
from training.presets import PRESETS, Preset
from training.runlog import ALIVE, Run, RunConfig, RunError, Status, snapshot_steps
from training.snapshots import Probe, Snapshot

MOST_RUNNING = 3
PATIENCE = 60.0  # seconds that a run's process may take to say its first word
MOST_LINES = 2000
SAVE_EVERY = 5.0  # seconds; on the page one sees what a kill takes back
OUTPUT = "output.txt"
_NAME = re.compile(r"[\w][\w.-]{0,99}")
_WORDS = {
    "data": "{}",
    "epochs": "{} epochs",
    "beta": "β {:g}",
    "beta_warmup_epochs": "warm-up {}",
    "learning_rate": "rate {:g}",
    "batch_size": "batch {}",
}
_processes: dict[Path, subprocess.Popen[bytes]] = {}
_lock = threading.Lock()


def find(root: Path, name: str) -> Run:
    """The run of this name.

    Raises:
        RunError: there is none.
    """
    if not _NAME.fullmatch(name) or not (root / name / "config.json").is_file():
        raise RunError(f"There is no run {name[:60]!r}.")
    return Run(root / name)


def names(root: Path) -> list[str]:
    """The runs in a folder, the newest first."""
    with contextlib.suppress(OSError):
        found = [(p.stat().st_mtime, p.parent.name) for p in root.glob("*/config.json")]
        return [name for _, name in sorted(found, reverse=True) if _NAME.fullmatch(name)]
    return []


def state_of(run: Run) -> Status:
    """What a run is doing, also while its process has not yet said anything, or died unheard."""
    status = run.status()
    process = _processes.get(run.path)
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
        lines = (run.path / OUTPUT).read_text(errors="replace").strip().splitlines()
    except OSError:
        lines = []
    return lines[-1].removeprefix("error: ")[:500] if lines else "Its process ended unheard."


def listing(root: Path) -> list[dict[str, Any]]:
    """Name and state of every run, the newest first."""
    return [
        {"name": name, "state": state_of(run).state, "what": what(run)}
        for name in names(root)[:200]
        if (run := Run(root / name))
    ]


def what(run: Run) -> str:
    """What tells a run apart from others of its kind, in a few words."""
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
    for field, word in _WORDS.items():
        if getattr(preset, field) != getattr(usual, field):
            words.append(word.format(getattr(preset, field)))
    if config.seed:
        words.append(f"seed {config.seed}")
    return ", ".join(words)


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
            if 0 < place <= self.place:
                found = log.follow(self.log, place)
                if len(found.lines) <= MOST_LINES // 2:
                    return found.lines, found.place, False
            return log.thinned(self.lines, MOST_LINES), self.place, place > 0

    def _read(self) -> None:
        while True:
            found = log.follow(self.log, self.place)
            if found.anew:
                self.lines = []
            self.place = found.place
            if not found.lines:
                return
            self.lines = log.counted([*self.lines, *found.lines])
            if len(self.lines) > 3 * MOST_LINES:
                self.lines = log.thinned(self.lines, MOST_LINES)


@functools.lru_cache(maxsize=32)
def _digest(path: Path, run_id: str) -> _Digest:
    return _Digest(Run(path).log)


def news(run: Run, place: int, known: str = "") -> dict[str, Any]:
    """What a watcher needs who has read the log of the run of id `known` as far as `place`.

    Raises:
        RunError: the run makes no sense.
    """
    config = run.config()
    lines, place, anew = _digest(run.path, config.id).since(place if known == config.id else 0)
    status, control = state_of(run), run.control()
    preset = config.preset
    snapshots = []
    for step in snapshot_steps(run.snapshots):
        with contextlib.suppress(OSError):
            stamp = (run.snapshots / f"{step}.npz").stat().st_mtime_ns
            snapshots.append([step, f"{stamp:x}"])
    return {
        "state": status.state,
        "message": status.message,
        "checkpoint": Path(status.checkpoint).stem if status.checkpoint else None,
        "steps": status.steps,
        "batches": status.batches,
        "saved": status.saved,
        "order": control.order,
        "asked_beta": control.beta,
        "beta": preset.beta,
        "preset": preset.name,
        "data": preset.data,
        "epochs": preset.epochs,
        "latent_dim": preset.model.latent_dim,
        "likelihood": preset.model.likelihood,
        "prior_name": preset.model.prior,
        "seed": config.seed,
        "prior": payload.family(priors.find(preset.model.prior)),
        "id": config.id,
        "lines": lines,
        "place": place,
        "anew": anew or known != config.id,
        "snapshots": snapshots,
    }


def snapshot_blob(run: Run, step: int) -> bytes:
    """The blob of a snapshot. SnapshotError where there is none."""
    found = Snapshot.read(run.snapshots / f"{step}.npz")
    return payload.pack(
        "snapshot",
        {"step": step, "axes": found.axes.tolist()},
        {
            "codes": found.codes,
            "grid": found.grid,
            "reconstructions": found.reconstructions,
        },
    )


def probe_blob(run: Run) -> bytes:
    """The blob of what a run's snapshots share. SnapshotError where there is none yet."""
    found = Probe.read(run.path / "probe.npz")
    return payload.pack(
        "probe",
        {"classes": found.classes.tolist()},
        {"labels": found.labels.astype("uint8"), "images": found.images},
    )


def start(
    preset: Preset, seed: int, root: Path, data_dir: Path, checkpoints: Path, wish: str = ""
) -> str:
    """Make a run and the process that trains it; its name, free among runs and checkpoints.

    The name begins with `wish`, or with the preset's.

    Raises:
        RunError: the name or the folder is not possible, or enough is running.
    """
    wish = wish.strip() or preset.name
    if not _NAME.fullmatch(wish):
        raise RunError(
            f"The name {wish[:40]!r} is not possible; use letters, digits, dots, hyphens and "
            "underscores."
        )
    with _lock:
        _refuse_too_many(root)
        name, n = wish, 2
        while (root / name).exists() or (checkpoints / (name + SUFFIX)).exists():
            name, n = f"{wish}-{n}", n + 1
        run = Run(root / name)
        out = checkpoints / (name + SUFFIX)
        run.create(
            RunConfig(
                preset,
                seed,
                str(data_dir),
                str(pick_device("auto")),
                _threads(),
                save_every=SAVE_EVERY,
                out=str(out.resolve()),
                overwrite=False,
            )
        )
        try:
            _launch(run)
        except RunError:
            shutil.rmtree(run.path, ignore_errors=True)
            raise
    return name


def _threads() -> int:
    """One less than there are cores: threads of a training that wait for one that had to make room
    for the browser cost far more than they bring."""
    return max(1, min(torch.get_num_threads(), (os.cpu_count() or 2) - 1))


def _refuse_too_many(root: Path) -> None:
    running = [name for name in names(root) if _busy(Run(root / name))]
    if len(running) >= MOST_RUNNING:
        raise RunError(
            f"{', '.join(running)} are being trained; pause or stop one before another begins."
        )


def _busy(run: Run) -> bool:
    return _waits(run) and run.status().state != "paused"


def go_on(run: Run, finish: bool = False) -> None:
    """Have a run go on, in its waiting process or a new one; with `finish`, write its checkpoint.

    Raises:
        RunError: the folder cannot be written.
    """
    with _lock:
        if not finish and not _busy(run):
            _refuse_too_many(run.path.parent)
        run.ask(order="stop" if finish else "run")
        process = _processes.get(run.path)
        if process is not None and run.status().state not in ALIVE and run.status().pid:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)  # it may be on its way out
        if not _waits(run):
            _launch(run, *(["--finish"] if finish else []))


def _waits(run: Run) -> bool:
    process = _processes.get(run.path)
    return run.status().state in ALIVE or (process is not None and process.poll() is None)


def _launch(run: Run, *options: str) -> None:
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    try:
        with (run.path / OUTPUT).open("ab") as output:
            _processes[run.path] = subprocess.Popen(
                [sys.executable, "-m", "training", "resume", str(run.path), *options],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # the end of the app is not the end of the run
            )
    except OSError as error:
        raise RunError(f"{run.path} cannot be trained ({error.strerror}).") from None
