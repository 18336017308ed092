"""Moving z on the live stage: mouse, finger, keyboard, each map. Asserts on what is painted."""

import itertools
import re

import numpy as np
import pytest
import torch

from explorer.figures.latent_scatter import class_places
from explorer.figures.theme import THEMES
from explorer.latent import codes
from explorer.latent.pca import fit_pca
from tests.browser.hands import Finger, decoded, outgoing
from training.data import datasets


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
    s.counted()
    written, kl = s.term("reconstruction"), s.term("kl")
    assert s.term("sum") == pytest.approx(s.term("mean") + kl, abs=0.11)
    assert sent == []
    assert s.page.url == address
    s.page.mouse.up()
    s.page.wait_for_function("old => location.href !== old", arg=address)
    assert ("message" in sent) == app.url.startswith("http")
    told = [float(v) for v in s.query()["z"].split(",")]
    assert told == pytest.approx(s.z(), abs=0.006)
    assert s.term("reconstruction") == written
    # The trace shows what the drag passed through.
    assert len(s.near(THEMES["light"].reconstruction, ".trace")) > 300


def test_the_page_opens_alive_until_somebody_touches_it(app, screen):
    s = screen(alive=True)
    s.page.goto(app.url)
    s.page.wait_for_selector(".stage[data-ready=true]", timeout=60_000)
    s.page.wait_for_function(
        "() => document.querySelector('.map-note .text').textContent.includes('touch anything')",
        timeout=30_000,
    )
    pictures, classes = [], set()
    for _ in range(12):
        s.page.wait_for_timeout(700)
        pictures.append(s.digit())
        classes.add(s.page.locator(".quantity.x .what").inner_text())
    moved = [np.abs(a - b).mean() for a, b in itertools.pairwise(pictures)]
    assert sum(m > 2 for m in moved) >= 6, moved
    assert len(classes) >= 2, classes
    assert s.page.locator(".manifold-switch").get_attribute("aria-pressed") == "true"
    s.page.keyboard.press("Shift")
    s.page.wait_for_timeout(300)
    still = s.digit()
    s.page.wait_for_timeout(3500)
    assert np.abs(s.digit() - still).max() == 0
    assert s.errors == []
    # What was seen once, or what a link shows, stays as it is.
    s.page.goto(f"{app.url}/?image=7")
    s.ready()
    still = s.digit()
    s.page.wait_for_timeout(3500)
    assert np.abs(s.digit() - still).max() == 0


@pytest.mark.parametrize("query", ["?image=7", "?checkpoint=mnist-2d", ""])
def test_what_a_link_shows_and_who_asks_for_less_motion_is_left_alone(app, screen, query):
    s = screen(alive=True, reduced_motion="no-preference" if query else "reduce")
    s.open(f"{app.url}/{query}")
    still = s.digit()
    s.page.wait_for_timeout(3500)
    assert np.abs(s.digit() - still).max() == 0


@pytest.mark.parametrize("size", [(1280, 720), (820, 1180)])
def test_a_posterior_too_small_to_be_seen_is_enlarged_in_a_corner(app, screen, size):
    s = screen(*size).open(f"{app.url}/?image=7")
    assert "q(z|x) ×" in s.page.locator(".inset .title").inner_text()
    colours = THEMES["light"]
    s.until(lambda: len(s.near(colours.posterior, ".inset canvas", tolerance=40)) > 60)
    assert len(s.near(colours.z, ".inset canvas", tolerance=40)) > 10
    s.page.get_by_role("tab", name="Sample").click()
    for n in range(3):
        s.page.get_by_role("button", name="Draw ε").click()
        s.until(lambda n=n: f"n = {n + 1}:" in s.page.locator(".said").inner_text())
    assert "ε = (" in s.page.locator(".said").inner_text()
    assert "3 draws" in s.page.locator(".inset").get_attribute("aria-label")


def test_a_number_beside_a_slider_can_be_typed(app, screen, vae):
    s = screen().open(f"{app.url}/?image=7")
    z = s.z()
    output = s.page.locator(".slider output").first
    dim = int(s.page.locator(".slider input").first.get_attribute("id").split("-")[1])
    output.click()
    s.page.locator(".typed").fill("0.75")
    s.page.keyboard.press("Enter")
    s.frame()
    wanted = list(z)
    wanted[dim] = 0.75
    assert s.z() == pytest.approx(wanted, abs=0.006)
    assert np.abs(s.digit() - decoded(vae, wanted)).mean() < 6
    output.press("Enter")
    s.page.locator(".typed").fill("3")
    s.page.keyboard.press("Escape")
    assert s.z() == pytest.approx(wanted, abs=0.006)
    assert s.page.locator(".typed").count() == 0
    assert s.errors == []


def test_far_from_every_code_the_page_says_that_no_data_was_there(app, screen):
    s = screen().open(f"{app.url}/?z=5,5")
    note = s.page.locator(".map-note .text")
    assert "No image has its code near here" in note.inner_text()
    s.page.locator(".back").click()
    s.frame()
    assert "No image" not in note.inner_text()


def test_the_terms_bars_have_one_scale_whatever_x_and_z_are(app, screen):
    s = screen().open(app.url)
    end = float(s.page.locator(".terms > .note").inner_text().split()[3])
    width = s.page.locator(".term.reconstruction .track").bounding_box()["width"]

    def check(kinds=("reconstruction", "mean", "kl", "sum")):
        for kind in kinds:
            length = min(width, s.term(kind) / end * width)
            assert s.bar(kind) == pytest.approx(length, abs=2), kind

    s.counted()
    check()
    zero = s.term("mean")
    s.page.locator(".stage .typical button").nth(1).click()  # a one takes far fewer nats
    s.page.wait_for_function(
        """zero => {
          const said = document.querySelector('.term.mean .value').textContent;
          return said.includes('±') && Math.abs(parseFloat(said) - zero) > 50;
        }""",
        arg=zero,
    )
    s.counted()
    check()
    kl, mean = s.term("kl"), s.term("mean")
    s.page.mouse.move(*s.plot(0.9, 0.9))
    s.page.mouse.down()
    s.page.mouse.move(*s.plot(0.85, 0.9))
    s.frame()
    check()  # far from x's code, where the bar ends and says so
    assert (s.term("kl"), s.term("mean")) == (kl, mean)  # of x, which z does not move
    s.page.mouse.up()


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
    s.until(lambda: "z" in s.query())
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
    s.until(lambda: "z" in s.query())
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


def name_painted(s, x: float, y: float) -> bool:
    """Whether something is written around a place of the map, on the layer over its points."""
    px, py = s.place(x, y)
    return s.page.evaluate(
        """([px, py]) => {
          const names = [...document.querySelectorAll('.stage .map .over text')];
          return names.map((name) => name.getBoundingClientRect()).some((b) =>
            b.left - 4 < px && px < b.right + 4 && b.top - 4 < py && py < b.bottom + 4);
        }""",
        [px, py],
    )


def test_pan_wheel_and_legend_leave_z(app, screen, vae, images):
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
    labels = torch.cat([datasets.load("mnist-5k", part).labels for part in ("train", "test")])
    found = class_places(codes.encode(vae, images).mu, labels.numpy(), 10)
    place = {label: (x, y) for label, x, y in found}
    s.page.get_by_role("button", name="Show the whole map").click()
    s.frame()
    assert all(name_painted(s, *place[label]) for label in range(10))
    before = len(s.near(orange, tolerance=25))
    s.page.locator(".legend button").nth(1).click()
    s.page.wait_for_timeout(900)
    after = len(s.near(orange, tolerance=25))
    assert after < 0.2 * before
    assert not name_painted(s, *place[1])
    assert all(name_painted(s, *place[label]) for label in (0, 7))
    # Pressed twice, a class is alone.
    s.page.locator(".legend button").nth(0).dblclick()
    s.page.wait_for_timeout(900)
    assert name_painted(s, *place[0])
    assert not name_painted(s, *place[7])


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
    pca = fit_pca(codes.encode(ten, images).mu)
    old = np.array(s.z())
    off = old - pca.mean
    residual = float(re.search(r"([\d.]+) latent units off", s.note())[1])
    assert residual == pytest.approx(
        np.linalg.norm(off - off @ pca.components.T @ pca.components), abs=0.03
    )
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


@pytest.mark.slow
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
        mu = ten.encode(datasets.to_float(images[image][None])).mu[0].numpy()
    np.testing.assert_allclose(s.z(), mu, atol=0.006)
    assert np.abs(s.digit() - decoded(ten, mu)).mean() < 6
    s.page.mouse.up()
    s.until_query(view="t-sne")
    # The map is kept: another visitor has it at once.
    again = screen().open(s.page.url)
    assert "no inverse" in again.note()
    assert again.page.locator(".map-message").inner_text() == ""


def test_by_finger_the_map_moves_z_and_the_page_stays(app, screen, vae):
    s = screen(390, 844, has_touch=True, is_mobile=True).open(app.url)
    s.page.evaluate("document.querySelector('.stage .x-hats').scrollIntoView()")
    s.page.wait_for_timeout(400)
    scroll = (
        "(document.querySelector('[data-testid=stMain]') ?? document.scrollingElement).scrollTop"
    )
    top = s.page.evaluate(scroll)
    finger = Finger(s.page)
    x, y = s.plot(0.3, 0.8)
    finger.drag(s.plot(0.5, 0.3), s.plot(0.6, 0.5), (x, y))
    s.frame()
    assert s.page.evaluate(scroll) == top
    assert s.z() == pytest.approx(s.units(x, y), abs=0.05)
    assert np.abs(s.digit() - decoded(vae, s.z())).mean() < 8
    picture = s.page.locator("canvas.x-hat").bounding_box()
    assert picture["y"] > 48  # below the header: one sees what one moves
    sliders = s.page.locator(".sliders").bounding_box()
    assert sliders["y"] + sliders["height"] < 844
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
