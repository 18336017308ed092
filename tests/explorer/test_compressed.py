"""Gzip that suits weights: any reader has the content back, and it is smaller."""

import gzip
import zlib

import numpy as np
import pytest

from explorer import blobs, paths
from explorer.compressed import gzipped
from training import checkpoint


@pytest.mark.parametrize("size", [0, 1, 2**14 - 1, 2**14, 2**14 + 1, 100_003])
def test_any_reader_has_the_content_back(size):
    numbers = np.random.default_rng(size).integers(0, 9, size, np.uint8).tobytes()
    for content in (numbers, b"a" * size, numbers[::-1] + b"text " * (size // 5)):
        packed = gzipped(content)
        assert gzip.decompress(packed) == content
        reader = zlib.decompressobj(31)
        assert reader.decompress(packed) == content
        assert (reader.eof, reader.unused_data) == (True, b"")


def test_a_model_takes_a_tenth_less():
    vae = checkpoint.load(paths.checkpoint_dir() / "mnist-2d.safetensors").vae
    blob = blobs.model(vae, "mnist-2d", apart=True)
    assert len(gzipped(blob)) < 0.9 * len(gzip.compress(blob, 9))
