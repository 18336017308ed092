"""The boxes that choose models and images, on every page that shows them."""

import streamlit as st

from explorer.session import catalogue, view_state
from explorer.session.catalogue import Model, Shown
from training.data import datasets

UPLOADS = "uploads"
UPLOADED = " (uploaded)"  # a link cannot carry the file


def models() -> dict[str, Model | str]:
    """The checkpoints on disk and those that this visitor opened, or why one cannot be."""
    offered = catalogue.models()
    for name, content in st.session_state.get(UPLOADS, {}).items():
        offered[name + UPLOADED] = catalogue.load_upload(name, content)
    return offered


def data_box(place) -> Shown:
    """Draw the box of images and return the chosen ones."""
    names = catalogue.data_names()
    wanted = view_state.get("data")
    if wanted not in names:
        if wanted is not None:
            view_state.complain(
                f"The data set {view_state.quoted(wanted)} is not here; the ones that can be shown "
                f"are {', '.join(names)}."
            )
        wanted = names[0]
    shown = catalogue.shown(wanted)
    if isinstance(shown, str):
        st.warning(shown, icon=":material/error:")
        wanted = datasets.EMBEDDED
        fallback = catalogue.shown(wanted)
        if isinstance(fallback, str):
            st.error(fallback)
            st.stop()
        shown = fallback
    view_state.put(data=wanted)
    view_state.show_in("data_box", wanted)

    def changed() -> None:
        view_state.put(data=st.session_state["data_box"], image=None, z=None)

    place.selectbox(
        "Images",
        names,
        key="data_box",
        on_change=changed,
        format_func=_title,
        label_visibility="collapsed",
    )
    return shown


def _title(name: str) -> str:
    row, split = catalogue.split_of(name)
    if not row.needs_download:
        return f"{row.title} · embedded"
    return f"{row.title} · {row.size[0 if split == 'train' else 1]:,} {split} images"
