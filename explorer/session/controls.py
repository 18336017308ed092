"""The boxes that choose models and images, on every page that shows them."""

import streamlit as st

from explorer import messages
from explorer.session import catalogue, view_state
from explorer.session.catalogue import Listed, Shown
from training.checkpoint import Description

UPLOADS = "uploads"
UPLOADED = " (uploaded)"  # a link cannot carry the file


def listed() -> tuple[dict[str, Listed], list[str]]:
    """The checkpoints on disk and those that this visitor opened, and why others cannot be."""
    offered = catalogue.listed()
    for name, content in st.session_state.get(UPLOADS, {}).items():
        offered[name + UPLOADED] = catalogue.listed_upload(name, content)
    good = {name: item for name, item in offered.items() if isinstance(item, Listed)}
    return good, [item for item in offered.values() if isinstance(item, str)]


def data_box(place, model: Description) -> Shown:
    """Draw the box of images that fit a model, and return the chosen ones; stops the page where
    there are none."""
    wanted = view_state.get("data")
    names, misfit = catalogue.fitting_data(model, wanted)
    if not names:
        messages.info(
            f"The checkpoint {model.name} takes pictures of "
            f"{model.config.image_shape}, and no data set here has those; choose another one."
        )
        st.stop()
    if wanted not in names:
        if misfit:
            view_state.complain(misfit)
            view_state.put(image=None, z=None)
        elif wanted is not None:
            view_state.complain(
                f"The data set {view_state.quoted(wanted)} is not here; the ones that can be shown "
                f"are {', '.join(names)}."
            )
        wanted = names[0]
    shown = catalogue.shown(wanted)
    for name in names:  # one that is damaged gives way to one that can be read
        if isinstance(shown, Shown):
            break
        messages.warn(shown)
        wanted, shown = name, catalogue.shown(name)
    if isinstance(shown, str):
        messages.fail(shown)
        st.stop()
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
