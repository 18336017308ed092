"""Packs of files, gzipped; and bytes as text that may stand in a page.

The layout is in docs/FORMATS.md. The twin that reads it is `explorer/web/handout/boot.js`.
"""

import gzip
import json
import struct
from collections.abc import Mapping

import numpy as np

from explorer.compressed import gzipped

BITS = 7  # of a character
# What the text of a script may not have, or a parser changes: NUL, carriage return, "<".
REFUSED = "\x00\r<"
INSTEAD = "ÀÁÂ"
_LENGTH = struct.Struct("<I")


def pack(files: Mapping[str, bytes]) -> bytes:
    """Files by their paths, gzipped together: the length of an index, that index as JSON, [first,
    length] by path, and what they contain."""
    index, first = {}, 0
    for path, content in files.items():
        index[path] = [first, len(content)]
        first += len(content)
    head = json.dumps(index, separators=(",", ":")).encode()
    return gzipped(b"".join([_LENGTH.pack(len(head)), head, *files.values()]))


def unpack(packed: bytes) -> dict[str, bytes]:
    """The files of a pack."""
    whole = gzip.decompress(packed)
    (length,) = _LENGTH.unpack_from(whole)
    start = _LENGTH.size + length
    index = json.loads(whole[_LENGTH.size : start])
    return {path: whole[start + first : start + first + n] for path, (first, n) in index.items()}


def as_text(content: bytes) -> str:
    """Bytes as text, seven bits a character: a sixth longer, where base64 is a third."""
    bits = np.unpackbits(np.frombuffer(content, np.uint8))
    whole = np.pad(bits, (0, -len(bits) % BITS)).reshape(-1, BITS)
    text = np.packbits(np.pad(whole, ((0, 0), (1, 0))), axis=1).tobytes().decode("ascii")
    return text.translate(str.maketrans(REFUSED, INSTEAD))


def as_bytes(text: str) -> bytes:
    """The bytes that `as_text` made a text of."""
    plain = text.translate(str.maketrans(INSTEAD, REFUSED)).encode("ascii")
    bits = np.unpackbits(np.frombuffer(plain, np.uint8)[:, None], axis=1)[:, 1:].ravel()
    return np.packbits(bits[: len(bits) // 8 * 8]).tobytes()
