"""The KL, the ELBO and the importance-weighted bound, each against an oracle."""

import math

import pytest
import torch
from torch import nn
from torch.distributions import Bernoulli, Normal, kl_divergence
from torch.distributions import Gamma as TorchGamma

from training.vae import priors
from training.vae.elbo import elbo, iwae
from training.vae.likelihoods import Likelihood, bernoulli
from training.vae.model import VAE, VAEConfig
from training.vae.priors import Gamma, GammaPosterior, Gaussian, GaussianPosterior

TINY = VAEConfig(latent_dim=3, encoder_widths=(16,), decoder_widths=(16,))


@pytest.fixture
def posterior():
    g = torch.Generator().manual_seed(3)
    mu, log_var = torch.randn(2, 5, 4, generator=g, dtype=torch.float64)
    return GaussianPosterior(1.5 * mu, log_var)


@pytest.mark.parametrize(("mean", "std"), [(0.0, 1.0), (1.0, 2.0), (-0.5, 0.3)])
def test_gaussian_kl_is_that_of_torch_distributions(posterior, mean, std):
    expected = kl_divergence(Normal(posterior.mu, posterior.std), Normal(mean, std))
    torch.testing.assert_close(Gaussian(mean, std).kl(posterior), expected)


def test_gaussian_kl_is_that_of_monte_carlo(posterior):
    prior, n = priors.find("standard-normal"), 40_000
    many = GaussianPosterior(*(p.expand(n, *p.shape) for p in posterior))
    z = prior.sample(many, torch.Generator().manual_seed(0))
    draws = prior.log_posterior(z, many) - prior.log_prior(z)
    error = draws.std(0) / math.sqrt(n)
    assert (error < 0.05).all()
    assert ((draws.mean(0) - prior.kl(posterior).sum(-1)).abs() < 5 * error).all()


def test_samples_follow_the_posterior_and_the_prior_and_carry_gradients(posterior):
    prior, n = Gaussian(mean=1.0, std=2.0), 100_000
    many = GaussianPosterior(*(p.expand(n, *p.shape) for p in posterior))
    z = prior.sample(many, torch.Generator().manual_seed(1))
    torch.testing.assert_close(z.mean(0), posterior.mu, atol=0.03, rtol=0)
    torch.testing.assert_close(z.std(0), posterior.std, atol=0.03, rtol=0.01)
    free = prior.sample_prior(n, 2, torch.Generator().manual_seed(2))
    torch.testing.assert_close(free.mean(0), torch.ones(2), atol=0.03, rtol=0)
    torch.testing.assert_close(free.std(0), 2 * torch.ones(2), atol=0.03, rtol=0)
    mu = torch.zeros(4, requires_grad=True)
    log_var = torch.zeros(4, requires_grad=True)
    prior.sample(GaussianPosterior(mu, log_var)).sum().backward()
    assert mu.grad is not None
    assert log_var.grad is not None
    assert (mu.grad == 1).all()


def test_the_kl_to_n_1_2_is_that_of_the_report(posterior):
    """KL = −½ Σ [1 − 2 log 2 + log σ² − σ²/4 − (1 − μ)²/4], as the report writes it."""
    mu, log_var = posterior
    terms = 1 - 2 * math.log(2) + log_var - log_var.exp() / 4 - (1 - mu) ** 2 / 4
    torch.testing.assert_close(priors.find("normal-1-2").kl(posterior), -0.5 * terms)


@pytest.fixture
def gammas():
    g = torch.Generator().manual_seed(4)
    shape, rate = 0.3 + 4 * torch.rand(2, 5, 3, generator=g, dtype=torch.float64)
    return GammaPosterior(shape, rate)


@pytest.mark.parametrize("prior", [Gamma(2.0, 1.0), Gamma(0.7, 3.0), Gamma(5.0, 0.5)])
def test_gamma_densities_and_kl_are_those_of_torch_and_of_monte_carlo(gammas, prior):
    both = (torch.tensor(v, dtype=torch.float64) for v in (prior.shape, prior.rate))
    q, p = TorchGamma(*gammas), TorchGamma(*both)
    torch.testing.assert_close(prior.kl(gammas), kl_divergence(q, p))
    n = 40_000
    many = GammaPosterior(*(v.expand(n, *v.shape) for v in gammas))
    z = prior.sample(many, torch.Generator().manual_seed(0))
    torch.testing.assert_close(prior.log_prior(z), p.log_prob(z).sum(-1))
    torch.testing.assert_close(prior.log_posterior(z, many), q.log_prob(z).sum(-1))
    draws = prior.log_posterior(z, many) - prior.log_prior(z)
    error = draws.std(0) / math.sqrt(n)
    assert ((draws.mean(0) - prior.kl(gammas).sum(-1)).abs() < 5 * error).all()


def test_gamma_samples_follow_q_and_the_prior_and_their_gradients_are_those_of_the_mean(gammas):
    prior, n = Gamma(2.0, 0.5), 100_000
    shape, rate = (v.clone().requires_grad_() for v in gammas)
    posterior = GammaPosterior(shape, rate)
    many = GammaPosterior(*(v.expand(n, *v.shape) for v in posterior))
    z = prior.sample(many, torch.Generator().manual_seed(1))
    assert (z > 0).all()
    torch.testing.assert_close(z.mean(0), posterior.mu, rtol=0.03, atol=0)
    torch.testing.assert_close(z.std(0), posterior.std, rtol=0.03, atol=0)
    z.mean(0).sum().backward()
    # d/da E[z] = 1/b and d/db E[z] = −a/b², which implicit gradients must find on the mean.
    torch.testing.assert_close(shape.grad, 1 / rate.detach(), rtol=0.05, atol=0)
    torch.testing.assert_close(rate.grad, -shape.detach() / rate.detach() ** 2, rtol=0.05, atol=0)
    free = prior.sample_prior(n, 2, torch.Generator().manual_seed(2))
    torch.testing.assert_close(free.mean(0), torch.full((2,), 4.0), rtol=0.02, atol=0)


@pytest.mark.parametrize("name", ["standard-normal", "normal-1-2", "normal--0.5-0.3", "gamma"])
def test_quantiles_have_their_share_of_the_prior_below_them(name):
    prior, shares = priors.find(name), torch.tensor([0.02, 0.5, 0.9])
    draws = prior.sample_prior(100_000, 1, torch.Generator().manual_seed(0))
    below = (draws < prior.quantile(shares)).float().mean(0)
    torch.testing.assert_close(below, shares, atol=0.006, rtol=0)


def test_a_prior_that_is_not_known_is_named_with_the_valid_ones():
    assert priors.find("normal--0.5-0.3") == Gaussian(-0.5, 0.3)
    for name in ("normal", "normal-1-0", "normal-1-1e9", "beta"):
        with pytest.raises(ValueError, match="standard-normal, normal-1-2, gamma, and normal-M-S"):
            priors.find(name)
    with pytest.raises(ValueError, match="prior 'x' is not known"):
        VAEConfig(2, (4,), (4,), prior="x")


@pytest.mark.parametrize("name", ["normal-1-2", "gamma"])
def test_a_part_of_a_batch_and_many_samples_work_with_every_family(name):
    vae, x = VAE(VAEConfig(3, (16,), (16,), prior=name)), torch.rand(6, 784)
    part = elbo(vae, x[2:4], torch.Generator().manual_seed(0), rows_elsewhere=(2, 2))
    assert part.kl.shape == (2,)
    assert torch.isfinite(part.neg_elbo).all()
    bound = iwae(vae, x, 200, torch.Generator().manual_seed(0))
    single = torch.stack([elbo(vae, x).neg_elbo for _ in range(100)]).mean(0)
    assert (bound <= single + 1).all()


def test_bernoulli_is_that_of_torch_distributions_and_broadcasts_over_samples():
    g = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(6, 5, 784, generator=g, dtype=torch.float64)
    x = torch.bernoulli(torch.rand(5, 784, generator=g, dtype=torch.float64))
    expected = -Bernoulli(logits=logits).log_prob(x.expand_as(logits)).sum(-1)
    torch.testing.assert_close(bernoulli(logits, x), expected)
    grey = torch.rand(5, 784, generator=g, dtype=torch.float64)
    expected = nn.functional.binary_cross_entropy_with_logits(logits[0], grey, reduction="none")
    torch.testing.assert_close(bernoulli(logits[0], grey), expected.sum(-1))


def test_elbo_is_per_image_in_nats_and_measures_the_clean_image():
    vae, x = VAE(TINY), torch.rand(7, 784)
    noisy = x * (torch.rand_like(x) > 0.5)
    terms = elbo(vae, x, torch.Generator().manual_seed(0), encoder_input=noisy)
    posterior = vae.encode(noisy)
    assert terms.reconstruction.shape == terms.kl.shape == (7,)
    torch.testing.assert_close(terms.kl_per_dim, vae.prior.kl(posterior))
    torch.testing.assert_close(terms.reconstruction, bernoulli(vae.decode(terms.z), x))
    torch.testing.assert_close(terms.neg_elbo, terms.reconstruction + terms.kl_per_dim.sum(1))


@pytest.fixture
def linear_gaussian(monkeypatch):
    """x = W z + b + noise, for which log p(x) is known, and a q(z|x) that is a little off."""
    torch.manual_seed(0)
    variance, vae = 0.3, VAE(VAEConfig(2, (), ())).double()
    weight, bias = vae.decoder[0].weight.data, vae.decoder[0].bias.data
    weight.normal_(std=0.2)
    bias.normal_(std=0.1)

    def gaussian(mean, x):
        return -Normal(mean, math.sqrt(variance)).log_prob(x).sum(-1)

    monkeypatch.setitem(
        __import__("training.vae.likelihoods", fromlist=["LIKELIHOODS"]).LIKELIHOODS,
        "bernoulli",
        Likelihood("Gaussian", "", gaussian, 0.0),
    )
    covariance = torch.linalg.inv(torch.eye(2) + weight.T @ weight / variance)
    vae.encoder[0].weight.data[:2] = covariance @ weight.T / variance
    vae.encoder[0].bias.data[:2] = -vae.encoder[0].weight.data[:2] @ bias + 0.02
    vae.encoder[0].weight.data[2:] = 0
    vae.encoder[0].bias.data[2:] = torch.log(1.3 * covariance.diagonal())
    # The head runs in float32 as it does in training; here precision matters more.
    monkeypatch.setattr(vae, "encode", lambda x, _: vae.prior.posterior(vae.encoder(x)))
    monkeypatch.setattr(vae, "decode", lambda z: vae.decoder(z))
    z = torch.randn(40, 2, dtype=torch.float64)
    x = z @ weight.T + bias + math.sqrt(variance) * torch.randn(40, 784, dtype=torch.float64)
    total = weight @ weight.T + variance * torch.eye(784)
    exact = torch.distributions.MultivariateNormal(bias, total).log_prob(x)
    return vae, x, -exact


def test_iwae_reaches_the_exact_likelihood_of_a_linear_gaussian_model(linear_gaussian):
    vae, x, exact = linear_gaussian
    g = torch.Generator().manual_seed(0)
    gaps = [float((iwae(vae, x, k, g) - exact).mean()) for k in (1, 10, 2000)]
    assert gaps[0] > gaps[1] > abs(gaps[2])
    assert gaps[0] > 0.02
    assert abs(gaps[2]) < 0.005
    single = torch.stack([elbo(vae, x, g).neg_elbo for _ in range(300)])
    many = torch.stack([iwae(vae, x, 1, g) for _ in range(300)])
    error = float((single.var(0).detach().mean() / 300 / len(x) * 2) ** 0.5)
    assert abs(float((single.mean() - many.mean()).detach())) < 6 * error + 0.02


def test_iwae_is_the_same_in_chunks_and_decodes_no_more_than_one_at_a_time(monkeypatch):
    vae, x = VAE(TINY), torch.rand(10, 784)
    largest, decode = [0], vae.decode

    def spy(z):
        largest[0] = max(largest[0], z.numel() // z.shape[-1])
        return decode(z)

    monkeypatch.setattr(vae, "decode", spy)
    whole = iwae(vae, x, 400, torch.Generator().manual_seed(0), chunk=4000)
    parts = iwae(vae, x, 400, torch.Generator().manual_seed(1), chunk=64)
    assert largest[0] <= 4000
    torch.testing.assert_close(whole, parts, atol=0.3, rtol=0)
    largest[0] = 0
    iwae(vae, x, 7, chunk=4)
    assert largest[0] <= 4
    with pytest.raises(ValueError, match="k = 0"):
        iwae(vae, x, 0)
