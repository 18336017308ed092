"""The scene that a first visitor will see, made ready at the server's start."""

from explorer.latent import projections
from explorer.server import assets, opening
from explorer.session import catalogue, image_sets, offers
from explorer.session.catalogue import Listed
from explorer.session.image_sets import Shown
from explorer.session.scene import scene_of, usual_axes


def up() -> None:
    """Load the first checkpoint and images, and offer the browser what it will ask for."""
    listed = catalogue.listed().items()
    good = {name: item for name, item in listed if isinstance(item, Listed)}
    if not good:
        return
    model = good[catalogue.first_choice(good)].load()
    if isinstance(model, str):
        return
    shape = model.checkpoint.vae.shape
    fitting = image_sets.fitting(catalogue.image_offers(), shape)
    name = image_sets.usual(fitting, model.checkpoint.data)
    images = image_sets.load(fitting[name]) if name else ""
    if not isinstance(images, Shown):
        return
    scene = scene_of(model, images)
    if scene is None:
        return
    typical = catalogue.typical(scene.key, scene.codes, images)
    start = next(image for image in typical if image is not None)
    if len(scene.axes) < 2:
        offers.offer_model(scene.model)
        offers.offer_encoder(scene.model)
        return
    axes = usual_axes(scene)
    view = projections.plane(scene.codes, axes)
    name = scene.model.checkpoint.name
    found = offers.entry(name, scene, view, ("plane", axes, 0), [start, *typical])
    assets.STORE.find(found.first.rpartition("/")[2])  # made now
    # What the first page of all needs before it shows anything, in that order.
    opening.preload(found.map, found.first, offers.offer_pictures(images), found.model)
    catalogue.seen(model, tuple(scene.codes.mu[start]))  # loads the classifier
