"""Snapshots of a model in training: what the latent space looks like at a step.

probe.npz             what stays the same: the labels of the probe images, the classes, the
                      images of which reconstructions are shown, and the shape of a picture
snapshots/STEP.npz    codes of the probe images, a decoded grid, reconstructions
"""

import io
import math
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.data.datasets import ImageSet, to_float
from training.errors import UserError
from training.files import DamagedError, read_regular, seal, unseal_zip
from training.text import printable, printable_path
from training.vae.image_shape import GREY_28, ImageShape
from training.vae.model import VAE

PROBES = 1000
SHOWN = 16
GRID = 15
_MOST_BYTES = 64 * 2**20
_TAIL = 0.02  # of the prior's mass beyond the grid, on either side of a dimension


class SnapshotError(UserError):
    """A snapshot cannot be read; the message says which and why."""


def _unpack(content: bytes, names: Iterable[str]) -> dict[str, NDArray[Any]]:
    """Those of the arrays `names` that an .npz file holds; none is larger than its bytes.

    Raises:
        DamagedError: the content is damaged.
    """
    found = {}
    content = unseal_zip(content)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            there = set(archive.namelist())
            for name in names:
                if f"{name}.npy" in there:
                    found[name] = _array(archive.read(f"{name}.npy"))
    except Exception as error:  # numpy's reader of headers raises many kinds
        raise DamagedError(printable(str(error) or type(error).__name__).rstrip(".")) from None
    return found


def _array(content: bytes) -> NDArray[Any]:
    """The array of an .npy file; nothing is unpickled, and nothing allocated but its bytes."""
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    read = {(1, 0): np.lib.format.read_array_header_1_0}.get(
        version, np.lib.format.read_array_header_2_0
    )
    shape, column_major, dtype = read(file)
    if dtype.hasobject or dtype.itemsize == 0 or dtype.kind not in "iufU":
        raise ValueError(f"an array of {dtype}")
    body = content[file.tell() :]
    if any(n < 0 for n in shape) or math.prod(shape) * dtype.itemsize != len(body):
        raise ValueError(f"an array of {shape} has {len(body):,} bytes")
    array = np.frombuffer(body, dtype).reshape(shape, order="F" if column_major else "C")
    return array.copy(order="C")


class _Arrays:
    """A record of arrays, to and from an .npz file; one without the fields `_LATER` is read too.

    `_FORM` has each field's kinds of numbers and its number of dimensions.
    """

    _LATER: ClassVar[tuple[str, ...]] = ()
    _FORM: ClassVar[dict[str, tuple[str, int]]] = {}

    def pack(self) -> bytes:
        """The file's content."""
        file = io.BytesIO()
        np.savez_compressed(file, **vars(self))
        return seal(file.getvalue())

    @classmethod
    def read(cls, path: Path) -> Self:
        """The record in a file; nothing is unpickled.

        Raises:
            SnapshotError: the file is missing, damaged, or too large to be one.
        """
        try:
            found = _unpack(read_regular(path, _MOST_BYTES), cls._FORM)
            for name, (kinds, dimensions) in cls._FORM.items():
                if name not in found:
                    if name in cls._LATER:
                        continue
                    raise DamagedError(f"it has no {name}")
                if found[name].dtype.kind not in kinds or found[name].ndim != dimensions:
                    raise DamagedError(f"its {name} are not of {dimensions} dimensions and type")
            record = cls(**found)
            record._check()
            return record
        except OSError as error:
            raise SnapshotError(
                f"{printable_path(path)} cannot be read ({error.strerror or error})."
            ) from None
        except DamagedError as error:
            raise SnapshotError(f"{printable_path(path)} is damaged ({error}).") from None

    def _check(self) -> None:
        """Raise `DamagedError` where the arrays do not fit each other."""


@dataclass(frozen=True)
class Probe(_Arrays):
    """Arrays that all snapshots of a run share: `labels` int64 (n,) of the probe images,
    `classes` (c,) their names, `images` uint8 (k, n), those of which reconstructions are shown, and
    `shape` (3,) the channels, height and width of a picture."""

    _LATER = ("shape",)
    _FORM: ClassVar = {
        "labels": ("iu", 1),
        "classes": ("U", 1),
        "images": ("u", 2),
        "shape": ("iu", 1),
    }

    labels: NDArray[Any]
    classes: NDArray[Any]
    images: NDArray[Any]
    shape: NDArray[Any] = field(default_factory=lambda: np.array(GREY_28.dims))

    @property
    def image_shape(self) -> ImageShape:
        """The shape of a picture."""
        return ImageShape(*self.shape.tolist())

    def _check(self) -> None:
        sides = self.shape.tolist()
        if len(sides) != 3 or math.prod(sides) != self.images.shape[1]:
            raise DamagedError("its images are not of its shape")
        try:
            msgspec.convert(
                dict(zip(("channels", "height", "width"), sides, strict=True)), ImageShape
            )
        except ValueError as error:
            raise DamagedError(printable(str(error)).rstrip(".")) from None
        if self.labels.size and not 0 <= self.labels.min() <= self.labels.max() < len(self.classes):
            raise DamagedError("its labels are of no class")
        if self.images.dtype != np.uint8:
            raise DamagedError("its images are not of 8 bits")


@dataclass(frozen=True)
class Snapshot(_Arrays):
    """A model at a step: `codes` float32 (n, d), the posterior means of the probe images; `grid`
    uint8 (15², n), decoded where the prior's quantiles lie in the dimensions `axes` (2,), those
    of most KL, the others at the prior's middle, rows from the top; `reconstructions` uint8
    (k, n)."""

    _FORM: ClassVar = {
        "codes": ("f", 2),
        "axes": ("iu", 1),
        "grid": ("u", 2),
        "reconstructions": ("u", 2),
    }

    codes: NDArray[Any]
    axes: NDArray[Any]
    grid: NDArray[Any]
    reconstructions: NDArray[Any]

    def _check(self) -> None:
        if self.codes.dtype != np.float32 or not np.isfinite(self.codes).all():
            raise DamagedError("its codes are not finite numbers of 32 bits")
        d = self.codes.shape[1]
        if not 1 <= len(self.axes) <= 2 or not all(0 <= a < d for a in self.axes.tolist()):
            raise DamagedError(f"its axes are not two of {d} dimensions")
        if self.grid.dtype != np.uint8 or self.reconstructions.dtype != np.uint8:
            raise DamagedError("its pictures are not of 8 bits")
        if len(self.grid) != GRID**2 or self.grid.shape[1] != self.reconstructions.shape[1]:
            raise DamagedError("its grid and its reconstructions are not pictures of one shape")


def schedule(steps: int) -> list[int]:
    """The steps after which snapshots are taken: 0, then at a growing interval, and the last.

    The interval grows with the step and is at most a sixtieth of the run: at first much happens.
    """
    found, step = [], 0
    while step < steps:
        found.append(step)
        step += max(4, min(int(0.12 * step), math.ceil(steps / 60)))
    return [*found, steps]


class Prober:
    """Takes snapshots of a model, always with the same images of a set."""

    def __init__(self, images: ImageSet, device: torch.device) -> None:
        n = min(PROBES, len(images))
        chosen = images.take(torch.linspace(0, len(images) - 1, n).round().long())
        # Across all of them: a folder's pictures lie class by class.
        self._shown = torch.linspace(0, n - 1, min(SHOWN, n)).round().long()
        self.probe = Probe(
            chosen.labels.numpy(),
            np.array(chosen.classes),
            chosen.images[self._shown].numpy(),
            np.array(images.shape.dims),
        )
        self._x = chosen.images.to(device)

    @torch.no_grad()
    def snapshot(self, vae: VAE) -> Snapshot | None:
        """A snapshot of the model as it is; None where its numbers are not finite."""
        was_training = vae.training
        vae.eval()
        device = self._x.device
        posterior = vae.encode(to_float(self._x))
        per_dim = vae.prior.kl(posterior).mean(0)
        axes = per_dim.argsort(descending=True)[:2].tolist()
        if len(per_dim) == 2:
            axes = [0, 1]
        grid = _levels(vae.picture(self._grid_codes(vae, axes)))
        reconstructions = _levels(vae.picture(posterior.mu[self._shown.to(device)]))
        vae.train(was_training)
        codes = posterior.mu.float().cpu().numpy()
        if not np.isfinite(codes).all():
            return None
        return Snapshot(codes, np.array(axes), grid, reconstructions)

    def _grid_codes(self, vae: VAE, axes: list[int]) -> Tensor:
        d = vae.config.latent_dim
        if d == 1:  # as one reads: row by row
            return vae.prior.quantile(torch.linspace(_TAIL, 1 - _TAIL, GRID**2))[:, None].to(
                self._x.device
            )
        along = vae.prior.quantile(torch.linspace(_TAIL, 1 - _TAIL, GRID))
        z = vae.prior.quantile(torch.full((GRID, GRID, d), 0.5))
        z[..., axes[0]] = along
        z[..., axes[1]] = along.flip(0)[:, None]
        return z.reshape(-1, d).to(self._x.device)


def _levels(pictures: Tensor) -> NDArray[np.uint8]:
    return (255 * pictures).round().clamp(0, 255).byte().cpu().numpy()
