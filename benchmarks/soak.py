"""An hour of visitors who come, look, and leave: what the server keeps of them.

    python -m benchmarks.soak [--visitors 20] [--minutes 60] [--data-dir data] [--json FILE]

Each visitor loads Explore, changes image, checkpoint or projection every ten seconds, stays about
three minutes, and is followed by another. Every minute a row says what the server has: memory, file
descriptors, threads.
"""

import argparse
import asyncio
import contextlib
import json
import random
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import psutil

from benchmarks.browser import ROOT, serving
from benchmarks.room import Visitor, listening

STAY = 180.0  # seconds, in the mean
PAUSE = 10.0  # seconds between two changes, in the mean


@dataclass
class Minute:
    """What the server has after `minute`, and what was done until then; memory in MB."""

    minute: float
    memory: float
    files: int
    threads: int
    visitors: int
    changes: int
    errors: int


class Room:
    """Visitors who are followed by others until the time is over."""

    def __init__(self, url: str, end: float) -> None:
        self.url, self.end = url, end
        self.visitors = self.changes = 0
        self.errors: list[str] = []

    async def seat(self, number: int) -> None:
        """One place: visitor after visitor."""
        rng = random.Random(number)
        await asyncio.sleep(rng.uniform(0, 30))
        while time.monotonic() < self.end:
            self.visitors += 1
            visitor = Visitor(self.url, self.visitors % 500)
            try:
                await self._visit(visitor, rng)
            except Exception as error:
                self.errors.append(f"{type(error).__name__}: {error}"[:200])
            finally:
                if hasattr(visitor, "socket"):
                    await visitor.socket.close()

    async def _visit(self, visitor: Visitor, rng: random.Random) -> None:
        leaves = min(self.end, time.monotonic() + rng.uniform(0.5, 1.5) * STAY)
        await visitor.arrive()
        while time.monotonic() < leaves:
            await asyncio.sleep(rng.uniform(0.4, 1.6) * PAUSE)
            kind = rng.randrange(3)
            if kind == 0:
                visitor.number = rng.randrange(500)
                await visitor.choose_image()
            elif kind == 1:
                names = ("mnist-2d", "mnist-10d", "n12", "gamma", "report-normal")
                await visitor.choose("checkpoint_box", rng.choice(names))
            elif "view_box" in visitor.boxes:
                await visitor.choose("view_box", rng.choice(("PCA", "Latent plane")))
            self.changes += 1


async def measure(visitors: int, minutes: float, data_dir: Path) -> tuple[list[Minute], list[str]]:
    """A row a minute, and what went wrong."""
    rows: list[Minute] = []
    with contextlib.ExitStack() as stack:
        cache = stack.enter_context(tempfile.TemporaryDirectory())
        environment = {"VAE_DATA_DIR": str(data_dir.resolve()), "VAE_CACHE_DIR": cache}
        app = serving(ROOT / "streamlit_app.py", ROOT, **environment)
        url, process = stack.enter_context(app)
        await listening(url)
        server, began = psutil.Process(process.pid), time.monotonic()
        room = Room(url, began + 60 * minutes)
        going = [asyncio.create_task(room.seat(n)) for n in range(visitors)]
        while time.monotonic() < room.end:
            await asyncio.sleep(min(60, max(0.1, room.end - time.monotonic())))
            rows.append(
                Minute(
                    (time.monotonic() - began) / 60,
                    server.memory_info().rss / 2**20,
                    server.num_fds(),
                    server.num_threads(),
                    room.visitors,
                    room.changes,
                    len(room.errors),
                )
            )
            print(line(rows[-1]), flush=True)
        await asyncio.gather(*going)
    return rows, room.errors


def line(row: Minute) -> str:
    """A row of the table."""
    return (
        f"minute {row.minute:4.0f}   {row.memory:7.1f} MB   {row.files:4d} files   "
        f"{row.threads:4d} threads   {row.visitors:4d} visitors   {row.changes:6d} changes   "
        f"{row.errors} errors"
    )


def slopes(rows: list[Minute]) -> dict[str, float]:
    """Growth an hour of memory, files and threads over the last two thirds, by least squares."""
    late = rows[len(rows) // 3 :]
    minutes = [row.minute for row in late]
    return {
        name: 60 * float(np.polyfit(minutes, [getattr(row, name) for row in late], 1)[0])
        for name in ("memory", "files", "threads")
    }


def main() -> None:
    """Measure, and print a row a minute."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--visitors", type=int, default=20, help="1 to 100")
    parser.add_argument("--minutes", type=float, default=60.0, help="at most 600")
    parser.add_argument("--data-dir", type=Path, default=Path("data"))
    parser.add_argument("--json", type=Path, help="a file for the numbers")
    args = parser.parse_args()
    if not 1 <= args.visitors <= 100 or not 0 < args.minutes <= 600:
        sys.exit("--visitors is a number from 1 to 100, --minutes one up to 600.")
    rows, errors = asyncio.run(measure(args.visitors, args.minutes, args.data_dir))
    for error in errors[:5]:
        print(f"    {error}")
    if len(rows) >= 6:
        grown = slopes(rows)
        print("growth an hour: " + ", ".join(f"{v:+.1f} {name}" for name, v in grown.items()))
    if args.json:
        found = {"rows": [asdict(row) for row in rows], "errors": errors}
        args.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
