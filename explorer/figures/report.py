"""A VAE report's figures of any checkpoint: arrays → matplotlib figures → files, for paper, or in
the dark theme for the screen."""

import io
import itertools
import threading
from collections.abc import Callable, Sequence
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from torch import Tensor

from explorer.figures.theme import CLASS_COLOURS, THEMES, Theme, z_name
from explorer.latent import codes as latent_codes
from training.checkpoint import Checkpoint
from training.data.datasets import ImageSet, to_float
from training.vae.image_shape import ImageShape
from training.vae.model import VAE

PAPER = THEMES["light"]
_STYLE: dict[str, Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "svg.hashsalt": "vae",  # the same figure is the same file
    "figure.dpi": 100,
}
_DRAWING = threading.Lock()  # the style is matplotlib's own while a figure is drawn
CELLS = 20  # of the manifold, each way
MARKED = (0, 4, 8, 11, 15, 19)  # those whose z is written, the same from either side
STEPS = 12  # of an interpolation, with its ends, and of a traversal
ROWS = 10  # of the traversals
PAIRS = ((1, 7), (3, 8), (4, 9))  # classes between which the strips go, where there are so many

Picture = NDArray[np.float32]


def _figure(width: float, height: float, apart: float = 0.02) -> Figure:
    """A figure in inches, its plots `apart` by a share of their width."""
    return Figure((width, height), layout=ConstrainedLayoutEngine(wspace=apart))


def _written(name: str, most: int = 14) -> str:
    """A class's name as it can be set: what the font has of it, at most `most` characters.

    A dollar sign begins no formula, and an underscore hides no entry of a legend.
    """
    font = get_font(findfont("DejaVu Sans"))
    there = "".join(c for c in name if font.get_char_index(ord(c))).strip() or "?"
    short = there if len(there) <= most else there[: most - 1] + "…"
    return (" " + short if short.startswith("_") else short).replace("$", r"\$")


def sheet(pictures: NDArray[Any], shape: ImageShape) -> NDArray[Any]:
    """Pictures (rows, columns, n) beside each other as one: (rows · height, columns · width), with
    a last axis of 3 where they are RGB."""
    rows, columns = pictures.shape[:2]
    found = pictures.reshape(rows, columns, *shape.dims).transpose(0, 3, 1, 4, 2)
    whole = found.reshape(rows * shape.height, columns * shape.width, shape.channels)
    return whole[..., 0] if shape.channels == 1 else whole


def _picture(axes: Any, values: NDArray[Any], shape: ImageShape, frame: str | None = None) -> None:
    """Paint one picture (n,), a grey one white on black as MNIST is."""
    one = sheet(values[None, None], shape)
    axes.imshow(one, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(frame is not None)
        spine.set_color(frame or "none")
        spine.set_linewidth(2)


def loss_curves(
    checkpoint: Checkpoint, images: ImageSet | None = None, theme: Theme = PAPER
) -> Figure:
    """Both terms and their sum over the epochs, train dotted and test solid."""
    row = checkpoint.vae.likelihood
    first = "Reconstruction" if row.constant_per_value == 0 else row.formula
    whole = row.total_title[0].upper() + row.total_title[1:]
    panels = (
        ("reconstruction", first, row.unit, theme.reconstruction),
        ("kl", "KL", "nats", theme.kl),
        ("total", whole, "nats" if row.is_nll else "", theme.ink),
    )
    figure = _figure(9, 2.8, apart=0.06)
    epochs = [h.epoch for h in checkpoint.history]
    for axes, (term, title, unit, colour) in zip(figure.subplots(1, 3), panels, strict=True):
        for split, style in (("train", ":"), ("test", "-")):
            values = [getattr(h, f"{split}_{term}") for h in checkpoint.history]
            marker = "o" if len(values) == 1 else None
            axes.plot(epochs, values, style, color=colour, label=split, lw=1.6, marker=marker)
        axes.set_title(title, color=colour, loc="left")
        axes.set_xlabel("epoch")
        axes.set_ylabel(f"{unit} per image".strip())
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.grid(color=theme.grid, lw=0.6)
        if epochs:
            axes.legend(frameon=False)
    return figure


@torch.no_grad()
def strip(vae: VAE, x: Tensor, steps: int = STEPS) -> Picture:
    """Pictures along the straight line between the codes of two images (2, n): (steps, n)."""
    a, b = vae.encode(x).mu
    share = torch.linspace(0, 1, steps)[:, None]
    return vae.picture((1 - share) * a + share * b).numpy()


def _typical(checkpoint: Checkpoint, images: ImageSet) -> list[int | None]:
    codes = latent_codes.encode(checkpoint.vae, images.images)
    return latent_codes.typical(codes, images.labels.numpy(), len(images.classes))


def pairs_of(there: Sequence[int]) -> list[tuple[int, int]]:
    """Three pairs of the classes in `there`: those of `PAIRS`, then others in their order.

    Fewer where there are too few classes; one class is paired with itself.
    """
    wanted = [p for p in PAIRS if p[0] in there and p[1] in there]
    others = [p for p in itertools.combinations(there, 2) if p not in wanted]
    return [*wanted, *others][: len(PAIRS)] or [(there[0], there[0])]


def interpolation(checkpoint: Checkpoint, images: ImageSet, theme: Theme = PAPER) -> Figure:
    """Straight lines through the latent space, between typical images of different classes.

    The images themselves stand framed at both ends of each strip.
    """
    there = {n: image for n, image in enumerate(_typical(checkpoint, images)) if image is not None}
    pairs = pairs_of(list(there))
    figure = _figure(0.6 * (STEPS + 2), len(pairs) * 0.75 + 0.3)
    grid = figure.subplots(len(pairs), STEPS + 2, squeeze=False)
    for row, pair in zip(grid, pairs, strict=True):
        x = to_float(images.images[[there[label] for label in pair]])
        for axes, picture in zip(row[1:-1], strip(checkpoint.vae, x), strict=True):
            _picture(axes, picture, images.shape)
        for axes, original, label in ((row[0], x[0], pair[0]), (row[-1], x[1], pair[1])):
            _picture(axes, original.numpy(), images.shape, theme.x)
            axes.set_title(f"x: {_written(images.classes[label])}", color=theme.x)
    return figure


@torch.no_grad()
def reconstructions(checkpoint: Checkpoint, images: ImageSet, theme: Theme = PAPER) -> Figure:
    """A typical image of each class, and below it what the mean of its code decodes to."""
    found = [(n, i) for n, i in enumerate(_typical(checkpoint, images)) if i is not None][:12]
    x = to_float(images.images[[image for _, image in found]])
    decoded = checkpoint.vae.picture(checkpoint.vae.encode(x).mu).numpy()
    figure = _figure(max(3, 0.7 * len(found)), 1.75)
    grid = figure.subplots(2, len(found), squeeze=False)
    for n, (label, _) in enumerate(found):
        _picture(grid[0, n], x[n].numpy(), images.shape, theme.x)
        _picture(grid[1, n], decoded[n], images.shape, theme.x_hat)
        grid[0, n].set_title(_written(images.classes[label]))
    grid[0, 0].set_ylabel("x", color=theme.x, rotation=0, labelpad=10)
    grid[1, 0].set_ylabel("x̂", color=theme.x_hat, rotation=0, labelpad=10)
    return figure


def _axes_of(checkpoint: Checkpoint, codes: latent_codes.Codes) -> list[int]:
    """The two dimensions of most KL, or the only one; of two, both in their order."""
    dims = [d.index for d in latent_codes.dimensions(codes, checkpoint.vae.prior.low)[:2]]
    return sorted(dims) if len(codes.mu[0]) == 2 else dims


def _middle(side: int, n: int) -> float:
    """Middle of the n-th of pictures of a `side`, on an axis that counts pixels."""
    return side * n + (side - 1) / 2


@torch.no_grad()
def manifold(checkpoint: Checkpoint, images: ImageSet, theme: Theme = PAPER) -> Figure:
    """Decoded pictures over the prior, where its quantiles from 1 % to 99 % lie in the two
    dimensions of most KL; the other dimensions are at the prior's median."""
    vae = checkpoint.vae
    axes = _axes_of(checkpoint, latent_codes.encode(vae, images.images))
    places = vae.prior.quantile(torch.linspace(0.01, 0.99, CELLS))
    median = float(vae.prior.quantile(torch.tensor([0.5])))
    rows = CELLS if len(axes) > 1 else 1
    z = torch.full((rows, CELLS, vae.config.latent_dim), median)
    z[..., axes[0]] = places
    if len(axes) > 1:
        z[..., axes[1]] = places.flip(0)[:, None]  # rows from the top
    shape = vae.shape
    tall = shape.height / shape.width
    figure = _figure(6, 5.85 * tall) if rows > 1 else _figure(9, 0.55 + 0.45 * tall)
    plot = figure.subplots()
    plot.imshow(sheet(vae.picture(z).numpy(), shape), cmap="gray", vmin=0, vmax=1)
    values = [f"{places[n]:.2f}".replace("-", "−") for n in MARKED]
    plot.set_xticks([_middle(shape.width, n) for n in MARKED], values)
    rest = vae.config.latent_dim - len(axes)
    more = f"; the other {rest} at its median" if rest else ""
    plot.set_xlabel(f"{z_name(axes[0])} (quantiles of {vae.prior.title}{more})", color=theme.z)
    if len(axes) > 1:
        plot.set_yticks([_middle(shape.height, n) for n in MARKED], values[::-1])
        plot.set_ylabel(z_name(axes[1]), color=theme.z)
    else:
        plot.set_yticks([])
    for spine in plot.spines.values():
        spine.set_visible(False)
    return figure


@torch.no_grad()
def traversal(vae: VAE, x: Tensor, dims: Sequence[int], steps: int = STEPS) -> Picture:
    """Pictures of the code of an image (n,), with one of the dimensions at a time where the prior's
    quantiles from 2 % to 98 % lie: (dims, steps, n)."""
    z = vae.encode(x[None]).mu.repeat(len(dims), steps, 1)
    for row, dim in enumerate(dims):
        z[row, :, dim] = vae.prior.quantile(torch.linspace(0.02, 0.98, steps))
    return vae.picture(z).numpy()


def traversals(checkpoint: Checkpoint, images: ImageSet, theme: Theme = PAPER) -> Figure:
    """A row a dimension in use, those of most KL first: the picture of one code while that
    dimension alone goes over the prior. The image stands framed before it."""
    vae, codes = checkpoint.vae, latent_codes.encode(checkpoint.vae, images.images)
    used = latent_codes.dimensions(codes, vae.prior.low)
    dims = [d.index for d in used if d.active][:ROWS] or [used[0].index]
    image = next(i for i in _typical(checkpoint, images) if i is not None)
    x = to_float(images.images[image])
    figure = _figure(0.6 * (STEPS + 1), 0.6 * len(dims) * images.shape.height / images.shape.width)
    grid = figure.subplots(len(dims), STEPS + 1, squeeze=False)
    for axes, dim, pictures in zip(grid, dims, traversal(vae, x, dims), strict=True):
        _picture(axes[0], x.numpy(), images.shape, theme.x)
        axes[0].set_ylabel(z_name(dim), color=theme.z, rotation=0, labelpad=10, va="center")
        for place, picture in zip(axes[1:], pictures, strict=True):
            _picture(place, picture, images.shape)
    return figure


def square(points: NDArray[Any], low: float) -> list[tuple[float, float]]:
    """Limits of both axes, equally wide, around points (N, 2); z is nowhere below `low`."""
    first, last = points.min(0).astype(float), points.max(0).astype(float)
    half = max(0.53 * float((last - first).max()), 1e-3)
    middle = (first + last) / 2
    start = np.maximum(middle - half, low)
    return [(float(a), float(a + 2 * half)) for a in start]


def scatter(checkpoint: Checkpoint, images: ImageSet, theme: Theme = PAPER) -> Figure:
    """The posterior means of all images in the two dimensions of most KL, coloured by class."""
    codes, labels = latent_codes.encode(checkpoint.vae, images.images), images.labels.numpy()
    axes = _axes_of(checkpoint, codes)
    figure = _figure(6.6, 5.6)
    plot = figure.subplots()
    draw = np.random.default_rng(0)
    up = codes.mu[:, axes[1]] if len(axes) > 1 else labels + draw.uniform(-0.3, 0.3, len(labels))
    colours = np.array([CLASS_COLOURS[n % len(CLASS_COLOURS)] for n in range(len(images.classes))])
    order = draw.permutation(len(labels))  # the class drawn last must not hide the others
    # Points as a picture: an SVG of ten thousand circles is slow to open.
    plot.scatter(
        codes.mu[order, axes[0]],
        up[order],
        s=4,
        c=colours[labels[order]].tolist(),
        alpha=0.7,
        lw=0,
        rasterized=True,
    )
    for colour, name in zip(colours, images.classes, strict=True):
        plot.scatter([], [], s=4, color=str(colour), lw=0, label=_written(name))
    plot.set_xlabel(z_name(axes[0]), color=theme.z)
    if len(axes) > 1:
        plot.set_ylabel(z_name(axes[1]), color=theme.z)
        plot.set_aspect("equal", adjustable="box")
        x_range, y_range = square(codes.mu[:, axes], checkpoint.vae.prior.low)
        plot.set_xlim(*x_range)
        plot.set_ylim(*y_range)
        plot.legend(
            frameon=False,
            markerscale=3,
            handletextpad=0.2,
            loc="center left",
            bbox_to_anchor=(1, 0.5),
            ncols=1 + (len(images.classes) - 1) // 20,
        )
    else:  # a strip a class, its name beside it
        plot.set_yticks(range(len(images.classes)), [_written(c) for c in images.classes])
    plot.grid(color=theme.grid, lw=0.6)
    plot.set_axisbelow(True)
    return figure


FIGURES: dict[str, Callable[[Checkpoint, ImageSet, Theme], Figure]] = {
    "loss": loss_curves,
    "interpolation": interpolation,
    "reconstructions": reconstructions,
    "traversals": traversals,
    "manifold": manifold,
    "scatter": scatter,
}
CAPTIONS = {
    "loss": "Terms over the epochs: train dotted, test solid",
    "interpolation": "Straight lines between the codes of two images, framed at the ends",
    "reconstructions": "A typical image of each class, and its reconstruction",
    "traversals": "One code, a dimension at a time over the prior; those of most KL first",
    "manifold": "Decoded over the prior",
    "scatter": "Posterior means of the images",
}


def _colours(theme: Theme) -> dict[str, Any]:
    """Colours of the ground, and of text and rules on it."""
    inked = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
    grounds = ("figure.facecolor", "axes.facecolor", "savefig.facecolor")
    return {**dict.fromkeys(inked, theme.ink), **dict.fromkeys(grounds, theme.paper)}


def draw(
    name: str,
    checkpoint: Checkpoint,
    images: ImageSet,
    kind: Literal["png", "svg"],
    dpi: int = 200,
    theme: Theme = PAPER,
) -> bytes:
    """The figure called `name` as a file. The same input gives the same bytes, in any thread.

    Raises:
        KeyError: `name` is not in `FIGURES`.
    """
    style = {**_STYLE, **_colours(theme)}
    with _DRAWING, mpl.rc_context(style):  # type: ignore[arg-type]
        out = io.BytesIO()
        metadata = {"Date": None} if kind == "svg" else {"Software": None}
        figure = FIGURES[name](checkpoint, images, theme)
        figure.savefig(out, format=kind, dpi=dpi, metadata=metadata)
    return out.getvalue()
