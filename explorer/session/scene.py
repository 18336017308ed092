"""The scene: a model, images, and the codes of these images under this model."""

from typing import NamedTuple

import numpy as np

from explorer import entries
from explorer.latent import codes as latent_codes
from explorer.latent import directions as along
from explorer.latent.codes import Codes, Dimension
from explorer.latent.directions import Directions
from explorer.session import catalogue
from explorer.session.catalogue import Model
from explorer.session.image_sets import Shown


class Scene(NamedTuple):
    """A model, images, their codes, and the latent dimensions in the order of their sliders.

    The sliders of a latent grid go along `directions`.
    """

    model: Model
    shown: Shown
    codes: Codes
    dims: list[Dimension]
    key: tuple[str, str]
    directions: Directions | None = None

    @property
    def axes(self) -> list[int]:
        """The dimensions that a plane may show, numbered from 0, in the order of their sliders."""
        if self.directions is not None:
            return []
        return [d.index for d in self.dims if d.choice is None]

    @property
    def places(self) -> Codes:
        """The codes as a map shows them, which knows no choices."""
        return self.codes.without_choices(len(self.model.checkpoint.vae.config.choices))


def scene_of(model: Model, shown: Shown) -> Scene | None:
    """The scene of a model and images; None where the codes are not numbers."""
    key = (model.key, shown.key)
    codes = catalogue.codes(key, model, shown)
    if not np.isfinite(codes.mu).all() or not np.isfinite(codes.std).all():
        return None
    vae = model.checkpoint.vae
    if vae.config.grid:
        directions = catalogue.directions(key, codes)
        return Scene(
            model, shown, codes, along.dimensions_along(codes, directions), key, directions
        )
    dims = latent_codes.dimensions_of(vae, codes)
    return Scene(model, shown, codes, dims, key)


def overflowing(model: Model) -> str:
    """The sentence about a model whose codes are not numbers; what to do follows."""
    return (
        f"The checkpoint {model.checkpoint.name} gives codes that are not numbers (its weights "
        "overflow);"
    )


def usual_axes(scene: Scene) -> tuple[int, int]:
    """The plane's dimensions unless told otherwise: the most informative; (0, 1) of two."""
    return entries.usual_axes(scene.axes)
