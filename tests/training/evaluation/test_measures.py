"""What test_likelihoods and test_quality leave open: true bounds, collapse, Gamma information."""

import math
from dataclasses import replace
from types import SimpleNamespace
from urllib.error import URLError

import pytest
import torch
from torch.distributions import Gamma as TorchGamma
from torch.distributions import Laplace, Normal

from training import checkpoint
from training.__main__ import main
from training.data import datasets
from training.evaluation import table
from training.evaluation.metrics import codes_of, knn_accuracy, mutual_information
from training.evaluation.sample_quality import Judge
from training.vae import classifier
from training.vae.elbo import elbo, iwae
from training.vae.model import VAE, VAEConfig
from training.vae.priors import Gamma, GammaPosterior


@pytest.fixture(scope="module")
def test_images():
    return datasets.load("mnist-5k", "test").images


@pytest.mark.parametrize("name", ["gaussian", "gaussian-learned", "laplace"])
@torch.no_grad()
def test_bounds_lie_above_the_likelihood_that_quadrature_finds_and_fall_towards_it(name):
    torch.manual_seed(0)
    vae = VAE(VAEConfig(1, (8,), (8,), likelihood=name))
    vae.decoder[0].weight.mul_(2)  # z means something to x̂, and q(z|x) knows little of it
    x = torch.rand(4, 784)
    z = torch.linspace(-9, 9, 6001)[:, None]
    mean = vae.picture(z)[:, None]
    scale = {"gaussian": math.sqrt(0.5), "gaussian-learned": 1.0, "laplace": 1.0}[name]
    density = (Laplace if name == "laplace" else Normal)(mean, scale)
    joint = density.log_prob(x).sum(-1).double() + Normal(0.0, 1.0).log_prob(z)
    exact = -(torch.logsumexp(joint, 0) + math.log(18 / 6000))
    g = torch.Generator().manual_seed(0)
    singles = torch.stack([elbo(vae, x, g).neg_elbo for _ in range(500)]).double()
    few = torch.stack([iwae(vae, x, 5, g) for _ in range(200)]).double()
    many = iwae(vae, x, 20_000, g).double()
    error = singles.std(0) / math.sqrt(500) + few.std(0) / math.sqrt(200)
    assert (singles.mean(0) - few.mean(0) > 5 * error).all()
    assert (few.mean(0) > many).all()
    torch.testing.assert_close(many, exact, atol=0.05, rtol=0)


@torch.no_grad()
def test_a_model_of_one_picture_has_that_pictures_entropy_and_the_fid_of_a_point(test_images):
    x = datasets.to_float(test_images[:1])
    vae = VAE(VAEConfig(2, (4,), (4,)))
    vae.decoder[-1].weight.zero_()
    # Between two digits, so that the classifier is of two minds.
    vae.decoder[-1].bias.copy_((0.5 * x + 0.5 * datasets.to_float(test_images[2:3]))[0].logit(1e-4))
    *_, found = Judge(test_images[:400]).judge_steps(vae, 700)
    net, real = classifier.load(classifier.SHIPPED), datasets.to_float(test_images[:400])
    picture = vae.picture(torch.zeros(1, 2))
    odds = net(picture).double().softmax(1)[0]
    assert found.class_entropy == pytest.approx(float(-(odds * odds.log()).sum()), abs=1e-4)
    assert 0.05 < found.class_entropy < math.log(10) / 2
    assert found.confidence == pytest.approx(float(odds.max()), abs=1e-4)
    seen = net.penultimate(real).double()
    point = (seen.mean(0) - net.penultimate(picture)[0]).square().sum()
    assert found.fid == pytest.approx(float(point + seen.var(0).sum()), rel=1e-3)


def test_information_of_two_gammas_is_their_jensen_shannon_divergence():
    n, ends = 4000, torch.tensor([[2.0, 1.0], [6.0, 1.5]], dtype=torch.float64)
    family = SimpleNamespace(prior=Gamma())

    def information(shape, rate):
        posterior = GammaPosterior(shape[:, None], rate[:, None])
        z = Gamma().sample(posterior, torch.Generator().manual_seed(0))
        return mutual_information(family, z, posterior, pairs_at_once=1_000_000)

    z = torch.linspace(1e-6, 60, 200_001, dtype=torch.float64)
    two = TorchGamma(*ends.T[..., None]).log_prob(z)
    ratio = two - (torch.logsumexp(two, 0) - math.log(2))
    expected = float(torch.trapezoid(two.exp() * ratio, z).mean())
    spread = float(torch.trapezoid(two.exp() * (ratio - expected) ** 2, z).mean().sqrt())
    assert 0.1 < expected < 0.6
    found = information(*ends.float().repeat(n // 2, 1).T)
    assert found == pytest.approx(expected, abs=4 * spread / math.sqrt(n))
    alike = torch.full((500,), 3.0)
    assert information(alike, alike) == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("prior", ["standard-normal", "gamma"])
@torch.no_grad()
def test_codes_are_the_posterior_means_in_the_order_of_the_images(test_images, prior):
    vae, images = VAE(VAEConfig(3, (8,), (8,), prior=prior)), test_images[:20]
    codes = codes_of(vae, images, chunk=7)
    a, b = vae.encoder(datasets.to_float(images)).chunk(2, 1)
    assert codes.shape == (20, 3)
    torch.testing.assert_close(codes, a if prior == "standard-normal" else (a - b).exp())


def test_the_five_nearest_codes_vote_and_fewer_where_there_are_fewer():
    g = torch.Generator().manual_seed(0)
    labels, asked = torch.arange(300) % 2, torch.arange(500) % 2  # of two classes, five never tie
    codes = torch.randn(300, 3, generator=g) + labels[:, None]
    test_codes = torch.randn(500, 3, generator=g) + asked[:, None]
    near = torch.cdist(test_codes, codes).argsort(1)
    found = {
        k: float((labels[near[:, :k]].float().mean(1).round() == asked).float().mean())
        for k in (1, 3, 5, 7)
    }
    assert len(set(found.values())) == 4
    assert knn_accuracy(codes, labels, test_codes, asked) == pytest.approx(found[5])
    assert knn_accuracy(codes[:3], labels[:3], test_codes, asked) == pytest.approx(0.5)


def test_the_classifier_has_its_652_458_parameters_and_its_shapes():
    net, x = classifier.Classifier(), torch.rand(3, 784)
    assert sum(p.numel() for p in net.parameters()) == 652_458
    assert [tuple(s.shape) for s in net.stages(x)] == [(3, 64, 14, 14), (3, 256, 4, 4)]
    features = net.penultimate(x)
    assert features.shape == (3, 32)
    assert (features >= 0).all()
    torch.testing.assert_close(net(x), features @ net.last.weight.T + net.last.bias)


def test_inception_without_its_weights_is_one_sentence_on_the_command_line(
    tmp_path, monkeypatch, capsys
):
    def offline(*args, **kwargs):
        raise URLError("no route to host")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub._hub_dir", None)
    monkeypatch.setattr("torch.hub.download_url_to_file", offline)
    path = checkpoint.checkpoint_files(classifier.SHIPPED.parent)[0]
    few = ["--data", "mnist-5k", "--images", "20", "--k", "1", "--iwae-images", "1"]
    assert main(["evaluate", str(path), *few, "--fid", "inception", "--device", "cpu"]) == 2
    error = [line for line in capsys.readouterr().err.splitlines() if "Downloading" not in line]
    assert len(error) == 1
    assert error[0].startswith("error: Inception's weights are not here")
    assert "--fid classifier" in error[0]


def test_a_checkpoint_whose_images_are_gone_is_named_and_the_others_are_measured(tmp_path, capsys):
    found = checkpoint.load(checkpoint.checkpoint_files(classifier.SHIPPED.parent)[0])
    checkpoint.save(replace(found, data=f"folder:{tmp_path / 'gone'}"), tmp_path / "a.safetensors")
    checkpoint.save(replace(found, data="mnist-5k"), tmp_path / "b.safetensors")
    few = ["--images", "20", "--k", "1", "--iwae-images", "1", "--fid", "none", "--device", "cpu"]
    assert main(["evaluate", "--all", "--folder", str(tmp_path), *few]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: a.safetensors: ")
    assert "gone" in error
    assert error.count("\n") == 1
    assert list(table.read(tmp_path)) == ["b"]
