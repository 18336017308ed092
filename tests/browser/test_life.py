"""The stage on its page: reruns, other models, damaged data, a base path, odd dimensions."""

import json
import math
import re
from urllib.parse import urlsplit

import numpy as np
import pytest

from explorer.blobs import per_piece
from explorer.figures.theme import CLASS_COLOURS
from tests.browser.conftest import serve
from tests.browser.hands import decoded
from training import checkpoint
from training.checkpoint import Checkpoint, Metrics
from training.fit.trainer import new_vae
from training.presets import Preset
from training.vae.image_shape import GREY_28
from training.vae.model import VAEConfig


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


@pytest.mark.slow
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
    assert s.page.locator(".stage .map canvas.codes").count() == 1
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


def test_without_webgl_all_goes_on(app, screen):
    s = screen()
    s.page.add_init_script(
        "const own = HTMLCanvasElement.prototype.getContext;"
        "HTMLCanvasElement.prototype.getContext = function (kind, ...more) {"
        "  return /webgl/.test(kind) ? null : own.call(this, kind, ...more); };"
    )
    s.open(app.url)
    assert "WebGL" not in s.page.locator(".stage").inner_text()
    assert min(len(s.near(c, tolerance=25)) for c in CLASS_COLOURS) > 100
    before = s.digit()
    s.page.mouse.click(*s.plot(0.8, 0.3))
    s.frame()
    assert np.abs(s.digit() - before).mean() > 3


@pytest.mark.slow
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


def test_explore_needs_no_plotly_and_asks_for_none(app, screen):
    s = screen()
    asked: list[str] = []
    s.page.on("request", lambda request: asked.append(request.url))
    s.open(app.url)
    s.page.wait_for_timeout(4000)
    assert not [url for url in asked if "/stage/lib/" in url]
    painted = [len(s.near(c, tolerance=25)) for c in CLASS_COLOURS]
    assert min(painted) > 100, painted
    before, whole = s.digit(), s.ranges()
    s.page.mouse.move(*s.plot(0.5, 0.5))
    s.page.mouse.wheel(0, -300)
    s.frame()
    assert s.ranges()[1] - s.ranges()[0] < 0.95 * (whole[1] - whole[0])
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
        # Model, encoder, map, the first images, pictures and their pieces.
        blobs = 5 + math.ceil(5000 / per_piece(GREY_28))

        def all_there() -> bool:
            there = {name for name, _ in s.page.evaluate(fetched) if "/stage/blob/" in name}
            return len(there) == blobs

        s.until(all_there)
        first = s.page.evaluate(fetched)
        assert all("/deep/er/stage/" in name for name, _ in first)
        s.page.goto("about:blank")
        s.open(app.url + "/")
        s.until(all_there)
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


def test_a_page_whose_server_has_gone_says_so_works_on_and_is_told_when_it_is_back(
    tmp_path, screen, vae
):
    s = screen()
    with serve(tmp_path) as running:
        s.open(f"{running.url}/?image=7")
    dialog = s.page.locator("[role=dialog]")
    dialog.wait_for(timeout=30_000)
    s.until(lambda: "The server does not answer." in dialog.inner_text())
    assert "streamlit" not in dialog.inner_text().lower()
    s.page.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    s.page.mouse.move(*s.plot(0.4, 0.5))
    s.page.mouse.down()
    x, y = s.plot(0.55, 0.4)
    s.page.mouse.move(x, y, steps=4)
    s.frame()
    s.page.mouse.up()
    assert np.abs(s.digit() - decoded(vae, s.units(x, y))).mean() < 6
    away = s.z()
    with serve(tmp_path, port=urlsplit(running.url).port):
        s.until(lambda: "z" in s.query() and near(s.query()["z"], away), 60)
        s.page.mouse.click(*s.plot(0.3, 0.6))
        s.until(lambda: near(s.query()["z"], s.z()) and not near(s.query()["z"], away))
    assert s.errors == []


def near(link: str, z: list[float]) -> bool:
    """Whether a link has the z of the sliders, to a step of theirs."""
    return np.allclose([float(v) for v in link.split(",")], z, rtol=0, atol=0.02)


def test_back_leads_to_the_page_before_however_much_was_moved(app, screen):
    s = screen()
    s.page.goto("about:blank")
    s.open(app.url)
    s.page.wait_for_function("() => new URLSearchParams(location.search).has('z')")
    place = "navigation.currentEntry.index"
    entry = s.page.evaluate(place)
    for value in ("0.5", "-0.5"):
        s.page.locator(".stage .slider input").first.evaluate(
            "(e, v) => { e.value = v; for (const what of ['input', 'change'])"
            " e.dispatchEvent(new Event(what, {bubbles: true})); }",
            value,
        )
        s.page.wait_for_function(
            "v => new URLSearchParams(location.search).get('z').split(',').includes(v)", arg=value
        )
    left = s.query()
    assert s.page.evaluate(place) == entry
    s.page.get_by_role("link", name="Compare").first.click()
    s.page.wait_for_selector(".compare[data-ready=true]", timeout=30_000)
    s.until_query(data="mnist-5k")
    s.settled()
    assert s.page.evaluate(place) == entry + 1
    s.page.go_back()
    s.page.wait_for_selector(".stage:not(.compare)[data-ready=true]", timeout=30_000)
    s.settled()
    assert s.query() == left
    # That the page fills in its address before the adapter is there makes no entry either.
    s.page.go_back()
    s.page.wait_for_url("about:blank")
