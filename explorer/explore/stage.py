"""The stage on the page: what it is given, and what it reports."""

from typing import Any

import numpy as np
import streamlit as st

from explorer import messages
from explorer.explore import component, controls
from explorer.latent import projections, tsne
from explorer.latent.projections import MapView
from explorer.session import catalogue, downloads, offers, term_sets, tsne_jobs, view_state
from explorer.session.scene import Scene
from explorer.session.tsne_jobs import TsneJob

_LINKED = ("checkpoint", "data", "view", "axes", "image", "z", "x", "perplexity", "seed", "colour")


def show(scene: Scene) -> None:
    """Draw the flow. What the stage reports reruns this part of the page alone."""
    view_state.fresh()  # before the address says what is shown
    _settle(scene)
    waiting = False
    if view_state.get("view") == "t-sne" and _mappable(scene):
        waiting = isinstance(_tsne(scene), TsneJob)
    st.fragment(_flow, run_every=1.5 if waiting else None)(scene, waiting)


def _settle(scene: Scene) -> None:
    """Make image and z fit the scene: a link may ask for what it does not have."""
    image = view_state.image_among(len(scene.codes.mu))
    if image is None:
        image = next(i for i in _typical(scene) if i is not None)
    view_state.put(image=image)
    z, d = view_state.get("z"), scene.model.checkpoint.vae.config.latent_dim
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
    messages.warn(view_state.complaints())


def _within_reach(scene: Scene, z: tuple[float, ...]) -> tuple[float, ...]:
    """z, no farther from the codes of all images than three times their range."""
    least = scene.model.checkpoint.vae.prior.low
    if scene.directions is not None:
        reach = float(np.abs(scene.codes.mu).max()) or 1.0
        return tuple(min(max(v, -4 * reach), 4 * reach) for v in z)
    spans = [
        (d.low, d.high, 0 if d.choice else 3 * (d.high - d.low))
        for d in sorted(scene.dims, key=lambda d: d.index)
    ]
    return tuple(
        min(max(v, low - far, least), high + far)
        for v, (low, high, far) in zip(z, spans, strict=True)
    )


def _typical(scene: Scene) -> list[int | None]:
    return catalogue.typical(scene.key, scene.codes, scene.shown)


def _mappable(scene: Scene) -> bool:
    """Whether codes have two numbers or more that a map can show."""
    many = scene.axes if scene.directions is None else scene.directions.vectors
    return len(many) >= 2


def _perplexity(scene: Scene) -> float:
    return tsne.affordable(len(scene.codes.mu), view_state.get("perplexity"))


def _tsne(scene: Scene) -> Any:
    return tsne_jobs.tsne_map(scene.places.mu, _perplexity(scene), view_state.get("seed"))


def _flow(scene: Scene, waited: bool) -> None:
    view, revision, message = _view(scene, waited)
    key = "|".join(scene.key)

    alive, typical = view_state.fresh(), _typical(scene)

    def on_view() -> None:
        reported = component.reported(key, *scene.codes.mu.shape)
        if reported is not None:
            view_state.touched()
            drawn = view_state.DRAWN if reported.drawn else None
            view_state.put(image=reported.image, z=_within_reach(scene, reported.z), x=drawn)

    component.mount(
        key,
        offers.entry(
            scene.model.checkpoint.name,
            scene,
            view,
            revision,
            [view_state.get("image"), *typical],
            view_state.get("colour"),
        ),
        offers.offer_pictures(scene.shown),
        typical,
        (view_state.get("image"), view_state.get("z")),
        messages.for_visitor(message),
        on_view,
        alive,
        view_state.get("x") == view_state.DRAWN,
        catalogue.seen(scene.model, view_state.get("z")),
        term_sets.offer(scene),
        downloads.offer_handout([scene]),
    )
    if view_state.first_time(component.KEY):
        on_view()
    view_state.publish(*(name for name in _LINKED if name != "z" or links_z(scene)))


def links_z(scene: Scene) -> bool:
    """Whether a code is short enough for a link; else that has the image, and z is at its code."""
    return scene.model.checkpoint.vae.config.latent_dim <= view_state.MOST_NUMBERS


def _view(scene: Scene, waited: bool) -> tuple[MapView, tuple[Any, ...], str]:
    """The chosen projection, its revision, and a sentence where it is not all there yet."""
    codes, kind = scene.codes, view_state.get("view")
    if scene.directions is not None and kind != "t-sne":  # of a grid no two numbers say much
        return projections.principal(codes, scene.directions), ("pca", 0), ""
    if not _mappable(scene):
        return (
            projections.nothing(codes),
            ("none", 0),
            "This model has one latent dimension; a map needs two.",
        )
    if projections.PROJECTIONS[kind].project is not None:
        return catalogue.projected(scene.key, kind, scene.places), (kind, 0), ""
    if kind == "plane":
        axes = controls.axes(scene)
        return projections.plane(codes, axes), ("plane", axes, 0), ""
    perplexity, asked = _perplexity(scene), view_state.get("perplexity")
    less = ""
    if perplexity != asked:
        most = f"{tsne.MAX_BYTES / 1e9:g} GB"
        less = f"perplexity {perplexity:g}, as {asked} would take more than {most} of memory"
    name = ("t-sne", perplexity, view_state.get("seed"))
    found = _tsne(scene)
    if waited and not isinstance(found, TsneJob):
        st.rerun()  # the whole page, so that it stops asking
    if isinstance(found, str):
        return projections.nothing(codes), ("none", 0), found
    if not isinstance(found, TsneJob):
        whole = projections.tsne(codes, found, np.arange(len(codes.mu)))
        return whole, (*name, "final"), less and f"t-SNE of {len(codes.mu):,} codes: {less}"
    step = found.step
    share = step.done / step.total if step else 0.0
    what = step.stage if step else "waiting for its turn" if found.queued else "finding neighbours"
    message = f"t-SNE of {len(codes.mu):,} codes: {what}, {share:.0%}" + (less and f"; {less}")
    if step is None:
        return projections.nothing(codes), ("none", 0), message
    return projections.tsne(codes, step.embedding, step.index), (*name, step.done), message
