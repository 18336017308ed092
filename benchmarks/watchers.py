"""How many can watch a run at once: python -m benchmarks.watchers [--watchers 200] [--seconds 15]

Trains the embedded digits in a process of its own and has many clients ask for its news as the
page does, each 0.4 s after its last answer, from this machine. (The clients and the training use
the same cores as the server.)
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx2

from benchmarks.browser import ROOT, serving

DELAY = 0.4


async def watcher(client: httpx2.AsyncClient, until: float, n: int) -> list[tuple[float, int]]:
    """Ask for news until the end: seconds and bytes of each answer after the first."""
    await asyncio.sleep(DELAY * (n % 40) / 40)
    found, place, known = [], 0, ""
    while time.perf_counter() < until:
        began = time.perf_counter()
        answer = await client.get(f"/stage/run/watched?place={place}&id={known}")
        answer.raise_for_status()
        if place:
            found.append((time.perf_counter() - began, len(answer.content)))
        place, known = answer.json()["place"], answer.json()["id"]
        await asyncio.sleep(DELAY)
    return found


async def watch(url: str, watchers: int, seconds: float) -> dict[str, Any]:
    """What the watchers saw, printed too; times in milliseconds."""
    limits = httpx2.Limits(max_connections=None)
    async with httpx2.AsyncClient(
        base_url=url, limits=limits, timeout=60, trust_env=False
    ) as client:
        until = time.perf_counter() + seconds
        found = await asyncio.gather(*(watcher(client, until, n) for n in range(watchers)))
    answers = [answer for each in found for answer in each]
    times = sorted(1000 * t for t, _ in answers)
    row = {
        "watchers": watchers,
        "answers": len(answers) / seconds,
        "median": statistics.median(times),
        "late": times[int(0.95 * len(times))],
        "bytes": statistics.median(b for _, b in answers),
    }
    print(
        f"{watchers} watchers, {row['answers']:.0f} answers a second: median "
        f"{row['median']:.0f} ms, 95th percentile {row['late']:.0f} ms, {row['bytes']:.0f} bytes"
    )
    return row


def main() -> None:
    """Start a training and a server, and watch."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--watchers", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--json", type=Path, help="a file for the numbers")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        run = folder / "runs" / "watched"
        training = subprocess.Popen(
            [
                *(sys.executable, "-m", "training", "fit", "mnist-5k-2d", "--epochs", "5000"),
                *("--run-dir", str(run), "--out", str(folder / "watched")),
            ],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            with serving(ROOT / "streamlit_app.py", VAE_RUN_DIR=str(run.parent)) as (url, _):
                while not (run / "probe.npz").exists():
                    time.sleep(0.2)
                time.sleep(3)
                counts = sorted({1, args.watchers // 4, args.watchers})
                rows = [asyncio.run(watch(url, n, args.seconds)) for n in counts]
        finally:
            training.kill()
            training.wait()
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
