"""The walk through the theory on the page: what it is given, and what it reports."""

import streamlit as st

from explorer import entries, messages
from explorer.latent import projections
from explorer.session import catalogue, downloads, offers, view_state
from explorer.session.scene import Scene, usual_axes
from explorer.understand import component

_LINKED = ("checkpoint", "data", "image", "x", "section")


def show(scene: Scene) -> None:
    """Draw the walk. What it reports reruns this part of the page alone."""
    image = view_state.image_among(len(scene.codes.mu))
    typical = catalogue.typical(scene.key, scene.codes, scene.shown)
    if image is None:
        image = next(i for i in typical if i is not None)
    view_state.put(image=image)
    messages.warn(view_state.complaints())
    st.fragment(_walk)(scene, typical)


def _walk(scene: Scene, typical: list[int | None]) -> None:
    key = "|".join(scene.key)

    def on_view() -> None:
        reported = component.reported(key, len(scene.codes.mu))
        if reported is not None:
            view_state.touched()
            drawn = view_state.DRAWN if reported.drawn else None
            view_state.put(
                image=reported.image, section=reported.section, x=drawn, z=None, axes=None
            )

    view, revision = projections.nothing(scene.codes), "none"
    if len(scene.axes) > 1:
        view, revision = projections.plane(scene.codes, usual_axes(scene)), "plane"
    image = view_state.get("image")
    component.mount(
        key,
        offers.entry(
            scene.model.checkpoint.name, scene, view, (revision, 0), [image, *typical], None
        ),
        offers.offer_pictures(scene.shown),
        typical,
        component.View(image, view_state.get("section"), view_state.get("x") is not None),
        entries.rates(),
        entries.gaps(scene.model.checkpoint.name),
        downloads.offer_handout([scene]),
        on_view,
    )
    if view_state.first_time(component.KEY):
        on_view()
    view_state.publish(*_LINKED)
