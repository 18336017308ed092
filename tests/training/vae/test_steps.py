"""Codes that are mended through the decoder."""

import pytest
import torch

from training.vae import program
from training.vae.image_shape import ImageShape
from training.vae.likelihoods import bernoulli
from training.vae.model import VAE, VAEConfig
from training.vae.steps import RATE, STEPS

CONFIG = VAEConfig(3, (7,), (6, 5), architecture="stepped", image_shape=ImageShape(1, 4, 5))


def test_each_step_follows_the_gradient_that_torch_has():
    torch.manual_seed(0)
    vae, x = VAE(CONFIG), torch.rand(6, 20)
    stepped = vae.encoder[0]
    mu, log_var = stepped.first(x).detach().chunk(2, 1)
    for _ in range(STEPS):
        z = mu.clone().requires_grad_()
        value = -bernoulli(stepped.decoder(z), x).sum() - z.square().sum() / 2
        (slope,) = torch.autograd.grad(value, z)
        mu = mu + RATE * log_var.exp() * slope
    found = vae.encode(x)
    torch.testing.assert_close(found.mu, mu, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(found.log_var, log_var)
    assert float((stepped.first(x)[:, :3] - mu).abs().max()) > 0.1


def test_as_a_program_it_is_the_same_and_has_each_weight_once():
    torch.manual_seed(0)
    vae, x = VAE(CONFIG), torch.rand(6, 20)
    made = program.of_module(vae.encoder, (20,))
    torch.testing.assert_close(program.run(made, x), vae.encoder(x), atol=1e-5, rtol=1e-5)
    sizes = [t.numel() for t in made.tensors.values() if t.ndim > 1]
    assert sum(sizes) == sum(p.numel() for p in vae.encoder.parameters() if p.ndim == 2)


def test_it_is_for_one_likelihood_and_one_prior():
    for different in ({"prior": "gamma"}, {"likelihood": "laplace"}, {"activation": "relu"}):
        with pytest.raises(ValueError, match="'stepped' is for the activation silu"):
            VAEConfig(2, (8,), (8,), architecture="stepped", **different)
