"""Training histories → plotly figures. No Streamlit in it."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from explorer.figures.theme import FONT, THEMES, Theme
from explorer.text import for_plotly
from training.checkpoint import Checkpoint
from training.runs.records import EpochTerms
from training.vae.likelihoods import LIKELIHOODS


def base_layout(theme: Theme, **more: Any) -> dict[str, Any]:
    """Layout that all plotly figures share, and `more`."""
    return {
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": FONT, "color": theme.ink, "size": 14},
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


def axis(theme: Theme, title: str, **more: Any) -> dict[str, Any]:
    """An axis as all plotly figures have them, and `more`."""
    return {
        "title": {"text": title, "standoff": 6},
        "gridcolor": theme.grid,
        "zerolinecolor": theme.grid,
        "automargin": True,
        **more,
    }


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
        **base_layout(
            theme,
            title={"text": title, "font": {"size": 16, "color": colour}, "x": 0, "y": 0.98},
            margin={"l": 8, "r": 8, "t": 44, "b": 8},
            legend={"orientation": "h", "x": 1, "xanchor": "right", "y": 1, "yanchor": "bottom"},
            xaxis=axis(theme, "epoch"),
            yaxis=axis(
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
    the same dash in all charts.
    """
    there = [(n, *item) for n, item in enumerate(checkpoints.items()) if item[1].history]
    terms = list(dict.fromkeys(c.vae.config.likelihood for _, _, c in there))
    found = {}
    for likelihood in terms:
        row = LIKELIHOODS[likelihood]
        title = "Reconstruction" if row.constant_per_value == 0 else row.formula
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
        for n, name_, found in numbered:
            called = for_plotly(name_)
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
            **base_layout(
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
                xaxis=axis(
                    theme,
                    "epoch of training, test images",
                    type="log" if longest > 4 * shortest else "linear",
                ),
                yaxis=axis(
                    theme,
                    f"{unit} per image",
                    range=[min(lowest) - 0.06 * span, max(highest) + 0.06 * span],
                ),
            )
        )
        themes[name] = figure
    return themes
