"""The sets of images on offer: tables that are here, and pictures of somebody's own.

Whatever lies on this machine has a name of its own on the page and in links, which never says
where.
"""

import hashlib
import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import streamlit as st

from explorer.entries import joined, parts_shown
from explorer.paths import data_dir, run_dir
from explorer.runs import watch
from explorer.server import access
from training.data import datasets, names
from training.data.datasets import DataError, ImageSet, Split
from training.runs.run import Run, RunError
from training.text import printable
from training.vae.image_shape import ImageShape

TRAINING = "-train"  # ends the name of a table whose training images are meant
_SECONDS = 60  # for which what lies in folders is taken to be as it was

_opened: dict[str, str] = {}  # names that visitors of this machine gave to pictures they opened
_lock = threading.Lock()


class Offer(NamedTuple):
    """A set of images on offer: its `name` on the page and in links, and what training calls it.

    `parts` are its splits that are shown, `own` says whether it is somebody's own, and `total` is
    the number of those pictures.
    """

    name: str
    data: str
    parts: tuple[Split, ...]
    title: str
    shape: ImageShape
    own: bool = False
    total: int = 0


class Shown(NamedTuple):
    """Images that were loaded. `key` changes with their content."""

    key: str
    images: ImageSet


def with_model(name: str, images: ImageSet) -> Offer:
    """The offer of the images that came with a model; it has no parts to load."""
    title = f"{len(images):,} pictures that came with {name}"
    return Offer(f"with:{name}", f"with:{name}", (), title, images.shape)


def on_offer(trained: Iterable[str] = ()) -> dict[str, Offer]:
    """The sets that can be shown now, by their names: tables on disk, what is drawn, pictures in
    the data directory, those that runs and checkpoints were `trained` on, and those that were
    opened here. What lies elsewhere than in the data directory is for visitors of this machine."""
    found = {offer.name: offer for offer in _lying(os.fsencode(data_dir()))}
    known = {offer.data for offer in found.values()}
    used: tuple[str, ...] = (*sorted(set(trained)), *_of_runs(os.fsencode(run_dir())))
    opened = dict(_opened)
    if not access.may_control():  # a stranger's file may name any folder of this machine
        used, opened = tuple(data for data in used if names.without_place(data) == data), {}
    for data, name in (*((data, "") for data in used), *((d, n) for n, d in opened.items())):
        if data in known or not datasets.is_own(data):
            continue
        own = _own(data, os.fsencode(data_dir()))
        if own is not None:
            known.add(data)
            name = _unused(name or own.name, found)
            found[name] = own._replace(name=name)
    return found


def _unused(name: str, taken: Iterable[str]) -> str:
    taken, number = set(taken), 2
    wanted = name
    while wanted in taken:
        wanted = f"{name} ({number})"
        number += 1
    return wanted


@st.cache_resource(ttl=_SECONDS, max_entries=4, show_spinner=False)
def _lying(folder: bytes) -> list[Offer]:
    """What is in the data directory, and what needs none."""
    directory = Path(os.fsdecode(folder))
    tables, embedded, training, own = [], [], [], []
    for listing in datasets.available(directory):
        if datasets.is_own(listing.name):
            found = _own(listing.name, folder)
            own += [] if found is None else [found._replace(name=listing.name)]
            continue
        row = datasets.find(listing.name)
        table = Offer(row.name, row.name, ("test",), _title(row, "test"), row.shape)
        if row.needs_download:
            tables.append(table)
        else:
            title = f"{row.title} · embedded" if row.name == datasets.EMBEDDED else row.title
            embedded.append(table._replace(parts=parts_shown(sum(row.size)), title=title))
    for row in datasets.DATASETS.values():
        if row.needs_download and row.on_disk(directory, "train"):
            name, title = row.name + TRAINING, _title(row, "train")
            training.append(Offer(name, row.name, ("train",), title, row.shape))
    return [*tables, *embedded, *training, *own]


def _title(row: datasets.Dataset, split: Split) -> str:
    return f"{row.title} · {row.size[split == 'test']:,} {split} images"


@st.cache_resource(ttl=_SECONDS, max_entries=256, show_spinner=False)
def _own(name: str, folder: bytes) -> Offer | None:
    """Somebody's own pictures, if they are there; called by the end of their path."""
    directory = Path(os.fsdecode(folder))
    try:
        if not datasets.is_there(name, "test", directory):
            return None
        data = datasets.pin(name, directory).name
        listing = datasets.listing(data, directory)
    except DataError:
        return None
    told = names.parse(names.without_place(data))
    title = f"{printable(os.path.basename(told.path))} · your own, {listing.total:,} pictures"
    name = f"{told.kind}:{printable(told.path)}"
    return Offer(
        name, data, parts_shown(listing.total), title, listing.shape, own=True, total=listing.total
    )


@st.cache_resource(ttl=_SECONDS, max_entries=4, show_spinner=False)
def _of_runs(folder: bytes) -> list[str]:
    """The own pictures that runs were trained on."""
    root, found = Path(os.fsdecode(folder)), []
    for name in watch.names(root)[:100]:
        try:
            found.append(Run(root / name).config().preset.data)
        except RunError:  # the Train page says why
            continue
    return sorted({data for data in found if datasets.is_own(data)})


def open_own(name: str) -> str:
    """Offer somebody's own pictures to visitors of this machine; their name on the page.

    Raises:
        DataError: they cannot be had.
    """
    data = datasets.pin(name, data_dir()).name
    for offer in on_offer().values():
        if offer.data == data:
            return offer.name
    own = _own(data, os.fsencode(data_dir()))
    if own is None:
        raise DataError(f"{printable(name)} is not there.")
    with _lock:
        public = _unused(own.name, {*_opened, *on_offer()})
        _opened[public] = data
    return public


def fitting(offers: dict[str, Offer], shape: ImageShape) -> dict[str, Offer]:
    """Those whose pictures have a shape."""
    return {name: offer for name, offer in offers.items() if offer.shape == shape}


def usual(offers: dict[str, Offer], trained: str) -> str | None:
    """The name of the set that belongs to a model `trained` on some: what it was trained on, its
    test images if there are some; or else the first. None where there is none."""
    related = [name for name, offer in offers.items() if alike(offer, trained)]
    return next(iter(related or offers), None)


def alike(offer: Offer, trained: str) -> bool:
    """Whether a set is what a model was trained on: other images of it count, and parts of it."""
    return _whole(offer.data) == _whole(trained)


def _whole(data: str) -> str:
    """The name of the set that another one is a part of, or its own."""
    if datasets.is_own(data):
        return data
    try:
        row = datasets.find(data)
    except DataError:
        return data
    return row.part_of or row.name


def misfit(offer: Offer, shape: ImageShape, model: str, instead: str | None) -> str:
    """Sentence that says why a set is not shown with a model that takes another shape."""
    fault = datasets.misfit(offer.name, offer.shape, model, shape)
    return f"{fault}; shown instead: {instead}." if instead else f"{fault}; none here has those."


def load(offer: Offer) -> Shown | str:
    """The images of a set, or the sentence that says why they cannot be had."""
    try:
        folder = os.fsencode(data_dir())
        return _load(offer.data, offer.parts, folder, _stamp(offer.data, folder, offer.own))
    except DataError as error:
        return str(error)


def _stamp(data: str, folder: bytes, own: bool) -> str:
    """What changes with the content of a set; own files are looked at now and then."""
    directory = Path(os.fsdecode(folder))
    return _own_stamp(data, folder) if own else datasets.stamp(data, directory)


@st.cache_resource(ttl=_SECONDS, max_entries=256, show_spinner=False)
def _own_stamp(data: str, folder: bytes) -> str:
    return datasets.stamp(data, Path(os.fsdecode(folder)))


@st.cache_resource(max_entries=8, show_spinner=False)
def _load(data: str, parts: tuple[Split, ...], folder: bytes, stamp: str) -> Shown:
    images = joined(data, Path(os.fsdecode(folder)), parts)
    some = images.images[:: max(1, len(images) // 64)].numpy()
    digest = hashlib.blake2b(some.tobytes() + stamp.encode(), digest_size=12).hexdigest()
    return Shown(f"{names.parse(data).kind or data}-{len(images)}-{digest}", images)
