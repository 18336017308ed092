"""t-SNE that shows its map while it forms, and a disk cache of finished maps. Arrays only.

A map y minimises KL(P‖Q), where P are affinities of the codes with Gaussians of a given perplexity
and Q ∝ 1/(1 + |yᵢ − yⱼ|²) (van der Maaten & Hinton 2008). The gradient, up to a factor 4, is
Σⱼ pᵢⱼ qᵢⱼ (yᵢ − yⱼ) − Σⱼ qᵢⱼ² (yᵢ − yⱼ) / Z with the unnormalised q and their sum Z. The first
sum runs over 3·perplexity neighbours (openTSNE's kernels, Poličar et al. 2024), the second over all
pairs, on a mesh by FFT (after Linderman et al. 2019; see `mesh.Repulsion`). A map of a sample comes
first and is where the map of all codes starts, which also keeps far-apart groups in place (Kobak &
Berens 2019). Every sum is computed by one thread, so that a result can be computed again bit by
bit.
"""

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from explorer.latent import disk_cache
from explorer.latent.fft_repulsion import Repulsion
from explorer.latent.pca import checked_codes

VERSION = 3  # of the algorithm: results of another version are not taken from the cache
SAMPLE = 2000
LEAST_POINTS = 10
LEAST_PERPLEXITY = 2.0

MAX_BYTES = 10**9  # of memory for one map
BYTES_EACH = 195  # of memory for a code and a unit of perplexity; docs/LOG.md has what was seen

Doubles = NDArray[np.float64]


class Phase(NamedTuple):
    """Iterations of descent with P multiplied by an exaggeration, at a momentum."""

    iterations: int
    exaggeration: float
    momentum: float


# docs/LOG.md has what else was tried.
SAMPLE_PHASES = (Phase(100, 12.0, 0.5), Phase(75, 4.0, 0.8), Phase(175, 1.0, 0.9))
REFINE_PHASES = (Phase(100, 4.0, 0.9), Phase(400, 1.0, 0.95))
SMALL_PHASES = (
    Phase(150, 12.0, 0.5),
    Phase(100, 4.0, 0.8),
    Phase(100, 1.0, 0.9),
    Phase(300, 1.0, 0.95),
)


@dataclass(frozen=True, slots=True)
class TsneStep:
    """A map on its way: the points `index` (n,) of the codes, at `embedding` (n, 2).

    `done` of `total` is the progress over all stages, `stage` says what is being done, `kl` is
    KL(P‖Q) in nats of the points shown, and `final` marks the last step, which has all points.
    """

    stage: str
    done: int
    total: int
    index: NDArray[np.int64]
    embedding: NDArray[np.float32]
    kl: float | None
    final: bool


def tsne(codes: ArrayLike, *, perplexity: float = 30.0, seed: int = 0) -> Iterator[TsneStep]:
    """Map codes (N, d) to the plane, step by step; codes are compared as they are, unscaled.

    Where N > SAMPLE, the first steps show a sample of SAMPLE codes. The same codes, perplexity and
    seed give the same final map. ValueError, as a sentence, as in `checked_codes` or where the
    perplexity is not within 2 and (N − 1)/3.
    """
    x = checked_codes(codes, LEAST_POINTS)
    most = (len(x) - 1) / 3
    if not LEAST_PERPLEXITY <= perplexity <= most:
        raise ValueError(
            f"The perplexity is {perplexity:g}; with {len(x)} codes it must be between "
            f"{LEAST_PERPLEXITY:g} and {most:g}. Choose one in that range, or encode more images."
        )
    # One factor for all dimensions, which t-SNE does not notice: no square under- or overflows.
    x = x / (np.abs(x).max() or 1.0)
    x -= x.mean(axis=0)
    x /= np.abs(x).max() or 1.0
    return _small(x, perplexity, seed) if len(x) <= SAMPLE else _sampled(x, perplexity, seed)


def affordable(points: int, perplexity: float) -> float:
    """The perplexity, or the greatest whole one at which a map of so many codes takes no more than
    `MAX_BYTES` of memory: three neighbours a unit of perplexity are kept for each code."""
    return min(perplexity, max(LEAST_PERPLEXITY, MAX_BYTES // (BYTES_EACH * points)))


def _small(x: Doubles, perplexity: float, seed: int) -> Iterator[TsneStep]:
    rng = np.random.default_rng(seed)
    index = np.arange(len(x))
    total = _work(len(x), SMALL_PHASES)
    descent = Descent(affinities(x, perplexity), principal_start(x, rng))
    for done in descent.run(SMALL_PHASES):
        yield descent.step("refining", done, total, index, done == total)


def _sampled(x: Doubles, perplexity: float, seed: int) -> Iterator[TsneStep]:
    from scipy.spatial import cKDTree

    rng = np.random.default_rng(seed)
    index = np.sort(rng.choice(len(x), SAMPLE, replace=False))
    sample = x[index]
    before = _work(SAMPLE, SAMPLE_PHASES)
    total = before + _work(len(x), REFINE_PHASES)
    # Two cores have two things to do: all codes' neighbours, and the map of the sample.
    with ThreadPoolExecutor(1) as pool, ThreadPoolExecutor(1) as finder:
        start = principal_start(sample, rng)
        first = affinities(sample, min(perplexity, (SAMPLE - 1) / 3))
        found = finder.submit(affinities, x, perplexity)
        descent = Descent(first, start)
        for done in descent.run(SAMPLE_PHASES):
            yield descent.step("laying out a sample", done, total, index)
        while not found.done():
            with contextlib.suppress(TimeoutError):
                found.result(timeout=0.5)
            yield descent.step("finding neighbours", before, total, index)
        # The others start amid the nearest of the sample, and all at half the size: crowded
        # points pass each other, and the repulsion soon spreads them.
        distance, near = cKDTree(sample).query(x, k=5)
        weight = 1 / (distance**2 + 1e-12)
        weight /= weight.sum(axis=1, keepdims=True)
        start = 0.5 * np.einsum("nk,nkc->nc", weight, descent.y[near])
        start += rng.normal(scale=0.05, size=start.shape)
        descent = Descent(found.result(), start, pool)
        everyone = np.arange(len(x))
        for done in descent.run(REFINE_PHASES):
            now = before + done
            yield descent.step("refining", now, total, everyone, now == total)


def _work(points: int, phases: tuple[Phase, ...]) -> int:
    return points * sum(phase.iterations for phase in phases)


def affinities(x: Doubles, perplexity: float) -> Any:
    """The joint probabilities P of codes (N, d), a sparse (N, N) matrix with the sum 1."""
    from openTSNE.affinity import PerplexityBasedNN

    return PerplexityBasedNN(x, perplexity, method="exact", n_jobs=1).P


def principal_start(x: Doubles, rng: np.random.Generator) -> Doubles:
    """Where to start (N, 2): the first principal components, tiny (Kobak & Berens 2019).

    A hundredth of that is noise, without which codes that are equal would never part.
    """
    centred = x - x.mean(axis=0)
    places = np.zeros((len(x), 2))
    basis = np.linalg.svd(centred, full_matrices=False)[2][:2]
    basis *= np.sign(basis[np.arange(len(basis)), np.abs(basis).argmax(axis=1)])[:, None]
    places[:, : len(basis)] = centred @ basis.T
    places *= 1e-4 / (places[:, 0].std() or 1.0)
    return places + rng.normal(scale=1e-6, size=places.shape)


class Descent:
    """Gradient descent of KL(P‖Q) with momentum and a gain per coordinate (Jacobs 1988).

    The learning rate is N / exaggeration (Belkina et al. 2019), which fits the gradient without
    its factor 4. No point moves more than 5 in a step. Given a pool, the two sums of the gradient
    are computed at the same time, which pays from some thousands of points on.
    """

    def __init__(self, p: Any, start: Doubles, pool: ThreadPoolExecutor | None = None) -> None:
        self.p, self.y, self._pool = p, start.copy(), pool
        self._move = np.zeros_like(start)
        self._gain = np.ones_like(start)
        self._repulsion = Repulsion()

    def run(self, phases: tuple[Phase, ...]) -> Iterator[int]:
        """Descend; yields how many point-iterations are done, about once in a second or less."""
        n = len(self.y)
        often = min(25, max(1, 500_000 // n))
        done = 0
        for phase in phases:
            for i in range(1, phase.iterations + 1):
                self._descend(phase)
                done += n
                if i % often == 0 or i == phase.iterations:
                    yield done

    def step(
        self, stage: str, done: int, total: int, index: NDArray[np.int64], final: bool = False
    ) -> TsneStep:
        """The map as it is now."""
        return TsneStep(
            stage, done, total, index, self.y.astype(np.float32), self.divergence(), final
        )

    def divergence(self) -> float:
        """KL(P‖Q) in nats, with Z from the mesh."""
        mass, kl, _ = self._attract(measure=True)
        return float(kl + mass * np.log(self._repulsion(self.y)[1]))

    def _attract(self, measure: bool = False) -> tuple[float, float, Doubles]:
        from openTSNE import _tsne

        pull = np.zeros_like(self.y)
        p, y = self.p, self.y
        mass, kl = _tsne.estimate_positive_gradient_nn(
            p.indices, p.indptr, p.data, y, y, pull, 1, num_threads=1, should_eval_error=measure
        )
        return mass, kl, pull

    def _descend(self, phase: Phase) -> None:
        pending = self._pool.submit(self._attract) if self._pool else None
        push, z = self._repulsion(self.y)
        pull = (pending.result() if pending else self._attract())[2]
        gradient = phase.exaggeration * pull - push / z
        turned = np.sign(self._move) != np.sign(gradient)  # a move goes against its gradient
        self._gain = np.where(turned, self._gain + 0.2, self._gain * 0.8 + 0.01)
        rate = len(self.y) / phase.exaggeration
        self._move = phase.momentum * self._move - rate * self._gain * gradient
        length = np.sqrt((self._move**2).sum(axis=1, keepdims=True))
        self._move *= 5 / np.maximum(length, 5)
        self.y += self._move
        self.y -= self.y.mean(axis=0)


def cache_path(cache_dir: Path, codes: ArrayLike, perplexity: float, seed: int) -> Path:
    """The file of the finished map of these codes, by their content; it need not exist."""
    asked = (VERSION, float(perplexity), int(seed))
    return Path(cache_dir) / disk_cache.name_of(asked, np.asarray(codes))


def load_cached(path: Path, points: int) -> NDArray[np.float32] | None:
    """The map (points, 2) in a file; None where there is none or it is damaged."""
    embedding = (disk_cache.load(path) or {}).get("embedding")
    if embedding is None or embedding.shape != (points, 2) or embedding.dtype != np.float32:
        return None
    return embedding if np.isfinite(embedding).all() else None


def store_cached(path: Path, embedding: NDArray[np.float32]) -> None:
    """Write a map (N, 2) to a file, whole or not at all. OSError where that is impossible."""
    disk_cache.store(path, embedding=embedding.astype(np.float32))
