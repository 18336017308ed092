"""Blobs on offer to the browser: models, pictures and maps of a scene, each made once."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from explorer import blobs, entries
from explorer.latent.projections import MapView
from explorer.server.assets import STORE
from explorer.session import catalogue, downloads
from explorer.session.catalogue import Model
from explorer.session.image_sets import Shown
from explorer.session.scene import Scene


class Entry(NamedTuple):
    """A model on offer: its name, a note on what it is, the paths of its blobs, and the beginning
    of those of its tables; `encoder` and `tables` are empty where there are none."""

    name: str
    note: str
    model: str
    encoder: str
    map: str
    first: str
    tables: str


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
    return Entry(
        name,
        entries.note(scene.model.checkpoint.vae),
        offer_model(scene.model),
        offer_encoder(scene.model),
        offer_map(scene, view, revision, factor),
        offer_first(scene, first),
        downloads.offer_tables(scene),
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
    image, *rest = entries.begins_with(first)
    vae, images = scene.model.checkpoint.vae, scene.shown.images

    def build(number: int) -> bytes:
        if not 0 <= number < len(images):
            raise IndexError(f"there is no image {number} of {len(images)}")
        return blobs.first(vae, images, [number, *rest])

    key = blobs.VERSION, scene.key, tuple(rest)
    return f"{STORE.offer_parts('first', key, build)}{image}"


def offer_pictures(shown: Shown) -> str:
    """The path of the blob about the pictures, which says where their pieces are."""
    images, key = shown.images, (blobs.VERSION, shown.key)
    pieces = STORE.offer_parts("pieces", key, lambda number: blobs.piece(images, number))
    return STORE.offer(("pictures", shown.key), lambda: blobs.pictures(images, pieces))


def offer_map(
    scene: Scene, view: MapView, revision: tuple[Any, ...], factor: str | None = None
) -> str:
    """The path of the map's blob. The same scene, `revision` and `factor` stand for the same."""

    def build() -> bytes:
        # Zoom and hidden classes belong to the scene and the projection, not to a step of t-SNE.
        stays = "|".join(map(str, (*scene.key, *revision[:-1])))
        return entries.map_of(
            scene.model.checkpoint.vae,
            scene.shown.images,
            view,
            scene.dims,
            stays,
            scene.directions,
            catalogue.level(scene.key, scene.model, scene.shown, scene.codes),
            factor,
        )

    return STORE.offer(("map", scene.key, revision, factor), build)
