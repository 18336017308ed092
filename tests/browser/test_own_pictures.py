"""Somebody's own pictures, 3×48×64 in three classes: opened, trained on, shown on every page."""

import base64
import io
import os
import shutil
import signal
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from tests.browser.conftest import serve
from tests.browser.test_train import folders
from training import checkpoint
from training.data import datasets
from training.runs.run import Run
from training.runs.status import ALIVE

pytestmark = pytest.mark.slow

CLASSES = {"reife Äpfel": (200, 30, 20), "blätter": (30, 160, 50), "空": (40, 90, 220)}


def draw(colour: tuple[int, int, int], n: int, height: int = 48) -> Image.Image:
    rng = np.random.default_rng(n)
    picture = Image.new("RGB", (64, height), (245, 240, 225))
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


def content(picture: Image.Image, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    picture.save(file, kind)
    return file.getvalue()


def hand_over(s, event: str, selector: str, name: str, data: bytes) -> None:
    """Drop a file on an element, or paste it there, by the browser's own events."""
    s.page.locator(selector).last.evaluate(
        """(element, [event, name, data]) => {
            const bytes = Uint8Array.from(atob(data), c => c.charCodeAt(0));
            const type = name.endsWith("png") ? "image/png" : "";
            const files = new DataTransfer();
            files.items.add(new File([bytes], name, { type }));
            const given = { bubbles: true, cancelable: true };
            element.dispatchEvent(event === "paste"
                ? new ClipboardEvent("paste", { ...given, clipboardData: files })
                : new DragEvent(event, { ...given, dataTransfer: files }));
        }""",
        [event, name, base64.b64encode(data).decode()],
    )


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
    file = content(draw((200, 30, 20), 77).resize((256, 192)))
    chooser = page.locator('input[type="file"][accept="image/*"]')
    chooser.set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": file})
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


BOX = '[data-testid="stFileUploaderDropzone"]'


def archive(kind: str) -> tuple[bytes, list[np.ndarray], set[str]]:
    """An archive of pictures in three classes, the pictures, and the classes' names."""
    pictures = [draw(colour, n, 64) for colour in CLASSES.values() for n in range(12)]
    file = io.BytesIO()
    if kind == "npz":
        names = {"0", "1", "2"}
        np.savez(file, images=np.stack(pictures), labels=np.repeat(np.arange(3), 12))
    else:
        names = set(CLASSES)
        with zipfile.ZipFile(file, "w") as made:
            for n, picture in enumerate(pictures):
                made.writestr(f"album/{list(CLASSES)[n // 12]}/{n % 12}.png", content(picture))
    return file.getvalue(), list(map(np.asarray, pictures)), names


@pytest.mark.parametrize("kind", ["zip", "npz"])
def test_an_archive_that_is_dropped_is_shown_on_the_map(app, screen, kind):
    s = screen()
    s.open(f"{app.url}/?checkpoint=sprites-64")
    s.page.get_by_role("button", name="Options").click()
    data, pictures, names = archive(kind)
    hand_over(s, "drop", BOX, f"album.{kind}", data)
    s.until(lambda: s.query().get("data") == f"{kind}:album.{kind}")
    s.until(lambda: set(s.page.locator(".legend button").all_inner_texts()) == names)
    s.ready()
    shown = [pixels(s, "canvas.seen")]
    s.page.keyboard.press("Escape")
    s.page.locator(".typical button").nth(2).click()
    s.frame()
    shown.append(pixels(s, "canvas.seen"))
    assert all(any(np.array_equal(one, own) for own in pictures) for one in shown)
    assert not np.array_equal(*shown)
    assert "was not trained on these pictures" in s.page.locator(".stApp").inner_text()
    link = s.page.url
    s.open(link)
    assert (s.page.url, s.errors) == (link, [])


def test_a_picture_that_is_pasted_becomes_x_with_what_the_encoder_sees_beside_it(app, screen):
    s = screen()
    s.open(f"{app.url}/?checkpoint=sprites-64")
    picture = Image.new("RGB", (192, 128))  # its middle, 128×128, is taken
    ImageDraw.Draw(picture).ellipse((70, 40, 110, 80), fill=(40, 200, 60))
    hand_over(s, "paste", ".stage", "clip.png", content(picture))
    s.until(lambda: "your picture" in s.page.locator(".quantity.x").inner_text())
    s.frame()
    fitted = np.asarray(picture.crop((32, 0, 160, 128)).resize((64, 64), Image.Resampling.BOX))
    seen = pixels(s, "canvas.seen")
    assert np.abs(seen - fitted.astype(int)).mean() < 2
    vae = checkpoint.load("checkpoints/sprites-64.safetensors").vae
    x = torch.tensor(seen.transpose(2, 0, 1), dtype=torch.float32).reshape(1, -1) / 255
    with torch.no_grad():
        decoded = 255 * vae.picture(vae.encode(x).mu)
    expected = decoded.numpy().reshape(3, 64, 64).transpose(1, 2, 0)
    s.until(lambda: np.abs(pixels(s, "canvas.recon") - expected).max() < 2)
    assert s.errors == []


def test_what_cannot_be_read_is_one_sentence_and_loses_nothing(app, screen):
    s = screen()
    s.open(f"{app.url}/?checkpoint=sprites-64&image=7&z=1,-1,0.5,0,0,0,0,0,0,0")
    before = s.page.url, s.image(), pixels(s, "canvas.x-hat")
    s.page.get_by_role("button", name="Options").click()
    hand_over(s, "drop", BOX, "album.zip", archive("zip")[0][:-200])
    alerts = s.page.locator('[data-testid="stAlert"]')
    alerts.first.wait_for()
    s.settled()
    assert alerts.count() == 1
    assert "album.zip is damaged or no zip archive" in alerts.inner_text()
    strange = Image.fromarray(np.linspace(-1, 1, 64 * 64, dtype=np.float32).reshape(64, 64))
    hand_over(s, "drop", ".stage", "depth.tiff", content(strange, "TIFF"))
    fault = s.page.locator(".stage .fault")
    fault.wait_for()
    assert fault.inner_text() == (
        "“depth.tiff” is no picture that this browser can read; choose a JPEG, PNG or WebP file."
    )
    assert (s.page.url, s.image()) == before[:2]
    np.testing.assert_array_equal(pixels(s, "canvas.x-hat"), before[2])
    assert (s.errors, "Traceback" in app.log) == ([], False)
