"""Images in the arrays of an npz archive, as MedMNIST has them, Keras, or anybody's own script."""

import zipfile
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps

from training.data.image_set import DataError, Factor, ImageSet, Split
from training.data.names import SIZES, Options
from training.data.pictures import reason
from training.files import open_regular
from training.text import printable, printable_path
from training.vae.image_shape import ImageShape

MOST_BYTES = 8 * 2**30  # of one array
MOST_CLASSES = 1000
TEST_EVERY = 5  # of arrays without splits each fifth picture is for tests
# Names of the images and of the labels of a split, in the order in which they are looked for.
_SPLIT: dict[Split, tuple[tuple[str, str], ...]] = {
    "train": (("train_images", "train_labels"), ("x_train", "y_train")),
    "test": (("test_images", "test_labels"), ("x_test", "y_test")),
}
_WHOLE = (("images", "labels"), ("x", "y"))
_CLASSES = ("classes", "class_names", "label_names")


class Head(NamedTuple):
    """The header of an array: its shape and type, and how many bytes it holds."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def bytes(self) -> int:
        """What the array takes in memory."""
        return int(np.prod([float(side) for side in self.shape])) * self.dtype.itemsize


class Archive:
    """An npz archive; no more of it is read than is asked for.

    Raises:
        DataError: it cannot be read or is damaged, wherever that is noticed.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.shown = path, printable_path(path)
        self.heads = {
            name.removesuffix(".npy"): self._member(name, _read_head)
            for name in self._names()
            if name.endswith(".npy")
        }

    def _names(self) -> list[str]:
        try:
            with open_regular(self.path) as file, zipfile.ZipFile(file) as archive:
                return archive.namelist()[:4096]
        except OSError as error:
            raise DataError(f"{self.shown} cannot be read ({error.strerror or error}).") from None
        except Exception as error:  # a damaged archive raises many kinds
            raise self._damaged(error) from None

    def _damaged(self, error: Exception) -> DataError:
        return DataError(f"{self.shown} is damaged or no npz archive ({reason(error)}).")

    def _member(self, name: str, read: Any) -> Any:
        try:
            with (
                open_regular(self.path) as file,
                zipfile.ZipFile(file) as archive,
                archive.open(name) as member,
            ):
                return read(member)
        except OSError as error:
            raise DataError(f"{self.shown} cannot be read ({error.strerror or error}).") from None
        except Exception as error:
            raise self._damaged(error) from None

    def read(self, name: str) -> NDArray[Any]:
        """The array of a name. Objects, which would have to be unpickled, are refused."""
        head = self.heads[name]
        if head.bytes > MOST_BYTES:
            raise DataError(
                f"The array {printable(name, 40)} of {self.shown} would take "
                f"{head.bytes / 1e9:.0f} GB; {MOST_BYTES / 1e9:.0f} are read at most. Put the "
                "pictures into a folder."
            )
        return self._member(
            f"{name}.npy", lambda file: np.lib.format.read_array(file, allow_pickle=False)
        )

    @property
    def count(self) -> int:
        """How many images there are in both splits."""
        names = {self.pair(split)[0] for split in _SPLIT}
        return sum(self.heads[name].shape[0] for name in names)

    def pair(self, split: Split) -> tuple[str, str, bool]:
        """Names of the images and of the labels of a split, and whether both splits are in them."""
        for images, labels in _SPLIT[split]:
            if images in self.heads:
                return images, labels, False
        for images, labels in _WHOLE:
            if images in self.heads:
                return images, labels, True
        names = ", ".join(sorted(self.heads)[:8]) or "none"
        raise DataError(
            f"{self.shown} has no array {_SPLIT[split][0][0]} and none called images; its arrays "
            f"are {printable(names, 120)}."
        )


def _read_head(file: IO[bytes]) -> Head:
    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"an array of format version {version}")
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }[version]
    shape, _, dtype = read(file)
    return Head(shape, dtype)


def shape_of(archive: Archive, options: Options) -> ImageShape:
    """The shape of the archive's images, told by an array's header.

    Raises:
        DataError: there are no images, or what is called so cannot be some.
    """
    name = archive.pair("train")[0]
    channels, height, width, _ = _layout(archive, name)
    if options.size is not None:
        width, height = options.size
    if max(width, height) > SIZES[1]:
        raise DataError(
            f"The pictures of {archive.shown} have {width:,} × {height:,} pixels, more than "
            f"{SIZES[1]} a side; choose a size, as in --size 64."
        )
    coloured = options.color == "rgb" or (options.color == "auto" and channels > 1)
    return ImageShape(3 if coloured else 1, height, width)


def _layout(archive: Archive, name: str) -> tuple[int, int, int, bool]:
    """Channels, height and width of an array of images, and whether its channels come last."""
    shape, dtype = archive.heads[name]
    known = (1, 3, 4)
    if dtype.kind in "buif" and len(shape) in (3, 4) and min(shape) > 0:
        if len(shape) == 3:
            return 1, shape[1], shape[2], True
        if shape[3] in known:
            return shape[3], shape[1], shape[2], True
        if shape[1] in known:
            return shape[1], shape[2], shape[3], False
    raise DataError(
        f"The array {printable(name, 40)} of {archive.shown} has the shape "
        f"{printable(str(shape), 60)} and the type {dtype}; images are numbers (N, H, W), "
        "(N, H, W, 3) or (N, 3, H, W)."
    )


def load(path: Path, options: Options, split: Split, called: str) -> ImageSet:
    """A split of an archive's images, called `called`.

    Raises:
        DataError: the archive is damaged, larger than it may be, or holds no images.
    """
    archive = Archive(path)
    shape = shape_of(archive, options)
    images, labels, whole = archive.pair(split)
    _layout(archive, images)
    array = archive.read(images)
    rows: Any = slice(None)
    if whole:
        rows = np.arange(len(array))
        test = rows % TEST_EVERY == TEST_EVERY - 1
        test[-1] |= not test.any()
        rows = rows[test == (split == "test")]
    array = array[rows]
    if not len(array):
        raise DataError(f"{archive.shown} has no picture for the {split} split.")
    levels, notes = _levels(archive, images, array)
    pictures = _fit(levels, _layout(archive, images)[3], shape, options)
    named, classes, factors, more = _labels(archive, labels, archive.heads[images].shape[0])
    if not whole and {"val_images", "x_val"} & archive.heads.keys():
        more = (*more, "The validation images are left out.")
    return ImageSet(
        *(called, split, torch.from_numpy(pictures), torch.from_numpy(named[rows]), classes, shape),
        *(tuple(Factor(f.name, f.values[rows], f.names) for f in factors), notes + more),
    )


def _levels(
    archive: Archive, name: str, array: NDArray[Any]
) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Levels 0…255 of an array of any type of number, and what was done to make them."""
    low, high = array.min(), array.max()
    if array.dtype.kind in "bui" and low >= 0 and high <= 1:
        return array.astype(np.uint8) * np.uint8(255), ("0 and 1 made black and white.",)
    if array.dtype == np.uint8:
        return array, ()
    if array.dtype.kind == "f" and np.isfinite(low) and np.isfinite(high) and low >= 0:
        if high <= 1:
            return np.rint(array * 255).astype(np.uint8), ("Levels from 0 to 1 scaled to 255.",)
        if high <= 255:
            return np.rint(array).astype(np.uint8), ("Levels rounded.",)
    if array.dtype.kind in "ui" and low >= 0 and high <= 255:
        return array.astype(np.uint8), ()
    if array.dtype == np.uint16:
        return (array >> 8).astype(np.uint8), ("Levels of 16 bits scaled down to 8.",)
    raise DataError(
        f"The array {printable(name, 40)} of {archive.shown} has levels from {low:g} to {high:g}; "
        "images have levels from 0 to 255, or from 0 to 1."
    )


def _fit(
    levels: NDArray[np.uint8], channels_last: bool, shape: ImageShape, options: Options
) -> NDArray[np.uint8]:
    """Images (N, shape.size) of an array of levels, resized and recoloured where that is needed."""
    if levels.ndim == 3:
        levels = levels[:, None]
    elif channels_last:
        levels = levels.transpose(0, 3, 1, 2)
    if levels.shape[1:] == shape.dims:
        return np.ascontiguousarray(levels).reshape(len(levels), -1)
    made = np.empty((len(levels), *shape.dims), np.uint8)
    fit = ImageOps.pad if options.crop == "pad" else ImageOps.fit
    for to, picture in zip(made, levels, strict=True):
        image = Image.fromarray(picture[0] if len(picture) == 1 else picture.transpose(1, 2, 0))
        if image.mode == "RGBA":
            paper = Image.new("RGBA", image.size, options.background)
            image = Image.alpha_composite(paper, image)
        image = image.convert("RGB" if shape.channels == 3 else "L")
        image = fit(image, (shape.width, shape.height), Image.Resampling.BICUBIC)
        to[:] = np.asarray(image).reshape(shape.height, shape.width, -1).transpose(2, 0, 1)
    return made.reshape(len(made), -1)


def _labels(
    archive: Archive, name: str, count: int
) -> tuple[NDArray[np.int64], tuple[str, ...], tuple[Factor, ...], tuple[str, ...]]:
    """Labels, class names, factors and notes; one class where nothing is labelled.

    Columns of yes and no, of which an image may have several, are factors.
    """
    one = np.zeros(count, np.int64), ("pictures",), (), ()
    if name not in archive.heads:
        return one
    if archive.heads[name].dtype.kind not in "buifSU":
        raise DataError(f"The labels {name} of {archive.shown} are neither numbers nor words.")
    labels = archive.read(name)
    if len(labels) != count:
        raise DataError(
            f"{archive.shown} has {count:,} images and {len(labels):,} labels in {name}."
        )
    if labels.ndim == 2 and labels.shape[1] > 1:
        columns = _names(archive, labels.shape[1])
        binary = (
            labels.dtype.kind in "bui"
            and labels.shape[1] <= 256
            and set(np.unique(labels).tolist()) <= {0, 1}
        )
        if binary:
            yes_no = ("no", "yes")
            own = tuple(
                Factor(column, labels[:, i].astype(np.float32), yes_no)
                for i, column in enumerate(columns)
            )
            return (
                labels[:, 0].astype(np.int64),
                tuple(f"{w}: {columns[0]}" for w in yes_no),
                own,
                (),
            )
        return *one[:3], ("Labels of several columns left out.",)
    values = _kinds(archive, labels)
    numbers = np.searchsorted(values, labels.reshape(count))
    if len(values) > MOST_CLASSES:
        note = f"Labels of more than {MOST_CLASSES:,} kinds taken as a factor."
        if labels.dtype.kind not in "buif":
            return *one[:3], ("Labels of more kinds than can be classes left out.",)
        return *one[:2], (Factor("label", labels.reshape(count).astype(np.float32)),), (note,)
    if labels.dtype.kind in "bui" and int(values[0]) >= 0 and int(values[-1]) < MOST_CLASSES:
        return labels.reshape(count).astype(np.int64), _names(archive, int(values[-1]) + 1), (), ()
    words = tuple(printable(v if isinstance(v, bytes) else str(v), 60) for v in values.tolist())
    return numbers.astype(np.int64), words, (), ()


def _kinds(archive: Archive, labels: NDArray[Any]) -> NDArray[Any]:
    """The different labels of both splits, sorted, so that classes are the same in either."""
    others = {pair[1] for split in _SPLIT.values() for pair in split} & archive.heads.keys()
    same = [archive.read(n) for n in others if archive.heads[n].dtype.kind == labels.dtype.kind]
    return np.unique(np.concatenate([labels.reshape(-1), *(array.reshape(-1) for array in same)]))


def _names(archive: Archive, count: int) -> tuple[str, ...]:
    """Names of classes: of an array called so where there is one, else their numbers."""
    for name in _CLASSES:
        head = archive.heads.get(name)
        if head is not None and head.dtype.kind in "SU" and head.shape == (count,):
            words = archive.read(name).tolist()
            return tuple(printable(word, 60) for word in words)
    return tuple(map(str, range(count)))
