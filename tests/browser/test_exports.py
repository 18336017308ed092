"""What is saved from a page: pictures of what is shown, films, tables and archives."""

import io
import re
import zipfile
from xml.etree import ElementTree

import av
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from explorer.__main__ import main
from training.data import datasets
from training.data.datasets import to_float
from training.evaluation.exact import Plane

SVG = "{http://www.w3.org/2000/svg}"


def save(s, what: str) -> tuple[str, bytes]:
    """Name and content of what a button of the panel gives."""
    with s.page.expect_download(timeout=60_000) as coming:
        s.page.locator(f'[data-save="{what}"]').click()
    content = coming.value.path().read_bytes()
    s.until(lambda: s.page.locator(".share-files .state").inner_text().startswith("Saved"))
    return coming.value.suggested_filename, content


def open_panel(s) -> None:
    s.page.get_by_role("button", name="Share and export").click()
    s.page.wait_for_selector(".share-panel[open]")


def near(picture: np.ndarray, colour: str) -> np.ndarray:
    """Rows and columns of the pixels that have about this colour."""
    wanted = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])
    return np.argwhere(np.abs(picture[..., :3].astype(int) - wanted).max(-1) < 40)


def test_a_map_is_saved_as_it_is_shown_in_either_theme(app, screen):
    s = screen().open(f"{app.url}/?image=7")
    s.page.locator(".legend button", has_text=re.compile("^3$")).click()  # it leaves the map
    ring = np.array(s.ring()) - np.array(s.plot(0, 0))
    box = s.page.locator(".stage .map").bounding_box()
    open_panel(s)
    name, content = save(s, "png")
    assert name == "mnist-2d-plane-map.png"
    light = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
    assert light.shape[0] == 2 * round(box["height"])
    assert light.shape[1] > 2 * box["width"]  # the legend is beside it
    cyan = near(light[:, : round(2 * box["width"])], "#0e9ab5")
    lies = cyan[np.abs(np.hypot(*(cyan[:, ::-1] - 2 * ring).T) - 26) < 6]
    assert len(lies) > 200  # the ring, 4 pixels wide, twice as fine
    assert light[4, -4].min() > 245
    s.page.locator(".share-files .theme").select_option("dark")
    dark = np.asarray(Image.open(io.BytesIO(save(s, "png")[1])).convert("RGB"))
    assert dark.shape == light.shape
    assert dark[4, -4].max() < 60

    name, content = save(s, "svg")
    root = ElementTree.fromstring(content)
    texts = {text.text for text in root.iter(f"{SVG}text")}
    assert {"0", "9", "z₁ →", "↑ z₂", "p(z): 1σ, 2σ"} <= texts
    assert "3" not in {t.text for t in root.iter(f"{SVG}text") if "bold" in t.get("style", "")}
    dots = [p for p in root.iter(f"{SVG}path") if p.get("opacity") == "0.7"]
    labels = datasets.load("mnist-5k", "train").labels
    total = len(labels) + len(datasets.load("mnist-5k", "test").labels)
    assert 0.8 * 0.9 * total < len(dots) < total
    assert s.errors == []


def test_x_and_x_hat_are_saved_with_whole_pixels(app, screen, vae, images):
    s = screen().open(f"{app.url}/?image=7&z=0.5,-1")
    open_panel(s)
    name, content = save(s, "x-hat")
    assert name == "mnist-2d-x-hat-of-image-7.png"
    saved = np.asarray(Image.open(io.BytesIO(content)).convert("L"))[::19, ::19]
    with torch.no_grad():
        wanted = vae.picture(torch.tensor([[0.5, -1.0]])).reshape(28, 28).numpy()
    assert np.abs(saved - 255 * wanted).max() <= 2
    _, content = save(s, "x")
    saved = np.asarray(Image.open(io.BytesIO(content)).convert("L"))[::19, ::19]
    assert np.array_equal(saved, images[7].reshape(28, 28).numpy())


def test_a_walk_is_a_film_and_a_lasso_a_table_and_an_archive(app, screen, vae, images):
    s = screen().open(f"{app.url}/?image=7")
    s.page.get_by_role("tab", name="Walk").click()
    s.page.locator(".walk .seconds").fill("1")
    open_panel(s)
    assert s.page.locator('[data-save="lasso-csv"]').is_disabled()
    name, content = save(s, "film")
    assert re.fullmatch(r"mnist-2d-walk\.(mp4|webm)", name)
    with av.open(io.BytesIO(content)) as film:
        frames = [f.to_ndarray(format="rgb24").astype(int) for f in film.decode(video=0)]
    assert len(frames) >= 5
    assert frames[0].shape[0] == 720
    side = frames[0].shape[1] - 720
    change = np.abs(frames[0] - frames[-1])
    assert change[:, side:].mean() > 5  # x̂ has changed, and the ring gone elsewhere
    assert len(near(change[:, :side].astype(np.uint8), "#f0655f")) + (change > 90).sum() > 500

    s.page.keyboard.press("Escape")
    s.page.get_by_role("radio", name="Lasso").click()
    s.page.mouse.move(*s.plot(0.46, 0.42))
    s.page.mouse.down()
    for across, down in ((0.52, 0.42), (0.52, 0.5), (0.46, 0.5), (0.46, 0.42)):
        s.page.mouse.move(*s.plot(across, down))
    s.page.mouse.up()
    s.until(lambda: re.match(r"[\d,]+ images:", s.note()))
    count = int(s.note().split(" images")[0].replace(",", ""))
    open_panel(s)
    name, content = save(s, "lasso-csv")
    assert name == f"mnist-2d-lasso-of-{count}.csv"
    table = pd.read_csv(io.BytesIO(content))
    assert len(table) == count > 20
    with torch.no_grad():
        q = vae.encode(to_float(images[table["image"].to_numpy(copy=True)]))
    np.testing.assert_allclose(table[["mu_1", "mu_2"]], q.mu, atol=1e-4)
    np.testing.assert_allclose(table[["std_1", "std_2"]], q.std, rtol=1e-3)
    archive = zipfile.ZipFile(io.BytesIO(save(s, "zip")[1]))
    assert archive.testzip() is None
    names = archive.namelist()
    assert len(names) == count
    for file in names[:: max(1, count // 10)]:
        picture = np.asarray(Image.open(io.BytesIO(archive.read(file))).convert("L"))
        number = int(re.search(r"/(\d+)\.png", file)[1])
        assert np.array_equal(picture.ravel(), images[number].numpy())
    assert s.errors == []


def test_the_command_beside_a_walk_makes_its_film(app, screen, vae, images, tmp_path, monkeypatch):
    s = screen().open(f"{app.url}/?image=7&data=mnist-5k")
    s.page.get_by_role("tab", name="Walk").click()
    s.page.get_by_role("button", name="Mark A").click()
    open_panel(s)
    command = s.page.locator("[data-part=walk] code").inner_text().split()
    assert command[:5] == ["python", "-m", "explorer", "film", "mnist-2d"]
    assert command[command.index("--from") + 1] == "7"
    last = int(command[command.index("--to") + 1])
    assert command[command.index("--data") + 1] == "mnist-5k"
    monkeypatch.chdir(tmp_path)
    assert main([*command[3:], "--side", "28"]) == 0
    film = Image.open("walk.gif")
    for frame, image in ((0, 7), (film.n_frames // 2, last)):
        film.seek(frame)
        with torch.no_grad():
            wanted = vae.picture(vae.encode(to_float(images[[image]])).mu).reshape(28, 28)
        shown = np.asarray(film.convert("L")) / 255
        assert np.abs(shown - wanted.numpy()).mean() < 0.02
    assert s.errors == []


def test_compare_saves_the_model_that_is_chosen(app, screen):
    s = screen()
    s.page.goto(f"{app.url}/compare?beside=mnist-2d,gamma")
    s.page.wait_for_selector(".compare[data-ready=true]", timeout=60_000)
    open_panel(s)
    s.page.locator(".share-files .model").select_option("gamma")
    name, content = save(s, "png")
    assert name == "gamma-plane-map.png"
    assert "explorer codes gamma" in s.page.locator("[data-part=tables] code").inner_text()
    assert len(np.unique(np.asarray(Image.open(io.BytesIO(content))))) > 50
    assert s.errors == []


def test_the_picture_beside_the_text_is_saved_twice_as_fine(app, screen):
    s = screen()
    s.page.goto(f"{app.url}/understand?checkpoint=mnist-2d&section=4&image=8")
    s.page.wait_for_selector(".understand[data-exact=there]", timeout=60_000)
    s.page.wait_for_selector(".page-menu")
    box = s.page.locator(".understand .scene").bounding_box()
    plane = s.page.locator(".understand .plane canvas").first
    before = plane.evaluate("c => [c.width, c.height]")
    s.page.get_by_role("button", name="Share", exact=True).click()
    assert s.page.locator('[data-save="png"]').is_hidden()
    name, content = save(s, "scene")
    assert name == "mnist-2d-understand-4-of-image-8.png"
    picture = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
    assert picture.shape[:2] == (round(2 * box["height"]) + 48, round(2 * box["width"]) + 48)
    assert len(near(picture, "#6d28d9")) > 1500  # q, and what is left of the gap
    assert len(near(picture, "#c7d2fe")) + len(near(picture, "#c5d0f6")) > 20_000  # the ELBO's bar
    # Words of the page stand in it: the line below the plane.
    words = s.page.locator(".understand .scene").locator("text=Grey: p(z|x)").first.bounding_box()
    x, y = (round(2 * (words[k] - box[k]) + 24) for k in ("x", "y"))
    line = picture[y : y + round(2 * words["height"]), x : x + round(2 * words["width"])]
    assert 0.02 < (line.mean(-1) < 160).mean() < 0.5
    s.until(lambda: plane.evaluate("c => [c.width, c.height]") == before)  # the screen's again
    assert s.errors == []


def test_the_codes_of_all_images_are_a_table(app, screen, vae, images):
    s = screen().open(f"{app.url}/?checkpoint=mnist-2d")
    open_panel(s)
    name, content = save(s, "parquet")
    assert name == "mnist-2d-codes.parquet"
    table = pd.read_parquet(io.BytesIO(content))
    assert len(table) == len(images)
    some = [0, 7, 4999]
    with torch.no_grad():
        q = vae.encode(to_float(images[some]))
    np.testing.assert_allclose(table.loc[some, ["mu_1", "mu_2"]], q.mu, atol=1e-4)
    assert "log_p" not in table
    s.page.get_by_label("with terms").check()
    assert "--terms" in s.page.locator("[data-part=tables] code").inner_text()
    _, content = save(s, "csv")
    whole = pd.read_csv(io.BytesIO(content))
    plane, x = Plane(vae, q.mu), to_float(images[some])
    for row, one in zip(whole.loc[some].itertuples(), x, strict=True):
        assert row.log_p == pytest.approx(plane.evidence(one).log_p, abs=0.01 + row.log_p_error)
