"""Choices beside a continuous code: labels that a network is given, and categorical latents.

In a code z of d numbers the choices come last, each as the number of its option, from 0.
"""

import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple

import torch
import torch.nn.functional as F
from msgspec import Meta
from torch import Tensor

from training.vae.priors import Gaussian, GaussianPosterior

MOST_OPTIONS = 1000

Text = Annotated[str, Meta(min_length=1, max_length=200)]


@dataclass(frozen=True)
class Choice:
    """A number of a code that names one of `options`.

    A `label` is given to encoder and decoder; a `categorical` latent has the probabilities that the
    encoder gives, and a uniform prior.
    """

    name: Text
    options: Annotated[tuple[Text, ...], Meta(min_length=2, max_length=MOST_OPTIONS)]
    kind: Literal["label", "categorical"]


class ChoicePosterior(NamedTuple):
    """Parameters of q(z|x): `mean` and `log_var` (..., d − m) of the continuous numbers, and
    `chances` (..., m, K), the probability of each option, 0 beyond a choice's own."""

    mean: Tensor
    log_var: Tensor
    chances: Tensor

    @property
    def mu(self) -> Tensor:
        """Mean of the continuous numbers, and the likeliest option of each choice, (..., d)."""
        return torch.cat([self.mean, self.chances.argmax(-1).to(self.mean.dtype)], -1)

    @property
    def std(self) -> Tensor:
        """Standard deviation, 0 for a choice, (..., d)."""
        none = torch.zeros_like(self.chances[..., 0])
        return torch.cat([torch.exp(0.5 * self.log_var), none], -1)


@dataclass(frozen=True)
class WithChoices:
    """Latent family of a Gaussian one and m choices; z has the choices behind the continuous
    numbers."""

    family: Gaussian
    choices: tuple[Choice, ...]

    @property
    def params_per_dim(self) -> int:
        """Numbers that the encoder puts out for each continuous dimension."""
        return self.family.params_per_dim

    @property
    def has_density(self) -> bool:
        """Whether q(z|x) and p(z) have densities, so that there is a KL."""
        return self.family.has_density

    @property
    def low(self) -> float:
        """The smallest value that z can take in a continuous dimension."""
        return self.family.low

    @property
    def title(self) -> str:
        """The prior as it is written: the continuous one, × Cat(K) for each categorical latent."""
        sizes = [f" × Cat({len(c.options)})" for c in self.choices if c.kind == "categorical"]
        return self.family.title + "".join(sizes)

    def posterior(self, params: Tensor, given: Tensor | None = None) -> ChoicePosterior:
        """q(z|x) of encoder outputs (..., k): the family's numbers, then the probabilities of each
        categorical latent. `given` (..., labels) has the labels, by default the first of each."""
        sizes = [len(c.options) for c in self.choices if c.kind == "categorical"]
        head = params.shape[-1] - sum(sizes)
        continuous = self.family.posterior(params[..., :head])
        rows = iter(params[..., head:].split(sizes, -1) if sizes else ())
        labels = [n for n, c in enumerate(self.choices) if c.kind == "label"]
        if given is None:
            given = params.new_zeros(*params.shape[:-1], len(labels))
        most = max(len(c.options) for c in self.choices)
        chances = []
        for n, choice in enumerate(self.choices):
            if choice.kind == "categorical":
                row = next(rows)
            else:
                which = given[..., labels.index(n)].long().clamp(0, len(choice.options) - 1)
                row = F.one_hot(which, len(choice.options)).to(params.dtype)
            chances.append(F.pad(row, (0, most - len(choice.options))))
        return ChoicePosterior(continuous.mu, continuous.log_var, torch.stack(chances, -2))

    def _continuous(self, posterior: ChoicePosterior) -> GaussianPosterior:
        return GaussianPosterior(posterior.mean, posterior.log_var)

    def sample(
        self, posterior: ChoicePosterior, generator: torch.Generator | None = None
    ) -> Tensor:
        """Draw z, shape (..., d)."""
        z = self.family.sample(self._continuous(posterior), generator)
        flat = posterior.chances.reshape(-1, posterior.chances.shape[-1])
        drawn = torch.multinomial(flat, 1, generator=generator)
        return torch.cat([z, drawn.reshape(posterior.chances.shape[:-1]).to(z.dtype)], -1)

    def _log_options(self, z: Tensor, posterior: ChoicePosterior) -> Tensor:
        """log q of the options in z, 0 for labels, (..., m)."""
        chances = posterior.chances
        which = F.one_hot(z[..., -len(self.choices) :].long(), chances.shape[-1])
        log_q = torch.log((which * chances).sum(-1).clamp_min(1e-30))
        return log_q * self._categorical(log_q)

    def _categorical(self, like: Tensor) -> Tensor:
        return like.new_tensor([float(c.kind == "categorical") for c in self.choices])

    def log_posterior(self, z: Tensor, posterior: ChoicePosterior) -> Tensor:
        """log q(z|x) in nats: (..., d) → (...)."""
        continuous = z[..., : -len(self.choices)]
        found = self.family.log_posterior(continuous, self._continuous(posterior))
        return found + self._log_options(z, posterior).sum(-1)

    def log_prior(self, z: Tensor) -> Tensor:
        """log p(z) in nats, of uniform categorical latents: (..., d) → (...)."""
        found = self.family.log_prior(z[..., : -len(self.choices)])
        return found - sum(
            math.log(len(c.options)) for c in self.choices if c.kind == "categorical"
        )

    def kl(self, posterior: ChoicePosterior) -> Tensor:
        """KL(q(z|x) ‖ p(z)) in nats, per dimension, (..., d); closed form. Of a categorical latent
        log K less the entropy (Dupont 2018, equation 7); of a label 0."""
        chances = posterior.chances
        sizes = chances.new_tensor([math.log(len(c.options)) for c in self.choices])
        entropy = -torch.special.xlogy(chances, chances).sum(-1)
        options = (sizes - entropy) * self._categorical(chances)
        return torch.cat([self.family.kl(self._continuous(posterior)), options], -1)

    def sample_prior(
        self, n: int, latent_dim: int, generator: torch.Generator | None = None
    ) -> Tensor:
        """Draw n codes from the prior, labels evenly, shape (n, d)."""
        z = self.family.sample_prior(n, latent_dim - len(self.choices), generator)
        columns = [
            torch.randint(len(c.options), (n, 1), generator=generator).float() for c in self.choices
        ]
        return torch.cat([z, *columns], -1)

    def quantile(self, share: Tensor) -> Tensor:
        """Quantile of the prior in a continuous dimension; any shape."""
        return self.family.quantile(share)

    def facts(self) -> dict[str, Any]:
        """Numbers that the browser needs: the continuous family's, and the choices."""
        return {**self.family.facts(), "choices": [facts(choice) for choice in self.choices]}


def facts(choice: Choice) -> dict[str, Any]:
    """A choice as the browser has it."""
    return {"name": choice.name, "options": list(choice.options), "kind": choice.kind}
