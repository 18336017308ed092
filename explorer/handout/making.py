"""Hand-outs that visitors of the app ask for: one is made at a time, once for all who want it."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor

from training.errors import UserError

MOST_KEPT = 4
MOST_WAITING = 8
BUSY = "Too many pages are being made for others; try again in a minute."
FAILED = "The page could not be made; the server's log says why."

Report = Callable[[str], object]


class Job:
    """A hand-out that is being made or is there: what is being done, in words, and what came of
    it."""

    def __init__(self) -> None:
        self.words = "waiting for its turn"
        self.future: Future[bytes] | None = None

    @property
    def done(self) -> bool:
        """Whether it is there, or will not be."""
        return self.future is not None and self.future.done()

    def result(self) -> bytes | str:
        """The file, once it is done; or the sentence that says why there is none."""
        assert self.future is not None
        error = self.future.exception()
        if error is None:
            return self.future.result()
        return str(error) if isinstance(error, UserError) else FAILED


class Maker:
    """Makes hand-outs in a thread of its own, and keeps the last ones."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: OrderedDict[Hashable, Job] = OrderedDict()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="handout")

    def find(self, key: Hashable) -> Job | None:
        """What was asked for under this key, unless it had to go."""
        with self._lock:
            return self._jobs.get(key)

    def ask(self, key: Hashable, make: Callable[[Report], bytes]) -> Job | str:
        """The hand-out of this key, which `make` makes unless it is there already; or the sentence
        that says why not. `make` is given a function to say what it does."""
        with self._lock:
            job = self._jobs.get(key)
            if job is not None and not (job.done and isinstance(job.result(), str)):
                self._jobs.move_to_end(key)
                return job
            if sum(not other.done for other in self._jobs.values()) >= MOST_WAITING:
                return BUSY
            made = self._jobs[key] = Job()
            made.future = self._pool.submit(make, lambda words: setattr(made, "words", words))
            for old in [k for k, other in self._jobs.items() if other.done and other is not made]:
                if len(self._jobs) <= MOST_KEPT:
                    break
                del self._jobs[old]
            return made


MAKER = Maker()
