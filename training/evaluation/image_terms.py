"""The terms of many images at once: −ELBO's parts, and log p(x) or a bound on it, in nats.

With two latent dimensions log p(x) is an integral over a plane, and a lattice on it is decoded once
for all images: where log p(x|z) is linear in functions of x, what they are under all of its codes
is one product of matrices. Elsewhere it is the importance-weighted bound L_k.
"""

import math
from collections.abc import Callable
from typing import NamedTuple, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from training.vae.model import VAE, in_batches
from training.vae.priors import GammaPosterior, GaussianPosterior, Posterior
from training.vae.program import of_module

CELLS = 128  # steps of the coarse lattice across the prior, along an axis
MOST_CELLS = 256  # and across the prior and the codes of all images
FINER = 3  # how many steps of the fine lattice, which is decoded where there is mass, are in one
BETWEEN = 3  # and how many of these, between which log p(x|z) is a cubic spline, in one of those
BLOCK = 4  # coarse steps along a side of what is looked into at a time
FAR = 30.0  # nats below an image's highest, of a block that is not looked into
BESIDE = 12.0  # and of one whose neighbours are not
NODES = 5  # of the rule over q(z|x), along an axis
SAMPLES = 256  # of q(z|x), elsewhere
FEW_SAMPLES = 32  # of a decoder that takes many multiplications, or where no bound is made
MANY_PRODUCTS = 8 * 10**6
CHUNK = 2048  # codes that are decoded at a time
BATCH = 64  # images whose samples are drawn together

# −log p(x|z) less its constant, of images (B, n) under outputs (K, n): (B, K).
Matrix = Callable[[Tensor, Tensor], Tensor]
Report = Callable[[float], object]  # told the share that is done


class Terms(NamedTuple):
    """Terms of B images, (B,) each.

    `reconstruction` is the mean of the likelihood's term over q(z|x), less its constant, and `kl`
    KL(q(z|x) ‖ p(z)) in closed form. `log_p` is log p(x) or a bound below it, None where the term
    is no likelihood. `reconstruction_error` and `log_p_error` are what these may be wrong by: a
    standard error of samples, or what a coarser rule says.
    """

    reconstruction: Tensor
    reconstruction_error: Tensor
    kl: Tensor
    log_p: Tensor | None
    log_p_error: Tensor


class Method(NamedTuple):
    """How a model's terms are computed.

    `kind` is "plane", where log p(x) is an integral over a lattice, "samples", where it is bounded
    by L_k, or "term", where there is none. `k` counts samples of q(z|x).
    """

    kind: str
    k: int


def method(vae: VAE) -> Method:
    """How the terms of a model are computed."""
    config, density = vae.config, vae.prior.has_density
    if not vae.likelihood.is_nll or not density:
        return Method("term", FEW_SAMPLES if density else 1)
    plain = config.latent_dim == 2 and not config.choices and not config.grid
    if plain and config.likelihood in MATRICES:
        return Method("plane", NODES**2)
    products = of_module(vae.decoder, [config.latent_dim], {}).products
    return Method("samples", SAMPLES if products < MANY_PRODUCTS else FEW_SAMPLES)


@torch.no_grad()
def terms(
    vae: VAE, x: Tensor, labels: Tensor | None = None, report: Report = lambda _: None
) -> Terms:
    """The terms of images (B, n) with values in [0, 1]; `labels` are as `VAE.encode` takes them.
    `report` is called with the share that is done.

    Raises:
        ValueError: the model has no encoder.
    """
    found = method(vae)
    posterior = vae.encode(x, labels)
    if found.kind != "plane":
        return _by_samples(vae, x, labels, found, report)
    reconstruction, error = _by_rule(vae, x, posterior)
    report(0.2)
    log_p, unsure = Lattice(vae, posterior).log_p(x, lambda share: report(0.2 + 0.8 * share))
    return Terms(reconstruction, error, vae.prior.kl(posterior).sum(-1), log_p, unsure)


@torch.no_grad()
def bounds(vae: VAE, x: Tensor, labels: Tensor | None = None) -> Terms:
    """As `terms`, without log p(x), and soon: of what takes long as little as there must be.

    Raises:
        ValueError: as `terms`.
    """
    found = method(vae)
    if found.kind != "plane":
        few = Method("term", min(found.k, FEW_SAMPLES))
        return _by_samples(vae, x, labels, few, lambda _: None)
    posterior = vae.encode(x, labels)
    kl, nothing = vae.prior.kl(posterior).sum(-1), torch.zeros(len(x))
    return Terms(*_by_rule(vae, x, posterior), kl, None, nothing)


# --- by samples of q(z|x) -------------------------------------------------------------------------


def _by_samples(vae: VAE, x: Tensor, labels: Tensor | None, found: Method, report: Report) -> Terms:
    """Terms by k samples of q(z|x); L_k as in Burda, Grosse & Salakhutdinov (2016), equation 8."""
    generator = torch.Generator().manual_seed(0)
    parts, k = [], found.k
    for rows, own in in_batches(x, labels, BATCH):
        posterior = vae.encode(rows, own)
        values, weights = [], []
        at_once = max(1, CHUNK // len(rows))
        for done in range(0, k, at_once):
            n = min(at_once, k - done)
            many = posterior._make(p.expand(n, *p.shape) for p in posterior)
            z = vae.prior.sample(many, generator) if vae.prior.has_density else posterior.mu[None]
            value = vae.likelihood.reconstruction(vae.decode(z), rows)
            values.append(value)
            if found.kind == "samples":
                weights.append(vae.prior.log_prior(z) - vae.prior.log_posterior(z, many) - value)
        each = torch.cat(values)
        error = each.std(0) / math.sqrt(k) if k > 1 else torch.zeros(len(rows))
        log_p, unsure = None, torch.zeros(len(rows))
        if weights:
            log_weights = torch.cat(weights).double()
            bound = torch.logsumexp(log_weights, 0) - math.log(k)
            relative = torch.exp(log_weights - bound)
            log_p = bound.float() - cast(float, vae.likelihood.constant(vae.shape))
            unsure = (relative.std(0) / math.sqrt(k)).float()
        parts.append(Terms(each.mean(0), error, vae.prior.kl(posterior).sum(-1), log_p, unsure))
        report(len(parts) * BATCH / len(x))
    first = parts[0].log_p
    return Terms(
        torch.cat([part.reconstruction for part in parts]),
        torch.cat([part.reconstruction_error for part in parts]),
        torch.cat([part.kl for part in parts]),
        None if first is None else torch.cat([cast(Tensor, part.log_p) for part in parts]),
        torch.cat([part.log_p_error for part in parts]),
    )


# --- by rules, in two dimensions ------------------------------------------------------------------


def _by_rule(vae: VAE, x: Tensor, posterior: Posterior) -> tuple[Tensor, Tensor]:
    """The mean of the reconstruction term over q(z|x), and its change from a smaller rule, (B,)."""
    found = []
    for nodes in (NODES, NODES - 2):
        total = torch.zeros(len(x))
        for z, weight in _nodes(posterior, nodes):
            parts = [
                vae.likelihood.reconstruction(vae.decode(codes), rows)
                for codes, rows in zip(z.split(CHUNK), x.split(CHUNK), strict=True)
            ]
            total += weight * torch.cat(parts)
        found.append(total)
    return found[0], (found[0] - found[1]).abs()


def _nodes(posterior: Posterior, n: int) -> list[tuple[Tensor, float]]:
    """Codes (B, 2) and weights of a rule of n² nodes over each q(z|x): Gauss-Hermite's of a
    Gaussian, of a Gamma its quantiles at Gauss-Legendre's."""
    if isinstance(posterior, GaussianPosterior):
        nodes, weights = np.polynomial.hermite_e.hermegauss(n)
        weights = weights / weights.sum()
        places = [posterior.mu + posterior.std * float(node) for node in nodes]
    else:
        from scipy.special import gammaincinv

        assert isinstance(posterior, GammaPosterior)
        nodes, weights = np.polynomial.legendre.leggauss(n)
        weights = weights / weights.sum()
        shape = posterior.shape.double().numpy()
        places = [
            torch.from_numpy(gammaincinv(shape, (node + 1) / 2)).float() / posterior.rate
            for node in nodes
        ]
    return [
        (torch.stack([places[i][:, 0], places[j][:, 1]], 1), float(weights[i] * weights[j]))
        for i in range(n)
        for j in range(n)
    ]


def _bernoulli(x: Tensor, logits: Tensor) -> Tensor:
    return F.softplus(logits).sum(-1) - x @ logits.T


def _squares(x: Tensor, output: Tensor) -> Tensor:
    mean = torch.sigmoid(output)
    return (x**2).sum(-1, keepdim=True) - 2 * x @ mean.T + (mean**2).sum(-1)


def _learned(x: Tensor, output: Tensor) -> Tensor:
    n = x.shape[-1]
    log_var = output[:, n].clamp(-12.0, 4.0)
    return 0.5 * (n * log_var + _squares(x, output[:, :n]) * torch.exp(-log_var))


MATRICES: dict[str, Matrix] = {
    "bernoulli": _bernoulli,
    "gaussian": _squares,
    "gaussian-learned": _learned,
}


def _spline(nodes: int, skip: int) -> Tensor:
    """The matrix from values at every `skip`-th of the nodes to those of the cubic spline through
    them, at `BETWEEN` places from each node to the next."""
    from scipy.interpolate import CubicSpline

    at = np.arange(0, nodes, skip)
    places = np.arange((nodes - 1) * BETWEEN) / BETWEEN
    return torch.from_numpy(CubicSpline(at, np.eye(len(at)))(places)).float()


class Lattice:
    """A lattice on the latent plane of a model, over its prior and the codes of images, decoded
    once for all of these. Between its nodes log p(x|z), which is much smoother than p(x|z), is a
    cubic spline. Sums over that are integrals by the trapezoidal rule, which on a smooth hill is
    exact as soon as its step is not much wider than the hill's standard deviation.

    It is even in z or, where z is positive, in √z: near 0 a Gamma's codes lie close together.
    """

    def __init__(self, vae: VAE, posterior: Posterior) -> None:
        self.vae = vae
        self.constant = cast(float, vae.likelihood.constant(vae.shape))
        self.root = vae.prior.low == 0
        tail = torch.tensor([1e-9, 1 - 1e-9], dtype=torch.float64)
        mu, std, ends = posterior.mu.double(), posterior.std.double(), vae.prior.quantile(tail)
        if self.root:
            mu, ends = mu.sqrt(), ends.sqrt()
            std = std / (2 * mu)
        low, high = (float(v) for v in ends)
        self.step = (high - low) / CELLS
        reach = 4 * mu.std(0) if len(mu) > 1 else 8 * std[0]
        first = (mu.amin(0) - reach).clamp_max(low).clamp_min(0.0 if self.root else -math.inf)
        last = (mu.amax(0) + reach).clamp_min(high)
        middle = mu.median(0).values  # where codes lie beyond all reason, those in the middle count
        half = MOST_CELLS / 2 * self.step
        self.first = torch.maximum(first, middle - half)
        wide = (torch.minimum(last, middle + half) - self.first) / self.step / BLOCK
        self.blocks = (math.ceil(wide[0]), math.ceil(wide[1]))

    def _corner(self, block: Tensor) -> Tensor:
        """The lowest places of blocks (K,), (K, 2)."""
        at = torch.stack([block // self.blocks[1], block % self.blocks[1]], -1)
        return self.first + at * BLOCK * self.step

    def _within(self, count: int, steps: int) -> Tensor:
        """The first `count` places along either side of a block of so many steps, from its corner,
        (count², 2)."""
        along = torch.arange(count, dtype=torch.float64) * (BLOCK * self.step / steps)
        return torch.stack(torch.meshgrid(along, along, indexing="ij"), -1).reshape(-1, 2)

    def _log_likelihood(self, x: Tensor, places: Tensor) -> Tensor:
        """log p(x|z) of images (B, n) at places (K, 2), (B, K)."""
        z = places**2 if self.root else places
        return -MATRICES[self.vae.config.likelihood](x, self.vae.decode(z.float())) - self.constant

    def _log_prior(self, places: Tensor) -> Tensor:
        """log p(place) (K,), which is −∞ beyond the prior's support."""
        z, scale = (places**2, torch.log(2 * places).sum(-1)) if self.root else (places, 0.0)
        density = self.vae.prior.log_prior(z) + scale
        return torch.nan_to_num(density, -math.inf, math.inf, -math.inf).float()

    def log_p(self, x: Tensor, report: Report = lambda _: None) -> tuple[Tensor, Tensor]:
        """log p(x) of images (B, n), and what it may be wrong by: a quarter of its change
        from a spline through every other node, whose error is some sixteen times as large. Nats,
        (B,) each."""
        highest = self._highest(x)
        best = highest.amax(1, keepdim=True)
        near = (highest > best - BESIDE).float().reshape(-1, 1, *self.blocks)
        grown = F.max_pool2d(near, 3, 1, 1).reshape(len(x), -1) > 0
        active = grown | (highest > best - FAR)
        nodes = BLOCK * FINER + 1
        within = self._within(nodes, nodes - 1)
        between = self._within((nodes - 1) * BETWEEN, (nodes - 1) * BETWEEN)
        splines = [(skip, _spline(nodes, skip)) for skip in (1, 2)]
        sums = torch.full((2, len(x)), -math.inf)
        blocks = torch.nonzero(active.any(0)).reshape(-1)
        for done, block in enumerate(blocks):
            report(done / len(blocks))
            rows, corner = torch.nonzero(active[:, block]).reshape(-1), self._corner(block[None])
            known = self._log_likelihood(x[rows], corner + within).reshape(-1, nodes, nodes)
            prior = self._log_prior(corner + between)
            for n, (skip, spline) in enumerate(splines):
                all_of_it = spline @ known[:, ::skip, ::skip] @ spline.T
                total = torch.logsumexp(all_of_it.reshape(len(rows), -1) + prior, 1)
                sums[n, rows] = torch.logaddexp(sums[n, rows], total)
        sums += 2 * math.log(self.step / FINER / BETWEEN)
        return sums[0], (sums[0] - sums[1]).abs() / 4

    def _highest(self, x: Tensor) -> Tensor:
        """The highest log p(x, z) of images (B, n) on the coarse lattice in each block."""
        within, found = self._within(BLOCK, BLOCK), []
        for block in torch.arange(self.blocks[0] * self.blocks[1]).split(CHUNK // BLOCK**2):
            places = (self._corner(block)[:, None] + within).reshape(-1, 2)
            joint = self._log_likelihood(x, places) + self._log_prior(places)
            found.append(joint.reshape(len(x), len(block), -1).amax(-1))
        return torch.cat(found, 1)
