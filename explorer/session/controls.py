"""The boxes that choose models and images, on every page that shows them."""

import streamlit as st

from explorer import messages
from explorer.session import catalogue, view_state
from explorer.session.catalogue import Listed, Shown
from training.checkpoint import Description

UPLOADS = "uploads"
_CLASS = "class"
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


def colour_box(place, shown: Shown) -> None:
    """Draw the box of what colours the map, where the images have factors besides their classes."""
    by = view_state.get("colour")
    names = [factor.name for factor in shown.images.factors]
    if by is not None and by not in names:
        ones = f"its factors are {', '.join(names)}" if names else "it has none"
        view_state.complain(f"The data set on show has no factor {view_state.quoted(by)}; {ones}.")
        view_state.put(colour=None)
        by = None
    if not names:
        return
    if not any(factor.names == shown.images.classes for factor in shown.images.factors):
        names = [_CLASS, *names]
    by = by or names[0]
    view_state.show_in("colour_box", by)

    def changed() -> None:
        chosen = st.session_state["colour_box"]
        view_state.put(colour=None if chosen == names[0] else chosen)

    place.selectbox(
        "Colour by",
        names,
        key="colour_box",
        on_change=changed,
        help="What colours the codes on the map.",
        format_func=lambda name: f"◐ {name}",
        label_visibility="collapsed",
    )


def _title(name: str) -> str:
    row, split = catalogue.split_of(name)
    if not row.needs_download:
        return f"{row.title} · embedded"
    return f"{row.title} · {row.size[0 if split == 'train' else 1]:,} {split} images"
