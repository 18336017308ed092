"""What a first visitor will see, made ready before the visitor comes."""

from explorer import cache, choose, flow, latent, maps
from explorer.cache import Model, Shown
from explorer.choose import Scene


def up() -> None:
    """Load the first checkpoint and images, and offer the stage what it will ask for."""
    good = {name: m for name, m in cache.models().items() if isinstance(m, Model)}
    images = cache.shown(cache.data_names()[0])
    if not good or not isinstance(images, Shown):
        return
    model = good[cache.first_choice(good)]
    key = (model.key, images.key)
    codes = cache.codes(key, model, images)
    dims = latent.dimensions(codes, model.checkpoint.vae.prior.low)
    scene = Scene(model, images, codes, dims, key)
    flow.offer_model(model)
    flow.offer_pictures(images)
    if len(dims) >= 2:
        axes = choose.usual_axes(dims)
        flow.offer_map(scene, maps.plane(codes, axes), ("plane", axes, 0))
