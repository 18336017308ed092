"""Sets of images on offer: own pictures by names that say no place, to whom they are for."""

import numpy as np
import pytest
from PIL import Image

from explorer.server import access
from explorer.session import image_sets
from training.data.datasets import DataError


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Pictures in the data directory, and others of the same name elsewhere."""
    rng = np.random.default_rng(0)
    for folder, count in (("data/faces", 6), ("elsewhere/faces", 4)):
        for kind in ("a", "b"):
            place = tmp_path / folder / kind
            place.mkdir(parents=True)
            for n in range(count):
                levels = rng.integers(0, 255, (40, 50, 3), np.uint8)
                Image.fromarray(levels).save(place / f"{n}.png")
    monkeypatch.setenv("VAE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("VAE_RUN_DIR", str(tmp_path / "runs"))
    monkeypatch.setattr(access, "may_control", lambda: True)
    monkeypatch.setattr(image_sets, "_opened", {})
    for cached in (image_sets._lying, image_sets._own, image_sets._own_stamp, image_sets._load):
        cached.clear()
    return tmp_path


def test_own_pictures_are_offered_by_names_that_say_no_place(folders, monkeypatch):
    offers = image_sets.on_offer()
    inside = offers["folder:faces"]
    assert (inside.own, str(inside.shape)) == (True, "3×32×32")
    assert inside.title == "faces · your own, 12 pictures"
    name = image_sets.open_own(f"folder:{folders / 'elsewhere' / 'faces'}")
    assert name == "folder:faces (2)"
    assert image_sets.open_own(f"folder:{folders / 'elsewhere' / 'faces'}") == name
    assert image_sets.open_own("folder:faces") == "folder:faces"
    offers = image_sets.on_offer()
    for offer in offers.values():
        assert str(folders) not in offer.name + offer.title
    assert len(image_sets.load(offers[name]).images) == 8
    assert len(image_sets.load(offers["folder:faces"]).images) == 12
    # A visitor from elsewhere sees what lies in the data directory, not what was opened here.
    monkeypatch.setattr(access, "may_control", lambda: False)
    assert name not in image_sets.on_offer()
    assert "folder:faces" in image_sets.on_offer()


def test_what_a_checkpoint_was_trained_on_is_offered_with_it_and_told_apart(folders, monkeypatch):
    trained = f"folder:{folders / 'elsewhere' / 'faces'}?size=48x32&color=rgb"
    offers = image_sets.on_offer([trained, "mnist", "folder:/nowhere/at/all"])
    (name,) = [name for name, offer in offers.items() if offer.data == trained]
    assert name == "folder:faces (2)"
    fitting = image_sets.fitting(offers, offers[name].shape)
    assert list(fitting) == [name]
    assert image_sets.usual(fitting, trained) == name
    assert image_sets.alike(offers[name], trained)
    assert not image_sets.alike(offers["folder:faces"], trained)
    assert not any("nowhere" in offer.data for offer in offers.values())
    # A stranger's checkpoint may name any folder here: it is shown to nobody from elsewhere.
    monkeypatch.setattr(access, "may_control", lambda: False)
    assert not any(offer.data == trained for offer in image_sets.on_offer([trained]).values())


def test_what_cannot_be_had_is_a_sentence(folders):
    with pytest.raises(DataError, match="is not a folder"):
        image_sets.open_own("folder:/nowhere/at/all")
    offer = image_sets.on_offer()["folder:faces"]
    for path in (folders / "data" / "faces").rglob("*.png"):
        path.unlink()
    assert "holds no pictures" in image_sets.load(offer)


def test_the_content_changes_the_key(folders):
    offer = image_sets.on_offer()["folder:faces"]
    before = image_sets.load(offer).key
    Image.fromarray(np.zeros((40, 50, 3), np.uint8)).save(
        folders / "data" / "faces" / "a" / "9.png"
    )
    image_sets._own_stamp.clear()
    after = image_sets.load(offer)
    assert len(after.images) == 13
    assert after.key != before
