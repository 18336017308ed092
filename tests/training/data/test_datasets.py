"""The data sets: what is embedded, what is on disk, what is damaged, what cannot be fetched."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from training.data import datasets as data_datasets
from training.data.datasets import DataError
from training.data.download import download
from training.data.names import without_place


def write_idx(root, split="train", count=60_000, cut=0, folder="MNIST", labels=None):
    stem = {"train": "train", "test": "t10k"}[split]
    raw = root / folder / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    head = np.array([0x0803, count, 28, 28], dtype=">u4").tobytes()
    pixels = np.arange(count * 784, dtype=np.uint32).astype(np.uint8).tobytes()
    (raw / f"{stem}-images-idx3-ubyte").write_bytes((head + pixels)[: -cut or None])
    head = np.array([0x0801, count], dtype=">u4").tobytes()
    values = (np.arange(count) % 10 if labels is None else labels).astype(np.uint8)
    (raw / f"{stem}-labels-idx1-ubyte").write_bytes(head + values.tobytes())
    return raw


def test_embedded_digits_are_real_and_split_by_class():
    train, test = data_datasets.load("mnist-5k", "train"), data_datasets.load("mnist-5k", "test")
    assert train.images.shape == (4000, 784)
    assert test.images.shape == (1000, 784)
    assert train.images.dtype == torch.uint8
    assert torch.bincount(train.labels).tolist() == [400] * 10
    assert torch.bincount(test.labels).tolist() == [100] * 10
    assert train.labels[:20].tolist() == [*range(10), *range(10)]
    rows = {row.numpy().tobytes() for row in train.images}
    assert not any(row.numpy().tobytes() in rows for row in test.images)
    ones = train.images[train.labels == 1].float()  # a one is a stroke in the middle column
    assert ones.mean(0).reshape(28, 28).mean(0).argmax() in (13, 14)


def test_idx_files_are_read_as_torchvision_lays_them(tmp_path):
    write_idx(tmp_path, "test", 10_000)
    found = data_datasets.load("mnist", "test", tmp_path)
    assert found.images.shape == (10_000, 784)
    assert found.images[1, :3].tolist() == [784 % 256, 785 % 256, 786 % 256]
    assert found.labels[:12].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda raw: write_idx(raw.parents[1], "test", 10_000, cut=500), "instead of 7,840,016"),
        (lambda raw: (raw / "t10k-images-idx3-ubyte").write_bytes(b"<html>"), "does not begin"),
        (lambda raw: (raw / "t10k-images-idx3-ubyte").write_bytes(b""), "does not begin"),
        (lambda raw: write_idx(raw.parents[1], "test", 9_000), "does not begin"),
        (
            lambda raw: write_idx(raw.parents[1], "test", 10_000, labels=np.full(10_000, 77)),
            "the label 77",
        ),
    ],
    ids=["truncated", "html", "empty", "other-count", "labels"],
)
def test_a_damaged_file_is_named_with_its_remedy(tmp_path, damage, sentence):
    damage(write_idx(tmp_path, "test", 10_000))
    with pytest.raises(DataError, match="python -m training data mnist") as caught:
        data_datasets.load("mnist", "test", tmp_path)
    assert sentence in str(caught.value)
    assert str(tmp_path / "MNIST" / "raw" / "t10k-") in str(caught.value)


def test_missing_and_unknown_sets_are_explained(tmp_path):
    with pytest.raises(DataError, match="--data mnist-5k"):
        data_datasets.load("mnist", "test", tmp_path)
    with pytest.raises(
        DataError,
        match=r"mnist-5k, sprites-32, sprites-64, cifar-10, .* and folder:PATH, zip:PATH",
    ):
        data_datasets.load("imagenet", "test", tmp_path)


def test_a_download_without_network_says_so_and_leaves_nothing(tmp_path, monkeypatch):
    import urllib.error
    import urllib.request

    def refuse(*args, **kwargs):
        raise urllib.error.URLError("no network")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    with pytest.raises(DataError, match="--data mnist-5k"):
        list(download("mnist", tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_download_is_verified_and_moved_into_place_whole(tmp_path, monkeypatch):
    import torchvision.datasets as sets

    def fetch(root, train, download, short=False):
        from pathlib import Path

        write_idx(Path(root), "train", 60_000)
        raw = write_idx(Path(root), "test", 10_000, cut=99 if fetch.damaged else 0)
        (raw / "train-images-idx3-ubyte.gz").write_bytes(bytes(1_000_000))

    monkeypatch.setattr(sets, "MNIST", fetch)
    fetch.damaged = True
    with pytest.raises(DataError, match="damaged"):
        list(download("mnist", tmp_path))
    assert not (tmp_path / "MNIST" / "raw" / "t10k-images-idx3-ubyte").exists()
    fetch.damaged = False
    steps = list(download("mnist", tmp_path))
    assert steps[-1].done == steps[-1].total == 11_594_722
    assert len(data_datasets.load("mnist", "train", tmp_path)) == 60_000
    assert sorted(p.name for p in tmp_path.iterdir()) == ["MNIST"]


def test_a_fifo_in_the_place_of_an_idx_file_is_waited_for_by_nobody(tmp_path):
    raw = write_idx(tmp_path, "test", 10_000)
    row = data_datasets.find("mnist")
    (raw / "t10k-images-idx3-ubyte").unlink()
    os.mkfifo(raw / "t10k-images-idx3-ubyte")
    program = (
        "import sys\nfrom pathlib import Path\nfrom training.data import datasets, tables\n"
        "try: tables.read_idx(Path(sys.argv[1]), 10000, (28, 28), datasets.find('mnist'))\n"
        "except datasets.DataError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(row.files(tmp_path, "test")[0])],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert "it is not a regular file" in done.stdout, done.stderr
    with pytest.raises(DataError, match="is not in"):
        data_datasets.load("mnist", "test", tmp_path)


def test_what_a_dead_download_has_left_is_cleared(tmp_path, monkeypatch):
    import torchvision.datasets as sets

    old = tmp_path / "mnist-abc.partial"
    (old / "MNIST" / "raw").mkdir(parents=True)
    os.utime(old, (1, 1))
    monkeypatch.setattr(sets, "MNIST", lambda *_, **__: write_idx(tmp_path / "nowhere"))
    with pytest.raises(DataError):
        list(download("mnist", tmp_path))
    assert not list(tmp_path.glob("*.partial"))


@pytest.mark.parametrize(
    ("name", "public"),
    [
        ("mnist", "mnist"),
        ("celeba?classes=Male", "celeba?classes=Male"),
        ("folder:faces", "folder:faces"),
        ("folder:people/faces?size=64x48", "folder:people/faces?size=64x48"),
        ("folder:/home/someone/faces/?size=64x48", "folder:faces?size=64x48"),
        ("zip:~/private/cats.zip", "zip:cats.zip"),
        ("npz:../../secret/arrays.npz", "npz:arrays.npz"),
        ("folder:/home/someone/faces?size=none", "faces?size=none"),
    ],
)
def test_a_name_for_others_does_not_say_where_pictures_lie(name, public):
    assert without_place(name) == public
