"""The comparison as a Streamlit component: what the page tells it, and what it reports."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import streamlit as st

from explorer import components
from explorer.entries import FURTHEST
from explorer.server import assets
from explorer.session.offers import Entry

KEY = "compare"
_compare = components.declare("vae_compare", "compare/compare.css")


class View(NamedTuple):
    """The image and place that a hand has set and let go.

    `image` is None for a drawing; `place`, under the priors, None where each model is at its own
    mean.
    """

    image: int | None
    place: tuple[float, ...] | None


def mount(
    key: str,
    pictures: str,
    entries: Sequence[Entry],
    typical: Sequence[int | None],
    start: tuple[int, tuple[float, ...] | None],
    drawn: bool,
    handout: str,
    on_view: Callable[[], None],
) -> None:
    """Put the comparison on the page.

    `key` names the images, `typical` one of each class, `start` the image and the place that it
    begins with; `drawn` says that x was none of the images, `handout` is the path of a page
    without a server. `on_view` is called when a hand lets
    go; `reported` then says of what.
    """
    _compare(
        key=KEY,
        on_view_change=on_view,
        data=components.plain(
            code=assets.code_path("compare/compare.js"),
            worker=assets.code_path("model/worker.js"),
            key=key,
            pictures=pictures,
            typical=list(typical),
            models=[entry._asdict() for entry in entries],
            furthest=FURTHEST,
            start={"image": start[0], "place": start[1] and list(start[1])},
            drawn=drawn,
            handout=handout,
        ),
    )


def reported(key: str, images: int) -> View | None:
    """The view that the browser sent last, if it is one of the images `key`; None otherwise."""
    return parse(st.session_state[KEY].get("view"), key, images)


def parse(view: Any, key: str, images: int) -> View | None:
    """As `reported`, of a value, which is a stranger's."""
    if not isinstance(view, dict) or view.get("key") != key:
        return None
    image, place = view.get("image"), view.get("place")
    if image is not None and (type(image) is not int or not 0 <= image < images):
        return None
    if place is None:
        return View(image, None)
    if not isinstance(place, list) or not 1 <= len(place) <= 2:
        return None
    if not all(type(v) in (int, float) and abs(v) <= FURTHEST for v in place):
        return None
    return View(image, tuple(float(v) for v in place))
