"""The data sets: `DATASETS` names them, `load` gives one split as uint8 tensors in memory."""

import contextlib
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch

from training.data import archive, arrays, folder, scan, sprites, torchvision_sets
from training.data.folder import Progress
from training.data.image_set import DataError, Dataset, Factor, ImageSet, Split, join, to_float
from training.data.names import KINDS, Name, Options, parse
from training.data.tables import EMBEDDED, load_embedded, load_idx
from training.text import printable, printable_path
from training.vae.image_shape import GREY_28, ImageShape

__all__ = [
    "DATASETS",
    "EMBEDDED",
    "FOLDER",
    "OWN",
    "DataError",
    "Dataset",
    "Factor",
    "ImageSet",
    "Listing",
    "Options",
    "Pinned",
    "Split",
    "available",
    "find",
    "is_own",
    "is_there",
    "join",
    "listing",
    "load",
    "misfit",
    "pin",
    "prepare",
    "reader",
    "shape_of",
    "stamp",
    "to_float",
    "with_options",
]
FOLDER = "folder:"
_SPLITS: tuple[Split, ...] = ("train", "test")
OWN = ", ".join(f"{kind}:PATH" for kind in KINDS)

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
            part_of="mnist",
        ),
        sprites.row(32),
        sprites.row(64),
        *torchvision_sets.ROWS,
    )
}


def find(name: str) -> Dataset:
    """The row of `DATASETS` called `name`, whatever its options, or that of other sprites.

    Raises:
        DataError: naming the valid ones, where there is none.
    """
    if name in DATASETS:
        return DATASETS[name]
    told = parse(name)
    if told.kind is None and told.path in DATASETS:
        return DATASETS[told.path]
    drawn = sprites.named(told.path) if told.kind is None else None
    if drawn is None:
        raise DataError(
            f"There is no data set {printable(name)!r}; the valid ones are {', '.join(DATASETS)}, "
            f"sprites of other sizes, and {OWN}."
        )
    return drawn


def is_own(name: str) -> bool:
    """Whether a name means somebody's own pictures (folder:, zip: or npz:), not a row."""
    return name.startswith(tuple(f"{kind}:" for kind in KINDS))


def with_options(name: str, **options: str) -> str:
    """The name with options put in: size, crop, color and background, as a command line has them.

    Raises:
        DataError: an option is not possible, or the data set takes none.
    """
    if not is_own(name):
        raise DataError(
            f"--{min(options)} is not possible with {printable_path(name)}, whose pictures are as "
            f"they are; it is for {OWN}."
        )
    told = parse(name)
    given = "&".join(f"{key}={value}" for key, value in options.items())
    fresh = parse(f"{told.kind}:x?{given}").options
    return str(
        replace(told, options=replace(told.options, **{k: getattr(fresh, k) for k in options}))
    )


def _path(told: Name, data_dir: Path | str) -> Path:
    """Where the pictures of a name are: in the data directory, or else at the path itself."""
    if "\0" in told.path or not told.path:
        raise DataError(f"{printable_path(str(told))} names no path.")
    path = Path(os.path.expanduser(told.path))
    inside = Path(data_dir) / path
    return inside if os.path.exists(inside) else path


def _collection(told: Name, data_dir: Path | str) -> scan.Collection:
    path = _path(told, data_dir)
    return archive.scan_zip(path) if told.kind == "zip" else scan.scan_folder(path)


class Pinned(NamedTuple):
    """A name that says what was left open, and sentences of what was chosen."""

    name: str
    notes: tuple[str, ...]


def pin(name: str, data_dir: Path | str = "data") -> Pinned:
    """The name with the shape that its pictures have now, which later additions do not change, and
    with a path that is found from everywhere.

    Raises:
        DataError: as `shape_of`.
    """
    if not is_own(name):
        find(name)
        return Pinned(name, ())
    told, root = parse(name), os.path.abspath(data_dir)
    notes: tuple[str, ...] = ()
    options, path = told.options, os.path.abspath(_path(told, data_dir))
    if told.kind != "npz" and (options.size is None or options.color == "auto"):
        shape, notes = folder.decide(_collection(told, data_dir), options)
        color = "rgb" if shape.channels == 3 else "grey"
        options = replace(options, size=(shape.width, shape.height), color=color)
    inside = path.startswith(root + os.sep)
    return Pinned(
        str(replace(told, path=os.path.relpath(path, root) if inside else path, options=options)),
        notes,
    )


def shape_of(name: str, data_dir: Path | str = "data") -> ImageShape:
    """The shape of the pictures of a data set (a row of `DATASETS`, or somebody's own, of which
    some may have to be looked at).

    Raises:
        DataError: the name is unknown, or own pictures cannot be had.
    """
    if not is_own(name):
        return find(name).shape
    told = parse(name)
    if told.kind == "npz":
        return arrays.shape_of(arrays.Archive(_path(told, data_dir)), told.options)
    if told.options.size is not None and told.options.color != "auto":
        width, height = told.options.size
        return ImageShape(3 if told.options.color == "rgb" else 1, height, width)
    return folder.decide(_collection(told, data_dir), told.options).shape


def misfit(name: str, shape: ImageShape, model: str, wanted: ImageShape) -> str:
    """Sentence, without its full stop, of a data set whose shape is not the one a model takes."""
    return (
        f"The data set {printable_path(name)} has pictures of {shape}, and {printable(model)} "
        "takes "
        f"{wanted}"
    )


def is_there(name: str, split: Split, data_dir: Path | str = "data") -> bool:
    """Whether a data set can be loaded without a download (not whether it is whole)."""
    if is_own(name):
        return os.path.exists(_path(parse(name), data_dir))
    return find(name).on_disk(Path(data_dir), split)


def stamp(name: str, data_dir: Path | str = "data") -> str:
    """What changes when the content of a data set that is there does.

    Raises:
        DataError: the name is unknown, or its files cannot be had.
    """
    if not is_own(name):
        row = find(name)
        try:
            files = [f for split in _SPLITS for f in row.files(Path(data_dir), split)]
            times = [f.stat().st_mtime_ns for f in files if row.needs_download and f.exists()]
        except OSError as error:
            raise DataError(f"{row.title} cannot be read ({error.strerror}).") from None
        return "-".join(map(str, times))
    told = parse(name)
    if told.kind != "npz":
        return _collection(told, data_dir).key
    try:
        info = _path(told, data_dir).stat()
    except OSError as error:
        raise DataError(f"{printable_path(told.path)} cannot be read ({error.strerror}).") from None
    return f"{info.st_size}-{info.st_mtime_ns}"


def prepare(
    name: str,
    data_dir: Path | str = "data",
    report: Callable[[Progress], object] = lambda _: None,
) -> None:
    """Read the pictures of a folder or an archive into the cache where they are not; `report` is
    called with the progress. Other data sets need no preparation.

    Raises:
        DataError: as `load`.
    """
    if is_own(name) and (told := parse(name)).kind != "npz":
        folder.prepare(_collection(told, data_dir), told.options, report)


def load(name: str, split: Split, data_dir: Path | str = "data") -> ImageSet:
    """Load a split of the data set `name` (a row of `DATASETS`, or folder:, zip: or npz:PATH).

    Raises:
        DataError: the name is unknown, files are missing, damaged or unreadable.
    """
    return reader(name, data_dir)(split)


def reader(name: str, data_dir: Path | str = "data") -> Callable[[Split], ImageSet]:
    """A function that loads splits as `load` does, all of the same look at a folder or archive:
    its files are listed once, and a file that is added later is in none of them.

    Raises:
        DataError: as `load`; so does the function.
    """
    if not is_own(name):
        row = find(name)
        return lambda split: _coloured(row.load(row, Path(data_dir), split), name)
    told = parse(name)
    if told.kind == "npz":
        return lambda split: arrays.load(_path(told, data_dir), told.options, split, name)
    found = _collection(told, data_dir)
    return lambda split: folder.load(found, told.options, split, name)


def _coloured(images: ImageSet, name: str) -> ImageSet:
    """The images with the factor that the name asks for as their classes."""
    wanted = "" if name in DATASETS else parse(name).classes
    if not wanted:
        return images
    named = {factor.name: (factor, factor.names) for factor in images.factors if factor.names}
    if wanted not in named:
        raise DataError(
            f"The pictures of {images.name} cannot be classed by {printable(wanted, 40)!r}; the "
            f"valid factors are {', '.join(named) or 'none'}."
        )
    factor, classes = named[wanted]
    labels = torch.from_numpy(factor.values).long()
    return replace(images, name=name, labels=labels, classes=classes)


class Listing(NamedTuple):
    """A data set on offer: its name, which may stand in a link, its title, its pictures' shape and
    how many of them there are in all."""

    name: str
    title: str
    shape: ImageShape
    total: int


def available(data_dir: Path | str = "data") -> list[Listing]:
    """The data sets that can be loaded without a download: rows of `DATASETS`, and folders and
    archives of pictures that lie in the data directory.

    Nothing is loaded; of own pictures the headers of some are read, once.
    """
    found = [
        Listing(row.name, row.title, row.shape, sum(row.size))
        for row in DATASETS.values()
        if row.on_disk(Path(data_dir), "test")
    ]
    fetched = {row.folder for row in DATASETS.values()}
    try:
        with os.scandir(data_dir) as entries:
            own = sorted((e for e in entries if not e.name.startswith(".")), key=lambda e: e.name)
    except OSError:
        return found
    for entry in own:
        kind = entry.name.rpartition(".")[2].lower() if not entry.is_dir() else "folder"
        if kind in KINDS and entry.name not in fetched and not entry.name.endswith(".partial"):
            with contextlib.suppress(DataError):  # it holds no pictures, or none that can be read
                found.append(listing(str(Name(kind, entry.name)), data_dir))
    return found


def listing(name: str, data_dir: Path | str = "data") -> Listing:
    """What is on offer under a name that means somebody's own pictures.

    Raises:
        DataError: they cannot be had.
    """
    told = parse(name)
    if told.kind == "npz":
        file = arrays.Archive(_path(told, data_dir))
        return Listing(name, told.path, arrays.shape_of(file, told.options), file.count)
    pictures = _collection(told, data_dir)
    shape = folder.decide(pictures, told.options).shape
    return Listing(name, told.path, shape, len(pictures.entries))
