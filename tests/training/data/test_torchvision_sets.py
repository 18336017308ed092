"""Data sets of torchvision's: made of files in its formats, read without it, told where offline."""

import bz2
import hashlib
import pickle
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from training.data import datasets
from training.data.datasets import DATASETS, DataError
from training.data.download import download
from training.data.torchvision_import import import_torchvision

DRAW = np.random.default_rng(0)
TRAIN, TEST = 12, 6
FETCHED = [row.name for row in DATASETS.values() if row.fetch]


def colours(n, *shape):
    return DRAW.integers(0, 256, (n, *shape), np.uint8)


def md5(path):
    return hashlib.md5(path.read_bytes()).hexdigest()


def cifar(root, patch, sets):
    """Files as CIFAR-10 has them; what their images and labels are."""
    base, made = root / "cifar-10-batches-py", {}
    base.mkdir()
    for split, files in (("train", 2), ("test", 1)):
        n = (TRAIN if split == "train" else TEST) // files
        images, labels, names = [], [], []
        for i in range(files):
            x, y = colours(n, 3, 32, 32), DRAW.integers(0, 10, n).tolist()
            path = base / f"{split}_{i}"
            path.write_bytes(pickle.dumps({"data": x.reshape(n, -1), "labels": y}))
            names.append([path.name, md5(path)])
            images.append(x)
            labels += y
        patch.setattr(sets.CIFAR10, f"{split}_list", names)
        made[split] = np.concatenate(images), labels
    (base / "batches.meta").write_bytes(pickle.dumps({"label_names": list("abcdefghij")}))
    meta = {**sets.CIFAR10.meta, "md5": md5(base / "batches.meta")}
    patch.setattr(sets.CIFAR10, "meta", meta)
    return made


def svhn(root, patch, sets):
    import scipy.io

    made, listed = {}, {}
    for split, n in (("train", TRAIN), ("test", TEST)):
        x, y = colours(n, 3, 32, 32), DRAW.integers(0, 10, n)
        path = root / f"{split}_32x32.mat"
        scipy.io.savemat(path, {"X": x.transpose(2, 3, 1, 0), "y": np.where(y, y, 10)[:, None]})
        listed[split] = ["", path.name, md5(path)]
        made[split] = x, y.tolist()
    patch.setattr(sets.SVHN, "split_list", listed)
    return made


def letters(root, patch, sets):
    raw, made = root / "EMNIST" / "raw", {}
    raw.mkdir(parents=True)
    for split, n in (("train", TRAIN), ("test", TEST)):
        x, y = colours(n, 28, 28), DRAW.integers(0, 26, n)
        stem = f"emnist-letters-{split}"
        head = np.array([0x0803, n, 28, 28], ">u4").tobytes()
        (raw / f"{stem}-images-idx3-ubyte").write_bytes(head + x.transpose(0, 2, 1).tobytes())
        head = np.array([0x0801, n], ">u4").tobytes()
        (raw / f"{stem}-labels-idx1-ubyte").write_bytes(head + (y + 1).astype(np.uint8).tobytes())
        made[split] = x[:, None], y.tolist()
    return made


def usps(root, patch, sets):
    made = {}
    for split, end, n in (("train", "", TRAIN), ("test", ".t", TEST)):
        x, y = colours(n, 1, 16, 16), DRAW.integers(0, 10, n)
        rows = [
            f"{label + 1} "
            + " ".join(f"{i + 1}:{2 * (v + 0.5) / 255 - 1:.6f}" for i, v in enumerate(picture.flat))
            for picture, label in zip(x, y, strict=True)
        ]
        (root / f"usps{end}.bz2").write_bytes(bz2.compress("\n".join(rows).encode()))
        made[split] = np.minimum(x, 255), y.tolist()
    return made


def celeba(root, patch, sets):
    base, made = root / "celeba", {}
    (base / "img_align_celeba").mkdir(parents=True)
    names = [f"{n:06}.jpg" for n in range(TRAIN + TEST + 2)]
    split = [0] * TRAIN + [1] * 2 + [2] * TEST
    smile, male = DRAW.integers(0, 2, (2, len(names)))
    levels = DRAW.integers(0, 256, (len(names), 3))
    for name, level in zip(names, levels, strict=True):
        face = Image.new("RGB", (178, 218), (255, 255, 255))  # what lies outside is cut away
        face.paste(tuple(int(v) for v in level), (15, 35, 163, 183))
        face.save(base / "img_align_celeba" / name, quality=100, subsampling=0)
    lines = {
        "list_eval_partition.txt": [f"{a} {b}" for a, b in zip(names, split, strict=True)],
        "identity_CelebA.txt": [f"{name} 1" for name in names],
        "list_bbox_celeba.txt": ["20", "id x y w h", *(f"{name} 0 0 9 9" for name in names)],
        "list_landmarks_align_celeba.txt": ["20", "id a b", *(f"{name} 0 0" for name in names)],
        "list_attr_celeba.txt": [
            *("20", "Male Smiling"),
            *(f"{n} {2 * m - 1} {2 * s - 1}" for n, m, s in zip(names, male, smile, strict=True)),
        ],
    }
    for name, content in lines.items():
        (base / name).write_text("\n".join(content) + "\n")
    listed = [("", md5(base / name), name) for name in lines]
    patch.setattr(sets.CelebA, "file_list", listed)
    split = np.array(split)
    for name, part in (("train", 0), ("test", 2)):
        flat = np.broadcast_to(
            levels[split == part][..., None, None], (sum(split == part), 3, 64, 64)
        )
        made[name] = flat, smile[split == part].tolist()
    return made


FILES = {"cifar-10": cifar, "svhn": svhn, "emnist-letters": letters, "usps": usps, "celeba": celeba}


@pytest.fixture
def tv():
    return import_torchvision()


def test_all_that_are_made_into_files_of_pictures_are_tested():
    assert set(FILES) == set(FETCHED)


@pytest.mark.parametrize("name", FILES)
def test_files_in_torchvisions_format_become_images(tmp_path, monkeypatch, tv, name):
    made = FILES[name](tmp_path, monkeypatch, tv.datasets)
    monkeypatch.setitem(DATASETS, name, replace(DATASETS[name], size=(TRAIN, TEST)))
    assert not datasets.is_there(name, "train", tmp_path)
    *_, last = download(name, tmp_path)
    assert last.done == last.total == DATASETS[name].archive_bytes
    assert not list(tmp_path.glob("*.partial"))
    for split, (images, labels) in made.items():
        images = images.reshape(-1, *DATASETS[name].shape.dims)
        found = datasets.load(name, split, tmp_path)
        assert found.shape == DATASETS[name].shape
        difference = found.images.view(-1, *found.shape.dims).numpy().astype(int) - images
        if name == "celeba":  # JPEG's waves along the border of the face and the white beyond it
            assert abs(difference).max() <= 60
            difference = difference[..., 6:-6, 6:-6]
        assert abs(difference).max() <= (3 if name == "celeba" else 0)
        assert found.labels.tolist() == labels
    assert name in {offer.name for offer in datasets.available(tmp_path)}
    path = DATASETS[name].files(tmp_path, "test")[0]
    path.write_bytes(path.read_bytes()[5:])
    with pytest.raises(DataError, match=f"is damaged .*python -m training data {name}"):
        datasets.load(name, "test", tmp_path)


def test_the_attributes_of_faces_are_classes_to_choose(tmp_path, monkeypatch, tv):
    celeba(tmp_path, monkeypatch, tv.datasets)
    monkeypatch.setitem(DATASETS, "celeba", replace(DATASETS["celeba"], size=(TRAIN, TEST)))
    list(download("celeba", tmp_path))
    smiling = datasets.load("celeba", "test", tmp_path)
    assert [factor.name for factor in smiling.factors] == ["Male", "Smiling"]
    male = datasets.load("celeba?classes=Male", "test", tmp_path)
    assert male.name == "celeba?classes=Male"
    assert male.labels.tolist() == smiling.factors[0].values.tolist()
    assert datasets.shape_of(male.name) == smiling.shape
    with pytest.raises(DataError, match="the valid factors are Male, Smiling"):
        datasets.load("celeba?classes=Hat", "test", tmp_path)


def test_what_was_fetched_is_read_without_torchvision(tmp_path, monkeypatch, tv):
    usps(tmp_path, monkeypatch, tv.datasets)
    monkeypatch.setitem(DATASETS, "usps", replace(DATASETS["usps"], size=(TRAIN, TEST)))
    list(download("usps", tmp_path))
    program = (
        "import sys\nfrom dataclasses import replace\nfrom training.data import datasets\n"
        f"row = replace(datasets.find('usps'), size=({TRAIN}, {TEST}))\n"
        "datasets.DATASETS['usps'] = row\n"
        "print(len(datasets.load('usps', 'train', sys.argv[1])), 'torchvision' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == [str(TRAIN), "False"], done.stderr


@pytest.mark.parametrize("name", FETCHED)
def test_without_network_each_says_so_and_leaves_nothing(tmp_path, monkeypatch, tv, name):
    import urllib.error
    import urllib.request

    def refuse(*args, **kwargs):
        raise urllib.error.URLError("no network")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    with pytest.raises(DataError) as caught:
        list(download(name, tmp_path))
    title = DATASETS[name].title
    assert "no mirror answered. Check the network." in str(caught.value) or "gdown" in str(
        caught.value
    )
    assert str(caught.value).startswith(title)
    assert not list(tmp_path.iterdir())
    with pytest.raises(DataError, match=f"Fetch it with `python -m training data {name}`"):
        datasets.load(name, "train", tmp_path)
