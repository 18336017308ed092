"""Offers the stage what it shows and takes what it reports. x → q(z|x) → z → x̂ runs in there."""

import math
from typing import Any

import numpy as np
import streamlit as st

from explorer import blobs
from explorer.explore import component, controls
from explorer.explore.controls import Scene
from explorer.figures import latent_scatter
from explorer.figures import theme as figures_theme
from explorer.latent import projections
from explorer.latent.projections import MapView
from explorer.server.assets import STORE
from explorer.session import catalogue, view_state
from explorer.session.catalogue import Model, Shown


def show(scene: Scene) -> None:
    """Draw the flow. What the stage reports reruns this part of the page alone."""
    _settle(scene)
    waiting = False
    if view_state.get("view") == "t-sne" and len(scene.dims) >= 2:
        waiting = isinstance(_tsne(scene), catalogue.TsneJob)
    st.fragment(_flow, run_every=1.5 if waiting else None)(scene, waiting)


def _settle(scene: Scene) -> None:
    """Make image and z fit the scene: a link may ask for what it does not have."""
    image, n = view_state.get("image"), len(scene.codes.mu)
    if image is not None and image >= n:
        view_state.complain(
            f"There is no image {image} here; the images are numbered 0 to {n - 1}."
        )
        image = None
    if image is None:
        image = next(i for i in _typical(scene) if i is not None)
    view_state.put(image=image)
    z, d = view_state.get("z"), len(scene.dims)
    if z is not None and len(z) != d:
        view_state.complain(
            f"The link's z has {len(z)} numbers, and this model has {d} dimensions."
        )
        z = None
    if z is None:
        z = tuple(map(float, scene.codes.mu[image]))
    near = _within_reach(scene, z)
    if near != z:
        view_state.complain("The link's z lies far beyond every code; it was moved nearer.")
    view_state.put(z=near)
    for sentence in view_state.complaints():
        st.warning(sentence, icon=":material/error:")


def _within_reach(scene: Scene, z: tuple[float, ...]) -> tuple[float, ...]:
    """z, no farther from the codes of all images than three times their range."""
    least = scene.model.checkpoint.vae.prior.low
    spans = [(d.low, d.high, 3 * (d.high - d.low)) for d in sorted(scene.dims)]
    return tuple(
        min(max(v, low - far, least), high + far)
        for v, (low, high, far) in zip(z, spans, strict=True)
    )


def _typical(scene: Scene) -> list[int | None]:
    return catalogue.typical(scene.key, scene.codes, scene.shown)


def _tsne(scene: Scene) -> Any:
    return catalogue.tsne_map(scene.codes.mu, view_state.get("perplexity"), view_state.get("seed"))


def _flow(scene: Scene, waited: bool) -> None:
    view, revision, message = _view(scene, waited)
    key = "|".join(scene.key)

    def on_view() -> None:
        heard = component.heard(key, len(scene.codes.mu), len(scene.dims))
        if heard is not None:
            view_state.put(image=heard.image, z=_within_reach(scene, heard.z))

    component.mount(
        key,
        offer_model(scene.model),
        offer_pictures(scene.shown),
        offer_map(scene, view, revision),
        (view_state.get("image"), view_state.get("z")),
        message,
        on_view,
    )
    view_state.publish("checkpoint", "data", "view", "axes", "image", "z", "perplexity", "seed")


def offer_model(model: Model) -> str:
    """The path of the model's blob."""
    found = model.checkpoint
    return STORE.offer(("model", model.key), lambda: blobs.model(found.vae, found.name))


def offer_pictures(shown: Shown) -> str:
    """The path of the pictures' blob."""
    return STORE.offer(("pictures", shown.key), lambda: blobs.pictures(shown.images))


def offer_map(scene: Scene, view: MapView, revision: tuple[Any, ...]) -> str:
    """The path of the map's blob. The same scene and `revision` stand for the same map."""

    def build() -> bytes:
        images = scene.shown.images
        labels = images.labels.numpy()[view.index]
        # Zoom and hidden classes belong to the scene and the projection, not to a step of t-SNE.
        stays = "|".join(map(str, (*scene.key, *revision[:-1])))
        plane = view.spec["kind"] == "plane"
        least_span = 5.0 if plane else 0.0  # the prior has sigma 1
        least = scene.model.checkpoint.vae.prior.low if plane else -math.inf
        layouts = {
            name: latent_scatter.map_layout(
                view.points,
                labels,
                images.classes,
                view.axis_titles,
                theme,
                stays,
                least_span,
                least,
            )
            for name, theme in figures_theme.THEMES.items()
        }
        traces = latent_scatter.map_traces(view.points, view.index, labels, images.classes)
        return blobs.map_(traces, layouts, view.spec, scene.dims, _typical(scene), view.codes)

    return STORE.offer(("map", scene.key, revision), build)


def _view(scene: Scene, waited: bool) -> tuple[MapView, tuple[Any, ...], str]:
    """The chosen projection, its revision, and a sentence where it is not all there yet."""
    codes, kind = scene.codes, view_state.get("view")
    if len(scene.dims) < 2:
        return (
            projections.nothing(codes),
            ("none", 0),
            "This model has one latent dimension; a map needs two.",
        )
    if kind == "pca":
        return projections.pca(codes, catalogue.pca(scene.key, codes)), ("pca", 0), ""
    if kind == "plane":
        axes = controls.axes(scene.dims)
        return projections.plane(codes, axes), ("plane", axes, 0), ""
    name = ("t-sne", view_state.get("perplexity"), view_state.get("seed"))
    found = _tsne(scene)
    if waited and not isinstance(found, catalogue.TsneJob):
        st.rerun()  # the whole page, so that it stops asking
    if isinstance(found, str):
        return projections.nothing(codes), ("none", 0), found
    if not isinstance(found, catalogue.TsneJob):
        return projections.tsne(codes, found, np.arange(len(codes.mu))), (*name, "final"), ""
    step = found.step
    share = step.done / step.total if step else 0.0
    what = step.stage if step else "waiting for its turn" if found.queued else "finding neighbours"
    message = f"t-SNE of {len(codes.mu):,} codes: {what}, {share:.0%}"
    if step is None:
        return projections.nothing(codes), ("none", 0), message
    return projections.tsne(codes, step.embedding, step.index), (*name, step.done), message
