"""The report of an import: a picture of reconstructions, and sentences with its figures."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from training.errors import OptionError
from training.files import replace_file
from training.text import printable_path
from training.vae import ops_pointwise
from training.vae.image_shape import ImageShape
from training.vae.model import VAE
from training.vae.program import Node, Program, run

if TYPE_CHECKING:
    from training.importing.taking import Imported

PRODUCTS_PER_MS = 15e6  # of the browser's engine: 60 million take 4 ms
SHOWN = 10  # pictures in a row
OTHERS = {
    "ReLU": ops_pointwise.Relu(),
    "leaky ReLU": ops_pointwise.LeakyRelu(slope=0.2),
    "ELU": ops_pointwise.Elu(),
    "SiLU": ops_pointwise.Silu(),
    "GELU": ops_pointwise.Gelu(),
    "tanh": ops_pointwise.Tanh(),
}


def pictures_of(
    example: Any, shape: Sequence[int] | None
) -> tuple[Tensor | None, ImageShape | None]:
    """Pictures (N, C, H, W), or (N, n) of a shape (C, H, W), as (N, n) with values in [0, 1].

    Raises:
        OptionError: they are of no possible shape, or outside of 0 to 255.
    """
    known = None if shape is None else _image_shape(tuple(shape))
    if example is None:
        return None, known
    x = torch.as_tensor(np.asarray(example) if not isinstance(example, Tensor) else example)
    if x.ndim == 4 and x.shape[1] not in (1, 3, 4) and x.shape[3] in (1, 3, 4):
        x = x.permute(0, 3, 1, 2)
    if x.ndim == 3:
        x = x[:, None]
    if x.ndim == 2 and known is not None and x.shape[1] == known.size:
        x = x.reshape(-1, *known.dims)
    if x.ndim != 4 or len(x) == 0:
        raise OptionError(
            f"The pictures have the shape {list(x.shape)}; (N, C, H, W) is needed, or (N, C · H · "
            "W) with the shape beside it."
        )
    levels = not x.is_floating_point() or float(x.max()) > 1.5
    x = x.float() / 255 if levels else x.float()
    if x.shape[1] == 4:
        x = x[:, :3] * x[:, 3:] + 1 - x[:, 3:]
    if not (float(x.min()) >= -1e-6 and float(x.max()) <= 1 + 1e-6):
        raise OptionError(
            f"The pictures' values lie from {float(x.min()):g} to {float(x.max()):g}; give levels "
            "from 0 to 255, or values from 0 to 1 (what range the network takes is found out)."
        )
    return x.clamp(0, 1).flatten(1), _image_shape(tuple(x.shape[1:]))


def _image_shape(sides: tuple[int, ...]) -> ImageShape:
    if len(sides) != 3 or sides[0] not in (1, 3) or not all(1 <= n <= 256 for n in sides[1:]):
        raise OptionError(
            f"The shape {list(sides)} is not possible; 1 or 3 channels, and height and width from "
            "1 to 256."
        )
    return ImageShape(sides[0], sides[1], sides[2])  # type: ignore[arg-type]


@torch.no_grad()
def reconstructions(vae: VAE, z: Tensor) -> Tensor:
    """x̂ (N, n) of codes."""
    return vae.picture(z)


def _activation(program: Program) -> str | None:
    """The activation that a program has most of, of those that a file does not tell apart."""
    kinds: dict[type, str] = {type(op): name for name, op in OTHERS.items()}
    found = [kinds[type(node.op)] for node in program.nodes if type(node.op) in kinds]
    return max(set(found), key=found.count) if found else None


def with_activation(program: Program, name: str, other: str) -> Program:
    """The program with another activation in the place of one."""
    kind, op = type(OTHERS[name]), OTHERS[other]
    nodes = tuple(
        Node(node.name, node.inputs, op if type(node.op) is kind else node.op)
        for node in program.nodes
    )
    return Program(program.shape, nodes, program.tensors, program.outputs)


@torch.no_grad()
def other_activation(vae: VAE, x: Tensor, z: Tensor) -> tuple[str, str, float] | None:
    """The decoder's activation, the other one that reconstructs pictures best, and its mean squared
    error; None where the decoder has none."""
    programs = vae.programs
    assert programs is not None
    name = _activation(programs.decoder)
    if name is None:
        return None
    errors = {}
    for other in OTHERS:
        if other != name:
            logits = run(with_activation(programs.decoder, name, other), z)
            error = float(((torch.sigmoid(logits) - x) ** 2).mean())
            errors[other] = error if math.isfinite(error) else math.inf
    best = min(errors, key=lambda key: errors[key])
    return name, best, errors[best]


def sheet(rows: Sequence[Tensor], shape: ImageShape, path: Path) -> None:
    """Write pictures (n, size) of some rows as one PNG, a margin of a pixel between them.

    Raises:
        OptionError: the file cannot be written.
    """
    scale = max(1, 64 // max(shape.height, shape.width))
    height, width = (scale * n + 2 for n in (shape.height, shape.width))
    canvas = np.full((len(rows) * height, max(map(len, rows)) * width, 3), 255, np.uint8)
    for i, row in enumerate(rows):
        levels = (row.clamp(0, 1) * 255).round().to(torch.uint8).reshape(-1, *shape.dims)
        colours = levels.expand(-1, 3, -1, -1).permute(0, 2, 3, 1).numpy()
        for j, picture in enumerate(colours):
            large = picture.repeat(scale, 0).repeat(scale, 1)
            top, left = i * height + 1, j * width + 1
            canvas[top : top + height - 2, left : left + width - 2] = large
    image = Image.fromarray(canvas)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, lambda file: image.save(file, "PNG"))
    except OSError as error:
        raise OptionError(
            f"--picture {printable_path(path)} cannot be written ({error.strerror})."
        ) from None


def lines(x: Tensor | None, done: "Imported", path: Path, picture: Path | None) -> Iterator[str]:
    """Sentences of the report, and the picture, which is written beside the checkpoint."""
    vae, z = done.vae, done.z
    programs = vae.programs
    assert programs is not None
    yield f"Parity with torch: {done.parity:.1e} of the largest output."
    place = picture or path.with_suffix(".png")
    if x is not None:
        few = slice(0, SHOWN)
        sheet([x[few], reconstructions(vae, z[few])], vae.shape, place)
        error = float(((reconstructions(vae, z[:64]) - x[:64]) ** 2).mean())
        yield f"Mean squared error of a value: {error:.4f} over {len(x[:64])} of your pictures."
        yield from _warnings(vae, x[:64], z[:64], error)
        yield f"Pictures above, reconstructions below: {printable_path(place)}."
    else:
        sheet([reconstructions(vae, z[n : n + SHOWN]) for n in (0, SHOWN)], vae.shape, place)
        yield f"Pictures of the first codes: {printable_path(place)}."
    yield from _costs(programs.decoder)
    yield from _pages(vae)
    yield f"Wrote {printable_path(path)}."


def _warnings(vae: VAE, x: Tensor, z: Tensor, error: float) -> Iterator[str]:
    found = other_activation(vae, x, z)
    grey = float(((x - x.mean(0)) ** 2).mean())
    if found is not None:
        name, other, worse = found
        ratio = worse / max(error, 1e-12)
        if ratio >= 1.1:
            yield (
                f"So that you see that it is the right network: with {other} in place of {name} it "
                f"would be {worse:.4f}, {ratio:.1f} times as much."
            )
        elif ratio < 0.75:
            yield (
                f"With {other} in place of {name} it would be less, {worse:.4f}: look whether the "
                "weights were trained with this activation."
            )
    if error > grey:
        yield (
            f"Their mean picture alone would come nearer ({grey:.4f}): look whether the pictures "
            "are of the kind that the network was trained on, in the right range."
        )


def _costs(decoder: Program) -> Iterator[str]:
    ms = decoder.products / PRODUCTS_PER_MS
    more = "" if ms < 12 else " More than a frame: the picture follows the hand later."
    yield (
        f"A decode takes {decoder.products / 1e6:.3g} million products in {len(decoder.nodes)} "
        f"ops, about {max(ms, 0.1):.1f} ms a frame in the browser.{more}"
    )


def _pages(vae: VAE) -> Iterator[str]:
    config = vae.config
    if vae.encoder is None:
        yield "A decoder alone: the pages have its codes and pictures, no x, no q(z|x), no terms."
    elif not vae.prior.has_density:
        yield "No variance: a code is a point; the pages show distances, no KL and no ELBO."
    elif not vae.likelihood.is_nll:
        yield "No likelihood is claimed: the pages show a squared error and the KL, no ELBO."
    for choice in config.choices:
        what = "a row of buttons" if choice.kind == "label" else "a choice instead of a slider"
        yield f"{choice.name}: {what}, {len(choice.options)} options."
    if config.grid:
        sides = "×".join(map(str, config.grid))
        yield f"Codes are a grid of {sides}: sliders move its strongest directions."
