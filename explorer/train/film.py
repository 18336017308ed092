"""The film of a finished run, small: what the Train page shows before there is a run.

    python -m explorer.train.film runs/mnist-5k-2d

writes it anew, from the snapshots of a run.
"""

import gzip
import sys
from pathlib import Path

import numpy as np

from explorer import blobs
from explorer.server import assets
from training.data import datasets
from training.files import replace_file
from training.runs.log import epochs
from training.runs.run import Run, snapshot_steps
from training.runs.snapshots import Probe, Snapshot
from training.vae import priors

FILE = Path(__file__).with_name("film.blob.gz")
FRAMES, CODES, SIDE, LEVELS = 18, 400, 6, 16


def offer() -> str:
    """Have the film fetchable; its path, relative to the app's own root."""
    return assets.STORE.offer("film", lambda: gzip.decompress(FILE.read_bytes()))


def make(run: Run) -> bytes:
    """The blob of a run's film: some of its snapshots, some of their codes and pictures."""
    config, probe = run.config(), Probe.read(run.path / "probe.npz")
    steps = snapshot_steps(run.snapshots)
    chosen = [steps[round(k)] for k in np.linspace(0, len(steps) - 1, FRAMES)]
    found = [Snapshot.read(run.snapshots / f"{step}.npz") for step in chosen]
    some = np.arange(0, len(probe.labels), -(-len(probe.labels) // CODES))
    side = round(len(found[0].grid) ** 0.5)
    at = np.round(np.linspace(0, side - 1, SIDE)).astype(int)
    cells = (at[:, None] * side + at).ravel()
    codes = np.stack([snapshot.codes[some] for snapshot in found])
    step_of_codes = float(np.abs(codes).max() / 32767)
    grid = np.stack([snapshot.grid[cells] for snapshot in found])
    step_of_levels = 255 // (LEVELS - 1)
    grid = np.round(grid / step_of_levels).astype(np.uint8) * np.uint8(step_of_levels)
    last = epochs(run.log)[-1]
    return blobs.pack(
        "film",
        {
            "preset": config.preset.name,
            "title": datasets.find(config.preset.data).title,
            "epochs": config.preset.epochs,
            "total": round(last.test_reconstruction + last.test_kl, 2),
            "steps": chosen,
            "last_step": steps[-1],
            "classes": probe.classes.tolist(),
            "shape": list(probe.image_shape.dims),
            "axes": found[-1].axes.tolist(),
            "prior": priors.find(config.preset.model.prior).facts(),
            "code_step": step_of_codes,
        },
        {
            "labels": probe.labels[some].astype(np.uint8),
            "codes": np.round(codes / step_of_codes).astype(np.int16),
            "grid": grid,
        },
    )


if __name__ == "__main__":
    content = gzip.compress(make(Run(sys.argv[1])), 9, mtime=0)
    replace_file(FILE, lambda file: file.writelines([content]))
