"""The Explore page as a person uses it; asserts on what is painted and what is written."""

import json
import shutil

import numpy as np
import pytest
import safetensors.torch
import torch

from explorer.figures import CLASS_COLOURS, THEMES
from tests.browser.conftest import ROOT, serve

pytestmark = pytest.mark.browser

SIZES = {"laptop": (1280, 720), "projector": (1920, 1080), "phone": (390, 844)}


def drag_slider(page, number: int, share: float) -> None:
    """Drag the handle of a slider to a share of its width, with the mouse."""
    track = page.locator('[data-testid="stSlider"]').nth(number)
    track.scroll_into_view_if_needed()
    box = track.bounding_box()
    thumb = track.locator('[data-testid="stSliderThumbValue"]').locator("xpath=..").bounding_box()
    y = thumb["y"] + thumb["height"] / 2
    page.mouse.move(thumb["x"] + thumb["width"] / 2, y)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.5 * box["width"], y, steps=4)
    page.mouse.move(box["x"] + share * box["width"], y, steps=8)
    page.mouse.up()


def swipe(page, x: float, y: float, down: float) -> None:
    """Draw one finger over the screen, as the browser's own input sees it."""
    finger = page.context.new_cdp_session(page)

    def touch(kind: str, *points: dict[str, float]) -> None:
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": list(points)})

    touch("touchStart", {"x": x, "y": y})
    for step in range(1, 11):
        touch("touchMove", {"x": x, "y": y + down * step / 10})
        page.wait_for_timeout(16)
    touch("touchEnd")


def place_of_point(page, image: int) -> tuple[float, float]:
    """Where on the page the point of an image lies."""
    return page.evaluate(
        """image => {
          const plot = document.querySelector('.js-plotly-plot');
          const { xaxis, yaxis } = plot._fullLayout;
          const box = plot.getBoundingClientRect();
          for (const trace of plot.data) {
            if (!trace.customdata) continue;
            const full = plot._fullData[trace.index ?? plot.data.indexOf(trace)];
            const n = full.customdata.findIndex(row => row[0] === image);
            if (n < 0) continue;
            return [box.left + xaxis._offset + xaxis.d2p(full.x[n]),
                    box.top + yaxis._offset + yaxis.d2p(full.y[n])];
          }
        }""",
        image,
    )


def lonely_point(page, besides: int) -> int:
    """An image whose point has no neighbour within a few pixels, so that a click means it."""
    return page.evaluate(
        """besides => {
          const plot = document.querySelector('.js-plotly-plot');
          const { xaxis, yaxis, width, height } = plot._fullLayout;
          const all = plot._fullData.filter(t => t.customdata).flatMap(t => Array.from(
            t.customdata, (row, i) => [row[0], xaxis.d2p(t.x[i]), yaxis.d2p(t.y[i])]));
          const inside = all.filter(p => p[1] > 40 && p[1] < xaxis._length - 40
                                      && p[2] > 40 && p[2] < yaxis._length - 40);
          let best = [-1, 0];
          for (const p of inside) {
            if (p[0] === besides) continue;
            let nearest = Infinity;
            for (const q of all) if (q !== p)
              nearest = Math.min(nearest, Math.hypot(p[1] - q[1], p[2] - q[2]));
            if (nearest > best[1]) best = [p[0], nearest];
          }
          return best[0];
        }""",
        besides,
    )


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
    assert s.term("elbo") == pytest.approx(s.term("reconstruction") + s.term("kl"), abs=0.11)
    assert 60 < s.term("elbo") < 250
    assert len(s.slider_values()) == 2
    assert len(s.near(THEMES["light"].z)) > 50
    assert len(s.near(THEMES["light"].reconstruction, ".terms")) > 500
    assert s.errors == []
    assert "Traceback" not in app.log


def test_a_slider_moves_z_the_picture_and_the_cursor(app, screen):
    s = screen().open(app.url)
    # Zoom in: what a hand has set on the map must outlive a slider.
    box = s.page.locator(".js-plotly-plot").first.bounding_box()
    s.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    s.page.mouse.wheel(0, -120)
    s.page.wait_for_timeout(400)
    zoom = "() => document.querySelector('.js-plotly-plot')._fullLayout.xaxis.range.join()"
    zoomed = s.page.evaluate(zoom)
    before, ring, terms = s.digit(), s.near(THEMES["light"].z).mean(0), s.term("at-z")
    old = s.slider_values()
    drag_slider(s.page, 0, 0.15)
    s.page.wait_for_function(
        "old => Number(document.querySelector('.term.at-z .value').innerText) !== old", arg=terms
    )
    s.settled()
    new = s.slider_values()
    assert new[0] != old[0]
    assert new[1] == old[1]
    assert s.page.evaluate(zoom) == zoomed
    assert np.abs(s.digit() - before).mean() > 8
    assert np.abs(s.near(THEMES["light"].z).mean(0) - ring).max() > 20
    link = sorted(float(v) for v in s.query()["z"].split(","))
    assert link == pytest.approx(sorted(new), abs=0.006)
    assert "at the ring" in s.page.locator(".terms").inner_text()
    # The keyboard does the same, and no change is lost.
    handle = s.page.locator('[data-testid="stSlider"] [role="slider"], input[type="range"]').first
    handle.focus()
    for _ in range(5):
        handle.press("ArrowRight")
        s.page.wait_for_timeout(60)
    s.page.wait_for_timeout(500)
    s.settled()
    assert s.slider_values()[0] == pytest.approx(new[0] + 0.05, abs=0.011)


def test_a_click_on_a_point_chooses_its_image_and_a_link_shows_it_again(app, screen):
    s = screen().open(app.url)
    before, old = s.digit(), s.image()
    wanted = lonely_point(s.page, old)
    x, y = place_of_point(s.page, wanted)
    s.page.mouse.move(x, y)
    s.page.wait_for_selector(".hoverlayer .hovertext")
    hover = s.page.locator(".hoverlayer").first.text_content()
    assert f"image {wanted}" in hover
    assert "nats" in hover
    s.page.mouse.click(x, y)
    s.page.wait_for_function(
        "n => document.querySelector('.pair figcaption').innerText.includes(`image ${n},`)",
        arg=wanted,
    )
    s.settled()
    assert np.abs(s.digit() - before).mean() > 3
    assert s.query()["image"] == str(wanted)
    bars = s.page.evaluate(
        "() => Array.from(document.querySelector('.st-key-kl_bars .js-plotly-plot')._fullData[0].y)"
    )
    assert sum(bars) == pytest.approx(s.term("kl"), abs=0.01)
    assert "z = μ of this image" in s.page.locator(".terms").inner_text()
    drag_slider(s.page, 1, 0.7)
    s.page.wait_for_selector(".term.at-z:has-text('at the ring')")
    s.settled()

    again = screen().open(s.page.url)
    assert again.image() == wanted
    assert again.slider_values() == s.slider_values()
    assert np.abs(again.digit() - s.digit()).max() <= 1
    assert again.term("elbo") == s.term("elbo")
    again.page.reload()
    again.ready()
    assert again.slider_values() == s.slider_values()


def test_full_screen_and_another_theme_keep_the_ring(app, screen):
    s = screen().open(app.url)
    s.page.locator(".js-plotly-plot").first.hover()
    s.page.locator(".modebar-btn[data-title='Fullscreen']").first.click()
    s.page.wait_for_timeout(800)
    assert len(s.near(THEMES["light"].z)) > 50
    s.page.keyboard.press("Escape")
    s.page.wait_for_timeout(800)
    assert len(s.near(THEMES["light"].z)) > 50
    s.page.emulate_media(color_scheme="dark")
    s.page.wait_for_timeout(2500)
    s.settled()
    assert len(s.near(THEMES["dark"].z)) > 50
    assert len(s.near(THEMES["dark"].ink, tolerance=30)) > 300  # the axes' numbers


def test_on_a_phone_a_swipe_scrolls_the_page_and_a_tap_chooses(app, screen):
    s = screen(390, 844, has_touch=True, is_mobile=True).open(app.url)
    s.page.evaluate("document.querySelector('.js-plotly-plot').scrollIntoView()")
    s.page.wait_for_timeout(300)
    main = "document.querySelector('[data-testid=stMain]').scrollTop"
    view = "document.querySelector('.js-plotly-plot')._fullLayout.yaxis.range.join()"
    top, before = s.page.evaluate(main), s.page.evaluate(view)
    box = s.page.locator(".js-plotly-plot").first.bounding_box()
    swipe(s.page, box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.6, -150)
    s.page.wait_for_timeout(300)
    assert s.page.evaluate(main) > top + 80
    assert s.page.evaluate(view) == before
    wanted = lonely_point(s.page, s.image())
    s.page.touchscreen.tap(*place_of_point(s.page, wanted))
    s.page.wait_for_function(
        "n => document.querySelector('.pair figcaption').innerText.includes(`image ${n},`)",
        arg=wanted,
    )
    picture = s.page.locator(".output img").bounding_box()
    sliders = s.page.locator(".st-key-sliders").bounding_box()
    assert 0 < sliders["y"] - picture["y"] - picture["height"] < 60  # one sees what one moves


def test_pca_and_tsne_show_the_same_images_and_say_what_they_are(app, screen):
    s = screen().open(app.url + "/?checkpoint=mnist-10d")
    assert len(s.slider_values()) == 10
    plane, digit = s.pixels(".js-plotly-plot"), s.digit()
    s.page.get_by_role("radio", name="PCA").or_(s.page.get_by_role("button", name="PCA")).click()
    s.page.wait_for_selector(".xtitle:has-text('PC 1')", state="attached")
    s.settled()
    text = s.page.locator(".map-note").inner_text()
    assert "% of the variance" in text
    assert "off their plane" in text
    pca = s.pixels(".js-plotly-plot")
    assert pca.shape != plane.shape or np.abs(pca - plane).mean() > 2
    assert len(s.near(THEMES["light"].z)) > 50
    assert s.query()["view"] == "pca"
    s.page.get_by_role("radio", name="t-SNE").or_(
        s.page.get_by_role("button", name="t-SNE")
    ).click()
    s.page.wait_for_selector("text=/t-SNE of 5,000 codes: .*%/", timeout=30_000)
    s.page.wait_for_selector(".js-plotly-plot .gl-canvas", state="attached", timeout=60_000)
    s.page.wait_for_selector(".progress", state="detached", timeout=150_000)
    s.settled()
    assert "no inverse" in s.page.locator(".map-note").inner_text()
    assert min(len(s.near(c, tolerance=25)) for c in CLASS_COLOURS) > 100
    assert np.abs(s.digit() - digit).max() <= 1  # another map, the same z
    # The map is kept: another visitor has it at once.
    again = screen().open(s.page.url)
    assert "no inverse" in again.page.locator(".map-note").inner_text()
    assert again.page.locator(".progress").count() == 0


def test_a_link_that_asks_for_what_is_not_here_is_explained(app, screen):
    s = screen().open(app.url + "/?checkpoint=nope&data=moon&view=globe&image=999999")
    said = s.warnings()
    for part in ("no checkpoint 'nope'", "'moon'", "view='globe'", "image 999999"):
        assert part in said, (part, said)
    assert s.digit().max() > 180
    s = screen().open(app.url + "/?axes=1,1")
    assert "axes='1,1'" in s.warnings()
    s = screen().open(app.url + "/?z=1,nan")
    assert "z='1,nan'" in s.warnings()
    s = screen().open(app.url + "/?z=1,2,3,4,5")
    assert "5 numbers" in s.warnings()
    s = screen().open(app.url + "/?z=99,-99")
    assert "beyond the sliders" in s.warnings()
    assert "Traceback" not in app.log


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
        upload = s.page.locator('input[type="file"]')
        upload.set_input_files(
            {"name": "mine.safetensors", "mimeType": "", "buffer": b"garbage" * 99}
        )
        s.page.wait_for_selector("text=mine.safetensors is damaged")
        ten = (ROOT / "checkpoints" / "mnist-10d.safetensors").read_bytes()
        upload.set_input_files({"name": "ten.safetensors", "mimeType": "", "buffer": ten})
        s.page.wait_for_selector("text=/z₁₀ ·/", timeout=30_000)
        s.ready()
        assert len(s.slider_values()) == 10
        # MNIST cannot be had here, and the button says so.
        s.page.get_by_role("button", name="Options").click()
        button = s.page.get_by_role("button", name="Download MNIST")
        if not button.is_visible():
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


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("checkpoint", ["mnist-2d", "mnist-10d"])
def test_nothing_is_cut_or_overlaps(app, screen, size, theme, checkpoint):
    width, height = SIZES[size]
    s = screen(width, height, theme).open(f"{app.url}/?checkpoint={checkpoint}")
    parts = s.page.evaluate(
        """() => Object.fromEntries(Object.entries({
          brand: '.brand', controls: '.st-key-controls', input: '.pair', picture: '.output img',
          map: '.js-plotly-plot', sliders: '.st-key-sliders', terms: '.terms',
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
