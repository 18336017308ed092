"""Gzip for what is half text and half numbers: any gzip reader takes it.

Looking for repetitions costs weights more than it brings, since they have none; and one table of
symbols does not suit two kinds of content. Here each part of the stream takes what is smaller.
"""

import zlib

_PART = 2**14
_WINDOW = 2**15  # that deflate looks back
_HEAD = b"\x1f\x8b\x08\0\0\0\0\0\x02\xff"  # RFC 1952: deflate, no name, no time
_MOST = 2**32


def gzipped(content: bytes, level: int = 9) -> bytes:
    """Content as one gzip member."""
    parts = [_HEAD]
    for start in range(0, len(content), _PART):
        part, before = content[start : start + _PART], content[max(0, start - _WINDOW) : start]
        repeated = zlib.compressobj(level, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY, before)
        runs = zlib.compressobj(level, zlib.DEFLATED, -15, 9, zlib.Z_RLE, before)
        found = (c.compress(part) + c.flush(zlib.Z_SYNC_FLUSH) for c in (repeated, runs))
        parts.append(min(found, key=len))
    parts.append(zlib.compressobj(level, zlib.DEFLATED, -15).flush())
    parts.append(zlib.crc32(content).to_bytes(4, "little"))
    parts.append((len(content) % _MOST).to_bytes(4, "little"))
    return b"".join(parts)
