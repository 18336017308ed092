"""The command `lesson`: a lesson, a YAML file, held against the checkpoint that it is about."""

import argparse
from pathlib import Path

from explorer.lessons import check
from training.console import say

HELP = "Check a lesson, a YAML file (docs/LESSONS.md)."


def add_arguments(sub: argparse.ArgumentParser) -> None:
    """The options of `python -m explorer lesson`."""
    sub.add_argument("file", type=Path)


def run(args: argparse.Namespace) -> None:
    """Print what there is to say of the lesson.

    Raises:
        LessonError: the first thing that is wrong.
    """
    for line in check.report(args.file):
        say(line)
