"""The Train page: a run begun, watched, steered, left alone, replayed and opened."""

import os
import re
import signal
from dataclasses import replace

import av
import numpy as np
import pytest
import torch
from PIL import Image

from tests.browser.conftest import Screen, serve
from training.data import datasets
from training.fit.session import train
from training.presets import PRESETS
from training.runs.log import epochs
from training.runs.run import Run, RunConfig, snapshot_steps
from training.runs.snapshots import Snapshot
from training.runs.status import ALIVE

SHORT = replace(PRESETS["mnist-5k-2d"], epochs=4)


class House:
    """The app on folders of its own, and the runs in them."""

    def __init__(self, app, folder) -> None:
        self.url, self.app, self.folder = f"{app.url}/train", app, folder

    def run(self, name: str) -> Run:
        return Run(self.folder / "runs" / name)


def folders(folder) -> dict[str, str]:
    (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
    return {
        "VAE_RUN_DIR": str(folder / "runs"),
        "VAE_CHECKPOINT_DIR": str(folder / "checkpoints"),
    }


@pytest.fixture
def house(tmp_path, chromium):
    with serve(tmp_path, **folders(tmp_path)) as app:
        yield House(app, tmp_path)
    for path in (tmp_path / "runs").glob("*"):
        status = Run(path).status()
        if status.state in ALIVE:
            os.kill(status.pid, signal.SIGKILL)


def short_run(house, name: str, seed: int = 0, preset=SHORT) -> Run:
    run = house.run(name)
    out = str(house.folder / "checkpoints" / f"{name}.safetensors")
    train(run, RunConfig(preset, seed, "data", "cpu", 1, out=out), fresh=True)
    return run


def state(page, word: str, seconds: float = 40) -> None:
    page.locator(".train .state", has_text=word).first.wait_for(timeout=1000 * seconds)


def lengths(page) -> dict[str, int]:
    """How many points each curve has."""
    return page.evaluate(
        "() => Object.fromEntries(document.querySelector('.train .plot').data"
        ".filter(t => t.type !== 'heatmap').map(t => [`${t.name} ${t.yaxis}`, t.x.length]))"
    )


def values(page, name: str, axis: str) -> list[float]:
    page.wait_for_function("() => document.querySelector('.train .plot').data")
    return page.evaluate(
        "([n, a]) => document.querySelector('.train .plot').data"
        ".find(t => t.name === n && t.yaxis === a).y",
        [name, axis],
    )


def painted(screen: Screen, colour: str) -> int:
    """Pixels of the curves that have a colour."""
    return len(screen.near(colour, ".train .plot-host", 60))


def spread(screen: Screen) -> float:
    """How far the painted codes lie from their middle, in pixels."""
    pixels = screen.pixels(".train canvas.scatter")
    found = np.argwhere(pixels.max(-1) - pixels.min(-1) > 60)  # codes have colours, the rest none
    return float(np.sqrt(((found - found.mean(0)) ** 2).sum(1)).mean())


@pytest.mark.slow
def test_a_run_is_watched_steered_left_alone_and_opened(house, screen):
    seen = screen()
    page = seen.page
    page.goto(house.url)
    page.get_by_role("button", name="Start training").wait_for(timeout=60_000)
    field = page.get_by_label("Epochs")
    field.fill("400")
    field.press("Tab")
    seen.settled()
    page.get_by_role("button", name="Start training").click()
    state(page, "training")
    page.wait_for_selector(".train[data-ready=true]", timeout=30_000)
    page.wait_for_function(
        "() => document.querySelectorAll('.train .plot path.js-line').length > 4"
    )
    run = house.run("mnist-5k-2d")
    page.evaluate("""() => {
      const facts = document.querySelector('.train .facts');
      window.told = new Set();
      new MutationObserver(() => window.told.add(facts.textContent)).observe(
        facts, {childList: true, characterData: true, subtree: true});
      window.trainRoot = document.querySelector('.train');
    }""")
    before, first = lengths(page), seen.pixels(".train canvas.scatter")
    box = page.locator(".train").bounding_box()
    curves = ("train y", "test y", "train y2", "test y2", "train y3", "test y3")
    seen.until(lambda: all(lengths(page)[curve] > before[curve] for curve in curves), 60)
    # At least twice a second, in the place where it is, and nothing is put in anew.
    seen.until(lambda: page.evaluate("() => window.told.size") >= 6, 60)
    assert page.locator(".train").bounding_box() == box
    assert page.evaluate("() => window.trainRoot === document.querySelector('.train')")
    assert painted(seen, "#b45309") > 100
    assert painted(seen, "#1d4ed8") > 300
    moved = seen.pixels(".train canvas.scatter")
    assert (abs(moved - first).max(-1) > 40).sum() > 500
    assert seen.digit("canvas.grid").max() > 60

    page.locator(".train input.beta").fill("20")
    page.locator(".train input.beta").press("Enter")
    page.wait_for_function(
        "() => document.querySelector('.train .plot').data"
        ".find(t => t.name === 'β').y.at(-1) === 20",
        timeout=20_000,
    )
    seen.until(lambda: [e.beta for e in epochs(run.log)].count(20.0) > 2, 90)
    page.wait_for_timeout(1500)
    cut = [e.beta for e in epochs(run.log)].index(20.0)
    kl = values(page, "test", "y2")
    assert kl[-1] < 0.8 * kl[cut - 1]  # the curve shows what it does

    page.get_by_role("button", name="Pause").click()
    state(page, "paused")
    page.reload()
    page.wait_for_selector(".train[data-ready=true]", timeout=60_000)
    state(page, "paused")
    assert page.locator(".train input.beta").input_value() == "20"
    rested = len(epochs(run.log))
    page.wait_for_timeout(1000)
    assert len(epochs(run.log)) == rested
    page.get_by_role("button", name="Go on").click()
    state(page, "training")
    page.wait_for_function(
        "n => document.querySelector('.train .plot').data"
        ".find(t => t.name === 'test' && t.yaxis === 'y').x.length > n",
        arg=rested,
        timeout=20_000,
    )
    page.get_by_role("button", name="Stop and keep").click()
    state(page, "stopped and kept")

    # The replay: at its beginning all codes lie together, at its end they do not.
    end = spread(seen)
    slider = page.locator(".train .time")
    slider.focus()
    slider.press("Home")
    seen.frame()
    assert page.locator(".train .when").inner_text().startswith("epoch 0.00")
    assert spread(seen) < 0.5 * end
    page.get_by_role("button", name="Replay").click()
    page.wait_for_function(
        "() => Number(document.querySelector('.train .time').value) > 3", timeout=10_000
    )
    page.get_by_role("button", name="Hold").click()

    page.get_by_role("button", name="Open in Explore").click()
    page.wait_for_selector(".stage:not(.train)[data-ready=true]", timeout=60_000)
    assert seen.query()["checkpoint"] == "mnist-5k-2d"
    assert seen.digit().max() > 100
    assert seen.errors == []
    assert "Traceback" not in house.app.log


@pytest.mark.slow
def test_a_run_outlives_the_app_and_one_that_was_killed_is_told_apart(tmp_path, screen, chromium):
    seen = screen()
    page = seen.page
    with serve(tmp_path, **folders(tmp_path)) as app:
        house = House(app, tmp_path)
        page.goto(house.url)
        field = page.get_by_label("Epochs")
        field.fill("2000")
        field.press("Tab")
        seen.settled()
        page.get_by_role("button", name="Start training").click()
        state(page, "training")
    run = house.run("mnist-5k-2d")
    logged = len(epochs(run.log))
    why = page.locator(".train .message", has_text="server cannot be reached")
    why.wait_for(timeout=20_000)
    with serve(tmp_path, **folders(tmp_path)) as app:
        house = House(app, tmp_path)
        page.goto(house.url)
        state(page, "training", 60)
        seen.until(lambda: len(epochs(run.log)) > logged and run.status().saved > 0, 60)
        os.kill(run.status().pid, signal.SIGKILL)
        state(page, "interrupted")
        saved = run.status().saved
        words = page.locator(".train .message").inner_text()
        assert f"go on from its last saved step, {saved:,}" in words
        page.get_by_role("button", name="Go on").click()
        state(page, "training", 60)
        page.get_by_role("button", name="Stop and keep").click()
        state(page, "stopped and kept")
    assert seen.errors == []


def test_two_runs_are_laid_over_each_other_and_shared_by_the_address(house, screen):
    first = short_run(house, "first")
    short_run(house, "second", seed=1, preset=replace(SHORT, beta=8.0))
    seen = screen(theme="dark")
    page = seen.page
    page.goto(f"{house.url}?run=first")
    page.wait_for_selector(".train[data-ready=true]", timeout=60_000)
    state(page, "done")
    last = epochs(first.log)[-1]
    readings = page.locator(".train .readings")
    seen.until(lambda: f"{last.test_reconstruction:.2f}" in readings.inner_text())
    # The numbers are those of the moment that is shown.
    page.locator(".train .time").focus()
    for _ in range(40):
        page.keyboard.press("PageDown")
        if "–" in readings.inner_text():
            break
    # Before the first epoch nothing had been measured.
    seen.until(lambda: "–" in readings.inner_text())
    page.keyboard.press("End")
    page.get_by_text(f"{last.test_reconstruction:.2f}").first.wait_for()
    assert values(page, "test", "y")[-1] == pytest.approx(last.test_reconstruction)
    assert values(page, "test", "y2")[-1] == pytest.approx(last.test_kl)
    assert values(page, "test", "y3")[-1] == pytest.approx(last.test_reconstruction + last.test_kl)
    rows = page.evaluate(
        "() => document.querySelector('.train .plot').data.find(t => t.type === 'heatmap').z.length"
    )
    assert rows == 2  # the heat map has a row for each dimension
    grey = painted(seen, "#a3b0c9")
    page.locator(".train select.over").select_option("second")
    seen.until_query(run="first", over="second")
    page.wait_for_function("() => document.querySelector('.train .plot').data.length > 9")
    seen.settled()
    seen.until(lambda: painted(seen, "#a3b0c9") > grey + 150)
    other = Screen(page.context.new_page())
    other.page.goto(page.url)
    other.page.wait_for_function(
        "() => document.querySelector('.train .plot')?.data?.length > 9", timeout=60_000
    )
    # The pairs begin with x itself.
    test = datasets.load("mnist-5k", "test").images  # 1,000, all of which are probed
    images = test[torch.linspace(0, len(test) - 1, 16).round().long()[:8]].numpy()
    pairs = other.page.locator(".pairs canvas").first

    def inputs():
        shown = pairs.evaluate(
            "c => Array.from(c.getContext('2d').getImageData(0, 0, 224, 28).data)"
            ".filter((_, i) => i % 4 === 0)"
        )
        return np.array(shown).reshape(28, 8, 28).transpose(1, 0, 2)

    other.until(lambda: np.array_equal(inputs(), images.reshape(8, 28, 28)))
    assert seen.errors == other.errors == []


def test_a_run_is_kept_as_a_film(house, screen):
    run = short_run(house, "first")
    seen = screen()
    page = seen.page
    page.goto(f"{house.url}?run=first")
    page.wait_for_selector(".train[data-ready=true]", timeout=60_000)
    count = len(snapshot_steps(run.snapshots))
    seen.until(lambda: page.locator(".train .time").get_attribute("max") == str(count - 1))
    with page.expect_download(timeout=60_000) as coming:
        page.locator(".film-run").click()
    assert re.fullmatch(r"first-training\.(mp4|webm)", coming.value.suggested_filename)
    with av.open(str(coming.value.path())) as film:
        frames = [f.to_ndarray(format="rgb24").astype(int) for f in film.decode(video=0)]
    assert len(frames) > 10
    assert frames[0].shape[0] == 720
    grid = np.stack([f[:672, -672:] for f in (frames[0], frames[-1])]).mean(-1)
    assert np.abs(grid[0] - grid[1]).mean() > 5  # it was noise, and is digits
    # The last frame's grid is that of the last snapshot.
    last = Snapshot.read(run.snapshots / f"{snapshot_steps(run.snapshots)[-1]}.npz").grid
    side = round(len(last) ** 0.5)
    rows = last.reshape(side, side, 28, 28).transpose(0, 2, 1, 3).reshape(28 * side, 28 * side)
    wanted = np.asarray(Image.fromarray(rows).resize((672, 672), Image.Resampling.NEAREST))
    assert np.abs(grid[1] - wanted).mean() < 8
    note = page.locator(".train .filmed")
    assert "python -m explorer film first --run" in note.inner_text()
    assert page.locator(".film-run").inner_text() == "Film"
    assert seen.errors == []


def test_who_comes_from_afar_may_watch_and_no_more(house, screen):
    short_run(house, "first")
    afar = screen(extra_http_headers={"X-Forwarded-For": "203.0.113.9"})
    page = afar.page
    page.goto(f"{house.url}?run=first")
    page.wait_for_selector(".train[data-ready=true]", timeout=60_000)
    assert page.locator(".train input.beta").is_disabled()
    page.get_by_role("button", name="New run").click()
    page.get_by_text("Only visitors from the machine").wait_for()
    assert page.get_by_role("button", name="Start training").count() == 0
    # A page that was tampered with is told no by the server.
    page.keyboard.press("Escape")
    page.evaluate(
        "() => { const b = document.querySelector(`[data-action='pause']`);"
        " b.hidden = b.disabled = false; b.click(); }"
    )
    page.locator('[data-testid="stToast"]', has_text="Only visitors").wait_for(timeout=20_000)
    assert house.run("first").control().order == "run"


def test_the_page_fits_a_phone_and_says_what_is_wrong_with_a_link(house, screen):
    short_run(house, "first")
    seen = screen(width=390, height=844, has_touch=True, is_mobile=True)
    page = seen.page
    page.goto(f"{house.url}?run=nothing[x](http://evil.example)")
    page.wait_for_selector(".train[data-ready=true]", timeout=60_000)
    toast = page.locator('[data-testid="stToast"]', has_text="There is no run")
    toast.wait_for()
    assert toast.locator("a").count() == 0
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    for selector in (".train canvas.scatter", ".train canvas.grid", ".train .plot"):
        box = page.locator(selector).bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
        assert box["width"] > 250
    assert seen.errors == []


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_the_first_view_shows_a_finished_run_and_does_not_wait_for_it(house, screen, motion):
    seen = screen(reduced_motion=motion)
    page = seen.page
    page.route("**/stage/blob/*", lambda route: (page.wait_for_timeout(1500), route.continue_()))
    page.goto(house.url)
    page.get_by_role("button", name="Start training").wait_for(timeout=60_000)
    assert page.locator(".forming[data-ready=true]").count() == 0  # the form came first
    page.wait_for_selector(".forming[data-ready=true]", timeout=30_000)
    when = page.locator(".forming .when")
    grid = "canvas => canvas.toDataURL()"
    seen.frame()
    first = page.locator(".forming canvas.grid").evaluate(grid)
    if motion == "reduce":
        assert "30 epochs: −ELBO" in when.inner_text()
        page.wait_for_timeout(700)
        assert page.locator(".forming canvas.grid").evaluate(grid) == first
        page.get_by_role("button", name="Replay").click()  # who asks for it sees it

    def epoch() -> float:
        found = re.search(r"epoch ([\d.]+)", when.inner_text())
        return float(found[1]) if found else 0.0

    seen.until(lambda: 1 < epoch() < 20)
    page.get_by_role("button", name="Hold").click()
    seen.frame()
    held = page.locator(".forming canvas.grid").evaluate(grid)
    assert held != first
    page.wait_for_timeout(500)
    assert page.locator(".forming canvas.grid").evaluate(grid) == held
    page.get_by_role("button", name="Play", exact=True).click()
    seen.until(lambda: "30 epochs: −ELBO" in when.inner_text(), 20)
    assert seen.errors == []
