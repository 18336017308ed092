"""Sprites: each picture against its factors, by oracles that do not draw as they are drawn."""

import numpy as np
import pytest
import torch

from training.data import datasets, sprites
from training.data.datasets import DataError

SIDE, FINE = 32, 12


@pytest.fixture(scope="module")
def factors():
    return sprites.draw_factors(30, seed=5)


def inside(kind: int, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Whether places are within a shape of area 1, told by what it is made of."""
    if kind == 0:
        return (abs(x) < 0.5) & (abs(y) < 0.5)
    if kind == 1:
        return x**2 / 4 + y**2 < 1 / (2 * np.pi)
    r = (4 + np.pi) ** -0.5
    y = y - r / 8**0.5
    disc = [np.hypot(x - s * r / 2**0.5, y + r / 2**0.5) < r for s in (-1, 1)]
    return disc[0] | disc[1] | (abs(x) + abs(y) < 2**0.5 * r)


def test_a_pixel_is_as_bright_as_the_share_of_it_that_lies_within(factors):
    pictures = sprites.render(factors, SIDE).reshape(-1, 3, SIDE, SIDE)
    values = {f.name: f.values for f in factors}
    at = (np.arange(SIDE * FINE) + 0.5) / (SIDE * FINE)
    for n, picture in enumerate(pictures):
        across = (at - values["x"][n])[None] / values["size"][n]
        down = (at - values["y"][n])[:, None] / values["size"][n]
        turn = np.exp(-1j * np.radians(values["angle"][n])) * (across + 1j * down)
        fine = inside(int(values["shape"][n]), turn.real, turn.imag)
        share = fine.reshape(SIDE, FINE, SIDE, FINE).mean((1, 3))
        brightest = picture.max(0) / 255
        assert abs(brightest - share).max() < 0.26  # at a corner: a half instead of a quarter
        assert abs(brightest - share).mean() < 2e-3
        assert brightest.sum() == pytest.approx((values["size"][n] * SIDE) ** 2, rel=0.03)


def test_hues_are_the_standard_librarys():
    import colorsys

    hues = np.linspace(0, 240, 49, dtype=np.float32)
    expected = [colorsys.hsv_to_rgb(hue / 360, 0.8, 1) for hue in hues]
    np.testing.assert_allclose(sprites.colour_of(hues), expected, atol=1e-5)


def test_sprites_are_the_same_again_and_their_splits_and_numbers_do_not_mix(factors):
    train, test = (sprites.row(16).load(sprites.row(16), None, s) for s in ("train", "test"))
    assert (len(train), len(test)) == sprites.COUNTS
    assert train.shape.dims == (3, 16, 16)
    assert torch.equal(train.labels[:4], torch.tensor([0, 1, 2, 0]))
    assert [f.name for f in train.factors] == ["shape", "hue", "size", "x", "y", "angle"]
    assert train.factors[0].names == train.classes == sprites.SHAPES
    for first, longer in zip(factors, sprites.draw_factors(90, seed=5), strict=True):
        assert np.array_equal(first.values, longer.values[:30])
    rows = {row.tobytes() for row in train.images.numpy()}
    assert len(rows) == len(train)
    assert not any(row.tobytes() in rows for row in test.images.numpy())
    again = sprites.render(train.factors, 16)[7]
    assert np.array_equal(again, train.images[7].numpy())


def test_what_is_taken_or_joined_keeps_its_factors():
    test = datasets.load("sprites-16", "test")
    some = test.take(torch.tensor([5, 1]))
    whole = datasets.join([some, test])
    for factor, few, all_ in zip(test.factors, some.factors, whole.factors, strict=True):
        assert few.values.tolist() == factor.values[[5, 1]].tolist()
        assert all_.values[:3].tolist() == factor.values[[5, 1, 0]].tolist()
    with pytest.raises(ValueError, match="not equally many"):
        datasets.ImageSet("x", "test", test.images[:3], *(test.labels, test.classes, test.shape))


def test_any_side_is_drawn_and_others_are_a_sentence():
    assert datasets.shape_of("sprites-48").dims == (3, 48, 48)
    for name in ("sprites-8", "sprites-129", "sprites-999999999"):
        with pytest.raises(DataError, match="choose a side from 16 to 128"):
            datasets.shape_of(name)
    with pytest.raises(DataError, match="no data set 'sprites-'"):
        datasets.find("sprites-")
