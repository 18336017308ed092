"""What a first visitor will see, made ready before the visitor comes."""

from explorer.explore import controls, stage
from explorer.explore.controls import Scene
from explorer.latent import codes as latent_codes
from explorer.latent import projections
from explorer.session import catalogue
from explorer.session.catalogue import Model, Shown


def up() -> None:
    """Load the first checkpoint and images, and offer the stage what it will ask for."""
    good = {name: m for name, m in catalogue.models().items() if isinstance(m, Model)}
    images = catalogue.shown(catalogue.data_names()[0])
    if not good or not isinstance(images, Shown):
        return
    model = good[catalogue.first_choice(good)]
    key = (model.key, images.key)
    codes = catalogue.codes(key, model, images)
    dims = latent_codes.dimensions(codes, model.checkpoint.vae.prior.low)
    scene = Scene(model, images, codes, dims, key)
    stage.offer_model(model)
    stage.offer_pictures(images)
    if len(dims) >= 2:
        axes = controls.usual_axes(dims)
        stage.offer_map(scene, projections.plane(codes, axes), ("plane", axes, 0))
