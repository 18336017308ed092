"""The stage of one model as a Streamlit component: what the page tells it, and what it reports."""

from collections.abc import Callable
from typing import Any, NamedTuple

import streamlit as st

from explorer import components
from explorer.server import assets
from explorer.session.offers import Entry

KEY = "stage"
_stage = components.declare("vae_stage", "explore/explore.css", "explore/wall.css")


class View(NamedTuple):
    """The image and z that a hand has set and let go, of the scene `key`."""

    key: str
    image: int
    z: tuple[float, ...]
    drawn: bool = False  # whether x is none of the images


def mount(
    key: str,
    entry: Entry,
    pictures: str,
    typical: list[int | None],
    start: tuple[int, tuple[float, ...]],
    message: str,
    on_view: Callable[[], None],
    alive: bool = False,
    drawn: bool = False,
    sees: str = "",
    terms: dict[str, Any] | None = None,
    handout: str = "",
) -> None:
    """Put the stage on the page.

    `entry` and `pictures` are what is on offer; `key` names the scene of model and images, and
    `start` is the image and z that it begins with. Later runs change neither. `typical` is an image
    of each class; `message` is written over the map. `on_view` is called when a hand lets go;
    `reported` then says of what. Where it is `alive`, the page moves by itself until then; `drawn`
    says that x was none of the images, which a browser that drew it may still have. `sees` is what
    a classifier sees in the picture at z. `terms` is what is on offer of the terms of all images,
    `handout` the path of a page without a server.
    """
    _stage(
        key=KEY,
        on_view_change=on_view,
        data=components.plain(
            code=assets.code_path("explore/explore.js"),
            worker=assets.code_path("model/worker.js"),
            key=key,
            models=[entry._asdict()],
            pictures=pictures,
            typical=typical,
            start={"image": start[0], "z": list(start[1])},
            message=message,
            alive=alive,
            sees={"z": list(start[1]), "words": sees},
            drawn=drawn,
            terms=terms,
            handout=handout,
        ),
    )


def reported(key: str, images: int, latent_dim: int) -> View | None:
    """The view that the browser sent last, if it is one of the scene `key`; None otherwise.

    What a browser sends is a stranger's: the image must be one of `images`, z a list of
    `latent_dim` finite numbers of a size that makes sense.
    """
    return parse(st.session_state[KEY].get("view"), key, images, latent_dim)


def parse(view: Any, key: str, images: int, latent_dim: int) -> View | None:
    """As `reported`, of a value."""
    if not isinstance(view, dict) or view.get("key") != key:
        return None
    image, z = view.get("image"), view.get("z")
    if type(image) is not int or not 0 <= image < images:
        return None
    if not isinstance(z, list) or len(z) != latent_dim:
        return None
    if not all(type(v) in (int, float) and abs(v) <= 1e6 for v in z):
        return None
    return View(key, image, tuple(float(v) for v in z), view.get("drawn") is True)
