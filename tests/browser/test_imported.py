"""Networks of other people on the pages: each kind of them, against torch."""

import re

import numpy as np
import pytest
import torch

from tests.browser.conftest import serve
from tests.training.importing.networks import network
from training import checkpoint
from training.data.datasets import to_float
from training.importing import import_vae

SHOWN = ("conditional", "categorical", "grid", "no_variance", "decoder_only")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Checkpoints of networks of others, by name."""
    place = tmp_path_factory.mktemp("imported")
    for name in SHOWN:
        own = network(name)
        import_vae(
            *(own.encoder, own.decoder, own.pictures),
            name=name,
            out=place / name,
            source="https://example.org/vae",
            licence="MIT",
            **own.options,
        )
    return place


@pytest.fixture(scope="module")
def imported(folder, chromium, tmp_path_factory):
    with serve(tmp_path_factory.mktemp("app"), VAE_CHECKPOINT_DIR=str(folder)) as running:
        yield running


@pytest.fixture
def opened(imported, folder, screen):
    """`opened(name, …)`: a screen with that checkpoint, and what it is in torch."""

    def make(name: str, view: str = "", **size):
        found = checkpoint.load(folder / f"{name}.safetensors")
        return screen(**size).open(f"{imported.url}/?checkpoint={name}{view}"), found

    return make


def levels(s, selector: str = "canvas.x-hat") -> np.ndarray:
    """The picture that a canvas holds, (height, width, 3)."""
    return np.array(
        s.page.locator(selector).first.evaluate(
            "c => { const { width, height } = c; const { data } ="
            " c.getContext('2d').getImageData(0, 0, width, height);"
            " return Array.from({ length: height }, (_, y) => Array.from({ length: width },"
            " (_, x) => [...data.slice(4 * (y * width + x), 4 * (y * width + x) + 3)])); }"
        )
    )


def agrees(s, found, z) -> None:
    """The picture on the screen is torch's decode of z, within a level or two."""
    with torch.no_grad():
        made = 255 * found.vae.picture(torch.tensor([float(v) for v in z]))
    whole = made.reshape(found.vae.shape.dims).permute(1, 2, 0).numpy()
    assert np.abs(levels(s) - whole).max() <= 2


def code(s) -> list[float]:
    """z of the address."""
    return [float(v) for v in s.query()["z"].split(",")]


def posterior(found, image: int):
    """q(z|x) of an image that came with a network, told its label."""
    images = found.images_with_it
    labels = found.vae.labels_of(images.labels, len(images.classes))
    one = slice(image, image + 1)
    with torch.no_grad():
        return found.vae.encode(
            to_float(images.images[one]), None if labels is None else labels[one]
        )


def test_another_label_is_decoded_with_the_same_z_and_the_link_carries_it(opened):
    s, found = opened("conditional")
    options = s.page.locator(".slider.choice button")
    assert options.all_inner_texts() == ["zero", "one", "two", "three", "four"]
    s.page.locator(".typical button").nth(3).click()  # an image takes its label along
    s.settled()
    image = s.image()
    label = int(found.examples.labels[image])
    assert options.nth(label).get_attribute("aria-checked") == "true"
    s.until_query(image=str(image))
    mu = posterior(found, image).mu[0]
    assert mu[-1] == label == code(s)[-1]
    agrees(s, found, mu)
    before = levels(s)
    changed = s.page.evaluate(
        "() => { const options = document.querySelectorAll('.slider.choice button');"
        " options[4].click(); return new Promise(done => requestAnimationFrame(() =>"
        " requestAnimationFrame(() => done(true)))); }"
    )
    assert changed
    mu[-1] = 4
    agrees(s, found, mu)
    assert np.abs(levels(s) - before).max() > 5
    s.page.wait_for_function("() => new URLSearchParams(location.search).get('z')?.endsWith(',4')")
    np.testing.assert_allclose(code(s), mu, atol=1e-3)
    s.page.reload()
    s.ready()
    assert options.nth(4).get_attribute("aria-checked") == "true"
    agrees(s, found, code(s))
    assert s.errors == []


def test_categorical_latents_are_choices_and_have_their_share_of_the_kl(opened):
    s, found = opened("categorical", "&image=5")
    with torch.no_grad():
        q = posterior(found, 5)
        x = to_float(found.examples.images[5:6])
        kl = found.vae.prior.kl(q)[0]
        term = found.vae.likelihood.reconstruction(found.vae.decode(q.mu), x)[0]
    rows = s.page.locator(".slider.choice")
    for n, row in enumerate(rows.all()):
        assert float(row.locator(".kl").inner_text().split()[1]) == pytest.approx(
            float(kl[3 + n]), abs=0.006
        )
        taken = row.locator("button[aria-checked=true]").inner_text()
        assert int(taken) == int(q.mu[0, 3 + n])
    assert s.term("kl") == pytest.approx(float(kl.sum()), abs=0.006)
    assert s.term("reconstruction") == pytest.approx(float(term), abs=0.06)
    z = q.mu[0].clone()
    z[4] = (z[4] + 1) % 3
    rows.nth(1).locator("button").nth(int(z[4])).click()
    s.frame()
    agrees(s, found, z)
    assert s.term("kl") == pytest.approx(float(kl.sum()), abs=0.006)  # x is as before
    assert s.errors == []


def test_a_slider_of_a_latent_grid_goes_along_a_principal_component(opened):
    s, found = opened("grid", "&image=2")
    slider = s.page.locator(".slider input").first
    codes = torch.cat([posterior(found, n).mu for n in range(8)])
    first = torch.linalg.svd(codes - codes.mean(0), full_matrices=False)[2][0]
    mu = codes[2]
    here = float((mu - codes.mean(0)) @ first)
    shown = float(slider.input_value())
    sign = 1 if abs(shown - here) < abs(shown + here) else -1
    assert shown == pytest.approx(sign * here, abs=0.006)
    slider.focus()
    for _ in range(10):
        slider.press("ArrowRight")
    s.frame()
    moved = float(slider.input_value()) - sign * here
    assert moved == pytest.approx(0.1, abs=0.02)
    agrees(s, found, mu + moved * sign * first)
    assert s.page.locator(".slider .kl").first.inner_text().endswith("%")
    assert s.errors == []


def test_an_autoencoder_claims_neither_kl_nor_elbo(opened):
    s, found = opened("no_variance", "&image=1")
    assert "a code is a point" in s.page.locator(".no-density").inner_text()
    with torch.no_grad():
        q = posterior(found, 1)
        x = to_float(found.examples.images[1:2])
        term = found.vae.likelihood.reconstruction(found.vae.decode(q.mu), x)[0]
    assert s.term("reconstruction") == pytest.approx(float(term), abs=0.06)
    for word in ("KL", "ELBO", "nats"):
        assert word not in s.page.locator(".output").inner_text()
    assert not s.page.locator(".term.kl, .term.sum, [data-tab=sample]").first.is_visible()
    agrees(s, found, q.mu[0])
    assert s.errors == []


def test_a_decoder_alone_has_a_map_of_its_codes_and_no_terms(opened, imported):
    s, found = opened("decoder_only")
    assert "no encoder" in s.page.locator(".no-encoder").inner_text()
    for gone in (".terms-host", "table.posterior", "canvas.pad", "[data-tab=kl]"):
        assert not s.page.locator(gone).first.is_visible()
    agrees(s, found, found.vae.codes[int(s.query().get("image", 0))])
    s.page.mouse.move(*s.plot(0.5, 0.5))
    s.page.mouse.down()
    for k in range(10):
        s.page.mouse.move(*s.plot(0.5 + 0.02 * k, 0.5 - 0.02 * k))
    s.frame()
    z = list(found.vae.codes[int(s.query().get("image", 0))])
    z[0], z[1] = s.units(*s.plot(0.68, 0.32))
    agrees(s, found, z)
    s.page.mouse.up()
    s.settled()
    place = s.place(*found.vae.codes[7][:2].tolist())
    s.page.mouse.move(*place)
    s.page.wait_for_selector(".tip:visible")
    assert re.fullmatch(r"code \d+", s.page.locator(".tip p").inner_text())
    assert s.errors == []
    s.page.goto(f"{imported.url}/compare?beside=decoder_only,conditional")
    s.ready()
    assert "decoder_only is a decoder alone" in s.warnings()
    assert s.page.locator(".compare .column").count() == 1
    assert s.errors == []


def test_compare_moves_labels_grids_and_points_under_one_cursor(opened, imported, folder):
    s, _ = opened("conditional")
    s.page.goto(f"{imported.url}/compare?beside=conditional,categorical&image=3")
    s.ready()
    assert s.page.locator(".compare .column").count() == 2
    before = levels(s, ".column[data-name=categorical] canvas.x-hat")
    s.page.mouse.click(*s.plot(0.8, 0.3))
    s.settled()
    assert np.abs(levels(s, ".column[data-name=categorical] canvas.x-hat") - before).max() > 1
    assert s.errors == []
    s.page.goto(f"{imported.url}/compare?beside=no_variance")
    s.ready()
    assert "no −ELBO: a code is a point" in s.page.locator(".column .bound").inner_text()
    assert s.errors == []


def test_an_imported_file_is_opened_and_others_are_told_the_command(app, screen, folder, tmp_path):
    s = screen().open(app.url)
    s.page.get_by_role("button", name="Options").click()
    upload = s.page.locator('[data-testid="stFileUploader"] input').first
    for name, command in (
        ("net.pth", "python -m training import your_model.py:YourVAE --weights net.pth"),
        ("net.onnx", "python -m training import --onnx encoder.onnx decoder.onnx"),
        ("net.h5", "tf2onnx"),
    ):
        (tmp_path / name).write_bytes(b"\x80\x02 not opened")
        upload.set_input_files(str(tmp_path / name))
        s.page.locator('[data-testid="stAlert"]', has_text=name).wait_for()
        assert command in s.warnings()
    upload.set_input_files(str(folder / "conditional.safetensors"))
    s.page.locator(".slider.choice").wait_for()
    s.settled()
    agrees(s, checkpoint.load(folder / "conditional.safetensors"), code(s))
    assert s.errors == []


def test_where_a_network_came_from_is_said_below(opened):
    s, found = opened("conditional")
    said = s.page.locator('[data-testid="stMarkdownContainer"]', has_text="Agreement").inner_text()
    lines = dict(line.split(" ", 1) for line in said.splitlines())
    assert lines["Network"] == "Conditional"
    assert "example.org/vae" in lines["Source"].replace("\u2060", "")
    assert lines["Licence"] == "MIT"
    assert found.origin.imported in lines["Imported"]
    parity = found.origin.parity
    assert lines["Agreement"].startswith(f"within {parity:.1e}" if parity else "exact")
    assert lines["Pictures"] == "1×8×8"
    assert s.errors == []
