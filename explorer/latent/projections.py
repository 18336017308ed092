"""The map: where codes lie under a projection, and how z is found there. Arrays only.

A new one is one function and one row in `PROJECTIONS`; how z is found there, the browser has in a
class of `explorer/web/map/projections.js`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.figures.theme import z_name
from explorer.latent.codes import Codes
from explorer.latent.directions import Directions
from explorer.latent.pca import fit_pca

Floats = NDArray[np.floating]


@dataclass(frozen=True)
class MapView:
    """A projection of n of the codes.

    `points` (n, 2) are the places of the images numbered `index` (n,). `spec` tells the stage how z
    is found on the map (docs/FORMATS.md). `axis_titles` is None where the axes mean nothing.
    `codes` (N, d), of all images, come along only where z can be found by no formula.
    """

    points: Floats
    index: NDArray[np.integer]
    axis_titles: tuple[str, str] | None
    spec: dict[str, Any]
    codes: Floats | None = None


def plane(codes: Codes, axes: tuple[int, int]) -> MapView:
    """Two latent dimensions (numbered from 0), the others seen end on."""
    return MapView(
        codes.mu[:, list(axes)],
        np.arange(len(codes.mu)),
        (z_name(axes[0]), z_name(axes[1])),
        {"kind": "plane", "axes": list(axes)},
    )


def pca(codes: Codes) -> MapView:
    """The plane of the first two principal components of the codes."""
    fitted = fit_pca(codes.mu)
    shares = fitted.explained_variance_ratio[:2]
    titles = tuple(f"PC {i + 1} ({share:.0%} of variance)" for i, share in enumerate(shares))
    return MapView(
        fitted.project(codes.mu),
        np.arange(len(codes.mu)),
        (titles[0], titles[1]),
        {
            "kind": "pca",
            "mean": fitted.mean.tolist(),
            "components": fitted.components[:2].tolist(),
        },
    )


def principal(codes: Codes, directions: Directions) -> MapView:
    """The plane of the first two directions of a latent grid, along which its sliders go."""
    vectors = directions.vectors[:2].astype(np.float64)
    titles = tuple(
        f"PC {i + 1} ({share:.0%} of variance)" for i, share in enumerate(directions.share)
    )
    return MapView(
        (codes.mu - directions.mean) @ vectors.T,
        np.arange(len(codes.mu)),
        (titles[0], titles[1]),
        {"kind": "pca", "mean": directions.mean.tolist(), "components": vectors.tolist()},
    )


def tsne(codes: Codes, points: Floats, index: NDArray[np.integer]) -> MapView:
    """A t-SNE map of the images numbered `index`. It has no formula: z takes its nearest image."""
    return MapView(points, index, None, {"kind": "t-sne"}, codes.mu)


def nothing(codes: Codes) -> MapView:
    """No map yet, or none at all: sliders and pictures do without."""
    return MapView(codes.mu[:0, :0].reshape(0, 2), np.arange(0), None, {"kind": "none"})


@dataclass(frozen=True)
class Projection:
    """A row of `PROJECTIONS`.

    `project` maps the codes; None where that takes more than them, which the page has: the axes of
    a plane, a t-SNE that runs.
    """

    title: str
    project: Callable[[Codes], MapView] | None = None


PROJECTIONS: dict[str, Projection] = {
    "plane": Projection("Latent plane"),
    "pca": Projection("PCA", pca),
    "t-sne": Projection("t-SNE"),
}
