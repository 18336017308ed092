"""Latent families: the approximate posterior q(z|x) and the prior p(z) it is held against.

A family turns what the encoder puts out into a distribution over z. A new one is one class with
the methods of `LatentFamily` and one row in `PRIORS`; its twin in the browser is a class of
`explorer/web/model/families.js`.
"""

import math
import re
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, Self

import torch
from torch import Tensor

MIN_LOG_VAR, MAX_LOG_VAR = -30.0, 10.0
SMALLEST, LARGEST = 1e-3, 1e4  # bounds of a Gamma posterior's shape and rate


class Posterior(Protocol):
    """Parameters of q(z|x), each of shape (..., d): a NamedTuple of tensors."""

    @property
    def mu(self) -> Tensor: ...

    @property
    def std(self) -> Tensor: ...

    def __iter__(self) -> Any: ...

    @classmethod
    def _make(cls, iterable: Any) -> Self: ...


class GaussianPosterior(NamedTuple):
    """Parameters of the diagonal Gaussian q(z|x) = N(mu, exp(log_var)), each of shape (..., d)."""

    mu: Tensor
    log_var: Tensor

    @property
    def std(self) -> Tensor:
        """Standard deviation, shape (..., d)."""
        return torch.exp(0.5 * self.log_var)


class GammaPosterior(NamedTuple):
    """Parameters of q(z|x) = Gamma(shape, rate) in every dimension, each of shape (..., d)."""

    shape: Tensor
    rate: Tensor

    @property
    def mu(self) -> Tensor:
        """Mean, shape (..., d)."""
        return self.shape / self.rate

    @property
    def std(self) -> Tensor:
        """Standard deviation, shape (..., d)."""
        return torch.sqrt(self.shape) / self.rate


class LatentFamily(Protocol):
    """Interface of a prior and its approximate posterior."""

    @property
    def params_per_dim(self) -> int: ...

    @property
    def low(self) -> float: ...

    @property
    def title(self) -> str: ...

    @property
    def has_density(self) -> bool: ...

    def posterior(self, params: Tensor) -> Any: ...

    def sample(self, posterior: Any, generator: torch.Generator | None = None) -> Tensor: ...

    def log_posterior(self, z: Tensor, posterior: Any) -> Tensor: ...

    def log_prior(self, z: Tensor) -> Tensor: ...

    def kl(self, posterior: Any) -> Tensor: ...

    def sample_prior(
        self, n: int, latent_dim: int, generator: torch.Generator | None = None
    ) -> Tensor: ...

    def quantile(self, share: Tensor) -> Tensor: ...

    def facts(self) -> dict[str, Any]: ...


def quantile_table(prior: LatentFamily) -> dict[str, Any]:
    """Quantiles of a prior, as `values` at the mass that a standard normal has below `first`,
    `first` + `step`, …"""
    first, last, n = -4.0, 4.0, 161
    t = torch.linspace(first, last, n, dtype=torch.float64)
    values = [float(f"{v:.6g}") for v in prior.quantile(torch.special.ndtr(t))]
    return {"first": first, "step": (last - first) / (n - 1), "values": values}


def _log_normal(z: Tensor, mean: Tensor | float, log_var: Tensor | float) -> Tensor:
    log_var = torch.as_tensor(log_var, dtype=z.dtype, device=z.device)
    return -0.5 * (math.log(2 * math.pi) + log_var + (z - mean) ** 2 * torch.exp(-log_var))


@dataclass(frozen=True)
class Gaussian:
    """Diagonal Gaussian posterior with the prior N(mean, std²) in every dimension."""

    mean: float = 0.0
    std: float = 1.0

    @property
    def params_per_dim(self) -> int:
        """Numbers that the encoder puts out for each latent dimension: mu and log variance."""
        return 2

    @property
    def low(self) -> float:
        """The smallest value that z can take in a dimension."""
        return -math.inf

    @property
    def has_density(self) -> bool:
        """Whether q(z|x) and p(z) have densities, so that there is a KL."""
        return True

    @property
    def title(self) -> str:
        """The prior as it is written: N(mean, standard deviation²)."""
        return f"N({self.mean:g}, {self.std:g}²)" if self.std != 1 else f"N({self.mean:g}, 1)"

    def posterior(self, params: Tensor) -> GaussianPosterior:
        """Split encoder outputs (..., 2·d) into mu and log variance, (..., d) each.

        Log variances stay within `MIN_LOG_VAR` and `MAX_LOG_VAR`, far outside what a trained model
        gives: one strange image must not make exp(log_var) overflow and the loss infinite.
        """
        mu, log_var = params.chunk(2, dim=-1)
        return GaussianPosterior(mu, log_var.clamp(MIN_LOG_VAR, MAX_LOG_VAR))

    def sample(
        self, posterior: GaussianPosterior, generator: torch.Generator | None = None
    ) -> Tensor:
        """Draw z = mu + sigma · eps, shape (..., d), differentiable in mu and log_var.

        Source: the reparameterisation of Kingma & Welling (2014), section 2.4.
        """
        mu = posterior.mu
        eps = torch.randn(mu.shape, generator=generator, device=mu.device, dtype=mu.dtype)
        return mu + posterior.std * eps

    def log_posterior(self, z: Tensor, posterior: GaussianPosterior) -> Tensor:
        """log q(z|x) in nats, summed over dimensions: (..., d) → (...)."""
        return _log_normal(z, posterior.mu, posterior.log_var).sum(-1)

    def log_prior(self, z: Tensor) -> Tensor:
        """log p(z) in nats, summed over dimensions: (..., d) → (...)."""
        return _log_normal(z, self.mean, 2 * math.log(self.std)).sum(-1)

    def kl(self, posterior: GaussianPosterior) -> Tensor:
        """KL(q(z|x) ‖ p(z)) in nats, per dimension, shape (..., d); closed form.

        Source: Kingma & Welling (2014), appendix B, for a prior N(mean, std²) instead of N(0, 1).
        """
        log_ratio = posterior.log_var - 2 * math.log(self.std)
        distance = ((posterior.mu - self.mean) / self.std) ** 2
        return 0.5 * (torch.exp(log_ratio) + distance - 1 - log_ratio)

    def sample_prior(
        self, n: int, latent_dim: int, generator: torch.Generator | None = None
    ) -> Tensor:
        """Draw n codes from the prior, shape (n, d)."""
        return self.mean + self.std * torch.randn(n, latent_dim, generator=generator)

    def quantile(self, share: Tensor) -> Tensor:
        """Quantile of the prior in a dimension, `share` of the mass below it; any shape."""
        return self.mean + self.std * torch.special.ndtri(share)

    def facts(self) -> dict[str, Any]:
        """Numbers that the browser needs: its name in `families.js`, mean and standard deviation
        of the prior, the lower end of its support (None: there is none), and its own."""
        return {
            "family": "gaussian",
            "mean": self.mean,
            "std": self.std,
            "low": None,
            "log_var": [MIN_LOG_VAR, MAX_LOG_VAR],
        }


@dataclass(frozen=True)
class Point(Gaussian):
    """Codes that are points, of an autoencoder without variance: no q(z|x), no prior and no KL.

    `mean` and `std` are where the codes of images lie, in every dimension; samples are drawn there.
    """

    @property
    def params_per_dim(self) -> int:
        """Numbers that the encoder puts out for each latent dimension: the code."""
        return 1

    @property
    def has_density(self) -> bool:
        """There is none."""
        return False

    @property
    def title(self) -> str:
        """No prior."""
        return "none"

    def posterior(self, params: Tensor) -> GaussianPosterior:
        """The codes (..., d), with a variance of 0."""
        return GaussianPosterior(params, torch.full_like(params, -math.inf))

    def kl(self, posterior: GaussianPosterior) -> Tensor:
        """0 in each dimension, shape (..., d): nothing is held against a prior."""
        return torch.zeros_like(posterior.mu)

    def facts(self) -> dict[str, Any]:
        """Numbers that the browser needs, as `Gaussian.facts`."""
        return {"family": "point", "mean": self.mean, "std": self.std, "low": None}


@dataclass(frozen=True)
class Gamma:
    """Gamma posterior with the prior Gamma(shape, rate) in every dimension; z is positive."""

    shape: float = 2.0
    rate: float = 1.0

    @property
    def params_per_dim(self) -> int:
        """Numbers that the encoder puts out for each latent dimension: for shape and rate."""
        return 2

    @property
    def low(self) -> float:
        """The smallest value that z can take in a dimension."""
        return 0.0

    @property
    def has_density(self) -> bool:
        """Whether q(z|x) and p(z) have densities, so that there is a KL."""
        return True

    @property
    def title(self) -> str:
        """The prior as it is written: Gamma(shape, rate)."""
        return f"Gamma({self.shape:g}, {self.rate:g})"

    def posterior(self, params: Tensor) -> GammaPosterior:
        """Encoder outputs (..., 2·d), log shape and log rate → shape and rate, (..., d) each.

        Both stay within bounds far outside what a trained model gives.
        """
        log_params = params.clamp(math.log(SMALLEST), math.log(LARGEST))
        shape, rate = torch.exp(log_params).chunk(2, dim=-1)
        return GammaPosterior(shape, rate)

    def sample(self, posterior: GammaPosterior, generator: torch.Generator | None = None) -> Tensor:
        """Draw z ~ q(z|x), shape (..., d), differentiable in shape and rate.

        Source: implicit reparameterisation gradients (Figurnov, Mohamed & Mnih 2018), as
        torch's `_standard_gamma` gives them.
        """
        standard = torch._standard_gamma(posterior.shape, generator)
        # Very small shapes give numbers that round to 0, where the density has no logarithm.
        return standard.clamp_min(torch.finfo(standard.dtype).tiny * 1e4) / posterior.rate

    def log_posterior(self, z: Tensor, posterior: GammaPosterior) -> Tensor:
        """log q(z|x) in nats, summed over dimensions: (..., d) → (...)."""
        return _log_gamma(z, posterior.shape, posterior.rate).sum(-1)

    def log_prior(self, z: Tensor) -> Tensor:
        """log p(z) in nats, summed over dimensions: (..., d) → (...)."""
        shape, rate = (z.new_tensor(v) for v in (self.shape, self.rate))
        return _log_gamma(z, shape, rate).sum(-1)

    def kl(self, posterior: GammaPosterior) -> Tensor:
        """KL(q(z|x) ‖ p(z)) in nats, per dimension, shape (..., d); closed form.

        Source: Penny (2001), "KL-divergences of Normal, Gamma, Dirichlet and Wishart densities".
        """
        a, b = _exact(posterior.shape), _exact(posterior.rate)
        kl = (
            (a - self.shape) * torch.digamma(a)
            - torch.lgamma(a)
            + math.lgamma(self.shape)
            + self.shape * (torch.log(b) - math.log(self.rate))
            + a * (self.rate - b) / b
        )
        return kl.to(posterior.shape.dtype)

    def sample_prior(
        self, n: int, latent_dim: int, generator: torch.Generator | None = None
    ) -> Tensor:
        """Draw n codes from the prior, shape (n, d)."""
        shape = torch.full((n, latent_dim), self.shape)
        return torch._standard_gamma(shape, generator) / self.rate

    def quantile(self, share: Tensor) -> Tensor:
        """Quantile of the prior in a dimension, `share` of the mass below it; any shape."""
        from scipy.special import gammaincinv

        return torch.as_tensor(gammaincinv(self.shape, share.numpy()) / self.rate).to(share.dtype)

    def facts(self) -> dict[str, Any]:
        """Numbers that the browser needs, as `Gaussian.facts`."""
        return {
            "family": "gamma",
            "mean": self.shape / self.rate,
            "std": self.shape**0.5 / self.rate,
            "low": 0.0,
            "shape": self.shape,
            "rate": self.rate,
            "bounds": [SMALLEST, LARGEST],
            "quantiles": quantile_table(self),
        }


def _exact(values: Tensor) -> Tensor:
    """In float64, where the device has it: a narrow Gamma's terms are thousands and cancel."""
    return values if values.device.type == "mps" else values.double()


def _log_gamma(z: Tensor, shape: Tensor, rate: Tensor) -> Tensor:
    a, b, x = _exact(shape), _exact(rate), _exact(z)
    density = a * torch.log(b) + (a - 1) * torch.log(x) - b * x - torch.lgamma(a)
    return density.to(z.dtype)


PRIORS: dict[str, LatentFamily] = {
    "standard-normal": Gaussian(mean=0.0, std=1.0),
    "normal-1-2": Gaussian(mean=1.0, std=2.0),
    "gamma": Gamma(shape=2.0, rate=1.0),
}
_NORMAL = re.compile(r"(normal|point)-(-?\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)", re.ASCII)


def find(name: str) -> LatentFamily:
    """The family called `name`: a row of `PRIORS`, `normal-M-S` for the prior N(M, S²), or
    `point-M-S` for codes without a prior, which lie about M ± S.

    Raises:
        ValueError: naming the valid ones, where there is none.
    """
    if name in PRIORS:
        return PRIORS[name]
    found = _NORMAL.fullmatch(name[:40])
    if found and 0.001 <= float(found[3]) <= 1000 and abs(float(found[2])) <= 1000:
        kind = Gaussian if found[1] == "normal" else Point
        return kind(float(found[2]), float(found[3]))
    raise ValueError(
        f"prior {name[:40]!r} is not known; the valid ones are {', '.join(PRIORS)}, and normal-M-S "
        "(or point-M-S, without a prior) for a mean M from -1000 to 1000 and a standard deviation "
        "S from 0.001 to 1000."
    )
