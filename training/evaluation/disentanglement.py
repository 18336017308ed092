"""Mutual information of latent dimensions and known factors, and its gap."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.data.image_set import Factor
from training.vae.priors import LatentFamily, Posterior

BINS = 20  # of equally many images, into which a continuous factor is divided
IMAGES = 10_000  # that are measured; what it takes grows with their square
_PAIRS = 4_000_000  # of a code and a posterior at once


@dataclass(frozen=True)
class FactorGap:
    """A factor v and the latent dimension that tells most of it.

    `entropy` is H(v), `information` I(z_j; v) of the best dimension j, counted from 0, both in
    nats, and `gap` what the second best tells less, as a share of H(v).
    """

    name: str
    entropy: float
    dimension: int
    information: float
    gap: float


def classes_of(factor: Factor, bins: int = BINS) -> NDArray[np.int64]:
    """Class of each image by a factor, (N,): its value, or, where more than `bins` are different,
    which of so many parts of equal size it is in."""
    different, found = np.unique(factor.values, return_inverse=True)
    if factor.names is None and len(different) > bins:
        ranks = np.argsort(np.argsort(factor.values, kind="stable"), kind="stable")
        found = ranks * bins // len(ranks)
    return found.astype(np.int64)


def entropy(classes: NDArray[np.int64]) -> float:
    """Entropy of the classes of images (N,), in nats."""
    share = np.bincount(classes) / len(classes)
    return float(-(share[share > 0] * np.log(share[share > 0])).sum())


@torch.no_grad()
def factor_information(
    family: LatentFamily,
    z: Tensor,
    posterior: Posterior,
    classes: Sequence[NDArray[np.int64]],
) -> NDArray[np.float64]:
    """I(z_j; v_k) in nats of each latent dimension and factor, (d, K), from one z ~ q(z|x) an
    image, (N, d), and the class of each image by each factor, (N,).

    Estimates E[log q(z_j|v) − log q(z_j)], where both are means of the posteriors of images: of
    those of the same class, and of all. The N images are the population: few of them with sharp
    posteriors tell any factor apart by chance.

    Source: Chen, Li, Grosse & Duvenaud (2018), equation 5 and appendix C.
    """
    n, d = z.shape
    members = torch.cat([_membership(own) for own in classes], 1)
    counts = members.sum(0)
    starts = np.cumsum([0, *(int(own.max()) + 1 for own in classes)])[:-1]
    columns = torch.from_numpy(np.stack(classes, 1) + starts)  # (N, K)
    found = torch.zeros(d, len(classes), dtype=torch.float64)
    for j in range(d):
        one = posterior._make(p[None, :, j : j + 1].cpu() for p in posterior)
        for rows in torch.arange(n).split(max(1, _PAIRS // n)):
            log_q = family.log_posterior(z[rows, None, j : j + 1].cpu(), one)  # (rows, N)
            q = torch.exp(log_q - log_q.max(1, keepdim=True).values)
            of_class = (q @ members / counts).gather(1, columns[rows])
            ratio = torch.log(of_class) - torch.log(q.mean(1, keepdim=True))
            found[j] += ratio.double().sum(0)
    return (found / n).numpy()


def _membership(classes: NDArray[np.int64]) -> Tensor:
    return torch.nn.functional.one_hot(torch.from_numpy(classes)).float()


def factor_gaps(
    family: LatentFamily, z: Tensor, posterior: Posterior, factors: Sequence[Factor]
) -> tuple[FactorGap, ...]:
    """Gap of each factor that is not the same for all images; of the first `IMAGES` of them.

    `z` is one draw from the posterior of each image, (N, d).
    """
    some = min(len(z), IMAGES)
    measured = [(f.name, classes_of(_first(f, some))) for f in factors]
    measured = [(name, own) for name, own in measured if own.max() > 0]
    if not measured:
        return ()
    few = posterior._make(p[:some] for p in posterior)
    table = factor_information(family, z[:some], few, [own for _, own in measured])
    gaps = []
    for (name, own), told in zip(measured, table.T, strict=True):
        h = entropy(own)
        second, best = np.sort(np.append(told, 0.0))[-2:]
        gaps.append(FactorGap(name, h, int(told.argmax()), float(best), float((best - second) / h)))
    return tuple(gaps)


def _first(factor: Factor, n: int) -> Factor:
    return Factor(factor.name, factor.values[:n], factor.names)


def mutual_information_gap(gaps: Sequence[FactorGap]) -> float | None:
    """Mean gap of factors, from 0 to 1; None where there are none.

    Source: Chen et al. (2018), equation 6.
    """
    return math.fsum(gap.gap for gap in gaps) / len(gaps) if gaps else None
