"""Reconstruction terms of x and x̂: one function and one row in `LIKELIHOODS` each.

Some are negative log-likelihoods −log p(x|z), up to a constant that the row carries; with the KL
they make an ELBO. The others are distances, and no ELBO can be claimed for them.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from training.vae import classifier
from training.vae.image_shape import ImageShape

PERCEPTUAL_WEIGHT = 0.01  # λ of the terms that add a perceptual distance to one of pixels
# What the squared distances behind the second and the fourth ReLU are multiplied by, so that λ
# weighs as much as with the report's classifier: its mean ‖φ(x)‖² over MNIST's training images
# (1,833 and 21,289) over that of the classifier that ships. How large features are is arbitrary.
FEATURE_SCALES = (1833 / 3028.4, 21289 / 54831.3)


class Likelihood(NamedTuple):
    """A row of `LIKELIHOODS`.

    `reconstruction(output, x)` is the term that training minimises, per image and summed over its
    n values: (..., n + learned), (..., n) → (...). Where it is a negative log-likelihood,
    `constant_per_value` is what it leaves out of −log p(x|z), in nats per value of the picture;
    otherwise that is None. `unit` is what it is measured in, and `formula` how it reads on the
    screen. `learned` counts numbers that belong to the likelihood alone and are learned: they
    follow the picture's values in `output`. A `perceptual` term needs the classifier, and pictures
    of its shape. `expected` makes the mean of p(x|z) of the logits.
    """

    title: str
    formula: str
    reconstruction: Callable[[Tensor, Tensor], Tensor]
    constant_per_value: float | None
    unit: str = "nats"
    learned: int = 0
    perceptual: bool = False
    expected: Callable[[Tensor], Tensor] = torch.sigmoid

    @property
    def is_nll(self) -> bool:
        """Whether the term is −log p(x|z) up to a constant, so that there is an ELBO."""
        return self.constant_per_value is not None

    @property
    def total_title(self) -> str:
        """Name of the sum of this term and the KL: −ELBO where it is just that."""
        return "−ELBO" if self.constant_per_value == 0.0 else "reconstruction + KL"

    def constant(self, shape: ImageShape) -> float | None:
        """Constant that the term leaves out of −log p(x|z), nats per image; None for a distance."""
        return None if self.constant_per_value is None else self.constant_per_value * shape.size

    def nats(self, output: Tensor, x: Tensor) -> Tensor:
        """−log p(x|z) in nats per image, with its constant: (..., n + learned), (..., n) → (...).

        Raises:
            ValueError: where the term is no negative log-likelihood.
        """
        if self.constant_per_value is None:
            raise ValueError(
                f"{self.title} is a distance, not a negative log-likelihood: there is no "
                f"−log p(x|z) to give. Those that have one are "
                f"{', '.join(name for name, row in LIKELIHOODS.items() if row.is_nll)}."
            )
        return self.reconstruction(output, x) + self.constant_per_value * x.shape[-1]

    def mean(self, output: Tensor) -> Tensor:
        """The picture x̂ that is shown, values in [0, 1], (..., n + learned) → (..., n)."""
        return self.expected(output[..., : output.shape[-1] - self.learned])

    def logits(self, output: Tensor) -> Tensor:
        """Logits of the picture x̂, (..., n + learned) → (..., n): what another likelihood reads."""
        if self.expected is torch.sigmoid:
            return output[..., : output.shape[-1] - self.learned]
        return torch.logit(self.mean(output), 1e-7)


def bernoulli(logits: Tensor, x: Tensor) -> Tensor:
    """Bernoulli −log p(x|z) in nats per image, on logits, with grey levels in [0, 1] as targets.

    Args:
        logits: decoder outputs before the sigmoid, shape (..., n).
        x: images with values in [0, 1], of a shape that broadcasts against `logits`.

    Returns:
        Sums over the values of a picture, shape (...).

    Source: Kingma & Welling (2014), appendix C.1. A grey level enters as the probability of an
    "on" pixel (cross-entropy), as is customary for MNIST.
    """
    if logits.shape == x.shape:  # in one kernel
        return F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(-1)
    return (F.softplus(logits) - logits * x).sum(-1)  # x broadcasts over samples of z


SMALL = 0.25  # half of a logit below which series are used; what they leave out is below 1e-10


def log_half_normaliser(logits: Tensor) -> Tensor:
    """log ½C(λ) of the continuous Bernoulli's normaliser C(λ) = 2 artanh(1 − 2λ) / (1 − 2λ), with
    λ = sigmoid(logits), elementwise; 0 at λ = ½.

    With h half of the logit it is log(h / tanh h), near 0 by its Taylor series.
    """
    h = logits.abs() / 2
    near = h < SMALL
    s = torch.where(near, h, 0.0) ** 2
    series = s * (1 / 3 - s * (7 / 90 - s * (62 / 2835 - s * (127 / 18900 - s * 146 / 66825))))
    far = torch.where(near, 1.0, h)
    return torch.where(near, series, torch.log(far / torch.tanh(far)))


def continuous_bernoulli(logits: Tensor, x: Tensor) -> Tensor:
    """−log p(x|z) of the continuous Bernoulli in nats per image, less n·log ½, on logits of λ: the
    cross-entropy of λ and x, and of each value −log ½C(λ), which makes it a density over [0, 1].

    Source: Loaiza-Ganem & Cunningham (2019), "The continuous Bernoulli: fixing a pervasive error
    in variational autoencoders", equations 6 and 8.
    """
    return bernoulli(logits, x) - log_half_normaliser(logits).sum(-1)


def continuous_bernoulli_mean(logits: Tensor) -> Tensor:
    """Mean of the continuous Bernoulli with λ = sigmoid(logits), elementwise: not λ, but nearer to
    ½; near λ = ½ by its Taylor series.

    Source: Loaiza-Ganem & Cunningham (2019), equation 9: λ/(2λ − 1) + 1/(2 artanh(1 − 2λ)).
    """
    h = logits / 2
    near = h.abs() < SMALL
    s = torch.where(near, h, 0.0) ** 2
    # (coth h − 1/h) / 2
    series = h * (1 / 6 - s * (1 / 90 - s * (1 / 945 - s * (1 / 9450 - s / 93555))))
    far = torch.where(near, 1.0, h)
    return 0.5 + torch.where(near, series, (1 / torch.tanh(far) - 1 / far) / 2)


def gaussian(output: Tensor, x: Tensor) -> Tensor:
    """The squared error Σ (x − x̂)²: −log N(x; x̂, ½) without its constant ½n·log π, in nats."""
    return ((x - torch.sigmoid(output)) ** 2).sum(-1)


def gaussian_learned(output: Tensor, x: Tensor) -> Tensor:
    """−log N(x; x̂, σ²) without ½n·log 2π, in nats; log σ² is learned, one for all n values.

    Source: the shared σ of Rybkin, Daniilidis & Levine (2021), "Simple and effective VAE training
    with calibrated decoders", section 3.
    """
    n = x.shape[-1]
    log_var = output[..., n].clamp(-12.0, 4.0)  # a σ below a grey level fits the storage
    return 0.5 * (n * log_var + gaussian(output[..., :n], x) * torch.exp(-log_var))


def laplace(output: Tensor, x: Tensor) -> Tensor:
    """The absolute error Σ |x − x̂|: −log Laplace(x; x̂, 1) without n·log 2, in nats."""
    return (x - torch.sigmoid(output)).abs().sum(-1)


def perceptual(output: Tensor, x: Tensor) -> Tensor:
    """Squared distance of x̂ and x in the classifier's features, summed: no likelihood of x.

    The features are those behind its second and its fourth ReLU, the squares of each multiplied by
    its row of `FEATURE_SCALES`. Source: the feature reconstruction
    loss of Johnson, Alahi & Fei-Fei (2016), with a digit classifier instead of VGG.
    """
    net = classifier.shipped(output.device)
    pictures = torch.sigmoid(output)
    seen = net.stages(pictures.reshape(-1, x.shape[-1]))
    with torch.no_grad():
        meant = net.stages(x.reshape(-1, x.shape[-1]))
    total = torch.zeros(pictures.shape[:-1], dtype=output.dtype, device=output.device)
    for a, b, scale in zip(seen, meant, FEATURE_SCALES, strict=True):
        # x may stand for several samples of z, which then come first.
        square = (a.reshape(*pictures.shape[:-1], -1) - b.reshape(*x.shape[:-1], -1)) ** 2
        total = total + scale * square.sum(-1)
    return total


def with_perceptual(term: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """`term` plus `PERCEPTUAL_WEIGHT` times the perceptual distance."""
    return lambda output, x: term(output, x) + PERCEPTUAL_WEIGHT * perceptual(output, x)


LIKELIHOODS: dict[str, Likelihood] = {
    "bernoulli": Likelihood("Bernoulli (cross-entropy)", "BCE(x̂, x)", bernoulli, 0.0),
    "continuous-bernoulli": Likelihood(
        "Continuous Bernoulli",
        "BCE(λ, x) − Σ log ½C(λ)",
        continuous_bernoulli,
        -math.log(2),
        expected=continuous_bernoulli_mean,
    ),
    "gaussian": Likelihood(
        "Gaussian, σ² = ½ (squared error)",
        "Σ(x − x̂)²",
        gaussian,
        math.log(math.pi) / 2,
    ),
    "gaussian-learned": Likelihood(
        "Gaussian, σ² learned",
        "Σ(x − x̂)²/2σ² + ½n log σ²",
        gaussian_learned,
        math.log(2 * math.pi) / 2,
        learned=1,
    ),
    "laplace": Likelihood("Laplace, b = 1 (absolute error)", "Σ|x − x̂|", laplace, math.log(2)),
    "squared-error": Likelihood(
        "Squared error",
        "Σ(x − x̂)²",
        gaussian,
        None,
        "squared levels",
    ),
    "perceptual": Likelihood(
        "Perceptual distance",
        "Σ‖φ(x) − φ(x̂)‖²",
        perceptual,
        None,
        "squared features",
        perceptual=True,
    ),
    "perceptual-bce": Likelihood(
        "Cross-entropy + 0.01 · perceptual",
        "BCE + λ·perceptual",
        with_perceptual(bernoulli),
        None,
        "weighted sum",
        perceptual=True,
    ),
    "perceptual-mse": Likelihood(
        "Squared error + 0.01 · perceptual",
        "Σ(x − x̂)² + λ·perceptual",
        with_perceptual(gaussian),
        None,
        "weighted sum",
        perceptual=True,
    ),
}
