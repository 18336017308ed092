"""The comparison as a Streamlit component: what the page tells it, and what it hears back."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import streamlit as st

from explorer.explore.component import ADAPTER, WEB
from explorer.server import assets
from explorer.session import view_state

KEY = "compare"
_compare = st.components.v2.component(
    "vae_compare",
    css=(WEB / "base.css").read_text() + (WEB / "compare" / "compare.css").read_text(),
    js=ADAPTER,
    isolate_styles=False,
)


class Entry(NamedTuple):
    """A model beside others: its name, a note on what it is, and the paths of its blobs."""

    name: str
    note: str
    model: str
    map: str


class Heard(NamedTuple):
    """What a hand has set and let go: the chosen image (None for a drawing), and where the cursor
    is under the priors (None where each model is at its own mean)."""

    image: int | None
    place: tuple[float, ...] | None


def mount(
    key: str,
    pictures: str,
    entries: Sequence[Entry],
    typical: Sequence[int | None],
    start: tuple[int, tuple[float, ...] | None],
    on_view: Callable[[], None],
) -> None:
    """Put the comparison on the page.

    `key` names the images, `typical` one of each class, `start` the image and the place that it
    begins with. `on_view` is called when a hand lets go; `heard` then says of what.
    """
    _compare(
        key=KEY,
        on_view_change=on_view,
        data={
            "code": assets.code_path("compare/compare.js"),
            "worker": assets.code_path("model/worker.js"),
            "key": key,
            "pictures": pictures,
            "typical": list(typical),
            "models": [entry._asdict() for entry in entries],
            "furthest": view_state.FURTHEST,
            "start": {"image": start[0], "place": start[1] and list(start[1])},
        },
    )


def heard(key: str, images: int) -> Heard | None:
    """The view that the browser sent last, if it is one of the images `key`; None otherwise."""
    return parse(st.session_state[KEY].get("view"), key, images)


def parse(view: Any, key: str, images: int) -> Heard | None:
    """As `heard`, of a value, which is a stranger's."""
    if not isinstance(view, dict) or view.get("key") != key:
        return None
    image, place = view.get("image"), view.get("place")
    if image is not None and (type(image) is not int or not 0 <= image < images):
        return None
    if place is None:
        return Heard(image, None)
    if not isinstance(place, list) or not 1 <= len(place) <= 2:
        return None
    if not all(type(v) in (int, float) and abs(v) <= view_state.FURTHEST for v in place):
        return None
    return Heard(image, tuple(float(v) for v in place))
