"""A data set of coloured shapes, 3×32×32, drawn as it is asked for: the proof that nothing but a
data set's row knows the shape of its pictures."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from explorer import blobs
from training.data.datasets import DATASETS, Dataset, ImageSet, Split
from training.vae.image_shape import ImageShape

NAME = "shapes"
SHAPE = ImageShape(3, 32, 32)
CLASSES = ("disc", "square", "cross", "ring")
SIZE = (800, 200)


def unpacked(blob: bytes, shape: ImageShape) -> np.ndarray:
    """The images of a piece's blob, uint8 (n, c·h·w), read as docs/FORMATS.md has it."""
    header, arrays = blobs.unpack(blob)
    count = header["count"]
    if header["packing"] == "sparse":
        lit = np.unpackbits(arrays["lit"], axis=1, bitorder="little")[:, : shape.size].astype(bool)
        found = np.zeros((count, shape.size), np.uint8)
        found[lit] = arrays["levels"]
        return found
    sheet = np.asarray(Image.open(io.BytesIO(arrays["atlas"].tobytes())).convert("RGB"))
    cells = []
    for n in range(count):
        row, column = divmod(n, header["columns"])
        cell = sheet[row * shape.height :, column * shape.width :]
        cell = cell[: shape.height, : shape.width, : shape.channels]
        cells.append(cell.transpose(2, 0, 1).reshape(-1))
    return np.stack(cells)


def draw(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Pictures uint8 (n, 3072), channels first, and labels (n,); the classes take turns."""
    draws = np.random.default_rng(seed)
    labels = np.arange(n) % len(CLASSES)
    rows, columns = np.mgrid[: SHAPE.height, : SHAPE.width] + 0.5
    pictures = np.zeros((n, *SHAPE.dims), np.uint8)
    for picture, label in zip(pictures, labels, strict=True):
        y, x = draws.uniform(0.35, 0.65, 2) * (SHAPE.height, SHAPE.width)
        radius = draws.uniform(5, 9)
        across, down = abs(columns - x), abs(rows - y)
        distance = np.hypot(across, down)
        inside = (
            distance < radius,
            np.maximum(across, down) < 0.85 * radius,
            (np.minimum(across, down) < 0.3 * radius) & (np.maximum(across, down) < radius),
            (distance < radius) & (distance > 0.55 * radius),
        )[label]
        ground, ink = draws.integers(0, 60, 3), draws.integers(120, 256, 3)
        picture[:] = np.where(inside, ink[:, None, None], ground[:, None, None])
    return pictures.reshape(n, -1), labels


def _load(row: Dataset, data_dir: Path, split: Split) -> ImageSet:
    test = split == "test"
    pictures, labels = draw(row.size[test], seed=int(test))
    images, classes = torch.from_numpy(pictures), torch.from_numpy(labels).long()
    return ImageSet(row.name, split, images, classes, row.classes, row.shape)


ROW = Dataset(NAME, "Coloured shapes", _load, CLASSES, SIZE, SHAPE, "shape")


def register(monkeypatch: Any = None) -> None:
    """Put the row into `DATASETS`; with pytest's `monkeypatch` for one test."""
    if monkeypatch is None:
        DATASETS[NAME] = ROW
    else:
        monkeypatch.setitem(DATASETS, NAME, ROW)
