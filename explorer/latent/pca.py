"""The plane of the first two principal components. Arrays only."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.floating]


def checked_codes(codes: ArrayLike, least: int) -> NDArray[np.float64]:
    """The codes as an (N, d) float64 array.

    ValueError, as a sentence, unless N ≥ `least`, d ≥ 1 and every value is finite.
    """
    x = np.asarray(codes, dtype=np.float64)
    if x.ndim != 2 or x.shape[1] == 0:
        raise ValueError(
            f"The codes have the shape {x.shape}; a projection needs (N, d), one row per image "
            "and d ≥ 1 latent dimensions."
        )
    if len(x) < least:
        raise ValueError(
            f"There are {len(x)} codes and this projection needs at least {least}; encode more "
            "images."
        )
    bad = int((~np.isfinite(x)).any(axis=1).sum())
    if bad:
        raise ValueError(
            f"{bad} of the {len(x)} codes hold a NaN or an infinity; codes must be finite. "
            "Use another checkpoint, or leave those images out."
        )
    return x


class Pca(NamedTuple):
    """An orthonormal basis of the plane in which the codes vary most.

    `mean` (d,) is a point of the plane and `components` (2, d) span it, in units of the codes;
    with d = 1 the second component is zero. `explained_variance_ratio` (d,) is the share of the
    variance along each of all d principal components, in falling order.
    """

    mean: NDArray[np.float64]
    components: NDArray[np.float64]
    explained_variance_ratio: NDArray[np.float64]

    def project(self, codes: Floats) -> NDArray[np.float64]:
        """The places (M, 2) on the plane of the codes (M, d)."""
        return (np.asarray(codes, np.float64) - self.mean) @ self.components.T


def fit_pca(codes: ArrayLike) -> Pca:
    """The principal plane of the codes (N, d), N ≥ 2, by a full SVD whose signs are fixed.

    Of codes that do not vary, every direction explains a share of 0. ValueError as in
    `checked_codes`.
    """
    from sklearn.decomposition import PCA

    x = checked_codes(codes, least=2)
    d = x.shape[1]
    with np.errstate(invalid="ignore", divide="ignore"):  # 0/0 where nothing varies
        fitted = PCA(svd_solver="full").fit(x)
    components = np.zeros((2, d))
    found = fitted.components_[:2]
    components[: len(found)] = found
    ratio = np.zeros(d)
    ratio[: len(fitted.components_)] = np.nan_to_num(fitted.explained_variance_ratio_)
    return Pca(fitted.mean_, components, ratio)
