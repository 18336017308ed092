"""Compare: which models stand beside each other, and the stage that shows them."""

import streamlit as st

from explorer import cache, choose, figures, flow, maps, places, state
from explorer.cache import Model, Shown
from explorer.choose import Scene
from explorer.stage import compare, component
from training import table
from training.table import TableError

MOST = 4
FIRST = ("report-normal", "mnist-2d")  # the report's and ours, of one prior and dimension


def scenes() -> tuple[dict[str, Scene], Shown]:
    """Draw the controls and return what they choose: models by name, and the images.

    Stops the page where there is nothing to choose.
    """
    offered = choose.models()
    good = {name: m for name, m in offered.items() if isinstance(m, Model)}
    for sentence in [m for m in offered.values() if isinstance(m, str)]:
        st.warning(sentence, icon=":material/error:")
    if not good:
        st.info("There is no checkpoint to compare; make one on the Train page.")
        st.stop()
    with st.container(key="controls"):
        left, right = st.columns([3.6, 1.6], vertical_alignment="bottom")
    names = _names(left, good)
    shown = choose.data_box(right)
    state.get("place")  # what is wrong with it is told now
    _heed_row(good)
    image, n = state.get("image"), len(shown.images)
    if image is not None and image >= n:
        state.complain(f"There is no image {image} here; the images are numbered 0 to {n - 1}.")
        state.put(image=None)
    for sentence in state.complaints():
        st.warning(sentence, icon=":material/error:")
    found = {}
    for name in names:
        scene = choose.of(good[name], shown)
        if scene is None:
            st.warning(f"{choose.overflowing(good[name])} it is left out.", icon=":material/error:")
        else:
            found[name] = scene
    if not found:
        st.info("Choose two to four checkpoints above: they are shown under one cursor.")
        state.publish("beside", "data", "row")
    return found, shown


def _heed_row(good: dict[str, Model]) -> None:
    """Say so where a link opens a row that the table does not have."""
    row = state.get("row")
    if row is None or row in good:
        return
    try:
        known = table.read(places.checkpoint_dir())
    except (TableError, ValueError):  # the table says so itself
        known = {}
    if row not in known:
        state.complain(f"There is no checkpoint {state.quoted(row)} here; choose a row below.")
        state.put(row=None)


def _names(place, good: dict[str, Model]) -> list[str]:
    wanted = state.get("beside")
    if wanted and len(wanted) > MOST:
        state.complain(
            f"The link names {len(wanted)} checkpoints, and {MOST} have room beside each other; "
            f"these are the first {MOST}."
        )
        wanted = wanted[:MOST]
    there = tuple(name for name in wanted or () if name in good)
    if missing := ", ".join(state.quoted(n) for n in wanted or () if n not in good):
        state.complain(f"There is no checkpoint {missing} to show; the ones here are in the list.")
    if wanted is None or (wanted and not there):  # but not where a hand took all of them out
        usual = [name for name in FIRST if name in good] + [n for n in good if n not in FIRST]
        there = tuple(usual[:2])
    state.put(beside=there)
    state.show_in("beside_box", list(there))

    def changed() -> None:
        state.put(beside=tuple(st.session_state["beside_box"]))

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


def show(found: dict[str, Scene]) -> None:
    """Draw the stage. What it reports reruns this part of the page alone."""
    st.fragment(_stage)(found)


def _stage(found: dict[str, Scene]) -> None:
    shown = next(iter(found.values())).shown
    image, n = state.get("image"), len(shown.images)
    typical = cache.typical_pixels(shown.key, shown)
    if image is None:
        image = next(i for i in typical if i is not None)
        state.put(image=image)

    def on_view() -> None:
        heard = compare.heard(shown.key, n)
        if heard is not None:
            state.put(image=image if heard.image is None else heard.image, place=heard.place)

    compare.mount(
        shown.key,
        flow.offer_pictures(shown),
        [_entry(name, scene) for name, scene in found.items()],
        typical,
        (image, state.get("place")),
        on_view,
    )
    state.publish("beside", "data", "image", "place", "row")


def _entry(name: str, scene: Scene) -> compare.Entry:
    vae = scene.model.checkpoint.vae
    if len(scene.dims) < 2:
        view, revision = maps.nothing(scene.codes), ("none", 0)
        path = flow.offer_map(scene, view, revision)
    else:
        axes = choose.usual_axes(scene.dims)
        path = flow.offer_map(scene, maps.plane(scene.codes, axes), ("plane", axes, 0))
    note = f"{len(scene.dims)}-D · {vae.prior.title}"
    return compare.Entry(name, note, flow.offer_model(scene.model), path)


def history(found: dict[str, Scene]) -> None:
    """Draw the training histories of all models over each other."""
    checkpoints = {name: scene.model.checkpoint for name, scene in found.items()}
    if not any(c.history for c in checkpoints.values()):
        st.info("These checkpoints carry no training history.")
        return
    charts = figures.histories(checkpoints)
    for place, (name, themes) in zip(st.columns(len(charts)), charts.items(), strict=True):
        with place:
            component.chart(themes, key=f"histories_{name}")
