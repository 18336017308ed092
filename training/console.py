"""The terminal: lines that are printed at once."""

import os
import sys


def say(text: str) -> None:
    """Print a line at once; where the reader (head, less) has gone, go on with the work without
    it."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
