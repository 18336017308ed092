"""Compare: which models stand beside each other, and the stage that shows them."""

import streamlit as st

from explorer import paths
from explorer.compare import component as compare_component
from explorer.explore import component, controls
from explorer.explore import stage as explore_stage
from explorer.explore.controls import Scene
from explorer.figures import theme
from explorer.latent import projections
from explorer.session import catalogue, view_state
from explorer.session.catalogue import Model, Shown
from training.evaluation import table
from training.evaluation.table import TableError

MOST = 4
FIRST = ("report-normal", "mnist-2d")  # the report's and ours, of one prior and dimension


def scenes() -> tuple[dict[str, Scene], Shown]:
    """Draw the controls and return what they choose: models by name, and the images.

    Stops the page where there is nothing to choose.
    """
    offered = controls.models()
    good = {name: m for name, m in offered.items() if isinstance(m, Model)}
    for sentence in [m for m in offered.values() if isinstance(m, str)]:
        st.warning(sentence, icon=":material/error:")
    if not good:
        st.info("There is no checkpoint to compare; make one on the Train page.")
        st.stop()
    with st.container(key="controls"):
        left, right = st.columns([3.6, 1.6], vertical_alignment="bottom")
    names = _names(left, good)
    shown = controls.data_box(right)
    view_state.get("place")  # what is wrong with it is told now
    _heed_row(good)
    image, n = view_state.get("image"), len(shown.images)
    if image is not None and image >= n:
        view_state.complain(
            f"There is no image {image} here; the images are numbered 0 to {n - 1}."
        )
        view_state.put(image=None)
    for sentence in view_state.complaints():
        st.warning(sentence, icon=":material/error:")
    found = {}
    for name in names:
        scene = controls.of(good[name], shown)
        if scene is None:
            st.warning(
                f"{controls.overflowing(good[name])} it is left out.", icon=":material/error:"
            )
        else:
            found[name] = scene
    if not found:
        st.info("Choose two to four checkpoints above: they are shown under one cursor.")
        view_state.publish("beside", "data", "row")
    return found, shown


def _heed_row(good: dict[str, Model]) -> None:
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


def _names(place, good: dict[str, Model]) -> list[str]:
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


def show(found: dict[str, Scene]) -> None:
    """Draw the stage. What it reports reruns this part of the page alone."""
    st.fragment(_stage)(found)


def _stage(found: dict[str, Scene]) -> None:
    shown = next(iter(found.values())).shown
    image, n = view_state.get("image"), len(shown.images)
    typical = catalogue.typical_pixels(shown.key, shown)
    if image is None:
        image = next(i for i in typical if i is not None)
        view_state.put(image=image)

    def on_view() -> None:
        heard = compare_component.heard(shown.key, n)
        if heard is not None:
            view_state.put(image=image if heard.image is None else heard.image, place=heard.place)

    compare_component.mount(
        shown.key,
        explore_stage.offer_pictures(shown),
        [_entry(name, scene) for name, scene in found.items()],
        typical,
        (image, view_state.get("place")),
        on_view,
    )
    view_state.publish("beside", "data", "image", "place", "row")


def _entry(name: str, scene: Scene) -> compare_component.Entry:
    vae = scene.model.checkpoint.vae
    if len(scene.dims) < 2:
        view, revision = projections.nothing(scene.codes), ("none", 0)
        path = explore_stage.offer_map(scene, view, revision)
    else:
        axes = controls.usual_axes(scene.dims)
        path = explore_stage.offer_map(
            scene, projections.plane(scene.codes, axes), ("plane", axes, 0)
        )
    note = f"{len(scene.dims)}-D · {vae.prior.title}"
    return compare_component.Entry(name, note, explore_stage.offer_model(scene.model), path)


def history(found: dict[str, Scene]) -> None:
    """Draw the training histories of all models over each other."""
    checkpoints = {name: scene.model.checkpoint for name, scene in found.items()}
    if not any(c.history for c in checkpoints.values()):
        st.info("These checkpoints carry no training history.")
        return
    charts = theme.histories(checkpoints)
    for place, (name, themes) in zip(st.columns(len(charts)), charts.items(), strict=True):
        with place:
            component.chart(themes, key=f"histories_{name}")
