"""The terms of images under a model, kept on disk, and other pictures to hold beside them."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from explorer.latent import codes, disk_cache
from training.data.datasets import ImageSet, to_float
from training.evaluation import image_terms
from training.vae.image_shape import ImageShape
from training.vae.model import VAE

VERSION = 1  # of what is computed: results of another version are not taken from the disk
LARGEST = 1e30  # of what is told of a term that overflows
_FIELDS = ("reconstruction", "reconstruction_error", "kl", "log_p", "log_p_error")

Arrays = dict[str, NDArray[np.float32]]


def per_piece(vae: VAE) -> int:
    """How many images' terms are computed at a time: what takes some ten seconds."""
    found = image_terms.method(vae)
    if found.kind == "plane":
        return 2500  # a lattice costs as much for one image
    return 1000 if found.k > image_terms.FEW_SAMPLES else 500


def path_of(folder: Path, vae: VAE, images: Tensor, labels: Tensor | None, soon: bool) -> Path:
    """The file that keeps the terms of uint8 images (N, n), or those that are there `soon`."""
    given = () if labels is None else (labels.numpy(),)
    return folder / disk_cache.name_of(VERSION, soon, images.numpy(), *given, *codes.causes(vae))


def stored(path: Path, count: int) -> Arrays | None:
    """The terms of so many images, where the file has them."""
    found = disk_cache.load(path)
    if found is None or set(found) - set(_FIELDS) or not {"reconstruction", "kl"} <= set(found):
        return None
    good = all(a.shape == (count,) and a.dtype == np.float32 for a in found.values())
    return found if good else None


def compute(
    path: Path,
    vae: VAE,
    images: Tensor,
    labels: Tensor | None,
    soon: bool,
    report: Callable[[float], object],
) -> Arrays:
    """The terms of uint8 images (N, n), (N,) each, which the file then keeps; `log_p` is left out
    where there is none, and of those that are to be there `soon`."""
    x = to_float(images)
    terms = (
        image_terms.bounds(vae, x, labels) if soon else image_terms.terms(vae, x, labels, report)
    )
    found = {
        name: np.nan_to_num(part.numpy(), nan=LARGEST, posinf=LARGEST, neginf=-LARGEST)
        for name, part in terms._asdict().items()
        if part is not None
    }
    with contextlib.suppress(OSError):  # the next server computes them again
        disk_cache.store(path, **found)
    return found


def pieces(
    folder: Path, vae: VAE, images: ImageSet, report: Callable[[float], object]
) -> Iterator[Arrays]:
    """The terms of all images, a piece after the other, computed where the folder has none;
    `report` is told the share that is done."""
    count, per = len(images), per_piece(vae)
    for first in range(0, count, per):
        some = images.take(torch.arange(first, min(first + per, count)))
        labels = vae.labels_of(some.labels, len(some.classes))
        path = path_of(folder, vae, some.images, labels, False)
        found = stored(path, len(some))
        if found is None:
            at, share = first / count, len(some) / count
            told = lambda done, at=at, share=share: report(at + done * share)  # noqa: E731
            found = compute(path, vae, some.images, labels, False, told)
        yield found
        report((first + len(some)) / count)


def whole(
    folder: Path, vae: VAE, images: ImageSet, report: Callable[[float], object]
) -> image_terms.Terms:
    """As `pieces`, of all images together."""
    found = list(pieces(folder, vae, images, report))
    together = {name: np.concatenate([piece[name] for piece in found]) for name in found[0]}
    return image_terms.Terms(
        *(
            torch.from_numpy(together[name]) if name in together else None  # type: ignore[arg-type]
            for name in image_terms.Terms._fields
        )
    )


# --- pictures that a model was not made for -------------------------------------------------------


def _mirrored(images: Tensor, shape: ImageShape) -> Tensor:
    return images.reshape(-1, *shape.dims).flip(3).reshape(len(images), -1)


def _smaller(images: Tensor, shape: ImageShape) -> Tensor:
    """Half as wide and high, in the middle of black."""
    small = F.avg_pool2d(images.reshape(-1, *shape.dims).float(), 2)
    across, up = shape.width - small.shape[3], shape.height - small.shape[2]
    sides = (across // 2, across - across // 2, up // 2, up - up // 2)
    return F.pad(small, sides).round().byte().reshape(len(images), -1)


def _two_levels(images: Tensor, shape: ImageShape) -> Tensor:
    return (images > 127).byte() * 255


def _shuffled(images: Tensor, shape: ImageShape) -> Tensor:
    """The pixels of all images in one and the same random order."""
    order = torch.randperm(shape.height * shape.width, generator=torch.Generator().manual_seed(0))
    return images.reshape(-1, shape.channels, len(order))[:, :, order].reshape(len(images), -1)


def _noise(images: Tensor, shape: ImageShape) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, images.shape, generator=generator, dtype=torch.uint8)


# What can be made of any images: uint8 (N, n) of a shape → (N, n).
ALTERED: dict[str, Callable[[Tensor, ImageShape], Tensor]] = {
    "the same, mirrored": _mirrored,
    "the same, without greys": _two_levels,
    "the same, half as large": _smaller,
    "the same, inverted": lambda images, shape: 255 - images,
    "the same, pixels shuffled": _shuffled,
    "noise": _noise,
}
