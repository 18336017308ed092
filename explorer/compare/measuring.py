"""Checkpoints that are not in the table yet, measured when somebody asks for it."""

import streamlit as st

from explorer import messages, paths
from explorer.runs import measure
from explorer.runs.measure import Measurement
from explorer.server import access
from training.checkpoint import SUFFIX
from training.errors import UserError
from training.text import printable

_MOST = 8  # names with a button below the table; the others have one in their row
_COUNTED = {"terms": "terms of its test images", "samples": "its samples"}


def begins(name: str, key: str) -> bool:
    """Draw the button that has a checkpoint measured; whether that has begun."""
    if not access.may_control():
        messages.caption(access.REFUSAL)
        return False
    if not st.button("Measure", icon=":material/straighten:", key=key):
        return False
    try:
        measure.start(paths.checkpoint_dir() / (name + SUFFIX), paths.data_dir())
    except UserError as error:
        messages.warn(str(error))
        return False
    return True


def draw(names: list[str]) -> None:
    """Draw a line for each checkpoint that is not measured: its button, or how far it is."""
    job = _of_this_folder()
    if not names and not (job and job.running):
        return
    running = job is not None and job.running
    st.fragment(_lines, run_every=0.5 if running else None)(names, running)


def _of_this_folder() -> Measurement | None:
    job = measure.newest()
    return job if job and job.path.parent == paths.checkpoint_dir() else None


def _lines(names: list[str], was_running: bool) -> None:
    job = _of_this_folder()
    running = job is not None and job.running
    if was_running and not running:
        st.rerun(scope="app")  # the table has a row more, or there is something to say
    if job and job.fault:
        messages.warn(job.fault)
    if job and running:
        _progress(job)
    waiting = [name for name in names if not (job and running and name == job.path.stem)]
    if not waiting:
        return
    if not access.may_control():
        messages.caption(f"Not measured yet: {', '.join(map(printable, waiting))}.")
        return
    with st.container(key="measure"):
        for n, name in enumerate(waiting[:_MOST]):
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                messages.caption(" has not been measured yet.", name=name, width="content")
                if begins(name, f"measure_{n}"):
                    st.rerun(scope="app")
    if len(waiting) > _MOST:
        st.caption("The others are measured from their rows.")


def _progress(job: Measurement) -> None:
    progress = job.progress
    what = f"Measuring {printable(job.path.stem)}"
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if progress is None:
            st.progress(0.0, messages.shown(f"{what}: reading it, and its images …"))
        else:
            counted = _COUNTED.get(progress.what, progress.what)
            st.progress(
                min(1.0, progress.done / max(1, progress.total)),
                messages.shown(f"{what}: {counted}, {progress.done:,} of {progress.total:,}"),
            )
        if access.may_control() and st.button("Cancel", key="cancel_measure"):
            job.cancel()
            st.rerun(scope="app")
