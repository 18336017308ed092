"""Page runs at the same time: a few, while the others wait without asking for the interpreter.

Each thread that wants Python's interpreter lock has it for 5 ms in turn: with two hundred page runs
under way, the thread that answers everybody would have its turn once a second.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_SLOTS = threading.BoundedSemaphore(max(2, os.cpu_count() or 2))


@contextmanager
def slot() -> Iterator[None]:
    """Wait for a place, and give it back at the end, however the page run ends."""
    with _SLOTS:
        yield
