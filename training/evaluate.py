"""What a checkpoint is worth on test images, in nats per image."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from training.data import to_float
from training.elbo import elbo, iwae
from training.model import VAE
from training.parallel import Team

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


@torch.no_grad()
def terms_over(
    vae: VAE, images: Tensor, seed: int = 0, chunk: int = 2000, team: Team | None = None
) -> tuple[float, tuple[float, ...]]:
    """Mean reconstruction and KL per dimension of uint8 images (N, 784), one sample each, in nats
    per image.

    The draw of z is the same for the same seed, so that epochs differ by the weights alone. A
    `team` divides the work; the result is everybody's.
    """
    team = team or Team()
    sums = torch.zeros(1 + vae.config.latent_dim, dtype=torch.float64)
    for n, rows in enumerate(images.split(chunk)):
        if n % team.size != team.rank:
            continue
        generator = torch.Generator(images.device).manual_seed(seed + n)
        terms = elbo(vae, to_float(rows), generator)
        both = torch.cat([terms.reconstruction[:, None], terms.kl_per_dim], 1)
        sums += both.cpu().double().sum(0)
    reconstruction, *per_dim = (team.total(sums) / len(images)).tolist()
    return reconstruction, tuple(per_dim)


def mean_terms(vae: VAE, images: Tensor, seed: int = 0) -> tuple[float, float]:
    """Mean reconstruction and KL of uint8 images (N, 784), as `terms_over`."""
    reconstruction, per_dim = terms_over(vae, images, seed)
    return reconstruction, sum(per_dim)


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
