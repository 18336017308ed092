"""Somebody's own pictures, 3×48×64 in three classes: opened, trained on, shown on every page."""

import io
import os
import shutil
import signal

import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests.browser.conftest import serve
from tests.browser.test_train import folders
from training import checkpoint
from training.data import datasets
from training.runs.run import Run
from training.runs.status import ALIVE

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CLASSES = {"reife Äpfel": (200, 30, 20), "blätter": (30, 160, 50), "空": (40, 90, 220)}


def draw(colour: tuple[int, int, int], n: int) -> Image.Image:
    rng = np.random.default_rng(n)
    picture = Image.new("RGB", (64, 48), (245, 240, 225))
    x, y = rng.integers(8, 40), rng.integers(6, 26)
    ImageDraw.Draw(picture).ellipse((x, y, x + 18, y + 16), fill=colour)
    return picture


@pytest.fixture
def album(tmp_path):
    for name, colour in CLASSES.items():
        (tmp_path / "album" / name).mkdir(parents=True)
        for n in range(40):
            draw(colour, n).save(tmp_path / "album" / name / f"{n}.png")
    return tmp_path / "album"


def pixels(s, selector: str) -> np.ndarray:
    """The levels that a canvas holds, (h, w, 3)."""
    width, height, *levels = s.page.locator(selector).first.evaluate(
        "c => [c.width, c.height, ...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
    )
    return np.array(levels).reshape(height, width, 4)[..., :3]


def choose(s, box: str, option: str) -> None:
    s.page.get_by_label(box, exact=True).last.click()
    s.page.get_by_role("option", name=option).first.click()
    s.settled()


def test_a_folder_is_opened_trained_on_and_shown_on_every_page(tmp_path, album, screen, chromium):
    with serve(tmp_path, **folders(tmp_path)) as app:
        try:
            _walk(app, tmp_path, album, screen())
        finally:
            for path in (tmp_path / "runs").glob("*"):
                status = Run(path).status()
                if status.state in ALIVE:
                    os.kill(status.pid, signal.SIGKILL)


def _walk(app, folder, album, s) -> None:
    page = s.page
    # Opened by a path: no model here takes such pictures, and the page says so.
    shutil.copy("checkpoints/mnist-2d.safetensors", folder / "checkpoints")
    s.open(app.url)
    page.get_by_role("button", name="Options").click()
    page.get_by_label("Open pictures of your own", exact=True).fill(f"{album}?size=64x48")
    page.keyboard.press("Enter")
    page.locator('[data-testid="stAlert"]', has_text="has pictures of 3×48×64").wait_for()
    assert str(album) not in page.url
    # Trained on, from the page.
    page.get_by_role("link", name="Train").first.click()
    page.get_by_role("button", name="Start training").wait_for(timeout=60_000)
    choose(s, "Preset", "folder-64")
    choose(s, "Data", "album · your own, 120 pictures")
    for label, value in (("Epochs", "150"), ("Latent dim.", "4"), ("Width", "8"), ("Depth", "2")):
        page.get_by_label(label, exact=True).last.fill(value)
        page.keyboard.press("Tab")
        s.settled()
    page.get_by_role("button", name="Start training").click()
    page.locator(".train .state", has_text="done").first.wait_for(timeout=120_000)
    page.get_by_role("button", name="Open in Explore").click()
    page.wait_for_selector(".stage:not(.train)[data-ready=true]", timeout=60_000)
    _explore(s, folder, album)
    _compare(app, s, folder)
    assert s.errors == []
    assert "Traceback" not in app.log


def _explore(s, folder, album) -> None:
    page = s.page
    s.until(lambda: pixels(s, "canvas.seen").shape == (48, 64, 3))
    query = s.query()
    assert (query["checkpoint"], query["data"]) == ("folder-64", "folder:album")
    made = checkpoint.load(folder / "checkpoints" / "folder-64.safetensors")
    parts = [datasets.load(made.data, split) for split in ("train", "test")]
    images = datasets.join(parts)
    shown = images.images[s.image()].numpy().reshape(3, 48, 64).transpose(1, 2, 0)
    np.testing.assert_array_equal(pixels(s, "canvas.seen"), shown)
    assert np.ptp(shown.astype(int), axis=-1).max() > 80  # it is in colour
    assert set(page.locator(".legend button").all_inner_texts()) == set(CLASSES)
    assert page.locator(".pen button:visible").all_inner_texts() == ["File"]
    before = pixels(s, "canvas.x-hat")
    page.mouse.move(*s.plot(0.5, 0.5))
    page.mouse.down()
    page.mouse.move(*s.plot(0.75, 0.3), steps=6)
    page.mouse.up()
    s.frame()
    after = pixels(s, "canvas.x-hat")
    assert after.shape == (48, 64, 3)
    assert np.abs(after - before).max() > 5
    s.until(lambda: s.query().get("z") != query.get("z"))
    link, z = page.url, s.query()["z"]
    file = io.BytesIO()
    draw((200, 30, 20), 77).resize((256, 192)).save(file, "PNG")
    chooser = page.locator('input[type="file"][accept="image/*"]')
    chooser.set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": file.getvalue()})
    s.until(lambda: "your picture" in page.locator(".quantity.x").inner_text())
    s.frame()
    assert np.abs(pixels(s, "canvas.seen") - np.asarray(draw((200, 30, 20), 77))).mean() < 4
    s.open(link)
    assert (s.query()["z"], s.query()["data"]) == (z, "folder:album")
    assert np.abs(pixels(s, "canvas.x-hat") - after).max() <= 3  # a link's z has four digits


def _compare(app, s, folder) -> None:
    made = folder / "checkpoints" / "folder-64.safetensors"
    shutil.copy(made, made.with_name("again.safetensors"))
    s.open(f"{app.url}/compare?beside=folder-64,again")
    assert s.query()["data"] == "folder:album"
    one, two = (pixels(s, f".column:nth-child({n}) canvas.x-hat") for n in (1, 2))
    assert one.shape == (48, 64, 3)
    np.testing.assert_array_equal(one, two)
