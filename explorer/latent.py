"""What a model says of images and codes. Arrays in, arrays out; terms in nats per image."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.data import to_float
from training.elbo import elbo
from training.evaluate import active_units
from training.model import VAE
from training.priors import Posterior

Array = NDArray[np.float32]


class Codes(NamedTuple):
    """The codes of N images in d latent dimensions.

    `mu`, `std` and `kl_per_dim` are (N, d); `reconstruction` (N,) is −log p(x|z) at one sample
    z ~ q(z|x).
    """

    mu: Array
    std: Array
    kl_per_dim: Array
    reconstruction: Array

    @property
    def kl(self) -> Array:
        """KL(q(z|x) ‖ p(z)), shape (N,)."""
        total: Array = self.kl_per_dim.sum(1)
        return total


@dataclass(frozen=True, order=True)
class Dimension:
    """A latent dimension as its slider shows it; `index` counts from 0."""

    index: int
    kl: float
    active: bool
    low: float
    high: float


class Terms(NamedTuple):
    """The terms of one image, in nats.

    `reconstruction` estimates −E_q log p(x|z) from `samples` draws of z, with its standard error;
    `kl_per_dim` (d,) is exact; `at_z` is −log p(x|z) at the code that was given.
    """

    reconstruction: float
    standard_error: float
    samples: int
    kl_per_dim: Array
    at_z: float

    @property
    def kl(self) -> float:
        """KL(q(z|x) ‖ p(z))."""
        return float(self.kl_per_dim.sum())

    @property
    def neg_elbo(self) -> float:
        """−ELBO."""
        return self.reconstruction + self.kl


@torch.no_grad()
def encode(vae: VAE, images: Tensor, seed: int = 0, chunk: int = 1000) -> Codes:
    """Codes of uint8 images (N, 784); the same seed draws the same z."""
    generator = torch.Generator().manual_seed(seed)
    parts = []
    for rows in images.split(chunk):
        terms = elbo(vae, to_float(rows), generator)
        parts.append((*terms.posterior, terms.kl_per_dim, terms.reconstruction))
    mu, log_var, kl, reconstruction = (torch.cat(p) for p in zip(*parts, strict=True))
    std = Posterior(mu, log_var).std
    return Codes(mu.numpy(), std.numpy(), kl.numpy(), reconstruction.numpy())


def dimensions(codes: Codes) -> list[Dimension]:
    """The latent dimensions, those that carry most information first.

    A slider reaches as far as the aggregate posterior does: every code plus one sigma.
    """
    mean_kl = codes.kl_per_dim.mean(0)
    active = active_units(torch.from_numpy(codes.mu)).numpy()
    low = np.floor(10.0 * (codes.mu - codes.std).min(0)).clip(-1e7, 1e7).astype(int)
    high = np.ceil(10.0 * (codes.mu + codes.std).max(0)).clip(-1e7, 1e7).astype(int)
    high = np.maximum(high, low + 1)
    return [
        Dimension(int(i), float(mean_kl[i]), bool(active[i]), low[i] / 10, high[i] / 10)
        for i in np.argsort(-mean_kl, kind="stable")
    ]


@torch.no_grad()
def picture(vae: VAE, z: Array) -> NDArray[np.uint8]:
    """Decode codes (..., d) into grey levels (..., 28, 28)."""
    x_hat = vae.picture(torch.as_tensor(z, dtype=torch.float32))
    levels = (x_hat * 255).round().to(torch.uint8).numpy()
    return levels.reshape(*levels.shape[:-1], 28, 28)


@torch.no_grad()
def terms(vae: VAE, image: Tensor, z: Array, samples: int = 256, seed: int = 0) -> Terms:
    """The terms of one uint8 image (784,), and −log p(x|z) at a code z (d,)."""
    x = to_float(image[None])
    posterior = vae.encode(x)
    generator = torch.Generator().manual_seed(seed)
    many = Posterior(*(p.expand(samples, -1) for p in posterior))
    drawn = vae.prior.sample(many, generator)
    given = torch.as_tensor(z, dtype=torch.float32)[None]
    nll = vae.likelihood.negative_log_likelihood(vae.decode(torch.cat([drawn, given])), x).double()
    return Terms(
        float(nll[:-1].mean()),
        float(nll[:-1].std() / samples**0.5),
        samples,
        vae.prior.kl(posterior)[0].numpy(),
        float(nll[-1]),
    )


def typical(codes: Codes, labels: NDArray[np.int64], n_classes: int) -> list[int | None]:
    """For each class, the image whose code is nearest to the median of the class's codes."""
    found: list[int | None] = []
    for label in range(n_classes):
        rows = np.flatnonzero(labels == label)
        if len(rows) == 0:
            found.append(None)
            continue
        mu = codes.mu[rows]
        found.append(int(rows[np.argmin(((mu - np.median(mu, axis=0)) ** 2).sum(1))]))
    return found
