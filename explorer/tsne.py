"""t-SNE that shows its map while it forms, and a disk cache of finished maps. Arrays only.

A map y minimises KL(P‖Q), where P are affinities of the codes with Gaussians of a given perplexity
and Q ∝ 1/(1 + |yᵢ − yⱼ|²) (van der Maaten & Hinton 2008). openTSNE (Poličar et al. 2024) does the
descent, with repulsion by a tree (van der Maaten 2014) or, where there are many points, by
interpolation and FFT (Linderman et al. 2019). A map of a sample comes first and is where the map
of all codes starts: that shows something within seconds, spares most of the early exaggeration,
and keeps far-apart groups in place (Kobak & Berens 2019).
"""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from explorer.projection import checked_codes

VERSION = 2  # of the algorithm: results of another version are not taken from the cache
SAMPLE = 2000
FFT_FROM = 5000  # below, the tree of Barnes & Hut is faster
LEAST_POINTS = 10
LEAST_PERPLEXITY = 2.0
# Two threads, never more: results do not depend on the machine, and a lecture's laptop stays quick.
THREADS = 2

Doubles = NDArray[np.float64]


class Phase(NamedTuple):
    """Iterations of descent with P multiplied by an exaggeration, at a momentum."""

    iterations: int
    exaggeration: float
    momentum: float


# docs/LOG.md has what else was tried.
SAMPLE_PHASES = (Phase(150, 12.0, 0.8), Phase(150, 1.0, 0.8))
REFINE_PHASES = (Phase(75, 4.0, 0.8), Phase(300, 1.0, 0.95))
SMALL_PHASES = (Phase(150, 12.0, 0.5), Phase(100, 1.0, 0.8), Phase(350, 1.0, 0.95))


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
    # One factor for all dimensions, which t-SNE does not notice, and a millionth of noise: codes
    # that are all equal would otherwise divide by zero and never part.
    x = (x - x.mean(axis=0)) / (np.abs(x).max() or 1.0)
    x += np.random.default_rng(seed).normal(scale=1e-6, size=x.shape)
    return _small(x, perplexity, seed) if len(x) <= SAMPLE else _sampled(x, perplexity, seed)


def _small(x: Doubles, perplexity: float, seed: int) -> Iterator[TsneStep]:
    from openTSNE.initialization import pca

    index = np.arange(len(x))
    total = _work(len(x), SMALL_PHASES)
    start = pca(x, random_state=seed) if x.shape[1] > 1 else _line(x)
    for done, y, kl in _descend(affinities(x, perplexity), start, SMALL_PHASES, seed):
        yield TsneStep("refining", done, total, index, y, kl, done == total)


def _sampled(x: Doubles, perplexity: float, seed: int) -> Iterator[TsneStep]:
    from openTSNE.initialization import pca
    from scipy.spatial import cKDTree

    rng = np.random.default_rng(seed)
    index = np.sort(rng.choice(len(x), SAMPLE, replace=False))
    sample = x[index]
    before = _work(SAMPLE, SAMPLE_PHASES)
    total = before + _work(len(x), REFINE_PHASES)
    p = affinities(sample, min(perplexity, (SAMPLE - 1) / 3))
    start = pca(sample, random_state=seed) if x.shape[1] > 1 else _line(sample)
    for done, y, kl in _descend(p, start, SAMPLE_PHASES, seed):
        yield TsneStep("laying out a sample", done, total, index, y, kl, False)
    yield TsneStep("finding neighbours", before, total, index, y, None, False)
    p = affinities(x, perplexity)
    # The others start amid the nearest of the sample, and all at half the size: crowded points
    # pass each other, and the repulsion soon spreads them.
    distance, near = cKDTree(sample).query(x, k=5)
    weight = 1 / (distance**2 + 1e-12)
    weight /= weight.sum(axis=1, keepdims=True)
    start = 0.5 * np.einsum("nk,nkc->nc", weight, y.astype(np.float64)[near])
    start += rng.normal(scale=0.05, size=start.shape)
    everyone = np.arange(len(x))
    for done, y, kl in _descend(p, start, REFINE_PHASES, seed):
        now = before + done
        yield TsneStep("refining", now, total, everyone, y, kl, now == total)


def _work(points: int, phases: tuple[Phase, ...]) -> int:
    return points * sum(phase.iterations for phase in phases)


def _line(x: Doubles) -> Doubles:
    """Where to start (N, 2) with codes (N, 1), of which there are no two components."""
    return np.column_stack([x[:, 0], np.zeros(len(x))]) * (1e-4 / x.std())


def affinities(x: Doubles, perplexity: float) -> Any:
    """openTSNE's affinities of codes (N, d) over 3·perplexity exact nearest neighbours."""
    from openTSNE.affinity import PerplexityBasedNN

    return PerplexityBasedNN(x, perplexity, method="exact", n_jobs=THREADS)


def _descend(
    affinity: Any, start: Doubles, phases: tuple[Phase, ...], seed: int
) -> Iterator[tuple[int, NDArray[np.float32], float | None]]:
    """Descend from `start` (N, 2); yields point-iterations done, the map, and its KL in nats."""
    from openTSNE import TSNEEmbedding

    n = len(start)
    method = "fft" if n >= FFT_FROM else "bh"
    map_ = TSNEEmbedding(
        start, affinity, negative_gradient_method=method, n_jobs=THREADS, random_state=seed
    )
    often = min(25, max(5, 100_000 // n))  # about once a second or less
    done = 0
    for phase in phases:
        for first in range(0, phase.iterations, often):
            iterations = min(often, phase.iterations - first)
            map_.optimize(
                iterations,
                exaggeration=phase.exaggeration,
                momentum=phase.momentum,
                learning_rate=n / phase.exaggeration,
                n_jobs=THREADS,
                inplace=True,
            )
            done += n * iterations
            if not np.isfinite(map_).all():  # openTSNE's next step would not survive it
                raise ValueError("The t-SNE map diverged; try another perplexity or seed.")
            # While P is exaggerated, openTSNE's KL is that of another P.
            kl = float(map_.kl_divergence) if phase.exaggeration == 1 else None
            yield done, np.asarray(map_, dtype=np.float32).copy(), kl


def cache_path(cache_dir: Path, codes: ArrayLike, perplexity: float, seed: int) -> Path:
    """The file of the finished map of these codes, by their content; it need not exist."""
    x = np.ascontiguousarray(codes)
    asked = (VERSION, x.shape, x.dtype.str, float(perplexity), int(seed))
    digest = hashlib.blake2b(repr(asked).encode(), digest_size=16)
    digest.update(x.tobytes())
    return Path(cache_dir) / f"{digest.hexdigest()}.npz"


def load_cached(path: Path, points: int) -> NDArray[np.float32] | None:
    """The map (points, 2) in a file; None where there is none or it is damaged."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            embedding = stored["embedding"]
    except Exception:  # whatever a damaged archive makes NumPy and zlib raise
        return None
    if embedding.shape != (points, 2) or embedding.dtype != np.float32:
        return None
    return embedding if np.isfinite(embedding).all() else None


def store_cached(path: Path, embedding: NDArray[np.float32]) -> None:
    """Write a map (N, 2) to a file, whole or not at all. OSError where that is impossible."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=".partial")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, embedding=embedding.astype(np.float32))
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
