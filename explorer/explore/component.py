"""The stage as a Streamlit component: what the page tells it, and what it hears back."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import streamlit as st
from plotly.graph_objects import Figure

from explorer.server import assets

KEY = "stage"
WEB = Path(__file__).parents[1] / "web"
ADAPTER = (WEB / "adapter.js").read_text()
# Plotly's own style sheet must reach what it draws, which it does not in a shadow root.
_stage = st.components.v2.component(
    "vae_stage", css=(WEB / "base.css").read_text(), js=ADAPTER, isolate_styles=False
)
_chart = st.components.v2.component(
    "vae_chart", css=".stage-chart { height: 330px; }", js=ADAPTER, isolate_styles=False
)
_early = st.components.v2.component("vae_early", js=ADAPTER, isolate_styles=False)


def early(page: str) -> None:
    """Have the browser load plotly.js and the code that the page of this address will need, before
    there is anything to show."""
    with st.container(key="early"):
        _early(
            key="early_loader",
            data={
                "code": assets.code_path("early.js"),
                "main": assets.code_path(assets.MAIN_MODULES[page]),
                "plotly": assets.plotly_path(),
            },
        )


class Heard(NamedTuple):
    """What a hand has set and let go: the chosen image and z, of the scene `key`."""

    key: str
    image: int
    z: tuple[float, ...]


def mount(
    key: str,
    model: str,
    pictures: str,
    map_: str,
    start: tuple[int, tuple[float, ...]],
    message: str,
    on_view: Callable[[], None],
) -> None:
    """Put the stage on the page.

    `model`, `pictures` and `map_` are paths of blobs on offer; `key` names the scene of model and
    images, and `start` is the image and z that it begins with. Later runs change neither. `message`
    is written over the map. `on_view` is called when a hand lets go; `heard` then says of what.
    """
    _stage(
        key=KEY,
        on_view_change=on_view,
        data={
            "code": assets.code_path("explore/stage.js"),
            "worker": assets.code_path("model/worker.js"),
            "plotly": assets.plotly_path(),
            "key": key,
            "model": model,
            "pictures": pictures,
            "map": map_,
            "start": {"image": start[0], "z": list(start[1])},
            "message": message,
        },
    )


def heard(key: str, images: int, latent_dim: int) -> Heard | None:
    """The view that the browser sent last, if it is one of the scene `key`; None otherwise.

    What a browser sends is a stranger's: the image must be one of `images`, z a list of
    `latent_dim` finite numbers of a size that makes sense.
    """
    return parse(st.session_state[KEY].get("view"), key, images, latent_dim)


def parse(view: Any, key: str, images: int, latent_dim: int) -> Heard | None:
    """As `heard`, of a value."""
    if not isinstance(view, dict) or view.get("key") != key:
        return None
    image, z = view.get("image"), view.get("z")
    if type(image) is not int or not 0 <= image < images:
        return None
    if not isinstance(z, list) or len(z) != latent_dim:
        return None
    if not all(type(v) in (int, float) and abs(v) <= 1e6 for v in z):
        return None
    return Heard(key, image, tuple(float(v) for v in z))


def chart(figures: Mapping[str, Figure], key: str) -> None:
    """A plotly figure, one in each theme, drawn by the stage's own plotly.js when it is seen."""
    _chart(
        key=key,
        data={
            "code": assets.code_path("widgets/chart.js"),
            "plotly": assets.plotly_path(),
            "figures": {name: figure.to_json() for name, figure in figures.items()},
        },
    )
