"""Colours of quantities and classes, and names, the same on screen and on paper."""

from dataclasses import dataclass

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

FONT = '"Source Sans", sans-serif'  # Streamlit's, in which the page is set


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
