"""The live stage under hands: mouse, finger, pen, keyboard. Asserts on what is painted."""

import json
import re
from itertools import pairwise

import numpy as np
import pytest
import torch

from explorer import latent
from explorer.figures import THEMES
from explorer.projection import fit_pca
from tests.browser.conftest import ROOT, serve
from training import checkpoint, data
from training.checkpoint import Checkpoint, Metrics
from training.loop import new_vae
from training.model import VAEConfig
from training.presets import Preset

pytestmark = pytest.mark.browser
CYAN, VIOLET = THEMES["light"].z, THEMES["light"].posterior


@pytest.fixture(scope="module")
def vae():
    return checkpoint.load(ROOT / "checkpoints" / "mnist-2d.safetensors").vae


@pytest.fixture(scope="module")
def ten():
    return checkpoint.load(ROOT / "checkpoints" / "mnist-10d.safetensors").vae


@pytest.fixture(scope="module")
def images():
    """The embedded digits in the order in which the app numbers them."""
    return torch.cat([data.load("mnist-5k", split).images for split in ("train", "test")])


def decoded(vae, z) -> np.ndarray:
    with torch.no_grad():
        return 255 * vae.picture(torch.tensor(z, dtype=torch.float32)).numpy().reshape(28, 28)


def outgoing(page) -> list[str]:
    """What the browser sends from now on: web socket messages and requests."""
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    sent: list[str] = []
    network.on("Network.webSocketFrameSent", lambda e: sent.append("message"))
    network.on("Network.requestWillBeSent", lambda e: sent.append(e["request"]["url"]))
    return sent


class Finger:
    """Fingers on the screen, as the browser's own input sees them."""

    def __init__(self, page) -> None:
        self.page = page
        self.session = page.context.new_cdp_session(page)

    def send(self, kind: str, *points: tuple[float, float]) -> None:
        touches = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)]
        self.session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})
        self.page.wait_for_timeout(20)

    def drag(self, *places: tuple[float, float]) -> None:
        self.send("touchStart", places[0])
        for (x0, y0), (x1, y1) in pairwise(places):
            for k in range(1, 9):
                self.send("touchMove", (x0 + k * (x1 - x0) / 8, y0 + k * (y1 - y0) / 8))
        self.send("touchEnd")


def test_a_drag_on_the_map_shows_each_place_at_once_and_tells_nobody(app, screen, vae):
    s = screen().open(app.url)
    before, address = s.digit(), s.page.url
    sent = outgoing(s.page)
    s.page.mouse.move(*s.plot(0.3, 0.3))
    s.page.mouse.down()
    for across, down in ((0.35, 0.35), (0.45, 0.7), (0.6, 0.6)):
        x, y = s.plot(across, down)
        s.page.mouse.move(x, y, steps=4)
        s.frame()
        z = s.units(x, y)
        assert s.ring() == pytest.approx((x, y), abs=1.5)
        assert s.z() == pytest.approx(z, abs=0.006)
        labels = s.page.locator(".slider output").all_inner_texts()
        assert len(labels) == 2
        assert np.abs(s.digit() - decoded(vae, z)).mean() < 6
    assert np.abs(s.digit() - before).mean() > 8
    written, kl = s.term("reconstruction"), s.term("kl")
    assert s.term("sum") == pytest.approx(written + kl, abs=0.11)
    assert sent == []
    assert s.page.url == address
    s.page.mouse.up()
    s.page.wait_for_function("old => location.href !== old", arg=address)
    assert "message" in sent
    told = [float(v) for v in s.query()["z"].split(",")]
    assert told == pytest.approx(s.z(), abs=0.006)
    assert s.term("reconstruction") == written
    # The trace shows what the drag passed through.
    assert len(s.near(THEMES["light"].reconstruction, ".trace")) > 300


def test_a_slider_shows_each_value_while_it_is_dragged(app, screen, vae):
    s = screen().open(app.url)
    z0 = s.z()
    slider = s.page.locator(".slider input").first
    dim = int(slider.get_attribute("id").split("-")[1])
    box = slider.bounding_box()
    low, high = (float(slider.get_attribute(name)) for name in ("min", "max"))
    y = box["y"] + box["height"] / 2
    share = (z0[dim] - low) / (high - low)
    sent = outgoing(s.page)
    s.page.mouse.move(box["x"] + 9 + share * (box["width"] - 18), y)
    s.page.mouse.down()
    seen = []
    for to in (0.2, 0.8, 0.5):
        s.page.mouse.move(box["x"] + 9 + to * (box["width"] - 18), y, steps=5)
        s.frame()
        z = s.z()
        assert z[1 - dim] == z0[1 - dim]
        assert z[dim] == pytest.approx(low + to * (high - low), abs=0.05 * (high - low))
        assert s.ring() == pytest.approx(s.place(*z), abs=2)
        seen.append(s.digit())
        assert np.abs(seen[-1] - decoded(vae, z)).mean() < 6
    assert np.abs(seen[0] - seen[1]).mean() > 8
    assert sent == []
    s.page.mouse.up()
    s.page.wait_for_function("() => location.search.includes('z=')")
    # The keyboard moves the same slider, and no press is lost.
    slider.focus()
    before = s.z()[dim]
    for _ in range(5):
        s.page.keyboard.press("ArrowRight")
    s.frame()
    assert s.z()[dim] == pytest.approx(before + 0.05, abs=0.001)


def test_the_keyboard_moves_z_and_reaches_everything(app, screen):
    s = screen().open(app.url)
    s.page.locator(".stage .map").focus()
    start, (low, high, *_) = s.z(), s.ranges()
    s.page.keyboard.press("ArrowRight")
    s.page.keyboard.press("ArrowUp")
    s.frame()
    coarse = np.array(s.z()) - start
    assert coarse == pytest.approx([0.01 * (high - low)] * 2, abs=0.006)
    s.page.keyboard.press("Shift+ArrowLeft")
    s.frame()
    assert s.z()[0] - start[0] - coarse[0] == pytest.approx(-0.001 * (high - low), abs=0.011)
    s.page.wait_for_function("() => location.search.includes('z=')")
    s.page.keyboard.press("Home")
    s.frame()
    assert s.z() == pytest.approx(start, abs=0.011)
    for _ in range(20):
        s.page.keyboard.press("ArrowDown")
    s.page.keyboard.press("Enter")
    s.frame()
    mean = [
        float(t.replace("−", "-"))
        for t in s.page.locator("table.posterior td:nth-child(2)").all_inner_texts()
    ]
    names = s.page.locator("table.posterior tbody th").all_inner_texts()
    assert dict(zip(names, mean, strict=True)) == pytest.approx(
        {"z₁": s.z()[0], "z₂": s.z()[1]}, abs=0.011
    )
    # Tab goes through every control of the stage; each has a name and shows that it has the focus.
    reached = set()
    s.page.locator(".pen .clear").focus()
    for _ in range(60):
        s.page.keyboard.press("Tab")
        found = s.page.evaluate(
            """() => {
              const e = document.activeElement;
              if (!e.closest('.stage')) return null;
              const name = e.getAttribute('aria-label') || e.title || e.innerText
                || e.labels?.[0]?.innerText || '';
              return [e.className || e.id, name.trim(), getComputedStyle(e).outlineStyle];
            }"""
        )
        if found is None:
            break
        kind, name, outline = found
        assert name, kind
        assert outline != "none", (kind, name)
        reached.add(str(kind).split(" ")[0])
    assert {"edit", "back", "map", "slider-0", "slider-1", "manifold-switch", "play"} <= reached
    s.page.get_by_role("tab", name="Trace").focus()
    s.page.keyboard.press("ArrowRight")
    assert s.page.locator("[data-panel=kl]").is_visible()
    s.page.get_by_role("radio", name="Move z").focus()
    s.page.keyboard.press("ArrowRight")
    assert s.page.get_by_role("radio", name="Pan").get_attribute("aria-checked") == "true"


def test_pan_wheel_and_legend_are_plotlys_own_and_leave_z(app, screen):
    s = screen().open(app.url)
    z, whole = s.z(), s.ranges()
    s.page.mouse.move(*s.plot(0.5, 0.5))
    s.page.mouse.wheel(0, -300)
    s.page.wait_for_timeout(600)
    near = s.ranges()
    assert near[1] - near[0] < 0.95 * (whole[1] - whole[0])
    s.page.get_by_role("radio", name="Pan").click()
    s.page.mouse.move(*s.plot(0.5, 0.5))
    s.page.mouse.down()
    s.page.mouse.move(*s.plot(0.6, 0.5), steps=6)
    s.page.mouse.up()
    s.page.wait_for_timeout(400)
    panned = s.ranges()
    assert panned[0] == pytest.approx(near[0] - 0.1 * (near[1] - near[0]), abs=0.02)
    assert s.z() == z
    assert s.ring() == pytest.approx(s.place(*z), abs=2)
    # The legend takes a class off the map, and its name with it.
    orange = "#ffa90e"
    before = len(s.near(orange, tolerance=25))
    s.page.locator(".legendtoggle").nth(1).click()
    s.page.wait_for_timeout(900)
    after = len(s.near(orange, tolerance=25))
    assert after < 0.2 * before
    names = s.page.locator(".stage .annotation-text").all_inner_texts()
    assert "1" not in names
    assert len(names) >= 8


def test_a_lasso_counts_the_images_in_it(app, screen):
    s = screen().open(app.url)
    s.page.get_by_role("radio", name="Lasso").click()
    corners = [(0.3, 0.2), (0.6, 0.2), (0.6, 0.7), (0.3, 0.7), (0.3, 0.22)]
    s.page.mouse.move(*s.plot(*corners[0]))
    s.page.mouse.down()
    for corner in corners[1:]:
        s.page.mouse.move(*s.plot(*corner), steps=8)
    s.page.mouse.up()
    s.page.wait_for_selector(".map-note:has-text('images:')")
    note = s.note()
    total = int(re.search(r"([\d,]+) images", note)[1].replace(",", ""))
    parts = [int(n) for n in re.findall(r"×(\d+)", note)]
    assert 100 < total == sum(parts)
    s.page.get_by_role("button", name="z to their centre").click()
    s.frame()
    x, y = s.ring()
    left, top = s.plot(0.3, 0.2)
    right, bottom = s.plot(0.6, 0.7)
    assert left < x < right
    assert top < y < bottom


def test_pca_moves_z_along_two_components_and_keeps_the_rest(app, screen, ten, images):
    s = screen().open(app.url + "/?checkpoint=mnist-10d&view=pca")
    pca = fit_pca(latent.encode(ten, images).mu)
    old = np.array(s.z())
    residual = float(re.search(r"([\d.]+) latent units off", s.note())[1])
    assert residual == pytest.approx(float(pca.residual(old[None])[0]), abs=0.03)
    x, y = s.plot(0.62, 0.35)
    s.page.mouse.move(*s.plot(0.5, 0.5))
    s.page.mouse.down()
    s.page.mouse.move(x, y, steps=5)
    s.frame()
    new = np.array(s.z())
    moved = new - old
    along = moved @ pca.components.T @ pca.components
    assert np.abs(moved).max() > 0.3
    np.testing.assert_allclose(moved, along, atol=0.02)
    np.testing.assert_allclose(pca.project(new[None])[0], s.units(x, y), atol=0.03)
    assert float(re.search(r"([\d.]+) latent units off", s.note())[1]) == residual
    assert np.abs(s.digit() - decoded(ten, new)).mean() < 6
    s.page.mouse.up()


def test_tsne_gives_z_the_code_of_the_nearest_image(app, screen, ten, images):
    s = screen().open(app.url + "/?checkpoint=mnist-10d")
    plane, digit, z = s.pixels(".stage .map"), s.digit(), s.z()
    s.page.get_by_role("radio", name="t-SNE").or_(
        s.page.get_by_role("button", name="t-SNE")
    ).click()
    s.page.wait_for_selector("text=/t-SNE of 5,000 codes: .*%/", timeout=30_000)
    s.page.wait_for_function(
        "() => document.querySelector('.map-message').textContent === ''"
        " && document.querySelector('.map-note').innerText.includes('no inverse')",
        timeout=150_000,
    )
    s.settled()
    assert np.abs(s.pixels(".stage .map") - plane).mean() > 2  # of the same size
    assert s.z() == z  # another map, the same z
    assert np.abs(s.digit() - digit).max() <= 6
    assert s.page.locator(".manifold-switch").is_disabled()
    s.page.mouse.move(*s.plot(0.5, 0.5))
    s.page.mouse.down()
    s.page.mouse.move(*s.plot(0.4, 0.4), steps=6)
    s.frame()
    image = int(re.search(r"ring is at image (\d+)\.", s.note())[1])
    with torch.no_grad():
        mu = ten.encode(data.to_float(images[image][None])).mu[0].numpy()
    np.testing.assert_allclose(s.z(), mu, atol=0.006)
    assert np.abs(s.digit() - decoded(ten, mu)).mean() < 6
    s.page.mouse.up()
    s.until_query(view="t-sne")
    # The map is kept: another visitor has it at once.
    again = screen().open(s.page.url)
    assert "no inverse" in again.note()
    assert again.page.locator(".map-message").inner_text() == ""


def test_the_manifold_shows_what_each_place_decodes_to(app, screen, vae):
    s = screen().open(app.url)
    s.page.get_by_role("button", name="Manifold").click()
    s.page.wait_for_selector("canvas.manifold:not([hidden])", state="attached")
    s.page.wait_for_timeout(1500)

    def painted(x: float, y: float) -> np.ndarray:
        """The grid as it is painted, in the cell around a place of the map; ink as alpha."""
        px, py = s.place(x, y)
        return np.array(
            s.page.evaluate(
                """([px, py, size]) => {
                  const paper = document.querySelector('canvas.manifold');
                  const box = paper.getBoundingClientRect();
                  const c = new OffscreenCanvas(28, 28).getContext('2d');
                  const k = paper.width / box.width;
                  const left = (px - box.left - size / 2) * k;
                  const top = (py - box.top - size / 2) * k;
                  c.drawImage(paper, left, top, size * k, size * k, 0, 0, 28, 28);
                  const { data } = c.getImageData(0, 0, 28, 28);
                  return Array.from(data.filter((_, i) => i % 4 === 3));
                }""",
                [px, py, 34],
            )
        ).reshape(28, 28)

    def check() -> None:
        low, high, bottom, top = s.ranges()
        width = s.page.locator(".stage .nsewdrag").first.bounding_box()["width"]
        size = 34 * (high - low) / width
        x, y = ((np.floor(v / size) + 0.5) * size for v in ((low + high) / 2, (bottom + top) / 2))
        assert np.abs(painted(x, y) - decoded(vae, [x, y])).mean() < 12

    check()
    s.page.mouse.move(*s.plot(0.5, 0.5))
    s.page.mouse.wheel(0, -500)
    s.page.wait_for_timeout(2000)
    check()  # made anew for what is shown now
    s.page.get_by_role("button", name="Manifold").click()
    assert s.page.locator("canvas.manifold").is_hidden()


def mass(digit: np.ndarray) -> tuple[float, float]:
    rows, columns = np.mgrid[:28, :28] + 0.5
    return (digit * columns).sum() / digit.sum(), (digit * rows).sum() / digit.sum()


def test_a_drawing_is_made_like_mnist_and_encoded_at_every_stroke(app, screen, vae):
    s = screen().open(app.url)
    pad = s.page.locator("canvas.pad").bounding_box()

    def at(x: float, y: float) -> tuple[float, float]:
        return pad["x"] + x * pad["width"], pad["y"] + y * pad["height"]

    s.page.mouse.move(*at(0.75, 0.12))
    s.page.mouse.down()
    rings = []
    for x, y in ((0.72, 0.3), (0.68, 0.5)):
        s.page.mouse.move(*at(x, y), steps=4)
        s.frame()
        rings.append(s.ring())
    s.page.mouse.up()
    assert "your drawing" in s.page.locator(".quantity.x").inner_text()
    seen = s.canvas("canvas.seen").astype(float)
    seen[seen < 40] = 0
    rows = np.flatnonzero(seen.max(1) > 60)
    assert 18 <= np.ptp(rows) + 1 <= 22  # twenty rows high, however small it was drawn
    assert np.abs(np.array(mass(seen)) - 14).max() < 1.2
    # It is what torch's encoder makes of these pixels, and z stands on its mean.
    x = torch.tensor(s.canvas("canvas.seen")).float().reshape(1, 784) / 255
    with torch.no_grad():
        posterior = vae.encode(x)
    np.testing.assert_allclose(s.z(), posterior.mu[0], atol=0.03)
    assert s.term("kl") == pytest.approx(float(vae.prior.kl(posterior).sum()), abs=0.1)
    one = s.digit()
    # A second stroke moves the ellipse while it is drawn; undo takes it back.
    s.page.mouse.move(*at(0.3, 0.3))
    s.page.mouse.down()
    s.page.mouse.move(*at(0.3, 0.6), steps=6)
    s.frame()
    assert np.hypot(*(np.array(s.ring()) - rings[-1])) > 5
    s.page.mouse.up()
    s.page.get_by_role("button", name="Undo").click()
    s.frame()
    assert np.abs(s.digit() - one).max() <= 3
    z, kl = s.z(), s.term("kl")
    s.page.get_by_role("button", name="Clear").click()
    s.frame()
    assert (s.digit("canvas.pad")[3:-3, 3:-3] > 200).sum() == 0
    assert (s.z(), s.term("kl")) == (z, kl)  # an empty pad is no x
    # Start from a digit and draw on it.
    s.page.locator(".typical button").nth(1).click()
    s.frame()
    plain = s.canvas("canvas.seen")
    s.page.get_by_role("button", name="Draw on it").click()
    s.page.mouse.move(*at(0.2, 0.5))
    s.page.mouse.down()
    s.page.mouse.move(*at(0.8, 0.5), steps=6)
    s.page.mouse.up()
    s.frame()
    changed = s.canvas("canvas.seen")
    assert (np.abs(changed - plain) > 60).sum() > 20
    assert "your drawing" in s.page.locator(".quantity.x").inner_text()


def test_samples_stay_within_q_and_their_mean_finds_the_closed_form(app, screen):
    s = screen().open(app.url)
    s.tab("Sample")
    rows = s.page.locator("table.posterior tbody tr").all_inner_texts()
    numbers = {r.split()[0]: [float(v.replace("−", "-")) for v in r.split()[1:3]] for r in rows}
    places = []
    for _ in range(4):
        s.page.get_by_role("button", name="Draw ε").click()
        s.frame()
        places.append(s.z())
        for name, value in zip(("z₁", "z₂"), s.z(), strict=True):
            mu, sigma = numbers[name]
            assert abs(value - mu) < 5 * sigma + 0.01
    assert len({tuple(p) for p in places}) == 4
    said = s.page.locator(".sampler .said")
    assert "n = 4:" in said.inner_text()
    s.page.get_by_role("button", name="Keep drawing").click()
    s.page.wait_for_function(
        "() => Number(document.querySelector('.sampler .said').textContent.match(/n = ([\\d,]+)/)"
        "?.[1].replace(',', '')) > 150",
        timeout=30_000,
    )
    s.page.get_by_role("button", name="Stop").click()
    s.page.wait_for_timeout(300)
    text = said.inner_text()
    mean, error, exact = (
        float(v) for v in re.search(r"averages ([\d.−-]+) ± ([\d.]+) → KL ([\d.]+)", text).groups()
    )
    assert exact == s.term("kl")
    assert abs(mean - exact) < 4 * error + 0.01
    assert len(s.near(THEMES["light"].kl, ".plot-kl")) > 60
    assert len(s.near(THEMES["light"].reconstruction, ".plot-reconstruction")) > 60
    assert len(s.near(VIOLET)) > 20  # the ellipse it jumps within
    n = re.search(r"n = ([\d,]+)", text)[1]
    s.page.wait_for_timeout(400)
    assert f"n = {n}:" in said.inner_text()  # stopped is stopped


def test_a_walk_goes_from_a_to_b_and_a_traversal_through_a_dimension(app, screen, vae):
    s = screen().open(app.url)
    s.tab("Walk")
    assert s.page.get_by_role("button", name="Play").is_disabled()
    a = s.z()
    s.page.get_by_role("button", name="Mark A").click()
    s.page.mouse.move(*s.plot(0.3, 0.2))
    s.page.mouse.down()
    s.page.mouse.move(*s.plot(0.62, 0.55), steps=3)
    s.page.mouse.up()
    b = s.z()
    s.page.get_by_role("button", name="Mark B").click()
    s.frame()
    for share, code in ((0, a), (7, b)):
        assert np.abs(s.canvas(".film canvas", share) - decoded(vae, code)).mean() < 14
    halfway = s.canvas(".film canvas", 3)
    s.page.locator(".walk .share").fill("0.5")
    s.frame()
    np.testing.assert_allclose(s.z(), (np.array(a) + b) / 2, atol=0.011)
    s.page.locator(".walk .path").select_option("spherical")
    s.page.locator(".walk .share").fill("0.501")
    s.frame()
    radius = (np.linalg.norm(a) + np.linalg.norm(b)) / 2
    assert np.linalg.norm(s.z()) == pytest.approx(radius, abs=0.03)
    assert np.abs(s.canvas(".film canvas", 3) - halfway).mean() > 2
    s.page.locator(".walk .seconds").fill("2")
    s.page.get_by_role("button", name="Play").click()
    seen = []
    for _ in range(6):
        s.page.wait_for_timeout(250)
        seen.append(tuple(s.z()))
    assert len(set(seen)) >= 5
    assert len(s.near(CYAN)) > 100  # the ring, and the path under it
    s.page.get_by_role("button", name="Stop").click()
    # A traversal keeps the other dimension.
    still = s.z()
    s.page.get_by_role("button", name="Traverse z₁").click()
    seen = []
    for _ in range(6):
        s.page.wait_for_timeout(150)
        seen.append(s.z())
    assert {z[1] for z in seen} == {still[1]}
    assert len({z[0] for z in seen}) >= 4
    s.page.mouse.click(*s.plot(0.2, 0.2))  # a hand takes over
    s.page.wait_for_timeout(200)
    assert s.page.get_by_role("button", name="Play").is_visible()


def test_less_motion_is_respected(app, screen):
    s = screen(reduced_motion="reduce").open(app.url)
    s.page.get_by_role("button", name="Traverse z₁").click()
    seen = set()
    for _ in range(25):
        s.page.wait_for_timeout(40)
        seen.add(s.z()[0])
    assert 1 <= len(seen) <= 4  # steps, not a glide


def test_by_finger_the_map_moves_z_and_the_page_stays(app, screen, vae):
    s = screen(390, 844, has_touch=True, is_mobile=True).open(app.url)
    s.page.evaluate("document.querySelector('.stage .tools').scrollIntoView()")
    s.page.wait_for_timeout(400)
    scroll = "document.querySelector('[data-testid=stMain]').scrollTop"
    top = s.page.evaluate(scroll)
    finger = Finger(s.page)
    x, y = s.plot(0.3, 0.8)
    finger.drag(s.plot(0.5, 0.3), s.plot(0.6, 0.5), (x, y))
    s.frame()
    assert s.page.evaluate(scroll) == top
    assert s.z() == pytest.approx(s.units(x, y), abs=0.05)
    assert np.abs(s.digit() - decoded(vae, s.z())).mean() < 8
    picture = s.page.locator("canvas.x-hat").bounding_box()
    assert picture["y"] + picture["height"] < 844  # one sees what one moves
    # Two fingers zoom, and leave z.
    z, whole = s.z(), s.ranges()
    cx, cy = s.plot(0.5, 0.5)
    finger.send("touchStart", (cx - 30, cy), (cx + 30, cy))
    for gap in range(35, 90, 6):
        finger.send("touchMove", (cx - gap, cy), (cx + gap, cy))
    finger.send("touchEnd")
    s.page.wait_for_timeout(400)
    near = s.ranges()
    assert near[1] - near[0] < 0.6 * (whole[1] - whole[0])
    assert s.page.evaluate(scroll) == top
    # A tap on a point chooses it.
    before = s.image()
    s.page.touchscreen.tap(*s.plot(0.5, 0.5))
    s.page.wait_for_function(
        "n => !document.querySelector('.quantity.x').innerText.includes(`image ${n},`)", arg=before
    )
    assert s.z() != z
    # Beside the map a swipe scrolls.
    box = s.page.locator(".terms").bounding_box()
    finger.drag((box["x"] + 60, box["y"] + 80), (box["x"] + 60, box["y"] - 200))
    s.page.wait_for_timeout(500)
    assert s.page.evaluate(scroll) > top + 80
    # And a finger draws.
    s.page.evaluate("document.querySelector('canvas.pad').scrollIntoView({ block: 'center' })")
    s.page.wait_for_timeout(300)
    pad = s.page.locator("canvas.pad").bounding_box()
    at = [
        (pad["x"] + f * pad["width"], pad["y"] + g * pad["height"])
        for f, g in ((0.3, 0.2), (0.7, 0.2), (0.5, 0.8))
    ]
    scrolled = s.page.evaluate(scroll)
    finger.drag(*at)
    s.frame()
    assert "your drawing" in s.page.locator(".quantity.x").inner_text()
    assert s.page.evaluate(scroll) == scrolled


def count_listeners(page) -> int:
    session = page.context.new_cdp_session(page)
    total = 0
    for selector in (".stage .map", ".stage .pad", ".stage .slider input", ".manifold-switch"):
        found = session.send(
            "Runtime.evaluate", {"expression": f"document.querySelector('{selector}')"}
        )
        listeners = session.send(
            "DOMDebugger.getEventListeners", {"objectId": found["result"]["objectId"]}
        )
        total += len(listeners["listeners"])
    session.detach()
    return total


def test_ten_reruns_leave_one_stage_and_the_state_it_had(app, screen):
    s = screen().open(app.url)
    pad = s.page.locator("canvas.pad").bounding_box()
    s.page.mouse.move(pad["x"] + 30, pad["y"] + 20)
    s.page.mouse.down()
    s.page.mouse.move(pad["x"] + 70, pad["y"] + 90, steps=5)
    s.page.mouse.up()
    s.page.mouse.move(*s.plot(0.4, 0.4))
    s.page.mouse.wheel(0, -250)
    s.page.wait_for_timeout(600)
    s.page.mouse.click(*s.plot(0.05, 0.95))  # an empty corner: z moves, x stays
    s.tab("Walk")
    s.page.get_by_role("button", name="Mark A").click()
    s.page.wait_for_timeout(500)
    s.settled()
    s.page.evaluate("() => { document.querySelector('.stage').dataset.same = 'yes'; }")
    state = (s.z(), s.ranges(), s.term("reconstruction"), s.term("kl"), count_listeners(s.page))
    drawing, picture = s.canvas("canvas.seen"), s.digit()
    for _ in range(10):
        s.page.locator("[data-testid=stMain]").press("r")
        s.page.wait_for_timeout(350)
        s.settled()
    assert s.page.locator(".stage").count() == 1
    assert s.page.locator("canvas.x-hat").count() == 1
    assert s.page.locator(".stage .gl-canvas-context").count() == 1
    assert s.page.locator(".stage[data-same=yes]").count() == 1
    again = (s.z(), s.ranges(), s.term("reconstruction"), s.term("kl"), count_listeners(s.page))
    assert again == state
    assert np.abs(s.canvas("canvas.seen") - drawing).max() <= 1
    assert np.abs(s.digit() - picture).max() <= 1
    assert s.page.locator("[data-panel=walk]").is_visible()
    assert "your drawing" in s.page.locator(".quantity.x").inner_text()
    assert s.errors == []


def test_another_checkpoint_takes_the_same_stage_and_keeps_the_drawing(app, screen, ten):
    s = screen().open(app.url)
    s.page.evaluate("() => { document.querySelector('.stage').dataset.same = 'yes'; }")
    pad = s.page.locator("canvas.pad").bounding_box()
    s.page.mouse.move(pad["x"] + 60, pad["y"] + 20)
    s.page.mouse.down()
    s.page.mouse.move(pad["x"] + 60, pad["y"] + 90, steps=5)
    s.page.mouse.up()
    s.frame()
    drawing = s.canvas("canvas.seen")
    s.page.locator(".st-key-controls [data-testid=stSelectbox]").first.click()
    s.page.get_by_role("option", name=re.compile("mnist-10d")).click()
    s.page.wait_for_function("() => document.querySelectorAll('.slider').length === 10")
    s.settled()
    assert s.page.locator(".stage[data-same=yes]").count() == 1
    assert np.abs(s.canvas("canvas.seen") - drawing).max() <= 1
    assert np.abs(s.digit() - decoded(ten, s.z())).mean() < 8
    assert s.query()["checkpoint"] == "mnist-10d"


def meddle(spoil):
    """A route that spoils what the server answers, or answers that there is nothing."""

    def handle(route):
        if spoil is None:
            route.fulfill(status=404, body="gone")
        else:
            body = spoil(route.fetch().body())
            route.fulfill(body=body, content_type="application/octet-stream")

    return handle


def test_a_damaged_payload_shows_a_sentence(app, screen):
    for spoil, said in (
        (lambda body: body[:-5] + b"\0" + body[-4:], "checksum does not fit"),
        (lambda body: b"<html>" + body, "no data of the explorer's"),
        (None, "has no such"),
    ):
        s = screen()
        s.page.route("**/stage/blob/*", meddle(spoil))
        s.page.goto(app.url)
        s.page.wait_for_selector(f'.fault:has-text("{said}")', timeout=30_000)
        assert "reload the page" in s.page.locator(".fault").inner_text().lower()
        assert s.errors == []
    # Without plotly.js there is no map, and everything else still works.
    s = screen()
    s.page.route("**/stage/lib/*", lambda route: route.abort())
    s.page.goto(app.url)
    s.page.wait_for_selector(".fault:has-text('plotly.js could not be loaded')", timeout=30_000)
    before = s.digit()
    s.page.locator(".slider input").first.focus()
    for _ in range(40):
        s.page.keyboard.press("ArrowRight")
    s.frame()
    assert np.abs(s.digit() - before).mean() > 2


def test_below_a_base_path_all_works_and_a_second_visit_fetches_nothing(tmp_path, chromium, screen):
    with serve(tmp_path / "app", base="deep/er") as app:
        s = screen().open(app.url + "/")
        assert s.digit().max() > 180
        fetched = """() => performance.getEntriesByType('resource')
          .filter(r => r.name.includes('/stage/')).map(r => [r.name, r.transferSize])"""
        first = s.page.evaluate(fetched)
        assert sum("/stage/blob/" in name for name, _ in first) == 3
        assert all("/deep/er/stage/" in name for name, _ in first)
        s.page.goto("about:blank")
        s.open(app.url + "/")
        second = s.page.evaluate(fetched)
        assert {name for name, _ in second} == {name for name, _ in first}
        # 0 bytes, or the 300 that the timing interface adds where it only asked again.
        assert [name for name, size in second if size > 0 and "/blob/" in name] == []
        assert sum(size for _, size in second) == 0, json.dumps(second)
        assert "Traceback" not in app.log


@pytest.mark.slow
def test_twelve_dimensions_have_a_way_to_the_rest_and_one_has_no_map(tmp_path, screen, chromium):
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    for d in (12, 1):
        preset = Preset(f"d{d}", VAEConfig(d, (16,), (16,)), data="mnist-5k", epochs=1)
        vae = checkpoint.as_stored(new_vae(preset, seed=1))
        made = Checkpoint(f"d{d}", vae, preset, 1, "mnist-5k", (), Metrics(200.0, 1.0, 1000))
        checkpoint.save(made, folder / f"d{d}.safetensors")
    with serve(tmp_path / "app", VAE_CHECKPOINT_DIR=str(folder)) as app:
        s = screen().open(app.url + "/?checkpoint=d12")
        sliders = s.page.locator(".slider:visible")
        assert sliders.count() == 10
        s.page.get_by_role("button", name="All 12 dimensions").click()
        assert sliders.count() == 12
        last = s.page.locator(".slider input").nth(11)
        dim = int(last.get_attribute("id").split("-")[1])
        last.scroll_into_view_if_needed()
        last.focus()
        before = s.z()[dim]
        s.page.keyboard.press("ArrowRight")
        s.frame()
        assert s.z()[dim] == pytest.approx(before + 0.01, abs=0.006)
        s.page.get_by_role("button", name="Only the first 10").click()
        assert sliders.count() == 10

        s = screen().open(app.url + "/?checkpoint=d1&view=t-sne")
        assert "one latent dimension" in s.page.locator(".map-message").inner_text()
        digit = s.digit()
        slider = s.page.locator(".slider input")
        slider.focus()
        for _ in range(30):
            s.page.keyboard.press("ArrowRight")
        s.frame()
        assert np.abs(s.digit() - digit).max() >= 1
        assert s.errors == []
        assert "Traceback" not in app.log
