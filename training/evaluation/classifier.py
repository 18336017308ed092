"""The digit classifier: its features measure perceptual distance and the quality of samples."""

import functools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import safetensors.torch
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.data.datasets import ImageSet, to_float
from training.files import replace_file
from training.vae.image_shape import GREY_28

NAME = "classifier"  # its file stands among the checkpoints and is none of a VAE
SHIPPED = Path(__file__).resolve().parents[2] / "checkpoints" / f"{NAME}.safetensors"
FORMAT_VERSION = 1
SHAPE = GREY_28  # of the pictures that it takes
CLASSES = 10
FEATURES = 32  # of the penultimate layer
MAX_BYTES = 8 * 2**20


class ClassifierError(Exception):
    """The classifier cannot be read, written or trained; the message is a sentence."""


class Classifier(nn.Module):
    """Four convolutions and three linear layers on pictures of `SHAPE`, flat (B, 784), in [0, 1].

    Convolutions 1→32→64→128→256 of 3×3 with strides 1, 2, 2, 2, then 4096→64→32→10, ReLU between.
    """

    num_features = FEATURES  # read by torchmetrics

    def __init__(self) -> None:
        super().__init__()
        widths, strides = (1, 32, 64, 128, 256), (1, 2, 2, 2)
        layers: list[nn.Module] = []
        for before, after, stride in zip(widths, widths[1:], strides, strict=False):
            layers += [nn.Conv2d(before, after, 3, stride=stride, padding=1), nn.ReLU()]
        self.convolutions = nn.Sequential(*layers)
        self.head = nn.Sequential(
            nn.Linear(256 * 4 * 4, 64), nn.ReLU(), nn.Linear(64, FEATURES), nn.ReLU()
        )
        self.last = nn.Linear(FEATURES, CLASSES)

    def stages(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Features behind the second and the fourth ReLU: (B, 64, 14, 14) and (B, 256, 4, 4)."""
        image = x.reshape(-1, *SHAPE.dims).contiguous(memory_format=torch.channels_last)
        second = self.convolutions[:4](image)
        return second, self.convolutions[4:](second)

    def penultimate(self, x: Tensor) -> Tensor:
        """What the last layer is given, (B, 32), never negative."""
        return self.head(self.stages(x)[1].flatten(1))

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the ten classes, (B, 10)."""
        return self.last(self.penultimate(x))


@dataclass(frozen=True)
class Report:
    """What an epoch of training left; `accuracy` is the share of test images named rightly."""

    epoch: int
    epochs: int
    loss: float
    accuracy: float
    seconds: float


@torch.no_grad()
def accuracy(net: Classifier, images: ImageSet, chunk: int = 1000) -> float:
    """The share of images whose class the classifier names."""
    right = 0
    for rows, labels in zip(images.images.split(chunk), images.labels.split(chunk), strict=True):
        right += int((net(to_float(rows)).argmax(1) == labels).sum())
    return right / len(images)


def fit(
    net: Classifier,
    train: ImageSet,
    test: ImageSet,
    epochs: int = 6,
    batch_size: int = 128,
    learning_rate: float = 2e-3,
    seed: int = 0,
) -> Iterator[Report]:
    """Train `net` in place by cross-entropy, AdamW and a one-cycle schedule; a report an epoch.

    Raises:
        ClassifierError: the images have another shape or more than ten classes, or the loss is no
            longer finite.
    """
    if train.shape != SHAPE:
        raise ClassifierError(
            f"The classifier takes pictures of {SHAPE}, and those of {train.name} have "
            f"{train.shape}."
        )
    if len(train.classes) > CLASSES:
        raise ClassifierError(
            f"The classifier tells {CLASSES} classes apart, and {train.name} has "
            f"{len(train.classes)}."
        )
    steps = max(1, len(train) // batch_size)
    optimizer = torch.optim.AdamW(net.parameters(), lr=learning_rate, weight_decay=0.02)
    warmup = 0.2 if 0.2 * epochs * steps > 1.5 else 0.0  # one of less than a step is none
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, learning_rate, total_steps=epochs * steps + 1, pct_start=warmup
    )
    order = torch.Generator().manual_seed(seed)
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    for epoch in range(1, epochs + 1):
        began, total = time.perf_counter(), torch.zeros(())
        net.train()
        for rows in torch.randperm(len(train), generator=order).split(batch_size)[:steps]:
            loss = F.cross_entropy(net(to_float(train.images[rows])), train.labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.detach()
        if not torch.isfinite(total):
            raise ClassifierError(
                f"The loss is no longer finite in epoch {epoch}. A learning rate below "
                f"{learning_rate:g} is the likely cure."
            )
        net.eval()
        yield Report(
            epoch, epochs, float(total) / steps, accuracy(net, test), time.perf_counter() - began
        )


def save(net: Classifier, path: Path, data: str, measured: float) -> None:
    """Write the classifier's weights in 16 bits: beside their place, then renamed.

    Raises:
        ClassifierError: the place cannot be written to.
    """
    weights = {n: t.detach().to("cpu", torch.bfloat16).contiguous() for n, t in _named(net)}
    metadata = {
        "format_version": str(FORMAT_VERSION),
        "kind": NAME,
        "data": data,
        "accuracy": msgspec.json.encode(measured).decode(),
    }
    content = safetensors.torch.save(weights, metadata)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, lambda file: file.write(content))
    except OSError as error:
        raise ClassifierError(
            f"{path} cannot be written ({error.strerror}); name another place with --out."
        ) from None


def _named(net: Classifier) -> list[tuple[str, Tensor]]:
    return list(net.state_dict().items())


def as_stored(net: Classifier) -> Classifier:
    """The classifier as it will be when it is loaded again."""
    fresh = Classifier()
    fresh.load_state_dict({n: t.to(torch.bfloat16).float() for n, t in _named(net)})
    return fresh.eval()


def load(path: Path) -> Classifier:
    """Read a classifier; its weights take no gradients.

    Raises:
        ClassifierError: there is none, or the file is damaged or something else.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(f"it has more than {MAX_BYTES:,} bytes")
        content = path.read_bytes()
        weights = safetensors.torch.load(content)
        header = msgspec.json.decode(content[8 : 8 + int.from_bytes(content[:8], "little")])
        version = header.get("__metadata__", {}).get("format_version")
        if version != str(FORMAT_VERSION):
            raise ValueError(f"its format version is {version}, not {FORMAT_VERSION}")
        if not all(bool(torch.isfinite(t).all()) for t in weights.values()):
            raise ValueError("it holds NaN or infinity")
        net = Classifier()
        net.load_state_dict({n: t.float() for n, t in weights.items()})
    except FileNotFoundError:
        raise ClassifierError(
            f"There is no classifier at {path}; make it with `python -m training fit classifier`."
        ) from None
    except Exception as error:  # whatever the parser says, it is no classifier
        reason = ascii(" ".join(str(error).split()))[1:-1][:120].rstrip(".")
        raise ClassifierError(
            f"{path} is damaged or no classifier ({reason}); make it again with "
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
