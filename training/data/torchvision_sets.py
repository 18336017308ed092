"""Data sets that torchvision downloads and reads, once; from then on a file of pictures is read."""

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.data import picture_file
from training.data.image_set import DataError, Dataset, Factor, ImageSet, Raw, Split
from training.data.picture_file import Header
from training.files import replace_file
from training.text import printable_path
from training.vae.image_shape import GREY_28, ImageShape

_CHUNK = 1000
_DIGITS = tuple("0123456789")


def load(row: Dataset, data_dir: Path, split: Split) -> ImageSet:
    """A split of a data set that was fetched.

    Raises:
        DataError: it is not there, or damaged.
    """
    (path,) = row.files(data_dir, split)
    remedy = f"`python -m training data {row.name}`"
    if not row.on_disk(data_dir, split):
        raise DataError(
            f"{row.title} is not in {printable_path(data_dir)} (looked for "
            f"{printable_path(path)}). Fetch it with {remedy}, or use `--data sprites-32`, which "
            "needs no network."
        )
    try:
        stored = picture_file.read(path)
        header = stored.header
        if header.shape != row.shape or header.count != row.size[split == "test"]:
            raise ValueError(f"it holds {header.count:,} pictures of {header.shape}")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(
            f"{printable_path(path)} is damaged ({reason}). Run {remedy} to fetch it again."
        ) from None
    return ImageSet(
        *(row.name, split, stored.images, stored.labels, row.classes, row.shape, stored.factors)
    )


def convert(
    row: Dataset, tv: ModuleType, root: Path, split: Split, download: bool, path: Path
) -> None:
    """Read a split by torchvision from `root`, and write its file of pictures.

    Raises:
        Exception: of many kinds, as torchvision has it; RuntimeError where it is not there.
    """
    assert row.fetch is not None
    raw, count = row.fetch(tv, root, split, download), row.size[split == "test"]
    if len(raw.labels) != count:
        raise DataError(f"{row.title} has {len(raw.labels):,} pictures instead of {count:,}.")

    def write(file: Any) -> None:
        for chunk in raw.images:
            file.write(np.ascontiguousarray(chunk).reshape(-1).data)
        factors = tuple((factor.name, factor.names) for factor in raw.factors)
        train = count if split == "train" else 0
        header = Header(row.shape, count, train, row.classes, factors)
        picture_file.finish(file, header, raw.labels, raw.factors)

    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, write)


def _chunks(images: Any) -> Iterator[NDArray[np.uint8]]:
    """Images (N, …) in chunks (n, values of one)."""
    for begin in range(0, len(images), _CHUNK):
        part = np.asarray(images[begin : begin + _CHUNK], np.uint8)
        yield part.reshape(len(part), -1)


def _cifar(tv: ModuleType, root: Path, split: Split, download: bool) -> Raw:
    found = tv.datasets.CIFAR10(str(root), train=split == "train", download=download)
    return Raw(_chunks(found.data.transpose(0, 3, 1, 2)), np.asarray(found.targets, np.int64))


def _svhn(tv: ModuleType, root: Path, split: Split, download: bool) -> Raw:
    found = tv.datasets.SVHN(str(root), split=split, download=download)
    return Raw(_chunks(found.data), np.asarray(found.labels, np.int64))


def _letters(tv: ModuleType, root: Path, split: Split, download: bool) -> Raw:
    found = tv.datasets.EMNIST(str(root), "letters", train=split == "train", download=download)
    upright = found.data.numpy().transpose(0, 2, 1)  # EMNIST keeps them column by column
    return Raw(_chunks(upright), found.targets.numpy().astype(np.int64) - 1)


def _usps(tv: ModuleType, root: Path, split: Split, download: bool) -> Raw:
    found = tv.datasets.USPS(str(root), train=split == "train", download=download)
    return Raw(_chunks(found.data), np.asarray(found.targets, np.int64))


_FACE_BOX = (15, 35, 163, 183)  # the middle 148 × 148 of 178 × 218 pixels
_YES_NO = ("no", "yes")
_COLOURS_FACES = "Smiling"


def _celeba(tv: ModuleType, root: Path, split: Split, download: bool) -> Raw:
    found = tv.datasets.CelebA(str(root), split=split, target_type="attr", download=download)
    values, side = found.attr.numpy(), _CELEBA.height
    names = [name for name in found.attr_names if name]
    factors = tuple(
        Factor(name, values[:, i].astype(np.float32), _YES_NO) for i, name in enumerate(names)
    )

    def images() -> Iterator[NDArray[np.uint8]]:
        for n in range(len(values)):
            face: Image.Image = found[n][0]
            small = face.convert("RGB").resize((side, side), Image.Resampling.BICUBIC, _FACE_BOX)
            yield np.asarray(small).transpose(2, 0, 1)

    labels = values[:, names.index(_COLOURS_FACES)].astype(np.int64)
    return Raw(images(), labels, factors)


_THINGS = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
_COLOUR_32, _CELEBA = ImageShape(3, 32, 32), ImageShape(3, 64, 64)
_PEN = 2.2

ROWS = (
    Dataset(
        *("cifar-10", "CIFAR-10", load, _THINGS, (50_000, 10_000), _COLOUR_32),
        folder="CIFAR10",
        archive_bytes=170_498_071,
        fetch=_cifar,
    ),
    Dataset(
        *("svhn", "Street View House Numbers", load, _DIGITS, (73_257, 26_032), _COLOUR_32),
        noun="digit",
        folder="SVHN",
        archive_bytes=246_348_000,
        fetch=_svhn,
    ),
    Dataset(
        *("celeba", "CelebA", load, _YES_NO, (162_770, 19_962), _CELEBA, "face"),
        folder="CelebA",
        archive_bytes=1_443_490_838,
        fetch=_celeba,
    ),
    Dataset(
        *("emnist-letters", "EMNIST letters", load, tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")),
        *((124_800, 20_800), GREY_28, "letter"),
        ink_box=None,
        pen=_PEN,
        folder="EMNIST-letters",
        archive_bytes=561_753_746,
        fetch=_letters,
    ),
    Dataset(
        *("usps", "USPS digits", load, _DIGITS, (7_291, 2_007), ImageShape(1, 16, 16), "digit"),
        folder="USPS",
        archive_bytes=8_400_000,
        fetch=_usps,
    ),
)
