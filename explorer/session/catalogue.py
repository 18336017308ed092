"""Checkpoints, images and what is computed of them, each once for all visitors."""

import hashlib
import os
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

import streamlit as st

from explorer.latent import codes as latent_codes
from explorer.latent import projections
from explorer.latent.codes import Codes
from explorer.latent.projections import MapView
from explorer.paths import cache_dir, checkpoint_dir, data_dir
from training import checkpoint as checkpoints
from training.checkpoint import Checkpoint, CheckpointError, Description
from training.data import datasets
from training.data.datasets import DataError, ImageSet
from training.text import printable
from training.vae import classifier
from training.vae.classifier import ClassifierError
from training.vae.image_shape import ImageShape

FEW = 10_000  # images of a data set that are shown whole
TRAINING = "-train"  # ends the name of a data set whose training images are meant


class Listed(NamedTuple):
    """A checkpoint on offer, of which no more than the header need have been read."""

    description: Description
    load: Callable[[], "Model | str"]
    """The model, or the sentence that says why it cannot be read after all."""


class Model(NamedTuple):
    """A checkpoint that was read. `key` changes with its content."""

    key: str
    checkpoint: Checkpoint


class Shown(NamedTuple):
    """A set of images on offer. `key` changes with its content."""

    key: str
    images: ImageSet


def _ready(found: Checkpoint) -> Checkpoint:
    """The checkpoint; ClassifierError where its terms need the classifier and that is not there."""
    if found.vae.likelihood.perceptual:
        classifier.shipped()
    return found


@st.cache_resource(max_entries=4096, show_spinner=False)
def _describe_file(path: bytes, stamp: tuple[int, int]) -> Description | str:
    try:
        return checkpoints.describe(os.fsdecode(path))
    except CheckpointError as error:
        return str(error)


@st.cache_resource(max_entries=12, show_spinner=False)
def _load_file(path: bytes, stamp: tuple[int, int]) -> Model | str:
    try:
        loaded = _ready(checkpoints.load(os.fsdecode(path)))
    except (CheckpointError, ClassifierError) as error:
        return str(error)
    name = hashlib.blake2b(path, digest_size=8).hexdigest()  # a file's name may be no text
    return Model(f"{name}-{stamp[0]}-{stamp[1]}", loaded)


@st.cache_resource(max_entries=16, show_spinner=False)
def load_upload(name: str, content: bytes) -> Model | str:
    """An uploaded checkpoint, or the sentence that says why it cannot be opened."""
    try:
        loaded = _ready(checkpoints.loads(content, name))
    except (CheckpointError, ClassifierError) as error:
        return str(error)
    return Model(f"upload-{hashlib.blake2b(content, digest_size=8).hexdigest()}", loaded)


def listed_upload(name: str, content: bytes) -> Listed | str:
    """An uploaded checkpoint, or the sentence that says why it cannot be opened."""
    model = load_upload(name, content)
    if isinstance(model, str):
        return model
    return Listed(model.checkpoint.description, lambda: model)


def listed() -> dict[str, Listed | str]:
    """The checkpoints on disk by name, or the sentence that says why one cannot be read."""
    found: dict[str, Listed | str] = {}
    for path in checkpoints.checkpoint_files(checkpoint_dir()):
        try:
            info = path.stat()
        except OSError:  # gone since it was listed
            continue
        key = (os.fsencode(path), (info.st_mtime_ns, info.st_size))
        description = _describe_file(*key)
        if isinstance(description, str):
            found[printable(path.stem)] = description
        else:
            found[description.name] = Listed(description, partial(_load_file, *key))
    return found


def data_names(shape: ImageShape | None = None) -> list[str]:
    """Names of the images that can be shown now: test images that are on disk, sets that need no
    download, training images; with a `shape` those whose pictures have it.

    A name is a data set's, with `TRAINING` at its end for the images of its training split.
    """
    rows = [row for row in datasets.DATASETS.values() if shape in (None, row.shape)]
    fetched = [row for row in rows if row.needs_download]
    test = [row.name for row in fetched if row.on_disk(data_dir(), "test")]
    embedded = [row.name for row in rows if not row.needs_download]
    train = [row.name + TRAINING for row in fetched if row.on_disk(data_dir(), "train")]
    return [*test, *embedded, *train]


def split_of(name: str) -> tuple[datasets.Dataset, datasets.Split]:
    """The data set and the split that a name of `data_names` means.

    Raises:
        DataError: there is no such data set.
    """
    row = datasets.find(name.removesuffix(TRAINING))
    return row, "train" if name.endswith(TRAINING) else "test"


def shape_of(name: str) -> ImageShape:
    """The shape of the pictures that a name of `data_names` means.

    Raises:
        DataError: there is no such data set.
    """
    return split_of(name)[0].shape


def misfit(name: str, shape: ImageShape, checkpoint: str = "") -> str:
    """The sentence that says why the images `name` are not those of a checkpoint that takes
    pictures of `shape`, and what is shown instead; empty where they are.

    Raises:
        DataError: there is no such data set.
    """
    if shape_of(name) == shape:
        return ""
    model = f"the checkpoint {checkpoint}" if checkpoint else "this checkpoint"
    fault = datasets.misfit(name, shape_of(name), model, shape)
    fitting = data_names(shape)
    return f"{fault}; shown instead: {fitting[0]}." if fitting else f"{fault}; none here has those."


def fitting_data(model: Description, wanted: str | None = None) -> tuple[list[str], str]:
    """Names of the images on offer whose shape is the model's, and why `wanted` is not among them:
    a sentence, empty where it is."""
    shape = model.config.image_shape
    fault = misfit(wanted, shape, model.name) if wanted in data_names() else ""
    return data_names(shape), fault


@st.cache_resource(max_entries=8, show_spinner=False)
def _load_shown(name: str, directory: Path, stamp: tuple[int, ...]) -> Shown:
    row, split = split_of(name)
    if not row.needs_download and sum(row.size) <= FEW:  # both splits together
        splits: tuple[datasets.Split, ...] = ("train", "test")
        images = datasets.join([datasets.load(row.name, part, directory) for part in splits])
    else:
        images = datasets.load(row.name, split, directory)
    some = images.images[:: max(1, len(images) // 64)].numpy()
    digest = hashlib.blake2b(some.tobytes(), digest_size=8).hexdigest()
    return Shown("-".join(map(str, (name, *stamp, len(images), digest))), images)


def shown(name: str) -> Shown | str:
    """The images that `name` means, or the sentence that says why they cannot be had."""
    row, split = split_of(name)
    stamp: tuple[int, ...] = ()
    try:
        if row.needs_download:
            stamp = tuple(f.stat().st_mtime_ns for f in row.files(data_dir(), split))
        return _load_shown(name, data_dir(), stamp)
    except OSError as error:
        return f"{row.title} cannot be read ({error.strerror}); download it again."
    except DataError as error:
        return str(error)


@st.cache_resource(max_entries=16, show_spinner=False)
def codes(key: tuple[str, str], _model: Model, _shown: Shown) -> Codes:
    """The codes of the shown images under a model, once for this and for later servers."""
    return latent_codes.cached(cache_dir() / "codes", _model.checkpoint.vae, _shown.images.images)


def first_choice(names: Iterable[str]) -> str:
    """The checkpoint that a visitor meets first."""
    found = list(names)
    return "mnist-2d" if "mnist-2d" in found else found[0]


@st.cache_resource(max_entries=16, show_spinner=False)
def projected(key: tuple[str, str], name: str, _codes: Codes) -> MapView:
    """The map of the codes under a row of `PROJECTIONS` that takes no more than them."""
    project = projections.PROJECTIONS[name].project
    assert project is not None, name
    return project(_codes)


@st.cache_resource(max_entries=64, show_spinner=False)
def typical(key: tuple[str, str], _codes: Codes, _shown: Shown) -> list[int | None]:
    """For each class a typical image by its code."""
    images = _shown.images
    return latent_codes.typical(_codes, images.labels.numpy(), len(images.classes))


@st.cache_resource(max_entries=16, show_spinner=False)
def typical_pixels(key: str, _shown: Shown) -> list[int | None]:
    """For each class a typical image, whatever the model."""
    images = _shown.images
    return latent_codes.typical_pixels(
        images.images.numpy(), images.labels.numpy(), len(images.classes)
    )


@st.cache_data(max_entries=128, show_spinner=False)
def report_figure(
    key: tuple[str, str],
    _model: Model,
    _shown: Shown,
    name: str,
    kind: Literal["png", "svg"],
    theme: str,
) -> bytes:
    """One of the report's figures as a file, `png` or `svg`, in the colours of a theme."""
    from explorer.figures import report
    from explorer.figures.theme import THEMES

    return report.draw(name, _model.checkpoint, _shown.images, kind, 150, THEMES[theme])
