"""Terms of many images, against closed forms, the exact quantities of each, and L_k."""

import math

import pytest
import torch

from tests.training.evaluation.test_exact import closed_form, linear, under_test_folder  # noqa: F401
from training import checkpoint
from training.data import datasets
from training.evaluation import exact, image_terms
from training.evaluation.image_terms import MATRICES, bounds, method, terms
from training.vae.elbo import iwae
from training.vae.image_shape import ImageShape
from training.vae.likelihoods import LIKELIHOODS
from training.vae.model import VAE, VAEConfig

SHAPE = ImageShape(1, 2, 3)


@pytest.mark.parametrize("name", MATRICES)
def test_a_product_of_matrices_gives_what_the_likelihood_gives(name):
    row, generator = LIKELIHOODS[name], torch.Generator().manual_seed(2)
    x = torch.rand(5, 6, generator=generator)
    output = torch.randn(7, 6 + row.learned, generator=generator)
    expected = row.reconstruction(output[:, None], x).T
    torch.testing.assert_close(MATRICES[name](x, output), expected, atol=1e-5, rtol=1e-5)


def test_a_linear_gaussian_vae_has_its_closed_forms(linear, monkeypatch):  # noqa: F811
    x = torch.rand(9, 6, generator=torch.Generator().manual_seed(1))
    wanted = torch.tensor([closed_form(linear, one)[0] for one in x])
    # By samples, a bound: from below, in expectation, and by how much says how far q is away.
    assert method(linear) == ("samples", 256)
    sampled = terms(linear, x)
    assert float((sampled.log_p - wanted).mean()) < 0.05
    monkeypatch.setitem(
        MATRICES,
        "linear",
        lambda images, out: LIKELIHOODS["linear"].reconstruction(out, images[:, None]),
    )
    assert method(linear).kind == "plane"
    shares: list[float] = []
    found = terms(linear, x, report=shares.append)
    torch.testing.assert_close(found.log_p, wanted.float(), atol=2e-3, rtol=0)
    assert shares == sorted(shares)
    assert 0 < shares[0] <= shares[-1] <= 1
    with torch.no_grad():
        posterior = linear.encode(x)
    for n, one in enumerate(x):
        own = posterior._make(p[n] for p in posterior)
        elbo = -(found.reconstruction[n] + found.kl[n] + linear.likelihood.constant(SHAPE))
        assert float(elbo) == pytest.approx(exact.bound(linear, one, own)[0], abs=1e-3)
    soon = bounds(linear, x)
    assert soon.log_p is None
    torch.testing.assert_close(soon.reconstruction, found.reconstruction)
    torch.testing.assert_close(soon.kl, found.kl)


def test_a_gammas_plane_is_as_the_adaptive_rule_has_it():
    torch.manual_seed(0)
    config = VAEConfig(2, (8,), (8,), prior="gamma", image_shape=SHAPE)
    vae = VAE(config).eval().requires_grad_(False)
    for p in vae.decoder.parameters():
        p.mul_(4)
    x, plane = torch.rand(6, 6), exact.Plane(vae)
    found = terms(vae, x)
    for n, one in enumerate(x):
        assert float(found.log_p[n]) == pytest.approx(plane.evidence(one).log_p, abs=3e-3)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mnist-2d", "gamma"])
def test_real_digits_have_nearly_their_exact_terms(name):
    vae = checkpoint.load(under_test_folder() / f"{name}.safetensors").vae
    x = datasets.to_float(datasets.load("mnist-5k", "test").images[:40])
    found = terms(vae, x)
    plane = exact.Plane(vae, vae.encode(x).mu.detach())
    for n in range(0, 40, 5):
        one = exact.exact(plane, x[n])
        told = 0.05 + float(found.log_p_error[n])
        assert float(found.log_p[n]) == pytest.approx(one.log_p, abs=told)
        elbo = -float(found.reconstruction[n] + found.kl[n])
        assert elbo == pytest.approx(one.elbo, abs=0.05 + 2 * float(found.reconstruction_error[n]))


def test_in_more_dimensions_the_bound_is_l_k():
    vae = checkpoint.load(under_test_folder() / "mnist-10d.safetensors").vae
    x = datasets.to_float(datasets.load("mnist-5k", "test").images[:70])
    assert method(vae) == ("samples", 256)
    found = terms(vae, x)
    other = -iwae(vae, x, 256, torch.Generator().manual_seed(5))
    error = found.log_p_error
    off = (found.log_p - other) / (math.sqrt(2) * error + 0.05)
    assert float(off.abs().mean()) < 2
    assert float(off.abs().max()) < 8
    elbo = -(found.reconstruction + found.kl)
    assert bool((found.log_p >= elbo - 1e-3).all()), "by the same samples, by Jensen"
    soon = bounds(vae, x)
    assert method(vae).k > image_terms.FEW_SAMPLES
    away = (soon.reconstruction - found.reconstruction) / soon.reconstruction_error
    assert float(away.abs().mean()) < 2


def test_a_distance_has_no_log_p_and_a_point_no_kl():
    x = torch.rand(3, 6)
    config = VAEConfig(2, (4,), (4,), likelihood="squared-error", image_shape=SHAPE)
    found = terms(VAE(config).eval(), x)
    assert found.log_p is None
    assert bool((found.kl > 0).any())
    config = VAEConfig(2, (4,), (4,), "mlp", "silu", "point-0-1", "squared-error", SHAPE)
    vae = VAE(config).eval()
    found = terms(vae, x)
    assert method(vae) == ("term", 1)
    assert bool((found.kl == 0).all())
    with torch.no_grad():
        expected = ((x - vae.picture(vae.encode(x).mu)) ** 2).sum(1)
    torch.testing.assert_close(found.reconstruction, expected)
