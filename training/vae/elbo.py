"""The evidence lower bound and the importance-weighted bound, per image, in nats.

Both are given as costs, bounds on −log p(x) from above, so that lower is better and the sum
reads as on the screen: −ELBO = reconstruction + KL.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from training.vae.likelihoods import Likelihood
from training.vae.model import VAE, in_batches
from training.vae.priors import Posterior


class Elbo(NamedTuple):
    """The two terms for a batch of B images.

    `reconstruction` (B,) is the one-sample estimate of the likelihood's term, summed over a
    picture's values;
    where that is a negative log-likelihood, of −E_q log p(x|z) less `constant`, in nats per image.
    `kl_per_dim` (B, d) is KL(q(z|x) ‖ p(z)) in closed form, in nats.
    """

    reconstruction: Tensor
    kl_per_dim: Tensor
    posterior: Posterior
    z: Tensor
    constant: float | None

    @property
    def kl(self) -> Tensor:
        """KL(q(z|x) ‖ p(z)), summed over latent dimensions, shape (B,)."""
        return self.kl_per_dim.sum(-1)

    @property
    def total(self) -> Tensor:
        """Reconstruction + KL, which training minimises where β = 1, shape (B,)."""
        return self.reconstruction + self.kl

    @property
    def neg_elbo(self) -> Tensor:
        """−ELBO in nats, with the likelihood's constant, shape (B,).

        Raises:
            ValueError: where the reconstruction term is no negative log-likelihood.
        """
        if self.constant is None:
            raise ValueError("There is no ELBO: the reconstruction term is no log-likelihood.")
        return self.total + self.constant


def elbo(
    vae: VAE,
    x: Tensor,
    generator: torch.Generator | None = None,
    encoder_input: Tensor | None = None,
    rows_elsewhere: tuple[int, int] = (0, 0),
    labels: Tensor | None = None,
) -> Elbo:
    """One-sample estimate of −ELBO for images x of shape (B, n) with values in [0, 1].

    `encoder_input`, where given, is what the encoder sees instead of x (a noisy copy, in
    training); the reconstruction is always measured against x. The bound holds for any q.
    Where x is a part of a batch, `rows_elsewhere` counts the batch's rows before and after it, and
    z is the one that the whole batch would have been given. `labels` are as `VAE.encode` takes
    them.

    Source: Kingma & Welling (2014), equation 7 (here with its sign turned).
    """
    posterior = vae.encode(x if encoder_input is None else encoder_input, labels)
    z = _sample_within(vae, posterior, rows_elsewhere, generator)
    row = vae.likelihood
    reconstruction = row.reconstruction(vae.decode(z), x)
    return Elbo(reconstruction, vae.prior.kl(posterior), posterior, z, row.constant(vae.shape))


def _sample_within(
    vae: VAE, part: Posterior, rows_elsewhere: tuple[int, int], generator: torch.Generator | None
) -> Tensor:
    """z of a part of a batch, from the random numbers that the whole batch takes."""
    before, after = rows_elsewhere
    if not before and not after:
        return vae.prior.sample(part, generator)
    whole = part._make(
        torch.cat([p[:1].expand(before, -1), p, p[-1:].expand(after, -1)]) for p in part
    )
    return vae.prior.sample(whole, generator)[before : before + len(part.mu)]


@torch.no_grad()
def iwae(
    vae: VAE,
    x: Tensor,
    k: int,
    generator: torch.Generator | None = None,
    chunk: int = 4096,
    likelihood: Likelihood | None = None,
    labels: Tensor | None = None,
) -> Tensor:
    """Importance-weighted bound on −log p(x) with k samples, shape (B,), in nats per image.

    Computes −L_k = −log (1/k) Σ_i p(x, z_i) / q(z_i|x) with z_i ~ q(z|x); −L_1 is −ELBO in
    expectation and −L_k falls towards −log p(x) as k grows. At most `chunk` codes are decoded at
    a time, so that memory does not grow with k. Another `likelihood` than the model's reads its
    pictures by that one.

    Raises:
        ValueError: if k or chunk is not positive, or the likelihood's term is a distance.

    Source: Burda, Grosse & Salakhutdinov (2016), equation 8 (here with its sign turned).
    """
    if k < 1 or chunk < 1:
        raise ValueError(f"k = {k} and chunk = {chunk} must both be at least 1.")
    row, bounds = likelihood or vae.likelihood, []
    for rows, own in in_batches(x, labels, chunk):
        posterior = vae.encode(rows, own)
        total = torch.full((len(rows),), -math.inf, device=x.device)
        at_once = max(1, chunk // len(rows))
        for done in range(0, k, at_once):
            n = min(at_once, k - done)
            many = posterior._make(p.expand(n, *p.shape) for p in posterior)
            z = vae.prior.sample(many, generator)
            output = vae.decode(z)
            if likelihood is not None:  # the model's own may give other numbers than logits of x̂
                output = vae.likelihood.logits(output)
            log_weight = (
                vae.prior.log_prior(z) - vae.prior.log_posterior(z, many) - row.nats(output, rows)
            )
            total = torch.logaddexp(total, torch.logsumexp(log_weight, dim=0))
        bounds.append(math.log(k) - total)
    return torch.cat(bounds)
