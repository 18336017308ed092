"""What of a scene can be taken along: its codes as tables, and a page that needs no server."""

from functools import partial
from typing import Any

import streamlit as st

from explorer import messages, paths
from explorer.handout import contents, document
from explorer.handout.making import MAKER, Job
from explorer.latent import code_table
from explorer.session.scene import Scene

_LOOK = 1.0  # seconds between looks at what is being made


def draw(scene: Scene) -> None:
    """Offer the page: a button, then what is being done, then the file."""
    if scene.model.checkpoint.vae.encoder is None:
        return
    st.markdown("**Take it with you**")
    _tables(scene)
    job = MAKER.find(scene.key)
    if job is None or (job.done and isinstance(job.result(), str)):
        _ask(scene, job)
    else:
        st.fragment(_follow, run_every=None if job.done else _LOOK)(scene, job.done)


def _tables(scene: Scene) -> None:
    """The codes of all images as files, each made when it is asked for."""
    st.caption("The codes of all images, as a table:")
    left, middle, right = st.columns(3)
    left.download_button("CSV", **_file(scene, "csv"), help="For a spreadsheet")
    middle.download_button("Parquet", **_file(scene, "parquet"), help="For pandas, polars, DuckDB")
    right.download_button("NPZ", **_file(scene, "npz"), help="NumPy's arrays")


def _file(scene: Scene, kind: str) -> dict[str, Any]:
    """What a button needs to know of a table's file."""
    return {
        "data": partial(_packed, scene, kind),
        "file_name": f"{scene.model.checkpoint.name}-codes.{kind}",
        "on_click": "ignore",
        "width": "stretch",
    }


def _packed(scene: Scene, kind: str) -> bytes:
    return code_table.packed(code_table.frame(scene.codes, scene.shown.images), kind)


def _ask(scene: Scene, failed: Job | None) -> None:
    some = min(contents.USUAL_IMAGES, len(scene.shown.images))
    st.caption(
        f"This checkpoint and {some:,} of the images as one HTML file: it opens on any phone or "
        "laptop, without this server and without a network."
    )
    if failed is not None:
        messages.warn([str(failed.result())])
    if not st.button("Make the file", icon=":material/ios_share:", width="stretch"):
        return
    answer = MAKER.ask(scene.key, lambda report: _make(scene, report))
    if isinstance(answer, str):
        messages.warn([answer])
    else:
        st.rerun()


def _make(scene: Scene, report: contents.Report) -> bytes:
    found = scene.model.checkpoint
    images = contents.some_of(scene.shown.images, contents.USUAL_IMAGES)
    smaller = contents.in_16_bits(found)
    return document.one_file(contents.gather([smaller], images, paths.cache_dir(), report=report))


def _follow(scene: Scene, was_done: bool) -> None:
    job = MAKER.find(scene.key)
    if job is None or (job.done and not was_done):
        st.rerun()  # the whole page, so that it stops asking
    found = job.result() if job.done else None
    if isinstance(found, bytes):
        st.download_button(
            f"Download the file ({len(found) / 1e6:.1f} MB)",
            found,
            f"{scene.model.checkpoint.name}.html",
            "text/html",
            on_click="ignore",
            icon=":material/download:",
            width="stretch",
        )
        return
    messages.caption(f"It is being made, some ten seconds long: {job.words} …")
