"""Blobs on offer to the browser: models, pictures and maps of a scene, each made once."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from explorer import blobs
from explorer.figures import latent_scatter
from explorer.figures.latent_scatter import Colouring
from explorer.latent.projections import MapView
from explorer.server.assets import STORE
from explorer.session import catalogue
from explorer.session.catalogue import Model
from explorer.session.image_sets import Shown
from explorer.session.scene import Scene
from training.data.datasets import ImageSet


class Entry(NamedTuple):
    """A model on offer: its name, a note on what it is, and the paths of its blobs; `encoder` is
    empty where there is none."""

    name: str
    note: str
    model: str
    encoder: str
    map: str
    first: str


def entry(
    name: str,
    scene: Scene,
    view: MapView,
    revision: tuple[Any, ...],
    first: Sequence[int | None],
    factor: str | None = None,
) -> Entry:
    """A scene's model and a map of its codes, coloured by a `factor` or else by class. The same
    `revision` stands for the same map. `first` are the images that the page begins with."""
    vae = scene.model.checkpoint.vae
    grid = vae.config.grid
    size = "×".join(map(str, grid)) if grid else f"{vae.config.continuous}-D"
    note = f"{size} · {vae.prior.title if vae.prior.has_density else 'autoencoder'}"
    return Entry(
        name,
        note,
        offer_model(scene.model),
        offer_encoder(scene.model),
        offer_map(scene, view, revision, factor),
        offer_first(scene, first),
    )


def offer_model(model: Model) -> str:
    """The path of the model's blob, but for the encoder."""
    found = model.checkpoint
    return STORE.offer(("model", model.key), lambda: blobs.model(found.vae, found.name, apart=True))


def offer_encoder(model: Model) -> str:
    """The path of the blob of its encoder; "" where it has none."""
    vae = model.checkpoint.vae
    if vae.encoder is None:
        return ""
    return STORE.offer(("encoder", model.key), lambda: blobs.encoder(vae))


def offer_first(scene: Scene, first: Sequence[int | None]) -> str:
    """The path of the blob of the images that a page begins with: the first of them, two that are
    the ends of its walk, and as many others as there is room for."""
    image, *others = [n for n in first if n is not None]
    ends = [others[len(others) // 4], others[-1]] if others else []
    vae, images = scene.model.checkpoint.vae, scene.shown.images

    def build(number: int) -> bytes:
        if not 0 <= number < len(images):
            raise IndexError(f"there is no image {number} of {len(images)}")
        return blobs.first(vae, images, [number, *ends, *others])

    key = blobs.VERSION, scene.key, tuple(others)
    return f"{STORE.offer_parts('first', key, build)}{image}"


def offer_pictures(shown: Shown) -> str:
    """The path of the blob about the pictures, which says where their pieces are."""
    images, key = shown.images, (blobs.VERSION, shown.key)
    pieces = STORE.offer_parts("pieces", key, lambda number: blobs.piece(images, number))
    return STORE.offer(("pictures", shown.key), lambda: blobs.pictures(images, pieces))


def colouring(images: ImageSet, factor: str | None) -> Colouring:
    """What colours the codes of images: the factor of that name, or their classes."""
    for found in images.factors:
        if found.name != factor:
            continue
        if found.names is None:
            return latent_scatter.by_value(found.values, found.name)
        return latent_scatter.by_class(found.values.astype(np.int64), found.names)
    return latent_scatter.by_class(images.labels.numpy(), images.classes)


def offer_map(
    scene: Scene, view: MapView, revision: tuple[Any, ...], factor: str | None = None
) -> str:
    """The path of the map's blob. The same scene, `revision` and `factor` stand for the same."""

    def build() -> bytes:
        images, prior = scene.shown.images, scene.model.checkpoint.vae.prior
        # Zoom and hidden classes belong to the scene and the projection, not to a step of t-SNE.
        stays = "|".join(map(str, (*scene.key, *revision[:-1])))
        plane = view.spec["kind"] == "plane"
        scatter = latent_scatter.scatter(
            view.points,
            view.index,
            colouring(images, factor),
            prior.facts()["std"] if plane else 0.0,
            prior.low if plane else -math.inf,
        )
        return blobs.map_(
            scatter,
            view.spec,
            view.axis_titles,
            scene.dims,
            stays,
            view.codes,
            scene.directions,
            catalogue.level(scene.key, scene.model, scene.shown, scene.codes),
        )

    return STORE.offer(("map", scene.key, revision, factor), build)
