"""Times explorer.latent.tsne against sklearn.manifold.TSNE, in turns, and compares their KL(P‖Q).

    python -m benchmarks.tsne [--codes FILE.npy] [--n 10000 --dim 10] [--runs 1]

Every run is in a fresh process, so that the seconds include the imports.
"""

import argparse
import json
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]


class Result(NamedTuple):
    """A finished map (N, 2), and the seconds until it, its first step and its sample's last."""

    embedding: Doubles
    seconds: float
    first: float | None = None
    sample: float | None = None
    gap: float | None = None


def mixture(n: int, dim: int, seed: int = 0) -> Doubles:
    """Codes (n, dim) like a VAE's: ten overlapping Gaussian classes around the origin."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(10, dim))
    return centres[rng.integers(10, size=n)] + rng.normal(scale=0.6, size=(n, dim))


def joint_probabilities(codes: Doubles, perplexity: float) -> Any:
    """P of codes (N, d), sparse (N, N), over 3·perplexity exact neighbours, as both programs do.

    Bisection for the precisions β at which each conditional distribution has the perplexity
    (van der Maaten & Hinton 2008, section 2), then (P + Pᵀ) / 2N.
    """
    from scipy.sparse import csr_matrix
    from sklearn.neighbors import NearestNeighbors

    n = len(codes)
    k = min(n - 1, int(3 * perplexity))
    distance, near = NearestNeighbors(n_neighbors=k).fit(codes).kneighbors()
    d2 = distance**2
    d2 = (d2 - d2[:, :1]) / max(float(d2.mean()), 1e-300)
    low, high = np.full(n, -40.0), np.full(n, 40.0)  # of ln β
    for _ in range(60):
        middle = (low + high) / 2
        q = np.exp(-np.exp(middle)[:, None] * d2)
        q /= q.sum(axis=1, keepdims=True)
        wide = -(q * np.log(np.maximum(q, 1e-300))).sum(axis=1) > np.log(perplexity)
        low, high = np.where(wide, middle, low), np.where(wide, high, middle)
    p = csr_matrix((q.ravel(), near.ravel(), np.arange(0, n * k + 1, k)), shape=(n, n))
    return ((p + p.T) / (2 * n)).tocoo()


def tsne_kl(p: Any, embedding: NDArray[np.floating]) -> float:
    """KL(P‖Q) in nats of a map (N, 2), with Z over all pairs, a thousand rows at a time."""
    y = np.asarray(embedding, np.float64)
    z = -float(len(y))
    for rows in np.array_split(y, max(1, len(y) // 1000)):
        d2 = (rows[:, None, 0] - y[:, 0]) ** 2 + (rows[:, None, 1] - y[:, 1]) ** 2
        z += float((1 / (1 + d2)).sum())
    d2 = ((y[p.row] - y[p.col]) ** 2).sum(axis=1)
    mass = np.maximum(p.data, 1e-300)
    return float((p.data * (np.log(mass) + np.log1p(d2) + np.log(z))).sum())


def run_ours(codes: Doubles, perplexity: float) -> Result:
    """explorer.latent.tsne, with its imports."""
    begun = last = time.perf_counter()
    from explorer.latent.tsne import tsne

    first = sample = None
    gap = 0.0
    for step in tsne(codes, perplexity=perplexity):
        now = time.perf_counter()
        if first is None:
            first = now - begun
        else:
            gap = max(gap, now - last)
        if len(step.index) < len(codes):
            sample = now - begun
        last = now
    return Result(step.embedding.astype(float), last - begun, first, sample, gap)


def run_sklearn(codes: Doubles, perplexity: float) -> Result:
    """sklearn.manifold.TSNE as it comes, with its imports."""
    begun = time.perf_counter()
    from sklearn.manifold import TSNE

    embedding = TSNE(perplexity=perplexity, random_state=0).fit_transform(codes)
    return Result(embedding.astype(float), time.perf_counter() - begun)


def main() -> None:
    """Print a table with a row for every run and what follows from it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--codes", type=Path, help="an (N, d) array of codes, .npy")
    parser.add_argument("--n", type=int, default=10_000, help="codes to make where no file is")
    parser.add_argument("--dim", type=int, default=10)
    parser.add_argument("--perplexity", type=float, default=30.0)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--json", type=Path, help="a file for the numbers")
    asked = parser.parse_args()
    codes = np.load(asked.codes) if asked.codes else mixture(asked.n, asked.dim)
    print(f"{codes.shape[0]} codes of {codes.shape[1]} dimensions, perplexity {asked.perplexity:g}")
    p = joint_probabilities(codes, asked.perplexity)
    print(
        "run  ours s  sklearn s  ratio  first map s  sample s  longest gap s  "
        "KL ours  sklearn  ratio"
    )
    rows: list[dict[str, Any]] = []
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=fresh, max_tasks_per_child=1) as pool:
        for run in range(1, asked.runs + 1):
            ours = pool.submit(run_ours, codes, asked.perplexity).result()
            theirs = pool.submit(run_sklearn, codes, asked.perplexity).result()
            kl, kl_theirs = tsne_kl(p, ours.embedding), tsne_kl(p, theirs.embedding)
            print(
                f"{run:3d}  {ours.seconds:6.1f}  {theirs.seconds:9.1f}  "
                f"{ours.seconds / theirs.seconds:5.3f}  {ours.first:11.1f}  "
                f"{ours.sample or 0:8.1f}  {ours.gap:13.1f}  {kl:7.4f}  {kl_theirs:7.4f}  "
                f"{kl / kl_theirs:5.3f}",
                flush=True,
            )
            seconds = {"ours": ours.seconds, "sklearn": theirs.seconds, "first": ours.first}
            rows.append({**seconds, "gap": ours.gap, "kl": kl, "kl_sklearn": kl_theirs})
    if asked.json:
        asked.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
