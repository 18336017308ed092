"""Training of a classifier: its accuracy, its file."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import safetensors.torch
import torch
import torch.nn.functional as F
from torch import Tensor

from training.data.datasets import ImageSet, to_float
from training.files import replace_file
from training.text import printable_path
from training.vae.classifier import (
    FORMAT_VERSION,
    MOST_CLASSES,
    NAME,
    Classifier,
    ClassifierError,
)


@dataclass(frozen=True)
class Report:
    """Report of an epoch of training: mean cross-entropy in nats, share of test images named."""

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


def classifier_of(images: ImageSet, seed: int = 0) -> Classifier:
    """A classifier of the shape and the classes of images, its weights drawn by `seed`.

    Raises:
        ClassifierError: the images are not of two or more classes, or of too many.
    """
    classes, name = len(images.classes), printable_path(images.name)
    if not 2 <= classes <= MOST_CLASSES:
        raise ClassifierError(
            f"A classifier tells from 2 to {MOST_CLASSES:,} classes apart, and {name} has "
            f"{classes}; choose labelled pictures with --data, such as a folder with a folder for "
            "each class."
        )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Classifier(images.shape, classes)


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
        ClassifierError: the images have another shape or more classes, or the loss is no longer
            finite.
    """
    if train.shape != net.shape:
        raise ClassifierError(
            f"The classifier takes pictures of {net.shape}, and those of "
            f"{printable_path(train.name)} have {train.shape}."
        )
    if len(train.classes) > net.classes:
        raise ClassifierError(
            f"The classifier tells {net.classes} classes apart, and {printable_path(train.name)} "
            f"has {len(train.classes)}."
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
        "shape": msgspec.json.encode(net.shape).decode(),
        "classes": str(net.classes),
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
    fresh = Classifier(net.shape, net.classes)
    fresh.load_state_dict({n: t.to(torch.bfloat16).float() for n, t in _named(net)})
    return fresh.eval()
