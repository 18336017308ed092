"""Modules of the browser's as Streamlit components: what all pages share.

`adapter.js` mounts a module in a page; it is all of the browser's code that knows Streamlit.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from explorer.server import assets

WEB = Path(__file__).parent / "web"
ADAPTER = (WEB / "adapter.js").read_text()


BEHIND = ("session/menu.css", "session/present.css")  # of what all pages have


def declare(name: str, *styles: str) -> Any:
    """A component of this name with style sheets below `web/`, the stage's own first."""
    css = "".join((WEB / style).read_text() for style in ("base.css", *styles, *BEHIND))
    # What a module draws stands in the page itself: there is one style sheet for all of it.
    return st.components.v2.component(name, css=css, js=ADAPTER, isolate_styles=False)


def plain(**facts: Any) -> tuple[dict[str, Any]]:
    """What a module is given, in a form that Streamlit takes as JSON: in the lists of a bare
    dictionary it would look for tables, and load pandas for that, a third of a second."""
    return (facts,)


_chart = st.components.v2.component(
    "vae_chart", css=".stage-chart { height: 330px; }", js=ADAPTER, isolate_styles=False
)
_early = st.components.v2.component("vae_early", js=ADAPTER, isolate_styles=False)


def early(page: str) -> None:
    """Have the browser load the code that the page of this address will need, before there is
    anything to show."""
    with st.container(key="early"):
        _early(
            key="early_loader",
            data=plain(
                code=assets.code_path("early.js"),
                main=assets.code_path(assets.MAIN_MODULES[page]),
            ),
        )


def chart(figures: Mapping[str, Any], key: str) -> None:
    """A plotly figure, one in each theme, drawn by the stage's own plotly.js when it is seen."""
    _chart(
        key=key,
        data=plain(
            code=assets.code_path("widgets/chart.js"),
            plotly=assets.plotly_path(),
            figures={name: figure.to_json() for name, figure in figures.items()},
        ),
    )
