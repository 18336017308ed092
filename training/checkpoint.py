"""Checkpoints: one .safetensors file each, weights in 16 bits and JSON in its metadata.

Loading never unpickles and never builds anything larger than the file itself, so a file from a
stranger can be opened. docs/FORMATS.md describes the format.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import safetensors
import safetensors.torch
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from training.checkpoint_header import (
    FORMAT_VERSION,
    LARGEST,
    MAX_BYTES,
    MAX_HEADER,
    OWN_VERSION,
    STORED,
    SUFFIX,
    CheckpointError,
    Classes,
    Description,
    Metrics,
    Refit,
    damaged,
    read_header,
    short,
)
from training.data.image_set import ImageSet
from training.files import clear_partials, open_regular, replace_file
from training.origin import Origin
from training.presets import Preset
from training.runs.records import EpochTerms
from training.text import printable, printable_path
from training.vae import classifier, program
from training.vae.model import VAE, VAEConfig
from training.vae.program_network import PROGRAM, Programs

_CLASSIFIER = re.compile(rf"{classifier.NAME}(-\d+)?")
_READABLE = (torch.float16, torch.bfloat16, torch.float32)


@dataclass(frozen=True)
class Examples:
    """Pictures that came with a network of somebody else: uint8 `images` (N, n), `labels` int64
    (N,), and the class names."""

    images: Tensor
    labels: Tensor
    classes: tuple[str, ...]


@dataclass(frozen=True)
class Checkpoint:
    """A trained model and where it came from. `data` is the data set it was trained on.

    A network of somebody else has an `origin`, and of its recipe no more is known than the model;
    the metrics of a decoder alone are None. `examples` may come with it. A `refit` says that the
    encoder is not the one of the recipe and the history.
    """

    name: str
    vae: VAE
    preset: Preset
    seed: int
    data: str
    history: tuple[EpochTerms, ...]
    metrics: Metrics | None
    origin: Origin | None = None
    examples: Examples | None = None
    refit: Refit | None = None

    @property
    def description(self) -> Description:
        """All but the weights."""
        return Description(
            self.name,
            self.vae.config,
            self.preset,
            self.seed,
            self.data,
            self.history,
            self.metrics,
            self.origin,
            self.refit,
        )

    @property
    def images_with_it(self) -> ImageSet | None:
        """The `examples` as test images."""
        found = self.examples
        if found is None:
            return None
        return ImageSet(
            self.name, "test", found.images, found.labels, found.classes, self.vae.shape
        )

    @property
    def neg_elbo(self) -> float | None:
        """−ELBO on the test images in nats per image; None where no ELBO can be claimed."""
        constant = self.vae.likelihood.constant(self.vae.shape)
        if constant is None or self.metrics is None:
            return None
        return self.metrics.total + constant


def stored_weights(vae: VAE) -> dict[str, Tensor]:
    """The weights as a checkpoint stores them: on the CPU, in 16 bits, those of others in 32."""
    kind = torch.float32 if vae.config.architecture == PROGRAM else STORED
    return {
        name: tensor.detach().to("cpu", kind).contiguous()
        for name, tensor in vae.state_dict().items()
    }


def as_stored(vae: VAE) -> VAE:
    """The model as it will be when it is loaded again, so that its metrics are those of the file.

    Raises:
        CheckpointError: a weight is not finite.
    """
    weights = stored_weights(vae)
    for name, tensor in weights.items():
        if not torch.isfinite(tensor).all():
            raise CheckpointError(
                f"The weights {name} hold NaN or infinity and are not worth keeping."
            )
    fresh = VAE(vae.config, vae.programs)
    fresh.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
    return fresh.eval()


def save(checkpoint: Checkpoint, path: Path | str) -> Path:
    """Write a checkpoint: to a temporary file in the same folder, synced, then renamed.

    Raises:
        CheckpointError: the folder cannot be written to, or the disk is full.
    """
    path = Path(path)
    encode = msgspec.json.encode
    programs = checkpoint.vae.programs
    metadata = {
        "format_version": str(FORMAT_VERSION if programs else OWN_VERSION),
        "config": encode(checkpoint.vae.config).decode(),
        "preset": encode(checkpoint.preset).decode(),
        "seed": str(checkpoint.seed),
        "data": checkpoint.data,
        "history": encode(checkpoint.history).decode(),
        "metrics": encode(checkpoint.metrics).decode(),
    }
    if checkpoint.refit:
        metadata["refit"] = encode(checkpoint.refit).decode()
    if programs:
        metadata["origin"] = encode(checkpoint.origin).decode()
        metadata["programs"] = encode(
            {
                "encoder": programs.encoder and programs.encoder.describe(),
                "decoder": programs.decoder.describe(),
            }
        ).decode()
    tensors = stored_weights(checkpoint.vae)
    if checkpoint.examples:
        examples = checkpoint.examples
        metadata["classes"] = encode(examples.classes).decode()
        tensors |= {"examples": examples.images, "example_labels": examples.labels}
    content = safetensors.torch.save(tensors, metadata)
    loads(content, path.name)  # what cannot be read again is not written
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, lambda file: file.write(content))
    except OSError as error:
        raise CheckpointError(
            f"{printable_path(path)} cannot be written ({error.strerror}); name another place with "
            "--out."
        ) from None
    return path


def load(path: Path | str) -> Checkpoint:
    """Read a checkpoint file; its weights come as float32 on the CPU.

    Raises:
        CheckpointError: the file is missing, damaged, foreign or of a newer format.
    """
    path = Path(path)
    return loads(_read(path, MAX_BYTES + 1)[0], path.name)


def describe(path: Path | str) -> Description:
    """Read the header of a checkpoint file: all but its weights, which may still be damaged.

    Raises:
        CheckpointError: as `load`.
    """
    path = Path(path)
    content, size = _read(path, 8 + MAX_HEADER)
    return read_header(
        content, size, printable(path.name.removesuffix(SUFFIX), 255), printable(path.name)
    )[0]


def _read(path: Path, most: int) -> tuple[bytes, int]:
    """The first bytes of a regular file, `most` at most, and how many it has."""
    try:
        with open_regular(path) as file:
            return file.read(most), os.fstat(file.fileno()).st_size
    except OSError as error:
        raise CheckpointError(
            f"{printable_path(path)} cannot be read ({error.strerror}); name a {SUFFIX} file, as "
            "`python -m training list` shows them."
        ) from None
    except ValueError as error:
        raise CheckpointError(f"{printable_path(path)} names no file ({error}).") from None


def loads(content: bytes, file_name: str) -> Checkpoint:
    """Read a checkpoint from bytes (an upload, say); `file_name` stands in error messages.

    Raises:
        CheckpointError: as `load`.
    """
    name, file_name = printable(file_name.removesuffix(SUFFIX), 255), printable(file_name)
    found, metadata = read_header(content, len(content), name, file_name)
    try:
        weights = safetensors.torch.load(content)
    except Exception as error:  # whatever the parser says, the file is no safetensors file
        raise damaged(file_name, error) from None
    examples = _examples(found.config, metadata, weights, file_name)
    _check_values(weights, file_name)
    if found.config.architecture == PROGRAM:
        vae = _with_programs(found.config, metadata, weights, file_name)
    else:
        with torch.device("meta"), _WithoutInitialisation():
            vae = VAE(found.config)
    _fill(vae, weights, file_name)
    rest = found.preset, found.seed, found.data, found.history, found.metrics, found.origin
    return Checkpoint(found.name, vae.eval(), *rest, examples, found.refit)


class _WithoutInitialisation(TorchFunctionMode):
    """Layers without first weights, which take most of the time of making them; a file's come."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__module__", "") == "torch.nn.init":
            return args[0] if args else kwargs["tensor"]
        return func(*args, **(kwargs or {}))


def _examples(
    config: VAEConfig, metadata: dict[str, str], weights: dict[str, Tensor], file_name: str
) -> Examples | None:
    """The pictures that came with a network of somebody else, taken from among the `weights`."""
    if config.architecture != PROGRAM or "examples" not in weights:
        return None
    images, labels = weights.pop("examples"), weights.pop("example_labels", None)
    try:
        classes = msgspec.json.decode(metadata.get("classes", "[]"), type=Classes)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise CheckpointError(
            f"{file_name} is damaged: its classes cannot be read ({short(error)})."
        ) from None
    n = config.image_shape.size
    fits = (
        images.dtype == torch.uint8
        and labels is not None
        and labels.dtype == torch.int64
        and images.shape == (len(labels), n)
        and len(labels) > 0
        and 0 <= int(labels.min()) <= int(labels.max()) < len(classes)
    )
    if labels is None or not fits:
        raise CheckpointError(f"{file_name} is damaged: its examples do not fit its configuration.")
    return Examples(images, labels, tuple(printable(name) for name in classes))


def _check_values(weights: dict[str, Tensor], file_name: str) -> None:
    """Refuse weights that are of another type, not finite or beyond all sense."""
    for name, tensor in weights.items():
        if tensor.dtype not in _READABLE:
            raise CheckpointError(
                f"{file_name} stores {short(name)} as {str(tensor.dtype).removeprefix('torch.')}; "
                "weights are float16, bfloat16 or float32."
            )
        if not torch.isfinite(tensor).all():
            raise CheckpointError(f"{file_name} holds NaN or infinity in {short(name)}.")
        if tensor.numel() and float(tensor.abs().max()) > LARGEST:
            raise CheckpointError(
                f"{file_name} holds weights beyond ±{LARGEST:,.0f} in {short(name)}."
            )


def _with_programs(
    config: VAEConfig, metadata: dict[str, str], weights: dict[str, Tensor], file_name: str
) -> VAE:
    """The model of a network of somebody else; nothing of it runs before all of it is checked."""
    try:
        documents = msgspec.json.decode(metadata["programs"], type=dict[str, Any])
        if documents.keys() != {"encoder", "decoder"}:
            raise ValueError("they are not an encoder and a decoder")

        def part(name: str) -> program.Program:
            own = f"{name}.0."
            tensors = {
                key.removeprefix(own): tensor.float()
                for key, tensor in weights.items()
                if key.startswith(own)
            }
            return program.read(documents[name], tensors)

        encoder = None if documents["encoder"] is None else part("encoder")
        return VAE(config, Programs(encoder, part("decoder"), weights.get("codes")))
    except KeyError:
        raise CheckpointError(f"{file_name} is damaged: its metadata have no programs.") from None
    except program.ProgramError as error:
        raise CheckpointError(f"{file_name} cannot be run. {error}") from None
    except (msgspec.MsgspecError, UnicodeError, ValueError, RecursionError) as error:
        raise CheckpointError(
            f"{file_name} is damaged: its programs cannot be read ({short(error)})."
        ) from None


def _fill(vae: VAE, weights: dict[str, Tensor], file_name: str) -> None:
    """Give `vae` its weights after checking names and shapes."""
    expected = {name: tuple(tensor.shape) for name, tensor in vae.state_dict().items()}
    for name in sorted(expected.keys() ^ weights.keys()):
        what = "has no" if name in expected else "has unexpected"
        raise CheckpointError(
            f"{file_name} does not fit its own configuration: it {what} {short(name)}."
        )
    for name, tensor in weights.items():
        if tuple(tensor.shape) != expected[name]:
            raise CheckpointError(
                f"{file_name} does not fit its own configuration: {name} has the shape "
                f"{short(tuple(tensor.shape))} instead of {expected[name]}."
            )
    vae.load_state_dict({n: t.float() for n, t in weights.items()}, assign=True)


def unused(place: Path) -> Path:
    """The first of NAME, NAME-2, … that nothing has yet."""
    out, n = place, 2
    while out.exists():
        out, n = place.with_name(f"{place.stem}-{n}{SUFFIX}"), n + 1
    return out


def is_classifier(path: Path) -> bool:
    """Whether a file's name is the digit classifier's."""
    return _CLASSIFIER.fullmatch(path.stem) is not None


def checkpoint_files(folder: Path | str = "checkpoints") -> list[Path]:
    """The files of VAEs in `folder`, in the order of names; the classifier's is none."""
    found = sorted(Path(folder).glob("*" + SUFFIX))
    return [path for path in found if not is_classifier(path)]


def list_checkpoints(folder: Path | str = "checkpoints") -> Iterator[tuple[Path, Checkpoint | str]]:
    """Every checkpoint file in `folder` in the order of names, loaded, or the sentence that says
    why it cannot be. What writers that died have left is removed."""
    clear_partials(Path(folder))
    for path in checkpoint_files(folder):
        try:
            yield path, load(path)
        except CheckpointError as error:
            yield path, str(error)
