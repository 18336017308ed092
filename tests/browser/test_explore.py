"""The Explore page as a person uses it; asserts on what is painted and what is written."""

import json
import re
import shutil

import numpy as np
import pytest
import safetensors.torch
import torch

from explorer.figures.theme import CLASS_COLOURS, THEMES
from explorer.latent.codes import encode
from tests.browser.conftest import ROOT, serve

SIZES = {"laptop": (1280, 720), "projector": (1920, 1080), "phone": (390, 844)}


def lonely_point(s, points: np.ndarray) -> tuple[float, float]:
    """The pixel of the page at the point whose neighbours are farthest, away from the edges."""
    box = s.page.locator(".stage .map").bounding_box()
    left, right, bottom, top = s.ranges()
    across = (points[:, 0] - left) / (right - left) * box["width"]
    down = (top - points[:, 1]) / (top - bottom) * box["height"]
    at = np.stack([across, down], 1)
    inside = (at > 40).all(1) & (at < [box["width"] - 40, box["height"] - 40]).all(1)
    distance = np.linalg.norm(at[inside][:, None] - at, axis=-1)
    distance[distance == 0] = np.inf
    x, y = at[inside][distance.min(1).argmax()]
    return box["x"] + float(x), box["y"] + float(y)


def test_a_newcomer_without_network_sees_the_whole_flow(app, screen):
    s = screen().open(app.url)
    assert s.warnings() == ""
    boxes = s.page.locator(".st-key-controls input").evaluate_all("all => all.map(i => i.value)")
    assert any("5,000 MNIST digits" in box for box in boxes)
    assert any("mnist-2d" in box for box in boxes)
    painted = [len(s.near(c, tolerance=25)) for c in CLASS_COLOURS]
    assert min(painted) > 100, painted
    digit = s.digit()
    assert digit.max() > 180
    assert digit.min() < 30
    assert np.abs(s.digit("canvas.seen") - s.digit("canvas.pad")).mean() < 12
    s.counted()
    assert "±" in s.page.locator(".term.sum .value").inner_text()
    assert s.term("sum") == pytest.approx(s.term("mean") + s.term("kl"), abs=0.11)
    assert 60 < s.term("sum") < 250
    assert len(s.z()) == 2
    assert len(s.near(THEMES["light"].z)) > 50
    assert len(s.near(THEMES["light"].reconstruction, ".terms")) > 500
    assert s.errors == []
    assert "Traceback" not in app.log


def test_a_click_on_a_point_chooses_its_image_and_a_link_shows_it_again(app, screen, vae, images):
    s = screen().open(app.url)
    before, old = s.digit(), s.image()
    x, y = lonely_point(s, encode(vae, images).mu)
    s.page.mouse.move(x, y)
    s.page.wait_for_selector(".tip:visible")
    hover = s.page.locator(".tip p").inner_text()
    assert "nats" in hover
    wanted = int(re.search(r"image (\d+)", hover)[1])
    assert wanted != old
    shown = [s.digit(".tip canvas", i) for i in (0, 1)]
    assert min(p.max() for p in shown) > 150
    s.page.mouse.click(x, y)
    s.until_query(image=str(wanted))
    assert s.image() == wanted
    assert s.page.locator(".tip").is_hidden()
    assert np.abs(s.digit() - before).mean() > 3
    # What hovering promised is what is shown: the picture, and its reconstruction at μ.
    assert np.abs(s.digit("canvas.seen") - shown[0]).mean() < 12
    assert np.abs(s.digit("canvas.recon") - shown[1]).mean() < 12
    assert f"reconstruction {s.term('reconstruction'):.1f}" in hover
    assert s.ring() == pytest.approx((x, y), abs=2)
    s.page.mouse.move(*s.plot(0.3, 0.4))
    s.page.mouse.down()
    s.page.mouse.move(*s.plot(0.35, 0.45), steps=3)
    s.page.mouse.up()
    s.page.wait_for_timeout(800)
    s.settled()

    again = screen().open(s.page.url)
    assert again.image() == wanted
    assert again.z() == pytest.approx(s.z(), abs=0.011)
    assert np.abs(again.digit() - s.digit()).max() <= 6
    assert again.term("kl") == s.term("kl")


def test_another_theme_recolours_without_losing_the_view(app, screen):
    s = screen().open(app.url)
    s.page.mouse.click(*s.plot(0.3, 0.3))
    s.page.mouse.wheel(0, -200)
    s.page.wait_for_timeout(800)
    zoom, z = s.ranges(), s.z()
    s.page.emulate_media(color_scheme="dark")
    s.page.wait_for_timeout(2000)
    s.settled()
    assert len(s.near(THEMES["dark"].z)) > 50
    assert len(s.near(THEMES["dark"].ink, tolerance=30)) > 300  # the axes' numbers
    assert s.ranges() == pytest.approx(zoom)
    assert s.z() == z


@pytest.mark.slow
def test_a_link_that_asks_for_what_is_not_here_is_explained(app, screen):
    s = screen().open(app.url + "/?checkpoint=nope&data=moon&view=globe&image=999999")
    said = s.warnings()
    for part in ("no checkpoint 'nope'", "'moon'", "view='globe'", "image 999999"):
        assert part in said, (part, said)
    assert s.digit().max() > 180
    s = screen().open(app.url + "/?checkpoint=![x](http://127.0.0.1:9/x.png)%20[a](http://b)")
    assert "no checkpoint '![x]" in s.warnings()  # as text, not as a picture or a link
    assert s.page.locator('[data-testid="stAlert"] :is(img, a)').count() == 0
    s = screen().open(app.url + "/?axes=1,1")
    assert "axes='1,1'" in s.warnings()
    s = screen().open(app.url + "/?z=1,nan")
    assert "z='1,nan'" in s.warnings()
    s = screen().open(app.url + "/?z=1,2,3,4,5")
    assert "5 numbers" in s.warnings()
    s = screen().open(app.url + "/?z=99,-99")
    assert "far beyond every code" in s.warnings()
    assert "Traceback" not in app.log


@pytest.mark.slow
def test_bad_checkpoints_are_named_and_the_others_work(tmp_path, screen, chromium):
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    good = (ROOT / "checkpoints" / "mnist-2d.safetensors").read_bytes()
    (folder / "good.safetensors").write_bytes(good)
    (folder / "cut.safetensors").write_bytes(good[: len(good) // 2])
    safetensors.torch.save_file({"w": torch.ones(3)}, folder / "foreign.safetensors")
    torch.save({"w": torch.ones(3)}, folder / "pickle.safetensors")
    with serve(tmp_path / "app", VAE_CHECKPOINT_DIR=str(folder)) as app:
        s = screen().open(app.url)
        said = s.warnings()
        assert "cut.safetensors is damaged, truncated" in said
        assert "foreign.safetensors was written by another tool" in said
        assert "pickle.safetensors is a pickle" in said
        assert s.digit().max() > 180
        # Uploads: garbage gets its sentence, a good one is opened.
        s.page.get_by_role("button", name="Options").click()
        upload = s.page.locator('input[accept*=".safetensors"]')
        upload.set_input_files(
            {"name": "mine.safetensors", "mimeType": "", "buffer": b"garbage" * 99}
        )
        s.page.wait_for_selector("text=mine.safetensors is damaged")
        ten = (ROOT / "checkpoints" / "mnist-10d.safetensors").read_bytes()
        upload.set_input_files({"name": "ten.safetensors", "mimeType": "", "buffer": ten})
        s.page.wait_for_function(
            "() => document.querySelectorAll('.slider').length === 10", timeout=30_000
        )
        s.ready()
        assert len(s.z()) == 10
        # MNIST cannot be had here, and the button says so.
        button = s.page.get_by_role("button", name="Download MNIST")
        if not button.is_visible():  # what was opened for the upload may be open still
            s.page.get_by_role("button", name="Options").click()
        button.click()
        s.page.wait_for_selector("text=no mirror answered", timeout=60_000)
        assert "Traceback" not in app.log
        shutil.rmtree(folder)
        folder.mkdir()
        empty = screen()
        empty.page.goto(app.url)
        empty.page.wait_for_selector("text=There is no checkpoint in")


def test_a_download_that_broke_off_is_named_and_the_embedded_digits_stand_in(
    tmp_path, screen, chromium
):
    raw = tmp_path / "app" / "data" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    (raw / "t10k-images-idx3-ubyte").write_bytes(bytes(5000))
    (raw / "t10k-labels-idx1-ubyte").write_bytes(bytes(50))
    with serve(tmp_path / "app") as app:
        s = screen().open(app.url)
        assert "t10k-images-idx3-ubyte is damaged" in s.warnings()
        assert s.digit().max() > 180
        assert len(s.near(CLASS_COLOURS[0], tolerance=25)) > 100


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("checkpoint", ["mnist-2d", "mnist-10d"])
def test_nothing_is_cut_or_overlaps(app, screen, size, theme, checkpoint):
    width, height = SIZES[size]
    s = screen(width, height, theme).open(f"{app.url}/?checkpoint={checkpoint}")
    parts = s.page.evaluate(
        """() => Object.fromEntries(Object.entries({
          brand: '.brand', controls: '.st-key-controls', x: '.xs', typical: '.typical',
          posterior: 'table.posterior', picture: 'canvas.x-hat', map: '.stage .map',
          note: '.map-note', sliders: '.sliders', terms: '.terms', tabs: '.tabs', panel: '.panels',
        }).map(([name, selector]) => {
          const b = document.querySelector(selector).getBoundingClientRect();
          return [name, [b.left, b.top, b.right, b.bottom]];
        }))"""
    )
    for name, (left, top, right, bottom) in parts.items():
        assert left >= 0, name
        assert right <= width + 1, name
        if size != "phone":
            assert bottom <= height + 1, (name, bottom)
            assert top >= 0, name
    names = list(parts)
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            (l1, t1, r1, b1), (l2, t2, r2, b2) = parts[a], parts[b]
            across, down = min(r1, r2) - max(l1, l2), min(b1, b2) - max(t1, t2)
            assert across <= 1 or down <= 1, (a, b, parts[a], parts[b])
    overflow = s.page.evaluate(
        "() => document.querySelector('[data-testid=stMain]').scrollWidth"
        " - document.querySelector('[data-testid=stMain]').clientWidth"
    )
    assert overflow <= 0
    paper = THEMES[theme].paper
    background = s.pixels("[data-testid=stMain]")[-3:, :5].reshape(-1, 3).mean(0)
    assert np.abs(background - [int(paper[i : i + 2], 16) for i in (1, 3, 5)]).max() < 6
    assert len(s.near(THEMES[theme].z)) > 30
    assert json.dumps(s.errors) == "[]"
