"""The explorer in a notebook: what it is given, what it refuses, and the example as it is run."""

import builtins
import importlib
import sys

import nbformat
import numpy as np
import pytest
import torch
import traitlets
from nbclient import NotebookClient

from explorer.notebook import Explorer
from explorer.notebook.page import image_set, levels_of
from tests.test_house import ROOT
from training.data.datasets import DataError


@pytest.fixture(scope="module")
def explorer():
    return Explorer("mnist-2d", count=100)


def test_codes_and_pictures_are_the_models(explorer):
    vae, shown = explorer.checkpoint.vae, explorer.shown
    with torch.no_grad():
        q = vae.encode(shown.images.float() / 255)
        picture = vae.picture(torch.tensor([[0.5, -1.0]]))
    np.testing.assert_allclose(explorer.codes.mu, q.mu, atol=1e-5)
    explorer.z = [0.5, -1.0]
    np.testing.assert_allclose(explorer.decode().ravel(), picture.numpy().ravel(), atol=1e-6)
    assert explorer.decode([[0, 0], [1, 1], [2, 2]]).shape == (3, 1, 28, 28)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("z", [1.0], "z has 1 numbers; the model has 2 dimensions"),
        ("z", [1.0, float("nan")], "not of finite numbers"),
        ("image", 100, "no image 100; they are numbered 0 to 99"),
        ("selected", [3, -1], "no image -1"),
        ("walk", [[0.0, 0.0]], "walk has 1 codes; give its two ends"),
    ],
)
def test_what_a_view_cannot_be_is_refused_and_changes_nothing(explorer, name, value, sentence):
    before = getattr(explorer, name)
    with pytest.raises(traitlets.TraitError, match=sentence):
        setattr(explorer, name, value)
    assert getattr(explorer, name) == before


def test_images_come_as_levels_or_values_in_any_order_of_axes():
    values = np.random.default_rng(0).random((5, 8, 6, 3))
    levels, shape = levels_of(values)
    assert shape.dims == (3, 8, 6)
    wanted = np.round(values.transpose(0, 3, 1, 2) * 255).astype(np.uint8)
    assert np.array_equal(levels.numpy(), wanted.reshape(5, -1))
    assert torch.equal(levels, levels_of(torch.from_numpy(wanted))[0])
    found = image_set(wanted, ["b", "a", "b", "c", "a"], None)
    assert found.classes == ("a", "b", "c")
    assert found.labels.tolist() == [1, 0, 1, 2, 0]
    for images, sentence in (
        (np.zeros((5, 784)), "are no pictures"),
        (np.full((2, 8, 8), -1.0), "values from -1 to -1"),
    ):
        with pytest.raises(DataError, match=sentence):
            levels_of(images)
    with pytest.raises(DataError, match="give one each"):
        image_set(wanted, [1, 2], None)


def test_without_anywidget_it_is_a_page_in_a_frame(monkeypatch):
    real = builtins.__import__

    def missing(name, *args, **more):
        if name.partition(".")[0] == "anywidget":
            raise ModuleNotFoundError("No module named 'anywidget'", name="anywidget")
        return real(name, *args, **more)

    monkeypatch.setattr(builtins, "__import__", missing)
    for name in ("explorer.notebook", "explorer.notebook.widget"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    shown = importlib.import_module("explorer.notebook").Explorer("mnist-2d", count=50)
    text = shown._repr_html_()
    assert text.startswith("<iframe")
    assert "&lt;!doctype html&gt;" in text
    with pytest.raises(AttributeError, match="pip install anywidget"):
        print(shown.z)


@pytest.mark.slow
def test_the_example_runs_from_its_first_cell_to_its_last(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    made = nbformat.read(ROOT / "docs" / "explorer.ipynb", 4)
    NotebookClient(made, timeout=300, kernel_name="python3").execute(cwd=str(ROOT))
    results = [
        output["data"]["text/plain"]
        for cell in made.cells
        for output in cell.get("outputs", [])
        if output.output_type == "execute_result"
    ]
    assert results[0] == "(1, 28, 28)" or "(1, 28, 28)" in results
    assert "True" in results
