"""The report's figures, and the command that writes them."""

import io
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from PIL import Image

from explorer import report
from explorer.__main__ import main
from tests.browser.conftest import ROOT
from training import data
from training.checkpoint import Checkpoint, Metrics
from training.model import VAE, VAEConfig
from training.presets import PRESETS
from training.records import EpochTerms


@pytest.fixture(scope="module")
def digits():
    return data.load("mnist-5k", "test").take(torch.arange(0, 1000, 5))


def made(likelihood="bernoulli", **more) -> Checkpoint:
    torch.manual_seed(0)
    vae = VAE(VAEConfig(encoder_widths=(20,), decoder_widths=(20,), likelihood=likelihood, **more))
    history = tuple(EpochTerms(n, 1.0, 1e-3, 200 / n, 5, 210 / n, 5, 1e4) for n in (1, 2, 3))
    return Checkpoint(
        "made", vae.eval(), PRESETS["mnist-5k-2d"], 0, "mnist-5k", history, Metrics(70, 5, 200)
    )


@pytest.mark.parametrize("name", report.FIGURES)
@pytest.mark.parametrize(
    "found",
    [
        made(latent_dim=1),
        made(latent_dim=2, prior="gamma"),
        made(latent_dim=10, likelihood="perceptual"),
    ],
    ids=["1-D", "gamma", "10-D"],
)
def test_every_figure_of_every_kind_of_model_is_a_picture(name, found, digits):
    first = report.draw(name, found, digits, "png", 60)
    assert first == report.draw(name, found, digits, "png", 60)
    pixels = np.asarray(Image.open(io.BytesIO(first)).convert("L")).astype(int)
    assert pixels.shape[1] > 150
    assert (pixels < 128).mean() > 0.002
    assert pixels.std() > 10


def test_an_svg_is_a_drawing_and_the_same_each_time(digits):
    found = made(latent_dim=2)
    first = report.draw("loss", found, digits, "svg")
    assert ElementTree.fromstring(first).tag.endswith("svg")
    assert first == report.draw("loss", found, digits, "svg")


def test_a_strip_goes_straight_from_one_code_to_the_other(digits):
    vae = made(latent_dim=3).vae
    x = data.to_float(digits.images[:2])
    with torch.no_grad():
        a, b = vae.encode(x).mu
        meant = vae.picture(torch.stack([a, (a + b) / 2, b])).numpy()
    np.testing.assert_allclose(report.strip(vae, x, 3), meant, atol=1e-6)


def test_terms_that_are_distances_are_not_said_to_be_nats(digits):
    words = report.loss_curves(made(latent_dim=2, likelihood="perceptual"), digits)
    labels = [axes.get_ylabel() for axes in words.axes]
    assert labels == ["squared features per image", "nats per image", "per image"]
    titles = [axes.get_title(loc="left") for axes in words.axes]
    assert titles[2] == "Reconstruction + KL"


def test_the_command_writes_them_and_says_what_is_wrong(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    out = tmp_path / "figures"
    options = ["--out", str(out), "--dpi", "40", "--data-dir", str(tmp_path)]
    assert main(["figures", "mnist-2d", *options]) == 0
    printed = capsys.readouterr().out
    assert "mnist is not in" in printed
    assert {f.name for f in out.iterdir()} == {
        f"mnist-2d-{name}.{kind}" for name in report.FIGURES for kind in ("png", "svg")
    }
    assert main(["figures", "nothing", *options]) == 2
    assert "nothing" in capsys.readouterr().err
    assert main(["figures", "mnist-2d", *options, "--data", "cats"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert "mnist-5k" in error
    (tmp_path / "file").write_text("")
    assert main(["figures", "mnist-2d", "--out", str(tmp_path / "file"), "--dpi", "40"]) == 2
    assert "cannot be written" in capsys.readouterr().err
