"""Metrics of a model on test images: ELBO terms, bounds, information, accuracy of its codes."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from training.data.image_set import Factor, to_float
from training.distributed import Team
from training.evaluation.disentanglement import FactorGap, factor_gaps, mutual_information_gap
from training.evaluation.sample_quality import Quality
from training.vae.elbo import elbo, iwae
from training.vae.likelihoods import LIKELIHOODS
from training.vae.model import VAE, in_batches
from training.vae.priors import Posterior

ACTIVE_VARIANCE = 0.01
IWAE_SAMPLES, IWAE_IMAGES = 500, 1000


@dataclass(frozen=True)
class Evaluation:
    """Metrics of a checkpoint over `images` test images; means in nats per image.

    `reconstruction` is the term that it was trained with (in the likelihood's own unit) and
    `neg_elbo` its −ELBO with the likelihood's constant, None where no ELBO can be claimed; both
    are one-sample estimates, `kl` is exact. `bernoulli` is the reconstruction of the same pictures
    as a Bernoulli's probabilities, whatever was trained. `iwae` is the importance-weighted bound
    on the Bernoulli's −log p(x) with `k` samples over the first `iwae_images`; it and
    `bernoulli_neg_elbo` are None where no ELBO can be claimed.

    `active_units` counts the latent dimensions whose posterior mean varies over the images by more
    than 0.01. `mutual_information` is that of x and z under q, at most log `images`; None where q
    has no density.
    `knn_accuracy` is the share of test images whose class the codes of the 5 nearest training
    images tell; `quality` is of samples from the prior. Both are None where not asked for.

    `factors` are those known of the images, each with the dimension that tells most of it, and
    `mutual_information_gap` is the mean of their gaps, None where no factors are known.
    """

    reconstruction: float
    kl: float
    neg_elbo: float | None
    bernoulli: float
    bernoulli_neg_elbo: float | None
    iwae: float | None
    active_units: int
    mutual_information: float | None
    kl_per_dim: tuple[float, ...]
    latent_dim: int
    k: int
    iwae_images: int
    images: int
    knn_accuracy: float | None = None
    quality: Quality | None = None
    mutual_information_gap: float | None = None
    factors: tuple[FactorGap, ...] = ()


@torch.no_grad()
def terms_over(
    vae: VAE,
    images: Tensor,
    seed: int = 0,
    chunk: int = 2000,
    team: Team | None = None,
    labels: Tensor | None = None,
) -> tuple[float, tuple[float, ...]]:
    """Mean reconstruction and KL per dimension of uint8 images (N, n), one sample each, in nats
    per image.

    The draw of z is the same for the same seed, so that epochs differ by the weights alone. A
    `team` divides the work; the result is everybody's. `labels` are as `VAE.encode` takes them.
    """
    team = team or Team()
    sums = torch.zeros(1 + vae.config.latent_dim, dtype=torch.float64)
    for n, (rows, own) in enumerate(in_batches(images, labels, chunk)):
        if n % team.size != team.rank:
            continue
        generator = torch.Generator(images.device).manual_seed(seed + n)
        terms = elbo(vae, to_float(rows), generator, labels=own)
        both = torch.cat([terms.reconstruction[:, None], terms.kl_per_dim], 1)
        sums += both.cpu().double().sum(0)
    reconstruction, *per_dim = (team.total(sums) / len(images)).tolist()
    return reconstruction, tuple(per_dim)


def mean_terms(
    vae: VAE, images: Tensor, seed: int = 0, labels: Tensor | None = None
) -> tuple[float, float]:
    """Mean reconstruction and KL of uint8 images (N, n), as `terms_over`."""
    reconstruction, per_dim = terms_over(vae, images, seed, labels=labels)
    return reconstruction, sum(per_dim)


def active_units(mu: Tensor, threshold: float = ACTIVE_VARIANCE) -> Tensor:
    """Mask of the latent dimensions in use, bool (d,), from posterior means (N, d).

    Source: Burda, Grosse & Salakhutdinov (2016), section 5.2: Var_x(E_q[z|x]) > 0.01.
    """
    return mu.var(dim=0) > threshold


@torch.no_grad()
def mutual_information(
    vae: VAE, z: Tensor, posterior: Posterior, pairs_at_once: int = 2_000_000
) -> float:
    """I(x; z) under q in nats, from one z ~ q(z|x) an image, both (N, d); at most log N.

    Estimates E[log q(z|x) − log q(z)], where q(z) is the mean of the N posteriors.
    Source: Hoffman & Johnson (2016), "ELBO surgery", section 3.
    """
    n, d = z.shape
    total = vae.prior.log_posterior(z, posterior).double().sum()
    all_of_them = posterior._make(p[None] for p in posterior)
    for rows in z.split(max(1, pairs_at_once // (n * d))):
        pairs = vae.prior.log_posterior(rows[:, None], all_of_them)
        total -= (torch.logsumexp(pairs, 1) - math.log(n)).double().sum()
    return float(total / n)


@torch.no_grad()
def codes_of(vae: VAE, images: Tensor, chunk: int = 2000, labels: Tensor | None = None) -> Tensor:
    """Posterior means of uint8 images (N, n), on the CPU, (N, d)."""
    batches = in_batches(images, labels, chunk)
    return torch.cat([vae.encode(to_float(rows), own).mu.cpu() for rows, own in batches])


def knn_accuracy(
    codes: Tensor, labels: Tensor, test_codes: Tensor, test_labels: Tensor, neighbours: int = 5
) -> float:
    """The share of test codes whose class most of the nearest training codes have."""
    from sklearn.neighbors import KNeighborsClassifier

    found = KNeighborsClassifier(min(neighbours, len(codes))).fit(codes.numpy(), labels.numpy())
    return float(found.score(test_codes.numpy(), test_labels.numpy()))


@torch.no_grad()
def evaluate_steps(
    vae: VAE,
    images: Tensor,
    k: int = IWAE_SAMPLES,
    seed: int = 0,
    chunk: int = 500,
    iwae_images: int = IWAE_IMAGES,
    factors: Sequence[Factor] = (),
    labels: Tensor | None = None,
) -> Iterator[int | Evaluation]:
    """Evaluate uint8 images (N, n) and yield how many are done; the last item is the result.

    The bound, which takes most of the time, is of the first `iwae_images`; it has draws of its own,
    so that the terms are the same for every `k`. `factors` are those known of the images, and
    `labels` (N, labels) what `VAE.encode` takes with them.

    Raises:
        ValueError: if k is not positive.
    """
    generator = torch.Generator(images.device).manual_seed(seed)
    of_bound = torch.Generator(images.device).manual_seed(seed + 1)
    bernoulli, constant = LIKELIHOODS["bernoulli"], vae.likelihood.constant(vae.shape)
    sums = torch.zeros(3, dtype=torch.float64)
    per_dim = torch.zeros(vae.config.latent_dim, dtype=torch.float64)
    zs, posteriors, done, bounds = [], [], 0, []
    for rows, own in in_batches(images, labels, chunk):
        x = to_float(rows)
        terms = elbo(vae, x, generator, labels=own)
        read = bernoulli.reconstruction(vae.likelihood.logits(vae.decode(terms.z)), x)
        sums += torch.stack(
            [t.cpu().double().sum() for t in (terms.reconstruction, terms.kl, read)]
        )
        per_dim += terms.kl_per_dim.cpu().double().sum(0)
        zs.append(terms.z.cpu())
        posteriors.append(type(terms.posterior)(*(p.cpu() for p in terms.posterior)))
        if done < iwae_images and constant is not None:
            some = x[: iwae_images - done]
            with_labels = None if own is None else own[: len(some)]
            bound = iwae(vae, some, k, of_bound, likelihood=bernoulli, labels=with_labels)
            bounds.append(bound.cpu().double())
        done += len(rows)
        yield done
    reconstruction, kl, read_mean = (sums / done).tolist()
    posterior = type(posteriors[0])(*(torch.cat(p) for p in zip(*posteriors, strict=True)))
    claimed = constant is not None
    all_z = torch.cat(zs)
    density = vae.prior.has_density
    scale = 1.0 if density else vae.prior.facts()["std"]  # points have a scale of their own
    known = factors if density and not vae.config.choices else ()
    gaps = factor_gaps(vae.prior, all_z, posterior, known)
    yield Evaluation(
        reconstruction,
        kl,
        None if constant is None else reconstruction + kl + constant,
        read_mean,
        read_mean + kl if claimed else None,
        float(torch.cat(bounds).mean()) if claimed else None,
        int(active_units(posterior.mu[:, : vae.config.continuous] / scale).sum()),
        mutual_information(vae, all_z, posterior) if density else None,
        tuple((per_dim / done).tolist()),
        vae.config.continuous,
        k,
        min(iwae_images, done),
        done,
        mutual_information_gap=mutual_information_gap(gaps),
        factors=gaps,
    )


def evaluate(vae: VAE, images: Tensor, k: int = IWAE_SAMPLES, seed: int = 0) -> Evaluation:
    """As `evaluate_steps`, without the progress."""
    *_, result = evaluate_steps(vae, images, k, seed)
    assert isinstance(result, Evaluation)
    return result
