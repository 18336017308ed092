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

from explorer.figures.axes import Axes, axes_of
from explorer.figures.theme import CLASS_COLOURS, THEMES, Theme
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
LINEAR = (10, 3.0)  # the report's own grid: cells each way, evenly from minus this to this
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
def strip(vae: VAE, ends: Tensor, steps: int = STEPS) -> Picture:
    """Pictures along the straight line between two codes (2, d): (steps, n). Choices are those of
    the nearer one."""
    a, b = ends
    share = torch.linspace(0, 1, steps)[:, None]
    z = (1 - share) * a + share * b
    if vae.config.choices:
        first = vae.config.continuous
        z[:, first:] = torch.where(share < 0.5, a[first:], b[first:])
    return vae.picture(z).numpy()


def _codes(checkpoint: Checkpoint, images: ImageSet) -> latent_codes.Codes:
    labels = checkpoint.vae.labels_of(images.labels, len(images.classes))
    return latent_codes.encode(checkpoint.vae, images.images, labels=labels)


def _typical(codes: latent_codes.Codes, images: ImageSet) -> list[int]:
    """A typical image of each class that has one; of a single class some of its images."""
    if len(images.classes) == 1:
        return list(range(0, len(images), -(-len(images) // 10)))
    found = latent_codes.typical(codes, images.labels.numpy(), len(images.classes))
    return [image for image in found if image is not None]


def _name_of(images: ImageSet, image: int) -> str:
    """The class of an image as it can be set; "" where all are of one."""
    if len(images.classes) == 1:
        return ""
    return _written(images.classes[int(images.labels[image])])


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
    codes = _codes(checkpoint, images)
    typical = _typical(codes, images)
    one = len(images.classes) == 1  # then any two images
    there = dict(enumerate(typical)) if one else {int(images.labels[i]): i for i in typical}
    pairs = pairs_of(list(there))
    figure = _figure(0.6 * (STEPS + 2), len(pairs) * 0.75 + 0.3)
    grid = figure.subplots(len(pairs), STEPS + 2, squeeze=False)
    for row, pair in zip(grid, pairs, strict=True):
        both = [there[label] for label in pair]
        ends = torch.from_numpy(codes.mu[both])
        for axes, picture in zip(row[1:-1], strip(checkpoint.vae, ends), strict=True):
            _picture(axes, picture, images.shape)
        for axes, image in zip((row[0], row[-1]), both, strict=True):
            _picture(axes, to_float(images.images[image]).numpy(), images.shape, theme.x)
            axes.set_title(f"x: {_name_of(images, image)}".rstrip(": "), color=theme.x)
    return figure


@torch.no_grad()
def reconstructions(checkpoint: Checkpoint, images: ImageSet, theme: Theme = PAPER) -> Figure:
    """A typical image of each class, and below it what the mean of its code decodes to."""
    codes = _codes(checkpoint, images)
    found = _typical(codes, images)[:12]
    x = to_float(images.images[found])
    decoded = checkpoint.vae.picture(torch.from_numpy(codes.mu[found])).numpy()
    figure = _figure(max(3, 0.7 * len(found)), 1.75)
    grid = figure.subplots(2, len(found), squeeze=False)
    for n, image in enumerate(found):
        _picture(grid[0, n], x[n].numpy(), images.shape, theme.x)
        _picture(grid[1, n], decoded[n], images.shape, theme.x_hat)
        grid[0, n].set_title(_name_of(images, image))
    grid[0, 0].set_ylabel("x", color=theme.x, rotation=0, labelpad=10)
    grid[1, 0].set_ylabel("x̂", color=theme.x_hat, rotation=0, labelpad=10)
    return figure


def _middle(side: int, n: int) -> float:
    """Middle of the n-th of pictures of a `side`, on an axis that counts pixels."""
    return side * n + (side - 1) / 2


def manifold(checkpoint: Checkpoint, images: ImageSet, theme: Theme = PAPER) -> Figure:
    """Decoded pictures over the prior, where its quantiles from 1 % to 99 % lie in the two
    dimensions of most KL; the other dimensions are at the prior's median, and choices at their
    first option. Of a latent grid as far as the codes go along two principal components."""
    vae = checkpoint.vae
    plane = axes_of(vae, _codes(checkpoint, images)).plane()
    return _decoded(vae, plane, plane.places(vae, CELLS, 0.01), MARKED, plane.about(vae), theme)


def manifold_linear(checkpoint: Checkpoint, images: ImageSet, theme: Theme = PAPER) -> Figure:
    """The same on an even grid, 10 × 10 places from −3 to 3, whatever the prior is: the public VAE
    report's own figure."""
    vae, (cells, end) = checkpoint.vae, LINEAR
    plane = axes_of(vae, _codes(checkpoint, images)).plane()
    places = torch.linspace(-end, end, cells).repeat(len(plane.names), 1)
    about = "; ".join(["evenly from −3 to 3", *plane.rest(vae)])
    return _decoded(vae, plane, places, tuple(range(cells)), about, theme)


@torch.no_grad()
def _decoded(
    vae: VAE, plane: Axes, places: Tensor, marked: tuple[int, ...], about: str, theme: Theme
) -> Figure:
    """Decoded pictures at places (K, cells) along a plane's axes."""
    shape, cells = vae.shape, places.shape[1]
    rows = cells if len(plane.names) > 1 else 1
    z = plane.middle(vae).repeat(rows, cells, 1)
    plane.move(z, 0, places[0])
    if rows > 1:
        plane.move(z, 1, places[1].flip(0)[:, None])  # rows from the top
    tall = shape.height / shape.width
    figure = _figure(6, 5.85 * tall) if rows > 1 else _figure(9, 0.55 + 0.45 * tall)
    plot = figure.subplots()
    plot.imshow(sheet(vae.picture(z).numpy(), shape), cmap="gray", vmin=0, vmax=1)
    first, *second = ([f"{p[n]:.2f}".replace("-", "−") for n in marked] for p in places)
    plot.set_xticks([_middle(shape.width, n) for n in marked], first)
    plot.set_xlabel(f"{plane.names[0]} ({about})", color=theme.z)
    if rows > 1:
        plot.set_yticks([_middle(shape.height, n) for n in marked], second[0][::-1])
        plot.set_ylabel(plane.names[1], color=theme.z)
    else:
        plot.set_yticks([])
    for spine in plot.spines.values():
        spine.set_visible(False)
    return figure


@torch.no_grad()
def traversal(vae: VAE, code: Tensor, axes: Axes, steps: int = STEPS) -> Picture:
    """Pictures of a code (d,) that goes along one of K axes at a time, (K, steps, n): over the
    prior's quantiles from 2 % to 98 %, or as far as the codes go."""
    z = code.repeat(len(axes.names), steps, 1)
    for row, places in enumerate(axes.places(vae, steps, 0.02)):
        axes.move(z[row], row, places)
    return vae.picture(z).numpy()


def traversals(checkpoint: Checkpoint, images: ImageSet, theme: Theme = PAPER) -> Figure:
    """A row a dimension in use, those of most KL first: the picture of one code while that
    dimension alone goes over the prior. The image stands framed before it."""
    vae, codes = checkpoint.vae, _codes(checkpoint, images)
    used = axes_of(vae, codes).used(ROWS)
    image = _typical(codes, images)[0]
    x = to_float(images.images[image]).numpy()
    high = 0.6 * len(used.names) * images.shape.height / images.shape.width
    figure = _figure(0.6 * (STEPS + 1), high)
    grid = figure.subplots(len(used.names), STEPS + 1, squeeze=False)
    rows = traversal(vae, torch.from_numpy(codes.mu[image]), used)
    for axes, name, pictures in zip(grid, used.names, rows, strict=True):
        _picture(axes[0], x, images.shape, theme.x)
        axes[0].set_ylabel(name, color=theme.z, rotation=0, labelpad=10, va="center")
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
    codes, labels = _codes(checkpoint, images), images.labels.numpy()
    plane = axes_of(checkpoint.vae, codes).plane()
    points = plane.of(codes.mu)
    flat = len(plane.names) > 1
    figure = _figure(6.6, 5.6)
    plot = figure.subplots()
    draw = np.random.default_rng(0)
    up = points[:, 1] if flat else labels + draw.uniform(-0.3, 0.3, len(labels))
    colours = np.array([CLASS_COLOURS[n % len(CLASS_COLOURS)] for n in range(len(images.classes))])
    order = draw.permutation(len(labels))  # the class drawn last must not hide the others
    # Points as a picture: an SVG of ten thousand circles is slow to open.
    plot.scatter(
        points[order, 0],
        up[order],
        s=4,
        c=colours[labels[order]].tolist(),
        alpha=0.7,
        lw=0,
        rasterized=True,
    )
    for colour, name in zip(colours, images.classes, strict=True):
        plot.scatter([], [], s=4, color=str(colour), lw=0, label=_written(name))
    plot.set_xlabel(plane.names[0], color=theme.z)
    if flat:
        plot.set_ylabel(plane.names[1], color=theme.z)
        plot.set_aspect("equal", adjustable="box")
        x_range, y_range = square(points, checkpoint.vae.prior.low)
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
    "manifold-linear": manifold_linear,
    "scatter": scatter,
}


def figures_of(checkpoint: Checkpoint) -> list[str]:
    """Names of the figures that there are of a checkpoint: without a training history no loss,
    and of a decoder alone, which has no code of an image, none. The even grid is of priors that
    reach there, and of latent dimensions."""
    vae = checkpoint.vae
    if vae.encoder is None:
        return []
    possible = {
        "loss": bool(checkpoint.history),
        "manifold-linear": vae.prior.low < -LINEAR[1] and vae.config.grid is None,
    }
    return [name for name in FIGURES if possible.get(name, True)]


CAPTIONS = {
    "loss": "Terms over the epochs: train dotted, test solid",
    "interpolation": "Straight lines between the codes of two images, framed at the ends",
    "reconstructions": "A typical image of each class, and its reconstruction",
    "traversals": "One code, a dimension at a time over the prior; those of most KL first",
    "manifold": "Decoded over the prior",
    "manifold-linear": "Decoded over 10 × 10 even places, as in the report",
    "scatter": "Posterior means of the images",
}


# Figures of which one is shown at a time, and what each is called beside the other.
CHOICES = {
    "manifold": {
        "manifold": "quantiles of the prior",
        "manifold-linear": "10 × 10, from −3 to 3",
    }
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
