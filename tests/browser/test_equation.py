"""Explore's first view: the model as one line, the bound with its numbers, and the room."""

import numpy as np
import pytest
import torch

from explorer.figures.theme import CLASS_COLOURS, THEMES
from explorer.latent import codes
from tests.browser.hands import Finger
from training.data import datasets

FONT_SIZE = "e => parseFloat(getComputedStyle(e).fontSize)"


def numbers(s) -> dict[str, str]:
    """The numbers in the formula, in the terms' own signs."""
    found = s.page.locator(".formula [data-number]").evaluate_all(
        "all => all.map(e => [e.dataset.number, e.textContent])"
    )
    return {name: text.replace("−", "-") for name, text in found}


def box(s, selector: str) -> dict[str, float]:
    return s.page.locator(selector).first.bounding_box()


def test_the_bound_has_the_numbers_of_the_terms_and_follows_x(app, screen):
    s = screen().open(app.url)
    seen = set()
    for digit in (0, 1):
        s.page.locator(".stage .typical button").nth(digit).click()
        s.counted()
        found = numbers(s)
        assert float(found["mean"]) == -s.term("mean")
        assert float(found["kl"]) == s.term("kl")
        error = s.page.locator(".term.sum .value").inner_text().split(" ", 1)[1]
        assert found["sum"] == f"{-s.term('sum')} {error} nats"
        seen.add(found["sum"])
    assert len(seen) == 2
    # Of x alone: a drag changes none of them.
    s.page.mouse.move(*s.plot(0.5, 0.5))
    s.page.mouse.down()
    s.page.mouse.move(*s.plot(0.3, 0.6), steps=5)
    s.frame()
    assert numbers(s) == found
    s.page.mouse.up()
    # One line: its parts stand at one height, in the order of the columns, over what they mean.
    nodes = ["x", "posterior", "z", "decoder", "x-hat"]
    boxes = [box(s, f".node [data-symbol={name}]") for name in nodes]
    middles = [b["y"] + b["height"] / 2 for b in boxes]
    assert max(middles) - min(middles) < 3
    assert [b["x"] for b in boxes] == sorted(b["x"] for b in boxes)
    assert boxes[0]["x"] < box(s, ".pad")["x"] + box(s, ".pad")["width"]
    assert boxes[-1]["x"] >= box(s, "canvas.x-hat")["x"]
    for name in (".sliders", "canvas.x-hat", ".term.sum", ".formula"):  # above the fold
        assert box(s, name)["y"] + box(s, name)["height"] <= 720, name
    assert s.errors == []


def test_a_symbol_says_what_it_is_by_mouse_and_keyboard(app, screen):
    s = screen().open(app.url)
    notes = s.page.locator(".about:visible")
    s.page.locator(".formula [data-symbol=evidence]").focus()
    assert "log probability of x" in notes.inner_text()
    said = set()
    for _ in range(6):  # one stop of Tab, and arrows along it
        s.page.keyboard.press("ArrowRight")
        assert notes.count() == 1
        focused = s.page.evaluate(
            "[document.activeElement.dataset.symbol, document.activeElement.getAttribute("
            "'aria-describedby'), document.querySelector('.about:not([hidden])').id]"
        )
        assert focused[1] == focused[2] == f"symbol-{focused[0]}"
        said.add(notes.inner_text())
    assert len(said) == 6
    assert any("evidence lower bound" in text for text in said)
    s.page.keyboard.press("Escape")
    assert notes.count() == 0
    s.page.keyboard.press("Tab")
    assert s.page.evaluate("document.activeElement.closest('.formula')") is None
    # By mouse; its place on the page is marked meanwhile.
    plain = s.pixels(".term.kl")
    kl = s.page.locator(".formula [data-symbol=kl]")
    kl.hover()
    assert "in nats" in notes.inner_text()
    assert s.page.locator(".term.kl").evaluate("e => getComputedStyle(e).boxShadow") != "none"
    place = notes.bounding_box()
    s.page.mouse.move(place["x"] + 20, place["y"] + 10, steps=4)  # the note can be gone to
    s.page.wait_for_timeout(400)
    assert notes.count() == 1
    s.page.mouse.move(640, 690)
    s.until(lambda: notes.count() == 0)
    assert (s.pixels(".term.kl") == plain).all()
    for symbol in s.page.locator(".stage .symbol:visible").all():
        size = symbol.bounding_box()
        assert min(size["width"], size["height"]) >= 24


def test_a_distance_claims_no_bound(app, screen):
    s = screen().open(f"{app.url}/?checkpoint=report-perceptual")
    s.counted()
    assert "±" in s.page.locator(".formula [data-number=mean]").first.inner_text()
    text = s.page.locator(".formula").inner_text()
    assert "≥" not in text
    assert "no bound" in text
    found = numbers(s)
    assert float(found["mean"].split(" ")[0]) == s.term("mean")
    assert float(found["kl"]) == s.term("kl")
    assert "p_θ" not in s.page.locator(".chain").inner_text().replace("\n", "")


def test_the_map_fits_the_codes_whose_few_outliers_are_one_press_away(app, screen, vae, images):
    s = screen().open(app.url)
    mu = codes.encode(vae, images).mu
    inside = s.ranges()
    across, up = mu[:, 0], mu[:, 1]

    def share(window) -> float:
        left, right, bottom, top = window
        return float(((across > left) & (across < right) & (up > bottom) & (up < top)).mean())

    assert 0.98 < share(inside) < 1
    # The codes take the height that there is, or the width, at one scale on both axes.
    middle = np.quantile(mu, [0.01, 0.99], axis=0)
    spans = (middle[1] - middle[0]) / [inside[1] - inside[0], inside[3] - inside[2]]
    assert spans.max() > 0.75
    map_box = box(s, ".stage .map")
    units = [
        (inside[1] - inside[0]) / map_box["width"],
        (inside[3] - inside[2]) / map_box["height"],
    ]
    assert units[0] == pytest.approx(units[1], rel=1e-3)
    everything = s.page.get_by_role("button", name="Show the whole map")
    everything.click()
    assert share(s.ranges()) == 1
    everything.click()
    assert s.ranges() == inside


def own_colours(s, mu, labels) -> list[float]:
    """The share of each class's codes at whose place its own colour is painted."""
    seen = s.pixels(".stage .map")
    palette = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in CLASS_COLOURS])
    left, right, bottom, top = s.ranges()
    height, width = seen.shape[:2]
    columns = ((mu[:, 0] - left) / (right - left) * width).astype(int)
    rows = ((top - mu[:, 1]) / (top - bottom) * height).astype(int)
    within = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    found = []
    for label in range(10):
        there = within & (labels == label)
        colours = seen[rows[there], columns[there]]
        nearest = np.abs(colours[:, None] - palette).sum(-1).argmin(-1)
        found.append(float((nearest == label).mean()))
    return found


def test_no_class_covers_another_and_each_is_named_once(app, screen, vae, images):
    mu = codes.encode(vae, images).mu
    parts = [datasets.load("mnist-5k", part).labels for part in ("train", "test")]
    labels = torch.cat(parts).numpy()
    s = screen().open(app.url)
    own = own_colours(s, mu, labels)
    assert own[4] > 0.75 * own[9], own  # nines, which lie on the fours, hide no more of them
    # On the map, and so not in the legend, whose buttons keep their names for those who hear them.
    written = s.page.locator(".stage .map .over text").all_text_contents()
    assert set("0123456789") <= set(written)
    buttons = s.page.locator(".legend button")
    assert [b.inner_text() for b in buttons.all()] == list("0123456789")
    for button in buttons.all():
        size = button.bounding_box()
        assert min(size["width"], size["height"]) >= 24
    assert s.page.locator(".legend button span").evaluate_all(
        "all => all.every(e => getComputedStyle(e).clipPath !== 'none')"
    )
    buttons.nth(3).click()  # it is off the map, and its name with it
    assert (
        s.page.locator(".legend button span").nth(3).evaluate("e => getComputedStyle(e).clipPath")
        == "none"
    )


def test_a_wider_window_has_larger_letters_and_pictures_not_emptier_ones(app, screen):
    sizes = {}
    for size in ((1280, 720), (1920, 1080)):
        s = screen(*size).open(app.url)
        family = s.page.locator(".stage .map svg text").evaluate_all(
            "all => [...new Set(all.map(e => getComputedStyle(e).fontFamily))]"
        )
        page = s.page.evaluate("getComputedStyle(document.body).fontFamily")
        assert len(family) == 1
        assert page.startswith(family[0])
        name = s.page.locator(".stage .map .over text", has_text="7").last
        sizes[size] = [
            s.page.locator(".term.sum .name").evaluate(
                "e => parseFloat(getComputedStyle(e).fontSize)"
            ),
            name.evaluate("e => parseFloat(getComputedStyle(e).fontSize)"),
            box(s, "canvas.x-hat")["width"],
            box(s, ".pad")["width"],
        ]
        for part in (".sliders", "table.posterior"):
            assert box(s, part)["y"] + box(s, part)["height"] <= size[1]
    laptop, projector = sizes.values()
    assert laptop[0] == 16
    assert all(b > 1.1 * a for a, b in zip(laptop, projector, strict=True)), sizes


def test_on_a_phone_the_picture_moves_beside_the_map_that_moves_it(app, screen):
    s = screen(390, 844, alive=True, has_touch=True, is_mobile=True)
    s.page.goto(app.url)
    s.page.wait_for_selector(".stage[data-ready=true]", timeout=60_000)
    s.page.wait_for_function(
        "() => document.querySelector('.map-note .text').textContent.includes('touch anything')",
        timeout=30_000,
    )
    picture, where = box(s, "canvas.x-hat"), box(s, ".stage .map")
    assert 48 < picture["y"] < where["y"] - picture["height"]
    assert where["y"] + 0.85 * where["height"] < 844
    before = s.digit()
    s.page.wait_for_timeout(2500)
    assert np.abs(s.digit() - before).mean() > 1
    assert len(s.near(THEMES["light"].z)) > 50  # the ring, on the part of the map that is seen
    finger = Finger(s.page)
    finger.drag(s.plot(0.5, 0.3), s.plot(0.4, 0.5))
    s.frame()
    still = s.digit()
    s.page.wait_for_timeout(1500)
    assert (s.digit() == still).all()
    # A tap on a symbol says what it is, one elsewhere takes that away.
    prior = s.page.locator(".formula [data-symbol=prior]")
    prior.scroll_into_view_if_needed()
    prior.tap()
    about = s.page.locator(".about:visible")
    assert "before x is seen" in about.inner_text()
    shown = about.bounding_box()
    assert shown["x"] >= 0
    assert shown["x"] + shown["width"] <= 390
    s.page.locator(".term.kl").tap()
    assert about.count() == 0
