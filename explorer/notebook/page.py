"""The page that a notebook shows: a hand-out of a model and images as they are given there."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from explorer import entries, paths
from explorer.commands import inputs
from explorer.handout import contents, document
from explorer.handout.selection import all_of
from training import checkpoint as checkpoints
from training.checkpoint import Checkpoint
from training.data import datasets
from training.data.datasets import DataError, ImageSet
from training.importing.importing import import_vae
from training.vae.image_shape import ImageShape

USUAL = 2000  # images

Model = Any  # a checkpoint, its name or file, a module, or encoder and decoder


class Page(NamedTuple):
    """A hand-out as text, and what is in it."""

    text: str
    checkpoint: Checkpoint
    images: ImageSet


def levels_of(images: Any) -> tuple[Tensor, ImageShape]:
    """Images uint8 (N, n), and their shape, of an array (N, H, W), (N, C, H, W) or (N, H, W, C) of
    levels 0 to 255 or of values in [0, 1].

    Raises:
        DataError: it is no such array.
    """
    array = np.asarray(images.detach().cpu() if isinstance(images, Tensor) else images)
    if array.ndim == 4 and array.shape[1] not in (1, 3) and array.shape[3] in (1, 3):
        array = array.transpose(0, 3, 1, 2)
    if array.ndim == 3:
        array = array[:, None]
    if array.ndim != 4 or array.shape[1] not in (1, 3) or not len(array):
        raise DataError(
            f"images of shape {np.shape(images)} are no pictures; give (N, height, width), "
            "(N, channels, height, width) or (N, height, width, channels), grey or RGB."
        )
    if array.dtype != np.uint8:
        if not np.isfinite(array).all() or array.min() < 0 or array.max() > 255:
            raise DataError(
                f"images have values from {array.min():g} to {array.max():g}; give levels 0 to "
                "255 or values in [0, 1]."
            )
        array = np.round(array * (255 if array.max() <= 1 else 1)).astype(np.uint8)
    shape = ImageShape(*array.shape[1:])
    return torch.from_numpy(np.ascontiguousarray(array.reshape(len(array), -1))), shape


def image_set(images: Any, labels: Any, classes: Sequence[str] | None) -> ImageSet:
    """Images with labels, numbers or words; of one class where there are none.

    Raises:
        DataError: they do not fit each other.
    """
    levels, shape = levels_of(images)
    given = np.zeros(len(levels), np.int64) if labels is None else np.asarray(labels)
    if given.shape != (len(levels),):
        raise DataError(f"{len(levels)} images have labels of shape {given.shape}; give one each.")
    names, numbers = np.unique(given, return_inverse=True)
    if classes is None:
        named = ("all",) if labels is None else tuple(str(name) for name in names)
    elif np.issubdtype(given.dtype, np.integer) and 0 <= given.min() <= given.max() < len(classes):
        named, numbers = tuple(classes), given
    else:
        raise DataError(
            f"labels are no numbers from 0 to {len(classes) - 1}, of {len(classes)} classes."
        )
    whole = torch.from_numpy(numbers.astype(np.int64))
    return ImageSet("yours", "test", levels, whole, named, shape)


def checkpoint_of(model: Model, images: Any, options: dict[str, Any]) -> Checkpoint:
    """A checkpoint as it is given, by its name or file, or made of somebody's modules.

    Raises:
        UserError: it cannot be read or taken over.
    """
    if isinstance(model, Checkpoint):
        return model
    if isinstance(model, str | Path):
        return checkpoints.load(inputs.file_of(str(model)))
    encoder, decoder = model if isinstance(model, tuple) else (model, None)
    if images is None:
        raise DataError("A model of your own needs images; give some with images=…")
    levels, shape = levels_of(images)
    example = levels.reshape(-1, *shape.dims)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "model.safetensors"
        return checkpoints.load(
            import_vae(encoder, decoder, example, "model", out, pictures=0, **options)
        )


def make(
    model: Model,
    images: Any = None,
    labels: Any = None,
    classes: Sequence[str] | None = None,
    count: int = USUAL,
    **options: Any,
) -> Page:
    """The hand-out of a model and at most `count` images, the first ones; `options` are those of
    `import_vae`. Without images those that the checkpoint was trained on.

    Raises:
        UserError: something is missing or does not fit; the message is a sentence.
    """
    found = checkpoint_of(model, images, options)
    if images is not None:
        shown = image_set(images, labels, classes)
    else:
        came = found.images_with_it
        named = found.data if datasets.is_there(found.data, "test", paths.data_dir()) else None
        name = named or datasets.EMBEDDED
        shown = entries.load_images(name, paths.data_dir()) if came is None else came
    if shown.shape != found.vae.shape:
        raise DataError(f"{datasets.misfit(shown.name, shown.shape, found.name, found.vae.shape)}.")
    shown = shown.take(torch.arange(min(count, len(shown))))
    made = contents.gather([contents.in_16_bits(found)], all_of(shown), paths.cache_dir(), False)
    return Page(document.one_file(made).decode(), found, shown)
