"""Checkpoints, images and what is computed of them, each once for all visitors."""

import hashlib
import os
from collections.abc import Callable, Iterable
from functools import partial
from typing import Literal, NamedTuple

import streamlit as st
import torch

from explorer import entries
from explorer.latent import codes as latent_codes
from explorer.latent import projections
from explorer.latent.codes import Codes, Level
from explorer.latent.directions import Directions, principal
from explorer.latent.projections import MapView
from explorer.paths import cache_dir, checkpoint_dir
from explorer.session import image_sets
from explorer.session.image_sets import Offer, Shown
from training import checkpoint as checkpoints
from training.checkpoint import Checkpoint, CheckpointError, Description
from training.data.datasets import DATASETS, ImageSet
from training.text import printable
from training.vae import classifier
from training.vae.classifier import ClassifierError


class Listed(NamedTuple):
    """A checkpoint on offer, of which no more than the header need have been read."""

    description: Description
    load: Callable[[], "Model | str"]
    """The model, or the sentence that says why it cannot be read after all."""


class Model(NamedTuple):
    """A checkpoint that was read. `key` changes with its content."""

    key: str
    checkpoint: Checkpoint


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


def image_offers() -> dict[str, Offer]:
    """The sets of images on offer, with those that the checkpoints here were trained on."""
    there = (item for item in listed().values() if isinstance(item, Listed))
    return image_sets.on_offer(item.description.data for item in there)


@st.cache_resource(max_entries=16, show_spinner=False)
def codes(key: tuple[str, str], _model: Model, _shown: Shown) -> Codes:
    """The codes of the shown images under a model, once for this and for later servers."""
    vae, images = _model.checkpoint.vae, _shown.images
    labels = vae.labels_of(images.labels, len(images.classes))
    return latent_codes.cached(cache_dir() / "codes", vae, images.images, labels)


@st.cache_resource(max_entries=64, show_spinner=False)
def level(key: tuple[str, str], _model: Model, _shown: Shown, _codes: Codes) -> Level | None:
    """What the terms of the shown images are usually under a model: what bars are measured by."""
    return latent_codes.level(_model.checkpoint.vae, _shown.images.images, _codes)


@st.cache_resource(max_entries=16, show_spinner=False)
def directions(key: tuple[str, str], _codes: Codes) -> Directions:
    """The directions in which codes vary most."""
    return principal(_codes)


def came_with(model: Model) -> Shown | None:
    """The pictures that came with a network of somebody else."""
    images = model.checkpoint.images_with_it
    return None if images is None else Shown(f"with-{model.key}", images)


@st.cache_resource(max_entries=8, show_spinner=False)
def decoded(key: str, _model: Model) -> Shown:
    """The pictures of a decoder alone: those of the codes that it came with."""
    vae = _model.checkpoint.vae
    assert vae.codes is not None
    with torch.no_grad():
        levels = [(255 * vae.picture(z) + 0.5).byte() for z in vae.codes.split(256)]
    labels = torch.zeros(len(vae.codes), dtype=torch.int64)
    images = ImageSet(
        _model.checkpoint.name, "test", torch.cat(levels), labels, ("decoded",), vae.shape
    )
    return Shown(f"decoded-{key}", images)


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
    """For each class a typical image by its code; of a single class some of its images."""
    return entries.typical(_codes, _shown.images)


@st.cache_resource(max_entries=16, show_spinner=False)
def typical_pixels(key: str, _shown: Shown) -> list[int | None]:
    """As `typical`, whatever the model."""
    return entries.typical_pixels(_shown.images)


@torch.no_grad()
def seen(model: Model, z: tuple[float, ...]) -> str:
    """What the digits' classifier sees in the picture that is decoded from z, in words; "" where
    the model is of other pictures."""
    found = model.checkpoint
    row = DATASETS.get(found.data)
    digits = row is not None and "mnist" in (row.name, row.part_of)
    if not digits or found.vae.shape != classifier.SHAPE:
        return ""
    try:
        logits = classifier.shipped()(found.vae.picture(torch.tensor([z], dtype=torch.float32)))[0]
    except ClassifierError:  # its file is not here
        return ""
    share, label = logits.softmax(0).max(0)
    return f"a {int(label)} ({100 * float(share):.0f} %)"


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
