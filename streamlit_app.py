"""The door: `streamlit run streamlit_app.py`."""

import gc
import threading
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from explorer.server import (
    access,
    assets,
    compression,
    doors,
    lesson_routes,
    opening,
    process,
    run_routes,
    sockets,
)


def _warm_up() -> None:
    # What is loaded now stays for good: looking through it again and again for garbage takes a
    # tenth of a second each time.
    gc.disable()
    try:
        from explorer.session import warmup

        warmup.up()
    finally:
        gc.freeze()
        gc.enable()


process.raise_open_files()
process.ask_nobody()
process.announce()
# torch, the first checkpoint and what the stage is given load while server and browser start.
threading.Thread(target=_warm_up, daemon=True, name="warm-up").start()
base = st.get_option("server.baseUrlPath") or ""
app = st.App(
    Path(__file__).with_name("explorer") / "app.py",
    routes=[*assets.routes(base), *run_routes.routes(base), *lesson_routes.routes(base)],
    middleware=[
        Middleware(sockets.Closing),
        Middleware(doors.Doors),
        Middleware(access.Guard),
        Middleware(opening.Opening),
        Middleware(compression.Compressed),
    ],
)
