"""The data flow on the screen: x → q(z|x) → z → x̂ → the terms, left to right."""

import math
from dataclasses import replace

import numpy as np
import streamlit as st

from explorer import cache, choose, figures, history, latent, maps, overlay, panels, state
from explorer.choose import Scene
from explorer.figures import z_name
from explorer.maps import MapView

SLIDER_ROW = 5
_CONFIG = {
    "scrollZoom": True,
    "displaylogo": False,
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
}


def show(scene: Scene) -> None:
    """Draw the flow. A slider reruns this part of the page alone."""
    _settle(scene)
    waiting = state.get("view") == "t-sne" and isinstance(_tsne(scene), cache.TsneJob)
    st.fragment(_flow, run_every=1.5 if waiting else None)(scene, waiting)


def _settle(scene: Scene) -> None:
    """Make image and z fit the scene: a link may ask for what it does not have."""
    image, n = state.get("image"), len(scene.codes.mu)
    if image is not None and image >= n:
        state.complain(f"There is no image {image} here; the images are numbered 0 to {n - 1}.")
        image = None
    if image is None:
        image = next(i for i in _typical(scene) if i is not None)
    state.put(image=image)
    z, d = state.get("z"), len(scene.dims)
    if z is not None and len(z) != d:
        state.complain(f"The link's z has {len(z)} numbers, and this model has {d} dimensions.")
        z = None
    if z is None:
        z = tuple(map(float, scene.codes.mu[image]))
    limits = sorted(scene.dims)
    clamped = tuple(min(max(v, limit.low), limit.high) for v, limit in zip(z, limits, strict=True))
    if any(abs(a - b) > 1e-3 for a, b in zip(z, clamped, strict=True)):
        state.complain("The link's z lies beyond the sliders; it was moved to their ends.")
    state.put(z=clamped)
    for sentence in state.complaints():
        st.warning(sentence, icon=":material/error:")


def _typical(scene: Scene) -> list[int | None]:
    return cache.typical(scene.key, scene.codes, scene.shown)


def _tsne(scene: Scene) -> np.ndarray | cache.TsneJob:
    return cache.tsne_map(scene.codes.mu, state.get("perplexity"), state.get("seed"))


def _flow(scene: Scene, waited: bool) -> None:
    image, z = state.get("image"), np.array(state.get("z"), dtype=np.float32)
    state.publish("checkpoint", "data", "view", "axes", "image", "z", "perplexity", "seed")
    with st.container(key="flow"):
        left, middle, right = st.columns([1.15, 2.9, 1.55], gap="medium")
    with left:
        _input(scene, image)
    with middle:
        _map(scene, image, z, waited)
        _sliders(scene)
    with right:
        _output(scene, image, z)
    history.show(scene)


def _input(scene: Scene, image: int) -> None:
    vae, images = scene.model.checkpoint.vae, scene.shown.images
    pixels = images.images[image].numpy().reshape(28, 28)
    name = images.classes[int(images.labels[image])]
    st.html(
        panels.input_panel(
            panels.picture(pixels, "x", f"chosen image {image}, class {name}"),
            panels.picture(
                latent.picture(vae, scene.codes.mu[image]), "recon", "its reconstruction"
            ),
            image,
            name,
        )
    )
    at_mean = _at_mean(scene, image)
    typical = {images.classes[c]: i for c, i in enumerate(_typical(scene)) if i is not None}
    chosen = next((c for c, i in typical.items() if i == image and at_mean), None)
    state.show_in("class_box", chosen)

    def changed() -> None:
        picked = st.session_state["class_box"]  # None where the lit one was pressed
        _choose(scene, image if picked is None else typical[picked])

    st.pills(
        "Start from a typical",
        list(typical),
        key="class_box",
        wrap=True,
        on_change=changed,
    )
    st.html(panels.posterior_panel(scene.codes.mu[image], scene.codes.std[image], scene.dims))
    st.button(
        "z back to μ",
        key="back",
        disabled=at_mean,
        on_click=_choose,
        args=(scene, image),
        help="Move z to the mean of q(z|x), the code of this image.",
    )


def _at_mean(scene: Scene, image: int) -> bool:
    return bool(np.allclose(state.get("z"), scene.codes.mu[image], atol=1e-3))


def _choose(scene: Scene, image: int) -> None:
    """Make `image` the input, and z its code."""
    state.put(image=image, z=tuple(map(float, scene.codes.mu[image])))


def _map(scene: Scene, image: int, z: np.ndarray, waited: bool) -> None:
    view = _view(scene, image, z, waited)
    if view is None:
        return
    images, codes = scene.shown.images, scene.codes
    theme = figures.THEMES[history.theme_name()]
    figure = figures.scatter(
        view.points,
        view.index,
        images.labels.numpy()[view.index],
        images.classes,
        codes.reconstruction[view.index],
        codes.kl[view.index],
        view.axis_titles,
        theme,
        revision="|".join((*scene.key, state.get("view"), str(state.get("axes")))),
        least_span=5.0 if state.get("view") == "plane" else 0.0,  # the prior has sigma 1
    )
    key = f"map.{state.get('view')}"

    def clicked() -> None:
        points = st.session_state[key].selection.points
        if points:
            trace = figure.data[points[0]["curve_number"]]
            _choose(scene, int(trace.customdata[points[0]["point_index"], 0]))

    # The style sheet gives the map the height that the rows of sliders leave.
    frame = f"frame-{min(3, math.ceil(len(scene.dims) / SLIDER_ROW))}"
    with st.container(key=frame):
        st.plotly_chart(
            figure,
            key=key,
            on_select=clicked,
            selection_mode="points",
            config=_CONFIG,
            theme=None,
            height="stretch",
        )
    note = view.note or "KL beside a slider: mean over all images, in nats. Let go to decode."
    st.html(f'<div class="map-note">{note}</div>')
    overlay.draw(view, theme, history.theme_name())


def _view(scene: Scene, image: int, z: np.ndarray, waited: bool) -> MapView | None:
    """The chosen projection; while t-SNE has nothing yet, a sentence instead."""
    codes = scene.codes
    if len(scene.dims) < 2:
        st.info("This model has one latent dimension, and a map needs two.")
        return None
    if state.get("view") == "pca":
        return maps.pca(codes, cache.pca(scene.key, codes), z, image)
    if state.get("view") == "plane":
        return maps.plane(codes, choose.axes(scene.dims), z, image)
    found = _tsne(scene)
    if not isinstance(found, cache.TsneJob):
        if waited:
            st.rerun()  # the whole page, so that it stops asking every second
        return maps.tsne(codes, found, np.arange(len(codes.mu)), z)
    if found.error is not None:
        st.warning(found.error, icon=":material/error:")
        return None
    step = found.step
    share = step.done / step.total if step else 0.0
    what = step.stage if step else "finding neighbours"
    progress = panels.progress(share, f"t-SNE of {len(codes.mu):,} codes: {what}, {share:.0%}")
    if step is None:
        st.html(progress)
        return None
    return replace(maps.tsne(codes, step.embedding, step.index, z), note=progress)


def _output(scene: Scene, image: int, z: np.ndarray) -> None:
    vae = scene.model.checkpoint.vae
    shown = ", ".join(f"{v:.2f}" for v in z)
    x_hat = panels.picture(latent.picture(vae, z), "x-hat", f"picture decoded from z = ({shown})")
    with st.container(key="output"):
        st.html(panels.output_panel(x_hat))
    found = latent.terms(vae, scene.shown.images.images[image], z)
    with st.container(key="terms"):
        st.html(panels.terms_panel(found, _at_mean(scene, image)))


def _sliders(scene: Scene) -> None:
    z = state.get("z")

    def moved(index: int, key: str) -> None:
        values = list(state.get("z"))
        values[index] = st.session_state[key]
        state.put(z=tuple(values))

    per_row = min(SLIDER_ROW, len(scene.dims))
    with st.container(key="sliders"):
        for start in range(0, len(scene.dims), per_row):
            row = scene.dims[start : start + per_row]
            for column, dim in zip(st.columns(per_row, gap="medium"), row, strict=False):
                key = f"z.{scene.key}.{dim.index}"
                state.show_in(key, round(z[dim.index], 2) + 0.0)
                carries = f"KL {dim.kl:.2f}" if dim.active else "inactive"
                column.slider(
                    f"{z_name(dim.index)} · {carries}",
                    dim.low,
                    dim.high,
                    step=0.01,
                    key=key,
                    on_change=moved,
                    args=(dim.index, key),
                )
