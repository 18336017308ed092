"""The map: where codes lie under a projection, and where z and q(z|x) are on it. Arrays only."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explorer.figures import z_name
from explorer.latent import Codes
from explorer.projection import Pca, nearest
from training.evaluate import ACTIVE_VARIANCE

Floats = NDArray[np.floating]


@dataclass(frozen=True)
class MapView:
    """A projection of n of the codes.

    `points` (n, 2) are the places of the images numbered `index` (n,). `cursor` (2,) is the place
    of z. `centre` (2,) and `root` (2, d) give the shown Gaussian q(z|x), with the covariance
    root @ root.T; both are None where the projection has no formula. `note` says in a sentence
    what is shown where that is not plain.
    """

    points: Floats
    index: NDArray[np.integer]
    axis_titles: tuple[str, str] | None
    cursor: Floats
    centre: Floats | None
    root: Floats | None
    note: str


def plane(codes: Codes, axes: tuple[int, int], z: Floats, image: int) -> MapView:
    """Two latent dimensions (numbered from 0), the others seen end on."""
    pick = list(axes)
    d = codes.mu.shape[1]
    inactive = [z_name(i) for i in pick if codes.mu[:, i].var() <= ACTIVE_VARIANCE]
    note = "" if d == 2 else f"Two of {d} dimensions; z and q(z|x) reach into the others too."
    if inactive:
        note = f"{' and '.join(inactive)} inactive: there q(z|x) is the prior, whatever x is."
    return MapView(
        codes.mu[:, pick],
        np.arange(len(codes.mu)),
        (z_name(axes[0]), z_name(axes[1])),
        z[pick],
        codes.mu[image, pick],
        np.diag(codes.std[image])[pick],
        note,
    )


def pca(codes: Codes, fitted: Pca, z: Floats, image: int) -> MapView:
    """The plane of the first two principal components of the codes."""
    shares = fitted.explained_variance_ratio[:2]
    titles = tuple(f"PC {i + 1} ({share:.0%} of variance)" for i, share in enumerate(shares))
    residual = float(fitted.residual(z[None])[0])
    return MapView(
        fitted.project(codes.mu),
        np.arange(len(codes.mu)),
        (titles[0], titles[1]),
        fitted.project(z[None])[0],
        fitted.project(codes.mu[image][None])[0],
        fitted.components[:2] * codes.std[image],
        f"The two components hold {shares.sum():.0%} of the variance. z lies {residual:.2f} latent "
        "units off their plane: the ring is its shadow.",
    )


def tsne(codes: Codes, points: Floats, index: NDArray[np.integer], z: Floats) -> MapView:
    """A t-SNE map of the images numbered `index`; it has no formula, so z takes its nearest."""
    at = nearest(codes.mu[index], z)
    return MapView(
        points,
        index,
        None,
        points[at],
        None,
        None,
        f"t-SNE has no inverse and its axes no meaning: the ring marks image {int(index[at])}, "
        "the one whose code is nearest to z.",
    )
