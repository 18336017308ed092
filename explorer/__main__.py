"""The command line: python -m explorer figures CHECKPOINT --out DIR | lesson FILE."""

import argparse
import os
import sys
from pathlib import Path

import numpy as np

from explorer import paths
from training import checkpoint as checkpoints
from training.checkpoint import SUFFIX, CheckpointError
from training.console import say
from training.data import datasets
from training.data.datasets import EMBEDDED, DataError
from training.errors import UserError
from training.text import printable


def main(argv: list[str] | None = None) -> int:
    """Run one command; errors that a user can mend are one sentence on standard error."""
    parser = argparse.ArgumentParser(prog="python -m explorer", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    sub = commands.add_parser(
        "figures",
        help="Write a report's figures of a checkpoint, each as PNG and SVG.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    sub.add_argument("checkpoint", help="a checkpoint's file, or its name in checkpoints/")
    sub.add_argument("--out", type=Path, required=True, help="the folder to write to")
    quiet = argparse.SUPPRESS
    sub.add_argument("--data", default=quiet, help="default: what the checkpoint was trained on")
    sub.add_argument("--data-dir", type=Path, default=paths.data_dir())
    sub.add_argument("--dpi", type=int, default=200, help="pixels an inch of the PNG files")
    sub.set_defaults(act=_figures)
    sub = commands.add_parser("lesson", help="Check a lesson, a YAML file (docs/LESSONS.md).")
    sub.add_argument("file", type=Path)
    sub.set_defaults(act=_lesson)
    args = parser.parse_args(argv)
    try:
        args.act(args)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped; what is written stays.", file=sys.stderr)
        return 130
    return 0


def _lesson(args: argparse.Namespace) -> None:
    from explorer.lessons import check

    for line in check.report(args.file):
        say(line)


def _figures(args: argparse.Namespace) -> None:
    if not 20 <= args.dpi <= 1200:
        raise DataError(f"--dpi {args.dpi} is not possible; choose a number from 20 to 1200.")
    found = checkpoints.load(_file_of(args.checkpoint))
    if found.vae.encoder is None:
        raise CheckpointError(
            f"{printable(found.name)} is a decoder alone, and the figures are of images and their "
            "codes."
        )
    images = None if hasattr(args, "data") else found.images_with_it
    if images is None:
        name = args.data if hasattr(args, "data") else _data_there(found.data, args.data_dir)
        images = datasets.load(name, "test", args.data_dir)
    if images.shape != found.vae.shape:
        fault = datasets.misfit(images.name, images.shape, found.name, found.vae.shape)
        raise DataError(f"{fault}; choose another with --data.")
    try:
        args.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(args.out, error) from None
    from explorer.figures import report
    from explorer.latent import codes as latent_codes

    labels = found.vae.labels_of(images.labels, len(images.classes))
    codes = latent_codes.encode(found.vae, images.images, labels=labels)
    if not (np.isfinite(codes.mu).all() and np.isfinite(codes.std).all()):
        raise CheckpointError(
            f"{found.name} gives codes that are not numbers: its weights overflow."
        )
    for figure in report.figures_of(found):
        for kind in ("png", "svg"):
            file = args.out / f"{found.name}-{figure}.{kind}"
            content = report.draw(figure, found, images, kind, args.dpi)
            try:
                file.write_bytes(content)
            except OSError as error:
                raise _unwritable(args.out, error) from None
            say(str(file))


def _unwritable(folder: Path, error: OSError) -> CheckpointError:
    return CheckpointError(
        f"{folder} cannot be written to ({error.strerror}); name another folder with --out."
    )


def _file_of(named: str) -> Path:
    """The checkpoint's file: a path, or a bare name of one in the folder of checkpoints.

    Raises:
        CheckpointError: a bare name that is none, with those there are.
    """
    folder = paths.checkpoint_dir()
    if os.path.isfile(named) or Path(named).suffix == SUFFIX or Path(named).name != named:
        return Path(named)
    files = {path.stem: path for path in checkpoints.checkpoint_files(folder)}
    if named not in files:
        raise CheckpointError(
            f"There is no checkpoint {named!r} in {folder}; choose one of "
            f"{', '.join(files) or '(it is empty)'}, or give the path of a {SUFFIX} file."
        )
    return files[named]


def _data_there(trained_on: str, data_dir: Path) -> str:
    """The data set that a checkpoint was trained on, or the embedded one where it is not here."""
    own = datasets.is_own(trained_on)
    try:
        if datasets.is_there(trained_on, "test", data_dir):
            return trained_on
    except DataError:  # an unknown name
        pass
    where = "here" if own else f"in {data_dir}"
    seen = "" if own else ", of MNIST's training images,"
    say(f"{trained_on} is not {where}; the figures show {EMBEDDED}{seen} instead.")
    return EMBEDDED


if __name__ == "__main__":
    sys.exit(main())
