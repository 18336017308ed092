"""A queue of what takes long: one job at a time for all visitors, and only while somebody asks."""

import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotDoneError
from typing import Generic, TypeVar

from explorer.server.assets import NotYetError

PATIENCE = 10.0  # seconds after which who no longer asks has gone
MOST_WAITING = 32
_FIRST_LOOK = 0.2  # seconds that who asks first waits for what may be quick

T = TypeVar("T")
Report = Callable[[float], object]


class _GoneError(Exception):
    """Nobody waits for it any more."""


class _Job(Generic[T]):
    def __init__(self) -> None:
        self.share = 0.0
        self.asked = time.monotonic()
        self.future: Future[T] | None = None

    def told(self, share: float) -> None:
        if time.monotonic() - self.asked > PATIENCE:
            raise _GoneError
        self.share = min(share, 1.0)


class JobQueue(Generic[T]):
    """What is made, by what it is of; one thread, called `name`, makes it."""

    def __init__(self, name: str) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[Hashable, _Job[T]] = {}
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=name)

    def ask(self, key: Hashable, work: Callable[[Report], T]) -> T:
        """What `work` gives, which is told how far it is.

        Raises:
            NotYetError: it is being made, or waits for its turn.
        """
        with self._lock:
            job = self._jobs.get(key)
            first = job is None
            if job is None:
                if len(self._jobs) >= MOST_WAITING:
                    self._jobs = {k: j for k, j in self._jobs.items() if not _over(j)}
                if len(self._jobs) >= MOST_WAITING:
                    raise NotYetError(0.0)
                job = self._jobs[key] = _Job[T]()
                job.future = self._pool.submit(self._run, job, work)
            job.asked = time.monotonic()
        assert job.future is not None
        try:
            found = job.future.result(_FIRST_LOOK if first else 0)
        except NotDoneError:
            raise NotYetError(job.share) from None
        except _GoneError:  # and here somebody is again
            self._forget(key, job)
            raise NotYetError(0.0) from None
        except Exception:
            self._forget(key, job)
            raise
        self._forget(key, job)
        return found

    def _forget(self, key: Hashable, job: _Job[T]) -> None:
        with self._lock:
            if self._jobs.get(key) is job:
                del self._jobs[key]

    @staticmethod
    def _run(job: _Job[T], work: Callable[[Report], T]) -> T:
        job.told(0.0)
        return work(job.told)


def _over(job: _Job[T]) -> bool:
    """Whether a job is done, and nobody came for it."""
    done = job.future is not None and job.future.done()
    return done and time.monotonic() - job.asked > PATIENCE
