"""The terms of all images of a scene, and of others beside them, on offer to the browser in pieces
that are computed when it asks."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from explorer import blobs, entries
from explorer.latent import terms
from explorer.latent.terms import Arrays
from explorer.paths import cache_dir
from explorer.server.assets import STORE
from explorer.session import catalogue, image_sets, view_state
from explorer.session.image_sets import Shown
from explorer.session.job_queue import JobQueue
from explorer.session.scene import Scene

MOST_BESIDE = 500  # of the images of another set
MOST_OFFERS = 6  # other sets
_SOON = 500  # the first of those pieces of the scene's images that have only what is there soon
_BESIDE = 1000  # the piece of the first other set: that of the n-th is n times as much

QUEUE: JobQueue[Arrays] = JobQueue("terms")


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
