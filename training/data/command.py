"""The command `data`, and the options of pictures that other commands have too."""

import argparse
from pathlib import Path

from training.console import say
from training.data.datasets import (
    DATASETS,
    DataError,
    find,
    is_own,
    load,
    pin,
    reader,
    with_options,
)
from training.data.download import SPLITS, download_shown
from training.data.names import VALUES
from training.text import printable_path

PICTURES = ("size", *VALUES)  # options of somebody's own pictures


def add_picture_options(sub: argparse._ActionsContainer) -> None:
    """Options that become part of the data set's name."""
    quiet = argparse.SUPPRESS
    sub.add_argument(
        *("--size",),
        default=quiet,
        metavar="N|WxH",
        help="of your own pictures, in pixels; by default as large as they allow, 128 at most",
    )
    for name, said in (
        ("crop", "cut what has another aspect, or pad it"),
        ("color", "auto is in colour where there is any"),
        ("background", "behind what is transparent, and beside what is padded"),
    ):
        values = "|".join(VALUES[name])
        sub.add_argument(f"--{name}", default=quiet, metavar=values, help=said)


def decide(args: argparse.Namespace, data: str) -> str:
    """Name of the data set with the command line's options of pictures, everything decided; what
    was chosen is told.

    Raises:
        DataError: the name or an option is not possible, or the pictures cannot be had.
    """
    name, notes = pin(_asked(args, data), args.data_dir)
    for note in notes:
        say(note)
    return name


def _asked(args: argparse.Namespace, data: str) -> str:
    given = {name: getattr(args, name) for name in PICTURES if hasattr(args, name)}
    return with_options(data, **given) if given else data


def run(args: argparse.Namespace) -> None:
    """`python -m training data`.

    Raises:
        DataError: with a sentence that says what to do.
    """
    if args.name is None:
        for row in DATASETS.values():
            if not row.needs_download:
                state = "always there"
            elif row.on_disk(args.data_dir, "train") and row.on_disk(args.data_dir, "test"):
                state = f"in {args.data_dir}"
            else:
                state = f"not here; a download of {row.archive_bytes / 1e6:.0f} MB"
            say(f"{row.name:<15}{row.title:<27}{sum(row.size):>7,} images   {state}")
        for kind, what in (
            ("folder:PATH", "a folder, or one a class"),
            ("zip:PATH", "the same in an archive"),
            ("npz:PATH", "arrays images, labels"),
        ):
            say(f"{kind:<15}{'your own images':<27}{'':>7}          {what}")
        return
    name = _asked(args, args.name)
    if not is_own(name) and find(name).needs_download and not _whole(name, args.data_dir):
        download_shown(find(name).name, args.data_dir)
    read = reader(name, args.data_dir)
    for split in SPLITS:
        part = read(split)
        shown = f"{len(part):,} {split} images ({part.shape}) of {len(part.classes)} classes"
        say(f"{printable_path(part.name)}: {shown}")
    for note in part.notes:
        say(note)


def _whole(name: str, data_dir: Path) -> bool:
    try:
        load(name, "train", data_dir)
        load(name, "test", data_dir)
    except DataError:
        return False
    return True
