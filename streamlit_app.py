"""The door: `streamlit run streamlit_app.py`."""

import threading

import streamlit as st
from starlette.middleware import Middleware

from explorer import assets


def _warm_up() -> None:
    from explorer import warm

    warm.up()


# torch, the first checkpoint and what the stage is given load while server and browser start.
threading.Thread(target=_warm_up, daemon=True, name="warm-up").start()
app = st.App(
    "explorer/app.py",
    routes=assets.routes(st.get_option("server.baseUrlPath") or ""),
    middleware=[Middleware(assets.Preload)],
)
