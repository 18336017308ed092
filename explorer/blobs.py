"""Binary blobs for the browser: a model, pictures, a map. Arrays only.

The layout of a blob is in docs/FORMATS.md. Its twin, which reads it, is
`explorer/web/model/blobs.js`.
"""

import gzip
import io
import json
import math
import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from explorer.figures.latent_scatter import Scatter
from explorer.figures.theme import THEMES
from explorer.latent.codes import Dimension, Level
from explorer.latent.directions import Directions
from training.data.datasets import DATASETS, ImageSet, to_float
from training.vae import classifier
from training.vae.choices import facts
from training.vae.image_shape import ImageShape
from training.vae.likelihoods import FEATURE_SCALES, LIKELIHOODS, PERCEPTUAL_WEIGHT
from training.vae.model import VAE
from training.vae.program import Builder, of_module

MAGIC = b"VAES"
VERSION = 1
_PREAMBLE = struct.Struct("<4sIII")  # magic, version, length of the header, CRC-32 of the rest
_ALIGN = 8
_PIECE = 2**20  # bytes of pictures, unpacked, that come at a time
_FIRST = 2**17  # and of those that a page shows first
_TYPES = {"u1": "<u1", "i2": "<i2", "u4": "<u4", "f4": "<f4"}

Arrays = Mapping[str, NDArray[Any]]


class PayloadError(ValueError):
    """A blob cannot be read; the message is a sentence."""


def pack(kind: str, header: Mapping[str, Any], arrays: Arrays) -> bytes:
    """One blob: preamble, JSON header, then the arrays, little-endian and aligned to 8 bytes.

    ValueError where an array is of a type that blobs do not have, or holds a NaN or an infinity.
    """
    parts, table, offset = [], {}, 0
    for name, array in arrays.items():
        code = f"{array.dtype.kind}{array.dtype.itemsize}"
        if code not in _TYPES:
            raise ValueError(
                f"The array {name!r} is {array.dtype}; a blob holds {', '.join(_TYPES)}."
            )
        if code == "f4" and not np.isfinite(array).all():
            raise ValueError(f"The array {name!r} holds a NaN or an infinity.")
        content = np.ascontiguousarray(array, _TYPES[code]).tobytes()
        table[name] = {"type": code, "shape": list(array.shape), "offset": offset}
        gap = -len(content) % _ALIGN
        parts += [content, bytes(gap)]
        offset += len(content) + gap
    text = json.dumps(
        {"kind": kind, **header, "arrays": table}, ensure_ascii=False, separators=(",", ":")
    ).encode()
    text += b" " * (-(len(text) + _PREAMBLE.size) % _ALIGN)
    rest = b"".join([text, *parts])
    return _PREAMBLE.pack(MAGIC, VERSION, len(text), zlib.crc32(rest)) + rest


def unpack(blob: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """The header and the arrays of a blob; PayloadError where it is damaged or too new."""
    if len(blob) < _PREAMBLE.size:
        raise PayloadError(f"The blob is cut off after {len(blob)} bytes.")
    magic, version, length, crc = _PREAMBLE.unpack_from(blob)
    if magic != MAGIC:
        raise PayloadError(f"The blob begins with {magic!r}, not {MAGIC!r}: it is something else.")
    if version != VERSION:
        raise PayloadError(f"The blob has version {version}; this program reads {VERSION}.")
    rest = memoryview(blob)[_PREAMBLE.size :]
    if zlib.crc32(rest) != crc:
        raise PayloadError("The blob is damaged: its checksum does not fit.")
    try:
        header = json.loads(bytes(rest[:length]))
        arrays = {}
        for name, entry in header.pop("arrays").items():
            kind, shape = np.dtype(_TYPES[entry["type"]]), tuple(entry["shape"])
            start = length + entry["offset"]
            count = int(np.prod(shape, dtype=np.int64))
            arrays[name] = np.frombuffer(rest, kind, count, start).reshape(shape)
    except (ValueError, KeyError, TypeError) as error:
        raise PayloadError(f"The blob's header makes no sense ({error}).") from None
    return header, arrays


# --- the model ---------------------------------------------------------------------------------


def _is_bfloat16(tensor: Tensor) -> bool:
    return bool((tensor.detach().cpu().numpy().view(np.uint32) & 0xFFFF == 0).all())


def _flat(tensors: Sequence[Tensor]) -> NDArray[np.float32]:
    empty = np.zeros(0, np.float32)
    return np.concatenate([empty, *(tensor.detach().cpu().numpy().ravel() for tensor in tensors)])


def _alike(tensors: Mapping[str, Tensor], others: Mapping[str, Tensor]) -> dict[str, str]:
    """The first of the others that holds a tensor's very numbers, in any shape, by the tensor's
    name; without those that none holds."""
    held: dict[bytes, str] = {}
    for name, tensor in others.items():
        held.setdefault(_flat([tensor]).tobytes(), name)
    found = {name: held.get(_flat([tensor]).tobytes()) for name, tensor in tensors.items()}
    return {name: other for name, other in found.items() if other is not None}


def _weights(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Any], Arrays]:
    """The table of tensors, [first, shape] by name, and the arrays that hold them.

    First come those whose numbers are all bfloat16, as shipped ones are, as two planes; then the
    others as float32. Of the former the bits are turned left by one, so that one plane holds
    exponents, which compress, and the other sign and mantissa, which do not. Tensors of the same
    numbers are held once.
    """
    alike = _alike(tensors, tensors)
    once = {name: tensor for name, tensor in tensors.items() if alike[name] == name}
    half = {name: tensor for name, tensor in once.items() if _is_bfloat16(tensor)}
    rest = {name: tensor for name, tensor in once.items() if name not in half}
    places, first = {}, 0
    for name, tensor in (half | rest).items():
        places[name] = first
        first += tensor.numel()
    table = {name: [places[alike[name]], list(t.shape)] for name, t in tensors.items()}
    bits = (_flat(list(half.values())).view(np.uint32) >> 16).astype(np.uint16)
    turned = (bits << 1) | (bits >> 15)
    arrays: dict[str, NDArray[Any]] = {
        "exponents": (turned >> 8).astype(np.uint8),
        "mantissas": turned.astype(np.uint8),
        "weights": _flat(list(rest.values())),
    }
    return table, {name: array for name, array in arrays.items() if array.size}


def likelihood(name: str, shape: ImageShape) -> dict[str, Any]:
    """The header of a reconstruction term for pictures of a shape: its `LIKELIHOODS` row, and
    words."""
    row = LIKELIHOODS[name]
    return {
        "name": name,
        "title": row.title,
        "formula": row.formula,
        "constant": row.constant(shape),
        "unit": row.unit,
        "total": row.total_title,
    }


def _features(tensors: dict[str, Tensor]) -> dict[str, Any]:
    """The program of the features that the classifier compares."""
    layers = classifier.shipped().convolutions
    builder = Builder([classifier.SHAPE.size], tensors)
    picture = builder.add("reshape", sides=list(classifier.SHAPE.dims))
    second = builder.lower(layers[:4], picture)
    fourth = builder.lower(layers[4:], second)
    return {
        "program": builder.program(second, fourth).describe(),
        "weight": PERCEPTUAL_WEIGHT,
        "scales": list(FEATURE_SCALES),
    }


def _encoder(vae: VAE, tensors: dict[str, Tensor]) -> dict[str, Any] | None:
    """The program of x and its labels to the numbers that q(z|x) is made of; None without one."""
    given = sum(c.kind == "label" for c in vae.config.choices)
    if vae.encoder is None:
        return None
    return of_module(vae.encoder, [vae.shape.size + given], tensors).describe()


def model(vae: VAE, name: str, apart: bool = False) -> bytes:
    """The blob of a model: encoder and decoder as programs, the prior, the likelihood.

    Where the encoder is to come in a blob of its own, `apart` leaves it out. Where the
    reconstruction term is perceptual, the classifier's features come along. A decoder
    alone has no encoder, but the codes that it came with. ProgramError
    where a layer is of a kind that no op stands for.
    """
    tensors: dict[str, Tensor] = {}
    d = vae.config.latent_dim
    encoder = None if apart else _encoder(vae, tensors)
    header: dict[str, Any] = {
        "name": name,
        "shape": list(vae.shape.dims),
        "latent_dim": d,
        "prior": vae.prior.facts(),
        "likelihood": likelihood(vae.config.likelihood, vae.shape),
        "encoder": "apart" if apart and vae.encoder is not None else encoder,
        "decoder": of_module(vae.decoder, [d], tensors).describe(),
    }
    if vae.likelihood.perceptual:
        header["features"] = _features(tensors)
    table, arrays = _weights(tensors)
    if vae.codes is not None:
        arrays = {**arrays, "codes": vae.codes.numpy()}
    return pack("model", {**header, "tensors": table}, arrays)


def encoder(vae: VAE) -> bytes:
    """The blob of an encoder that comes after its model's. ProgramError as `model`.

    An encoder may look at what the decoder makes of its answer: tensors that the model's blob has
    are `borrowed` from it, [name there, shape] by name.
    """
    tensors: dict[str, Tensor] = {}
    decoders: dict[str, Tensor] = {}
    program = _encoder(vae, tensors)
    of_module(vae.decoder, [vae.config.latent_dim], decoders)
    alike = _alike(tensors, decoders)
    borrowed = {name: [other, list(tensors.pop(name).shape)] for name, other in alike.items()}
    table, arrays = _weights(tensors)
    return pack("encoder", {"program": program, "tensors": table, "borrowed": borrowed}, arrays)


@torch.no_grad()
def first(vae: VAE, shown: ImageSet, rows: Sequence[int]) -> bytes:
    """The blob of the images that a page shows first, as many of `rows` as take little: what a page
    needs of them as long as it has neither the encoder nor the pieces of the pictures.

    `levels` (k, c·h·w) are their values, `heads` (k, m) what the encoder makes of them.
    """
    rows = [*dict.fromkeys(rows)][: max(3, _FIRST // shown.shape.size)]
    images, heads = shown.take(torch.tensor(rows)), np.zeros((len(rows), 0), np.float32)
    if vae.encoder is not None:
        labels = vae.labels_of(images.labels, len(images.classes))
        heads = vae.head(to_float(images.images), labels).numpy()
    return pack("first", {"images": rows}, {"levels": images.images.numpy(), "heads": heads})


# --- pictures and map --------------------------------------------------------------------------


def pictures(shown: ImageSet, pieces: str) -> bytes:
    """The blob about a set of images: their labels, and what a drawing of one must know.

    The images themselves come in pieces of `per_piece`, the n-th at the path `pieces` and n. `noun`
    is what a picture is called; `ink_box` and `pen` are null where nothing is drawn so.
    """
    row, labels = DATASETS.get(shown.name), shown.labels.numpy()
    header = {
        "classes": list(shown.classes),
        "images": len(shown),
        "shape": list(shown.shape.dims),
        "noun": row.noun if row else "picture",
        "ink_box": row.ink_box if row else None,
        "pen": row.pen if row else None,
        "per_piece": per_piece(shown.shape),
        "pieces": pieces,
    }
    kind = np.uint8 if len(shown.classes) <= 256 else np.uint32
    return pack("pictures", header, {"labels": labels.astype(kind)})


def per_piece(shape: ImageShape) -> int:
    """How many images of a shape a piece has."""
    return max(1, _PIECE // shape.size)


def piece(shown: ImageSet, number: int, webp: bool = True) -> bytes:
    """The blob of a piece of a set of images, packed as takes least; as `webp` only where that may
    be.

    `sparse`: `lit` says which values are not 0, one bit each, channels first, and `levels` holds
    these. That suits ink on black. `webp`: an `atlas`, the images in rows of `columns` as one
    lossless WebP picture. IndexError where there is no such piece.
    """
    count = per_piece(shown.shape)
    if not 0 <= number * count < len(shown):
        raise IndexError(f"there is no piece {number} of {len(shown)} images")
    values = shown.images[number * count : (number + 1) * count].numpy()
    lit = values > 0
    arrays = {"lit": np.packbits(lit, axis=1, bitorder="little"), "levels": values[lit]}
    header = {"first": number * count, "count": len(values)}
    if webp and (shown.shape.channels > 1 or lit.mean() > 0.5):  # on ink it gains nothing
        weight = sum(len(gzip.compress(array.tobytes(), 6)) for array in arrays.values())
        columns = math.isqrt(len(values) - 1) + 1
        atlas = _atlas(values, shown.shape, columns)
        if len(atlas) < weight:
            found = {"atlas": np.frombuffer(atlas, np.uint8)}
            return pack("piece", {**header, "packing": "webp", "columns": columns}, found)
    return pack("piece", {**header, "packing": "sparse"}, arrays)


def _atlas(values: NDArray[np.uint8], shape: ImageShape, columns: int) -> bytes:
    """Images (n, c·h·w) in rows, as one lossless WebP picture."""
    channels, height, width = shape.dims
    rows = -(-len(values) // columns)
    sheet = np.zeros((rows * columns, channels, height, width), np.uint8)
    sheet[: len(values)] = values.reshape(-1, channels, height, width)
    apart = sheet.reshape(rows, columns, channels, height, width).transpose(0, 3, 1, 4, 2)
    pixels = apart.reshape(rows * height, columns * width, channels)
    file = io.BytesIO()
    # Beyond this effort nothing was gained but time: 268 B a sprite, 4.0 kB a face of 3×64×64.
    Image.fromarray(pixels.repeat(3 // channels, 2)).save(
        file, "WEBP", lossless=True, method=2, quality=30
    )
    return file.getvalue()


def terms(first: int, found: Arrays) -> bytes:
    """The blob of the terms of images from `first` on, float32 (n,) each: `reconstruction`, `kl`,
    `log_p` where there is one, and what they may be wrong by."""
    return pack("terms", {"first": first, "count": len(found["kl"])}, found)


def map_(
    scatter: Scatter,
    view: Mapping[str, Any],
    axis_titles: Sequence[str] | None,
    dims: Sequence[Dimension],
    revision: str,
    codes: NDArray[np.floating] | None = None,
    directions: Directions | None = None,
    level: Level | None = None,
) -> bytes:
    """The blob of a map: where the codes of images lie, in facts that any renderer can draw.

    `view` says how z is found on the map: `{"kind": "plane", "axes": [i, j]}`, `{"kind": "pca",
    "mean": …, "components": …}`, `{"kind": "t-sne"}`, or `{"kind": "none"}` where there is no map.
    `axis_titles` is None where the axes mean nothing. Maps of one `revision` share zoom and hidden
    classes. With t-SNE come the `codes` (N, d) of all images, with a latent grid the `directions`
    of its sliders. By the usual `level` of the terms bars are measured.
    """
    header: dict[str, Any] = {
        "view": dict(view),
        "axis_titles": axis_titles and list(axis_titles),
        "groups": scatter.groups,
        "bounds": scatter.bounds,
        "anchored": scatter.anchored,
        "bar": scatter.bar and list(scatter.bar),
        "revision": revision,
        "level": level and level._asdict(),
        "themes": {name: vars(theme) for name, theme in THEMES.items()},
        "dims": [
            {
                "index": d.index,
                "kl": round(d.kl, 4),
                "active": d.active,
                "low": float(d.low),
                "high": float(d.high),
                **({"choice": facts(d.choice)} if d.choice else {}),
                **({"share": round(d.share, 4)} if d.share is not None else {}),
            }
            for d in dims
        ],
    }
    arrays: dict[str, NDArray[Any]] = {"x": scatter.x, "y": scatter.y, "index": scatter.index}
    if directions is not None:
        arrays |= {"centre": directions.mean, "directions": directions.vectors}
    if codes is not None:
        codes = codes[scatter.index.astype(np.int64)]
        # To find the nearest: in 256ths of a latent unit, as far as 16 bits reach.
        scale = max(1.0, float(np.abs(codes).max()) / 127) / 256
        header["code_step"] = scale
        arrays["codes"] = np.round(codes / scale).astype(np.int16)
    return pack("map", header, arrays)
