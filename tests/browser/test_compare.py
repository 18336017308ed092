"""The Compare page: several models under one cursor and one input."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.browser.conftest import ROOT, serve
from tests.browser.hands import Finger
from training import checkpoint
from training.data import datasets
from training.evaluation import table
from training.fit.trainer import new_vae
from training.presets import PRESETS
from training.vae.image_shape import ImageShape

PAIR = ("report-normal", "mnist-2d")

# What every canvas of x̂ holds in each animation frame, as a sum of its grey levels.
WATCH = """() => {
  const canvases = [...document.querySelectorAll('.compare canvas.x-hat')];
  const sum = c => {
    const { data } = c.getContext('2d').getImageData(0, 0, 28, 28);
    let s = 0;
    for (let i = 0; i < data.length; i += 4) s += data[i] * (1 + (i % 97));
    return s;
  };
  window.frames_ = [];
  const look = () => { frames_.push(canvases.map(sum)); requestAnimationFrame(look); };
  requestAnimationFrame(look);
}"""


def beside(app, screen):
    """Opens the page with some checkpoints beside each other."""

    def make(*names, query="", **options):
        s = screen(**options)
        beside = ",".join(names or PAIR)
        return s.open(f"{app.url}/compare?beside={beside}&data=mnist-5k{query}")

    return make


opened = pytest.fixture(beside)


def column(s, name):
    return s.page.locator(f".compare .column[data-name='{name}']")


def plane(s, name):
    return column(s, name).locator(".map").bounding_box()


def codes_shown(s, name):
    """The numbers of z as they are written in a column."""
    text = column(s, name).locator(".at").inner_text().replace("−", "-").replace("+", "")
    return [float(part) for part in text.split()[1::2]]


def test_one_drag_moves_both_models_in_the_same_frames(opened):
    s = opened()
    s.page.evaluate(WATCH)
    box = plane(s, PAIR[0])
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    s.page.mouse.move(x - 60, y - 40)
    s.page.mouse.down()
    for step in range(30):
        s.page.mouse.move(x - 60 + 4 * step, y - 40 + 2 * step)
    s.page.mouse.up()
    s.frame()
    frames = np.array(s.page.evaluate("frames_"))
    changed = np.diff(frames, axis=0) != 0
    assert changed[:, 0].sum() >= 10
    assert (changed[:, 0] == changed[:, 1]).all()
    # The same place under the same prior is the same z.
    first, second = (codes_shown(s, name) for name in PAIR)
    assert first == second
    for name in PAIR:
        vae = checkpoint.load(ROOT / "checkpoints" / f"{name}.safetensors").vae
        with torch.no_grad():
            meant = vae.picture(torch.tensor([first])).numpy().reshape(28, 28) * 255
        which = list(PAIR).index(name)
        painted = s.canvas(".compare canvas.x-hat", which)
        assert np.abs(painted - meant).mean() < 1.5  # z is written to two digits
    assert not s.errors
    s.until_query(beside=",".join(PAIR))
    s.until(lambda: s.query().get("place"))


def test_an_input_is_encoded_by_every_model_and_its_terms_are_torchs(opened):
    s = opened(query="&image=4321")
    x = datasets.to_float(
        torch.cat([datasets.load("mnist-5k", p).images for p in ("train", "test")])[4321]
    )
    for name in PAIR:
        vae = checkpoint.load(ROOT / "checkpoints" / f"{name}.safetensors").vae
        with torch.no_grad():
            q = vae.encode(x[None])
            term = vae.likelihood.reconstruction(vae.decode(q.mu), x[None])
        c = column(s, name)
        assert codes_shown(s, name) == pytest.approx(q.mu[0].tolist(), abs=0.0051)
        assert float(c.locator(".term.reconstruction .value").inner_text()) == pytest.approx(
            float(term), abs=0.06
        )
        assert float(c.locator(".term.kl .value").inner_text()) == pytest.approx(
            float(vae.prior.kl(q).sum()), abs=0.006
        )
    before = [codes_shown(s, name) for name in PAIR]
    s.page.locator(".compare .typical button").nth(3).click()
    s.frame()
    assert all(codes_shown(s, n) != b for n, b in zip(PAIR, before, strict=True))


def test_the_cursor_is_at_the_same_place_under_each_prior_and_gamma_stays_positive(opened):
    s = opened("report-normal", "report-n12", "report-gamma")
    across = s.page.get_by_label("across", exact=True)
    for value in ("-3", "-1.5", "0", "2.5"):
        across.evaluate(
            "(e, v) => { e.value = v; e.dispatchEvent(new Event('input', {bubbles: true})); }",
            value,
        )
        s.frame()
        normal, other, gamma = (
            codes_shown(s, n)[0] for n in ("report-normal", "report-n12", "report-gamma")
        )
        assert normal == pytest.approx(float(value), abs=0.006)
        assert other == pytest.approx(1 + 2 * float(value), abs=0.006)
        from scipy.stats import gamma as law
        from scipy.stats import norm

        assert gamma == pytest.approx(law.ppf(norm.cdf(float(value)), 2), abs=0.03)
        assert gamma > 0
    # Not by a drag to the corner either, nor on a walk.
    box = plane(s, "report-gamma")
    s.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    s.page.mouse.down()
    s.page.mouse.move(box["x"] + 2, box["y"] + box["height"] - 2, steps=8)
    s.page.mouse.up()
    assert min(codes_shown(s, "report-gamma")) >= 0


@pytest.mark.slow
def test_a_walk_goes_through_all_models_at_once(opened):
    s = opened()
    film = column(s, PAIR[0]).locator(".film canvas")
    assert film.count() == 8
    s.page.evaluate(WATCH)
    s.page.get_by_role("button", name="Play").click()
    s.page.wait_for_timeout(900)
    s.page.get_by_role("button", name="Stop").click()
    changed = np.diff(np.array(s.page.evaluate("frames_")), axis=0) != 0
    assert changed.all(1).sum() > 10
    column(s, PAIR[1]).locator(".film button").last.click()
    s.frame()
    for which in range(2):
        end = s.canvas(f".compare .column:nth-child({which + 1}) .film canvas", 7)
        assert np.abs(s.canvas(".compare canvas.x-hat", which) - end).max() <= 1


def test_a_hand_stops_a_walk_and_all_stay_numbers(opened):
    s = opened("mnist-2d", "report-gamma")
    play = s.page.locator(".compare .go")
    for act in (
        lambda: s.page.get_by_role("button", name="z ← μ").click(),
        lambda: s.page.locator(".compare .map").first.press("Home"),
        lambda: s.page.locator(".compare .typical button").nth(4).click(),
    ):
        play.click()
        s.page.wait_for_timeout(300)
        act()
        s.page.wait_for_timeout(200)
        assert play.inner_text() == "Play"
        for name in ("mnist-2d", "report-gamma"):
            assert np.isfinite(codes_shown(s, name)).all()
    assert "NaN" not in s.page.locator(".compare").inner_text()


@pytest.mark.slow
def test_a_place_of_one_number_and_one_beyond_the_gamma_stay_numbers(opened):
    s = opened("mnist-2d", "report-gamma", query="&place=0.5")
    assert codes_shown(s, "mnist-2d") == pytest.approx([0.5, 0], abs=0.006)
    box = plane(s, "report-gamma")
    s.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    s.page.mouse.down()
    s.page.mouse.move(box["x"] + 1, box["y"] + box["height"] / 2, steps=5)
    s.page.mouse.up()
    assert codes_shown(s, "mnist-2d")[0] >= -4.01  # as far out as the table of a Gamma reaches
    assert codes_shown(s, "report-gamma")[0] == pytest.approx(0, abs=0.02)


@pytest.mark.slow
def test_an_image_chosen_on_another_page_is_the_one_that_is_compared(opened):
    s = opened(query="&image=10")
    s.page.get_by_role("link", name="Explore").first.click()
    s.page.wait_for_selector(".stage:not(.compare)[data-ready=true]", timeout=30_000)
    s.settled()
    s.page.locator(".stage:not(.compare) .typical button").nth(6).click()
    s.until(lambda: s.query()["image"] != "10")
    chosen = s.query()["image"]
    s.page.get_by_role("link", name="Compare").first.click()
    s.page.wait_for_selector(".compare[data-ready=true]", timeout=30_000)
    s.page.wait_for_function(
        "n => document.querySelector('.compare .what')?.textContent.includes(`image ${n},`)",
        arg=chosen,
    )


def test_a_walk_is_of_the_codes_that_were_marked(opened):
    s = opened("mnist-10d", "mnist-2d", query="&image=10")
    column(s, "mnist-10d").locator(".film button").nth(3).click()
    s.frame()
    before = [s.canvas(".compare canvas.x-hat", n) for n in range(2)]
    s.page.get_by_role("button", name="Mark A").click()
    s.frame()
    for which in range(2):
        first = s.canvas(f".compare .column:nth-child({which + 1}) .film canvas", 0)
        assert np.abs(first - before[which]).max() <= 1
        assert np.abs(s.canvas(".compare canvas.x-hat", which) - before[which]).max() <= 1
    assert float(s.page.locator(".compare .share").input_value()) == 0  # A is where the walk begins
    s.page.locator(".compare .share").evaluate(
        "e => { e.value = 0.6; e.dispatchEvent(new Event('input', {bubbles: true})); }"
    )
    s.frame()
    there = [codes_shown(s, name) for name in ("mnist-10d", "mnist-2d")]
    s.page.emulate_media(color_scheme="dark")
    s.page.wait_for_selector(".compare[data-theme=dark]", timeout=20_000)
    s.settled()
    assert [codes_shown(s, name) for name in ("mnist-10d", "mnist-2d")] == there


@pytest.mark.slow
def test_nothing_chosen_leaves_the_table(opened):
    s = opened()
    s.page.locator("[data-testid=stMultiSelect] [aria-label='Clear all']").first.click()
    s.page.wait_for_selector("[data-testid=stAlert]")
    assert "Choose two to four" in s.warnings()
    assert s.page.locator("[data-testid=stDataFrame]").count() == 1
    assert s.page.locator(".compare").count() == 0


@pytest.mark.slow
def test_a_place_beyond_the_map_is_shown_at_its_edge(opened):
    s = opened(query="&place=7,0")
    ring, box = column(s, PAIR[1]).locator(".cursor"), plane(s, PAIR[1])
    assert "beyond" in ring.get_attribute("class")
    at = ring.bounding_box()
    assert at["x"] + at["width"] / 2 == pytest.approx(box["x"] + box["width"] - 1, abs=1.5)
    assert s.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    s.page.get_by_role("button", name="z ← μ").click()
    s.frame()
    assert ring.get_attribute("class") == "cursor"


@pytest.mark.slow
def test_a_drag_reaches_codes_that_are_far_from_the_prior(opened):
    s = opened("report-perceptual", "report-gamma")  # codes at 25 standard deviations
    box = plane(s, "report-perceptual")
    s.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    s.page.mouse.down()
    s.page.mouse.move(box["x"] + 3, box["y"] + 3, steps=5)
    s.page.mouse.up()
    s.frame()
    ring = column(s, "report-perceptual").locator(".cursor")
    at = ring.bounding_box()
    assert at["x"] + at["width"] / 2 == pytest.approx(box["x"] + 3, abs=1.5)
    assert at["y"] + at["height"] / 2 == pytest.approx(box["y"] + 3, abs=1.5)
    far = codes_shown(s, "report-perceptual")
    assert far[0] < -30
    assert np.isfinite(codes_shown(s, "report-gamma")).all()
    s.until(lambda: s.query().get("place"))
    place = [float(v) for v in s.query()["place"].split(",")]
    assert place == pytest.approx([(v - 1) / 2 for v in far], abs=0.02)  # of N(1, 2)
    again = s.open(s.page.url)
    assert codes_shown(again, "report-perceptual") == pytest.approx(far, abs=0.05)


@pytest.mark.slow
def test_the_manifold_fills_the_maps_with_pictures(opened):
    s = opened()
    selector = f".compare .column[data-name='{PAIR[1]}'] .map"
    before = s.pixels(selector)
    s.page.get_by_role("button", name="Manifold").click()
    s.page.wait_for_timeout(2500)
    after = s.pixels(selector)
    assert (np.abs(after - before).max(-1) > 60).mean() > 0.15
    assert not s.errors


@pytest.mark.slow
def test_four_models_fit_and_terms_that_are_no_likelihoods_claim_no_elbo(opened):
    names = ("report-normal", "report-mse", "report-gamma", "report-perceptual-bce")
    s = opened(*names, query="&image=4321")
    assert s.page.locator(".compare .column").count() == 4
    s.page.wait_for_function(
        "() => [...document.querySelectorAll('.compare .bound')].every(b => b.textContent)"
    )
    words = {name: column(s, name).locator(".bound").inner_text() for name in names}
    assert "no −ELBO" in words["report-perceptual-bce"]
    assert words["report-mse"].startswith("−ELBO of x, Gaussian:")
    assert words["report-normal"].startswith("−ELBO of x ")
    x = datasets.to_float(
        torch.cat([datasets.load("mnist-5k", p).images for p in ("train", "test")])[4321]
    )
    for name in (names[1], names[3]):  # the second of them is a worker's
        vae = checkpoint.load(ROOT / "checkpoints" / f"{name}.safetensors").vae
        with torch.no_grad():
            own = vae.likelihood.reconstruction(vae.decode(vae.encode(x[None]).mu), x[None])
        shown = column(s, name).locator(".term.own .value").inner_text()
        assert float(shown) == pytest.approx(float(own), abs=0.15)
    wide = s.page.evaluate("() => document.querySelector('.compare').getBoundingClientRect().right")
    assert wide <= 1280
    film = column(s, names[3]).locator(".film").bounding_box()
    assert film["y"] + film["height"] <= 721  # all of it is on the first screen


@pytest.mark.slow
def test_a_click_in_the_table_opens_a_row(opened):
    s = opened()
    s.page.locator("[data-testid=stDataFrame]").scroll_into_view_if_needed()
    box = s.page.locator("[data-testid=stDataFrame]").bounding_box()
    s.page.wait_for_timeout(800)
    s.page.mouse.click(box["x"] + 60, box["y"] + 36 + 35 * 2 + 17)  # the third row
    s.page.wait_for_selector(".st-key-opened")
    name = list(table.read(ROOT / "checkpoints"))[2]
    dialog = s.page.get_by_role("dialog", name=name)
    s.until_query(row=name)
    s.page.wait_for_function(
        "() => document.querySelectorAll('.st-key-opened [data-testid=stImage] img').length === 5",
        timeout=60_000,
    )
    bottom = dialog.locator("[data-testid=stImage]").first.bounding_box()
    assert bottom["y"] + bottom["height"] < 720  # it lies over the page, not below it
    s.page.keyboard.press("Escape")
    s.page.wait_for_selector(".st-key-opened", state="detached")
    s.until_query(row=None)
    s.settled()

    def again() -> bool:
        """Click the same row, which a table that is just being drawn anew may not hear."""
        box = s.page.locator("[data-testid=stDataFrame]").bounding_box()
        s.page.mouse.click(box["x"] + 60, box["y"] + 36 + 35 * 2 + 17)
        s.page.wait_for_timeout(3000)
        return s.page.locator(".st-key-opened").is_visible()

    s.until(again, 20)
    s.page.get_by_role("button", name="Open in Explore").click()
    s.page.wait_for_selector(".stage:not(.compare)[data-ready=true]", timeout=30_000)
    s.until_query(checkpoint=name)


def test_the_table_is_there_whatever_images_the_first_checkpoints_take(tmp_path, screen):
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "mnist-2d.safetensors").symlink_to(ROOT / "checkpoints" / "mnist-2d.safetensors")
    gone, usual = f"folder:{tmp_path / 'gone'}", PRESETS["folder-64"]
    preset = replace(usual, model=replace(usual.model, image_shape=ImageShape(3, 20, 20)))
    made = checkpoint.Checkpoint(
        *("mine", new_vae(preset, 0), preset, 0, gone, (), checkpoint.Metrics(1, 1, 10))
    )
    checkpoint.save(made, kept / "mine.safetensors")
    with serve(tmp_path, VAE_CHECKPOINT_DIR=str(kept)) as running:
        s = screen().open(f"{running.url}/compare?beside=mine,mnist-2d")
        s.page.get_by_text("mine takes pictures of 3×20×20").first.wait_for()
        s.page.get_by_role("heading", name="All checkpoints").wait_for()
        (kept / "mnist-2d.safetensors").unlink()
        s.page.goto(f"{running.url}/compare?beside=mine")
        s.page.get_by_text("No data set here has pictures").wait_for()
        s.page.get_by_role("heading", name="All checkpoints").wait_for()
        assert s.errors == []


def test_a_link_with_what_is_not_there_says_so(app, screen):
    s = screen()
    s.open(
        f"{app.url}/compare?beside=mnist-2d,no%252Cthing,a,b,c&data=mnist-5k&place=1,wide&image=9999&row=gone"
    )
    said = s.warnings()
    assert "no,thing" in said
    assert "no image 9999" in said
    assert "names 5 checkpoints" in said
    assert "no checkpoint 'gone'" in said
    assert "two numbers" in said
    assert s.page.locator(".compare .column").count() == 1
    s.until_query(beside="mnist-2d")


def window(s, name):
    """What a column's map shows: x from and to, y from and to."""
    text = column(s, name).locator(".map").get_attribute("data-window")
    return [float(value) for value in text.split(",")]


def test_every_map_zooms_pans_hovers_and_pinches(opened):
    s = opened(has_touch=True)
    z, whole, other = codes_shown(s, PAIR[1]), window(s, PAIR[1]), window(s, PAIR[0])
    box = plane(s, PAIR[1])
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    s.page.mouse.move(*middle)
    s.page.mouse.wheel(0, -400)
    s.frame()
    near = window(s, PAIR[1])
    assert near[1] - near[0] < 0.8 * (whole[1] - whole[0])
    assert sum(near[:2]) == pytest.approx(sum(whole[:2]), abs=0.02)  # about the pointer
    assert window(s, PAIR[0]) == other
    s.page.get_by_role("radio", name="Pan").click()
    s.page.mouse.move(*middle)
    s.page.mouse.down()
    s.page.mouse.move(middle[0] + 0.1 * box["width"], middle[1], steps=5)
    s.page.mouse.up()
    s.frame()
    panned = window(s, PAIR[1])
    assert panned[0] == pytest.approx(near[0] - 0.1 * (near[1] - near[0]), abs=0.01)
    assert codes_shown(s, PAIR[1]) == z
    finger = Finger(s.page)
    finger.send("touchStart", (middle[0] - 40, middle[1]), (middle[0] + 40, middle[1]))
    for gap in range(44, 90, 6):
        finger.send("touchMove", (middle[0] - gap, middle[1]), (middle[0] + gap, middle[1]))
    finger.send("touchEnd")
    s.frame()
    pinched = window(s, PAIR[1])
    assert pinched[1] - pinched[0] < 0.7 * (panned[1] - panned[0])
    assert codes_shown(s, PAIR[1]) == z
    s.page.mouse.dblclick(*middle)
    s.frame()
    assert window(s, PAIR[1]) == pytest.approx(whole)
    # The pointer shows the image that it rests on, and a click makes it x in every model.
    s.page.get_by_role("radio", name="Move z").click()
    x, y = middle
    while not s.page.locator(".tip").is_visible():
        x += 3
        s.page.mouse.move(x, y)
        s.frame()
        assert x < box["x"] + box["width"]
    said = s.page.locator(".tip p").inner_text()
    s.page.mouse.click(x, y)
    s.frame()
    image = said.split(",")[0]
    assert image in s.page.locator(".compare .what").inner_text()
    assert s.errors == []


def test_a_lasso_tells_the_same_images_apart_on_every_map(opened):
    s = opened()
    before = [s.pixels(f".compare .column[data-name='{name}'] .map") for name in PAIR]
    s.page.get_by_role("radio", name="Lasso").click()
    box = plane(s, PAIR[1])
    corners = [(0.3, 0.3), (0.5, 0.3), (0.5, 0.55), (0.3, 0.55), (0.3, 0.32)]
    at = [(box["x"] + f * box["width"], box["y"] + g * box["height"]) for f, g in corners]
    s.page.mouse.move(*at[0])
    s.page.mouse.down()
    for place in at[1:]:
        s.page.mouse.move(*place, steps=6)
    s.page.mouse.up()
    s.frame()
    said = s.page.locator(".compare .map-note").inner_text()
    assert "images:" in said
    after = [s.pixels(f".compare .column[data-name='{name}'] .map") for name in PAIR]
    for old, new in zip(before, after, strict=True):  # the others are faint on both
        assert (np.abs(new - old).max(-1) > 25).mean() > 0.02
    s.page.get_by_role("button", name="z to their centre").click()
    s.frame()
    ring = column(s, PAIR[1]).locator(".cursor").bounding_box()
    x, y = ring["x"] + ring["width"] / 2, ring["y"] + ring["height"] / 2
    assert at[0][0] < x < at[1][0]
    assert at[0][1] < y < at[2][1]
    s.page.get_by_role("radio", name="Move z").click()
    s.frame()
    again = s.pixels(f".compare .column[data-name='{PAIR[0]}'] .map")
    assert (np.abs(again - before[0]).max(-1) > 25).mean() < 0.02
