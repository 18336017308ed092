"""Small pieces of HTML: pictures, the posterior's numbers, the terms as bars. No Streamlit."""

import base64
import html
import io
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from explorer.figures import z_name
from explorer.latent import Dimension, Terms


def picture(pixels: NDArray[np.uint8], kind: str, label: str) -> str:
    """A 28×28 picture as an <img>; `kind` is x, recon or x-hat, `label` its text for the blind."""
    buffer = io.BytesIO()
    Image.fromarray(pixels, mode="L").save(buffer, format="PNG")
    data = base64.b64encode(buffer.getvalue()).decode()
    return (
        f'<img class="digit {kind}" width="28" height="28" alt="{html.escape(label)}" '
        f'src="data:image/png;base64,{data}">'
    )


def signed(value: float) -> str:
    """A number with its sign and two digits; what rounds to nothing has no sign."""
    text = f"{value:+.2f}"
    return "0.00" if float(text) == 0 else text.replace("-", "−")


def heading(symbol: str, text: str, kind: str) -> str:
    """The title of a panel: the symbol of the quantity in its colour, and its name."""
    return f'<p class="quantity {kind}"><b>{symbol}</b> {html.escape(text)}</p>'


def input_panel(x: str, reconstruction: str, image: int, name: str) -> str:
    """The chosen image, its number and class, beside its reconstruction (as from `picture`)."""
    caption = f"image {image},<br>class {html.escape(name)}"
    return (
        heading("x", "input", "x")
        + f'<div class="pair"><figure>{x}<figcaption>{caption}</figcaption></figure>'
        + f"<figure>{reconstruction}<figcaption>decoded from its μ</figcaption></figure></div>"
    )


def posterior_panel(
    mu: NDArray[np.floating], std: NDArray[np.floating], order: Sequence[Dimension]
) -> str:
    """μ and σ of q(z|x), one line a dimension, the most informative first."""

    def table(dims: Sequence[Dimension]) -> str:
        rows = "".join(
            f"<tr{'' if d.active else ' class=inactive'}><th>{z_name(d.index)}</th>"
            f"<td>{signed(mu[d.index])}</td><td>{std[d.index]:.3f}</td></tr>"
            for d in dims
        )
        return f"<table class=posterior><tr><th></th><td>μ</td><td>σ</td></tr>{rows}</table>"

    shown = order[:10]
    half = len(shown) if len(shown) <= 5 else math.ceil(len(shown) / 2)
    more = f'<p class="more">and {len(order) - 10} more</p>' if len(order) > 10 else ""
    return (
        heading("q(z|x)", "posterior", "posterior")
        + f'<div class="posteriors{" many" if len(shown) > 5 else ""}">'
        + table(shown[:half])
        + (table(shown[half:]) if shown[half:] else "")
        + f"</div>{more}"
    )


def output_panel(x_hat: str) -> str:
    """The decoded picture, large."""
    return heading("x̂", "decoded from z", "x-hat") + f'<div class="output">{x_hat}</div>'


def progress(share: float, text: str) -> str:
    """A progress bar behind its sentence."""
    return (
        f'<label class="progress">{html.escape(text)} '
        f'<progress max="1" value="{share:.3f}"></progress></label>'
    )


def _bar(share: float, kind: str) -> str:
    return f'<div class="bar {kind}" style="width:{100 * min(max(share, 0.0), 1.0):.2f}%"></div>'


def terms_panel(terms: Terms, at_mean: bool) -> str:
    """The terms of the chosen image as numbers and bars on one scale, in nats."""
    scale = 1.05 * terms.neg_elbo  # the bars of x stay as they are while z moves

    def row(kind: str, name: str, value: str, bars: str, note: str) -> str:
        return (
            f'<div class="term {kind}"><span class="name">{name}</span>'
            f'<span class="value">{value}</span>'
            f'<div class="track">{bars}</div><span class="note">{note}</span></div>'
        )

    reconstruction = _bar(terms.reconstruction / scale, "reconstruction")
    kl = _bar(terms.kl / scale, "kl")
    where = "where z = μ of this image" if at_mean else "at the ring: how badly x̂ there explains x"
    return (
        '<div class="terms" role="group" aria-label="terms of this image, in nats">'
        + row(
            "reconstruction",
            "Reconstruction",
            f"{terms.reconstruction:.1f}",
            reconstruction,
            f"−E<sub>q</sub> log p(x|z), ± {terms.standard_error:.1f} "
            f"from {terms.samples} draws of z",
        )
        + row("kl", "KL", f"{terms.kl:.2f}", kl, "KL(q(z|x) ‖ p(z)), exact")
        + row("elbo", "−ELBO", f"{terms.neg_elbo:.1f}", reconstruction + kl, "their sum")
        + row(
            "at-z",
            "At z",
            f"{terms.at_z:.1f}",
            _bar(terms.at_z / scale, "reconstruction"),
            f"−log p(x|z) {where}",
        )
        + '<p class="unit">nats, of the chosen x</p></div>'
    )
