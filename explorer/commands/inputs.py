"""Checkpoints and images that a command of `python -m explorer` names."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from explorer import entries, paths
from training import checkpoint as checkpoints
from training.checkpoint import SUFFIX, Checkpoint, CheckpointError
from training.console import say
from training.data import datasets
from training.data.datasets import EMBEDDED, DataError, ImageSet
from training.text import printable

if TYPE_CHECKING:
    from explorer.latent.codes import Codes


def add_arguments(sub: argparse.ArgumentParser, out: str) -> None:
    """The options of a command that reads a checkpoint and images, and writes to `out`."""
    sub.add_argument("checkpoint", help="a checkpoint's file, or its name in checkpoints/")
    sub.add_argument("--out", type=Path, required=True, help=out)
    quiet = argparse.SUPPRESS
    sub.add_argument("--data", default=quiet, help="default: what the checkpoint was trained on")
    sub.add_argument("--data-dir", type=Path, default=paths.data_dir())


def opened(args: argparse.Namespace) -> tuple[Checkpoint, ImageSet]:
    """The checkpoint and its images, as `add_arguments` has them named.

    Raises:
        CheckpointError, DataError: there is none of them, or they do not fit.
    """
    found = checkpoints.load(file_of(args.checkpoint))
    if found.vae.encoder is None:
        raise CheckpointError(
            f"{printable(found.name)} is a decoder alone, and this is of images and their codes."
        )
    images = None if hasattr(args, "data") else found.images_with_it
    if images is None:
        images = entries.load_images(data_of(args, found), args.data_dir)
    if images.shape != found.vae.shape:
        fault = datasets.misfit(images.name, images.shape, found.name, found.vae.shape)
        raise DataError(f"{fault}; choose another with --data.")
    return found, images


def data_of(args: argparse.Namespace, found: Checkpoint) -> str:
    """The data set that is named, or the one that a checkpoint was trained on."""
    return args.data if hasattr(args, "data") else _data_there(found.data, args.data_dir)


def codes_of(found: Checkpoint, images: ImageSet) -> "Codes":
    """Codes of the images.

    Raises:
        CheckpointError: they are not numbers.
    """
    from explorer.latent import codes as latent_codes

    labels = found.vae.labels_of(images.labels, len(images.classes))
    codes = latent_codes.encode(found.vae, images.images, labels=labels)
    if not (np.isfinite(codes.mu).all() and np.isfinite(codes.std).all()):
        raise CheckpointError(
            f"{found.name} gives codes that are not numbers: its weights overflow."
        )
    return codes


def unwritable(path: Path, error: OSError) -> CheckpointError:
    """The sentence about a file or folder that cannot be written."""
    return CheckpointError(
        f"{path} cannot be written to ({error.strerror}); name another with --out."
    )


def file_of(named: str) -> Path:
    """The checkpoint's file: a path, or a bare name of one in the folder of checkpoints.

    Raises:
        CheckpointError: a bare name that is none, with those there are.
    """
    folder = paths.checkpoint_dir()
    if os.path.isfile(named) or Path(named).suffix == SUFFIX or Path(named).name != named:
        return Path(named)
    files = {path.stem: path for path in checkpoints.checkpoint_files(folder)}
    if named not in files:
        raise CheckpointError(
            f"There is no checkpoint {named!r} in {folder}; choose one of "
            f"{', '.join(files) or '(it is empty)'}, or give the path of a {SUFFIX} file."
        )
    return files[named]


def _data_there(trained_on: str, data_dir: Path) -> str:
    """The data set that a checkpoint was trained on, or the embedded one where it is not here."""
    own = datasets.is_own(trained_on)
    try:
        if datasets.is_there(trained_on, "test", data_dir):
            return trained_on
    except DataError:  # an unknown name
        pass
    where = "here" if own else f"in {data_dir}"
    seen = "" if own else ", of MNIST's training images,"
    say(f"{trained_on} is not {where}; shown are {EMBEDDED}{seen} instead.")
    return EMBEDDED
