"""Processes that train runs: started and resumed. No Streamlit.

A run belongs to its own process, never to a page: it goes on when the browser, or the whole app, is
closed.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import torch

from explorer.paths import ROOT
from explorer.runs.watch import OUTPUT, PROCESSES, names, process_of
from training.checkpoint import SUFFIX, is_classifier
from training.device import pick_device
from training.presets import Preset
from training.runs.run import MOST_THREADS, NAME, Run, RunConfig, RunError
from training.runs.status import ALIVE
from training.text import printable, printable_path

MOST_RUNNING = 3
SAVE_EVERY = 5.0  # seconds; on the page one sees what a kill takes back
MOST_NUMBERED = 90  # characters of a name that a number is put behind; 100 are listed
LOCK = threading.Lock()  # held by what begins, moves or removes a run


def check_name(wish: str) -> str:
    """The name, without what stands around it, if a run or a checkpoint can have it.

    Raises:
        RunError: it cannot.
    """
    wish = wish.strip()
    if not NAME.fullmatch(wish):
        raise RunError(
            f"The name {printable(wish, 40)!r} is not possible; use at most 100 letters, digits, "
            "dots, hyphens and underscores, the first of them none of the signs."
        )
    if is_classifier(Path(wish.lower() + SUFFIX)):
        raise RunError(
            f"The name {wish} is not possible: among the checkpoints it is the digit classifier's, "
            "and the run's would not be listed; choose another."
        )
    return wish


def start(
    preset: Preset, seed: int, root: Path, data_dir: Path, checkpoints: Path, wish: str = ""
) -> str:
    """Make a run and the process that trains it; its name, free among runs and checkpoints.

    The name begins with `wish`, or with the preset's.

    Raises:
        RunError: the name or the folder is not possible, or enough is running.
    """
    wish = check_name(wish.strip() or preset.name)
    with LOCK:
        _refuse_too_many(root)
        name, n = wish, 2
        while (root / name).exists() or (checkpoints / (name + SUFFIX)).exists():
            name, n = f"{wish[:MOST_NUMBERED]}-{n}", n + 1
        run = Run(root / name)
        out = checkpoints / (name + SUFFIX)
        run.create(
            RunConfig(
                preset,
                seed,
                str(data_dir),
                str(pick_device("auto")),
                threads(),
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


def threads() -> int:
    """Threads of a process beside the page: one less than there are cores. Those of a training that
    wait for one that had to make room for the browser cost far more than they bring."""
    return max(1, min(torch.get_num_threads(), (os.cpu_count() or 2) - 1, MOST_THREADS))


def _refuse_too_many(root: Path) -> None:
    running = [name for name in names(root) if _is_training(Run(root / name))]
    if len(running) >= MOST_RUNNING:
        raise RunError(
            f"{', '.join(running)} are being trained; pause or stop one before another begins."
        )


def _is_training(run: Run) -> bool:
    return has_process(run) and run.status().state != "paused"


def resume(run: Run, finish: bool = False) -> None:
    """Resume a run, in its waiting process or a new one; with `finish`, write its checkpoint.

    Raises:
        RunError: the folder cannot be written.
    """
    with LOCK:
        if not finish and not _is_training(run):
            _refuse_too_many(run.path.parent)
        run.request(order="stop" if finish else "run")
        process = process_of(run)
        if process is not None and run.status().state not in ALIVE and run.status().pid:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)  # it may be on its way out
        if not has_process(run):
            _launch(run, *(["--finish"] if finish else []))


def has_process(run: Run) -> bool:
    """Whether a process trains a run, waits to go on, or is on its way to either."""
    process = process_of(run)
    return run.status().state in ALIVE or (process is not None and process.poll() is None)


def _launch(run: Run, *options: str) -> None:
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    try:
        with (run.path / OUTPUT).open("ab") as output:
            PROCESSES[run.path] = subprocess.Popen(
                [sys.executable, "-m", "training", "resume", str(run.path), *options],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # the end of the app is not the end of the run
            )
    except OSError as error:
        where = printable_path(run.path)
        raise RunError(f"{where} cannot be trained ({error.strerror}).") from None
