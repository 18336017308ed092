"""The line of controls above the map: what is shown. Writes the view's state, returns the scene."""

from typing import NamedTuple

import numpy as np
import streamlit as st

from explorer import paths
from explorer.figures.theme import z_name
from explorer.latent import codes as latent_codes
from explorer.latent.codes import Codes, Dimension
from explorer.server import access
from explorer.session import catalogue, view_state
from explorer.session.catalogue import Model, Shown
from training.data import datasets
from training.data.datasets import DataError
from training.data.download import download

UPLOADS = "uploads"
UPLOADED = " (uploaded)"  # a link cannot carry the file


class Scene(NamedTuple):
    """What the page shows: a model, images, their codes, and the dimensions in slider order."""

    model: Model
    shown: Shown
    codes: Codes
    dims: list[Dimension]
    key: tuple[str, str]


def of(model: Model, shown: Shown) -> Scene | None:
    """The scene of a model and images; None where the codes are not numbers."""
    codes = catalogue.codes((model.key, shown.key), model, shown)
    if not np.isfinite(codes.mu).all() or not np.isfinite(codes.std).all():
        return None
    dims = latent_codes.dimensions(codes, model.checkpoint.vae.prior.low)
    return Scene(model, shown, codes, dims, (model.key, shown.key))


def scene() -> Scene:
    """Draw the controls and return what they choose; stops the page where there is nothing to."""
    offered = models()
    good = {name: m for name, m in offered.items() if isinstance(m, Model)}
    bad = {name: m for name, m in offered.items() if isinstance(m, str)}
    with st.container(key="controls"):
        columns = st.columns([2.2, 2.4, 3.1, 1.9, 1.2], vertical_alignment="bottom")
    model = _checkpoint(columns[0], good)
    with columns[4].popover("Options", icon=":material/tune:", width="stretch"):
        _upload()
        _download()
        _tsne_options()
    for sentence in [*bad.values(), *view_state.complaints()]:
        st.warning(sentence, icon=":material/error:")
    if model is None:
        st.info(
            f"There is no checkpoint in {paths.checkpoint_dir()}. Make one with "
            "`python -m training fit mnist-5k-2d`, or upload one under Options."
        )
        st.stop()
    found = of(model, data_box(columns[1]))
    if found is None:
        st.warning(f"{overflowing(model)} choose another.", icon=":material/error:")
        st.stop()
    _view(columns[2])
    _axes(columns[3], found.dims)
    return found


def overflowing(model: Model) -> str:
    """What is said of a model whose codes are not numbers; what to do follows."""
    return (
        f"The checkpoint {model.checkpoint.name} gives codes that are not numbers (its weights "
        "overflow);"
    )


def models() -> dict[str, Model | str]:
    """The checkpoints on disk and those that this visitor opened, or why one cannot be."""
    offered = catalogue.models()
    for name, content in st.session_state.get(UPLOADS, {}).items():
        offered[name + UPLOADED] = catalogue.load_upload(name, content)
    return offered


def _checkpoint(place, good: dict[str, Model]) -> Model | None:
    if not good:
        return None
    wanted = view_state.get("checkpoint")
    if wanted not in good:
        if wanted is not None:
            again = " Open its file again under Options." if wanted.endswith(UPLOADED) else ""
            view_state.complain(
                f"There is no checkpoint {view_state.quoted(wanted)} to show; the ones here are "
                f"{', '.join(good)}.{again}"
            )
            view_state.put(z=None, axes=None)
        wanted = catalogue.first_choice(good)
        view_state.put(checkpoint=wanted)
    view_state.show_in("checkpoint_box", wanted)

    def changed() -> None:
        view_state.put(checkpoint=st.session_state["checkpoint_box"], z=None, axes=None)

    place.selectbox(
        "Checkpoint",
        list(good),
        label_visibility="collapsed",
        key="checkpoint_box",
        on_change=changed,
        format_func=lambda name: describe(name, good[name]),
    )
    return good[wanted]


def describe(name: str, model: Model) -> str:
    """A checkpoint in a list of them."""
    m, likelihood = model.checkpoint.metrics, model.checkpoint.vae.likelihood
    if likelihood.constant_per_value == 0:
        return f"{name} · −ELBO {m.total:.1f}"
    return f"{name} · {likelihood.formula} {m.reconstruction:.1f}, KL {m.kl:.1f}"


def data_box(place) -> Shown:
    """Draw the box of images and return the chosen ones."""
    names = catalogue.data_names()
    wanted = view_state.get("data")
    if wanted not in names:
        if wanted is not None:
            view_state.complain(
                f"The data set {view_state.quoted(wanted)} is not here; the ones that can be shown "
                f"are {', '.join(names)}."
            )
        wanted = names[0]
    shown = catalogue.shown(wanted)
    if isinstance(shown, str):
        st.warning(shown, icon=":material/error:")
        wanted = datasets.EMBEDDED
        fallback = catalogue.shown(wanted)
        if isinstance(fallback, str):
            st.error(fallback)
            st.stop()
        shown = fallback
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


def _title(name: str) -> str:
    row, split = catalogue.split_of(name)
    if not row.needs_download:
        return f"{row.title} · embedded"
    return f"{row.title} · {row.size[0 if split == 'train' else 1]:,} {split} images"


def _view(place) -> None:
    view_state.show_in("view_box", view_state.get("view"))

    def changed() -> None:
        view_state.put(view=st.session_state["view_box"])

    place.segmented_control(
        "Map",
        view_state.VIEWS,
        format_func=view_state.VIEW_TITLES.__getitem__,
        key="view_box",
        required=True,
        on_change=changed,
        label_visibility="collapsed",
        width="stretch",
    )


def _axes(place, dims: list[Dimension]) -> None:
    """Which two dimensions the plane shows; the two most informative ones unless told otherwise."""
    numbers = [d.index + 1 for d in dims]
    axes = view_state.get("axes")
    if len(dims) < 2:
        view_state.put(axes=None)
        return
    if axes is None or not set(axes) <= set(numbers):
        if axes is not None:
            view_state.complain(
                f"This model has no dimensions {axes[0]} and {axes[1]}; it has 1 to {len(numbers)}."
            )
            view_state.put(axes=None)
        axes = (numbers[0], numbers[1]) if len(dims) > 2 else (1, 2)
    if len(dims) == 2 or view_state.get("view") != "plane":
        return
    view_state.show_in("x_axis_box", axes[0])
    view_state.show_in("y_axis_box", axes[1])

    def changed(moved: int) -> None:
        pair = [st.session_state["x_axis_box"], st.session_state["y_axis_box"]]
        if pair[0] == pair[1]:  # the other axis takes what this one had
            pair[1 - moved] = axes[moved]
        view_state.put(axes=tuple(pair))

    across, up = place.columns(2)
    for column, title, arrow, key, moved in (
        (across, "Across", "→", "x_axis_box", 0),
        (up, "Up", "↑", "y_axis_box", 1),
    ):
        column.selectbox(
            title,
            numbers,
            key=key,
            format_func=lambda n, arrow=arrow: f"{arrow} {z_name(n - 1)}",
            label_visibility="collapsed",
            on_change=changed,
            args=(moved,),
        )


def axes(dims: list[Dimension]) -> tuple[int, int]:
    """The plane's two dimensions, numbered from 0."""
    chosen = view_state.get("axes")
    if chosen is not None and max(chosen) <= len(dims):
        return chosen[0] - 1, chosen[1] - 1
    return usual_axes(dims)


def usual_axes(dims: list[Dimension]) -> tuple[int, int]:
    """The plane's dimensions unless told otherwise: the most informative; (0, 1) of two."""
    return (0, 1) if len(dims) == 2 else (dims[0].index, dims[1].index)


def _upload() -> None:
    if not access.may_control():
        st.caption(f"Opening a file of your own: {access.REFUSAL}")
        return
    file = st.file_uploader(
        "Open a checkpoint file",
        type=["safetensors"],
        help="A .safetensors file made by `python -m training fit`. It stays with this visit.",
    )
    if file is None:
        return
    uploads = st.session_state.setdefault(UPLOADS, {})
    content = file.getvalue()
    if uploads.get(file.name) == content:
        return
    opened = catalogue.load_upload(file.name, content)
    if isinstance(opened, str):
        st.warning(opened, icon=":material/error:")
        return
    uploads[file.name] = content
    view_state.put(checkpoint=file.name + UPLOADED, z=None, axes=None)
    st.rerun()


def _download() -> None:
    row = datasets.find("mnist")
    if row.on_disk(paths.data_dir(), "test") or not access.may_control():
        return
    st.caption(
        "The embedded digits are MNIST training images, which the shipped models have seen. "
        "MNIST's test images, which they have not, can be downloaded."
    )
    if not st.button(
        f"Download MNIST ({row.archive_bytes / 1e6:.0f} MB)",
        icon=":material/download:",
        help="Fetches all 70,000 images; the map then shows the 10,000 test images.",
        width="stretch",
    ):
        return
    bar = st.progress(0.0, f"Asking the mirrors for {row.title} …")
    try:
        for progress in download(row.name, paths.data_dir()):
            if progress.done:
                bar.progress(
                    progress.done / progress.total,
                    f"{progress.done / 1e6:.1f} of {progress.total / 1e6:.1f} MB",
                )
    except DataError as error:
        bar.empty()
        st.warning(
            f"{error.reason} The {datasets.find(datasets.EMBEDDED).title} stay on show.",
            icon=":material/error:",
        )
        return
    view_state.put(data=row.name, image=None, z=None)
    st.rerun()


def _tsne_options() -> None:
    view_state.show_in("perplexity_box", view_state.get("perplexity"))
    view_state.show_in("seed_box", view_state.get("seed"))

    def changed() -> None:
        view_state.put(
            perplexity=st.session_state["perplexity_box"], seed=st.session_state["seed_box"]
        )

    st.markdown("**t-SNE**")
    left, right = st.columns(2)
    left.number_input(
        "Perplexity",
        2,
        500,
        key="perplexity_box",
        on_change=changed,
        help="About how many neighbours each point keeps near (van der Maaten & Hinton 2008).",
    )
    right.number_input("Seed", 0, 10**6, key="seed_box", on_change=changed)
