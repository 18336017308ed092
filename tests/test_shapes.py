"""Pictures of another shape than MNIST's go all the way: fitted, kept, measured, shown."""

import io
import json

import numpy as np
import pytest
import torch
from PIL import Image

from explorer import blobs
from explorer.__main__ import main as explorer_main
from explorer.figures import report
from explorer.runs import watch
from tests import shapes
from training import checkpoint
from training.__main__ import main
from training.data import augment, datasets
from training.presets import PRESETS, on_data
from training.runs.run import Run
from training.runs.snapshots import Probe, Snapshot
from training.vae import classifier
from training.vae.image_shape import GREY_28, ImageShape
from training.vae.likelihoods import LIKELIHOODS
from training.vae.model import VAE, VAEConfig


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The files of a model fitted to the coloured shapes: its checkpoint and its run."""
    folder = tmp_path_factory.mktemp("shapes")
    out, run = folder / "colours.safetensors", folder / "run"
    with pytest.MonkeyPatch.context() as patch:
        shapes.register(patch)
        options = ["--data", shapes.NAME, "--epochs", "4", "--likelihood", "gaussian-learned"]
        options += ["--elastic", "0.02", "--input-dropout", "0.1", "--device", "cpu"]
        options += ["--out", str(out), "--run-dir", str(run)]
        assert main(["fit", "mnist-5k-2d", *options]) == 0
    return out, run


@pytest.fixture
def row(monkeypatch):
    shapes.register(monkeypatch)
    return shapes.ROW


def test_a_model_of_colours_is_fitted_kept_and_measured(made, row, capsys):
    found = checkpoint.load(made[0])
    assert found.vae.shape == found.preset.model.image_shape == shapes.SHAPE
    assert found.history[-1].train_total < found.history[0].train_total
    x = datasets.to_float(datasets.load(shapes.NAME, "test").images)
    output = found.vae.decode(found.vae.encode(x).mu)
    assert output.shape == (len(x), shapes.SHAPE.size + 1)
    likelihood = found.vae.likelihood
    density = torch.distributions.Normal(
        likelihood.mean(output), torch.exp(output[:, -1:] / 2)
    ).log_prob(x)
    torch.testing.assert_close(likelihood.nats(output, x), -density.sum(1), rtol=1e-4, atol=0.1)
    capsys.readouterr()
    options = ["--k", "2", "--iwae-images", "10", "--device", "cpu"]
    assert main(["evaluate", str(made[0]), *options, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["data"], result["quality"]) == (shapes.NAME, None)
    constant = shapes.SHAPE.size / 2 * np.log(2 * np.pi)
    assert likelihood.constant(shapes.SHAPE) == pytest.approx(constant)
    terms = result["reconstruction"] + result["kl"] + constant
    assert result["neg_elbo"] == pytest.approx(terms)
    assert main(["evaluate", str(made[0]), *options]) == 0
    assert "the classifier takes pictures of 1×28×28" in capsys.readouterr().out


def test_a_classifier_of_its_pictures_is_made_and_judges_its_samples(made, row, capsys, tmp_path):
    out = tmp_path / "classifier-shapes.safetensors"
    words = ["--data", shapes.NAME, "--epochs", "4", "--batch-size", "32", "--out", str(out)]
    assert main(["fit", "classifier", *words]) == 0
    assert "(3×32×32), 4 classes" in capsys.readouterr().out
    net, test = classifier.load(out), datasets.load(shapes.NAME, "test")
    assert (net.shape, net.classes) == (shapes.SHAPE, 4)
    with torch.no_grad():
        named = net(datasets.to_float(test.images)).argmax(1) == test.labels
    assert named.float().mean() > 0.5
    few = ["--k", "2", "--iwae-images", "9", "--samples", "100", "--device", "cpu"]
    assert main(["evaluate", str(made[0]), *few, "--classifier", str(out), "--json"]) == 0
    quality = json.loads(capsys.readouterr().out)["quality"]
    assert quality["fid"] > 0
    assert quality["class_entropy"] <= np.log(4) + 1e-6
    assert main(["evaluate", "--all", "--classifier", str(out), "--folder", str(tmp_path)]) == 2
    assert "--classifier is for one checkpoint" in capsys.readouterr().err


def test_pictures_of_one_class_have_no_classifier(monkeypatch, capsys, tmp_path):
    from dataclasses import replace

    def one(row, folder, split):
        found = datasets.load("mnist-5k", split).take(torch.arange(20))
        return replace(found, name="plain", labels=torch.zeros(20).long(), classes=("all",))

    plain = replace(shapes.ROW, name="plain", load=one, shape=GREY_28)
    monkeypatch.setitem(datasets.DATASETS, "plain", plain)
    assert (
        main(["fit", "classifier", "--data", "plain", "--out", str(tmp_path / "classifier")]) == 2
    )
    assert "from 2 to 1,000 classes apart, and plain has 1" in capsys.readouterr().err


def test_its_run_has_snapshots_of_its_shape(made, row):
    run = Run(made[1])
    probe = Probe.read(run.path / "probe.npz")
    assert probe.image_shape == shapes.SHAPE
    assert probe.images.shape == (16, shapes.SHAPE.size)
    snapshot = Snapshot.read(next(run.snapshots.glob("*.npz")))
    assert snapshot.grid.shape == (15**2, shapes.SHAPE.size)
    header, arrays = blobs.unpack(watch.probe_blob(run))
    assert header["shape"] == list(shapes.SHAPE.dims)
    assert arrays["images"].shape == probe.images.shape
    said = watch.news(run, 0)["likelihood"]["constant"]
    assert said == pytest.approx(shapes.SHAPE.size / 2 * np.log(2 * np.pi))


def test_its_blobs_say_its_shape_and_give_every_channel_back(made, row):
    found, images = checkpoint.load(made[0]), datasets.load(shapes.NAME, "test")
    header, _ = blobs.unpack(blobs.model(found.vae, found.name))
    assert header["shape"] == list(shapes.SHAPE.dims)
    assert header["encoder"]["shape"] == [shapes.SHAPE.size]
    header, _ = blobs.unpack(blobs.pictures(images, ""))
    assert header["shape"] == list(shapes.SHAPE.dims)
    assert (header["noun"], header["ink_box"], header["pen"]) == ("shape", None, None)
    assert header["classes"] == list(shapes.CLASSES)
    values = shapes.unpacked(blobs.piece(images, 0), shapes.SHAPE)
    assert len(values) > 20
    np.testing.assert_array_equal(values, images.images[: len(values)].numpy())


def test_its_report_figures_are_in_colour(made, row, tmp_path, capsys):
    assert explorer_main(["figures", str(made[0]), "--out", str(tmp_path), "--dpi", "50"]) == 0
    assert len(list(tmp_path.iterdir())) == 2 * len(report.FIGURES)
    png = (tmp_path / "colours-reconstructions.png").read_bytes()
    levels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)
    assert (levels.max(2) - levels.min(2)).max() > 100
    pictures = np.arange(2 * 3 * 2 * 3 * 4).reshape(2, 3, -1)
    whole = report.sheet(pictures[..., :24], ImageShape(3, 2, 4))
    assert whole.shape == (4, 12, 3)
    assert whole[3, 9, 2] == pictures[1, 2, 2 * 8 + 1 * 4 + 1]


def test_a_model_and_pictures_of_another_shape_never_meet(made, row, tmp_path, capsys):
    for command in (
        ["evaluate", str(made[0]), "--data", "mnist-5k"],
        ["fit", "report-normal", "--data", shapes.NAME, "--run-dir", str(tmp_path / "r")],
        ["fit", "mnist-5k-2d", "--data", shapes.NAME, "--likelihood", "perceptual"],
        ["evaluate", str(made[0]), "--classifier", str(classifier.SHIPPED)],
    ):
        assert main(command) == 2
        (sentence,) = capsys.readouterr().err.splitlines()[-1:]
        assert sentence.startswith("error: ")
        assert "1×28×28" in sentence
        assert "3×32×32" in sentence
    figures = ["figures", str(made[0]), "--data", "mnist-5k", "--out", str(tmp_path)]
    assert explorer_main(figures) == 2
    assert "mnist-5k has pictures of 1×28×28, and colours takes 3×32×32" in capsys.readouterr().err
    with pytest.raises(ValueError, match="not pictures of"):
        datasets.ImageSet("x", "test", torch.zeros(2, 5), torch.zeros(2), ("a",), GREY_28)


def test_a_run_whose_data_set_changed_its_shape_says_so(made, monkeypatch, capsys, tmp_path):
    from dataclasses import replace

    grey = replace(
        shapes.ROW,
        shape=GREY_28,
        load=lambda row, folder, split: replace(datasets.load("mnist-5k", split), name=shapes.NAME),
    )
    monkeypatch.setitem(datasets.DATASETS, shapes.NAME, grey)
    status = json.loads((made[1] / "status.json").read_text())
    monkeypatch.setattr(Run, "status", lambda run: watch.Status())
    assert main(["resume", str(made[1])]) == 2
    assert "shapes has pictures of 1×28×28" in capsys.readouterr().err
    (made[1] / "status.json").write_text(json.dumps(status))


def test_a_recipe_takes_the_shape_of_its_data(row):
    preset = on_data(PRESETS["mnist-2d"], shapes.NAME)
    assert (preset.data, preset.model.image_shape) == (shapes.NAME, shapes.SHAPE)
    assert on_data(preset, "mnist") == PRESETS["mnist-2d"]
    decided = on_data(preset, "folder:/nowhere?size=24x16&color=rgb")
    assert decided.model.image_shape == ImageShape(3, 16, 24)


def test_every_channel_of_a_pixel_is_bent_and_blanked_alike():
    x, g = torch.rand(20, 1, 32 * 32, generator=torch.Generator().manual_seed(1)), torch.Generator()
    same = x.expand(-1, 3, -1).reshape(20, -1)
    for change, much in ((augment.blank, 0.3), (augment.elastic, 0.05)):
        three = change(same, shapes.SHAPE, much, g.manual_seed(2)).view(20, 3, -1)
        one = change(x[:, 0], ImageShape(1, 32, 32), much, g.manual_seed(2))
        torch.testing.assert_close(three, one[:, None].expand(-1, 3, -1))
        assert (three != same.view(20, 3, -1)).any()


@pytest.mark.parametrize("likelihood", [n for n, r in LIKELIHOODS.items() if not r.perceptual])
def test_a_mlp_takes_pictures_that_are_not_square(likelihood):
    shape = ImageShape(1, 5, 9)
    vae = VAE(VAEConfig(3, (16,), (16,), likelihood=likelihood, image_shape=shape))
    x = torch.rand(4, 45)
    z = vae.prior.sample(vae.encode(x))
    assert vae.picture(z).shape == (4, 45)
    term = vae.likelihood.nats if vae.likelihood.is_nll else vae.likelihood.reconstruction
    assert term(vae.decode(z), x).shape == (4,)


def test_the_catalogue_offers_a_model_the_pictures_of_its_shape(made, row, monkeypatch, tmp_path):
    from explorer.session import catalogue, image_sets

    monkeypatch.setenv("VAE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("VAE_RUN_DIR", str(tmp_path))
    offers = catalogue.image_offers()
    assert list(offers) == ["mnist-5k", "sprites-32", "sprites-64", shapes.NAME]
    fitting = image_sets.fitting(offers, shapes.SHAPE)
    assert list(fitting) == ["sprites-32", shapes.NAME]
    assert image_sets.fitting(offers, ImageShape(3, 8, 8)) == {}
    model = checkpoint.describe(made[0])
    assert image_sets.usual(fitting, model.data) == shapes.NAME
    assert image_sets.usual(fitting, "mnist") == "sprites-32"
    assert image_sets.usual({}, "mnist") is None
    assert image_sets.alike(offers["mnist-5k"], "mnist")
    assert not image_sets.alike(offers["sprites-32"], shapes.NAME)
    called = "the checkpoint colours"
    assert image_sets.misfit(offers["mnist-5k"], shapes.SHAPE, called, shapes.NAME) == (
        "The data set mnist-5k has pictures of 1×28×28, and the checkpoint colours takes 3×32×32; "
        f"shown instead: {shapes.NAME}."
    )
    shown = image_sets.load(offers[shapes.NAME])
    assert len(shown.images) == sum(shapes.SIZE)
