"""The report's figures, and the command that writes them."""

import dataclasses
import io
from concurrent.futures import ThreadPoolExecutor
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest
import torch
from PIL import Image

from explorer import paths
from explorer.__main__ import main
from explorer.figures import report
from explorer.figures.axes import Axes, axes_of
from explorer.figures.theme import THEMES
from explorer.latent import codes
from tests.training.importing.networks import network
from training import checkpoint
from training.checkpoint import Checkpoint, Metrics
from training.data import datasets
from training.importing import import_vae
from training.presets import PRESETS
from training.runs.records import EpochTerms
from training.vae.model import VAE, VAEConfig


@pytest.fixture(scope="module")
def digits():
    return datasets.load("mnist-5k", "test").take(torch.arange(0, 1000, 5))


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
    inches = report.FIGURES[name](found, digits, report.PAPER).get_size_inches()
    assert pixels.shape[::-1] == tuple((60 * inches).astype(int))
    assert (pixels < 128).mean() > 0.002
    assert pixels.std() > 10


@pytest.mark.parametrize("name", ["conditional", "categorical", "grid", "no_variance"])
def test_every_figure_of_a_network_of_somebody_else_follows_its_labels_choices_and_grid(
    name, tmp_path
):
    own = network(name)
    path = import_vae(
        *(own.encoder, own.decoder, own.pictures),
        **{"name": name, "out": tmp_path / name, **own.options},
    )
    found = checkpoint.load(path)
    images = found.images_with_it
    without = {"loss", "manifold-linear"} if name == "grid" else {"loss"}
    assert report.figures_of(found) == [n for n in report.FIGURES if n not in without]
    for figure in report.figures_of(found):
        pixels = np.asarray(Image.open(io.BytesIO(report.draw(figure, found, images, "png", 60))))
        assert pixels.std() > 10
    labels = found.vae.labels_of(images.labels, len(images.classes))
    z = codes.encode(found.vae, images.images, labels=labels)
    axes = axes_of(found.vae, z)
    with torch.no_grad():
        ends = torch.from_numpy(z.mu[[1, 2]])
        strip = report.strip(found.vae, ends, 4)
        between = ends[0] + (ends[1] - ends[0]) / 3
        if choices := len(found.vae.config.choices):
            between[-choices:] = ends[0, -choices:]
        np.testing.assert_allclose(strip[1], own.decode(between[None]).flatten(), atol=1e-4)
        # Along an axis the places are as wanted, and what lies across is as it was.
        moved = ends.clone()
        axes.move(moved, 1, torch.tensor([0.3, -0.2]))
        wanted = axes.of(ends.numpy())
        wanted[:, 1] = [0.3, -0.2]
        np.testing.assert_allclose(axes.of(moved.numpy()), wanted, atol=1e-5)
        across = (moved - ends) - ((moved - ends) @ axes.vectors[1])[:, None] * axes.vectors[1]
        assert float(across.abs().max()) < 1e-5


def test_a_figure_on_the_dark_theme_is_dark_and_can_be_read(digits):
    dark = THEMES["dark"]
    pixels = np.asarray(
        Image.open(
            io.BytesIO(report.draw("loss", made(latent_dim=2), digits, "png", 60, dark))
        ).convert("RGB")
    )
    ground = tuple(int(dark.paper[n : n + 2], 16) for n in (1, 3, 5))
    assert (pixels == ground).all(-1).mean() > 0.7
    light = pixels.astype(int).sum(-1) > 600  # ink, which on this ground must be light
    assert 0.005 < light.mean() < 0.1
    black = pixels.astype(int).sum(-1) < 20  # no writing was left in the other theme's ink
    assert black.mean() < 0.001


def test_an_svg_is_a_drawing_and_the_same_in_any_thread(digits):
    found, style = made(latent_dim=2), dict(mpl.rcParams)
    names = ["loss", "scatter"]
    alone = [report.draw(name, found, digits, "svg") for name in names]
    assert all(ElementTree.fromstring(file).tag.endswith("svg") for file in alone)
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda n: report.draw(n, found, digits, "svg"), names * 2))
    assert together == alone * 2
    assert dict(mpl.rcParams) == style


def test_manifold_and_scatter_have_the_same_axes(digits):
    # The first 2,000 images tell of another order of the dimensions than all of them do.
    found = made(latent_dim=10)
    kl = codes.encode(found.vae, digits.images).kl_per_dim
    best = kl.mean(0).argmax()
    rows = torch.from_numpy((kl[:, best] - kl.max(1)).argsort())
    images = digits.take(torch.cat([rows[:50].repeat(40), rows.repeat(30)]))
    first, all_of_them = (
        [d.index for d in codes.dimensions(codes.encode(found.vae, part))[:2]]
        for part in (images.images[:2000], images.images)
    )
    assert first != all_of_them
    labels = [
        (axes.get_xlabel().split()[0], axes.get_ylabel())
        for name in ("manifold", "scatter")
        for axes in report.FIGURES[name](found, images, report.PAPER).axes
    ]
    assert labels[0] == labels[1]


@torch.no_grad()
def test_the_even_grid_is_the_reports_10_by_10_from_minus_3_to_3(digits):
    found = made(latent_dim=2, prior="normal-1-2")
    axes = report.manifold_linear(found, digits).axes[0]
    painted = np.asarray(axes.images[0].get_array())
    assert painted.shape == (280, 280)
    for row, column in ((0, 0), (2, 7), (9, 9)):
        code = torch.tensor([[-3 + 6 * column / 9, 3 - 6 * row / 9]])
        expected = found.vae.picture(code).reshape(28, 28).numpy()
        cell = painted[28 * row : 28 * row + 28, 28 * column : 28 * column + 28]
        np.testing.assert_allclose(cell, expected, atol=1e-5)
    ticks = [text.get_text() for text in axes.get_xticklabels()]
    assert (ticks[0], ticks[-1], len(ticks)) == ("−3.00", "3.00", 10)
    # A Gamma has no place below 0.
    assert "manifold-linear" in report.figures_of(found)
    assert "manifold-linear" not in report.figures_of(made(latent_dim=2, prior="gamma"))


@torch.no_grad()
def test_a_traversal_moves_one_dimension_over_the_prior_and_keeps_the_others(digits):
    vae = made(latent_dim=3, prior="normal-1-2").vae
    x = datasets.to_float(digits.images[3])
    z = vae.encode(x[None]).mu[0]
    axes = Axes(["z₃", "z₁"], torch.eye(3)[[2, 0]], torch.zeros(3), [True, True])
    found = report.traversal(vae, z, axes, steps=5)
    for dim, pictures in zip((2, 0), found, strict=True):
        for place, picture in zip((-2.0537, 0.0, 2.0537), pictures[::2], strict=True):
            moved = z.clone()
            moved[dim] = 1 + 2 * place  # N(1, 2²) at its quantiles of 2 %, 50 % and 98 %
            np.testing.assert_allclose(picture, vae.picture(moved).numpy(), atol=1e-4)


@pytest.mark.parametrize(
    ("there", "pairs"),
    [
        (range(10), [(1, 7), (3, 8), (4, 9)]),
        ([0, 2, 5], [(0, 2), (0, 5), (2, 5)]),
        ([3], [(3, 3)]),
    ],
)
def test_strips_go_between_classes_that_there_are(there, pairs):
    assert report.pairs_of(list(there)) == pairs


def test_names_of_classes_that_cannot_be_set_are_no_obstacle(digits):
    names = ("お o", "$\\frac", "_hidden", "a" * 300, "お", *"56789")
    images = dataclasses.replace(digits, classes=names)
    figure = report.scatter(made(latent_dim=2), images)
    shown = [text.get_text().strip() for text in figure.axes[0].get_legend().get_texts()]
    assert shown == ["o", r"\$\frac", "_hidden", "a" * 13 + "…", "?", *"56789"]
    for name in ("interpolation", "reconstructions", "scatter"):
        assert report.draw(name, made(latent_dim=2), images, "png", 20)


def test_a_map_is_square_and_shows_nothing_where_z_cannot_be():
    points = np.array([[0.01, 3.0], [8.0, 0.02], [1.0, 1.0]])
    (left, right), (bottom, top) = report.square(points, 0.0)
    assert left == bottom == 0
    assert right == pytest.approx(top)
    assert right > 8
    assert report.square(points, -np.inf)[0][0] < 0


def test_a_strip_goes_straight_from_one_code_to_the_other(digits):
    vae = made(latent_dim=3).vae
    x = datasets.to_float(digits.images[:2])
    with torch.no_grad():
        a, b = ends = vae.encode(x).mu
        meant = vae.picture(torch.stack([a, (a + b) / 2, b])).numpy()
    np.testing.assert_allclose(report.strip(vae, ends, 3), meant, atol=1e-6)


def test_terms_that_are_distances_are_not_said_to_be_nats(digits):
    words = report.loss_curves(made(latent_dim=2, likelihood="perceptual"), digits)
    labels = [axes.get_ylabel() for axes in words.axes]
    assert labels == ["squared features per image", "nats per image", "per image"]
    titles = [axes.get_title(loc="left") for axes in words.axes]
    assert titles[2] == "Reconstruction + KL"


def test_the_command_writes_them_and_says_what_is_wrong(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VAE_CHECKPOINT_DIR", str(paths.ROOT / "checkpoints"))
    out = tmp_path / "figures"
    options = ["--out", str(out), "--dpi", "40", "--data-dir", str(tmp_path)]
    assert main(["figures", "mnist-2d", *options]) == 0
    printed = capsys.readouterr().out
    assert "mnist is not in" in printed
    assert {f.name for f in out.iterdir()} == {
        f"mnist-2d-{name}.{kind}" for name in report.FIGURES for kind in ("png", "svg")
    }
    assert main(["figures", "nothing", *options]) == 2
    error = capsys.readouterr().err
    assert "'nothing'" in error
    assert "mnist-2d" in error
    assert main(["figures", "no/such.safetensors", *options]) == 2
    assert "such.safetensors cannot be read" in capsys.readouterr().err
    assert main(["figures", "mnist-2d", *options, "--data", "cats"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert "mnist-5k" in error
    (tmp_path / "file").write_text("")
    assert main(["figures", "mnist-2d", "--out", str(tmp_path / "file"), "--dpi", "40"]) == 2
    assert "cannot be written" in capsys.readouterr().err
