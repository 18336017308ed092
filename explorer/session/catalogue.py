"""The only home of Streamlit's caches, and of the work that outlives a page run."""

import contextlib
import threading
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import streamlit as st
import torch

from explorer.latent import codes as latent_codes
from explorer.latent import projections, tsne
from explorer.latent.codes import Codes
from explorer.latent.projections import MapView
from explorer.paths import cache_dir, checkpoint_dir, data_dir
from training import checkpoint as checkpoints
from training.checkpoint import Checkpoint, CheckpointError
from training.data import datasets
from training.data.datasets import DataError, ImageSet
from training.vae import classifier
from training.vae.classifier import ClassifierError
from training.vae.image_shape import ImageShape

TRAINING = "-train"  # ends the name of a data set whose training images are meant


class Model(NamedTuple):
    """A checkpoint on offer. `key` changes with its content."""

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


@st.cache_resource(max_entries=64, show_spinner=False)
def _load_file(path: Path, stamp: tuple[int, int]) -> Model | str:
    try:
        return Model(f"{path.name}-{stamp[0]}-{stamp[1]}", _ready(checkpoints.load(path)))
    except (CheckpointError, ClassifierError) as error:
        return str(error)


@st.cache_resource(max_entries=16, show_spinner=False)
def load_upload(name: str, content: bytes) -> Model | str:
    """An uploaded checkpoint, or the sentence that says why it cannot be opened."""
    try:
        loaded = _ready(checkpoints.loads(content, name))
    except (CheckpointError, ClassifierError) as error:
        return str(error)
    import hashlib

    return Model(f"upload-{hashlib.blake2b(content, digest_size=8).hexdigest()}", loaded)


def models() -> dict[str, Model | str]:
    """The checkpoints on disk by name, each loaded, or the sentence that says why it cannot be."""
    found: dict[str, Model | str] = {}
    for path in checkpoints.checkpoint_files(checkpoint_dir()):
        try:
            info = path.stat()
        except OSError:  # gone since it was listed
            continue
        found[path.stem] = _load_file(path, (info.st_mtime_ns, info.st_size))
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


def fitting_data(model: Model, wanted: str | None = None) -> tuple[list[str], str]:
    """Names of the images on offer whose shape is the model's, and why `wanted` is not among them:
    a sentence, empty where it is."""
    found = model.checkpoint
    fault = misfit(wanted, found.vae.shape, found.name) if wanted in data_names() else ""
    return data_names(found.vae.shape), fault


@st.cache_resource(max_entries=8, show_spinner=False)
def _load_shown(name: str, directory: Path, stamp: tuple[int, ...]) -> Shown:
    row, split = split_of(name)
    if not row.needs_download:  # small sets: both splits together
        parts = [datasets.load(row.name, part, directory) for part in ("train", "test")]
        images = replace(
            parts[0],
            images=torch.cat([p.images for p in parts]),
            labels=torch.cat([p.labels for p in parts]),
        )
    else:
        images = datasets.load(row.name, split, directory)
    return Shown(f"{name}-{'-'.join(map(str, stamp))}", images)


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
    """The codes of the shown images under a model."""
    return latent_codes.encode(_model.checkpoint.vae, _shown.images.images)


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


class TsneJob:
    """A t-SNE that runs in a thread of its own and outlives the page that asked for it.

    `step` is the newest map, `error` a sentence where there will be none. One job computes at a
    time, the others are `queued`: two would take more than twice as long.
    """

    _turn = threading.Lock()

    def __init__(self, mu: Any, perplexity: int, seed: int, path: Path) -> None:
        self.step: tsne.TsneStep | None = None
        self.error: str | None = None
        self.queued = True
        self._thread = threading.Thread(
            target=self._run, args=(mu, perplexity, seed, path), daemon=True, name="t-sne"
        )
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether more is to come."""
        return self.error is None and not (self.step is not None and self.step.final)

    def _run(self, mu: Any, perplexity: int, seed: int, path: Path) -> None:
        with self._turn:
            self.queued = False
            try:
                for step in tsne.tsne(mu, perplexity=perplexity, seed=seed):
                    self.step = step
            except ValueError as error:
                self.error = str(error)
                return
            except Exception as error:  # a page waits for this thread and must be told
                self.error = f"t-SNE stopped ({type(error).__name__}: {error})."
                return
        assert self.step is not None
        with contextlib.suppress(OSError):  # the map is there; only the next start computes again
            tsne.store_cached(path, self.step.embedding)


_MAX_JOBS = 8  # finished ones are kept for who comes next; more are read from the disk
_MAX_QUEUED = 4


@st.cache_resource(show_spinner=False)
def _tsne_jobs() -> tuple[threading.Lock, dict[Path, TsneJob]]:
    return threading.Lock(), {}


def tsne_map(mu: Any, perplexity: int, seed: int) -> np.ndarray | TsneJob | str:
    """The finished t-SNE map (N, 2) of codes, the job that is making it, or why there is none."""
    path = tsne.cache_path(cache_dir() / "tsne", mu, perplexity, seed)
    lock, jobs = _tsne_jobs()
    with lock:
        job = jobs.get(path)
        if job is None:
            stored = tsne.load_cached(path, len(mu))
            if stored is not None:
                return stored
            if sum(other.running for other in jobs.values()) >= _MAX_QUEUED:
                return "Other visitors' t-SNE maps are being made; choose t-SNE again in a minute."
            job = jobs[path] = TsneJob(mu, perplexity, seed, path)
            for old in [p for p, other in jobs.items() if not other.running][:-_MAX_JOBS]:
                del jobs[old]
        elif job.error is not None:
            return job.error
        elif not job.running:
            assert job.step is not None
            return job.step.embedding
        return job
