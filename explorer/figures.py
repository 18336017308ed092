"""Arrays → plotly figures. No Streamlit in it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from training.checkpoint import Checkpoint
from training.likelihoods import LIKELIHOODS
from training.records import EpochTerms

# Ten colours that stay apart under colour-vision deficiency (Petroff 2021, arXiv:2107.02270).
CLASS_COLOURS = (
    "#3f90da",
    "#ffa90e",
    "#bd1f01",
    "#94a4a2",
    "#832db6",
    "#a96b59",
    "#e76300",
    "#b9ac70",
    "#717581",
    "#92dadd",
)


@dataclass(frozen=True)
class Theme:
    """One colour a quantity, the same wherever it appears."""

    x: str
    posterior: str
    z: str
    x_hat: str
    reconstruction: str
    kl: str
    ink: str
    paper: str
    grid: str


THEMES: dict[str, Theme] = {
    "light": Theme(
        x="#be185d",
        posterior="#6d28d9",
        z="#0e7490",
        x_hat="#15803d",
        reconstruction="#b45309",
        kl="#1d4ed8",
        ink="#0f172a",
        paper="#ffffff",
        grid="#e2e8f0",
    ),
    "dark": Theme(
        x="#fb7185",
        posterior="#a78bfa",
        z="#22d3ee",
        x_hat="#4ade80",
        reconstruction="#fbbf24",
        kl="#60a5fa",
        ink="#e8edf7",
        paper="#0b1020",
        grid="#26304a",
    ),
}

_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def z_name(index: int) -> str:
    """The name of a latent dimension on the screen; `index` counts from 0, the name from 1."""
    return "z" + str(index + 1).translate(_SUBSCRIPTS)


def _layout(theme: Theme, **more: Any) -> dict[str, Any]:
    return {
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": theme.ink, "size": 14},
        "hoverlabel": {"bgcolor": theme.paper, "font": {"size": 14, "color": theme.ink}},
        "modebar": {
            "orientation": "v",
            "bgcolor": "rgba(0,0,0,0)",
            "color": theme.ink,
            "activecolor": theme.z,
        },
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        **more,
    }


def _axis(theme: Theme, title: str, **more: Any) -> dict[str, Any]:
    return {
        "title": {"text": title, "standoff": 6},
        "gridcolor": theme.grid,
        "zerolinecolor": theme.grid,
        "automargin": True,
        **more,
    }


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
        **_layout(
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
            xaxis=_axis(theme, x_title, **x_range, **more),
            yaxis=_axis(theme, y_title, scaleanchor="x", scaleratio=1, **y_range, **more),
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


def history_curve(
    history: Sequence[EpochTerms],
    term: str,
    title: str,
    colour: str,
    theme: Theme,
    unit: str = "nats",
) -> go.Figure:
    """One term over the epochs, train dotted and test solid, in `unit` per image.

    `term` is `reconstruction`, `kl` or `total`.
    """
    epochs = [h.epoch for h in history]
    figure = go.Figure()
    for split, dash in (("train", "dot"), ("test", "solid")):
        figure.add_trace(
            go.Scatter(
                x=epochs,
                y=[getattr(h, f"{split}_{term}") for h in history],
                name=split,
                mode="lines+markers" if len(epochs) < 3 else "lines",
                line={"color": colour, "dash": dash, "width": 2.5},
                hovertemplate=f"epoch %{{x}}: %{{y:.2f}} {unit}<extra>{split}</extra>",
            )
        )
    # The first epochs are tens of nats above the rest and would flatten what there is to see.
    values = [
        getattr(h, f"{s}_{term}")
        for h in history[min(len(history) - 1, 1 + len(history) // 20) :]
        for s in ("train", "test")
    ]
    span = max(values) - min(values) or 1.0
    figure.update_layout(
        **_layout(
            theme,
            title={"text": title, "font": {"size": 16, "color": colour}, "x": 0, "y": 0.98},
            margin={"l": 8, "r": 8, "t": 44, "b": 8},
            legend={"orientation": "h", "x": 1, "xanchor": "right", "y": 1, "yanchor": "bottom"},
            xaxis=_axis(theme, "epoch"),
            yaxis=_axis(
                theme,
                f"{unit} per image".strip(),
                range=[min(values) - 0.05 * span, max(values) + 0.05 * span],
            ),
        )
    )
    return figure


_DASHES = ("solid", "dash", "dot", "dashdot")


def histories(checkpoints: Mapping[str, Checkpoint]) -> dict[str, dict[str, go.Figure]]:
    """The test terms of several checkpoints over each other: a chart a quantity, in each theme.

    Reconstruction terms stand in one chart only where they are the same quantity. A checkpoint has
    the same dash in all charts; its name stands at the end of its curve.
    """
    there = [(n, *item) for n, item in enumerate(checkpoints.items()) if item[1].history]
    terms = list(dict.fromkeys(c.vae.config.likelihood for _, _, c in there))
    found = {}
    for likelihood in terms:
        row = LIKELIHOODS[likelihood]
        title = "Reconstruction" if row.constant == 0 else row.formula
        some = [entry for entry in there if entry[2].vae.config.likelihood == likelihood]
        found[likelihood] = _histories(some, "reconstruction", title, row.unit)
    found["kl"] = _histories(there, "kl", "KL", "nats")
    if terms == ["bernoulli"]:
        found["total"] = _histories(there, "total", "−ELBO", "nats")
    return found


def _histories(
    numbered: Sequence[tuple[int, str, Checkpoint]], term: str, title: str, unit: str
) -> dict[str, go.Figure]:
    longest = max(len(c.history) for *_, c in numbered)
    shortest = min(len(c.history) for *_, c in numbered)
    themes = {}
    for name, theme in THEMES.items():
        figure, colour = go.Figure(), getattr(theme, term, theme.ink)
        lowest, highest = [], []
        for n, called, found in numbered:
            values = [getattr(h, f"test_{term}") for h in found.history]
            settled = values[min(len(values) - 1, 1 + len(values) // 10) :]
            lowest.append(min(settled))
            highest.append(max(settled))
            figure.add_trace(
                go.Scatter(
                    x=[h.epoch for h in found.history],
                    y=values,
                    name=called,
                    mode="lines+markers" if len(values) < 3 else "lines",
                    line={"color": colour, "dash": _DASHES[n], "width": 2.5},
                    hovertemplate=f"{called}, epoch %{{x}}: %{{y:.2f}} {unit}<extra></extra>",
                )
            )
        span = max(highest) - min(lowest) or 1.0
        figure.update_layout(
            **_layout(
                theme,
                title={
                    "text": title,
                    "font": {"size": 16, "color": colour},
                    "x": 0,
                    "y": 1,
                    "yref": "container",
                    "yanchor": "top",
                    "pad": {"t": 6},
                },
                margin={"l": 8, "r": 8, "t": 36 + 21 * len(numbered), "b": 8},
                legend={"x": 0, "y": 1, "yanchor": "bottom", "font": {"size": 13}},
                showlegend=True,
                xaxis=_axis(
                    theme,
                    "epoch of training, test images",
                    type="log" if longest > 4 * shortest else "linear",
                ),
                yaxis=_axis(
                    theme,
                    f"{unit} per image",
                    range=[min(lowest) - 0.06 * span, max(highest) + 0.06 * span],
                ),
            )
        )
        themes[name] = figure
    return themes
