"""log p(x) and the ELBO of many images at once, where one model has two latent dimensions.

The same numbers as `training.evaluation.exact` has, image by image; what does not settle here is
computed there.
"""

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from training.evaluation.exact import Exact, Plane, bound
from training.vae.model import VAE
from training.vae.priors import GaussianPosterior

SIDES = (257, 513, 1025)  # of the grids over the plane, each through the one before
SETTLED = 5e-4  # nats, change of log p(x) from a grid with half of its sides
ORDERS = (8, 12)  # of the Gauss-Hermite rules over q(z|x), in a dimension
CODES = 2048  # that are decoded at a time


def exact_many(plane: Plane, x: Tensor) -> Iterator[Exact]:
    """Exact quantities of images (B, n), without the best q, in their order.

    log p(x) is a sum over a uniform grid, which for a smooth integrand that falls to nothing at the
    edges converges faster than any power of the step (Trefethen & Weideman 2014); the ELBO is a
    Gauss-Hermite sum; the gap is their difference. Where halving the grid's step changes log p(x)
    by more than `SETTLED`, p(x|z) is no Bernoulli, whose log is linear in x, or the prior has an
    edge, it is `plane`'s adaptive rule that says log p(x).
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
    """log p(x) of images (B, n), and its change from half of the grid, (B,) each, float64; an
    infinite change where there is no such sum."""
    logs = torch.zeros(len(x), dtype=torch.float64)
    errors = torch.full((len(x),), math.inf, dtype=torch.float64)
    vae = plane.vae
    if vae.config.likelihood != "bernoulli" or vae.prior.low > -math.inf:
        return logs, errors
    for sides in SIDES:
        open_ = (~(errors < SETTLED)).nonzero()[:, 0]
        if not len(open_):
            break
        logs[open_], errors[open_] = _on_grid(plane, x[open_], sides)
    return logs, errors


def _on_grid(plane: Plane, x: Tensor, sides: int) -> tuple[Tensor, Tensor]:
    vae, low = plane.vae, plane.low
    high = low + plane.side * round(len(plane.cells) ** 0.5)
    share = torch.linspace(0, 1, sides, dtype=torch.float64)
    axes = [low[i] + (high[i] - low[i]) * share for i in range(2)]
    whole = torch.full((len(x),), -math.inf, dtype=torch.float64)
    half = whole.clone()
    rows = max(1, CODES // sides)
    for first in range(0, sides, rows):
        z = torch.cartesian_prod(axes[0][first : first + rows], axes[1])
        output = vae.decode(z.float())
        each = vae.prior.log_prior(z) - torch.nn.functional.softplus(output).double().sum(1)
        values = (x @ output.T).double() + each
        whole = torch.logaddexp(whole, torch.logsumexp(values, 1))
        number = torch.arange(len(z)) + first * sides
        even = (number // sides % 2 == 0) & (number % sides % 2 == 0)
        if bool(even.any()):
            half = torch.logaddexp(half, torch.logsumexp(values[:, even], 1))
    area = float(torch.log((high - low) / (sides - 1)).sum())
    found, coarser = whole + area, half + area + math.log(4)
    return found, (found - coarser).abs()


@torch.no_grad()
def _elbo(vae: VAE, x: Tensor) -> tuple[Tensor, Tensor]:
    """The ELBO of images (B, n) and its change between two rules, (B,) each; infinite where q(z|x)
    is no Gaussian."""
    q = vae.encode(x)
    if not isinstance(q, GaussianPosterior):
        nothing = torch.full((len(x),), math.inf)
        return nothing, nothing
    found = []
    for order in ORDERS:
        nodes, weights = (
            torch.from_numpy(part).float() for part in np.polynomial.hermite_e.hermegauss(order)
        )
        normal = torch.cartesian_prod(nodes, nodes)[:, None]
        share = torch.outer(weights, weights).flatten() / (2 * math.pi)
        expected = []
        for rows, mu, std in zip(*(part.split(16) for part in (x, q.mu, q.std)), strict=True):
            nats = vae.likelihood.nats(vae.decode(mu + std * normal), rows)
            expected.append(share.double() @ nats.double())
        found.append(-torch.cat(expected) - vae.prior.kl(q).double().sum(1))
    return found[1], (found[1] - found[0]).abs()
