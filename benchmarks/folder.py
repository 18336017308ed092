"""How long a folder of many pictures takes to load, and how much memory:

    python -m benchmarks.folder [--pictures 60000] [--folder DIR] [--json FILE]

JPEGs of 160×120 pixels are made in three classes, in DIR where they stay. Each load is a process of
its own, which loads both splits and, the last time, takes every picture once in batches in a random
order, as training does. `memory` is the most of its own that a process had beyond what it has after
its imports; the pages of the mapped file, which the system gives up when others need them, are
apart.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from training.data import sprites

PROGRAM = """
import json, sys, threading, time
import torch
from training.data import datasets

def own():
    lines = open("/proc/self/status").read().splitlines()
    sizes = {line.split(":")[0]: line.split()[1] for line in lines if line.startswith("Rss")}
    return int(sizes["RssAnon"]) / 1024

def watch():
    while True:
        most[0] = max(most[0], own())
        time.sleep(0.02)

before, began = own(), time.perf_counter()
most = [before]
threading.Thread(target=watch, daemon=True).start()
parts = list(map(datasets.reader(sys.argv[1]), ("train", "test")))
seconds = time.perf_counter() - began
batches = 0.0
if sys.argv[2] == "all":
    began = time.perf_counter()
    for rows in torch.randperm(len(parts[0])).split(256):
        datasets.to_float(parts[0].images[rows])
    batches = time.perf_counter() - began
print(json.dumps({
    "seconds": seconds, "memory_mb": most[0] - before, "batches_seconds": batches,
    "images": sum(map(len, parts)), "shape": str(parts[0].shape),
}))
"""
SIZE = (160, 120)


def make(folder: Path, count: int) -> None:
    """Put `count` JPEGs in three classes into a folder."""
    for name in sprites.SHAPES:
        (folder / name).mkdir(parents=True)

    def some(begin: int) -> None:
        n = min(1000, count - begin)
        factors = sprites.draw_factors(n, seed=begin)
        drawn = sprites.render(factors, 96).reshape(n, 3, 96, 96).transpose(0, 2, 3, 1)
        noise = np.random.default_rng(begin).integers(0, 40, (96, 96, 3), np.uint8)
        for i, picture in enumerate(np.maximum(drawn, noise)):
            place = folder / sprites.SHAPES[i % 3] / f"{begin + i:06}.jpg"
            Image.fromarray(picture).resize(SIZE).save(place, quality=85)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(some, range(0, count, 1000)))


def load(name: str, cache: Path, how: str) -> dict[str, float]:
    """Load the data set in a new process; what it took."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, name, how],
        env=os.environ | {"VAE_CACHE_DIR": str(cache)},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.folder", description=__doc__)
    parser.add_argument("--pictures", type=int, default=60_000)
    parser.add_argument("--folder", type=Path, help="where the pictures are, or are made")
    parser.add_argument("--json", type=Path, help="a file for the numbers")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as own:
        folder, cache = args.folder or Path(own, "pictures"), Path(own, "cache")
        if not folder.exists():
            began = time.perf_counter()
            make(folder, args.pictures)
            print(f"made {args.pictures:,} JPEGs of {SIZE} in {time.perf_counter() - began:.0f} s")
        name = f"folder:{folder.resolve()}"
        rows = {how: load(name, cache, how) for how in ("first", "second", "all")}
        size = sum(file.stat().st_size for file in cache.rglob("*.pictures"))
    print("| load | seconds | memory, MB |\n| --- | --- | --- |")
    for how, row in rows.items():
        print(f"| {how} | {row['seconds']:.2f} | {row['memory_mb']:.0f} |")
    last = rows["all"]
    print(
        f"{last['images']:,} images of {last['shape']}, {size / 1e6:.0f} MB mapped; every training "
        f"picture once in batches of 256 at random: {last['batches_seconds']:.1f} s"
    )
    if args.json:
        args.json.write_text(json.dumps({"array_bytes": size, **rows}, indent=1))


if __name__ == "__main__":
    main()
