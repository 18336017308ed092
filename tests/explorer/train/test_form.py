"""The form of a new run: the network that is chosen, and what it is said to cost."""

from pathlib import Path

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from explorer.runs import launch
from explorer.server import access
from training.presets import PRESETS
from training.vae.networks import ARCHITECTURES

PAGE = Path(__file__).resolve().parents[3] / "explorer" / "train" / "page.py"


@pytest.fixture
def form(tmp_path, monkeypatch):
    """The form on a page without runs, and the presets that it starts."""
    monkeypatch.setenv(access.VARIABLE, "1")
    monkeypatch.setenv("VAE_RUN_DIR", str(tmp_path / "runs"))
    started = []
    monkeypatch.setattr(launch, "start", lambda preset, *rest: started.append(preset) or "run")
    page = AppTest.from_file(PAGE, default_timeout=100).run()
    assert not page.exception
    return page, started


def box(page, label):
    (found,) = [b for b in (*page.selectbox, *page.number_input) if b.label == label]
    return found


def said(page) -> str:
    return " ".join(c.value for c in page.caption)


def start(page):
    page.button[0].click().run()
    assert not page.exception


def test_a_network_is_chosen_with_width_and_depth_and_its_cost_is_told_before(form):
    page, started = form
    assert "469,268 parameters" in said(page)
    assert "an epoch, by the time of a few steps" in said(page)
    start(page)
    assert started.pop() == PRESETS["mnist-5k-2d"]  # nothing was chosen: the preset's own widths
    box(page, "Network").select("resnet").run()
    box(page, "Width").set_value(8).run()
    box(page, "Depth").set_value(2).run()
    assert "469,268" not in said(page)
    start(page)
    model = started.pop().model
    widths = ARCHITECTURES["resnet"].widths(8, 2)
    assert model.architecture == "resnet"
    assert (model.encoder_widths, model.decoder_widths) == widths


def test_what_is_no_network_is_said_before_it_is_started(form):
    page, started = form
    for label, value, sentence in (
        ("Depth", 17, "The architecture 'mlp' has a depth from 1 to 16, not 17."),
        ("Width", 4096, "The network would have"),
    ):
        before = box(page, label).value
        box(page, label).set_value(value).run()
        if label == "Width":
            box(page, "Depth").set_value(8).run()
        assert sentence in said(page)
        start(page)
        assert sentence in page.warning[0].value
        box(page, label).set_value(before).run()
    assert not started


def test_a_preset_in_colour_is_offered_with_its_data_and_refuses_the_reports_network(form):
    page, started = form
    box(page, "Preset").select("sprites-32").run()
    assert box(page, "Data").value == "sprites-32"
    box(page, "Network").select("report").run()
    assert "is for pictures of 1×28×28, and these have 3×32×32" in said(page).replace("\\", "")
    box(page, "Preset").select("folder-64").run()
    assert not page.exception
    start(page)
    assert started.pop().data == "sprites-64"


def test_the_cost_of_training_on_pictures_of_ones_own_is_told(form, tmp_path, monkeypatch):
    monkeypatch.setenv("VAE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("VAE_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "data" / "album").mkdir(parents=True)
    for n in range(12):
        Image.new("L", (32, 32), 20 * n).save(tmp_path / "data" / "album" / f"{n}.png")
    page, started = form
    box(page, "Preset").select("folder-64").run()
    box(page, "Width").set_value(8).run()
    assert box(page, "Data").options[-1] == "album · your own, 12 pictures"
    assert "an epoch, by the time of a few steps" in said(page)
    start(page)
    assert started.pop().data == "folder:album?size=32x32&color=grey"
