"""The line of controls above the map: they write the view's state and give the scene."""

import shlex

import streamlit as st

from explorer import messages, paths
from explorer.explore import own_pictures
from explorer.figures.theme import z_name
from explorer.latent.projections import PROJECTIONS
from explorer.runs import manage
from explorer.server import access
from explorer.session import catalogue, manage_box, view_state
from explorer.session import controls as boxes
from explorer.session.scene import Scene, overflowing, scene_of, usual_axes
from training.data import datasets
from training.data.datasets import DataError
from training.data.download import download
from training.text import printable


def scene() -> Scene:
    """Draw the controls and return what they choose; stops the page where there is nothing to."""
    good, bad = boxes.listed()
    with st.container(key="controls"):
        columns = st.columns([2.1, 3.0, 2.8, 1.8, 1.2], vertical_alignment="bottom")
    model = boxes.checkpoint_box(columns[0], good)
    with columns[4].popover("Options", icon=":material/tune:", width="stretch"):
        _upload()
        own_pictures.draw()
        _download()
        _tsne_options()
        if model is not None:
            _manage(view_state.get("checkpoint"))
    messages.warn([*bad, *view_state.complaints()])
    if model is None:
        messages.info(
            f"There is no checkpoint in {paths.checkpoint_dir()}. Make one with "
            "`python -m training fit mnist-5k-2d`, or upload one under Options."
        )
        st.stop()
    images = columns[1].container(horizontal=True, gap="small", key="images")
    if model.checkpoint.vae.encoder is None:
        shown = catalogue.decoded(model.key, model)
        view_state.put(data=None)
        messages.caption("Codes that the decoder came with: it has no encoder.", images)
    else:
        shown = boxes.data_box(images, model.checkpoint.description, catalogue.came_with(model))
    boxes.colour_box(images, shown)
    found = scene_of(model, shown)
    if found is None:
        messages.warn(f"{overflowing(model)} choose another.")
        st.stop()
    _view(columns[2], found)
    _axes(columns[3], found)
    return found


def _view(place, found: Scene) -> None:
    # Of a latent grid no two numbers say much: its plane is that of principal components.
    kinds = [kind for kind in PROJECTIONS if kind != "plane" or found.directions is None]
    view = view_state.get("view")
    view_state.show_in("view_box", view if view in kinds else kinds[0])

    def changed() -> None:
        if st.session_state["view_box"] is not None:  # as it is for a moment when a page comes back
            view_state.put(view=st.session_state["view_box"])

    place.segmented_control(
        "Map",
        kinds,
        format_func=lambda name: PROJECTIONS[name].title,
        key="view_box",
        required=True,
        on_change=changed,
        label_visibility="collapsed",
        width="stretch",
    )


def _axes(place, found: Scene) -> None:
    """Which two dimensions the plane shows; the two most informative ones unless told otherwise."""
    numbers = [axis + 1 for axis in found.axes]
    axes = view_state.get("axes")
    if len(numbers) < 2:
        view_state.put(axes=None)
        return
    if axes is None or not set(axes) <= set(numbers):
        if axes is not None:
            view_state.complain(
                f"This model has no dimensions {axes[0]} and {axes[1]}; it has 1 to {len(numbers)}."
            )
            view_state.put(axes=None)
        axes = (numbers[0], numbers[1]) if len(numbers) > 2 else (1, 2)
    if len(numbers) == 2 or view_state.get("view") != "plane":
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


def axes(found: Scene) -> tuple[int, int]:
    """The plane's two dimensions, numbered from 0."""
    chosen = view_state.get("axes")
    if chosen is not None and max(chosen) <= len(found.axes):
        return chosen[0] - 1, chosen[1] - 1
    return usual_axes(found)


_WEIGHTS = (
    "holds weights without their network, and is not opened here, since that can run code. "
    "`python -m training import your_model.py:YourVAE --weights FILE --data folder:PICTURES` makes "
    "a checkpoint of it, which every page opens."
)
_ONNX = (
    "is one half of a model. `python -m training import --onnx encoder.onnx decoder.onnx --data "
    "folder:PICTURES` makes a checkpoint of both, which every page opens."
)
_KERAS = (
    "is a Keras model. Write its encoder and its decoder as ONNX, with `tf2onnx`; then `python -m "
    "training import --onnx encoder.onnx decoder.onnx --data folder:PICTURES` makes a checkpoint "
    "of them, which every page opens."
)
# What is said of files that are no checkpoints, by their ending.
_FOREIGN = {
    **dict.fromkeys(("pt", "pth", "ckpt", "bin", "pkl"), _WEIGHTS),
    "onnx": _ONNX,
    **dict.fromkeys(("h5", "hdf5", "keras"), _KERAS),
}


def _bare(name: str) -> str:
    """A file's name as it stands in a command: quoted where it has to be, without backticks."""
    return shlex.quote(printable(name, 80)).replace("`", "'")


def _upload() -> None:
    if not access.may_control():
        messages.caption(f"Opening a file of your own: {access.REFUSAL}")
        return
    file = st.file_uploader(
        "Open a checkpoint file",
        type=["safetensors", *_FOREIGN],
        help="A .safetensors file made by `python -m training fit` or `import`. It stays with this "
        "visit.",
    )
    if file is None:
        return
    kind = file.name.rpartition(".")[2].lower()
    if kind in _FOREIGN:
        messages.info(f"{printable(file.name)} {_FOREIGN[kind].replace('FILE', _bare(file.name))}")
        return
    uploads = st.session_state.setdefault(boxes.UPLOADS, {})
    content, name = file.getvalue(), printable(file.name)
    if uploads.get(name) == content:
        return
    opened = catalogue.load_upload(name, content)
    if isinstance(opened, str):
        messages.warn(opened)
        return
    uploads[name] = content
    view_state.put(checkpoint=name + boxes.UPLOADED, z=None, axes=None)
    st.rerun()


def _manage(name: str) -> None:
    """Rename, duplicate or delete the checkpoint on show."""
    if not access.may_control() or name.endswith(boxes.UPLOADED):
        return
    folder = paths.checkpoint_dir()
    new = manage_box.draw(
        "checkpoint",
        name,
        manage_box.Deeds(
            lambda wish: manage.rename_checkpoint(folder, name, wish, paths.run_dir()),
            lambda wish: manage.duplicate_checkpoint(folder, name, wish),
            lambda: manage.delete_checkpoint(folder, name),
        ),
        "its weights, and what was measured of it. The run that made it stays",
        manage.kept_because(folder, name),
    )
    if new is None:
        return
    if name not in catalogue.listed():
        manage_box.renamed_beside(name, new)
    if new:
        view_state.put(checkpoint=new)
    else:
        view_state.put(checkpoint=None, z=None, axes=None)
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
        messages.warn(f"{error.reason} The {datasets.find(datasets.EMBEDDED).title} stay on show.")
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
