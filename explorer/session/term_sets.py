"""The terms of all images of a scene, and of others beside them, on offer to the browser in pieces
that are computed when it asks: one at a time for all visitors, and only while somebody asks."""

import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotDoneError
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from explorer import blobs, entries
from explorer.latent import terms
from explorer.latent.terms import Arrays
from explorer.paths import cache_dir
from explorer.server.assets import STORE, NotYetError
from explorer.session import catalogue, image_sets, view_state
from explorer.session.image_sets import Shown
from explorer.session.scene import Scene

PATIENCE = 10.0  # seconds after which who no longer asks has gone
MOST_WAITING = 32
MOST_BESIDE = 500  # of the images of another set
MOST_OFFERS = 6  # other sets
_FIRST_LOOK = 0.2  # seconds that who asks first waits for what may be quick
_SOON = 500  # the first of those pieces of the scene's images that have only what is there soon
_BESIDE = 1000  # the piece of the first other set: that of the n-th is n times as much

Report = Callable[[float], object]


class _GoneError(Exception):
    """Nobody waits for it any more."""


class _Job:
    def __init__(self) -> None:
        self.share = 0.0
        self.asked = time.monotonic()
        self.future: Future[Arrays] | None = None

    def told(self, share: float) -> None:
        if time.monotonic() - self.asked > PATIENCE:
            raise _GoneError
        self.share = min(share, 1.0)


class TermQueue:
    """What is computed, by what it is of; one thread does it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[Hashable, _Job] = {}
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="terms")

    def ask(self, key: Hashable, work: Callable[[Report], Arrays]) -> Arrays:
        """What `work` gives, which is told how far it is.

        Raises:
            NotYetError: it is being computed, or waits for its turn.
        """
        with self._lock:
            job = self._jobs.get(key)
            first = job is None
            if job is None:
                if len(self._jobs) >= MOST_WAITING:
                    self._jobs = {k: j for k, j in self._jobs.items() if not _over(j)}
                if len(self._jobs) >= MOST_WAITING:
                    raise NotYetError(0.0)
                job = self._jobs[key] = _Job()
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

    def _forget(self, key: Hashable, job: _Job) -> None:
        with self._lock:
            if self._jobs.get(key) is job:
                del self._jobs[key]

    @staticmethod
    def _run(job: _Job, work: Callable[[Report], Arrays]) -> Arrays:
        job.told(0.0)
        return work(job.told)


def _over(job: _Job) -> bool:
    """Whether a job is done, and nobody came for it."""
    done = job.future is not None and job.future.done()
    return done and time.monotonic() - job.asked > PATIENCE


QUEUE = TermQueue()


def beside(scene: Scene) -> list[tuple[str, Callable[[], Shown | str]]]:
    """Other sets of images whose pictures have the scene's shape: what each is called, and how it
    is had."""
    images = scene.shown.images
    offers = image_sets.fitting(catalogue.image_offers(), images.shape)
    found: list[tuple[str, Callable[[], Shown | str]]] = []
    for name, other in offers.items():
        if name != view_state.get("data") and other.parts and len(found) < MOST_OFFERS:
            found.append((other.title, partial(image_sets.load, other)))
    for name in terms.ALTERED:
        found.append((name, partial(_altered, scene.shown, name)))
    return found


def some_of(count: int) -> torch.Tensor:
    """The numbers of the images that stand for a set of `count`: drawn, as sets may be sorted."""
    drawn = torch.randperm(count, generator=torch.Generator().manual_seed(0))
    return drawn[:MOST_BESIDE].sort().values


def _altered(shown: Shown, name: str) -> Shown:
    some = shown.images.take(some_of(len(shown.images)))
    made = terms.ALTERED[name](some.images, some.shape)
    return Shown(f"{shown.key}-{name}", replace(some, images=made))


def offer(scene: Scene) -> dict[str, Any] | None:
    """What the browser must know of the terms of a scene's images: the beginning of the paths of
    their pieces, how they are computed, and the other sets. None of a decoder alone."""
    model, images = scene.model, scene.shown.images
    vae = model.checkpoint.vae
    if vae.encoder is None:
        return None
    others, per = beside(scene), terms.per_piece(vae)

    def build(number: int) -> bytes:
        other, piece = divmod(number, _BESIDE)
        soon, piece = divmod(piece, _SOON)
        if other == 0:
            if not 0 <= piece * per < len(images):
                raise IndexError(f"there is no piece {piece} of {len(images)} images")
            rows = torch.arange(piece * per, min((piece + 1) * per, len(images)))
            some = images.take(rows)
        else:
            if piece or other > len(others):
                raise IndexError(f"there are {len(others)} other sets")
            shown = others[other - 1][1]()
            if isinstance(shown, str):
                raise IndexError(shown)
            some = shown.images.take(some_of(len(shown.images)))
        labels = vae.labels_of(some.labels, len(some.classes))
        path = terms.path_of(cache_dir() / "terms", vae, some.images, labels, soon > 0)
        found = terms.stored(path, len(some))
        if found is None:
            work = partial(terms.compute, path, vae, some.images, labels, soon > 0)
            found = QUEUE.ask(path, work)
        return blobs.terms(0 if other else piece * per, found)

    names = [name for name, _ in others]
    path = STORE.offer_parts("terms", (blobs.VERSION, *scene.key, *names), build)
    sets = [{"title": name, "number": _BESIDE * (n + 1)} for n, name in enumerate(names)]
    return entries.terms_of(vae, len(images), path, _SOON, sets)
