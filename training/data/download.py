"""Downloads of data sets, by torchvision from its mirrors."""

import os
import shutil
import tempfile
import threading
import urllib.error
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from training.console import progress_bar
from training.data import torchvision_sets
from training.data.datasets import (
    EMBEDDED,
    DataError,
    Dataset,
    ImageSet,
    Split,
    find,
    is_own,
    is_there,
    reader,
)
from training.data.torchvision_import import import_torchvision
from training.files import PARTIAL, clear_partials, partial_prefix
from training.text import printable, printable_path

SPLITS: tuple[Split, ...] = ("train", "test")
_ARCHIVES = {".gz", ".zip", ".bz2", ".mat", ".tar"}  # what is downloaded, before it is unpacked


class DownloadProgress(NamedTuple):
    """Bytes fetched so far and in all (before unpacking)."""

    done: int
    total: int


def download(name: str, data_dir: Path | str = "data") -> Iterator[DownloadProgress]:
    """Fetch a data set by torchvision, from its mirrors, and yield progress a few times a second.

    Files arrive in a temporary folder beside their place and are moved there when they are whole,
    so an interrupted download leaves nothing half-written. A caller that stops iterating leaves
    the fetch to finish in the background.

    Raises:
        DataError: no network, no space, or a download that arrived damaged.
    """
    row, data_dir = find(name), Path(data_dir)
    if not row.needs_download:
        return
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        clear_partials(data_dir)
        prefix = partial_prefix(row.name)
        partial = Path(tempfile.mkdtemp(prefix=prefix, suffix=PARTIAL, dir=data_dir))
    except OSError as error:
        raise DataError(
            f"{printable_path(data_dir)} cannot be written to ({error.strerror}); name "
            "another folder "
            "with --data-dir."
        ) from None
    failure: list[Exception] = []

    def fetch() -> None:
        try:
            _fetch(row, partial, data_dir)
        except Exception as error:  # handed to the caller's thread below
            failure.append(error)
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    thread = threading.Thread(target=fetch, daemon=True, name=f"download-{row.name}")
    thread.start()
    while thread.is_alive():
        thread.join(0.2)
        done = sum(_size(file) for file in partial.rglob("*") if file.suffix in _ARCHIVES)
        yield DownloadProgress(min(done, row.archive_bytes), row.archive_bytes)
    if failure:
        raise _explain(row, data_dir, failure[0])
    yield DownloadProgress(row.archive_bytes, row.archive_bytes)


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:  # gone in the meantime
        return 0


def _fetch(row: Dataset, partial: Path, data_dir: Path) -> None:
    if row.fetch is not None:
        _fetch_and_convert(row, partial, data_dir)
        return
    getattr(import_torchvision().datasets, row.folder)(str(partial), train=True, download=True)
    for split in SPLITS:
        row.load(row, partial, split)  # raises where a file arrived damaged
        for target, fresh in zip(
            row.files(data_dir, split), row.files(partial, split), strict=True
        ):
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(fresh, target)


def _fetch_and_convert(row: Dataset, partial: Path, data_dir: Path) -> None:
    """What torchvision has in the data directory, or downloads, as files of pictures."""
    tv = import_torchvision()
    for split in SPLITS:
        (path,) = row.files(partial, split)
        try:
            torchvision_sets.convert(row, tv, data_dir, split, False, path)
        except (RuntimeError, OSError):  # it is not there
            torchvision_sets.convert(row, tv, partial, split, True, path)
        row.load(row, partial, split)
    for split in SPLITS:
        (target,), (fresh,) = row.files(data_dir, split), row.files(partial, split)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(fresh, target)


def _explain(row: Dataset, data_dir: Path, error: Exception) -> DataError:
    instead = f"Or use `--data {EMBEDDED}`, 5,000 real digits that need no network."
    if isinstance(error, DataError):
        return error
    if "gdown" in str(error):
        return DataError(
            f"{row.title} comes from Google Drive, for which torchvision needs a package: `pip "
            "install gdown`.",
            instead,
        )
    offline = isinstance(error, urllib.error.URLError) or "Connection" in type(error).__name__
    if offline or "Error downloading" in str(error):
        return DataError(
            f"{row.title} is not in {printable_path(data_dir)} and could not be downloaded: "
            "no mirror answered. "
            "Check the network.",
            instead,
        )
    return DataError(
        f"{row.title} could not be downloaded to {printable_path(data_dir)} "
        f"({printable(str(error) or type(error).__name__)}). "
        "Check the disk and the network.",
        instead,
    )


def load_split(name: str, split: Split, data_dir: Path) -> ImageSet:
    """Load a split, downloading the data set first where it is not on disk.

    Raises:
        DataError: as `load` and `download`.
    """
    return split_reader(name, data_dir)(split)


def split_reader(name: str, data_dir: Path) -> Callable[[Split], ImageSet]:
    """A function that loads splits as `load_split` does, own pictures all of the same look at them.

    Raises:
        DataError: as `load` and `download`; so does the function.
    """
    read = reader(name, data_dir)

    def load(split: Split) -> ImageSet:
        if not is_own(name) and not is_there(name, split, data_dir):
            download_shown(find(name).name, data_dir)
        return read(split)

    return load


def download_shown(name: str, data_dir: Path) -> None:
    """Download a data set with a progress bar on the terminal.

    Raises:
        DataError: as `download`.
    """
    with progress_bar(unit="B", unit_scale=True, desc=f"downloading {name}") as bar:
        for progress in download(name, data_dir):
            bar.total = progress.total
            bar.update(progress.done - bar.n)
