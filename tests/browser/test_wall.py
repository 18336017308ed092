"""Images by their terms: the wall, the map's colours, other images beside, against numbers of
torch's."""

import re

import numpy as np
import pytest
import torch

from explorer.latent import terms as latent_terms
from explorer.session.term_sets import some_of
from tests.browser.conftest import serve
from training.data import datasets
from training.evaluation import image_terms

TRAIN, TEST = 150, 50
WAIT = 120_000


@pytest.fixture(scope="module")
def few():
    """Two hundred digits in the order in which the app numbers them, and their labels."""
    found = datasets.load("mnist-5k", "train")
    rows = torch.arange(200) * 19  # of all classes
    return found.images[rows], found.labels[rows]


@pytest.fixture(scope="module")
def walled(tmp_path_factory, chromium, few):
    """The app with these digits as somebody's own."""
    folder = tmp_path_factory.mktemp("walled")
    (folder / "data").mkdir()
    images, labels = (part.numpy() for part in few)
    np.savez(
        folder / "data" / "few.npz",
        x_train=images[:TRAIN].reshape(-1, 28, 28),
        y_train=labels[:TRAIN],
        x_test=images[TRAIN:].reshape(-1, 28, 28),
        y_test=labels[TRAIN:],
    )
    with serve(folder) as running:
        yield running


@pytest.fixture(scope="module")
def oracle(vae, few):
    """−ELBO and its parts by torch, of each digit."""
    found = image_terms.terms(vae, few[0].float() / 255)
    total = (found.reconstruction + found.kl).numpy()
    evidence = -found.log_p.numpy()
    return {
        "total": total,
        "reconstruction": found.reconstruction.numpy(),
        "kl": found.kl.numpy(),
        "gap": total - evidence,
        "evidence": evidence,
    }


def open_wall(screen, app, checkpoint="mnist-2d", **size):
    s = screen(**size).open(f"{app.url}/?checkpoint={checkpoint}&data=npz:few.npz")
    s.page.click(".wall-open")
    s.page.wait_for_selector(".wall[data-whole=true] .cell", timeout=WAIT)
    return s


def shown(s) -> list[int]:
    return s.page.locator(".cell").evaluate_all("all => all.map(c => Number(c.dataset.image))")


def values(s) -> list[float]:
    texts = s.page.locator(".cell b").all_inner_texts()
    return [float(text.replace("−", "-")) for text in texts]


def test_the_wall_is_sorted_by_each_term_as_torch_has_it(walled, screen, oracle):
    s = open_wall(screen, walled)
    for name, own in oracle.items():
        s.page.select_option(".wall .sort", name)
        images, told = shown(s), values(s)
        assert len(images) >= 10
        # Numbers to a tenth of a nat, in their order; the same images but for near ties.
        np.testing.assert_allclose(told, own[images], atol=0.06)
        assert told == sorted(told, reverse=True)
        worst = np.sort(own)[::-1][: len(images)]
        np.testing.assert_allclose(own[images], worst, atol=0.02, err_msg=name)
    s.page.click(".wall .turn")
    images = shown(s)
    np.testing.assert_allclose(
        oracle["evidence"][images], np.sort(oracle["evidence"])[: len(images)], atol=0.02
    )
    assert not s.errors


def test_pictures_and_error_maps_are_of_their_images(walled, screen, vae, few):
    s = open_wall(screen, walled)
    image = shown(s)[1]
    x = few[0][image].float() / 255
    with torch.no_grad():
        mean = vae.picture(vae.encode(x[None]).mu)[0]
    s.until(lambda: s.page.locator(".cell canvas").nth(5).evaluate("c => c.width") == 28)
    assert np.abs(s.canvas(".cell canvas", 3) - (255 * x).reshape(28, 28).numpy()).max() <= 1
    assert np.abs(s.canvas(".cell canvas", 4) - (255 * mean).reshape(28, 28).numpy()).max() <= 3
    # Viridis from 0 to 1: its green rises all the way, from 1 to 231.
    green = np.array(
        s.page.locator(".cell canvas")
        .nth(5)
        .evaluate(
            "c => Array.from(c.getContext('2d').getImageData(0, 0, 28, 28).data)"
            ".filter((_, i) => i % 4 === 1)"
        )
    )
    apart = (x - mean).abs().numpy()
    stops = [1, 40, 74, 104, 130, 158, 183, 206, 222, 231]
    expected = np.interp(apart, np.linspace(0, 1, 10), stops)
    assert np.abs(green - expected).max() <= 4


def test_filtered_paged_by_keys_and_chosen(walled, screen, oracle, few):
    s = open_wall(screen, walled)
    labels, page = few[1].numpy(), len(shown(s))
    order = np.argsort(-oracle["total"], kind="stable").tolist()
    assert s.page.locator(".wall .pages").inner_text() == f"1–{page} of 200"
    s.page.locator(".cell").first.focus()
    for key, place in (
        ("ArrowRight", 1),
        ("ArrowRight", 2),
        ("ArrowLeft", 1),
        ("PageDown", page + 1),
        ("End", 199),
        ("PageUp", None),
        ("Home", 0),
        ("PageDown", page),
    ):
        s.page.keyboard.press(key)
        here = int(s.page.evaluate("() => document.activeElement.dataset.image"))
        if place is not None:
            assert oracle["total"][here] == pytest.approx(oracle["total"][order[place]], abs=0.02)
    assert s.page.locator(".wall .pages").inner_text().startswith(f"{page + 1}–")
    here = int(s.page.evaluate("() => document.activeElement.dataset.image"))
    s.page.keyboard.press("Enter")
    s.settled()
    # x everywhere: above the input, on the wall, in the terms and on the map.
    s.until(lambda: s.image() == here)
    assert f"x is image {here}" in s.page.locator(".wall .which").inner_text()
    assert s.page.locator('.cell[aria-pressed="true"]').get_attribute("data-image") == str(here)
    s.page.keyboard.press("Escape")
    assert s.page.locator(".wall").is_hidden()
    assert s.page.evaluate("() => document.activeElement.className") == "wall-open"
    s.until(lambda: abs(s.term("sum") - oracle["total"][here]) < 1.5)
    s.until_query(image=str(here))
    assert np.abs(s.canvas("canvas.seen") - few[0][here].reshape(28, 28).numpy()).max() <= 1
    s.page.click(".wall-open")
    s.page.select_option(".wall .only", "3")
    images = shown(s)
    assert images
    assert all(labels[images] == 3)
    threes = np.flatnonzero(labels == 3)
    assert s.page.locator(".wall .pages").inner_text().endswith(f"of {len(threes)}")
    assert oracle["total"][images[0]] == pytest.approx(oracle["total"][threes].max(), abs=0.02)
    if labels[here] != 3:
        assert s.page.locator(".wall .find-x").is_hidden()
    assert not s.errors


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_map_is_coloured_by_a_term_with_a_bar(walled, screen, oracle, vae, few, theme):
    s = screen(theme=theme).open(f"{walled.url}/?checkpoint=mnist-2d&data=npz:few.npz")
    s.page.select_option(".colour-by select", "total")
    s.page.wait_for_selector(".legend .bar", timeout=WAIT)
    s.until(lambda: "being computed" not in s.note(), 120)
    high, low = (float(text) for text in s.page.locator(".legend .bar > span").all_inner_texts())
    np.testing.assert_allclose([low, high], np.quantile(oracle["total"], [0.02, 0.98]), atol=4)
    ramp = s.page.locator(".legend .bar i").evaluate("i => i.style.getPropertyValue('--ramp')")
    ramp = np.array([[int(c[k : k + 2], 16) for k in (1, 3, 5)] for c in ramp.split(", ")])
    assert len(ramp) == 24
    with torch.no_grad():
        codes = vae.encode(few[0].float() / 255).mu.numpy()
    box = s.page.locator(".stage .map").bounding_box()
    paper = np.array([255, 255, 255] if theme == "light" else [11, 16, 32])
    painted, checked, seen = s.pixels(".stage .map"), 0, 0
    # Codes apart from all others, from what lies over them and from the edges.
    for image, (x, y) in enumerate(codes):
        others = np.delete(codes, image, 0)
        px, py = s.place(float(x), float(y))
        px, py = px - box["x"], py - box["y"]
        if np.hypot(*(others - codes[image]).T).min() < 0.13:
            continue
        if not (30 < px < box["width"] - 160 and 40 < py < box["height"] - 40):
            continue
        share = (oracle["total"][image] - low) / (high - low)
        if abs(share * 24 - round(share * 24)) < 0.1:
            continue  # between two steps
        step = int(np.clip(np.floor(share * 24), 0, 23))
        solid = (painted[int(py), int(px)] - 0.3 * paper) / 0.7  # a dot's opacity, of few codes
        checked += 1
        seen += bool(np.abs(solid - ramp[step]).max() < 26)
    assert checked >= 8
    assert seen >= 0.6 * checked, "the others lie under names, grid lines or the ellipse"
    s.page.select_option(".colour-by select", "")
    s.page.wait_for_selector(".legend button")
    assert s.page.locator(".legend .bar").count() == 0
    assert not s.errors


def test_other_images_beside_have_torchs_means(walled, screen, vae, few, oracle):
    s = open_wall(screen, walled)
    s.page.click("[data-part=beside]")
    offered = s.page.locator("select.other option").all_inner_texts()
    assert any("5,000" in text for text in offered), "a set of the same shape"
    digits = torch.cat([datasets.load("mnist-5k", part).images for part in ("train", "test")])
    shape = vae.shape
    for name in ("5,000 MNIST digits · embedded", "the same, without greys"):
        s.page.select_option("select.other", label=name)
        row = s.page.locator(".sets tbody tr").nth(1)
        row.filter(has_text=name).wait_for(timeout=WAIT)
        told = row.inner_text().split("\t")
        if name.startswith("the same"):
            images = latent_terms.ALTERED[name](few[0], shape)
        else:
            images = digits[some_of(len(digits))]
        found = image_terms.terms(vae, images.float() / 255)
        total = (found.reconstruction + found.kl).numpy()
        assert int(told[1]) == len(images)
        assert float(told[2]) == pytest.approx(float(total.mean()), abs=0.06)
        assert float(told[3]) == pytest.approx(float(-found.log_p.mean()), abs=0.1)
        share = 100 * float((total < np.median(oracle["total"])).mean())
        assert float(told[4].removesuffix(" %")) == pytest.approx(share, abs=1.5)
        # The bars: shares of the images, in as many bins, that sum to the same for both.
        paths = s.page.locator(".histograms path").evaluate_all(
            "all => all.map(p => p.getAttribute('d'))"
        )
        areas = []
        for path in paths:
            heights = [200 - float(y) for y in re.findall(r"L[\d.]+ ([\d.]+)H", path)]
            assert len(heights) == 44
            areas.append(sum(heights))
        assert areas[0] == pytest.approx(areas[1], rel=0.01)
    assert "Nalisnick" in s.page.locator(".lesson").inner_text()


def test_in_ten_dimensions_the_bound_is_called_so(walled, screen, ten, few):
    s = open_wall(screen, walled, "mnist-10d", width=390, height=844)
    assert "L₂₅₆" in s.page.locator(".wall .state").inner_text()
    s.page.select_option(".wall .sort", "gap")
    assert "L₂₅₆ − ELBO" in s.page.locator(".wall .sort option:checked").inner_text()
    found = image_terms.terms(ten, few[0].float() / 255)
    gap = (found.reconstruction + found.kl + found.log_p).numpy()
    images = shown(s)
    np.testing.assert_allclose(values(s), gap[images], atol=0.1)
    wall = s.page.locator(".wall").bounding_box()
    assert wall["width"] == 390
    assert s.page.evaluate("() => document.documentElement.scrollWidth") <= 390
    assert not s.errors
