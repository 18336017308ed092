"""The stage's tools: manifold, drawing, samples, walks. Asserts on what is painted."""

import re
import time

import numpy as np
import pytest
import torch

from explorer.figures.theme import THEMES
from tests.browser.hands import decoded

CYAN, VIOLET = THEMES["light"].z, THEMES["light"].posterior


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
        width = s.page.locator(".stage .map").bounding_box()["width"]
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
    s.page.get_by_role("button", name="Edit", exact=True).click()
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
    for n in range(1, 5):
        s.page.get_by_role("button", name="Draw ε").click()
        s.page.locator(".sampler .said", has_text=f"n = {n}:").wait_for()
        s.frame()
        places.append(s.z())
        for name, value in zip(("z₁", "z₂"), s.z(), strict=True):
            mu, sigma = numbers[name]
            assert abs(value - mu) < 5 * sigma + 0.01
    assert len({tuple(p) for p in places}) >= 3  # two may round to the same
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
    s.frame()
    # A walk is there before anything is marked: between two typical images.
    assert len({s.canvas(".film canvas", n).tobytes() for n in (0, 3, 7)}) == 3
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
    # Told on its way back to go only once, a walk ends where it was going.
    s.page.locator(".walk .path").select_option("straight")
    s.page.locator(".walk .share").fill("0.95")
    s.page.get_by_role("button", name="Play").click()
    s.page.wait_for_function(
        """() => {
          const share = Number(document.querySelector(".walk .share").value);
          const back = share < (window.shareBefore ?? 0);
          window.shareBefore = share;
          return back && share > 0.3;
        }"""
    )
    s.page.locator(".walk .loop").uncheck()
    s.page.get_by_role("button", name="Play").wait_for()
    np.testing.assert_allclose(s.z(), a, atol=0.011)
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
    seen, began = set(), time.monotonic()
    for _ in range(25):
        s.page.wait_for_timeout(40)
        seen.add(s.z()[0])
    steps = 2 + (time.monotonic() - began) / 0.4
    assert 1 <= len(seen) <= steps  # and no glide
