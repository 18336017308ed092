"""Snapshots of a model in training: what the latent space looks like at a step.

probe.npz             what stays the same: the labels of the probe images, the classes, the
                      images of which reconstructions are shown, and the shape of a picture
snapshots/STEP.npz    codes of the probe images, a decoded grid, reconstructions
"""

import io
import math
import os
import zipfile
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.data.datasets import ImageSet, to_float
from training.errors import UserError
from training.vae.image_shape import GREY_28, ImageShape
from training.vae.model import VAE

PROBES = 1000
SHOWN = 16
GRID = 15
_MOST_BYTES = 64 * 2**20
_TAIL = 0.02  # of the prior's mass beyond the grid, on either side of a dimension


class SnapshotError(UserError):
    """A snapshot cannot be read; the message says which and why."""


class _Arrays:
    """A record of arrays, to and from an .npz file; one without the fields `_LATER` is read too."""

    _LATER: ClassVar[tuple[str, ...]] = ()

    def pack(self) -> bytes:
        """The file's content."""
        file = io.BytesIO()
        np.savez_compressed(file, **vars(self))
        return file.getvalue()

    @classmethod
    def read(cls, path: Path) -> Self:
        """The record in a file; nothing is unpickled.

        Raises:
            SnapshotError: the file is missing, damaged, or too large to be one.
        """
        try:
            if os.path.getsize(path) > _MOST_BYTES:
                raise SnapshotError(f"{path} is too large to be a snapshot.")
            with np.load(path, allow_pickle=False) as file:
                names = [f.name for f in fields(cls) if f.name in file or f.name not in cls._LATER]  # type: ignore[arg-type]
                return cls(**{name: file[name] for name in names})
        except OSError as error:
            raise SnapshotError(f"{path} cannot be read ({error.strerror or error}).") from None
        except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise SnapshotError(f"{path} is damaged ({error}).") from None


@dataclass(frozen=True)
class Probe(_Arrays):
    """Arrays that all snapshots of a run share: `labels` int64 (n,) of the probe images,
    `classes` (c,) their names, `images` uint8 (k, n), those of which reconstructions are shown, and
    `shape` (3,) the channels, height and width of a picture."""

    _LATER = ("shape",)

    labels: NDArray[Any]
    classes: NDArray[Any]
    images: NDArray[Any]
    shape: NDArray[Any] = field(default_factory=lambda: np.array(GREY_28.dims))

    @property
    def image_shape(self) -> ImageShape:
        """The shape of a picture."""
        return ImageShape(*self.shape.tolist())


@dataclass(frozen=True)
class Snapshot(_Arrays):
    """A model at a step: `codes` float32 (n, d), the posterior means of the probe images; `grid`
    uint8 (15², n), decoded where the prior's quantiles lie in the dimensions `axes` (2,), those
    of most KL, the others at the prior's middle, rows from the top; `reconstructions` uint8
    (k, n)."""

    codes: NDArray[Any]
    axes: NDArray[Any]
    grid: NDArray[Any]
    reconstructions: NDArray[Any]


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
        self.probe = Probe(
            chosen.labels.numpy(),
            np.array(chosen.classes),
            chosen.images[:SHOWN].numpy(),
            np.array(images.shape.dims),
        )
        self._x = chosen.images.to(device)

    @torch.no_grad()
    def snapshot(self, vae: VAE) -> Snapshot | None:
        """A snapshot of the model as it is; None where its numbers are not finite."""
        was_training = vae.training
        vae.eval()
        posterior = vae.encode(to_float(self._x))
        per_dim = vae.prior.kl(posterior).mean(0)
        axes = per_dim.argsort(descending=True)[:2].tolist()
        if len(per_dim) == 2:
            axes = [0, 1]
        grid = _levels(vae.picture(self._grid_codes(vae, axes)))
        reconstructions = _levels(vae.picture(posterior.mu[:SHOWN]))
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
