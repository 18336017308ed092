"""The scene that a first visitor will see, made ready at the server's start."""

from explorer.latent import projections
from explorer.session import catalogue, offers
from explorer.session.catalogue import Listed, Shown
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
    names, _ = catalogue.fitting_data(model.checkpoint.description)
    images = catalogue.shown(names[0]) if names else ""
    if not isinstance(images, Shown):
        return
    scene = scene_of(model, images)
    if scene is None:
        return
    offers.offer_model(scene.model)
    offers.offer_pictures(images)
    catalogue.typical(scene.key, scene.codes, images)
    if len(scene.dims) >= 2:
        axes = usual_axes(scene.dims)
        offers.offer_map(scene, projections.plane(scene.codes, axes), ("plane", axes, 0))
