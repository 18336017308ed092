"""The comparison on the page: models under one cursor, and their training histories."""

from dataclasses import replace

import streamlit as st

from explorer import components
from explorer.compare import component
from explorer.latent import projections
from explorer.session import catalogue, downloads, offers, view_state
from explorer.session.offers import Entry
from explorer.session.scene import Scene, usual_axes


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
        reported = component.reported(shown.key, n)
        if reported is not None:
            view_state.put(
                image=image if reported.image is None else reported.image,
                place=reported.place,
                x_beside=view_state.DRAWN if reported.image is None else None,
            )

    component.mount(
        shown.key,
        offers.offer_pictures(shown),
        [_entry(name, scene, [image, *typical]) for name, scene in found.items()],
        typical,
        (image, view_state.get("place")),
        view_state.get("x_beside") == view_state.DRAWN,
        downloads.offer_handout(list(found.values())),
        on_view,
    )
    if view_state.first_time(component.KEY):
        on_view()
    view_state.publish("beside", "data", "image", "place", "x_beside", "row", "colour")


def _entry(name: str, scene: Scene, first: list[int | None]) -> Entry:
    factor = view_state.get("colour")
    if scene.directions is not None:
        plane = projections.principal(scene.codes, scene.directions)
        plane = replace(plane, axis_titles=("PC 1", "PC 2"))  # a column has no room for the shares
        return offers.entry(name, scene, plane, ("pca", 0), first, factor)
    if len(scene.axes) < 2:
        return offers.entry(name, scene, projections.nothing(scene.codes), ("none", 0), first)
    axes = usual_axes(scene)
    plane = projections.plane(scene.codes, axes)
    return offers.entry(name, scene, plane, ("plane", axes, 0), first, factor)


def history(found: dict[str, Scene]) -> None:
    """Draw the training histories of all models over each other."""
    from explorer.figures.history import histories

    checkpoints = {name: scene.model.checkpoint for name, scene in found.items()}
    if not any(c.history for c in checkpoints.values()):
        st.info("These checkpoints carry no training history.")
        return
    charts = histories(checkpoints)
    for place, (name, themes) in zip(st.columns(len(charts)), charts.items(), strict=True):
        with place:
            components.chart(themes, key=f"histories_{name}")
