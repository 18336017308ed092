"""Latent families: the approximate posterior q(z|x) and the prior p(z) it is held against.

A family turns what the encoder puts out into a distribution over z. A new one is one class with
the methods of `LatentFamily` and one row in `PRIORS`.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

MIN_LOG_VAR, MAX_LOG_VAR = -30.0, 10.0


class Posterior(NamedTuple):
    """Parameters of the diagonal Gaussian q(z|x) = N(mu, exp(log_var)), each of shape (..., d)."""

    mu: Tensor
    log_var: Tensor

    @property
    def std(self) -> Tensor:
        """Standard deviation, shape (..., d)."""
        return torch.exp(0.5 * self.log_var)


class LatentFamily(Protocol):
    """What the model, the ELBO and the explorer ask of a prior and its posterior."""

    @property
    def params_per_dim(self) -> int: ...

    def posterior(self, params: Tensor) -> Posterior: ...

    def sample(self, posterior: Posterior, generator: torch.Generator | None = None) -> Tensor: ...

    def log_posterior(self, z: Tensor, posterior: Posterior) -> Tensor: ...

    def log_prior(self, z: Tensor) -> Tensor: ...

    def kl(self, posterior: Posterior) -> Tensor: ...

    def sample_prior(
        self, n: int, latent_dim: int, generator: torch.Generator | None = None
    ) -> Tensor: ...

    def quantile(self, share: Tensor) -> Tensor: ...


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

    def posterior(self, params: Tensor) -> Posterior:
        """Split encoder outputs (..., 2·d) into mu and log variance, (..., d) each.

        Log variances stay within `MIN_LOG_VAR` and `MAX_LOG_VAR`, far outside what a trained model
        gives: one strange image must not make exp(log_var) overflow and the loss infinite.
        """
        mu, log_var = params.chunk(2, dim=-1)
        return Posterior(mu, log_var.clamp(MIN_LOG_VAR, MAX_LOG_VAR))

    def sample(self, posterior: Posterior, generator: torch.Generator | None = None) -> Tensor:
        """Draw z = mu + sigma · eps, shape (..., d), differentiable in mu and log_var.

        Source: the reparameterisation of Kingma & Welling (2014), section 2.4.
        """
        mu = posterior.mu
        eps = torch.randn(mu.shape, generator=generator, device=mu.device, dtype=mu.dtype)
        return mu + posterior.std * eps

    def log_posterior(self, z: Tensor, posterior: Posterior) -> Tensor:
        """log q(z|x) in nats, summed over dimensions: (..., d) → (...)."""
        return _log_normal(z, posterior.mu, posterior.log_var).sum(-1)

    def log_prior(self, z: Tensor) -> Tensor:
        """log p(z) in nats, summed over dimensions: (..., d) → (...)."""
        return _log_normal(z, self.mean, 2 * math.log(self.std)).sum(-1)

    def kl(self, posterior: Posterior) -> Tensor:
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
        """Where a `share` of the prior's mass in a dimension lies below, the same shape."""
        return self.mean + self.std * torch.special.ndtri(share)


PRIORS: dict[str, LatentFamily] = {
    "standard-normal": Gaussian(mean=0.0, std=1.0),
}
