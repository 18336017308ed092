"""A picture of any file that Pillow reads, as levels of a wanted shape."""

import functools
from typing import IO, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from training.data.names import Options
from training.text import printable
from training.vae.image_shape import ImageShape

SUFFIXES = frozenset(
    (
        *(".apng", ".avif", ".bmp", ".dds", ".dib", ".gif", ".icns", ".ico", ".j2k", ".jfif"),
        *(".jp2", ".jpe", ".jpeg", ".jpg", ".mpo", ".pbm", ".pcx", ".pgm", ".png", ".pnm", ".ppm"),
        *(".qoi", ".sgi", ".tga", ".tif", ".tiff", ".webp"),
    )
)
# Pillow's readers of pictures that call no other program.
_FORMATS = (
    *("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "PPM", "AVIF", "JPEG2000", "DDS", "DIB"),
    *("ICNS", "ICO", "PCX", "QOI", "SGI", "TGA"),
)
MOST_PIXELS = 60_000_000  # that are decoded for one picture
_COLOUR = 16  # levels that the channels of a pixel have to differ for it to have a colour


class Facts(NamedTuple):
    """Facts of a file's header: width and height as it is to be seen, and whether its mode has
    colour."""

    width: int
    height: int
    may_be_coloured: bool


def is_picture(name: str) -> bool:
    """Whether a file of this name is meant to be a picture."""
    return "." + name.rpartition(".")[2].lower() in SUFFIXES


def reason(error: Exception) -> str:
    """Clause of why a picture cannot be read, of at most 120 letters."""
    if isinstance(error, UnidentifiedImageError):
        return "it is no picture of a kind that is read"
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return printable(text, 120).rstrip(".")


@functools.cache
def _formats() -> list[str]:
    Image.init()
    return [name for name in _FORMATS if name in Image.OPEN]  # what this Pillow was built with


def _open(file: IO[bytes]) -> Image.Image:
    return Image.open(file, formats=_formats())


def facts(file: IO[bytes]) -> Facts:
    """What the header of a picture says.

    Raises:
        Exception: of many kinds, as Pillow's readers have it.
    """
    with _open(file) as image:
        width, height = image.size
        grey = image.mode in ("1", "L", "LA", "La") or image.mode.startswith("I")
        if _orientation(image) >= 5:
            width, height = height, width
        return Facts(width, height, not grey)


def _orientation(image: Image.Image) -> int:
    """EXIF's orientation, 1 to 8; 1 where it says none or cannot be read."""
    try:
        value = image.getexif().get(0x0112, 1)
    except Exception:  # of a damaged block of metadata
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _plain(image: Image.Image, background: str) -> Image.Image:
    """The image in 8 bits, grey ("L") or "RGB"; what is transparent lies on the background.

    Levels of 16 bits are scaled down. Those that are floating-point numbers, or of more bits, have
    no range that is known: they are refused.
    """
    if image.mode == "F":
        raise ValueError("its levels are floating-point numbers; save it with 8 or 16 bits")
    if image.mode.startswith("I"):
        levels = np.asarray(image).astype(np.int64)
        if levels.min(initial=0) < 0 or levels.max(initial=0) > 65_535:
            raise ValueError("its levels have more than 16 bits; save it with 8 or 16")
        return Image.fromarray((levels >> 8).astype(np.uint8))
    if image.has_transparency_data or image.mode in ("La", "RGBa"):
        own = {"La": "LA", "RGBa": "RGBA"}.get(image.mode)
        grey = image.mode in ("L", "LA", "La")
        layer = (image.convert(own) if own else image).convert("RGBA")
        paper = Image.new("RGBA", image.size, background)
        return Image.alpha_composite(paper, layer).convert("L" if grey else "RGB")
    if image.mode in ("1", "L"):
        return image.convert("L")
    if image.mode == "LAB":
        from PIL import ImageCms

        of, to = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        turned = ImageCms.profileToProfile(image, of, to, outputMode="RGB")
        assert turned is not None
        return turned
    return image.convert("RGB")


def _load(file: IO[bytes], width: int, height: int, options: Options) -> Image.Image:
    """The first frame of a picture, upright, plain, width × height."""
    with _open(file) as image:
        turn = _orientation(image)
        if turn >= 5:  # until it is turned
            width, height = height, width
        scale = max(width / image.width, height / image.height)
        # A JPEG can be decoded at an eighth, a quarter or a half of its size.
        image.draft(None, (int(2 * scale * image.width), int(2 * scale * image.height)))
        if image.width * image.height > MOST_PIXELS:
            raise ValueError(
                f"it has {image.width:,} × {image.height:,} pixels, more than {MOST_PIXELS:,}"
            )
        plain = _plain(image, options.background)
    size, resampling = (width, height), Image.Resampling.BICUBIC
    if options.crop == "pad":
        fitted = ImageOps.pad(plain, size, resampling, color=options.background)
    else:
        fitted = ImageOps.fit(plain, size, resampling)
    return fitted.transpose(_TURNS[turn]) if turn in _TURNS else fitted


def has_colour(picture: NDArray[np.uint8]) -> bool:
    """Whether any pixel of a picture (H, W) or (H, W, 3) is not grey."""
    if picture.ndim == 2:
        return False
    return bool((picture.max(-1).astype(int) - picture.min(-1) > _COLOUR).any())


def is_coloured(file: IO[bytes], options: Options) -> bool:
    """Whether a picture has colours, looked at when it is small.

    Raises:
        Exception: of many kinds, as Pillow's readers have it.
    """
    return has_colour(np.asarray(_load(file, 64, 64, options)))


def levels(file: IO[bytes], shape: ImageShape, options: Options) -> tuple[NDArray[np.uint8], bool]:
    """Levels of a picture, flat (shape.size,), channels first, and whether it had colours.

    Raises:
        Exception: of many kinds, as Pillow's readers have it.
    """
    fitted = _load(file, shape.width, shape.height, options)
    picture = np.asarray(fitted)
    coloured = has_colour(picture)
    wanted = fitted.convert("RGB" if shape.channels == 3 else "L")
    array = np.asarray(wanted).reshape(shape.height, shape.width, shape.channels)
    return np.ascontiguousarray(array.transpose(2, 0, 1)).reshape(-1), coloured
