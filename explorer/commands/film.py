"""The command `film`: a walk, a traversal, or a training, as GIF, WebP, MP4 or WebM."""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explorer import paths
from explorer.commands import inputs
from training.checkpoint import Checkpoint, CheckpointError
from training.console import say
from training.data.datasets import ImageSet
from training.runs.run import Run, snapshot_steps

HELP = "Write a film of a walk through a checkpoint's latent space, or of a run's training."
RATE = 25  # frames a second
Frames = NDArray[np.uint8]
_LEAST = 0.02  # of the prior's mass beyond a traversal's ends


def add_arguments(sub: argparse.ArgumentParser) -> None:
    """The options of `python -m explorer film`."""
    inputs.add_arguments(sub, "the file: .gif, .webp, .mp4 or .webm")
    sub.add_argument("--from", dest="first", type=int, help="the walk's first image, by its number")
    sub.add_argument("--to", dest="last", type=int, help="and its other end")
    sub.add_argument("--dim", type=int, help="a dimension, from 1, to go along instead")
    sub.add_argument("--run", action="store_true", help="CHECKPOINT names a run: its training")
    sub.add_argument("--seconds", type=float, default=4.0)
    sub.add_argument("--side", type=int, default=448, help="pixels of a picture's width, at least")


def run(args: argparse.Namespace) -> None:
    """Write the film.

    Raises:
        CheckpointError, DataError, FilmError: with a sentence that says what to do.
    """
    from explorer.figures import film

    kind = film.kind_of(args.out)
    if not 0.5 <= args.seconds <= 60:
        raise CheckpointError(f"--seconds {args.seconds:g} is not possible; choose 0.5 to 60.")
    if not 16 <= args.side <= 2048:
        raise CheckpointError(f"--side {args.side} is not possible; choose 16 to 2048.")
    steps = round(RATE * args.seconds)
    if args.run:
        frames, steps = _training(args, steps)
    else:
        found, images = inputs.opened(args)
        frames = film.of_codes(found.vae, _codes(args, found, images, steps), args.side)
    content = film.packed(frames, kind, RATE)
    try:
        args.out.write_bytes(content)
    except OSError as error:
        raise inputs.unwritable(args.out, error) from None
    say(f"Wrote {args.out}: {steps} frames, {steps / RATE:.1f} s, {len(content) / 1e6:.2f} MB.")


def _codes(args: argparse.Namespace, found: Checkpoint, images: ImageSet, steps: int) -> Tensor:
    """Codes of a walk there and back, (steps, d)."""
    from explorer.figures import film
    from explorer.figures.axes import axes_of
    from explorer.latent import codes as latent_codes

    codes, share = inputs.codes_of(found, images), film.there_and_back(steps)
    typical = latent_codes.typical(codes, images.labels.numpy(), len(images.classes))
    usual = [image for image in typical if image is not None]
    ends = [
        usual[0] if args.first is None else args.first,
        usual[-1] if args.last is None else args.last,
    ]
    for option, image in zip(("--from", "--to"), ends, strict=True):
        if not 0 <= image < len(images):
            raise CheckpointError(
                f"{option} {image} is no image here; they are numbered 0 to {len(images) - 1}."
            )
    a, b = torch.from_numpy(codes.mu[ends])
    if args.dim is None:
        z, first = a + share[:, None] * (b - a), found.vae.config.continuous
        z[:, first:] = torch.where(share[:, None] < 0.5, a[first:], b[first:])  # no mean of options
        return z
    axes = axes_of(found.vae, codes)
    name = {name: n for n, name in enumerate(axes.names)}
    at = next((n for t, n in name.items() if t in (_named(args.dim), f"PC {args.dim}")), None)
    if at is None:
        raise CheckpointError(f"--dim {args.dim} is not possible; choose 1 to {len(axes.names)}.")
    places = axes.places(found.vae, 1001, _LEAST)[at]
    z = a.repeat(steps, 1)
    axes.move(z, at, places[(1000 * share).round().long()])
    return z


def _named(dim: int) -> str:
    from explorer.figures.theme import z_name

    return z_name(dim - 1)


def _training(args: argparse.Namespace, steps: int) -> tuple[Iterator[Frames], int]:
    """Frames of a run's snapshots, each as long as needed, and their number."""
    from explorer.figures import film
    from training.runs.snapshots import Probe, Snapshot

    folder = Path(args.checkpoint)
    chosen = Run(folder if folder.is_dir() else paths.run_dir() / args.checkpoint)
    there = snapshot_steps(chosen.snapshots)
    if not there:
        raise CheckpointError(
            f"There is no run {args.checkpoint} with snapshots in {paths.run_dir()}; name one that "
            "has been trained, or its folder."
        )
    probe = Probe.read(chosen.path / "probe.npz")
    snapshots = [Snapshot.read(chosen.snapshots / f"{step}.npz") for step in there]
    # The first ones are close to each other: at first much happens.
    rows = [round(n * (len(there) - 1) / max(1, steps - 1)) for n in range(steps)]
    return film.of_training(probe, [snapshots[row] for row in rows], args.side), steps
