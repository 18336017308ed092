"""Training runs as a watcher sees and steers them. Files and processes; no Streamlit.

A run belongs to its own process, never to a page: what is started here goes on when the browser,
or the whole app, is closed.
"""

import contextlib
import os
import re
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from explorer.places import ROOT
from explorer.stage import payload
from training import log
from training.checkpoint import SUFFIX
from training.presets import Preset
from training.priors import PRIORS, Gaussian
from training.runlog import ALIVE, Run, RunConfig, RunError, Status, snapshot_steps
from training.snapshots import Probe, Snapshot

MOST_RUNNING = 3
OUTPUT = "output.txt"
_NAME = re.compile(r"[\w][\w.-]{0,99}")
_processes: dict[Path, subprocess.Popen[bytes]] = {}
_lock = threading.Lock()


def find(root: Path, name: str) -> Run:
    """The run of this name.

    Raises:
        RunError: there is none.
    """
    if not _NAME.fullmatch(name) or not (root / name / "config.json").is_file():
        raise RunError(f"There is no run {name[:60]!r} in {root}.")
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
    if status.state in ALIVE or process is None:
        return status
    code = process.poll()
    if code is None:
        return replace(status, state="new", message="")
    if code > 0 and status.state in ("new", "interrupted"):
        return replace(status, state="failed", message=_last_words(run))
    return status


def _last_words(run: Run) -> str:
    try:
        lines = (run.path / OUTPUT).read_text(errors="replace").strip().splitlines()
    except OSError:
        lines = []
    return lines[-1].removeprefix("error: ")[:500] if lines else "Its process ended unheard."


def listing(root: Path) -> list[dict[str, Any]]:
    """Name and state of every run, the newest first."""
    return [{"name": name, "state": state_of(Run(root / name)).state} for name in names(root)[:200]]


def news(run: Run, place: int) -> dict[str, Any]:
    """What a watcher needs who has read the log as far as `place`; `place` 0 stands for all.

    Raises:
        RunError: the run makes no sense.
    """
    config = run.config()
    found = log.follow(run.log, place)
    lines: list[Any] = found.lines
    if place == 0 or found.anew:  # later lines may take back what is known already
        lines = log.thinned(log.counted(lines))
    status, control = state_of(run), run.control()
    preset = config.preset
    prior = PRIORS[preset.model.prior]
    assert isinstance(prior, Gaussian)
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
        "order": control.order,
        "asked_beta": control.beta,
        "beta": preset.beta,
        "preset": preset.name,
        "data": preset.data,
        "epochs": preset.epochs,
        "latent_dim": preset.model.latent_dim,
        "likelihood": preset.model.likelihood,
        "seed": config.seed,
        "prior": {"mean": prior.mean, "std": prior.std},
        "lines": lines,
        "place": found.place,
        "anew": found.anew,
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


def start(preset: Preset, seed: int, root: Path, data_dir: Path, checkpoints: Path) -> str:
    """Make a run and the process that trains it; its name, free among runs and checkpoints.

    Raises:
        RunError: the folder cannot be written, or enough is running.
    """
    with _lock:
        running = [n for n in names(root) if _busy(Run(root / n))]
        if len(running) >= MOST_RUNNING:
            raise RunError(
                f"{', '.join(running)} are being trained; pause or stop one before another begins."
            )
        name, n = preset.name, 2
        while (root / name).exists() or (checkpoints / (name + SUFFIX)).exists():
            name, n = f"{preset.name}-{n}", n + 1
        run = Run(root / name)
        out = checkpoints / (name + SUFFIX)
        threads = torch.get_num_threads()
        run.create(RunConfig(preset, seed, str(data_dir), "auto", threads, out=str(out)))
        _launch(run)
    return name


def _busy(run: Run) -> bool:
    return _waits(run) and run.status().state != "paused"


def go_on(run: Run, finish: bool = False) -> None:
    """Have a run go on, in its waiting process or a new one; with `finish`, write its checkpoint.

    Raises:
        RunError: the folder cannot be written.
    """
    with _lock:
        run.ask(order="stop" if finish else "run")
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
