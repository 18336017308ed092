"""What moves on the map, z and q(z|x), drawn in the browser over a figure that stays as it is."""

from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from explorer.figures import MAP, Theme, ellipse
from explorer.maps import MapView

_mount = st.components.v2.component(
    "latent_overlay", js=Path(__file__).with_name("overlay.js").read_text()
)


def draw(view: MapView, theme: Theme, theme_name: str) -> None:
    """Draw z, and where the view has it the 1σ and 2σ ellipse, over the map.

    `theme_name` is the theme that the page was drawn in; where the browser has another one by now,
    the component asks for a new run.
    """
    rings: list[NDArray[np.floating]] = []
    if view.centre is not None and view.root is not None:
        rings = [ellipse(view.centre, view.root, sigmas) for sigmas in (2, 1)]
    _mount(
        key="overlay",
        on_theme_change=lambda: None,
        data={
            "map": MAP,
            "theme": theme_name,
            "cursor": view.cursor.tolist(),
            "rings": [ring.tolist() for ring in rings],
            "z": theme.z,
            "posterior": theme.posterior,
            "paper": theme.paper,
        },
        height=1,
    )
