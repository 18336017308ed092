"""Sprites: coloured shapes on black, drawn from factors that are known, at any resolution.

The idea of images whose factors of variation are all known is dSprites' (Matthey, Higgins, Hassabis
& Lerchner, 2017). Here the pictures are in colour, and no factor is circular: hues go from red to
blue, and angles over the quarter turn in which a square does not repeat itself.
"""

import functools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from training.data.image_set import DataError, Dataset, Factor, ImageSet, Split
from training.text import printable
from training.vae.image_shape import ImageShape

SHAPES = ("square", "ellipse", "heart")
# Ranges of the continuous factors. Positions (y downwards) and the size, the side of a square of
# the same area, are shares of the picture's side; hue and angle (clockwise) are in degrees.
RANGES = {
    "hue": (0.0, 240.0),
    "size": (0.2, 0.36),
    "x": (0.3, 0.7),
    "y": (0.3, 0.7),
    "angle": (0.0, 90.0),
}
SIDES = (16, 128)  # the least and the most pixels of a picture's side
COUNTS = (20_000, 4_000)  # pictures of the training and of the test split
_CHUNK = 2**20  # values of a picture that are worked on at once: they fit a processor's cache
_NAME = re.compile(r"sprites-(\d{1,9})")

Array = NDArray[np.floating[Any]]


def _square(x: Array, y: Array) -> Array:
    """Signed distance from a square of area 1 (negative inside), its corners kept sharp."""
    return np.maximum(np.abs(x), np.abs(y)) - 0.5


def _ellipse(x: Array, y: Array) -> Array:
    """Signed distance, to first order near its border, from an ellipse of area 1, twice as wide as
    high."""
    b = 1 / np.sqrt(2 * np.pi)
    a = 2 * b
    value = np.hypot(x / a, y / b)
    slope = np.hypot(x / a**2, y / b**2)
    return value * (value - 1) / np.maximum(slope, 1e-6)


def _heart(x: Array, y: Array) -> Array:
    """Signed distance from a heart of area 1: a square on its corner, and a disc on the middle of
    each of its upper sides; exact outside, and inside near the border."""
    r = 1 / np.sqrt(4 + np.pi)  # of the discs; the square's side is 2r
    y = y - r / np.sqrt(2) / 2  # about in the middle of what it spans
    # Along the square's sides: up to the right, and up to the left (y is downwards).
    u, v = (x - y) / np.sqrt(2), (-x - y) / np.sqrt(2)
    square = np.maximum(np.abs(u), np.abs(v)) - r
    right, left = np.hypot(u - r, v) - r, np.hypot(u, v - r) - r
    return np.minimum(square, np.minimum(right, left))


_DISTANCES: tuple[Callable[[Array, Array], Array], ...] = (_square, _ellipse, _heart)


def draw_factors(n: int, seed: int) -> tuple[Factor, ...]:
    """The factors of n sprites: the shapes take turns, the others are uniform in their `RANGES`.

    The first sprites of a seed are the same however many there are.
    """
    draws = np.random.default_rng(seed).random((n, len(RANGES)))
    shape = Factor("shape", (np.arange(n) % len(SHAPES)).astype(np.float32), SHAPES)
    return shape, *(
        Factor(name, (low + (high - low) * draws[:, i]).astype(np.float32))
        for i, (name, (low, high)) in enumerate(RANGES.items())
    )


def colour_of(hue: Array) -> Array:
    """Red, green and blue in [0, 1], (N, 3), of hues in degrees at full value and saturation 0.8.

    Source of the formula: Smith (1978), "Color gamut transform pairs", the hexcone model.
    """
    sector = (np.array([5.0, 3.0, 1.0], np.float32) + hue[:, None] / 60) % 6
    return 1 - 0.8 * np.clip(np.minimum(sector, 4 - sector), 0, 1)


def render(factors: tuple[Factor, ...], side: int) -> NDArray[np.uint8]:
    """Pictures uint8 (N, 3 · side · side), channels first, of sprites of these factors.

    A pixel is covered by 1/2 − d, d the signed distance in pixels of its centre from the border.
    """
    values = {factor.name: factor.values for factor in factors}
    kinds = values["shape"].astype(int)
    pictures = np.empty((len(kinds), 3, side * side), np.uint8)
    centres = (np.arange(side, dtype=np.float32) + np.float32(0.5)) / side
    chunk = max(1, _CHUNK // (4 * side * side))
    for kind, distance in enumerate(_DISTANCES):
        own = np.flatnonzero(kinds == kind)
        for begin in range(0, len(own), chunk):
            rows = own[begin : begin + chunk]
            size, angle = values["size"][rows], np.radians(values["angle"][rows])
            across = ((centres - values["x"][rows, None]) / size[:, None])[:, None, :]
            down = ((centres - values["y"][rows, None]) / size[:, None])[:, :, None]
            cosine, sine = np.cos(angle)[:, None, None], np.sin(angle)[:, None, None]
            d = distance(cosine * across + sine * down, cosine * down - sine * across)
            covered = np.clip(0.5 - d * (size * side)[:, None, None], 0, 1).reshape(len(rows), -1)
            colours = 255 * colour_of(values["hue"][rows])
            for channel in range(3):
                pictures[rows, channel] = covered * colours[:, channel, None] + 0.5
    return pictures.reshape(len(kinds), -1)


def _load(row: Dataset, data_dir: Path, split: Split) -> ImageSet:
    return _drawn(row, split)


@functools.lru_cache(maxsize=2)  # the two splits of one resolution
def _drawn(row: Dataset, split: Split) -> ImageSet:
    test = split == "test"
    factors = draw_factors(row.size[test], seed=int(test))
    images = torch.from_numpy(render(factors, row.shape.height))
    labels = torch.from_numpy(factors[0].values).long()
    return ImageSet(row.name, split, images, labels, row.classes, row.shape, factors)


def row(side: int) -> Dataset:
    """The data set of sprites of side × side pixels.

    Raises:
        DataError: the side is not within `SIDES`.
    """
    least, most = SIDES
    if not least <= side <= most:
        raise DataError(
            f"There are no sprites of {printable(str(side), 20)} pixels; choose a side from "
            f"{least} to {most}, as in sprites-64."
        )
    shape, title = ImageShape(3, side, side), f"Sprites, {side}×{side}"
    return Dataset(f"sprites-{side}", title, _load, SHAPES, COUNTS, shape, "sprite")


def named(name: str) -> Dataset | None:
    """The data set that a name like sprites-48 means; None where it is another kind of name.

    Raises:
        DataError: as `row`.
    """
    found = _NAME.fullmatch(name)
    return row(int(found[1])) if found else None
