"""The walk as a Streamlit component: what the page tells it, and what it reports."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import streamlit as st

from explorer import components
from explorer.server import assets
from explorer.session.offers import Entry
from explorer.session.view_state import SECTIONS

KEY = "understand"
_understand = components.declare("vae_understand", "understand/understand.css")


class View(NamedTuple):
    """What is shown: an image, a section, numbered from 1, and whether x is none of the images."""

    image: int
    section: int
    drawn: bool


def mount(
    key: str,
    entry: Entry,
    pictures: str,
    typical: Sequence[int | None],
    start: View,
    rates: Sequence[Mapping[str, str | float]],
    gaps: Mapping[str, Any] | None,
    handout: str,
    on_view: Callable[[], None],
) -> None:
    """Put the walk on the page.

    `key` names model and images, `typical` an image of each class, `start` what it begins with,
    `rates` are rate and distortion of checkpoints, `gaps` what is known of the model's over many
    images, `handout` is the path of a page without a server. `on_view` is called when a hand lets
    go; `reported` then says of what.
    """
    _understand(
        key=KEY,
        on_view_change=on_view,
        data=components.plain(
            code=assets.code_path("understand/understand.js"),
            worker=assets.code_path("model/worker_exact.js"),
            katex=assets.katex_path(),
            key=key,
            pictures=pictures,
            typical=list(typical),
            models=[entry._asdict()],
            start={"image": start.image, "section": start.section},
            drawn=start.drawn,
            rates=list(rates),
            gaps=gaps and dict(gaps),
            handout=handout,
        ),
    )


def reported(key: str, images: int) -> View | None:
    """The view that the browser sent last, if it is of model and images `key`; None otherwise."""
    return parse(st.session_state[KEY].get("view"), key, images)


def parse(view: Any, key: str, images: int) -> View | None:
    """As `reported`, of a value, which is a stranger's."""
    if not isinstance(view, dict) or view.get("key") != key:
        return None
    image, section, drawn = view.get("image"), view.get("section"), view.get("drawn")
    if type(image) is not int or not 0 <= image < images:
        return None
    if type(section) is not int or not 1 <= section <= SECTIONS or type(drawn) is not bool:
        return None
    return View(image, section, drawn)
