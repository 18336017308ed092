"""The repulsion of t-SNE: sums over all pairs of points, on a mesh by FFT. Arrays only."""

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]


class Repulsion:
    """Sums over all pairs; of more than `FEW` points on a mesh of spacing `SPACING` by FFT.

    Points are spread over 4 × 4 nodes with cubic B-splines, the spread is convolved with
    k(r) = 1/(1 + r²), and the potential φ(yᵢ) = Σⱼ k(|yᵢ − yⱼ|) is read back with the same splines;
    dividing the transform of k by the splines' makes both exact on the nodes. Z is Σᵢ φ(yᵢ) − N,
    and as ∇k = −2 (y − yⱼ) k², the push Σⱼ k² (yᵢ − yⱼ) is −∇φ/2, from the splines' derivative.
    One forward and one inverse transform do what Linderman et al. (2019) do with four of each.
    (Smooth particle-mesh Ewald, Essmann et al. 1995, is the same idea.)
    """

    SPACING = 0.5
    FEW = 300  # points for which all pairs, one by one, cost no more than the mesh
    MOST_NODES = 1500  # a side; a wider map gets a coarser mesh

    def __init__(self) -> None:
        self._shape = (0, 0)
        self._spacing = 0.0
        self._filter: NDArray[np.float32] = np.zeros((0, 0), np.float32)

    def __call__(self, y: Doubles) -> tuple[Doubles, float]:
        """The pushes Σⱼ k² (yᵢ − yⱼ) (N, 2), and Z, of the points y (N, 2)."""
        return self._exact(y) if len(y) <= self.FEW else self._on_mesh(y)

    @staticmethod
    def _exact(y: Doubles) -> tuple[Doubles, float]:
        away = y.T[:, :, None] - y.T[:, None]
        k = 1 / (1 + away[0] ** 2 + away[1] ** 2)
        push = (k**2 * away).sum(axis=2).T
        return push, float(k.sum()) - len(y)

    def _on_mesh(self, y: Doubles) -> tuple[Doubles, float]:
        from scipy import fft

        low = y.min(axis=0)
        span = y.max(axis=0) - low
        spacing = max(self.SPACING, float(span.max()) / self.MOST_NODES)
        place = (y - low) / spacing + 1
        node = place.astype(np.int64)
        value, slope = _splines(place - node)
        self._prepare([int(2 * n + 16) for n in span / spacing + 4], spacing)
        corner = node - 1
        rows = (corner[:, :1] + np.arange(4)) * self._shape[1]
        flat = rows[:, :, None] + (corner[:, 1:] + np.arange(4))[:, None, :]
        weight = value[:, 0, :, None] * value[:, 1, None, :]
        spread = np.bincount(flat.ravel(), weight.ravel(), minlength=int(np.prod(self._shape)))
        mesh = spread.reshape(self._shape).astype(np.float32)
        potential = fft.irfft2(fft.rfft2(mesh) * self._filter, s=self._shape)
        near = potential.ravel()[flat]
        along = np.einsum("nij,nj->ni", near, value[:, 1])
        across = np.einsum("nij,nj->ni", near, slope[:, 1])
        push = np.empty_like(y)
        push[:, 0] = (along * slope[:, 0]).sum(axis=1)
        push[:, 1] = (across * value[:, 0]).sum(axis=1)
        push *= -0.5 / spacing
        z = float((along * value[:, 0]).sum()) - len(y)
        return push, z

    def _prepare(self, least: list[int], spacing: float) -> None:
        """Have the filter of a mesh that holds the map and as much empty space."""
        from scipy import fft

        fits = all(n <= have <= 1.25 * n + 16 for n, have in zip(least, self._shape, strict=True))
        if fits and spacing == self._spacing:
            return
        rows, columns = (fft.next_fast_len(int(1.08 * n), real=True) for n in least)
        self._shape, self._spacing = (rows, columns), spacing
        along, across = (np.minimum(i, i[::-1] + 1) for i in map(np.arange, self._shape))
        kernel = 1 / (1 + spacing**2 * (along[:, None] ** 2 + across**2))
        spline = [
            (2 / 3 + np.cos(2 * np.pi * f) / 3) ** 2
            for f in (fft.fftfreq(rows), fft.rfftfreq(columns))
        ]
        exact = fft.rfft2(kernel).real / (spline[0][:, None] * spline[1])
        self._filter = exact.astype(np.float32)


def _splines(t: Doubles) -> tuple[Doubles, Doubles]:
    """Cubic B-splines at the 4 nodes around, and their slopes, (N, 2, 4); t (N, 2) is in [0, 1)."""
    s = 1 - t
    value = [s**3 / 6, 2 / 3 - t * t * (1 - t / 2), 2 / 3 - s * s * (1 - s / 2), t**3 / 6]
    slope = [-s * s / 2, t * (1.5 * t - 2), -s * (1.5 * s - 2), t * t / 2]
    return np.stack(value, axis=-1), np.stack(slope, axis=-1)
