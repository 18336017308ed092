"""Status and control of a run: what it does, and what it is asked to do."""

import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import psutil
from msgspec import Meta

from training.presets import Beta
from training.runs.documents import Count, Reader, Words

State = Literal["new", "running", "paused", "stopped", "kept", "done", "failed", "interrupted"]
ALIVE = ("running", "paused")


@dataclass(frozen=True)
class Status:
    """Status of a run, as in `status.json`.

    `stopped` ended in good order and can be gone on with, `kept` is a stopped one whose checkpoint
    was written, `done` was trained to the end; `message` says why a run `failed`. `interrupted` is
    never written: it is what a reader sees where the process ended without a word.
    """

    state: State = "new"
    message: str = ""
    checkpoint: Words | None = None
    pid: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0
    started: float = 0.0  # when that process began, since a process id is given again
    host: Words = ""
    steps: Count = 0
    batches: Count = 0  # steps an epoch
    saved: Count = 0  # the step of the newest saved state


def is_locked(lock: Path) -> bool | None:
    """Whether some process holds a lock; None where that cannot be known.

    A shared lock is asked for, so that those who look do not take each other for the holder.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        return None
    try:
        file = os.open(lock, os.O_RDONLY | os.O_NONBLOCK)  # a FIFO would wait for ever
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        finally:
            os.close(file)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    except OSError:  # a file system without locks
        return None
    return False


def is_alive(status: Status) -> bool:
    """Whether the process that wrote a status is there, and not another one of its number."""
    if status.host != socket.gethostname():
        return True  # there is no way to know
    try:
        process = psutil.Process(status.pid)
        # Both are the system's clock's, which may be set in between.
        same = abs(process.create_time() - status.started) < 5.0
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


@dataclass(frozen=True)
class Control:
    """Requests to a run, as in `control.json`; `beta`, where it is a number, from the next
    epoch on."""

    order: Literal["run", "pause", "stop"] = "run"
    beta: Beta | None = None


STATUS: Reader[Status] = Reader(Status)
CONTROL: Reader[Control] = Reader(Control)
