"""What a hand-out holds of checkpoints and images: blobs by their paths, and facts about them."""

import copy
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from explorer import blobs, entries
from explorer.handout import lesson_choice
from explorer.handout.selection import Selection
from explorer.latent import codes as latent_codes
from explorer.latent import directions as along
from explorer.latent import projections, terms
from explorer.latent.codes import Codes
from explorer.latent.directions import principal
from explorer.lessons import lesson
from training.checkpoint import Checkpoint, CheckpointError
from training.data import datasets
from training.data.datasets import DataError, ImageSet
from training.data.names import without_place
from training.text import printable
from training.vae.model import VAE

MOST_IMAGES = 20_000
MOST_CHECKPOINTS = 12
USUAL_IMAGES = 2000

Report = Callable[[str], object]


class Contents(NamedTuple):
    """Packs of files in the order in which a page needs them, by their names; `facts` are what the
    page knows before."""

    packs: dict[str, dict[str, bytes]]
    facts: dict[str, Any]


@torch.no_grad()
def in_16_bits(found: Checkpoint) -> Checkpoint:
    """A copy whose weights are bfloat16's numbers, so that each takes two bytes; the checkpoint
    itself where they are already."""
    vae = found.vae
    rounded = {
        name: tensor.bfloat16().to(tensor.dtype) if tensor.is_floating_point() else tensor
        for name, tensor in vae.state_dict().items()
    }
    if all(torch.equal(tensor, rounded[name]) for name, tensor in vae.state_dict().items()):
        return found
    made = copy.deepcopy(vae)
    made.load_state_dict(rounded)
    return replace(found, vae=made.eval())


@torch.no_grad()
def loss_of_rounding(vae: VAE, rounded: VAE, images: ImageSet) -> float:
    """How much the sum of the terms grows by rounding, a mean over images, at the means of
    q(z|x)."""
    labels = vae.labels_of(images.labels, len(images.classes))
    found = []
    for model in (vae, rounded):
        codes = latent_codes.encode(model, images.images, labels=labels)
        level = latent_codes.level(model, images.images, codes, some=len(images))
        found.append(level.own if level else 0.0)
    return found[1] - found[0]


def _codes(found: Checkpoint, images: ImageSet, cache: Path) -> Codes:
    vae = found.vae
    labels = vae.labels_of(images.labels, len(images.classes))
    codes = latent_codes.cached(cache / "codes", vae, images.images, labels)
    if not (np.isfinite(codes.mu).all() and np.isfinite(codes.std).all()):
        raise CheckpointError(
            f"The checkpoint {printable(found.name)} gives codes that are not numbers (its weights "
            "overflow); choose another one."
        )
    return codes


def _terms(vae: VAE, images: ImageSet, cache: Path, report: Report) -> Iterator[bytes]:
    """The blobs of the terms of images, a piece after the other."""
    first = 0
    report(f"terms of {len(images):,} images")
    for found in terms.pieces(cache / "terms", vae, images, lambda _: None):
        yield blobs.terms(first, found)
        first += len(found["kl"])


class _Model(NamedTuple):
    """The files of a model, those that a page begins with first, and what the page knows of it."""

    begins: dict[str, bytes]
    encoder: dict[str, bytes]
    terms: dict[str, bytes]
    facts: dict[str, Any]


def _maps(vae: VAE, images: ImageSet, codes: Codes, key: str) -> dict[str, bytes]:
    """The blobs of its maps, by projection: what can be drawn without a search."""
    grid = bool(vae.config.grid)
    level = latent_codes.level(vae, images.images, codes)
    directions = principal(codes) if grid else None
    if directions is not None:
        dims = along.dimensions_along(codes, directions)
        views = {"pca": projections.principal(codes, directions)}
    else:
        dims = latent_codes.dimensions_of(vae, codes)
        axes = [d.index for d in dims if d.choice is None]
        places = codes.without_choices(len(vae.config.choices))
        views = {"none": projections.nothing(codes)}
        if len(axes) > 1:
            views = {"plane": projections.plane(codes, entries.usual_axes(axes))}
        if len(axes) > 2:
            views["pca"] = projections.pca(places)
    return {
        kind: entries.map_of(vae, images, view, dims, f"{key}|{kind}", directions, level)
        for kind, view in views.items()
    }


class _Shown(NamedTuple):
    """Images that a hand-out shows, `key` their name; where codes and terms are kept, and who is
    told of what is being done."""

    images: ImageSet
    key: str
    cache: Path
    report: Report


def _model(number: int, found: Checkpoint, shown: _Shown, with_terms: bool) -> _Model:
    vae, images, at = found.vae, shown.images, f"model{number}"
    shown.report(f"codes and maps of {found.name}")
    codes, encoder = _codes(found, images, shown.cache), blobs.encoder(vae)
    key = f"{found.name}-{hashlib.blake2b(encoder, digest_size=6).hexdigest()}|{shown.key}"
    maps = _maps(vae, images, codes, key)
    typical, beside = entries.typical(codes, images), entries.typical_pixels(images)
    image = next(n for n in typical if n is not None)
    first = [*entries.begins_with([image, *typical]), *entries.begins_with(beside)]
    begins = {
        f"{at}/model": blobs.model(vae, found.name, apart=True),
        **{f"{at}/map-{kind}": blob for kind, blob in maps.items()},
        f"{at}/first": blobs.first(vae, images, first),
    }
    pieces = _terms(vae, images, shown.cache, shown.report) if with_terms else ()
    facts = {
        "name": found.name,
        "note": entries.note(vae),
        "key": key,
        **{name: f"{at}/{name}" for name in ("model", "encoder", "first")},
        "maps": {kind: f"{at}/map-{kind}" for kind in maps},
        "typical": typical,
        "image": image,
        "latent_dim": vae.config.latent_dim,
        "terms": (with_terms and entries.terms_of(vae, len(images), f"{at}/terms.", 0, [])) or None,
        "gaps": entries.gaps(found.name),
    }
    terms_by_path = {f"{at}/terms.{n}": blob for n, blob in enumerate(pieces)}
    return _Model(begins, {f"{at}/encoder": encoder}, terms_by_path, facts)


def _checked(found: Sequence[Checkpoint], images: ImageSet) -> None:
    for one in found:
        if one.vae.encoder is None:
            raise CheckpointError(
                f"{printable(one.name)} is a decoder alone, and a hand-out shows images and their "
                "codes; choose a checkpoint with an encoder."
            )
        if one.vae.shape != images.shape:
            fault = datasets.misfit(images.name, images.shape, one.name, one.vae.shape)
            raise DataError(f"{fault}; choose images that fit with --data, or other checkpoints.")


def gather(
    found: Sequence[Checkpoint],
    some: Selection,
    cache: Path,
    with_terms: bool = True,
    report: Report = lambda _: None,
) -> Contents:
    """All that a hand-out shows of checkpoints and images; `report` is told what is being done.

    Raises:
        CheckpointError, DataError: they do not go together, or a checkpoint cannot be shown.
    """
    images = some.images
    _checked(found, images)
    digest = hashlib.blake2b(images.images.numpy().tobytes(), digest_size=6).hexdigest()
    key = f"{len(images)}-{digest}"
    shown = _Shown(images, key, cache, report)
    models = [_model(number, one, shown, with_terms) for number, one in enumerate(found)]
    report("pictures")
    pieces = {
        f"piece.{n}": blobs.piece(images, n)
        for n in range(-(-len(images) // blobs.per_piece(images.shape)))
    }
    told = lesson_choice.within([one.name for one in found], some)
    facts = {
        "key": key,
        "images": len(images),
        "data": _called(images),
        "pictures": "pictures",
        "furthest": entries.FURTHEST,
        "typical": entries.typical_pixels(images),
        "rates": entries.rates(),
        "models": [model.facts for model in models],
        "lessons": {name: lesson.facts(name, one) for name, one in told.items()},
    }
    start = {"pictures": blobs.pictures(images, "piece."), **models[0].begins}
    packs: dict[str, dict[str, bytes]] = {
        "start": {"facts.json": json.dumps(facts, separators=(",", ":")).encode(), **start},
        "encoder": models[0].encoder,
        "pictures": pieces,
        "more": {},
        **{f"model{n}": {**m.begins, **m.encoder} for n, m in enumerate(models) if n},
        "terms": {path: blob for model in models for path, blob in model.terms.items()},
    }
    return Contents(
        {name: files for name, files in packs.items() if files or name == "more"}, facts
    )


def _called(images: ImageSet) -> str:
    row = datasets.DATASETS.get(images.name)
    title = row.title if row else printable(without_place(images.name))
    return f"{len(images):,} images of {title}"
