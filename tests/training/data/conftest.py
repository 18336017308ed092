"""Shared by the tests of data sets."""

import pytest


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    """The folder of pictures that can be made again: a new one for each test."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("VAE_CACHE_DIR", str(folder))
    return folder / "pictures"
