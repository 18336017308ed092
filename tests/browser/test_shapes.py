"""Pictures of 3×32×32, in colour, on every page: nothing but a data set's row knows their shape."""

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from tests import shapes
from tests.browser.conftest import ROOT, serve
from training import checkpoint
from training.data import datasets
from training.fit.session import train
from training.presets import PRESETS, on_data
from training.runs.run import Run, RunConfig


@pytest.fixture(scope="module")
def coloured(tmp_path_factory, chromium):
    """The app with a model of coloured shapes beside one of digits, and the run that made it."""
    folder = tmp_path_factory.mktemp("shapes")
    with pytest.MonkeyPatch.context() as patch:
        shapes.register(patch)
        made = replace(PRESETS["mnist-5k-2d"], data=shapes.NAME, epochs=30, elastic=0.0)
        out = str(folder / "checkpoints" / "shapes.safetensors")
        run = Run(folder / "runs" / "shapes")
        config = RunConfig(on_data(made, shapes.NAME), 0, "data", "cpu", 1, out=out)
        train(run, config, fresh=True)
    (folder / "checkpoints" / "mnist-2d.safetensors").write_bytes(
        (ROOT / "checkpoints" / "mnist-2d.safetensors").read_bytes()
    )
    places = {
        "VAE_CHECKPOINT_DIR": str(folder / "checkpoints"),
        "VAE_RUN_DIR": str(folder / "runs"),
    }
    with serve(folder, script="tests/shapes_app.py", **places) as app:
        yield app, checkpoint.load(out).vae


def painted(s, selector: str, which: int = 0) -> np.ndarray:
    """The levels that a canvas holds, (3, 32, 32)."""
    found = (
        s.page.locator(selector)
        .nth(which)
        .evaluate(
            "c => [c.width, c.height,"
            " ...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
        )
    )
    assert found[:2] == [32, 32]
    return np.array(found[2:]).reshape(32, 32, 4)[..., :3].transpose(2, 0, 1)


def pictures() -> torch.Tensor:
    """The images in the order in which the app numbers them."""
    drawn = [shapes.draw(n, seed)[0] for seed, n in enumerate(shapes.SIZE)]
    return torch.from_numpy(np.concatenate(drawn))


def test_a_coloured_model_is_live_on_explore_and_meets_only_its_own_data(coloured, screen):
    app, vae = coloured
    s = screen().open(f"{app.url}/?checkpoint=shapes&data=mnist-5k")
    assert "mnist-5k has pictures of 1×28×28" in s.warnings()
    assert "3×32×32" in s.warnings()
    s.until_query(data=shapes.NAME)
    x = pictures()[s.image()]
    np.testing.assert_array_equal(painted(s, "canvas.seen").reshape(-1), x)
    s.page.mouse.move(*s.plot(0.5, 0.5))
    s.page.mouse.down()
    s.page.mouse.move(*s.plot(0.62, 0.4), steps=5)
    s.frame()
    with torch.no_grad():
        z = torch.tensor([s.units(*s.plot(0.62, 0.4))], dtype=torch.float32)
        meant = 255 * vae.picture(z)[0].numpy().reshape(3, 32, 32)
    s.page.mouse.up()
    seen = painted(s, "canvas.x-hat")
    assert np.abs(seen - meant).max() < 2
    with torch.no_grad():
        term = vae.likelihood.reconstruction(vae.decode(z), datasets.to_float(x[None]))
    assert s.term("reconstruction") == pytest.approx(float(term), rel=0.002)
    # Manifold, hover, drawing and walk take the shape too.
    s.page.get_by_role("button", name="Manifold").click()
    s.page.wait_for_timeout(1500)
    s.page.mouse.move(*s.plot(0.5, 0.5))
    s.tab("Walk")
    s.frame()
    film = np.stack([painted(s, ".film canvas", n) for n in range(8)])
    assert np.ptp(film.reshape(8, 3, -1).mean(-1), axis=1).max() > 4  # it is in colour
    # What cannot be drawn in one colour is taken from a file.
    assert s.page.locator(".pen button:visible").all_inner_texts() == ["File"]
    pad = s.page.locator("canvas.pad").bounding_box()
    s.page.mouse.move(pad["x"] + 20, pad["y"] + 20)
    s.page.mouse.down()
    s.page.mouse.move(pad["x"] + 70, pad["y"] + 60, steps=4)
    s.page.mouse.up()
    s.frame()
    np.testing.assert_array_equal(painted(s, "canvas.seen").reshape(-1), x)
    chooser = s.page.locator('input[type="file"][accept="image/*"]')
    chooser.set_input_files({"name": "n.png", "mimeType": "image/png", "buffer": b"no picture"})
    s.until(lambda: "“n.png” is no picture" in s.page.locator(".fault").inner_text())
    ends = np.array([[[220, 40, 0], [40, 200, 90]], [[0, 30, 250], [90, 90, 90]]], np.uint8)
    picture = Image.fromarray(ends).resize((128, 64), Image.Resampling.BILINEAR)
    file = io.BytesIO()
    picture.save(file, "PNG")
    chooser.set_input_files(
        {"name": "slopes.png", "mimeType": "image/png", "buffer": file.getvalue()}
    )
    s.until(lambda: "your picture" in s.page.locator(".quantity.x").inner_text())
    s.frame()
    middle = picture.crop((32, 0, 96, 64)).resize((32, 32), Image.Resampling.BOX)
    meant = np.asarray(middle).transpose(2, 0, 1).astype(int)
    assert np.abs(painted(s, "canvas.seen") - meant).mean() < 3
    assert s.page.locator(".fault").is_hidden()
    assert s.errors == []
    assert "Traceback" not in app.log


def test_the_browser_decodes_and_encodes_colour_as_torch_does(coloured, screen):
    app, vae = coloured
    s = screen().open(f"{app.url}/?checkpoint=shapes")
    codes = torch.randn(50, 2, generator=torch.Generator().manual_seed(0))
    images = pictures()[:20]
    found = s.page.evaluate(
        """async ([codes, images]) => {
          const urls = () => performance.getEntriesByType('resource').map(r => r.name);
          const main = urls().find(u => u.endsWith('/explore/explore.js'));
          const code = main.replace('explore/explore.js', '');
          const { fetchBlob } = await import(code + 'model/blobs.js');
          const { Vae } = await import(code + 'model/vae.js');
          const there = async kind => {
            for (;;) { // the encoder comes after the page
              for (const url of urls().filter(u => u.includes('/stage/blob/')))
                try { return await fetchBlob(url, kind); } catch { continue; }
              await new Promise(r => setTimeout(r, 100));
            }
          };
          const vae = new Vae(await there('model'));
          await vae.takeEncoder(await there('encoder'));
          return {
            shape: String(vae.shape),
            pictures: codes.map(z => [...vae.mean(vae.decode(Float32Array.from(z)))]),
            mu: images.map(x => [...vae.encode(Float32Array.from(x)).mu]),
          };
        }""",
        [codes.tolist(), datasets.to_float(images).tolist()],
    )
    assert found["shape"] == "3×32×32"
    with torch.no_grad():
        np.testing.assert_allclose(found["pictures"], vae.picture(codes), atol=1e-4)
        np.testing.assert_allclose(found["mu"], vae.encode(datasets.to_float(images)).mu, atol=1e-4)


def test_compare_and_train_show_colour(coloured, screen):
    app, _ = coloured
    s = screen().open(f"{app.url}/compare?beside=shapes,mnist-2d")
    assert "mnist-2d takes pictures of 1×28×28" in s.warnings()
    assert s.page.locator(".compare .column").count() == 1
    film = np.stack([painted(s, ".compare .film canvas", n) for n in range(8)])
    assert np.ptp(film.reshape(8, 3, -1).mean(-1), axis=1).max() > 4
    s.page.get_by_role("link", name="Train").first.click()
    s.page.wait_for_selector(".stage.train[data-ready=true]", timeout=60_000)
    s.page.wait_for_timeout(500)
    shown = s.pixels(".stage.train .pairs canvas.seen")
    assert (np.ptp(shown, axis=-1) > 40).mean() > 0.02  # pixels that are no grey
    assert s.errors == []
    assert "Traceback" not in app.log
