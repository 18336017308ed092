"""What a checkpoint is worth on test images, in nats per image."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from training.data import to_float
from training.elbo import elbo, iwae
from training.model import VAE

ACTIVE_VARIANCE = 0.01


@dataclass(frozen=True)
class Evaluation:
    """Means over `images` test images, nats per image.

    `reconstruction` and `neg_elbo` are one-sample estimates, `kl` is exact; `iwae` is the
    importance-weighted bound on −log p(x) with `k` samples. `active_units` counts the latent
    dimensions whose posterior mean varies over the images by more than 0.01.
    """

    reconstruction: float
    kl: float
    neg_elbo: float
    iwae: float
    active_units: int
    kl_per_dim: tuple[float, ...]
    latent_dim: int
    k: int
    images: int


def active_units(mu: Tensor, threshold: float = ACTIVE_VARIANCE) -> Tensor:
    """Which latent dimensions are in use, bool (d,), from posterior means (N, d).

    Source: Burda, Grosse & Salakhutdinov (2016), section 5.2: Var_x(E_q[z|x]) > 0.01.
    """
    return mu.var(dim=0) > threshold


@torch.no_grad()
def evaluate_steps(
    vae: VAE, images: Tensor, k: int = 100, seed: int = 0, chunk: int = 500
) -> Iterator[int | Evaluation]:
    """Evaluate uint8 images (N, 784) and yield how many are done; the last item is the result.

    Raises:
        ValueError: if k is not positive.
    """
    generator = torch.Generator(images.device).manual_seed(seed)
    sums = torch.zeros(3, dtype=torch.float64)
    per_dim = torch.zeros(vae.config.latent_dim, dtype=torch.float64)
    means, done = [], 0
    for rows in images.split(chunk):
        x = to_float(rows)
        terms = elbo(vae, x, generator)
        bound = iwae(vae, x, k, generator)
        sums += torch.stack(
            [t.cpu().double().sum() for t in (terms.reconstruction, terms.kl, bound)]
        )
        per_dim += terms.kl_per_dim.cpu().double().sum(0)
        means.append(terms.posterior.mu.cpu())
        done += len(rows)
        yield done
    reconstruction, kl, bound_mean = (sums / done).tolist()
    yield Evaluation(
        reconstruction,
        kl,
        reconstruction + kl,
        bound_mean,
        int(active_units(torch.cat(means)).sum()),
        tuple((per_dim / done).tolist()),
        vae.config.latent_dim,
        k,
        done,
    )


def evaluate(vae: VAE, images: Tensor, k: int = 100, seed: int = 0) -> Evaluation:
    """As `evaluate_steps`, without the progress."""
    *_, result = evaluate_steps(vae, images, k, seed)
    assert isinstance(result, Evaluation)
    return result
