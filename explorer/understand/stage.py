"""The walk through the theory on the page: what it is given, and what it reports."""

from typing import Any

import streamlit as st

from explorer import messages, paths
from explorer.latent import projections
from explorer.session import catalogue, offers, view_state
from explorer.session.scene import Scene, usual_axes
from explorer.understand import component
from training.evaluation import exact_command, table
from training.evaluation.table import TableError

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
        rates(),
        gaps(scene.model.checkpoint.name),
        on_view,
    )
    if view_state.first_time(component.KEY):
        on_view()
    view_state.publish(*_LINKED)


def gaps(name: str) -> dict[str, Any] | None:
    """Mean gap of a checkpoint over its first test images, and that with the encoder it had before,
    each [nats, standard error]; None where nobody has measured it."""
    known = exact_command.read(paths.checkpoint_dir())
    found = {
        key: row
        for key in ("checkpoints", "before")
        for row in known.get(key, [])
        if row.get("name") == name
    }
    if "checkpoints" not in found:
        return None
    now, before = found["checkpoints"], found.get("before", {})
    return {"images": now["images"], "gap": now["gap"], "before": before.get("gap")}


def rates() -> list[dict[str, str | float]]:
    """Rate (KL) and distortion (cross-entropy of the pictures) of the checkpoints that were
    measured on MNIST, means over its test images in nats per image."""
    try:
        rows = table.read(paths.checkpoint_dir())
    except (TableError, ValueError):  # the Compare page says so
        return []
    return [
        {
            "name": row.name,
            "rate": row.evaluation.kl,
            "distortion": row.evaluation.bernoulli,
            "dims": row.evaluation.latent_dim,
        }
        for row in rows.values()
        if row.data == "mnist" and row.evaluation.mutual_information is not None
    ]
