"""Codes of images under a model, and summaries of them. Arrays in, arrays out; KL in nats."""

import contextlib
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explorer.latent import disk_cache
from training.data.datasets import to_float
from training.evaluation.metrics import active_units
from training.vae.choices import Choice
from training.vae.likelihoods import LIKELIHOODS
from training.vae.model import VAE, in_batches
from training.vae.program_network import PROGRAM

MOST_TYPICAL = 10  # classes, the largest, that have a typical image
_LOOKED_AT = 2000
MOST_PRODUCTS = 2 * 10**9  # multiply-adds for what the terms usually are
VERSION = 1  # of what is computed: results of another version are not taken from the disk

Array = NDArray[np.float32]


class Codes(NamedTuple):
    """The codes of N images in d latent dimensions.

    `mu`, `std` and `kl_per_dim`, KL(q(z|x) ‖ p(z)) in nats, are (N, d).
    """

    mu: Array
    std: Array
    kl_per_dim: Array

    def without_choices(self, choices: int) -> "Codes":
        """The same with zeros for the last numbers, the `choices`: what a map shows."""
        if not choices:
            return self
        mu = self.mu.copy()
        mu[:, -choices:] = 0
        return self._replace(mu=mu)


@dataclass(frozen=True, order=True)
class Dimension:
    """A latent dimension as its slider shows it; `index` counts from 0.

    Of a `choice` the numbers are its options. Of a latent grid the sliders go along principal
    components instead of dimensions, and `share` is the share of the variance along one.
    """

    index: int
    kl: float
    active: bool
    low: float
    high: float
    choice: Choice | None = None
    share: float | None = None


@torch.no_grad()
def encode(vae: VAE, images: Tensor, chunk: int = 1000, labels: Tensor | None = None) -> Codes:
    """Codes of uint8 images (N, n); `labels` (N, labels) are as `VAE.encode` takes them. Of a
    decoder alone those that it came with."""
    if vae.encoder is None:
        assert vae.codes is not None
        nothing = np.zeros(tuple(vae.codes.shape), np.float32)
        return Codes(vae.codes.numpy(), nothing, nothing)
    parts = []
    for rows, own in in_batches(images, labels, chunk):
        posterior = vae.encode(to_float(rows), own)
        parts.append((posterior.mu, posterior.std, vae.prior.kl(posterior)))
    return Codes(*(torch.cat(p).numpy() for p in zip(*parts, strict=True)))


class Level(NamedTuple):
    """What a model's terms are usually, by the means of q(z|x): a mean over images, and KL added.

    `own` is the model's own reconstruction term in its unit, `bernoulli` the cross-entropy in nats.
    """

    own: float
    bernoulli: float


@torch.no_grad()
def level(vae: VAE, images: Tensor, codes: Codes, some: int = 100) -> Level | None:
    """The usual terms, over some of the images; None of a decoder alone, or where they overflow."""
    if vae.encoder is None:
        return None
    if vae.programs:  # a large network of somebody else would keep the first visitor waiting
        some = max(1, min(some, MOST_PRODUCTS // max(1, vae.programs.decoder.products)))
    # At random: images may lie in an order, in which every so many-th is of one class.
    rows = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))[:some]
    x = to_float(images[rows])
    output = vae.decode(torch.from_numpy(codes.mu[rows.numpy()]))
    kl = float(codes.kl_per_dim.sum(1).mean())
    own = float(vae.likelihood.reconstruction(output, x).mean()) + kl
    logits = vae.likelihood.logits(output)
    read = float(LIKELIHOODS["bernoulli"].reconstruction(logits, x).mean()) + kl
    return Level(own, read) if math.isfinite(own) and math.isfinite(read) else None


def cached(folder: Path, vae: VAE, images: Tensor, labels: Tensor | None = None) -> Codes:
    """As `encode`, from the disk where they were computed before."""
    given = () if labels is None else (labels.numpy(),)
    config, *weights = causes(vae)
    path = folder / disk_cache.name_of(VERSION, config, images.numpy(), *given, *weights)
    shape = (len(images), vae.config.latent_dim)
    stored = disk_cache.load(path) or {}
    parts = [stored.get(name) for name in Codes._fields]
    if all(p is not None and p.shape == shape and p.dtype == np.float32 for p in parts):
        return Codes(*parts)  # type: ignore[arg-type]
    found = encode(vae, images, labels=labels)
    with contextlib.suppress(OSError):  # the next server computes them again
        disk_cache.store(path, **found._asdict())
    return found


def causes(vae: VAE) -> list[Any]:
    """What tells a model apart from any other: its configuration, and its weights."""
    config = vae.config if vae.config.architecture != PROGRAM else (vae.config, _programs(vae))
    return [config, *(tensor.numpy() for tensor in vae.state_dict().values())]


def _programs(vae: VAE) -> str:
    """What tells two networks of others apart that have the same tensors."""
    found = vae.programs
    assert found is not None
    parts = (found.encoder, found.decoder)
    return json.dumps([part and part.describe() for part in parts])


def dimensions_of(vae: VAE, codes: Codes) -> list[Dimension]:
    """As `dimensions`, of the codes of a model."""
    scale = None if vae.prior.has_density else vae.prior.facts()["std"]
    return dimensions(codes, vae.prior.low, vae.config.choices, scale)


def dimensions(
    codes: Codes,
    least: float = -math.inf,
    choices: Sequence[Choice] = (),
    scale: float | None = None,
) -> list[Dimension]:
    """The latent dimensions, those that carry most information first, and behind them the choices.

    A slider reaches as far as the aggregate posterior does: every code plus one sigma, but not
    below `least`, where the prior has no mass. Codes that are points have no KL: theirs come in the
    order of their variance, of which they have a `scale` of their own.
    """
    if choices:
        d = codes.mu.shape[1] - len(choices)
        continuous = Codes(*(part[:, :d] for part in codes))
        kl = codes.kl_per_dim[:, d:].mean(0)
        return dimensions(continuous, least, scale=scale) + [
            Dimension(d + n, float(kl[n]), True, 0, len(choice.options) - 1, choice)
            for n, choice in enumerate(choices)
        ]
    mean_kl = codes.kl_per_dim.mean(0)
    active = active_units(torch.from_numpy(codes.mu / (scale or 1.0))).numpy()
    order = np.argsort(-(mean_kl if scale is None else codes.mu.var(0)), kind="stable")
    low = np.floor(10.0 * (codes.mu - codes.std).min(0)).clip(-1e7, 1e7).astype(int)
    high = np.ceil(10.0 * (codes.mu + codes.std).max(0)).clip(-1e7, 1e7).astype(int)
    low = np.maximum(low, math.ceil(10 * max(least, -1e7)))
    high = np.maximum(high, low + 1)
    return [
        Dimension(int(i), float(mean_kl[i]), bool(active[i]), low[i] / 10, high[i] / 10)
        for i in order
    ]


def typical(codes: Codes, labels: NDArray[np.int64], n_classes: int) -> list[int | None]:
    """For each class, the image whose code is nearest to the median of the class's codes."""
    return _nearest(codes.mu, labels, n_classes, np.median)


def typical_pixels(
    images: NDArray[np.uint8], labels: NDArray[np.int64], n_classes: int
) -> list[int | None]:
    """For each class, the image (of (N, n)) nearest to the class's mean image, by squared error:
    what is typical whatever the model."""
    return _nearest(images, labels, n_classes, np.mean)


def _nearest(
    points: NDArray[Any],
    labels: NDArray[np.int64],
    n_classes: int,
    middle: Callable[..., NDArray[Any]],
) -> list[int | None]:
    """For each of the largest classes the row of `points`, of at most `_LOOKED_AT` in turn, that is
    nearest to the class's middle; None for the others."""
    found: list[int | None] = []
    largest = np.argsort(-np.bincount(labels, minlength=n_classes), kind="stable")[:MOST_TYPICAL]
    for label in range(n_classes):
        rows = np.flatnonzero(labels == label)
        if len(rows) == 0 or label not in largest:
            found.append(None)
            continue
        rows = rows[:: max(1, len(rows) // _LOOKED_AT)]
        own = points[rows].astype(np.float32)
        found.append(int(rows[np.argmin(((own - middle(own, axis=0)) ** 2).sum(1))]))
    return found
