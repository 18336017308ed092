"""The latent scatter: codes on a map → plotly traces and layout. No Streamlit in it."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from explorer.figures.theme import CLASS_COLOURS, Theme, axis, base_layout


def map_traces(
    points: NDArray[np.floating],
    index: NDArray[np.integer],
    labels: NDArray[np.integer],
    classes: Sequence[str],
) -> list[dict[str, Any]]:
    """The points of the latent scatter: one WebGL trace a class.

    `points` is (n, 2), `index` (n,) the numbers of the images, which become each trace's
    `customdata`, and `labels` (n,) their classes.
    """
    # The class drawn last must not hide the others.
    n = len(points)
    size, opacity = (2.5, 0.5) if n > 30_000 else (4, 0.6) if n > 6000 else (5, 0.7)
    traces = []
    for label, name in enumerate(classes):
        rows = np.flatnonzero(labels == label)
        if len(rows) == 0:
            continue
        trace = go.Scattergl(
            mode="markers",
            name=name,
            marker={
                "color": CLASS_COLOURS[label % len(CLASS_COLOURS)],
                "size": size,
                "opacity": opacity,
            },
            unselected={"marker": {"opacity": 0.15}},
            hoverinfo="skip",  # the stage shows the picture under the pointer itself
        )
        place = points[rows].astype(np.float32)
        traces.append(
            {
                **trace.to_plotly_json(),
                "x": place[:, 0],
                "y": place[:, 1],
                "customdata": index[rows],
            }
        )
    return traces


def map_layout(
    points: NDArray[np.floating],
    labels: NDArray[np.integer],
    classes: Sequence[str],
    axis_titles: tuple[str, str] | None,
    theme: Theme,
    revision: str,
    least_span: float = 0.0,
    least: float = -math.inf,
) -> dict[str, Any]:
    """The layout of the latent scatter, each class's name written where it is dense.

    Where `axis_titles` is None the axes mean nothing (t-SNE) and are hidden. A figure of the same
    `revision` keeps its zoom. An axis spans at least `least_span`, so that a collapsed dimension
    looks collapsed. Where nothing lies below `least`, the map begins there, and room that is left
    over goes to its other side.
    """
    names = [
        {
            "x": x,
            "y": y,
            "text": f"<b>{classes[label]}</b>",
            "showarrow": False,
            "font": {"size": 19, "color": theme.ink},
            "bgcolor": theme.paper,
            "borderpad": 1,
            "opacity": 0.8,
            "captureevents": False,
        }
        for label, x, y in (class_places(points, labels, len(classes)) if len(points) else [])
    ]
    hidden = {"showticklabels": False, "zeroline": False, "showgrid": False}
    x_title, y_title = axis_titles or ("", "")
    more = {} if axis_titles else hidden
    x_range, y_range = (_range(points[:, k], least_span, least) for k in (0, 1))
    if math.isfinite(least):
        x_range["constraintoward"], y_range["constraintoward"] = "left", "bottom"
    layout = go.Layout(
        **base_layout(
            theme,
            annotations=names,
            uirevision=revision,
            dragmode="pan",
            hovermode=False,
            legend={
                "x": 1,
                "y": 0,
                "yanchor": "bottom",
                "itemsizing": "constant",
                "font": {"size": 13},
            },
            xaxis=axis(theme, x_title, **x_range, **more),
            yaxis=axis(theme, y_title, scaleanchor="x", scaleratio=1, **y_range, **more),
        )
    )
    return layout.to_plotly_json()


def _range(values: NDArray[np.floating], least_span: float, least: float) -> dict[str, Any]:
    """All values with a margin, and no less than `least_span`; from `least`, if that is finite."""
    if len(values) == 0:
        return {}
    low, high = float(values.min()), float(values.max())
    margin = max(0.04 * (high - low), (least_span - (high - low)) / 2, 1e-6)
    if low - margin < least:  # half a point must not be cut
        start = least - 0.01 * (high - least)
        return {"range": [start, max(high + margin, start + least_span)]}
    return {"range": [low - margin, high + margin]}


def class_places(
    points: NDArray[np.floating], labels: NDArray[np.integer], n_classes: int, cells: int = 14
) -> list[tuple[int, float, float]]:
    """Where to write each class: (class, x, y), where it is dense and among itself.

    The map is cut into `cells` × `cells`, and a class takes the cell in which its share times its
    number of points is largest, among those in and beside which no other class is written yet. A
    class that has all of its dense cells beside another's name is written there all the same, a
    good cell away from that name if its points go so far: never among its few strays.
    """
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
