"""The door: `streamlit run streamlit_app.py`."""

import threading

import streamlit as st
from starlette.middleware import Middleware

from explorer.preload import PreloadPlotly


def _warm_up() -> None:
    from explorer import cache

    cache.warm_up()


# torch, the first checkpoint and its codes load while the server and the browser start.
threading.Thread(target=_warm_up, daemon=True, name="warm-up").start()
app = st.App("explorer/app.py", middleware=[Middleware(PreloadPlotly)])
