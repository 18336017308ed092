"""The line of controls of the Compare page: which models stand beside each other, and images."""

import streamlit as st

from explorer import messages, paths
from explorer.session import catalogue, view_state
from explorer.session import controls as boxes
from explorer.session.catalogue import Listed, Model
from explorer.session.image_sets import Shown
from explorer.session.scene import Scene, overflowing, scene_of
from training.evaluation import table
from training.evaluation.table import TableError

MOST = 4
FIRST = ("report-normal", "mnist-2d")  # the report's and ours, of one prior and dimension


def scenes() -> tuple[dict[str, Scene], Shown | None]:
    """Draw the controls and return what they choose: models by name, and the images, or None where
    this visitor is offered none that fit.

    Stops the page where there is nothing to choose.
    """
    good, bad = boxes.listed()
    messages.warn(bad)
    if not good:
        st.info("There is no checkpoint to compare; make one on the Train page.")
        st.stop()
    with st.container(key="controls"):
        left, right = st.columns([3.2, 2.0], vertical_alignment="bottom")
    names = _names(left, good)
    images = right.container(horizontal=True, gap="small", key="images")
    first = _first(names, good)
    own = _came_with(first)
    if own is None and not boxes.has_images(first.description):
        st.info("No data set here has pictures that these checkpoints take; choose others.")
        view_state.publish("beside", "row")
        return {}, None
    shown = boxes.data_box(images, first.description, own)
    boxes.colour_box(images, shown)
    view_state.get("place")  # what is wrong with it is told now
    _heed_row(good)
    view_state.image_among(len(shown.images))
    messages.warn(view_state.complaints())
    found = {}
    for name in names:
        scene = _scene(name, good[name], shown)
        if isinstance(scene, str):
            messages.warn([f"{scene} it is left out."])
        else:
            found[name] = scene
    if not found:
        st.info("Choose two to four checkpoints above: they are shown under one cursor.")
        view_state.publish("beside", "data", "row", "colour")
    return found, shown


def _first(names: list[str], good: dict[str, Listed]) -> Listed:
    """The checkpoint that says which images there are: not a decoder alone, which takes none, nor,
    where another one is chosen, one whose images this visitor is not offered."""
    ordered = [good[name] for name in (*names, *good)]
    takes = [item for item in ordered if item.description.metrics]
    there = (i for i in takes if boxes.has_images(i.description) or _came_with(i) is not None)
    return next(there, (takes or ordered)[0])


def _came_with(listed: Listed) -> Shown | None:
    """The images in the file of a model that was trained elsewhere."""
    model = listed.load() if listed.description.origin else None
    return catalogue.came_with(model) if isinstance(model, Model) else None


def _scene(name: str, listed: Listed, shown: Shown) -> Scene | str:
    """The scene of a checkpoint and images, or the beginning of a sentence on why there is none."""
    shape = listed.description.config.image_shape
    if shape != shown.images.shape:
        return f"{name} takes pictures of {shape}, and these are of {shown.images.shape};"
    model = listed.load()
    if isinstance(model, str):
        return f"{model.removesuffix('.')};"
    if model.checkpoint.vae.encoder is None:
        return f"{name} is a decoder alone, which has no code of an x to start from;"
    return scene_of(model, shown) or overflowing(model)


def _heed_row(good: dict[str, Listed]) -> None:
    """Say so where a link opens a row that the table does not have."""
    row = view_state.get("row")
    if row is None or row in good:
        return
    try:
        known = table.read(paths.checkpoint_dir())
    except (TableError, ValueError):  # the table says so itself
        known = {}
    if row not in known:
        view_state.complain(
            f"There is no checkpoint {view_state.quoted(row)} here; choose a row below."
        )
        view_state.put(row=None)


def _names(place, good: dict[str, Listed]) -> list[str]:
    wanted = view_state.get("beside")
    if wanted and len(wanted) > MOST:
        view_state.complain(
            f"The link names {len(wanted)} checkpoints, and {MOST} have room beside each other; "
            f"these are the first {MOST}."
        )
        wanted = wanted[:MOST]
    there = tuple(name for name in wanted or () if name in good)
    if missing := ", ".join(view_state.quoted(n) for n in wanted or () if n not in good):
        view_state.complain(
            f"There is no checkpoint {missing} to show; the ones here are in the list."
        )
    if wanted is None or (wanted and not there):  # but not where a hand took all of them out
        usual = [name for name in FIRST if name in good] + [n for n in good if n not in FIRST]
        there = tuple(usual[:2])
    view_state.put(beside=there)
    view_state.show_in("beside_box", list(there))

    def changed() -> None:
        view_state.put(beside=tuple(st.session_state["beside_box"]))

    chosen = place.multiselect(
        "Checkpoints",
        list(good),
        key="beside_box",
        max_selections=MOST,
        select_all=False,
        on_change=changed,
        label_visibility="collapsed",
        placeholder="Two to four checkpoints",
    )
    return list(chosen)
