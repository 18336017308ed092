"""Exact quantities in two dimensions, against closed forms, a fine grid and the bounds."""

import json
import math
import shutil
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.distributions import Gamma, MultivariateNormal, Normal

from training import checkpoint
from training.__main__ import main
from training.data import datasets
from training.evaluation import exact as under_test
from training.evaluation import exact_command
from training.evaluation import exact_many as exact_many_module
from training.evaluation.exact import Plane, bound, exact, gap
from training.evaluation.exact_many import SETTLED, exact_many, rule
from training.presets import PRESETS
from training.vae.elbo import iwae
from training.vae.image_shape import ImageShape
from training.vae.likelihoods import LIKELIHOODS, Likelihood
from training.vae.model import VAE, VAEConfig
from training.vae.priors import GammaPosterior, GaussianPosterior

NOISE = 0.4  # of the linear-Gaussian model, a standard deviation
SHAPE = ImageShape(1, 2, 3)


@pytest.fixture
def linear(monkeypatch):
    """A VAE of pictures of six values whose decoder is linear and whose noise is Gaussian: its
    log p(x), posterior and best Gaussian q have closed forms (Tipping & Bishop 1999)."""
    return linear_gaussian(monkeypatch, NOISE)


def linear_gaussian(monkeypatch, noise):
    constant = math.log(2 * math.pi * noise**2) / 2
    row = Likelihood(
        "linear", "", lambda out, x: ((x - out) ** 2).sum(-1) / (2 * noise**2), constant
    )
    monkeypatch.setitem(LIKELIHOODS, "linear", row)
    torch.manual_seed(3)
    config = VAEConfig(2, (4,), (4,), likelihood="linear", prior="normal-1-2", image_shape=SHAPE)
    vae = VAE(config).eval()
    vae.decoder = nn.Sequential(nn.Linear(2, 6), nn.Identity())
    return vae.requires_grad_(False)


def closed_form(vae, x, noise=NOISE):
    """log p(x), and mean and covariance of p(z|x), with the prior N(1, 2²)."""
    w, b = vae.decoder[0].weight.double(), vae.decoder[0].bias.double()
    marginal = MultivariateNormal(
        w @ torch.ones(2, dtype=torch.float64) + b,
        4 * w @ w.T + noise**2 * torch.eye(6, dtype=torch.float64),
    )
    precision = w.T @ w / noise**2 + torch.eye(2, dtype=torch.float64) / 4
    covariance = torch.linalg.inv(precision)
    mean = covariance @ (w.T @ (x.double() - b) / noise**2 + 0.25)
    return float(marginal.log_prob(x.double())), mean, covariance


def test_a_linear_gaussian_vae_has_its_closed_forms(linear):
    x = torch.rand(6, generator=torch.Generator().manual_seed(1))
    plane = Plane(linear)
    log_p, mean, covariance = closed_form(linear, x)
    evidence = plane.evidence(x)
    assert evidence.log_p == pytest.approx(log_p, abs=1e-4)
    assert float(evidence.mass.sum()) == pytest.approx(1, abs=1e-9)
    torch.testing.assert_close(evidence.mean, mean, atol=1e-4, rtol=0)
    torch.testing.assert_close(evidence.covariance, covariance, atol=1e-4, rtol=0)
    # Any q: its divergence from the true posterior, between two normals.
    q = GaussianPosterior(torch.tensor([0.3, 1.2]), torch.tensor([-1.0, 0.4]))
    own = MultivariateNormal(q.mu.double(), torch.diag(torch.exp(q.log_var.double())))
    apart = float(torch.distributions.kl_divergence(own, MultivariateNormal(mean, covariance)))
    assert gap(plane, x, q, evidence)[0] == pytest.approx(apart, abs=1e-3)
    assert bound(linear, x, q)[0] == pytest.approx(log_p - apart, abs=1e-3)
    # The best q with a diagonal covariance has the posterior's mean and the inverse of the
    # diagonal of its precision (Bishop 2006, equation 10.12).
    starts = [GaussianPosterior(q.mu[None], q.log_var[None])]
    best, top = under_test.best_gaussian(linear, x, starts)
    torch.testing.assert_close(best.mu[0].double(), mean, atol=5e-3, rtol=0)
    precision = torch.linalg.inv(covariance)
    torch.testing.assert_close(
        torch.exp(best.log_var[0].double()), 1 / precision.diagonal(), atol=0, rtol=2e-2
    )
    least = MultivariateNormal(mean, torch.diag(1 / precision.diagonal()))
    approximation = torch.distributions.kl_divergence(least, MultivariateNormal(mean, covariance))
    assert log_p - top == pytest.approx(float(approximation), abs=2e-3)


def test_what_the_finest_cells_leave_open_is_in_the_error(monkeypatch):
    vae = linear_gaussian(monkeypatch, 0.005)
    x = torch.rand(6, generator=torch.Generator().manual_seed(1))
    log_p, _, covariance = closed_form(vae, x, 0.005)
    assert float(covariance.diagonal().sqrt().max()) < 0.01  # narrower than those cells
    evidence = Plane(vae).evidence(x)
    off = abs(evidence.log_p - log_p)
    assert 1e-4 < off < 5 * evidence.error < 0.01


def test_a_gammas_integral_is_that_of_a_fine_grid_on_the_positive_plane():
    torch.manual_seed(0)
    config = VAEConfig(2, (8,), (8,), prior="gamma", image_shape=SHAPE)
    vae = VAE(config).eval().requires_grad_(False)
    for p in vae.decoder.parameters():
        p.mul_(4)
    x = torch.rand(6)
    n, end = 2000, 22.0
    middles = (torch.arange(n, dtype=torch.float64) + 0.5) * (end / n)
    total = torch.tensor(-math.inf, dtype=torch.float64)
    for row in middles:
        z = torch.stack([row.expand(n), middles], 1)
        prior = Gamma(2.0, 1.0).log_prob(z).sum(1)
        log_joint = prior - vae.likelihood.nats(vae.decode(z.float()), x).double()
        total = torch.logaddexp(total, torch.logsumexp(log_joint, 0))
    expected = float(total) + 2 * math.log(end / n)
    plane = Plane(vae)
    assert plane.evidence(x).log_p == pytest.approx(expected, abs=2e-3)
    q = GammaPosterior(torch.tensor([3.0, 1.4]), torch.tensor([2.0, 0.7]))
    found = exact_of(plane, x, q)
    assert sum(found) == pytest.approx(plane.evidence(x).log_p, abs=5e-3)


def exact_of(plane, x, q):
    evidence = plane.evidence(x)
    return bound(plane.vae, x, q)[0], gap(plane, x, q, evidence)[0]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "images"), [("mnist-2d", 100), ("gamma", 12)])
def test_the_identity_holds_for_real_digits_and_the_bounds_lie_in_order(name, images):
    vae = checkpoint.load(under_test_folder() / f"{name}.safetensors").vae
    x = datasets.to_float(datasets.load("mnist-5k", "test").images[:images])
    with torch.no_grad():
        posterior = vae.encode(x)
    plane = Plane(vae, posterior.mu)
    coarse = plane.coarse(x)
    found = [exact(plane, one, known) for one, known in zip(x, coarse, strict=True)]
    for one in found:
        assert one.log_p == pytest.approx(one.elbo + one.gap, abs=0.01)
        assert one.gap >= -0.01
        assert one.error < 0.01
    # In expectation log p(x) ≥ L_k ≥ ELBO, over all images and within the sampling's error.
    log_p, elbo = (torch.tensor([getattr(v, n) for v in found]) for n in ("log_p", "elbo"))
    draws = torch.stack(
        [-iwae(vae, x, 20, torch.Generator().manual_seed(seed)) for seed in range(8)]
    )
    means = draws.mean(1)
    error = float(means.std()) / math.sqrt(len(means))
    assert float(log_p.mean()) > float(means.mean()) - 4 * error
    assert float(means.mean()) > float(elbo.mean()) + 4 * error
    # What no bound below shows: an estimate of log p(x) by draws from the true posterior's own
    # moments, where these have one mode, agrees.
    close = min(range(images), key=lambda n: found[n].gap)
    evidence = plane.evidence(x[close], coarse[close])
    q = MultivariateNormal(evidence.mean, 2 * evidence.covariance)
    z = q.sample((20_000,))
    weights = plane.log_joint(x[close])(z) - q.log_prob(z)
    shares = torch.exp(weights - weights.max())
    spread = float(shares.std() / shares.mean()) / math.sqrt(len(z))
    estimate = float(torch.logsumexp(weights, 0)) - math.log(len(z))
    assert estimate == pytest.approx(found[close].log_p, abs=5 * spread + 1e-3)


def under_test_folder():
    return checkpoint.Path(under_test.__file__).parents[2] / "checkpoints"


def test_the_command_says_it_image_by_image_and_why_not(capsys, tmp_path):
    path = str(under_test_folder() / "mnist-2d.safetensors")
    assert main(["exact", path, "--images", "2", "--best", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["image"] for row in rows] == [0, 1]
    for row in rows:
        assert row["elbo"] + row["gap"] == pytest.approx(row["log_p"], abs=0.01)
        assert row["elbo"] - 0.01 <= row["best_gaussian_elbo"] <= row["log_p"] + 0.01
        assert 0 <= row["error"] < 0.01
    ten = str(under_test_folder() / "mnist-10d.safetensors")
    assert main(["exact", ten]) == 2
    assert "this model has 10 latent dimensions" in capsys.readouterr().err
    distance = VAE(VAEConfig(2, (4,), (4,), likelihood="perceptual"))
    with pytest.raises(under_test.ExactError, match="trained with a distance"):
        Plane(distance)


def test_a_gaussian_is_integrated_over_wherever_it_is(linear):
    """E_q of a polynomial, near the origin and far from it, narrow and wide."""
    for mu, sigma in ((0.0, 1.0), (40.0, 1e-3), (-7.0, 5.0)):
        q = GaussianPosterior(
            torch.full((2,), mu, dtype=torch.float64),
            torch.full((2,), 2 * math.log(sigma), dtype=torch.float64),
        )
        found, seen = under_test.over_q(linear, q, lambda z: (z**2).sum(1), 8)
        assert seen == pytest.approx(1, abs=1e-6)
        assert found == pytest.approx(2 * (mu**2 + sigma**2), rel=1e-6)
    log_q = Normal(0.0, 1.0)
    zero = torch.zeros(2, dtype=torch.float64)
    q = GaussianPosterior(zero, zero)
    entropy, _ = under_test.over_q(linear, q, lambda z: -log_q.log_prob(z).sum(1), 8)
    assert entropy == pytest.approx(2 * float(log_q.entropy()), abs=1e-6)


def small(**more):
    """A model of digits that is cheap to decode, and not blind."""
    torch.manual_seed(0)
    vae = VAE(VAEConfig(2, (8,), (8,), **more))
    with torch.no_grad():
        vae.decoder[0].weight.mul_(3)
        vae.decoder[2].weight.mul_(3)
    return vae.eval()


@pytest.mark.parametrize(
    "different",
    [{}, {"likelihood": "gaussian"}, {"likelihood": "laplace"}, {"prior": "gamma"}],
    ids=str,
)
def test_many_at_once_are_what_they_are_one_by_one(different):
    """Sums over a grid, of each kind of term, and where z has an edge at 0."""
    vae = small(**different)
    x = datasets.to_float(datasets.load("mnist-5k", "test").images[:2])
    with torch.no_grad():
        plane = Plane(vae, vae.encode(x).mu)
    for one, found in zip(x, exact_many(plane, x), strict=True):
        alone = exact(plane, one)
        assert (found.log_p, found.elbo) == pytest.approx(
            (alone.log_p, alone.elbo),
            abs=SETTLED + alone.error,  # its panels see a Gamma's edge at 0 badly, and say so
        )
        assert found.gap == pytest.approx(alone.gap, abs=2 * SETTLED + alone.error)
        assert found.error < 2 * SETTLED


def test_a_grid_that_misses_a_narrow_posterior_does_not_pass_for_settled(monkeypatch):
    """On a grid that knows no codes p(z|x) of this digit is a spike: half of the grid agrees with
    the whole by chance, 0.4 nats from the truth."""
    vae = checkpoint.load(Path("checkpoints/mnist-2d.safetensors")).vae
    x = datasets.to_float(datasets.load("mnist-5k", "test").images[999:])
    with torch.no_grad():
        knowing = Plane(vae, vae.encode(x).mu)
    truth = knowing.evidence(x[0]).log_p
    monkeypatch.setattr(exact_many_module, "SIDES", (513,))
    (found,) = exact_many(Plane(vae), x)
    assert found.log_p == pytest.approx(truth, abs=SETTLED)


def test_gauss_rules_over_q_have_its_moments():
    """Up to the degree to which a rule of n nodes is exact, 2n − 1, against closed forms."""
    shape, rate = torch.tensor([[1.3, 40.0]]), torch.tensor([[0.7, 11.0]])
    mu, log_var = torch.tensor([[0.4, -1.5]]), torch.tensor([[0.3, -2.0]])
    a, b, m, s = shape.double(), rate.double(), mu.double(), torch.exp(log_var.double() / 2)
    gaussian = {1: m, 2: m**2 + s**2, 3: m**3 + 3 * m * s**2, 4: m**4 + 6 * m**2 * s**2 + 3 * s**4}
    gamma = {k: torch.exp(torch.lgamma(a + k) - torch.lgamma(a)) / b**k for k in range(1, 16)}
    for q, moments in (
        (GaussianPosterior(mu, log_var), gaussian),
        (GammaPosterior(shape, rate), gamma),
    ):
        z, weights = rule(q, 8)
        assert float(weights.sum()) == pytest.approx(1)
        for k, wanted in moments.items():
            found = (weights[..., None] * z**k).sum(1)
            torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-9)


def test_the_table_is_written_for_people_and_for_pages(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(exact_command, "K", (1, 5))
    shutil.copy("checkpoints/report-10d.safetensors", tmp_path)
    preset, metrics = PRESETS["mnist-5k-2d"], checkpoint.Metrics(1.0, 2.0, 3)
    made = checkpoint.Checkpoint("small", small(), preset, 0, "mnist-5k", (), metrics)
    checkpoint.save(made, tmp_path / "small.safetensors")
    out = tmp_path / "EXACT.md"
    arguments = ["exact", "--all", "--folder", str(tmp_path), "--images", "2", "--out", str(out)]
    assert main(arguments) == 0
    assert "report-10d is left out" in capsys.readouterr().out
    (row,) = json.loads((tmp_path / "exact.json").read_text())["checkpoints"]
    assert (row["name"], row["images"], list(row["l_k"])) == ("small", 2, ["1", "5"])
    (log_p, error), (elbo, _), (gap, _) = row["log_p"], row["elbo"], row["gap"]
    assert log_p == pytest.approx(elbo + gap, abs=1e-3)
    assert f"{log_p:.2f} ± {error:.2f}" in out.read_text()
