"""Where things live on this machine; environment variables move them."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def folder(variable: str, default: str) -> Path:
    """A folder that an environment variable may move; relative ones start at the project."""
    return ROOT / Path(os.environ.get(variable, default)).expanduser()


def data_dir() -> Path:
    """Where downloaded data sets live."""
    return folder("VAE_DATA_DIR", "data")


def checkpoint_dir() -> Path:
    """Where the checkpoints on offer live."""
    return folder("VAE_CHECKPOINT_DIR", "checkpoints")


def run_dir() -> Path:
    """Where training runs live."""
    return folder("VAE_RUN_DIR", "runs")


def cache_dir() -> Path:
    """Where results that took long are kept."""
    return folder("VAE_CACHE_DIR", ".cache")
