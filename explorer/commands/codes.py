"""The command `codes`: codes and terms of images, as a table."""

import argparse

import torch

from explorer import paths
from explorer.commands import inputs
from training.checkpoint import CheckpointError
from training.console import progress_bar, say

HELP = "Write the codes of a checkpoint's images, and their terms, as CSV, Parquet or NPZ."


def add_arguments(sub: argparse.ArgumentParser) -> None:
    """The options of `python -m explorer codes`."""
    inputs.add_arguments(sub, "the file: .csv, .parquet or .npz")
    sub.add_argument("--terms", action="store_true", help="also reconstruction, KL and log p(x)")
    sub.add_argument("--images", type=int, help="the first N (default: all)")


def run(args: argparse.Namespace) -> None:
    """Write the table.

    Raises:
        CheckpointError, DataError: with a sentence that says what to do.
    """
    from explorer.latent import code_table, terms

    kind = args.out.suffix.removeprefix(".").lower()
    if kind not in code_table.KINDS:
        raise CheckpointError(
            f"--out {args.out} is of no kind that is written; end it in "
            f"{', '.join('.' + name for name in code_table.KINDS)}."
        )
    if args.images is not None and args.images < 1:
        raise CheckpointError(f"--images {args.images} is not possible; choose 1 or more.")
    found, images = inputs.opened(args)
    images = images.take(torch.arange(min(args.images or len(images), len(images))))
    codes, found_terms = inputs.codes_of(found, images), None
    if args.terms:
        with progress_bar(total=100, unit="%", desc="terms") as bar:
            found_terms = terms.whole(
                paths.cache_dir() / "terms",
                found.vae,
                images,
                lambda share: bar.update(100 * share - bar.n),
            )
    content = code_table.packed(code_table.frame(codes, images, found_terms), kind)
    try:
        args.out.write_bytes(content)
    except OSError as error:
        raise inputs.unwritable(args.out, error) from None
    say(f"Wrote {args.out}: {len(images):,} images, {codes.mu.shape[1]} dimensions.")
