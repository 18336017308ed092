"""Import of a VAE that somebody else wrote and trained: its programs, checked, in a checkpoint."""

import datetime
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from training.checkpoint import SUFFIX, Checkpoint, Examples, Metrics, save
from training.console import say
from training.errors import OptionError
from training.evaluation.metrics import mean_terms
from training.files import checkpoint_dir
from training.importing import report
from training.importing.exported import modules_of
from training.importing.finding import parts_of
from training.importing.questions import (
    Import,
    proposed,
)
from training.importing.taking import Imported, take
from training.origin import Origin
from training.presets import Preset
from training.text import printable

MOST_PICTURES, MOST_PICTURE_BYTES = 1000, 4_000_000


def write(
    job: Import,
    done: Imported,
    name: str,
    out: Path,
    *,
    data: str = "",
    source: str = "",
    licence: str = "",
    network: str = "",
    classes: Sequence[str] = (),
    numbers: torch.Tensor | None = None,
    most_pictures: int = MOST_PICTURES,
) -> Path:
    """Write the checkpoint of an imported network, with at most `most_pictures` of those that it
    was shown, of 4 MB together, so that pages have some wherever the file goes; `numbers` (N,) and
    `classes` are their classes.

    Raises:
        CheckpointError: it cannot be written, or is larger than what is read.
    """
    metrics = None
    if job.x is not None and done.vae.encoder is not None:
        levels = (job.x * 255).round().to(torch.uint8)
        labels = None if job.labels is None else job.labels[:, None].float()
        given = any(choice.kind == "label" for choice in done.vae.config.choices)
        terms = mean_terms(done.vae, levels, labels=labels if given else None)
        if all(map(math.isfinite, terms)):
            metrics = Metrics(*terms, len(levels))
    origin = Origin(
        *(printable(network, 500), done.parity, datetime.date.today().isoformat()),
        *(str(torch.__version__), printable(source, 500), printable(licence, 200)),
        tuple(job.answers),
    )
    preset = Preset("imported", done.vae.config, data)
    examples = _examples(job, job.labels if numbers is None else numbers, classes, most_pictures)
    return save(Checkpoint(name, done.vae, preset, 0, data, (), metrics, origin, examples), out)


def _examples(
    job: Import, numbers: torch.Tensor | None, classes: Sequence[str], most: int
) -> Examples | None:
    """The first of the pictures that the network was shown."""
    count = 0 if job.x is None else min(most, len(job.x), MOST_PICTURE_BYTES // job.x.shape[1])
    if job.x is None or count < 1:
        return None
    images = (job.x[:count] * 255).round().to(torch.uint8)
    labels = torch.zeros(count, dtype=torch.int64) if numbers is None else numbers[:count]
    names = tuple(printable(name, 200) or "?" for name in classes)
    if int(labels.max()) >= len(names):
        names = tuple(map(str, range(int(labels.max()) + 1)))
    return Examples(images, labels.contiguous(), names)


def import_vae(
    encoder: Callable[..., Any] | None,
    decoder: Callable[..., Any] | None = None,
    example: Any = None,
    name: str | None = None,
    out: Path | str | None = None,
    second: str | None = None,
    input_range: Any = None,
    output: str | None = None,
    prior: str | None = None,
    likelihood: str | None = None,
    labels: Sequence[str] | int | None = None,
    categories: Sequence[int] | None = None,
    source: str | None = None,
    licence: str | None = None,
    *,
    example_labels: Any = None,
    codes: Any = None,
    latent: int | Sequence[int] | None = None,
    shape: Sequence[int] | None = None,
    data: str = "",
    picture: Path | str | None = None,
    pictures: int = MOST_PICTURES,
) -> Path:
    """Path of the checkpoint of a VAE that somebody else wrote and trained; nothing is asked.

    `encoder` and `decoder` are modules, methods or functions of tensors: pictures to mu and a
    second output (as tuple, dictionary, dataclass or normal distribution), codes to pictures. With
    the encoder alone it is a whole model with parts of these names; with the decoder alone there is
    no x, and `codes` (N, d), by default drawn from the prior, say where its pictures lie.

    `example` has pictures (N, C, H, W), levels 0 to 255 or values in [0, 1], and `example_labels`
    (N,) the numbers of their labels. `second` is one of log_var, log_std, std, var and none,
    `input_range` as "-1..1", `output` logits, values, or values and a range; what is None is what
    the evidence proposes. `labels` names the options of a label that both take, `categories` counts
    those of categorical latents. `latent` and `shape` are the sizes of a code and of a picture
    where a decoder alone does not tell them. At most so many `pictures` of the example go with the
    checkpoint; 0 keeps them out of it.

    Raises:
        ImportRefused: the network cannot be taken over; the sentence names operator and line.
        OptionError: an option is not possible.
        CheckpointError: the file cannot be written.
    """
    given = {
        key: str(value) if not isinstance(value, tuple | list) else f"{value[0]}..{value[1]}"
        for key, value in (
            ("second", second),
            ("input_range", input_range),
            ("output", output),
            ("prior", prior),
            ("likelihood", likelihood),
        )
        if value is not None
    }
    model = None
    if decoder is None:
        if encoder is None:
            raise OptionError("There is neither an encoder nor a decoder; give one or both.")
        model = encoder if isinstance(encoder, nn.Module) else None
        encoder, decoder = parts_of(encoder, refuse=model is None or example is None)
    x, found = report.pictures_of(example, shape)
    names = tuple(map(str, range(labels))) if isinstance(labels, int) else tuple(labels or ())
    job = Import(
        encoder if x is not None else None,
        decoder,
        given,
        proposed,
        x,
        found,
        None if example_labels is None else torch.as_tensor(example_labels).long(),
        names,
        None if categories is None else tuple(categories),
        (latent,) if isinstance(latent, int) else None if latent is None else tuple(latent),
        None if codes is None else torch.as_tensor(codes).float(),
    )
    job.model = model
    if x is None and encoder is not None:
        raise OptionError("An encoder is shown with pictures; give some as example.")
    done = take(job)
    own = _called(model or decoder)
    path = Path(out) if out is not None else checkpoint_dir() / f"{name or own.lower()}{SUFFIX}"
    path = path if path.suffix == SUFFIX else path.with_name(path.name + SUFFIX)
    write(
        *(job, done, name or path.stem, path),
        data=data,
        source=source or "",
        licence=licence or "",
        network=own,
        classes=names,
        most_pictures=pictures,
    )
    for note in job.notes:
        say(note)
    for line in report.lines(job.x, done, path, Path(picture) if picture else None):
        say(line)
    return path


def _called(function: Any) -> str:
    """The name of a network's class, or of its function."""
    held = modules_of(function)
    return type(held[0]).__name__ if held else getattr(function, "__name__", "a function")
