"""The view of a run as a Streamlit component: its data, and the orders that come back."""

from collections.abc import Callable
from typing import Any, NamedTuple

import streamlit as st

from explorer import components
from explorer.figures.theme import CLASS_COLOURS
from explorer.server import assets

KEY = "train"
_view = components.declare("vae_train", "train/train.css")
_film = components.declare("vae_film", "train/film.css")
ACTIONS = ("pause", "go on", "stop", "finish", "beta", "open", "manage")


class Order(NamedTuple):
    """An action that is asked of a run; `beta` comes with the action of that name."""

    run: str
    action: str
    beta: float


def mount(
    run: str | None,
    over: str | None,
    may_control: bool,
    refusal: str,
    on_order: Callable[[], None],
    on_view: Callable[[], None],
) -> None:
    """Put the view on the page, watching `run`, with the curves of `over` laid over it.

    It follows the runs by HTTP on its own. `on_order` is called when a visitor asks something of a
    run, `on_view` when another run is chosen; `order` and `view` then say what.
    """
    _view(
        key=KEY,
        on_order_change=on_order,
        on_view_change=on_view,
        data=components.plain(
            code=assets.code_path("train/view.js"),
            plotly=assets.plotly_path(),
            at=assets.PREFIX,
            run=run,
            over=over,
            mayControl=may_control,
            refusal=refusal,
            colours=list(CLASS_COLOURS),
        ),
    )


def mount_film(path: str) -> None:
    """Put the film of a finished run on the page; `path` is its blob's."""
    _film(
        key="film",
        data=components.plain(
            code=assets.code_path("train/film.js"), film=path, colours=list(CLASS_COLOURS)
        ),
    )


def order() -> Order | None:
    """The order that the browser sent last; None where it makes no sense."""
    return parse_order(st.session_state[KEY].get("order"))


def parse_order(value: Any) -> Order | None:
    """As `order`, of a value."""
    if not isinstance(value, dict) or value.get("action") not in ACTIONS:
        return None
    run, beta = value.get("run"), value.get("beta", 0.0)
    if not isinstance(run, str) or type(beta) not in (int, float) or not 0 <= beta <= 1e6:
        return None
    return Order(run, value["action"], float(beta))


def view() -> tuple[str | None, str | None]:
    """The run that is watched and the one laid over it, as the browser sent them last."""
    value = st.session_state[KEY].get("view")
    found = value if isinstance(value, dict) else {}
    run, over = (v if isinstance(v, str) else None for v in (found.get("run"), found.get("over")))
    return run, over
