"""What samples and codes are worth, each measure against an oracle; and the classifier."""

import math
import re
from types import SimpleNamespace
from urllib.error import URLError

import numpy as np
import pytest
import scipy.linalg
import torch

from training import checkpoint
from training.__main__ import main
from training.data import datasets
from training.evaluation.classifier import accuracy
from training.evaluation.metrics import evaluate, knn_accuracy, mutual_information
from training.evaluation.sample_quality import Judge, QualityError
from training.vae import classifier
from training.vae.classifier import ClassifierError
from training.vae.image_shape import GREY_28
from training.vae.model import VAE, VAEConfig
from training.vae.priors import Gaussian, GaussianPosterior

PIXELS = GREY_28.size


@pytest.fixture(scope="module")
def digits():
    return datasets.load("mnist-5k", "train"), datasets.load("mnist-5k", "test")


def showing(pictures):
    """A model whose samples are these pictures, one after the other."""
    return SimpleNamespace(
        prior=SimpleNamespace(sample_prior=lambda n, d, g: torch.arange(n)[:, None]),
        config=SimpleNamespace(latent_dim=1),
        picture=lambda z: pictures[z[:, 0]],
    )


@torch.no_grad()
def measured(pictures):
    net = classifier.load(classifier.SHIPPED)
    found = net.penultimate(pictures)
    odds = net.last(found).double().numpy()
    odds = np.exp(odds) / np.exp(odds).sum(1, keepdims=True)
    found = found.double().numpy()
    return found.mean(0), np.cov(found, rowvar=False), odds


def test_judged_pictures_have_the_fid_and_the_classes_of_the_closed_forms(digits):
    real = digits[1].images[:500]
    judge = Judge(real)
    # Half of them zeros and ones, darker than they should be.
    rows = torch.cat([torch.arange(300), torch.arange(4000)[digits[0].labels < 2][:300]])
    pictures = 0.7 * datasets.to_float(digits[0].images[rows])
    *counts, found = judge.judge_steps(showing(pictures), len(rows))
    assert counts[-1] == found.samples == len(rows) == 600
    (m1, c1, odds), (m2, c2, _) = measured(pictures), measured(datasets.to_float(real))
    both = np.flatnonzero((c1.diagonal() > 0) & (c2.diagonal() > 0))  # others add nothing to it
    root = scipy.linalg.sqrtm((c1 @ c2)[np.ix_(both, both)]).real
    expected = ((m1 - m2) ** 2).sum() + np.trace(c1 + c2) - 2 * np.trace(root)
    assert expected > 1
    assert found.fid == pytest.approx(expected, rel=1e-3)
    share = odds.mean(0)
    assert found.confidence == pytest.approx(odds.max(1).mean(), abs=1e-5)
    assert found.class_entropy == pytest.approx(-(share * np.log(share)).sum(), abs=1e-5)
    # The same judge, afterwards: nothing is left of the pictures before.
    *_, same = judge.judge_steps(showing(datasets.to_float(real)), 500)
    assert abs(same.fid) < 1e-3 * found.fid
    assert same.class_entropy == pytest.approx(math.log(10), abs=0.01)
    assert same.confidence > 0.95


def test_features_that_are_not_known_or_not_to_be_had_are_a_sentence(digits, tmp_path, monkeypatch):
    with pytest.raises(QualityError, match=r"'vgg' are not known.*classifier, inception\."):
        Judge(digits[1].images, "vgg")
    tried = []

    def offline(url, *args, **kwargs):
        tried.append(url)
        raise URLError("no route to host")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub._hub_dir", None)
    monkeypatch.setattr("torch.hub.download_url_to_file", offline)
    with pytest.raises(QualityError) as caught:
        Judge(digits[1].images[:2], "inception")
    (url,) = tried
    sentence = str(caught.value)
    assert "no route to host" in sentence
    assert "--fid classifier" in sentence
    assert str(tmp_path) in sentence
    assert url.rpartition("/")[2] in sentence
    assert "\n" not in sentence
    assert caught.value.__suppress_context__


ANY = SimpleNamespace(prior=Gaussian())  # what is asked of a model is its density of q(z|x)


def information(mu, std, seed=0):
    posterior = GaussianPosterior(mu, 2 * torch.as_tensor(std).log().expand_as(mu))
    z = ANY.prior.sample(posterior, torch.Generator().manual_seed(seed))
    return mutual_information(ANY, z, posterior, pairs_at_once=1_000_000)


def test_mutual_information_runs_from_nothing_to_log_n():
    assert information(torch.full((500, 3), 0.7), 0.4) == pytest.approx(0, abs=1e-4)
    far = 100 * torch.arange(500.0)[:, None].expand(-1, 3)
    assert information(far, 0.1) == pytest.approx(math.log(500), abs=1e-4)


@pytest.mark.parametrize(("a", "s"), [(0.5, 1.0), (2.0, 0.7), (1.0, 0.1)])
def test_mutual_information_of_a_linear_gaussian_is_the_closed_form(a, s):
    # Var of log q(z|x)/q(z) is ρ² = a²/(a² + s²) here, whence the error of the mean.
    x, n = torch.randn(3000, 1, generator=torch.Generator().manual_seed(1)), 3000
    expected, error = 0.5 * math.log(1 + (a / s) ** 2), a / math.hypot(a, s) / math.sqrt(n)
    assert information(a * x, s) == pytest.approx(expected, abs=4 * error)


def test_knn_tells_classes_that_lie_apart_and_guesses_where_there_are_none():
    g = torch.Generator().manual_seed(0)
    labels, test_labels = (torch.arange(n) % 4 for n in (1200, 800))
    codes, test_codes = (torch.randn(n, 2, generator=g) for n in (1200, 800))
    guess = knn_accuracy(codes, labels, test_codes, test_labels)
    assert guess == pytest.approx(0.25, abs=4 * math.sqrt(0.25 * 0.75 / 800))
    shift = torch.tensor([[0, 0], [0, 20], [20, 0], [20, 20]])
    apart = codes + shift[labels], test_codes + shift[test_labels]
    assert knn_accuracy(apart[0], labels, apart[1], test_labels) == 1
    shuffled = labels[torch.randperm(1200, generator=g)]
    chance = knn_accuracy(apart[0], shuffled, apart[1], test_labels)
    assert chance == pytest.approx(0.25, abs=0.08)


@pytest.mark.parametrize("name", ["bernoulli", "gaussian", "gaussian-learned", "perceptual"])
def test_evaluation_reads_every_models_pictures_as_a_bernoulli(digits, name):
    torch.manual_seed(2)
    vae = VAE(VAEConfig(2, (8,), (8,), likelihood=name))
    with torch.no_grad():  # q(z|x) is the prior and x̂ is one: all bounds are −log p(x) itself
        for parameter in (*vae.encoder[-1].parameters(), vae.decoder[0].weight):
            parameter.zero_()
    images = digits[1].images[:60]
    x, p = datasets.to_float(images).double(), vae.picture(torch.zeros(1, 2)).double().detach()
    entropy = float(-(x * p.log() + (1 - x) * (1 - p).log()).sum(1).mean())
    result = evaluate(vae, images, k=3)
    assert result.kl == result.active_units == 0
    assert result.mutual_information == pytest.approx(0, abs=1e-5)
    assert result.bernoulli == pytest.approx(entropy, rel=1e-5)
    if name == "perceptual":
        assert result.neg_elbo is result.bernoulli_neg_elbo is result.iwae is None
        return
    assert result.bernoulli_neg_elbo == pytest.approx(entropy, rel=1e-5)
    assert result.iwae == pytest.approx(entropy, rel=1e-5)
    square = float(((x - p) ** 2).sum(1).mean())
    exact = {
        "bernoulli": entropy,
        "gaussian": square + PIXELS / 2 * math.log(math.pi),
        "gaussian-learned": square / 2 + PIXELS / 2 * math.log(2 * math.pi),
    }
    assert result.neg_elbo == pytest.approx(exact[name], rel=1e-5)
    assert (result.bernoulli == result.reconstruction) == (name == "bernoulli")


def test_the_shipped_classifier_names_the_embedded_digits(digits):
    assert accuracy(classifier.load(classifier.SHIPPED), digits[1]) >= 0.995
    names = [path.stem for path in checkpoint.checkpoint_files(classifier.SHIPPED.parent)]
    assert names
    assert classifier.NAME not in names


def test_a_classifier_is_no_checkpoint_and_no_checkpoint_a_classifier(tmp_path):
    for stem in ("classifier", "classifier-2", "classifiers"):
        (tmp_path / f"{stem}.safetensors").write_bytes(b"")
    found = [path.stem for path in checkpoint.checkpoint_files(tmp_path)]
    assert found == ["classifiers"]
    whole, path = classifier.SHIPPED.read_bytes(), tmp_path / "c.safetensors"
    vae = next(iter(checkpoint.checkpoint_files(classifier.SHIPPED.parent)))
    for content in (None, b"", whole[:-7], b"\x00" + whole[1:], vae.read_bytes()):
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(ClassifierError) as caught:
            classifier.load(path)
        sentence = str(caught.value)
        assert str(path) in sentence
        assert ("There is no" in sentence) == (content is None)
        assert "`python -m training fit classifier`" in sentence
        assert "\n" not in sentence
        assert len(sentence) < 400


@pytest.mark.slow
def test_the_command_line_trains_a_classifier_and_prints_its_accuracy(tmp_path, digits, capsys):
    out = tmp_path / "new" / "classifier.safetensors"
    options = ["--data", "mnist-5k", "--epochs", "1", "--out", str(out)]
    assert main(["fit", "classifier", *options]) == 0
    printed = capsys.readouterr().out
    (share,) = re.findall(r"([\d.]+)% of the test images named \(as stored\)", printed)
    measured = accuracy(classifier.load(out), digits[1])
    assert share == f"{measured:.2%}"[:-1]
    assert measured > 0.7
    assert main(["fit", "classifier", "--latent-dim", "3"]) == 2
    assert "--latent-dim is not possible with the classifier" in capsys.readouterr().err
