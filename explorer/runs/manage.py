"""Runs and checkpoints deleted, renamed and duplicated. No Streamlit.

Each is whole or not there: what is copied is made beside its place, and moved in one step. Names
are those of `launch.check_name`, so that none leads out of its folder.
"""

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from explorer.paths import ROOT
from explorer.runs import launch, watch
from training.checkpoint import SUFFIX, CheckpointError, checkpoint_files, unused
from training.evaluation import table
from training.files import PARTIAL, partial_prefix
from training.runs.run import Run, RunError, free_run
from training.text import printable

# What the project itself brings is nobody's to lose.
SHIPPED = frozenset(
    (
        *("mnist-2d", "mnist-10d", "n12", "n12-10d", "gamma", "sprites-64", "sprites-64-vae"),
        *("report-normal", "report-n12", "report-kaiming", "report-mse", "report-mae"),
        *("report-perceptual", "report-perceptual-bce", "report-perceptual-mse", "report-10d"),
        *("report-perceptual-10d", "report-gamma"),
    )
)
# Of a process, not of what it trained; the duplicate begins without them.
_LEFT_OUT = ("lock", "control.json", "control.lock", watch.OUTPUT, "*" + PARTIAL)


def _beside(path: Path) -> Path:
    """A hidden place beside a path, which is cleared away if this process dies."""
    return path.with_name(f".{partial_prefix(path.name)}{secrets.token_hex(4)}{PARTIAL}")


def _reason(error: OSError) -> str:
    return error.strerror or str(error)


# --- runs -----------------------------------------------------------------------------------------


@contextlib.contextmanager
def _at_rest(run: Run, what: str) -> Iterator[None]:
    """While no process trains a run, nor begins to.

    Raises:
        RunError: one does, or there is no such run any more.
    """
    with launch.LOCK:
        watch.find(run.path.parent, run.path.name)
        if launch.has_process(run):
            raise RunError(
                f"{run.path.name} is being trained; stop it first, then it can be {what}."
            )
        with run.exclusive_lock():  # nor a process that was started elsewhere
            yield


def delete_run(run: Run) -> None:
    """Delete a run: its log, its snapshots and its saved state; its checkpoint stays.

    Raises:
        RunError: it is being trained, or cannot be deleted.
    """
    gone = _beside(run.path)
    with _at_rest(run, "deleted"):
        try:
            os.rename(run.path, gone)
        except OSError as error:
            raise RunError(f"{run.path.name} cannot be deleted ({_reason(error)}).") from None
        watch.PROCESSES.pop(run.path, None)
    if gone.is_symlink():
        gone.unlink()
    shutil.rmtree(gone, ignore_errors=True)


def rename_run(run: Run, wish: str, checkpoints: Path) -> str:
    """Give a run another name; it keeps its id, and its checkpoint that one's name.

    Raises:
        RunError: the name is not possible or taken, or the run is being trained.
    """
    name = launch.check_name(wish)
    target = run.path.with_name(name)
    with _at_rest(run, "renamed"):
        _refuse_taken(target, checkpoints)
        config = run.config()
        try:
            os.rename(run.path, target)
        except OSError as error:
            raise RunError(f"{run.path.name} cannot be renamed ({_reason(error)}).") from None
        watch.PROCESSES.pop(run.path, None)
        renamed = Run(target)
        if config.out and not renamed.status().checkpoint:  # it will be written under the new name
            renamed.write_config(replace(config, out=str(Path(config.out).with_stem(name))))
    return name


def duplicate_run(run: Run, wish: str, checkpoints: Path) -> str:
    """Copy a run as it is, to go on with differently; the name of the copy, which begins with
    `wish` where it has one, and else is the first free one.

    Raises:
        RunError: the name is not possible or taken, or the run is being trained.
    """
    with _at_rest(run, "duplicated"):
        if wish == run.path.name:
            target = free_run(wish[: launch.MOST_NUMBERED], run.path.parent)
        else:
            target = run.path.with_name(launch.check_name(wish))
            _refuse_taken(target, checkpoints)
        config = run.config()
        out = config.out and str(unused(Path(config.out).with_stem(target.name)))
        copy = _beside(target)
        try:
            shutil.copytree(run.path, copy, ignore=shutil.ignore_patterns(*_LEFT_OUT))
            Run(copy).write_config(replace(config, id=secrets.token_hex(8), out=out))
            os.rename(copy, target)
        except (OSError, shutil.Error, RunError) as error:
            shutil.rmtree(copy, ignore_errors=True)
            reason = _reason(error) if isinstance(error, OSError) else str(error)
            raise RunError(f"{run.path.name} cannot be duplicated ({printable(reason)}).") from None
    return target.name


def _refuse_taken(target: Path, checkpoints: Path) -> None:
    if os.path.lexists(target):
        raise RunError(f"There is a run {target.name} already; choose another name.")
    if (checkpoints / (target.name + SUFFIX)).exists():
        raise RunError(f"There is a checkpoint {target.name} already; choose another name.")


# --- checkpoints ----------------------------------------------------------------------------------


def kept_because(folder: Path, name: str) -> str:
    """The sentence on why a checkpoint can be neither deleted nor renamed; empty where it can."""
    if folder.resolve() == ROOT / "checkpoints" and name in SHIPPED:
        return f"{name} comes with the explorer, and is neither renamed nor deleted."
    return ""


def _file(folder: Path, name: str) -> Path:
    """The file of a checkpoint that is listed under a name.

    Raises:
        CheckpointError: there is none.
    """
    for path in checkpoint_files(folder):
        if path.stem == name:
            return path
    raise CheckpointError(f"There is no checkpoint {printable(name, 60)!r} any more.")


def _own_file(folder: Path, name: str) -> Path:
    if why := kept_because(folder, name):
        raise CheckpointError(why)
    return _file(folder, name)


def _free(folder: Path, wish: str) -> Path:
    path = folder / (launch.check_name(wish) + SUFFIX)
    if os.path.lexists(path):
        raise CheckpointError(f"There is a checkpoint {path.stem} already; choose another name.")
    return path


def delete_checkpoint(folder: Path, name: str) -> None:
    """Delete a checkpoint, and what was measured of it.

    Raises:
        CheckpointError: it comes with the explorer, is gone, or cannot be deleted.
    """
    with launch.LOCK:
        path = _own_file(folder, name)
        try:
            path.unlink()
        except OSError as error:
            raise CheckpointError(f"{name} cannot be deleted ({_reason(error)}).") from None
        table.forget(folder, name)


def rename_checkpoint(folder: Path, name: str, wish: str, runs: Path) -> str:
    """Give a checkpoint another name; the run that made it finds it there.

    Raises:
        CheckpointError, RunError: it comes with the explorer, or the name is not possible or taken.
    """
    with launch.LOCK:
        path = _own_file(folder, name)
        target = _free(folder, wish)
        table.copy(folder, name, target.stem)
        try:
            os.rename(path, target)
        except OSError as error:
            table.forget(folder, target.stem)
            raise CheckpointError(f"{name} cannot be renamed ({_reason(error)}).") from None
        table.forget(folder, name)
        _tell_runs(runs, path, target)
    return target.stem


def _tell_runs(runs: Path, path: Path, target: Path) -> None:
    for name in watch.names(runs):
        run = Run(runs / name)
        status = run.status()
        if status.state in ("done", "kept") and status.checkpoint == str(path.resolve()):
            with contextlib.suppress(RunError):  # it says then that its checkpoint is gone
                run.write_status(
                    status.state, message=status.message, checkpoint=str(target.resolve())
                )


def duplicate_checkpoint(folder: Path, name: str, wish: str) -> str:
    """Copy a checkpoint; the name of the copy, the first free one where `wish` is its own.

    Raises:
        CheckpointError, RunError: it is gone, or the name is not possible or taken.
    """
    with launch.LOCK:
        path = _file(folder, name)
        beside = folder / (name[: launch.MOST_NUMBERED] + SUFFIX)
        target = unused(beside) if wish == name else _free(folder, wish)
        copy = _beside(target)
        try:
            shutil.copyfile(path, copy)
            os.rename(copy, target)
        except OSError as error:
            with contextlib.suppress(OSError):
                copy.unlink()
            raise CheckpointError(f"{name} cannot be duplicated ({_reason(error)}).") from None
        table.copy(folder, name, target.stem)
    return target.stem
