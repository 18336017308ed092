"""What colours the codes on a map: classes, few or many, or the values of a factor."""

import itertools

import numpy as np
import pytest

from explorer.figures.latent_scatter import STEPS, by_class, by_value, scatter
from explorer.figures.theme import CLASS_COLOURS


def test_the_ten_largest_of_many_classes_have_colours_and_the_others_one():
    rng = np.random.default_rng(0)
    sizes = rng.permutation(np.arange(5, 205))  # of 200 classes, all different
    labels = rng.permutation(np.repeat(np.arange(200), sizes))
    names = tuple(f"class {n}" for n in range(200))
    points = rng.normal(size=(len(labels), 2))
    found = scatter(points, np.arange(len(labels)), by_class(labels, names))
    *shown, others = found.groups
    largest = sorted(np.argsort(-sizes)[:10])
    assert [g["name"] for g in shown] == [names[n] for n in largest]
    assert [g["colour"] for g in shown] == list(CLASS_COLOURS)
    assert (others["name"], others["label"]) == ("190 others", None)
    assert all(g["label"] for g in shown)
    for label, group in zip(largest, shown, strict=True):
        start, stop = group["points"]
        assert set(labels[found.index[start:stop]]) == {label}
    assert sorted(found.index) == list(range(len(labels)))
    assert found.bar is None


def test_a_factors_values_are_steps_from_dark_to_light():
    values = np.random.default_rng(0).uniform(-3, 5, 4000).astype(np.float32)
    points = np.column_stack([values, -values])
    index = np.arange(4000)[::2]
    found = scatter(points[index], index, by_value(values, "angle"))
    assert found.bar == ("angle", pytest.approx(values.min()), pytest.approx(values.max()))
    assert len(found.groups) == STEPS
    assert not any(g["label"] for g in found.groups)
    ends = [values[found.index[slice(*g["points"])]] for g in found.groups]
    for low, high in itertools.pairwise(ends):
        assert low.max() <= high.min()
    light = [
        0.2126 * r + 0.7152 * g + 0.0722 * b
        for r, g, b in (bytes.fromhex(group["colour"][1:]) for group in found.groups)
    ]
    assert (np.diff(light) > 0).all()


def test_a_factor_that_is_the_same_everywhere_is_one_step():
    found = scatter(np.zeros((5, 2)), np.arange(5), by_value(np.full(5, 2.0), "size"))
    assert len(found.groups) == 1
