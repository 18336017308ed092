"""Films: frames uint8 (T, height, width, 3) of a walk, a traversal, or a training; and files of
them."""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor

from explorer.figures.report import sheet
from explorer.figures.theme import CLASS_COLOURS, THEMES, Theme
from training.errors import UserError
from training.runs.snapshots import Probe, Snapshot
from training.vae.image_shape import ImageShape
from training.vae.model import VAE

BY_PILLOW = {"gif": "GIF", "webp": "WEBP"}
BY_FFMPEG = {"mp4": ("libx264", "yuv420p"), "webm": ("libvpx-vp9", "yuv420p")}
KINDS = (*BY_PILLOW, *BY_FFMPEG)
GIF_RATE = 50  # frames a second that viewers of a GIF keep up with, at most

Frames = NDArray[np.uint8]


class FilmError(UserError):
    """A film cannot be made; the message is a sentence."""


@torch.no_grad()
def of_codes(vae: VAE, codes: Tensor, side: int) -> Iterator[Frames]:
    """The pictures of codes (T, d), at least `side` pixels wide, the pixels enlarged."""
    factor = -(-side // vae.shape.width)
    for rows in codes.split(64):
        for picture in vae.picture(rows).numpy():
            yield _enlarged(picture, vae.shape, factor)


def there_and_back(steps: int) -> Tensor:
    """Shares of a path, slow at its ends, that end where they began, (steps,)."""
    return (1 - torch.cos(torch.linspace(0, 2 * torch.pi, steps + 1)[:-1])) / 2


def _enlarged(picture: NDArray[Any], shape: ImageShape, factor: int) -> Frames:
    one = np.round(255 * sheet(picture[None, None], shape)).clip(0, 255).astype(np.uint8)
    if one.ndim == 2:
        one = np.repeat(one[..., None], 3, 2)
    return one.repeat(factor, 0).repeat(factor, 1)


def of_training(
    probe: Probe, snapshots: Sequence[Snapshot], side: int, theme: Theme = THEMES["light"]
) -> Iterator[Frames]:
    """A run as it went, `side` pixels high: the codes of its probe images, by class, beside the
    decoded grid."""
    last = snapshots[-1]
    axes = [*last.axes.tolist(), *last.axes.tolist()][:2]
    points = np.concatenate([s.codes[:, axes] for s in snapshots])
    low, high = np.quantile(points, (0.005, 0.995), axis=0)
    middle, half = (low + high) / 2, float((high - low).max()) * 0.55 or 1.0
    colours = [CLASS_COLOURS[n % len(CLASS_COLOURS)] for n in probe.labels.tolist()]
    order = np.random.default_rng(0).permutation(len(colours))  # no class hides another
    fine = 3 * side  # edges of dots are smooth when it is made smaller
    radius = max(4.5, fine / 250)
    for snapshot in snapshots:
        codes = Image.new("RGB", (fine, fine), theme.paper)
        draw = ImageDraw.Draw(codes, "RGBA")
        places = (snapshot.codes[:, axes] - middle) / half  # from −1 to 1
        for n in order:
            x, y = fine * (places[n, 0] + 1) / 2, fine * (1 - places[n, 1]) / 2
            box = (x - radius, y - radius, x + radius, y + radius)
            draw.ellipse(box, fill=colours[n] + "b0")
        cells = round(len(snapshot.grid) ** 0.5)
        rows = snapshot.grid.reshape(cells, cells, -1) / 255
        grid = Image.fromarray(np.round(255 * sheet(rows, probe.image_shape)).astype(np.uint8))
        page = Image.new("RGB", (2 * side, side), theme.paper)
        for left, part in ((0, codes), (side, grid.convert("RGB"))):
            page.paste(part.resize((side, side), Image.Resampling.LANCZOS), (left, 0))
        yield np.asarray(page)


def kind_of(file: Path) -> str:
    """The kind of film that a file's name asks for.

    Raises:
        FilmError: none that is made.
    """
    kind = file.suffix.removeprefix(".").lower()
    if kind not in KINDS:
        raise FilmError(
            f"{file} is of no kind that is made; end it in {', '.join('.' + k for k in KINDS)}."
        )
    return kind


def packed(frames: Iterator[Frames], kind: str, rate: int) -> bytes:
    """The content of a film's file, at so many frames a second."""
    return _by_ffmpeg(frames, kind, rate) if kind in BY_FFMPEG else _by_pillow(frames, kind, rate)


def _by_pillow(frames: Iterator[Frames], kind: str, rate: int) -> bytes:
    first, *others = (Image.fromarray(frame) for frame in frames)
    file = io.BytesIO()
    first.save(
        file,
        BY_PILLOW[kind],
        save_all=True,
        append_images=others,
        duration=round(1000 / min(rate, GIF_RATE)),
        loop=0,
        **({"lossless": True} if kind == "webp" else {}),
    )
    return file.getvalue()


def _by_ffmpeg(frames: Iterator[Frames], kind: str, rate: int) -> bytes:
    import av

    codec, pixels = BY_FFMPEG[kind]
    file = io.BytesIO()
    with av.open(file, "w", format=kind) as container:
        stream: Any = container.add_stream(codec, rate=rate)
        stream.pix_fmt = pixels
        stream.options = {"crf": "18"}
        for n, frame in enumerate(frames):
            even = frame[: frame.shape[0] // 2 * 2, : frame.shape[1] // 2 * 2]
            if n == 0:
                stream.height, stream.width = even.shape[:2]
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(even), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    return file.getvalue()
