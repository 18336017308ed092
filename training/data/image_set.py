"""The images of a split in memory, their factors, and the row that a data set is."""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.errors import UserError
from training.vae.image_shape import ImageShape

Split = Literal["train", "test"]


class DataError(UserError):
    """A data set cannot be had; the message says which, why, and what to do instead.

    `reason` is the message without `instead`, which speaks to a user of the command line.
    """

    def __init__(self, reason: str, instead: str = "") -> None:
        super().__init__(f"{reason} {instead}".strip())
        self.reason = reason


@dataclass(frozen=True)
class Factor:
    """A factor of variation that is known of each image: `values` (N,), floating point.

    A categorical one has `names`, and its values are their numbers; others are continuous.
    """

    name: str
    values: NDArray[np.float32]
    names: tuple[str, ...] | None = None


@dataclass(frozen=True)
class ImageSet:
    """One split in memory: `images` uint8 (N, shape.size), channels first, `labels` int64 (N,), and
    the class names.

    `images` may lie over a file that is mapped into memory, so that a set may be larger than that.
    `factors` are what else is known of each image; `notes` are sentences of what was done to the
    pictures to make them these images.
    """

    name: str
    split: Split
    images: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    shape: ImageShape
    factors: tuple[Factor, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise ValueError where the images are not of the shape, or their parts not as many."""
        if self.images.shape[1:] != (self.shape.size,):
            raise ValueError(f"images {tuple(self.images.shape)} are not pictures of {self.shape}")
        many = {len(self.images), len(self.labels), *(len(f.values) for f in self.factors)}
        if len(many) != 1:
            raise ValueError(f"images, labels and factors are not equally many: {sorted(many)}")

    def __len__(self) -> int:
        return len(self.images)

    def take(self, rows: Tensor) -> "ImageSet":
        """The images numbered `rows`, in that order."""
        at = rows.numpy()
        factors = tuple(replace(f, values=f.values[at]) for f in self.factors)
        return replace(self, images=self.images[rows], labels=self.labels[rows], factors=factors)


def join(parts: Sequence[ImageSet]) -> ImageSet:
    """The images of several splits of a data set behind one another, named as the first."""
    columns = zip(*(part.factors for part in parts), strict=True)
    return replace(
        parts[0],
        images=torch.cat([part.images for part in parts]),
        labels=torch.cat([part.labels for part in parts]),
        factors=tuple(
            replace(column[0], values=np.concatenate([f.values for f in column]))
            for column in columns
        ),
    )


def to_float(images: Tensor) -> Tensor:
    """Levels uint8 0…255 → float32 in [0, 1], the same shape."""
    return images.float() / 255


class Raw(NamedTuple):
    """A split as torchvision has it: images uint8 in chunks (n, shape.size), labels and factors."""

    images: Iterable[NDArray[np.uint8]]
    labels: NDArray[np.int64]
    factors: tuple[Factor, ...] = ()


@dataclass(frozen=True)
class Dataset:
    """A row of `DATASETS`. `load(row, data_dir, split)` reads it; `size` is (train, test).

    `shape` is that of its pictures and `noun` what one of them is called. Where the ink of each was
    scaled to fit a box and centred by its mass, `ink_box` is the side of that box in pixels. `pen`
    is the width in pixels of a pen that draws such pictures; None where they are not drawn.

    What torchvision downloads is IDX files, or what `fetch(torchvision, root, split, download)`
    makes of it, which is then kept in a file that is mapped into memory.
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
    fetch: "Callable[[ModuleType, Path, Split, bool], Raw] | None" = None  # None: IDX files

    @property
    def needs_download(self) -> bool:
        """Whether the images come over the network (the others are always there)."""
        return bool(self.folder)

    def files(self, data_dir: Path, split: Split) -> tuple[Path, ...]:
        """The files of a split: for IDX the images and the labels, where torchvision puts them."""
        if self.fetch is not None:
            return (data_dir / self.folder / f"{split}.pictures",)
        stem = "train" if split == "train" else "t10k"
        raw = data_dir / self.folder / "raw"
        return raw / f"{stem}-images-idx3-ubyte", raw / f"{stem}-labels-idx1-ubyte"

    def on_disk(self, data_dir: Path, split: Split = "test") -> bool:
        """Whether a split's files are there (not whether they are whole; `load` checks that)."""
        return not self.needs_download or all(
            os.path.isfile(f) for f in self.files(data_dir, split)
        )
