"""The scene: a model, images, and the codes of these images under this model."""

from typing import NamedTuple

import numpy as np

from explorer.latent import codes as latent_codes
from explorer.latent.codes import Codes, Dimension
from explorer.session import catalogue
from explorer.session.catalogue import Model
from explorer.session.image_sets import Shown


class Scene(NamedTuple):
    """A model, images, their codes, and the latent dimensions in the order of their sliders."""

    model: Model
    shown: Shown
    codes: Codes
    dims: list[Dimension]
    key: tuple[str, str]


def scene_of(model: Model, shown: Shown) -> Scene | None:
    """The scene of a model and images; None where the codes are not numbers."""
    key = (model.key, shown.key)
    codes = catalogue.codes(key, model, shown)
    if not np.isfinite(codes.mu).all() or not np.isfinite(codes.std).all():
        return None
    dims = latent_codes.dimensions(codes, model.checkpoint.vae.prior.low)
    return Scene(model, shown, codes, dims, key)


def overflowing(model: Model) -> str:
    """The sentence about a model whose codes are not numbers; what to do follows."""
    return (
        f"The checkpoint {model.checkpoint.name} gives codes that are not numbers (its weights "
        "overflow);"
    )


def usual_axes(dims: list[Dimension]) -> tuple[int, int]:
    """The plane's dimensions unless told otherwise: the most informative; (0, 1) of two."""
    return (0, 1) if len(dims) == 2 else (dims[0].index, dims[1].index)
