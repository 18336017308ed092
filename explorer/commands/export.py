"""The command `export`: checkpoints and images as a page that needs no server."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from explorer import entries, paths
from explorer.commands import inputs
from explorer.handout import contents, document, lesson_choice
from explorer.handout.document import ExportError
from explorer.handout.selection import some_of
from training import checkpoint as checkpoints
from training.checkpoint import Checkpoint
from training.console import say
from training.data.datasets import DataError, ImageSet
from training.errors import OptionError
from training.text import printable_path

HELP = "Write checkpoints and images as a page that needs no server."

Loaded = Sequence[Checkpoint]


def add_arguments(sub: argparse.ArgumentParser) -> None:
    """The options of `python -m explorer export`."""
    quiet = argparse.SUPPRESS
    sub.add_argument(
        "checkpoint", nargs="+", help="checkpoints' files, or their names in checkpoints/"
    )
    place = sub.add_mutually_exclusive_group(required=True)
    place.add_argument("--out", type=Path, default=quiet, help="the HTML file to write")
    place.add_argument(
        "--folder", type=Path, default=quiet, help="the folder to write, for a static host"
    )
    sub.add_argument("--data", default=quiet, help="default: what the first was trained on")
    sub.add_argument("--data-dir", type=Path, default=paths.data_dir())
    sub.add_argument("--images", type=int, default=contents.USUAL_IMAGES, help="how many")
    sub.add_argument(
        "--no-terms", action="store_true", help="without the wall of images by their terms"
    )
    sub.add_argument(
        "--float32", action="store_true", help="keep all digits of weights that have more than 16"
    )


def run(args: argparse.Namespace) -> None:
    """Write a hand-out of checkpoints.

    Raises:
        UserError: an option is wrong, or what it names does not go together.
    """
    named = dict.fromkeys(args.checkpoint)
    found = [checkpoints.load(inputs.file_of(name)) for name in named]
    _check(args, found)
    images = _images(args, found)
    names = [one.name for one in found]
    some = some_of(images, args.images, lesson_choice.wanted(names, images.name))
    smaller = found if args.float32 else [_rounded(one, images) for one in found]
    made = contents.gather(
        smaller, some, paths.cache_dir(), not args.no_terms, lambda words: say(f"… {words}")
    )
    if hasattr(args, "folder"):
        files = document.folder_of_files(made)
        document.write_files(args.folder, files)
        size = sum(map(len, files.values()))
        say(
            f"{args.folder / 'index.html'} and {len(files) - 1} files beside it: {_megabytes(size)}"
        )
    else:
        page = document.one_file(made)
        document.write_files(args.out.parent, {args.out.name: page})
        say(f"{args.out}: {_megabytes(len(page))}")
    for sentence in lesson_choice.left_out(names, some, len(images)):
        say(sentence)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.2f} MB"


def _check(args: argparse.Namespace, found: Loaded) -> None:
    if not 10 <= args.images <= contents.MOST_IMAGES:
        raise OptionError(
            f"--images {args.images} is not possible; choose a number from 10 to "
            f"{contents.MOST_IMAGES}."
        )
    if len(found) > contents.MOST_CHECKPOINTS:
        raise OptionError(
            f"{len(found)} checkpoints are too many for one page; choose at most "
            f"{contents.MOST_CHECKPOINTS}."
        )
    names = [one.name for one in found]
    for name in names:
        if names.count(name) > 1:
            raise OptionError(f"Two of the checkpoints are called {name!r}; rename one of them.")
    if hasattr(args, "out"):
        if args.out.suffix.lower() not in (".html", ".htm"):
            raise OptionError(
                f"--out {printable_path(str(args.out))} is no HTML file; give it a name that ends "
                "in .html, or name a folder with --folder."
            )
        if args.out.is_dir():
            raise ExportError(f"{printable_path(str(args.out))} is a folder; name a file.")


def _images(args: argparse.Namespace, found: Loaded) -> ImageSet:
    came = found[0].images_with_it
    if came is not None and not hasattr(args, "data"):
        return came
    name = inputs.data_of(args, found[0])
    images = entries.load_images(name, args.data_dir)
    if not len(images):
        raise DataError(f"{name} has no images; choose another with --data.")
    return images


def _rounded(one: Checkpoint, images: ImageSet) -> Checkpoint:
    if one.vae.encoder is None or one.vae.shape != images.shape:
        return one  # what is wrong with it is said later
    smaller = contents.in_16_bits(one)
    if smaller is not one:
        loss = contents.loss_of_rounding(one.vae, smaller.vae, some_of(images, 500).images)
        say(
            f"{one.name}: its weights are rounded to 16 bits, which adds {loss:+.3f} to the sum of "
            "its terms (a mean over images); --float32 keeps them."
        )
    return smaller
