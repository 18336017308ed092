"""Reconstruction terms −log p(x|z): one function on logits and one row in `LIKELIHOODS` each."""

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class Likelihood(NamedTuple):
    """A row of `LIKELIHOODS`.

    `negative_log_likelihood(logits, x)` gives nats per image, (..., pixels) → (...), summed over
    pixels; `mean(logits)` the picture that is shown, values in [0, 1].
    """

    title: str
    negative_log_likelihood: Callable[[Tensor, Tensor], Tensor]
    mean: Callable[[Tensor], Tensor]


def bernoulli(logits: Tensor, x: Tensor) -> Tensor:
    """Bernoulli −log p(x|z) in nats per image, on logits, with grey levels in [0, 1] as targets.

    Args:
        logits: decoder outputs before the sigmoid, shape (..., pixels).
        x: images with values in [0, 1], of a shape that broadcasts against `logits`.

    Returns:
        Sums over pixels, shape (...).

    Source: Kingma & Welling (2014), appendix C.1. A grey level enters as the probability of an
    "on" pixel (cross-entropy), as is customary for MNIST.
    """
    if logits.shape == x.shape:  # in one kernel
        return F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(-1)
    return (F.softplus(logits) - logits * x).sum(-1)  # x broadcasts over samples of z


LIKELIHOODS: dict[str, Likelihood] = {
    "bernoulli": Likelihood("Bernoulli (cross-entropy)", bernoulli, torch.sigmoid),
}
