"""Models with other priors than N(0, 1), on the page: what their codes may be."""

from dataclasses import replace

import pytest

from tests.browser.conftest import serve
from training.fit.session import train
from training.presets import PRESETS
from training.runs.run import Run, RunConfig


@pytest.fixture(scope="module")
def gamma(tmp_path_factory, chromium):
    """The app with a model of positive codes, and the run that made it."""
    folder = tmp_path_factory.mktemp("gamma")
    preset = PRESETS["mnist-5k-2d"]
    made = replace(preset, epochs=4, model=replace(preset.model, prior="gamma"))
    out = str(folder / "checkpoints" / "gamma.safetensors")
    run = Run(folder / "runs" / "gamma")
    train(run, RunConfig(made, 0, "data", "cpu", 1, out=out), fresh=True)
    places = {
        "VAE_CHECKPOINT_DIR": str(folder / "checkpoints"),
        "VAE_RUN_DIR": str(folder / "runs"),
    }
    with serve(folder, **places) as app:
        yield app


@pytest.mark.slow
def test_the_codes_of_a_gamma_model_stay_positive_whatever_a_hand_does(gamma, screen):
    s = screen().open(f"{gamma.url}/?checkpoint=gamma&z=-3,0.5")
    assert min(s.z()) >= 0  # a link is a hand too
    lows = s.page.locator(".slider input").evaluate_all("all => all.map(i => Number(i.min))")
    assert min(lows) >= 0
    left, right, bottom, top = s.ranges()  # the map begins at zero, but for half a point
    assert -0.02 * (right - left) <= left <= 0
    assert -0.02 * (top - bottom) <= bottom <= 0
    # To the corner of the map where both are smallest, and beyond.
    s.page.mouse.move(*s.plot(0.5, 0.5))
    s.page.mouse.down()
    s.page.mouse.move(*s.plot(0.02, 0.98), steps=8)
    s.page.mouse.up()
    s.frame()
    assert min(s.z()) >= 0
    assert max(s.z()) < 1
    s.page.get_by_role("button", name="Manifold").click()
    s.tab("Sample")
    for n in range(1, 6):
        s.page.get_by_role("button", name="Draw z").click()
        s.page.locator(".sampler .said", has_text=f"n = {n}:").wait_for()
        s.frame()
        assert min(s.z()) >= 0
    s.tab("Walk")
    assert s.digit().max() > 60
    assert s.errors == []


@pytest.mark.slow
def test_a_gamma_run_is_watched_from_zero_on(gamma, screen):
    s = screen()
    s.page.goto(f"{gamma.url}/train")
    s.page.wait_for_selector(".train[data-ready=true]", timeout=60_000)
    assert "gamma" in s.page.locator(".train .facts").inner_text()
    pixels = s.pixels(".train canvas.scatter")
    coloured = (pixels.max(-1) - pixels.min(-1) > 60).nonzero()
    # All codes lie to the upper right of the origin, which is near the lower left corner.
    assert coloured[1].min() > 0.02 * pixels.shape[1]
    assert coloured[0].max() < 0.98 * pixels.shape[0]
    assert len(coloured[0]) > 1000
    assert s.errors == []
