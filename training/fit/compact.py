"""Weights with fewer digits: a decoder that compresses better, for whoever has a slow line."""

import argparse
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from training import checkpoint as checkpoints
from training.checkpoint import CheckpointError
from training.checkpoint_header import Metrics
from training.console import say
from training.data.download import split_reader
from training.errors import OptionError
from training.evaluation.metrics import mean_terms
from training.text import printable, printable_path
from training.vae.model import VAE
from training.vae.program_network import PROGRAM

MANTISSA = 23  # bits of a float32's
STORED = 7  # and of a bfloat16's
NEVER = 1e-9  # the least mean level that a value's bias is made for


def rounded(weights: Tensor, bits: int) -> Tensor:
    """Float32 weights to the nearest with so many explicit bits of the mantissa, ties away from 0;
    the same shape."""
    dropped = MANTISSA - bits
    whole = weights.detach().contiguous().view(torch.int32)
    return ((whole + (1 << (dropped - 1))) >> dropped << dropped).view(torch.float32)


@torch.no_grad()
def compact(vae: VAE, bits: int, images: Tensor) -> int:
    """Round the decoder's weights, not its biases, in place, those of the last two layers to one
    bit less: they are the widest, and their errors average out. The number of values of a picture
    that are the same in all training `images` (N, n), 0 everywhere, and of which a last linear
    layer keeps the bias alone."""
    matrices = [weights for weights in vae.decoder.parameters() if weights.dim() > 1]
    for n, weights in enumerate(matrices, 1):
        less = n > len(matrices) - 2
        weights.copy_(rounded(weights, max(1, bits - less)))
    last = [m for m in vae.decoder.modules() if not list(m.children())][-1]
    if not isinstance(last, nn.Linear) or last.out_features != vae.shape.size:
        return 0
    mean = images.float().mean(0) / 255
    dark = mean < 1 / (255 * vae.shape.size)
    last.weight[dark] = 0
    level = mean[dark].clamp(NEVER)
    last.bias[dark] = torch.log(level / (1 - level))
    return int(dark.sum())


def add_arguments(sub: argparse.ArgumentParser, data_dir: dict[str, object]) -> None:
    """The options of `python -m training compact`."""
    sub.add_argument("checkpoint", type=Path)
    sub.add_argument("--bits", type=int, default=4, help="of the mantissa, of 7 that are stored")
    sub.add_argument("--data-dir", **data_dir)  # type: ignore[arg-type]
    sub.add_argument("--out", type=Path, required=True, help="the checkpoint to write")


def run(args: argparse.Namespace) -> None:
    """Write the checkpoint with a rounded decoder, and its metrics on the test images.

    Raises:
        CheckpointError: it cannot be read or written, or is a network of somebody else.
        OptionError: `bits` are not 1 to 7.
    """
    if not 1 <= args.bits <= STORED:
        raise OptionError(f"--bits {args.bits} is not possible; choose a number from 1 to 7.")
    found = checkpoints.load(args.checkpoint)
    if found.vae.config.architecture == PROGRAM:
        raise CheckpointError(
            f"{printable(found.name)} is a network of somebody else, whose weights stay as they "
            "are; compact one that `python -m training fit` has made."
        )
    load = split_reader(found.data, args.data_dir)
    dark = compact(found.vae, args.bits, load("train").images)
    kept, test = checkpoints.as_stored(found.vae), load("test")
    reconstruction, kl = mean_terms(kept, test.images)
    held_back = found.metrics is not None and found.metrics.validation
    metrics = Metrics(reconstruction, kl, len(test), held_back)
    out = checkpoints.save(replace(found, name=args.out.stem, vae=kept, metrics=metrics), args.out)
    before = found.metrics.total if found.metrics else float("nan")
    say(
        f"{kept.likelihood.total_title} {before:.3f} → {metrics.total:.3f} per image; {dark} "
        f"values of a picture are always dark. Wrote {printable_path(out)}."
    )
