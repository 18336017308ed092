"""Exact quantities of a VAE with two latent dimensions, by quadrature over its latent plane.

With two dimensions nothing is intractable: log p(x), the true posterior p(z|x) and how far q(z|x)
is from it can be computed, and log p(x) = ELBO + KL(q(z|x) ‖ p(z|x)) (Kingma & Welling 2014,
equation 1) can be seen to hold. All in nats per image.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor

from training.vae.model import VAE
from training.vae.priors import GammaPosterior, GaussianPosterior, Posterior

DEPTH = 7  # of halvings of a coarse cell's sides
CELLS = 128  # coarse cells along an axis
NODES = 4  # of a Gauss-Legendre rule, along a side of a cell
TOLERANCE = 1e-4  # of log p(x), nats
NEGLIGIBLE = 18.0  # nats below all of p(x), of a cell that is not halved
FAR = 60.0  # nats below the highest, of a coarse cell that is not looked into
PANELS = 4  # along an axis, of the rule over q(z|x), at first
REACH = 8.0  # how far that rule goes, in standard deviations of q(z|x)
CHUNK = 4096  # codes that are decoded at a time

LogDensity = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Evidence:
    """log p(x) of one image, nats, and the true posterior p(z|x) on the nodes that found it.

    `error` is the change of log p(x) from half the resolution. `z` (N, 2) are nodes and `mass` (N,)
    their shares of p(z|x), which sum to 1; `mean` (2,) and `covariance` (2, 2) are its moments.
    """

    log_p: float
    error: float
    z: Tensor
    mass: Tensor

    @property
    def mean(self) -> Tensor:
        """Mean of p(z|x), (2,)."""
        return self.mass @ self.z

    @property
    def covariance(self) -> Tensor:
        """Covariance of p(z|x), (2, 2)."""
        away = self.z - self.mean
        return (self.mass[:, None] * away).T @ away


@dataclass(frozen=True)
class Exact:
    """What the identity is made of, for one image, nats: log_p = elbo + gap.

    `elbo` has the KL in closed form and the reconstruction by quadrature over q(z|x); `gap` is
    KL(q(z|x) ‖ p(z|x)), by quadrature of its own. `error` is what all three may be wrong by, as the
    changes from half the resolution say. `best_gaussian_elbo` is the ELBO of the Gaussian q with
    a diagonal covariance that is best for this image (for a Gamma family the best such q): what is
    between it and `elbo` is the amortisation gap, what is between it and `log_p` the approximation
    gap (Cremer, Li & Duvenaud 2018). None where it was not asked for.
    """

    log_p: float
    elbo: float
    gap: float
    error: float
    best_gaussian_elbo: float | None = None


class ExactError(ValueError):
    """A model has no exact quantities; the message is a sentence."""


def check(vae: VAE) -> None:
    """Refuse a model whose log p(x) is no integral over a plane.

    Raises:
        ExactError: saying why.
    """
    config = vae.config
    if config.latent_dim == 2 and config.choices:
        raise ExactError(
            "log p(x) is not computed for models with labels or categories beside z. L_k, which "
            "rises to it with k, is what there is."
        )
    if config.latent_dim != 2 or config.grid:
        size = f"{config.latent_dim} latent dimensions"
        raise ExactError(
            f"log p(x) is computed exactly for 2 latent dimensions, and this model has {size}: a "
            "grid over more has too many places. L_k, which rises to it with k, is what there is."
        )
    if not vae.likelihood.is_nll or not vae.prior.has_density:
        raise ExactError(
            "There is no log p(x): the model was trained with a distance, or has no prior."
        )


def _legendre(n: int) -> tuple[Tensor, Tensor]:
    """Nodes in (0, 1) and weights, (n,) each, of the Gauss-Legendre rule."""
    nodes, weights = np.polynomial.legendre.leggauss(n)
    return torch.from_numpy((nodes + 1) / 2), torch.from_numpy(weights / 2)


def _rule(n: int) -> tuple[Tensor, Tensor]:
    """Nodes (n², 2) and log weights (n²,) of the tensor rule on the unit square."""
    nodes, weights = _legendre(n)
    across, up = torch.meshgrid(nodes, nodes, indexing="ij")
    return torch.stack([across, up], -1).reshape(-1, 2), torch.log(
        torch.outer(weights, weights).reshape(-1)
    )


class Plane:
    """The latent plane of a model: where its prior and codes are, in coarse cells decoded once.

    Memory is bounded: outputs are kept for CELLS² codes at most, and others decoded in chunks.

    Raises:
        ExactError: as `check`.
    """

    def __init__(self, vae: VAE, codes: Tensor | None = None) -> None:
        check(vae)
        self.vae = vae
        tail = torch.tensor([1e-9, 1 - 1e-9], dtype=torch.float64)
        low, high = (float(v) for v in vae.prior.quantile(tail))
        corners = torch.tensor([[low, low], [high, high]], dtype=torch.float64)
        if codes is not None and len(codes):
            spread = 4 * codes.double().std(0, correction=0)  # of one code, too
            corners[0] = torch.minimum(corners[0], codes.double().amin(0) - spread)
            corners[1] = torch.maximum(corners[1], codes.double().amax(0) + spread)
        self.low = corners[0].clamp_min(vae.prior.low)
        self.side = (corners[1] - self.low) / CELLS
        steps = torch.arange(CELLS, dtype=torch.float64)
        across, up = torch.meshgrid(steps, steps, indexing="ij")
        self.cells = self.low + torch.stack([across, up], -1).reshape(-1, 2) * self.side
        self._rule = _rule(NODES)

    def log_joint(self, x: Tensor) -> LogDensity:
        """log p(x, z) of an image (n,) as a function of codes (N, 2) → (N,), float64."""

        @torch.no_grad()
        def density(z: Tensor) -> Tensor:
            found = [
                self.vae.prior.log_prior(rows)
                - self.vae.likelihood.nats(self.vae.decode(rows.float()), x).double()
                for rows in z.split(CHUNK)
            ]
            return torch.cat(found)

        return density

    @torch.no_grad()
    def coarse(self, x: Tensor) -> Tensor:
        """log p(x, z) of images (B, n) at the middle of each coarse cell, (B, CELLS²)."""
        middles, found = self.cells + self.side / 2, []
        row = self.vae.likelihood
        for z in middles.split(CHUNK // 8):
            output = self.vae.decode(z.float())
            nats = torch.stack([row.nats(output, one) for one in x])
            found.append(self.vae.prior.log_prior(z) - nats.double())
        return torch.cat(found, 1)

    def evidence(self, x: Tensor, coarse: Tensor | None = None) -> Evidence:
        """log p(x) of an image (n,), and p(z|x): cells are halved where the halves say something
        else than the whole. `coarse` (CELLS²,) is what `coarse` gives for it."""
        values = self.coarse(x[None])[0] if coarse is None else coarse
        near = (values > values.max() - FAR).reshape(CELLS, CELLS)
        grown = torch.nn.functional.max_pool2d(near[None, None].float(), 3, 1, 1)[0, 0] > 0
        corners, density = self.cells[grown.reshape(-1)], self.log_joint(x)
        side = self.side.clone()
        wholes, z, logs = self._integrals(corners, side, density)
        kept: list[tuple[Tensor, Tensor]] = []  # nodes, and logs of their weights times density
        settled = changes = open_change = torch.tensor(-math.inf, dtype=torch.float64)
        for depth in range(DEPTH + 1):
            total = torch.logaddexp(settled, torch.logsumexp(wholes, 0))
            done = wholes < total - NEGLIGIBLE
            if depth == DEPTH:
                done = torch.ones_like(done)
                changes = torch.logaddexp(changes, open_change)
            kept.append((z[done].reshape(-1, 2), logs[done].reshape(-1)))
            settled = torch.logaddexp(settled, torch.logsumexp(wholes[done], 0))
            corners, wholes = corners[~done], wholes[~done]
            if not len(corners):
                break
            side = side / 2
            offsets = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=torch.float64) * side
            quarters = (corners[:, None] + offsets).reshape(-1, 2)
            parts, z, logs = self._integrals(quarters, side, density)
            both = torch.logsumexp(parts.reshape(-1, 4), 1)
            change = torch.maximum(both, wholes) + torch.log(
                (-torch.expm1(-(both - wholes).abs())).clamp_min(1e-300)
            )
            fine = change < total + math.log(TOLERANCE / max(len(corners), 16))
            four = fine[:, None].expand(-1, 4).reshape(-1)
            kept.append((z[four].reshape(-1, 2), logs[four].reshape(-1)))
            if bool(fine.any()):
                settled = torch.logaddexp(settled, torch.logsumexp(both[fine], 0))
                changes = torch.logaddexp(changes, torch.logsumexp(change[fine], 0))
            open_change = torch.logsumexp(change[~fine], 0)
            corners, wholes = quarters[~four], parts[~four]
            z, logs = z[~four], logs[~four]
        nodes = torch.cat([part for part, _ in kept])
        weights = torch.cat([part for _, part in kept])
        log_p = float(torch.logsumexp(weights, 0))
        return Evidence(log_p, float(torch.exp(changes - log_p)), nodes, torch.exp(weights - log_p))

    def _integrals(
        self, corners: Tensor, side: Tensor, density: LogDensity
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Logs of the integrals over cells (K,); their nodes (K, n², 2), and the logs of weight
        times density there (K, n²)."""
        unit, log_weights = self._rule
        z = corners[:, None] + unit * side
        logs = density(z.reshape(-1, 2)).reshape(len(corners), -1)
        logs = logs + log_weights + torch.log(side).sum()
        return torch.logsumexp(logs, 1), z, logs


def over_q(
    vae: VAE, posterior: Posterior, integrand: LogDensity, panels: int
) -> tuple[float, float]:
    """E_q of a function of codes (N, 2) → (N,) by a composite rule over q(z|x) (2,) each, and the
    share of q that the rule sees, which should be 1."""
    mean, std = (v.reshape(2).double() for v in (posterior.mu, posterior.std))
    low, high = mean - REACH * std, mean + REACH * std
    low = low.clamp_min(vae.prior.low)
    if isinstance(posterior, GammaPosterior):  # its tail is longer
        high = mean + 3 * REACH * std
    unit, log_weights = _rule(6)
    side = (high - low) / panels
    steps = torch.arange(panels, dtype=torch.float64)
    across, up = torch.meshgrid(steps, steps, indexing="ij")
    corners = low + torch.stack([across, up], -1).reshape(-1, 2) * side
    z = (corners[:, None] + unit * side).reshape(-1, 2)
    own = posterior._make(p.reshape(1, 2).double() for p in posterior)
    weights = torch.exp(
        vae.prior.log_posterior(z, own) + log_weights.repeat(len(corners)) + torch.log(side).sum()
    )
    seen = weights > 1e-14
    return float(weights[seen] @ integrand(z[seen])), float(weights.sum())


def _settled(value: Callable[[int], float]) -> tuple[float, float]:
    """A value at a number of panels that is enough, and its change from half of that."""
    panels, before = PANELS, value(PANELS)
    while True:
        panels *= 2
        now = value(panels)
        if abs(now - before) < TOLERANCE or panels >= 16 * PANELS:
            return now, abs(now - before)
        before = now


def bound(vae: VAE, x: Tensor, posterior: Posterior) -> tuple[float, float]:
    """The ELBO of an image (n,) for any q of the family, parameters (2,) each, nats: the KL in
    closed form, the reconstruction by quadrature; and what it may be wrong by."""

    @torch.no_grad()
    def log_likelihood(z: Tensor) -> Tensor:
        parts = [
            -vae.likelihood.nats(vae.decode(rows.float()), x).double() for rows in z.split(CHUNK)
        ]
        return torch.cat(parts)

    own = posterior._make(p.reshape(2) for p in posterior)
    kl = float(vae.prior.kl(own).double().sum())
    expected, error = _settled(lambda panels: over_q(vae, own, log_likelihood, panels)[0])
    return expected - kl, error


def gap(plane: Plane, x: Tensor, posterior: Posterior, evidence: Evidence) -> tuple[float, float]:
    """KL(q ‖ p(z|x)) of an image (n,), nats, by quadrature of q·log(q / p(z|x)); and what it may be
    wrong by."""
    vae, density = plane.vae, plane.log_joint(x)
    own = posterior._make(p.reshape(2) for p in posterior)
    alone = own._make(p.reshape(1, 2).double() for p in own)

    def log_ratio(z: Tensor) -> Tensor:
        log_q = vae.prior.log_posterior(z, alone)
        return log_q - (density(z) - evidence.log_p)

    # An odd number of panels: other nodes than the bound's.
    return _settled(lambda panels: over_q(vae, own, log_ratio, panels + 1)[0])


def best_gaussian(
    vae: VAE, x: Tensor, starts: list[Posterior], steps: int = 60
) -> tuple[Posterior, float]:
    """The q of the model's family that is best for an image (n,), parameters (1, 2) each, and its
    ELBO in nats: climbed from each of the `starts`, by the reparameterisation on a fixed rule."""
    found: list[tuple[Posterior, float]] = []
    for start in starts:
        climbed = _climb(vae, x, start, steps)
        found += [(q, bound(vae, x, q)[0]) for q in (start, climbed)]
    return max(found, key=lambda one: one[1])


def _climb(vae: VAE, x: Tensor, start: Posterior, steps: int) -> Posterior:
    first = [p.detach().reshape(1, 2) for p in start]
    gaussian = isinstance(start, GaussianPosterior)
    # Parameters without bounds: μ and log σ², or the logs of a Gamma's shape and rate.
    free = torch.cat([*first] if gaussian else [torch.log(p) for p in first]).requires_grad_()
    rule = np.polynomial.hermite_e.hermegauss(10)
    nodes, weights = (torch.from_numpy(part).float() for part in rule)
    normal = torch.stack(torch.meshgrid(nodes, nodes, indexing="ij"), -1).reshape(-1, 2)
    share = torch.outer(weights, weights).reshape(-1) / (2 * math.pi)
    uniform = torch.special.ndtr(normal.double())
    optimiser = torch.optim.LBFGS([free], max_iter=steps, line_search_fn="strong_wolfe")

    def cost() -> Tensor:
        optimiser.zero_grad()
        q = GaussianPosterior(free[:1], free[1:]) if gaussian else _gamma(free)
        z = q.mu + q.std * normal if isinstance(q, GaussianPosterior) else _quantile(q, uniform)
        nats = vae.likelihood.nats(vae.decode(z), x)
        total = share @ nats + vae.prior.kl(q).sum()
        total.backward()
        return total

    optimiser.step(cost)
    end = free.detach()
    if not bool(torch.isfinite(end).all()):
        return start
    return cast(Posterior, GaussianPosterior(end[:1], end[1:]) if gaussian else _gamma(end))


def _gamma(logs: Tensor) -> GammaPosterior:
    shape, rate = torch.exp(logs)
    return GammaPosterior(shape[None], rate[None])


def _quantile(q: GammaPosterior, uniform: Tensor) -> Tensor:
    """Quantiles of a Gamma at shares (N, 2), differentiable in shape and rate: implicitly in the
    shape (Figurnov, Mohamed & Mnih 2018), by a difference of the quantile itself."""
    from scipy.special import gammaincinv

    shape, rate = q
    shares = uniform.numpy()
    at = shape.detach().double().numpy()
    step = 1e-4 * at
    value = torch.from_numpy(gammaincinv(at, shares)).float()
    slope = torch.from_numpy(
        (gammaincinv(at + step, shares) - gammaincinv(at - step, shares)) / (2 * step)
    ).float()
    return (value + slope * (shape - shape.detach())) / rate


@torch.no_grad()
def start_of(vae: VAE, evidence: Evidence) -> Posterior:
    """The q of the model's family with the moments of p(z|x), parameters (1, 2) each."""
    mean, variance = evidence.mean.float()[None], evidence.covariance.diagonal().float()[None]
    variance = variance.clamp_min(1e-8)
    if vae.prior.low == 0:
        return cast(Posterior, GammaPosterior(mean**2 / variance, mean / variance))
    return cast(Posterior, GaussianPosterior(mean, torch.log(variance)))


def exact(plane: Plane, x: Tensor, coarse: Tensor | None = None, best: bool = False) -> Exact:
    """The exact quantities of an image (n,) with values in [0, 1]."""
    vae = plane.vae
    with torch.no_grad():
        posterior = vae.encode(x[None])
    evidence = plane.evidence(x, coarse)
    elbo, first = bound(vae, x, posterior)
    apart, second = gap(plane, x, posterior, evidence)
    top = None
    if best:
        # The moments alone may lie between two modes; the encoder's q is in one.
        _, top = best_gaussian(vae, x, [posterior, start_of(vae, evidence)])
    return Exact(evidence.log_p, elbo, apart, evidence.error + first + second, top)
