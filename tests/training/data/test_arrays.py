"""Images of npz archives: layouts, levels, labels, splits, and what is refused."""

import io
import zipfile

import numpy as np
import pytest
import torch

from training.data import arrays, datasets
from training.data.datasets import DataError
from training.vae.image_shape import ImageShape

DRAW = np.random.default_rng(0)
GREY = DRAW.integers(0, 256, (10, 9, 12), np.uint8)
COLOUR = DRAW.integers(0, 256, (10, 9, 12, 3), np.uint8)


@pytest.fixture
def made(tmp_path):
    """A function that makes an archive of arrays and gives its name."""

    def make(**stored):
        np.savez_compressed(tmp_path / "x.npz", **stored)
        return f"npz:{tmp_path / 'x.npz'}"

    return make


def test_an_archive_as_medmnist_has_it(made):
    few = {"test_images": COLOUR[:3], "test_labels": np.array([[0], [2], [2]], np.uint8)}
    labels = np.arange(10, dtype=np.uint8)[:, None] % 2
    name = made(train_images=COLOUR, train_labels=labels, val_images=COLOUR, **few)
    train, test = (datasets.load(name, split) for split in ("train", "test"))
    assert train.shape == datasets.shape_of(name) == ImageShape(3, 9, 12)
    expected = COLOUR.transpose(0, 3, 1, 2).reshape(10, -1)
    assert np.array_equal(train.images.numpy(), expected)
    assert np.array_equal(test.images.numpy(), expected[:3])
    assert (train.classes, test.classes) == (("0", "1", "2"), ("0", "1", "2"))
    assert test.labels.tolist() == [0, 2, 2]
    assert "The validation images are left out." in train.notes


def test_plain_arrays_are_split_and_their_words_are_classes(made):
    words = np.array(["cat", "dog"] * 5)
    name = made(images=GREY, labels=words)
    train, test = (datasets.load(name, split) for split in ("train", "test"))
    assert (len(train), len(test)) == (8, 2)
    assert np.array_equal(test.images.numpy(), GREY[[4, 9]].reshape(2, -1))
    assert (test.classes, test.labels.tolist()) == (("cat", "dog"), [0, 1])
    more = made(images=np.concatenate([GREY, GREY]))
    longer = datasets.load(more, "test")
    assert torch.equal(longer.images[:2], test.images)
    assert longer.classes == ("pictures",)


@pytest.mark.parametrize(
    ("array", "expected", "note"),
    [
        (COLOUR.transpose(0, 3, 1, 2), COLOUR, ""),
        (COLOUR.astype(np.int64), COLOUR, ""),
        (COLOUR.astype(np.float32), COLOUR, "rounded"),
        (COLOUR / 255.0, COLOUR, "from 0 to 1"),
        (COLOUR.astype(np.uint16) * 257, COLOUR, "16 bits"),
        (COLOUR > 100, (COLOUR > 100) * np.uint8(255), "black and white"),
        ((COLOUR > 100).astype(np.uint8), (COLOUR > 100) * np.uint8(255), "black and white"),
        (np.asfortranarray(COLOUR), COLOUR, ""),
    ],
    ids=["channels first", "int64", "float", "share", "uint16", "bool", "binary", "fortran"],
)
def test_every_layout_and_kind_of_level(made, array, expected, note):
    found = datasets.load(made(x_train=array, x_test=array[:1]), "train")
    assert np.array_equal(found.images.numpy(), expected.transpose(0, 3, 1, 2).reshape(10, -1))
    assert note in " ".join(found.notes)
    assert bool(found.notes) == bool(note)


def test_arrays_are_resized_and_recoloured_where_that_is_asked_for(made):
    name = made(images=np.full((5, 40, 40, 4), (200, 100, 50, 255), np.uint8))
    rgb = datasets.load(f"{name}?size=16x8", "train")
    assert rgb.shape == ImageShape(3, 8, 16)
    assert rgb.images.view(4, 3, -1)[0, :, 0].tolist() == [200, 100, 50]
    grey = datasets.load(f"{name}?color=grey", "train")
    assert grey.shape == ImageShape(1, 40, 40)
    assert grey.images.unique().tolist() == [round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)]


def test_columns_of_yes_and_no_are_factors(made):
    columns = np.array([[0, 1], [1, 1]] * 5)
    found = datasets.load(made(images=GREY, labels=columns, classes=["hat", "glasses"]), "train")
    assert [(f.name, f.names) for f in found.factors] == [
        ("hat", ("no", "yes")),
        ("glasses", ("no", "yes")),
    ]
    assert found.factors[0].values[:4].tolist() == [0, 1, 0, 1]
    assert found.classes == ("no: hat", "yes: hat")
    ages = datasets.load(made(images=np.tile(GREY, (200, 1, 1)), labels=np.arange(2000.0)), "train")
    assert ages.classes == ("pictures",)
    assert ages.factors[0].values[4:6].tolist() == [5, 6]


class Harmful:
    """What an archive may not do when it is read."""

    def __reduce__(self):
        return print, ("harm",)


def lying(shape: tuple[int, ...]) -> bytes:
    """An npz archive whose array says that it is of a shape, with few bytes behind it."""
    member = io.BytesIO()
    head = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(member, head)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("images.npy", member.getvalue() + bytes(100))
    return content.getvalue()


@pytest.mark.parametrize(
    ("stored", "sentence"),
    [
        ({"pictures": GREY}, "no array train_images and none called images; its arrays are pict"),
        ({"images": np.zeros((5, 300, 20), np.uint8)}, "choose a size, as in --size 64"),
        ({"images": np.zeros((5, 20), np.uint8)}, r"the shape (5, 20) and the type uint8"),
        ({"images": np.zeros((5, 8, 8), "datetime64[s]")}, "images are numbers"),
        ({"images": np.full((5, 8, 8), -3.0)}, "levels from -3 to -3"),
        ({"images": np.full((5, 8, 8), np.nan)}, "levels from nan to nan"),
        ({"images": GREY, "labels": np.arange(4)}, "10 images and 4 labels"),
        ({"images": GREY, "labels": np.array([Harmful()] * 10)}, "neither numbers nor words"),
        ({"train_images": GREY}, "no array test_images"),
    ],
)
def test_what_cannot_be_images_is_a_sentence(made, capsys, stored, sentence):
    name = made(**stored)
    with pytest.raises(DataError) as caught:
        datasets.join([datasets.load(name, split) for split in ("train", "test")])
    assert sentence in str(caught.value)
    assert "harm" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"PK nothing", "damaged or no npz archive"),
        (b"", "damaged or no npz archive"),
        (lying((10**6, 200, 200)), f"{arrays.MOST_BYTES / 1e9:.0f} are read at most"),
        (lying((2**62, 200, 200)), "are read at most"),
        (lying((1000, 200, 200)), "damaged or no npz archive"),
    ],
)
def test_a_damaged_or_lying_archive_is_a_sentence(tmp_path, content, sentence):
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(DataError) as caught:
        datasets.load(f"npz:{tmp_path / 'x.npz'}", "train")
    assert sentence in str(caught.value)
    with pytest.raises(DataError, match="cannot be read"):
        datasets.load(f"npz:{tmp_path / 'y.npz'}", "train")
