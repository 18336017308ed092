"""The data sets: `DATASETS` names them, `load` gives one split as uint8 tensors in memory."""

import os
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from training.data import sprites
from training.data.image_set import DataError, Dataset, Factor, ImageSet, Split, join, to_float
from training.data.tables import EMBEDDED, load_embedded, load_idx
from training.files import open_regular
from training.text import PATH_LIMIT, printable, printable_path
from training.vae.image_shape import GREY_28, ImageShape

__all__ = [
    "DATASETS",
    "EMBEDDED",
    "FOLDER",
    "FOLDER_SHAPE",
    "DataError",
    "Dataset",
    "Factor",
    "ImageSet",
    "Split",
    "find",
    "join",
    "load",
    "misfit",
    "shape_of",
    "to_float",
]
FOLDER = "folder:"
FOLDER_SHAPE = GREY_28  # to which pictures of a folder are brought


def _grey(file: str) -> Image.Image:
    """An image in 8-bit grey: 16-bit levels scaled down, transparency laid on white.

    Levels that are floating-point numbers have no range that is known: they are refused.
    """
    with open_regular(file) as content, Image.open(content) as image:
        if image.mode == "F":
            raise ValueError("its levels are floating-point numbers; save it with 8 or 16 bits")
        if image.mode.startswith("I"):
            levels = np.asarray(image).astype(np.int64) >> 8
            return Image.fromarray(levels.clip(0, 255).astype(np.uint8))
        if image.has_transparency_data:
            paper = Image.new("RGBA", image.size, "white")
            return Image.alpha_composite(paper, image.convert("RGBA")).convert("L")
        return image.convert("L")


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return printable(text, 120).rstrip(".")


def _refuse_other_text(path: Path) -> None:
    """Refuse names that are no text: they could be neither saved with a run nor shown.

    Raises:
        DataError: the path, or a class's folder in it, has a name that is not UTF-8.
    """
    try:
        names = [entry.name for entry in os.scandir(path) if entry.is_dir()]
    except OSError as error:
        raise DataError(f"{printable_path(path)} cannot be read ({error.strerror}).") from None
    for name in (str(path), *sorted(names)):
        try:
            name.encode()
        except UnicodeEncodeError:
            raise DataError(
                f"The folder {printable_path(name)} has a name that is not UTF-8. Rename it."
            ) from None


def _load_folder(path: Path, split: Split) -> ImageSet:
    """ImageFolder at `path`, grey, `FOLDER_SHAPE`; of every class each fifth image is a test image.

    Raises:
        DataError: no such folder, no class folders, an unreadable image, too few images.
    """
    from training.data.torchvision_import import import_torchvision

    shown = printable_path(path)
    if not os.path.isdir(path):
        raise DataError(
            f"{shown} is not a folder. `folder:PATH` takes a folder that holds one folder of "
            "images a class."
        )
    tv = import_torchvision()
    resize = tv.transforms.Resize((FOLDER_SHAPE.height, FOLDER_SHAPE.width))
    _refuse_other_text(path)
    try:
        found = tv.datasets.ImageFolder(str(path))
    except FileNotFoundError as error:
        reason = printable((str(error).splitlines() or [""])[0], PATH_LIMIT).rstrip(".")
        raise DataError(
            f"{shown} holds no folders of images, one a class ({reason}). Put the images of each "
            "class in a folder of their own."
        ) from None
    except OSError as error:
        name = printable_path(error.filename or path)
        raise DataError(f"{name} cannot be read ({error.strerror}).") from None
    rank: dict[int, int] = {}
    images, labels = [], []
    for file, label in found.samples:
        rank[label] = rank.get(label, 0) + 1
        if (rank[label] % 5 == 0) != (split == "test"):
            continue
        try:
            picture = resize(_grey(file))
        except Exception as error:  # Pillow's many readers raise many kinds
            raise DataError(
                f"{printable_path(file)} cannot be read as an image ({_reason(error)}). Remove or "
                "replace it."
            ) from None
        images.append(np.asarray(picture, dtype=np.uint8).reshape(-1))
        labels.append(label)
    if not images:
        raise DataError(
            f"{shown} leaves no image for the {split} split: each class needs at least five."
        )
    return ImageSet(
        f"{FOLDER}{path}",
        split,
        torch.from_numpy(np.stack(images)),
        torch.tensor(labels),
        tuple(found.classes),
        FOLDER_SHAPE,
    )


_DIGITS = tuple("0123456789")
_FASHION = (
    *("T-shirt", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Boot"),
)
_KUZUSHIJI = (
    "お o",
    "き ki",
    "す su",
    "つ tsu",
    "な na",
    "は ha",
    "ま ma",
    "や ya",
    "れ re",
    "を wo",
)
_FULL = (60_000, 10_000)
_MNIST_BOX = 20  # LeCun, Bottou, Bengio & Haffner (1998), section III.A
_PEN = 2.2

DATASETS: dict[str, Dataset] = {
    row.name: row
    for row in (
        Dataset(
            *("mnist", "MNIST", load_idx, _DIGITS, _FULL, GREY_28, "digit"),
            ink_box=_MNIST_BOX,
            pen=_PEN,
            folder="MNIST",
            archive_bytes=11_594_722,
        ),
        Dataset(
            *("fashion-mnist", "Fashion-MNIST", load_idx, _FASHION, _FULL, GREY_28, "garment"),
            folder="FashionMNIST",
            archive_bytes=30_878_645,
        ),
        Dataset(
            *("kmnist", "Kuzushiji-MNIST", load_idx, _KUZUSHIJI, _FULL, GREY_28, "character"),
            pen=_PEN,
            folder="KMNIST",
            archive_bytes=21_240_888,
        ),
        Dataset(
            *(EMBEDDED, "5,000 MNIST digits", load_embedded, _DIGITS, (4_000, 1_000), GREY_28),
            noun="digit",
            ink_box=_MNIST_BOX,
            pen=_PEN,
        ),
        sprites.row(32),
        sprites.row(64),
    )
}


def find(name: str) -> Dataset:
    """The row of `DATASETS` called `name`.

    Raises:
        DataError: naming the valid ones, where there is none.
    """
    if name in DATASETS:
        return DATASETS[name]
    drawn = sprites.named(name)
    if drawn is None:
        raise DataError(
            f"There is no data set {printable(name)!r}; the valid ones are {', '.join(DATASETS)} "
            f"and {FOLDER}PATH."
        )
    return drawn


def shape_of(name: str) -> ImageShape:
    """The shape of the pictures of a data set (a row of `DATASETS`, or `folder:PATH`).

    Raises:
        DataError: the name is unknown.
    """
    return FOLDER_SHAPE if name.startswith(FOLDER) else find(name).shape


def misfit(name: str, shape: ImageShape, model: str, wanted: ImageShape) -> str:
    """Sentence, without its full stop, of a data set whose shape is not the one a model takes."""
    return (
        f"The data set {printable_path(name)} has pictures of {shape}, and {printable(model)} "
        "takes "
        f"{wanted}"
    )


def load(name: str, split: Split, data_dir: Path | str = "data") -> ImageSet:
    """Load a split of the data set `name` (a row of `DATASETS`, or `folder:PATH`).

    Raises:
        DataError: the name is unknown, files are missing, damaged or unreadable.
    """
    if name.startswith(FOLDER):
        return _load_folder(Path(os.path.expanduser(name.removeprefix(FOLDER))), split)
    row = find(name)
    return row.load(row, Path(data_dir), split)
