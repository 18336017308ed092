"""t-SNE maps computed beside the pages: each once, one at a time, while somebody watches."""

import contextlib
import secrets
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from explorer.latent import tsne
from explorer.paths import cache_dir
from explorer.server import access

PATIENCE = 20.0  # seconds after which a visitor who no longer asks has gone
MOST_WAITING = 16
_KEPT = 8  # finished maps for who comes next; more are read from the disk


class TsneJob:
    """A map that is being computed or waits for its turn.

    `step` is the newest state, `error` a sentence where there will be none.
    """

    def __init__(self, mu: Any, perplexity: float, seed: int, path: Path, local: bool) -> None:
        self.asked = (mu, perplexity, seed)
        self.path, self.local = path, local
        self.step: tsne.TsneStep | None = None
        self.error: str | None = None
        self.queued = True
        self.watchers: dict[str, float] = {}
        """When each visitor has asked for it last, on the clock of `time.monotonic`."""

    @property
    def running(self) -> bool:
        """Whether more is to come."""
        return self.error is None and not (self.step is not None and self.step.final)

    @property
    def watched(self) -> bool:
        """Whether somebody still asks for it."""
        return any(time.monotonic() - asked < PATIENCE for asked in self.watchers.values())


class TsneQueue:
    """Jobs by the files of their maps; one thread computes, as two would take twice as long.

    A visitor watches one map at a time, so that nobody fills the queue; visitors from this machine
    come first, others in the order in which they asked. What nobody watches any more is given up.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[Path, TsneJob] = {}
        self._worker: threading.Thread | None = None

    def ask(
        self, mu: Any, perplexity: float, seed: int, path: Path, visitor: str, local: bool
    ) -> np.ndarray | TsneJob | str:
        """The finished map (N, 2) of codes (N, d), the job that is making it, or a sentence that
        says why there is none."""
        with self._lock:
            for other in list(self._jobs.values()):
                if other.path != path:
                    other.watchers.pop(visitor, None)
                    if other.queued and not other.watched:
                        del self._jobs[other.path]
            job = self._jobs.get(path)
            if job is None:
                stored = tsne.load_cached(path, len(mu))
                if stored is not None:
                    return stored
                if sum(other.queued for other in self._jobs.values()) >= MOST_WAITING:
                    return "Others' t-SNE maps are being made; choose t-SNE again in a minute."
                job = self._jobs[path] = TsneJob(mu, perplexity, seed, path, local)
            job.watchers[visitor] = time.monotonic()
            job.local |= local
            if job.error is not None:
                return job.error
            if job.step is not None and job.step.final:
                return job.step.embedding
            if self._worker is None:
                self._worker = threading.Thread(target=self._work, daemon=True, name="t-sne")
                self._worker.start()
            return job

    def _work(self) -> None:
        while True:
            with self._lock:
                waiting = [job for job in self._jobs.values() if job.queued and job.watched]
                if not waiting:
                    self._worker = None
                    return
                job = min(waiting, key=lambda job: not job.local)  # the first of equals
                job.queued = False
            self._compute(job)
            with self._lock:
                if job.running:  # given up
                    self._jobs.pop(job.path, None)
                ended = [path for path, old in self._jobs.items() if not old.running]
                for path in ended[:-_KEPT]:
                    del self._jobs[path]

    def _compute(self, job: TsneJob) -> None:
        mu, perplexity, seed = job.asked
        try:
            for step in tsne.tsne(mu, perplexity=perplexity, seed=seed):
                job.step = step
                if not step.final and not job.watched:
                    return
        except ValueError as error:
            job.error = str(error)
            return
        except Exception as error:  # a page waits for this thread and must be told
            job.error = f"t-SNE stopped ({type(error).__name__}: {error})."
            return
        assert job.step is not None
        with contextlib.suppress(OSError):  # the map is there; only the next start computes again
            tsne.store_cached(job.path, job.step.embedding)


@st.cache_resource(show_spinner=False)
def _queue() -> TsneQueue:
    return TsneQueue()


def tsne_map(mu: Any, perplexity: float, seed: int) -> np.ndarray | TsneJob | str:
    """The finished t-SNE map (N, 2) of codes for the visitor of this page run, the job that is
    making it, or a sentence that says why there is none."""
    path = tsne.cache_path(cache_dir() / "tsne", mu, perplexity, seed)
    visitor = st.session_state.setdefault("tsne_visitor", secrets.token_hex(8))
    return _queue().ask(mu, perplexity, seed, path, visitor, access.may_control())
