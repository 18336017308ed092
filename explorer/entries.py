"""What the browser is given of a model and its images besides their blobs: every host gives the
same. No Streamlit."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from explorer import blobs, paths
from explorer.figures import latent_scatter
from explorer.figures.latent_scatter import Colouring
from explorer.latent import codes as latent_codes
from explorer.latent.codes import Codes, Dimension, Level
from explorer.latent.directions import Directions
from explorer.latent.projections import MapView
from explorer.latent.terms import per_piece
from training.data import datasets
from training.data.datasets import DataError, ImageSet, Split
from training.evaluation import exact_command, image_terms, table
from training.evaluation.table import TableError
from training.text import printable
from training.vae.model import VAE

MOST_TOGETHER = 10_000  # images that are shown without being split
FURTHEST = 100  # of a place under a prior, in standard normal units


def note(vae: VAE) -> str:
    """What a model is, in a few words."""
    grid = vae.config.grid
    size = "×".join(map(str, grid)) if grid else f"{vae.config.continuous}-D"
    return f"{size} · {vae.prior.title if vae.prior.has_density else 'autoencoder'}"


def usual_axes(axes: Sequence[int]) -> tuple[int, int]:
    """The plane's dimensions unless told otherwise: the most informative; (0, 1) of two."""
    return (0, 1) if len(axes) == 2 else (axes[0], axes[1])


def parts_shown(total: int) -> tuple[Split, ...]:
    """The splits that are shown of a set of so many images that is no table to be downloaded."""
    return ("train", "test") if total <= MOST_TOGETHER else ("test",)


def joined(name: str, data_dir: Path, parts: Sequence[Split]) -> ImageSet:
    """Splits of a data set, one behind the other; without those that have no images.

    Raises:
        DataError: there are none at all, or they cannot be had.
    """
    read, loaded, fault = datasets.reader(name, data_dir), [], None
    for part in parts:
        try:
            loaded.append(read(part))
        except DataError as error:  # few pictures leave nothing for one of the parts
            fault = error
    if not loaded:
        raise fault or DataError(f"{printable(name)} has no images.")
    return loaded[0] if len(loaded) == 1 else datasets.join(loaded)


def load_images(name: str, data_dir: Path) -> ImageSet:
    """The images of a data set that are shown unless told otherwise, in their order.

    Raises:
        DataError: they cannot be had.
    """
    if datasets.is_own(name):
        total = datasets.listing(name, data_dir).total
    else:
        row = datasets.find(name)
        total = MOST_TOGETHER + 1 if row.needs_download else sum(row.size)
    return joined(name, data_dir, parts_shown(total))


def _some(count: int) -> list[int | None]:
    """Images evenly among `count`, as many as a page shows typical ones of."""
    most = latent_codes.MOST_TYPICAL
    return [*range(0, count, max(1, count // most))][:most]


def typical(codes: Codes, images: ImageSet) -> list[int | None]:
    """For each class a typical image by its code; of a single class some of its images."""
    if len(images.classes) == 1:
        return _some(len(images))
    return latent_codes.typical(codes, images.labels.numpy(), len(images.classes))


def typical_pixels(images: ImageSet) -> list[int | None]:
    """As `typical`, whatever the model."""
    if len(images.classes) == 1:
        return _some(len(images))
    return latent_codes.typical_pixels(
        images.images.numpy(), images.labels.numpy(), len(images.classes)
    )


def begins_with(first: Sequence[int | None]) -> list[int]:
    """Images in the order in which a page needs them: the first, two that are the ends of its
    walk, and the others."""
    image, *others = [n for n in first if n is not None]
    ends = [others[len(others) // 4], others[-1]] if others else []
    return [image, *ends, *others]


def colouring(images: ImageSet, factor: str | None) -> Colouring:
    """What colours the codes of images: the factor of that name, or their classes."""
    for found in images.factors:
        if found.name != factor:
            continue
        if found.names is None:
            return latent_scatter.by_value(found.values, found.name)
        return latent_scatter.by_class(found.values.astype(np.int64), found.names)
    return latent_scatter.by_class(images.labels.numpy(), images.classes)


def map_of(
    vae: VAE,
    images: ImageSet,
    view: MapView,
    dims: Sequence[Dimension],
    revision: str,
    directions: Directions | None,
    level: Level | None,
    factor: str | None = None,
) -> bytes:
    """The blob of a map of images' codes, coloured by a `factor` or else by class; the rest is as
    in `blobs.map_`."""
    plane = view.spec["kind"] == "plane"
    scatter = latent_scatter.scatter(
        view.points,
        view.index,
        colouring(images, factor),
        vae.prior.facts()["std"] if plane else 0.0,
        vae.prior.low if plane else -math.inf,
    )
    return blobs.map_(
        scatter, view.spec, view.axis_titles, dims, revision, view.codes, directions, level
    )


def terms_of(
    vae: VAE, count: int, path: str, soon: int, beside: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """What the browser must know of the terms of `count` images: the beginning of the `path` of
    their pieces, how they are computed, the first of the pieces that are there `soon`, and the
    other sets."""
    found, row = image_terms.method(vae), vae.likelihood
    return {
        "path": path,
        "images": count,
        "per_piece": per_piece(vae),
        "soon": soon,
        "method": found.kind,
        "k": found.k,
        "density": vae.prior.has_density,
        "constant": row.constant(vae.shape) or 0.0,
        "total": "−ELBO" if row.is_nll and vae.prior.has_density else row.total_title,
        "unit": row.unit,
        "beside": list(beside),
    }


def gaps(name: str) -> dict[str, Any] | None:
    """Mean gap of a checkpoint over its first test images, and that with the encoder it had before,
    each [nats, standard error]; None where nobody has measured it."""
    known = exact_command.read(paths.checkpoint_dir())
    found = {
        key: row
        for key in ("checkpoints", "before")
        for row in known.get(key, [])
        if row.get("name") == name
    }
    if "checkpoints" not in found:
        return None
    now, before = found["checkpoints"], found.get("before", {})
    return {"images": now["images"], "gap": now["gap"], "before": before.get("gap")}


def rates() -> list[dict[str, str | float]]:
    """Rate (KL) and distortion (cross-entropy of the pictures) of the checkpoints that were
    measured on MNIST, means over its test images in nats per image."""
    try:
        rows = table.read(paths.checkpoint_dir())
    except (TableError, ValueError):  # the Compare page says so
        return []
    return [
        {
            "name": row.name,
            "rate": row.evaluation.kl,
            "distortion": row.evaluation.bernoulli,
            "dims": row.evaluation.latent_dim,
        }
        for row in rows.values()
        if row.data == "mnist" and row.evaluation.mutual_information is not None
    ]
