"""The command `figures`: a report's figures of a checkpoint."""

import argparse

from explorer.commands import inputs
from training.console import say
from training.data.datasets import DataError

HELP = "Write a report's figures of a checkpoint, each as PNG and SVG."


def add_arguments(sub: argparse.ArgumentParser) -> None:
    """The options of `python -m explorer figures`."""
    inputs.add_arguments(sub, "the folder to write to")
    sub.add_argument("--dpi", type=int, default=200, help="pixels an inch of the PNG files")


def run(args: argparse.Namespace) -> None:
    """Write the figures.

    Raises:
        CheckpointError, DataError: with a sentence that says what to do.
    """
    if not 20 <= args.dpi <= 1200:
        raise DataError(f"--dpi {args.dpi} is not possible; choose a number from 20 to 1200.")
    found, images = inputs.opened(args)
    try:
        args.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise inputs.unwritable(args.out, error) from None
    from explorer.figures import report

    inputs.codes_of(found, images)
    for figure in report.figures_of(found):
        for kind in ("png", "svg"):
            file = args.out / f"{found.name}-{figure}.{kind}"
            content = report.draw(figure, found, images, kind, args.dpi)
            try:
                file.write_bytes(content)
            except OSError as error:
                raise inputs.unwritable(args.out, error) from None
            say(str(file))
