"""Quality of samples from the prior: FID, and the classifier's confidence and class entropy."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from training.data.datasets import to_float
from training.data.torchvision_import import import_torchvision
from training.errors import UserError
from training.vae import classifier
from training.vae.image_shape import ImageShape
from training.vae.model import VAE

FEATURES = ("classifier", "inception")
SAMPLES = 10_000


class QualityError(UserError):
    """Samples cannot be judged; the message is a sentence."""


@dataclass(frozen=True)
class Quality:
    """Quality of `samples` pictures decoded from the prior.

    `fid` is the Fréchet distance to the test images in `features` (no unit). `confidence` is the
    mean of the classifier's largest class probability, and `class_entropy` the entropy in nats of
    the classes' mean probabilities: the logarithm of their number where all are equally frequent.
    """

    fid: float
    features: str
    confidence: float
    class_entropy: float
    samples: int


class _Penultimate(nn.Module):
    """The classifier's penultimate layer, as torchmetrics takes a network."""

    num_features = classifier.FEATURES

    def __init__(self, net: classifier.Classifier) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        return self.net.penultimate(x)


class _Inception(nn.Module):
    """The last pooled layer of Inception v3, for pictures of `shape`, flat (B, n), in [0, 1]."""

    num_features = 2048

    def __init__(self, shape: ImageShape) -> None:
        super().__init__()
        self.shape = shape
        models = import_torchvision().models
        weights = models.Inception_V3_Weights.IMAGENET1K_V1
        try:
            self.net = models.inception_v3(weights=weights)
        except Exception as error:  # no network, a wrong hash, a damaged file: none is ours
            reason = " ".join(str(getattr(error, "reason", None) or error).split())[:120]
            raise QualityError(
                f"Inception's weights are not here and cannot be fetched ({reason.rstrip('.')}); "
                "use --fid classifier, or put them into torch's cache, in place of a damaged file "
                f"({torch.hub.get_dir()}/checkpoints/{weights.url.rpartition('/')[2]})."
            ) from None
        self.net.fc = nn.Identity()
        self.net.eval()
        # What ImageNet's images were normalised by.
        self.mean = nn.Buffer(torch.tensor([0.485, 0.456, 0.406])[:, None, None])
        self.std = nn.Buffer(torch.tensor([0.229, 0.224, 0.225])[:, None, None])

    def forward(self, x: Tensor) -> Tensor:
        large = nn.functional.interpolate(
            x.reshape(-1, *self.shape.dims), size=299, mode="bilinear", antialias=True
        )
        return self.net((large.expand(-1, 3, -1, -1) - self.mean) / self.std)


class Judge:
    """Compares pictures with test images of `shape`, uint8 (N, n), whose features are taken once.

    They are those of the shipped classifier, or of another `net`.

    Source: Heusel, Ramsauer, Unterthiner, Nessler & Hochreiter (2017) for the Fréchet distance, as
    torchmetrics computes it.

    Raises:
        QualityError: the pictures are not of the classifier's shape, the features are not known, or
            their network cannot be had.
        ClassifierError: the classifier cannot be had.
    """

    def __init__(
        self,
        test_images: Tensor,
        features: str = "classifier",
        device: torch.device | str = "cpu",
        shape: ImageShape = classifier.SHAPE,
        net: classifier.Classifier | None = None,
    ) -> None:
        self.net = classifier.shipped(device) if net is None else net.to(device)
        if shape != self.net.shape:
            raise QualityError(
                f"Samples of {shape} cannot be judged: the classifier takes pictures of "
                f"{self.net.shape}; use --fid none, or name another one with --classifier."
            )
        if features not in FEATURES:
            raise QualityError(
                f"The features {features!r} are not known; the valid ones are "
                f"{', '.join(FEATURES)}."
            )
        self.features, self.device = features, device
        network = _Penultimate(self.net) if features == "classifier" else _Inception(shape)
        import_torchvision()  # torchmetrics imports it
        from torchmetrics.image.fid import FrechetInceptionDistance

        self._fid = FrechetInceptionDistance(network, reset_real_features=False).to(device)
        self._chunk = 500 if features == "classifier" else 32
        for rows in test_images.to(device).split(self._chunk):
            self._fid.update(to_float(rows), real=True)

    def judge_steps(self, vae: VAE, n: int = SAMPLES, seed: int = 0) -> Iterator[int | Quality]:
        """Judge n pictures decoded from the prior; yields how many are done, then the result."""
        generator = torch.Generator().manual_seed(seed)
        codes = vae.prior.sample_prior(n, vae.config.latent_dim, generator).to(self.device)
        self._fid.reset()
        confidence = torch.zeros((), dtype=torch.float64)
        classes = torch.zeros(self.net.classes, dtype=torch.float64)
        done = 0
        with torch.no_grad():
            for z in codes.split(self._chunk):
                pictures = vae.picture(z)
                self._fid.update(pictures, real=False)
                probabilities = self.net(pictures).softmax(1).double().cpu()
                confidence += probabilities.max(1).values.sum()
                classes += probabilities.sum(0)
                done += len(z)
                yield done
        share = classes / n
        yield Quality(
            float(self._fid.compute()),
            self.features,
            float(confidence / n),
            float(torch.special.entr(share).sum()),
            n,
        )
