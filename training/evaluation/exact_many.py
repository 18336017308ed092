"""log p(x) and the ELBO of many images at once, where one model has two latent dimensions.

The same numbers as `training.evaluation.exact` has, image by image; what does not settle here is
computed there.
"""

import math
from collections.abc import Callable, Iterator
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from training.evaluation.exact import Exact, Plane, bound
from training.evaluation.image_terms import MATRICES
from training.vae.model import VAE
from training.vae.priors import GammaPosterior, Posterior

SIDES = (257, 513, 1025)  # of the grids over the plane, each through the one before
SETTLED = 0.02  # nats, of log p(x) from a coarser grid and of the ELBO from a smaller rule
ORDERS = (8, 12, 20, 32)  # of the Gauss rules over q(z|x), in a dimension
CODES = 2048  # that are decoded at a time
LEAST = -14.0  # of log z, where z is positive


def _distances(x: Tensor, output: Tensor) -> Tensor:
    """Σ |x − x̂| of images (B, n) under outputs (K, n), (B, K)."""
    return torch.cdist(x, torch.sigmoid(output), p=1)


# −log p(x|z) less its constant, of images (B, n) under outputs (K, n): (B, K).
COSTS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {**MATRICES, "laplace": _distances}


def exact_many(plane: Plane, x: Tensor) -> Iterator[Exact]:
    """Exact quantities of images (B, n), without the best q, in their order.

    log p(x) is a sum over a uniform grid, which for a smooth integrand that falls to nothing at the
    edges converges faster than any power of the step (Trefethen & Weideman 2014); the ELBO is a
    Gauss sum; the gap is their difference. Where one of the four grids of twice the step says
    another log p(x) by more than `SETTLED`, or no product of matrices gives p(x|z), it is
    `plane`'s adaptive rule that says log p(x).
    """
    logs, errors = _log_p(plane, x)
    elbos, more = _elbo(plane.vae, x)
    for n, one in enumerate(x):
        log_p, error = float(logs[n]), float(errors[n])
        if not error < SETTLED:
            evidence = plane.evidence(one)
            log_p, error = evidence.log_p, evidence.error
        elbo, other = float(elbos[n]), float(more[n])
        if not other < SETTLED:
            with torch.no_grad():
                q = plane.vae.encode(one[None])
            elbo, other = bound(plane.vae, one, q)
        yield Exact(log_p, elbo, log_p - elbo, error + other)


@torch.no_grad()
def _log_p(plane: Plane, x: Tensor) -> tuple[Tensor, Tensor]:
    """log p(x) of images (B, n), and its largest change from a grid of twice the step, (B,) each,
    float64; an infinite change where there is no such sum."""
    logs = torch.zeros(len(x), dtype=torch.float64)
    errors = torch.full((len(x),), math.inf, dtype=torch.float64)
    if plane.vae.config.likelihood not in COSTS:
        return logs, errors
    for sides in SIDES:
        open_ = (~(errors < SETTLED)).nonzero()[:, 0]
        if not len(open_):
            break
        logs[open_], errors[open_] = _on_grid(plane, x[open_], sides)
    return logs, errors


def _codes(places: Tensor, positive: bool) -> tuple[Tensor, Tensor]:
    """Codes at places (K, 2) of the grid, and log |dz / dplace| (K,). Where z is positive it is the
    softplus of the place: near 0 the grid is even in log z, and the integrand has no edge."""
    if not positive:
        return places, places.new_zeros(len(places))
    return F.softplus(places, threshold=40), F.logsigmoid(places).sum(1)


def _on_grid(plane: Plane, x: Tensor, sides: int) -> tuple[Tensor, Tensor]:
    vae, low = plane.vae, plane.low
    high = low + plane.side * round(len(plane.cells) ** 0.5)
    positive = vae.prior.low == 0
    if positive:
        low = torch.full_like(low, LEAST)
    cost, constant = COSTS[vae.config.likelihood], cast(float, vae.likelihood.constant(vae.shape))
    share = torch.linspace(0, 1, sides, dtype=torch.float64)
    axes = [low[i] + (high[i] - low[i]) * share for i in range(2)]
    # Of four grids of twice the step, shifted by one against each other. One alone may agree with
    # the whole by chance where p(z|x) is narrower than the step.
    parts = torch.full((4, len(x)), -math.inf, dtype=torch.float64)
    rows = max(1, CODES // sides)
    for first in range(0, sides, rows):
        z, scale = _codes(torch.cartesian_prod(axes[0][first : first + rows], axes[1]), positive)
        values = vae.prior.log_prior(z) + scale - cost(x, vae.decode(z.float())).double()
        number = torch.arange(len(z)) + first * sides
        part = 2 * (number // sides % 2) + number % sides % 2
        for n in range(4):
            if bool((part == n).any()):
                parts[n] = torch.logaddexp(parts[n], torch.logsumexp(values[:, part == n], 1))
    area = float(torch.log((high - low) / (sides - 1)).sum())
    found, coarser = torch.logsumexp(parts, 0) + area, parts + area + math.log(4)
    return found - constant, (found - coarser).abs().amax(0)


@torch.no_grad()
def _elbo(vae: VAE, x: Tensor) -> tuple[Tensor, Tensor]:
    """The ELBO of images (B, n) and its change between two rules, (B,) each."""
    q, kl = vae.encode(x), torch.zeros(len(x), dtype=torch.float64)
    kl += vae.prior.kl(q).double().sum(1)
    found = torch.full_like(kl, math.inf)
    changes = torch.full_like(kl, math.inf)
    for order in ORDERS:
        open_ = (~(changes < SETTLED)).nonzero()[:, 0]
        if not len(open_):
            break
        nodes = rule(q._make(part[open_] for part in q), order)
        now = -_expected(vae, x[open_], *nodes) - kl[open_]
        changes[open_] = (now - found[open_]).abs()
        found[open_] = now
    return found, changes


def _expected(vae: VAE, x: Tensor, z: Tensor, share: Tensor) -> Tensor:
    """Means of −log p(x|z) of images (B, n) over codes (B, N, 2) with weights (B, N), (B,)."""
    found = []
    for rows, codes, weights in zip(x.split(16), z.split(16), share.split(16), strict=True):
        nats = vae.likelihood.nats(vae.decode(codes.transpose(0, 1).float()), rows)
        found.append((weights.T * nats.double()).sum(0))
    return torch.cat(found)


def rule(q: Posterior, order: int) -> tuple[Tensor, Tensor]:
    """Codes (B, order², 2) and weights (B, order²), which sum to 1, of Gauss's rule over each
    q(z|x), by the eigenvalues of its three-term recurrence (Golub & Welsch 1969)."""
    count = np.arange(1, order)
    if isinstance(q, GammaPosterior):  # Laguerre's, whose numbers are Gammas of that shape
        shape = q.shape.double().numpy()[..., None]
        nodes, weights = _gauss(2 * np.arange(order) + shape, np.sqrt(count * (count + shape - 1)))
        nodes /= q.rate.double().numpy()[..., None]
    else:
        nodes, weights = _gauss(np.zeros((1, 1, order)), np.sqrt(count)[None, None])
        mu, std = (part.double().numpy()[..., None] for part in (q.mu, q.std))
        nodes, weights = mu + std * nodes, np.broadcast_to(weights, (*mu.shape[:2], order))
    first, second = np.repeat(nodes[:, 0], order, 1), np.tile(nodes[:, 1], (1, order))
    share = np.repeat(weights[:, 0], order, 1) * np.tile(weights[:, 1], (1, order))
    return torch.from_numpy(np.stack([first, second], -1)), torch.from_numpy(share)


def _gauss(
    diagonal: NDArray[np.float64], beside: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Nodes and weights (…, n) of rules of tridiagonal matrices: (…, n) on their diagonals, and
    (…, n − 1) beside them."""
    n = diagonal.shape[-1]
    matrices = np.zeros((*diagonal.shape, n))
    at, next_ = np.arange(n), np.arange(1, n)
    matrices[..., at, at] = diagonal
    matrices[..., next_, next_ - 1] = beside  # eigh reads the lower half
    nodes, vectors = np.linalg.eigh(matrices)
    return nodes, vectors[..., 0, :] ** 2
