"""Which of a set's images a hand-out has: the first, or some at even distances, and those that its
lessons show."""

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from training.data.datasets import ImageSet

# Of a class's share: as much more or less among the first images says that they are sorted.
_UNLIKE = 0.1


class Selection(NamedTuple):
    """Some of a set's images, in its order; `numbers` (N,) are what they are called there."""

    images: ImageSet
    numbers: Tensor


def all_of(images: ImageSet) -> Selection:
    """All images of a set."""
    return Selection(images, torch.arange(len(images)))


def some_of(images: ImageSet, count: int, wanted: Collection[int] = ()) -> Selection:
    """The first `count` images; where these are not like all, as of sorted ones, as many at even
    distances. As many of the `wanted` as there is room for are among them."""
    if count >= len(images):
        return all_of(images)
    rows = torch.arange(count)
    shares = [
        np.bincount(labels.numpy(), minlength=len(images.classes)) / len(labels)
        for labels in (images.labels, images.labels[rows])
    ]
    if np.abs(shares[0] - shares[1]).max() > _UNLIKE or (shares[1] == 0)[shares[0] > 0].any():
        rows = torch.linspace(0, len(images) - 1, count).long()
    there = [n for n in dict.fromkeys(wanted) if 0 <= n < len(images)][:count]
    rows = _with(rows, there)
    return Selection(images.take(rows), rows)


def _with(rows: Tensor, wanted: list[int]) -> Tensor:
    """Rows (N,) in order, the wanted ones in the places of those next to them."""
    free = sorted(set(rows.tolist()) - set(wanted))
    for n in wanted:
        if n not in rows:
            free.remove(min(free, key=lambda row: abs(row - n)))
    return torch.tensor(sorted([*free, *wanted]))
