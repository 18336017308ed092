"""The latent scatter as facts: groups, bounds, places of names. Whoever draws it, draws these.

Arrays only: no plotly and no Streamlit.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.figures.theme import CLASS_COLOURS

STEPS = 24  # of a continuous factor's colours
# Viridis, from dark to light (van der Walt & Smith, 2015), at equal distances.
_VIRIDIS = ("#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30")
_OTHERS = "#8a8f98"
_FEW = 0.005  # the share of codes on either side that a small map leaves out
_SPAN = 5.0  # standard deviations of the prior that a map spans at least


@dataclass(frozen=True)
class Colouring:
    """What codes are coloured by: `labels` (N,) of all images, and the `names` and `colours` that
    these number. The first `written` of the names are written on the map. Where the labels are the
    steps of a continuous factor, `bar` has its name and its lowest and highest value."""

    labels: NDArray[np.integer]
    names: tuple[str, ...]
    colours: tuple[str, ...]
    written: int
    bar: tuple[str, float, float] | None = None


def by_class(labels: NDArray[np.integer], classes: Sequence[str]) -> Colouring:
    """Colours of classes: as many as can be told apart, for the largest; one for all others."""
    most = len(CLASS_COLOURS)
    if len(classes) <= most:
        return Colouring(labels, tuple(classes), CLASS_COLOURS[: len(classes)], len(classes))
    largest = np.sort(
        np.argsort(-np.bincount(labels, minlength=len(classes)), kind="stable")[:most]
    )
    number = np.full(len(classes), most)
    number[largest] = np.arange(most)
    names = (*(classes[label] for label in largest), f"{len(classes) - most:,} others")
    return Colouring(number[labels], names, (*CLASS_COLOURS, _OTHERS), most)


def by_value(values: NDArray[np.floating], name: str) -> Colouring:
    """Colours of a continuous factor's values (N,), dark where low; all steps are equally wide."""
    low, high = float(values.min()), float(values.max())
    share = (values - low) / max(high - low, 1e-12)
    steps = np.minimum((share * STEPS).astype(int), STEPS - 1)
    edges = np.linspace(low, high, STEPS + 1)
    names = tuple(f"{a:.4g} to {b:.4g}" for a, b in itertools.pairwise(edges))
    ends = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in _VIRIDIS])
    at = np.linspace(0, len(ends) - 1, STEPS)
    mixed = np.column_stack([np.interp(at, np.arange(len(ends)), ends[:, k]) for k in range(3)])
    colours = tuple("#{:02x}{:02x}{:02x}".format(*map(round, rgb)) for rgb in mixed.tolist())
    return Colouring(steps, names, colours, 0, (name, low, high))


@dataclass(frozen=True)
class Scatter:
    """Codes on a map in the order of their classes, or of their factor's values.

    `groups` are those that have codes: name, colour, `points` [from, to] among the arrays,
    and `label`, where the name is written, or None. `bounds` are lowest and highest values across
    and up, in the map's units: of `all` codes with a margin, and of the `core`, all but the few
    farthest out. `bar` is the factor's name and range where its values colour the codes. `x`, `y`
    float32 (n,) and the images' numbers `index` (n,) are the arrays.
    """

    groups: list[dict[str, Any]]
    bounds: dict[str, list[list[float]]]
    anchored: bool
    x: NDArray[np.float32]
    y: NDArray[np.float32]
    index: NDArray[np.uint32]
    bar: tuple[str, float, float] | None = None


def scatter(
    points: NDArray[np.floating],
    index: NDArray[np.integer],
    colouring: Colouring,
    prior_std: float = 0.0,
    least: float = -math.inf,
) -> Scatter:
    """The scatter of `points` (n, 2) of the images numbered `index` (n,).

    A map of latent dimensions spans at least five times `prior_std`, so that a collapsed dimension
    looks collapsed. Where nothing lies below `least`, the map is anchored there: it begins with it,
    and room that is left over goes to its other side.
    """
    labels = colouring.labels[index]
    order = np.argsort(labels, kind="stable")
    shown = labels < colouring.written
    places = class_places(points[shown], labels[shown], colouring.written)
    named = {label: [x, y] for label, x, y in places}
    groups, start = [], 0
    for label, (name, colour) in enumerate(zip(colouring.names, colouring.colours, strict=True)):
        stop = start + int((labels == label).sum())
        if stop > start:
            group = {"name": name, "colour": colour, "points": [start, stop]}
            groups.append({**group, "label": named.get(label)})
        start = stop
    if len(groups) == 1:  # a name on the middle of all codes tells nothing apart
        groups[0]["label"] = None
    whole = [_range(points[:, k], _SPAN * prior_std, least) for k in (0, 1)]
    core = [_core(points[:, k], _SPAN / 2 * prior_std, whole[k]) for k in (0, 1)]
    placed = points[order].astype(np.float32)
    return Scatter(
        groups,
        {"all": whole, "core": core},
        math.isfinite(least),
        placed[:, 0],
        placed[:, 1],
        index[order].astype(np.uint32),
        colouring.bar,
    )


def _range(values: NDArray[np.floating], least_span: float, least: float) -> list[float]:
    """All values with a margin, and no less than `least_span`; from `least`, if that is finite."""
    if len(values) == 0:
        return [-1.0, 1.0]
    low, high = float(values.min()), float(values.max())
    margin = max(0.04 * (high - low), (least_span - (high - low)) / 2, 1e-6)
    if low - margin < least:  # half a point must not be cut
        start = least - 0.01 * (high - least)
        return [start, max(high + margin, start + least_span)]
    return [low - margin, high + margin]


def _core(values: NDArray[np.floating], half: float, whole: list[float]) -> list[float]:
    """All values but the few farthest out, at least `half` on both sides, within `whole`."""
    if len(values) == 0:
        return whole
    low, high = np.quantile(values, [_FEW, 1 - _FEW])
    middle, reach = (low + high) / 2, max(0.58 * (high - low), half)
    return [max(whole[0], float(middle - reach)), min(whole[1], float(middle + reach))]


def class_places(
    points: NDArray[np.floating], labels: NDArray[np.integer], n_classes: int, cells: int = 14
) -> list[tuple[int, float, float]]:
    """Places of the classes' names: (class, x, y), where it is dense and among itself.

    The map is cut into `cells` × `cells`, and a class takes the cell in which its share times its
    number of points is largest, among those in and beside which no other class is written yet. A
    class that has all of its dense cells beside another's name is written there all the same, a
    good cell away from that name if its points go so far: never among its few strays.
    """
    if len(points) == 0:
        return []
    low, high = np.percentile(points, [0.5, 99.5], axis=0)
    size = np.maximum(high - low, 1e-9) / cells
    cell = np.clip(((points - low) / size).astype(int), 0, cells - 1)
    counts = np.zeros((n_classes, cells, cells))
    np.add.at(counts, (labels, cell[:, 0], cell[:, 1]), 1)
    score = counts**2 / np.maximum(counts.sum(0), 1)
    # The class with the clearest place chooses first.
    best = score.reshape(n_classes, -1).max(1)
    free = np.ones((cells, cells), dtype=bool)
    places: list[tuple[int, float, float]] = []
    for label in np.argsort(-best):
        if best[label] == 0:
            continue
        dense = score[label] >= 0.25 * best[label]
        if (dense & free).any():
            i, j = np.unravel_index(int(np.where(free, score[label], -1).argmax()), free.shape)
            here = (labels == label) & (cell[:, 0] == i) & (cell[:, 1] == j)
            place = np.median(points[here], axis=0)
        else:
            own = points[(labels == label) & dense[cell[:, 0], cell[:, 1]]]
            taken = np.array([there for _, *there in places])
            away = np.linalg.norm((own[:, None] - taken) / size, axis=-1).min(1)
            apart = own[away >= min(1.3, away.max())]
            centre = np.median(own, axis=0)
            place = apart[np.linalg.norm((apart - centre) / size, axis=-1).argmin()]
            i, j = np.clip(((place - low) / size).astype(int), 0, cells - 1)
        free[max(0, i - 1) : i + 2, max(0, j - 1) : j + 2] = False
        places.append((int(label), float(place[0]), float(place[1])))
    return places
