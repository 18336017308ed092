"""Records of training, a step's and an epoch's terms; nats per image.

Each field is defined here alone: the log's lines (`training.runs.log`) and a checkpoint's history
are made of these records.
"""

from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import Meta

from training.runs.documents import Count

PerDim = Annotated[tuple[float, ...], Meta(max_length=256)]  # nats, a number a latent dimension


class EpochTerms(msgspec.Struct, frozen=True):
    """Terms of an epoch in nats per image, each from one sample of z an image.

    `train_*` are means over the epoch's batches, taken while the weights move (and with the
    encoder's input dropout on); `test_*` are measured after it, over all test images.
    """

    epoch: Count
    beta: float
    learning_rate: float
    train_reconstruction: float
    train_kl: float
    test_reconstruction: float
    test_kl: float
    images_per_second: float

    @property
    def train_total(self) -> float:
        """Reconstruction + KL on the training images."""
        return self.train_reconstruction + self.train_kl

    @property
    def test_total(self) -> float:
        """Reconstruction + KL on the test images."""
        return self.test_reconstruction + self.test_kl


class StepTerms(msgspec.Struct, frozen=True):
    """Terms of the newest steps, means over the images they saw, nats per image.

    `epoch` counts with fractions; `train_kl_per_dim` has a number for each latent dimension.
    """

    step: Count
    epoch: float
    beta: float
    learning_rate: float
    train_reconstruction: float
    train_kl_per_dim: PerDim
    images_per_second: float


@dataclass(frozen=True)
class Record:
    """One step of training. On the last step of an epoch come its `terms`, and the test images'
    `kl_per_dim` in nats per image."""

    step: int
    steps: int
    terms: EpochTerms | None = None
    kl_per_dim: tuple[float, ...] = ()
