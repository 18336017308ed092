"""The header of a checkpoint's file: what it says without its weights.

docs/FORMATS.md describes the format.
"""

from dataclasses import dataclass, replace
from typing import Annotated

import msgspec
import torch
from msgspec import Meta

from training.errors import UserError
from training.origin import Origin
from training.presets import Preset
from training.runs.records import EpochTerms
from training.text import printable
from training.vae import classifier
from training.vae.model import VAEConfig
from training.vae.program_network import PROGRAM

# Version 1 had no shape of pictures, and versions 1 and 2 called the report's network `conv`.
# Networks of others are of version 4; all else is written as version 3, which is the same without.
FORMAT_VERSION = 4
OWN_VERSION = 3
MAX_BYTES = 64 * 2**20
MAX_HEADER = 4 * 2**20
MAX_TENSORS = 2000
LARGEST = 65504.0  # weights beyond float16's range belong to no trained model
SUFFIX = ".safetensors"
STORED = torch.bfloat16
Classes = Annotated[
    tuple[Annotated[str, Meta(min_length=1, max_length=200)], ...], Meta(max_length=1000)
]


class CheckpointError(UserError):
    """A checkpoint cannot be read or written; one sentence says which file and what is wrong."""


@dataclass(frozen=True)
class Metrics:
    """Test terms of the stored weights, nats per image, one sample of z an image.

    With `validation` the images were held back from the training images instead.
    """

    reconstruction: float
    kl: float
    images: int
    validation: bool = False

    @property
    def total(self) -> float:
        """Reconstruction + KL; −ELBO in nats per image less the likelihood's constant."""
        return self.reconstruction + self.kl


@dataclass(frozen=True)
class Refit:
    """How the encoder was made anew when the decoder was ready.

    `experts` local ones were computed from it (0: the network stayed) by `rank` features, at a
    `temperature` and with a `reach`; then there were `epochs` of training with the decoder frozen,
    over so many `images`. At encoding there are `steps` through a copy of the decoder. What was
    not done is 0. `before` are the metrics with the encoder that was there.
    """

    experts: int
    rank: int
    temperature: float
    reach: float
    epochs: int
    learning_rate: float
    elastic: float
    input_dropout: float
    images: int
    seed: int
    before: Metrics
    steps: int = 0


@dataclass(frozen=True)
class Description:
    """A checkpoint without its weights, as its file's header tells it; as `Checkpoint`."""

    name: str
    config: VAEConfig
    preset: Preset
    seed: int
    data: str
    history: tuple[EpochTerms, ...]
    metrics: Metrics | None
    origin: Origin | None = None
    refit: Refit | None = None


def damaged(file_name: str, error: Exception) -> CheckpointError:
    return CheckpointError(
        f"{file_name} is damaged, truncated or not a safetensors file "
        f"({short(' '.join(str(error).split()))})."
    )


def read_header(
    content: bytes, size: int, name: str, file_name: str
) -> tuple[Description, dict[str, str]]:
    """The header at the beginning of a file of `size` bytes: what it says, and its metadata."""
    if size > MAX_BYTES:
        raise CheckpointError(
            f"{file_name} is too large; a checkpoint of this project has at most {MAX_BYTES:,} "
            "bytes."
        )
    if content[:2] in (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
        raise CheckpointError(
            f"{file_name} is a pickle or zip archive (as torch.save writes), not a safetensors "
            "file; it is never opened, because unpickling can run code. With its network's class, "
            "`python -m training import` makes a checkpoint of it."
        )
    header_bytes = int.from_bytes(content[:8], "little")
    try:
        if header_bytes > MAX_HEADER:
            raise ValueError(f"a header of {header_bytes:,} bytes")
        header = msgspec.json.decode(content[8 : 8 + header_bytes], type=dict[str, dict])
        if len(header) > MAX_TENSORS:
            raise ValueError(f"{len(header):,} tensors")
        metadata = msgspec.convert(header.pop("__metadata__", {}), type=dict[str, str])
        end = max((tensor["data_offsets"][1] for tensor in header.values()), default=0)
        if 8 + header_bytes + end != size:
            raise ValueError(f"{size:,} bytes instead of {8 + header_bytes + end:,}")
    except Exception as error:  # a stranger's header may be anything
        raise damaged(file_name, error) from None
    return _described(metadata, name, file_name), metadata


def short(text: object) -> str:
    return printable(str(text)).rstrip(".")


def _described(metadata: dict[str, str], name: str, file_name: str) -> Description:
    """The checkpoint that the metadata describe."""
    version = metadata.get("format_version")
    if metadata.get("kind") == classifier.NAME:
        raise CheckpointError(f"{file_name} is a classifier, not a VAE; name another file.")
    if version is None:
        raise CheckpointError(
            f"{file_name} was written by another tool: it is a safetensors file, but its metadata "
            "have no format_version; make one with `python -m training fit`, or "
            "`python -m training import` from the network and its weights."
        )
    if not version.isascii() or not version.isdigit() or len(version) > 6 or int(version) < 1:
        raise CheckpointError(
            f"{file_name} has the format version {printable(version)!r}, which is no number."
        )
    if int(version) > FORMAT_VERSION:
        raise CheckpointError(
            f"{file_name} has format version {int(version)}, and this program reads up to "
            f"{FORMAT_VERSION}: update the program."
        )
    field = "config"
    try:
        config = msgspec.json.decode(metadata["config"], type=VAEConfig)
        field = "preset"
        preset = msgspec.json.decode(metadata["preset"], type=Preset)
        field = "seed"
        seed = msgspec.json.decode(metadata["seed"], type=int)
        field = "history"
        history = msgspec.json.decode(metadata["history"], type=tuple[EpochTerms, ...])
        field = "metrics"
        metrics = msgspec.json.decode(metadata["metrics"], type=Metrics | None)
        own = config.architecture != PROGRAM
        if metrics is None and own:
            raise ValueError("there are none")
        field = "data"
        data = metadata["data"]
        if not data.isprintable() or len(data) > 4096:
            raise ValueError(f"{printable(data, 40)} is no name of a data set")
        field = "origin"
        origin = None if own else msgspec.json.decode(metadata["origin"], type=Origin)
        field = "refit"
        refit = msgspec.json.decode(metadata.get("refit", "null"), type=Refit | None)
    except KeyError:
        raise CheckpointError(f"{file_name} is damaged: its metadata have no {field}.") from None
    except (msgspec.MsgspecError, UnicodeError, ValueError, RecursionError) as error:
        raise CheckpointError(
            f"{file_name} is damaged: its {field} cannot be read ({short(error)})."
        ) from None
    preset = replace(preset, model=config)
    return Description(name, config, preset, seed, data, history, metrics, origin, refit)
