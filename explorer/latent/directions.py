"""Directions of a latent grid: its sliders go along principal components. Arrays only."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from explorer.latent.codes import Codes, Dimension
from explorer.latent.pca import checked_codes

MOST = 16


class Directions(NamedTuple):
    """An orthonormal basis of the K directions in which codes vary most: `mean` (d,), `vectors`
    (K, d) in units of the codes, and `share` (K,) of the variance along each."""

    mean: NDArray[np.float32]
    vectors: NDArray[np.float32]
    share: NDArray[np.float32]


def principal(codes: Codes, most: int = MOST) -> Directions:
    """The first principal components of codes, `most` of them or fewer."""
    from sklearn.decomposition import PCA

    x = checked_codes(codes.mu, least=2)
    many = min(most, x.shape[1], len(x) - 1)
    with np.errstate(invalid="ignore", divide="ignore"):  # 0/0 where nothing varies
        fitted = PCA(many, svd_solver="covariance_eigh").fit(x)
    share = np.nan_to_num(fitted.explained_variance_ratio_)
    return Directions(
        *(part.astype(np.float32) for part in (fitted.mean_, fitted.components_, share))
    )


def dimensions_along(codes: Codes, directions: Directions) -> list[Dimension]:
    """A slider a direction, as far as the codes reach along it."""
    places = (codes.mu - directions.mean) @ directions.vectors.T
    low = np.floor(10 * places.min(0).clip(-1e6, 1e6)) / 10
    high = np.maximum(np.ceil(10 * places.max(0).clip(-1e6, 1e6)) / 10, low + 0.1)
    return [
        Dimension(n, 0.0, True, float(low[n]), float(high[n]), share=float(share))
        for n, share in enumerate(directions.share)
    ]
