"""Classifiers: their features measure the quality of samples; the digits' also perceptual
distance."""

import functools
from pathlib import Path
from typing import Annotated

import msgspec
import safetensors.torch
import torch
from msgspec import Meta
from torch import Tensor, nn

from training.errors import UserError
from training.files import read_regular
from training.text import printable, printable_path
from training.vae.image_shape import GREY_28, ImageShape

NAME = "classifier"  # its file stands among the checkpoints and is none of a VAE
SHIPPED = Path(__file__).resolve().parents[2] / "checkpoints" / f"{NAME}.safetensors"
FORMAT_VERSION = 2  # 1 had neither shape nor classes: it was always the digits' classifier
SHAPE = GREY_28  # of the pictures that the shipped one takes
CLASSES = 10  # that it tells apart
MOST_CLASSES = 1000
FEATURES = 32  # of the penultimate layer
MAX_BYTES = 8 * 2**20
_Classes = Annotated[int, Meta(ge=2, le=MOST_CLASSES)]


class ClassifierError(UserError):
    """The classifier cannot be read, written or trained; the message is a sentence."""


class Classifier(nn.Module):
    """Four convolutions and three linear layers on pictures of a shape, flat (B, n), in [0, 1].

    Convolutions C→32→64→128→256 of 3×3 with strides 1, 2, 2, 2, of large pictures the mean of areas
    so that 4×4 are left, then 4096→64→32→classes, ReLU between.
    """

    num_features = FEATURES  # read by torchmetrics

    def __init__(self, shape: ImageShape = SHAPE, classes: int = CLASSES) -> None:
        super().__init__()
        self.shape, self.classes = shape, classes
        widths, strides = (shape.channels, 32, 64, 128, 256), (1, 2, 2, 2)
        layers: list[nn.Module] = []
        for before, after, stride in zip(widths, widths[1:], strides, strict=False):
            layers += [nn.Conv2d(before, after, 3, stride=stride, padding=1), nn.ReLU()]
        self.convolutions = nn.Sequential(*layers)
        # Three times halved, and rounded up.
        left = tuple(min(4, -(-side // 8)) for side in (shape.height, shape.width))
        self.pool = nn.AdaptiveAvgPool2d(left)
        self.head = nn.Sequential(
            nn.Linear(256 * left[0] * left[1], 64), nn.ReLU(), nn.Linear(64, FEATURES), nn.ReLU()
        )
        self.last = nn.Linear(FEATURES, classes)

    def stages(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Features behind the second and the fourth ReLU, of pictures of `SHAPE` (B, 64, 14, 14)
        and (B, 256, 4, 4)."""
        image = x.reshape(-1, *self.shape.dims).contiguous(memory_format=torch.channels_last)
        second = self.convolutions[:4](image)
        return second, self.convolutions[4:](second)

    def penultimate(self, x: Tensor) -> Tensor:
        """Features of the penultimate layer, (B, 32), never negative."""
        return self.head(self.pool(self.stages(x)[1]).flatten(1))

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the classes, (B, classes)."""
        return self.last(self.penultimate(x))


def load(path: Path) -> Classifier:
    """Read a classifier; its weights take no gradients.

    Raises:
        ClassifierError: there is none, or the file is damaged or something else.
    """
    try:
        content = read_regular(path, MAX_BYTES)
        weights = safetensors.torch.load(content)
        header = msgspec.json.decode(content[8 : 8 + int.from_bytes(content[:8], "little")])
        metadata = header.get("__metadata__", {})
        version, kind = metadata.get("format_version"), metadata.get("kind")
        if kind != NAME:
            raise ValueError(f"its kind is {printable(str(kind), 40)}, not {NAME}")
        if version not in ("1", str(FORMAT_VERSION)):
            raise ValueError(
                f"its format version is {printable(str(version), 40)}, not {FORMAT_VERSION}"
            )
        shape, classes = SHAPE, CLASSES
        if version != "1":
            shape = msgspec.json.decode(metadata["shape"], type=ImageShape)
            classes = msgspec.json.decode(metadata["classes"], type=_Classes)
        if not all(bool(torch.isfinite(t).all()) for t in weights.values()):
            raise ValueError("it holds NaN or infinity")
        net = Classifier(shape, classes)
        net.load_state_dict({n: t.float() for n, t in weights.items()})
    except FileNotFoundError:
        raise ClassifierError(
            f"There is no classifier at {printable_path(path)}; make it with `python -m "
            "training fit classifier`."
        ) from None
    except Exception as error:  # whatever the parser says, it is no classifier
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        reason = printable(reason, 120).rstrip(".")
        raise ClassifierError(
            f"{printable_path(path)} is damaged or no classifier ({reason}); make it again with "
            "`python -m training fit classifier`."
        ) from None
    for parameter in net.parameters():
        parameter.requires_grad_(False)
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return net.eval()


@functools.cache
def _on(device: str, path: Path) -> Classifier:
    return load(path).to(device)


def shipped(device: torch.device | str = "cpu") -> Classifier:
    """The classifier that comes with the project, loaded once a device.

    Raises:
        ClassifierError: as `load`.
    """
    return _on(str(device), SHIPPED)
