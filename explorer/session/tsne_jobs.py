"""t-SNE maps that are computed beside the pages, and outlive the visit that asked for one."""

import contextlib
import threading
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from explorer.latent import tsne
from explorer.paths import cache_dir


class TsneJob:
    """A t-SNE that runs in a thread of its own and outlives the page that asked for it.

    `step` is the newest map, `error` a sentence where there will be none. One job computes at a
    time, the others are `queued`: two would take more than twice as long.
    """

    _turn = threading.Lock()

    def __init__(self, mu: Any, perplexity: int, seed: int, path: Path) -> None:
        self.step: tsne.TsneStep | None = None
        self.error: str | None = None
        self.queued = True
        self._thread = threading.Thread(
            target=self._run, args=(mu, perplexity, seed, path), daemon=True, name="t-sne"
        )
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether more is to come."""
        return self.error is None and not (self.step is not None and self.step.final)

    def _run(self, mu: Any, perplexity: int, seed: int, path: Path) -> None:
        with self._turn:
            self.queued = False
            try:
                for step in tsne.tsne(mu, perplexity=perplexity, seed=seed):
                    self.step = step
            except ValueError as error:
                self.error = str(error)
                return
            except Exception as error:  # a page waits for this thread and must be told
                self.error = f"t-SNE stopped ({type(error).__name__}: {error})."
                return
        assert self.step is not None
        with contextlib.suppress(OSError):  # the map is there; only the next start computes again
            tsne.store_cached(path, self.step.embedding)


_MAX_JOBS = 8  # finished ones are kept for who comes next; more are read from the disk
_MAX_QUEUED = 4


@st.cache_resource(show_spinner=False)
def _tsne_jobs() -> tuple[threading.Lock, dict[Path, TsneJob]]:
    return threading.Lock(), {}


def tsne_map(mu: Any, perplexity: int, seed: int) -> np.ndarray | TsneJob | str:
    """The finished t-SNE map (N, 2) of codes, the job that is making it, or why there is none."""
    path = tsne.cache_path(cache_dir() / "tsne", mu, perplexity, seed)
    lock, jobs = _tsne_jobs()
    with lock:
        job = jobs.get(path)
        if job is None:
            stored = tsne.load_cached(path, len(mu))
            if stored is not None:
                return stored
            if sum(other.running for other in jobs.values()) >= _MAX_QUEUED:
                return "Other visitors' t-SNE maps are being made; choose t-SNE again in a minute."
            job = jobs[path] = TsneJob(mu, perplexity, seed, path)
            for old in [p for p, other in jobs.items() if not other.running][:-_MAX_JOBS]:
                del jobs[old]
        elif job.error is not None:
            return job.error
        elif not job.running:
            assert job.step is not None
            return job.step.embedding
        return job
