"""Local experts: what is computed from a decoder, against the same by other means."""

import pytest
import torch
from torch import nn

from training.vae import program
from training.vae.experts import Experts, local_codes, local_encoder
from training.vae.image_shape import ImageShape
from training.vae.likelihoods import bernoulli
from training.vae.model import VAE, VAEConfig
from training.vae.networks import TRAINED

N, D = 12, 2


def curved(seed=0):
    """A decoder whose logits are curved in z."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(D, 16), nn.Tanh(), nn.Linear(16, N))


def pictures(count=200, seed=1):
    return torch.rand(count, N, generator=torch.Generator().manual_seed(seed))


def log_joint(decoder, x, z):
    """log p(x, z) but for the prior's constant, (B,) and (K,) → (B, K)."""
    return torch.stack([-bernoulli(decoder(z), one) - z.square().sum(1) / 2 for one in x])


def test_shares_are_a_softmax_of_log_p_x_z_over_the_temperature():
    decoder, x = curved(), pictures()
    places = torch.randn(30, D, generator=torch.Generator().manual_seed(2))
    encoder = local_encoder(decoder, places, x, rank=N, temperature=0.7, reach=0.5)
    shares = encoder[0](x)[:, :30]
    expected = torch.softmax(log_joint(decoder, x, places) / 0.7, 1)
    torch.testing.assert_close(shares, expected, atol=1e-4, rtol=1e-3)


def test_an_expert_goes_to_the_most_probable_code_of_a_decoder_whose_logits_are_linear():
    torch.manual_seed(3)
    decoder, x = nn.Sequential(nn.Linear(D, N)), pictures(5)
    z = torch.zeros(5, D, requires_grad=True)
    optimiser = torch.optim.LBFGS([z], max_iter=200, line_search_fn="strong_wolfe")

    def cost():
        optimiser.zero_grad()
        value = (bernoulli(decoder(z), x) + z.square().sum(1) / 2).sum()
        value.backward()
        return value

    optimiser.step(cost)
    most = z.detach()
    # One expert for each picture, near its most probable code: a Newton step squares the error.
    for i in range(5):
        for away in (0.1, 0.01):
            encoder = local_encoder(decoder, most[i : i + 1] + away, x, N, 1.0, reach=100.0)
            mu, log_var = encoder(x[i : i + 1]).chunk(2, 1)
            assert float((mu - most[i]).abs().max()) < 0.5 * away**2 + 1e-4
    p = torch.sigmoid(decoder(most[4:] + 0.01))[0]
    fisher = decoder[0].weight.T @ torch.diag(p * (1 - p)) @ decoder[0].weight + torch.eye(D)
    torch.testing.assert_close(log_var[0], -torch.log(torch.diagonal(fisher)), atol=1e-5, rtol=0)


def test_no_expert_goes_further_than_its_reach():
    decoder, x = curved(), pictures() * 30 - 15  # far beyond all pictures
    place = torch.zeros(1, D)
    mu = local_encoder(decoder, place, x, N, 1.0, reach=0.125)(x)[:, :D]
    assert 0.12 < float(mu.abs().max()) <= 0.125 + 1e-6


def test_features_are_the_best_of_their_number_over_the_images():
    decoder = curved()
    x = pictures(4000) @ torch.diag(torch.linspace(0.1, 1, N))
    places = torch.randn(40, D, generator=torch.Generator().manual_seed(2))
    full = local_encoder(decoder, places, x, N, 1.0, 1e3)[0]
    wanted = full.scores(full.features(x))
    errors = []
    for rank in (2, 4, 8):
        made = local_encoder(decoder, places, x, rank, 1.0, 1e3)[0]
        assert made.features.weight.shape == (rank, N)
        errors.append(float((made.scores(made.features(x)) - wanted).square().mean()))
    assert errors[0] > 4 * errors[1] > 16 * errors[2]


def test_the_encoder_of_a_curved_decoder_comes_near_the_most_probable_code():
    torch.manual_seed(0)
    decoder = nn.Sequential(nn.Linear(D, 16), nn.Tanh(), nn.Linear(16, 100))
    z = torch.randn(40, D, generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        decoder[2].weight.mul_(4)
        x = torch.bernoulli(torch.sigmoid(decoder(z)), generator=torch.Generator().manual_seed(5))
        steps = torch.linspace(-4, 4, 161)
        grid = torch.cartesian_prod(steps, steps)
        best = grid[log_joint(decoder, x, grid).argmax(1)]
    places = local_codes(torch.randn(3000, D, generator=torch.Generator().manual_seed(6)), 256)
    with torch.no_grad():
        mu, log_var = local_encoder(decoder, places, x, 64, 0.25, 0.25)(x).chunk(2, 1)
    assert float(((mu - best).abs() / torch.exp(log_var / 2)).median()) < 0.3


def test_places_are_where_codes_are_and_exact_in_bfloat16():
    generator = torch.Generator().manual_seed(0)
    clusters = torch.tensor([[-2.0, 1.0], [0.5, 0.5], [3.0, -1.0]])
    codes = clusters.repeat(50, 1) + 0.01 * torch.randn(150, 2, generator=generator)
    found = local_codes(codes, 3, seed=4)
    assert torch.equal(found, found.bfloat16().float())
    many = local_codes(codes, 60)
    assert float(torch.cdist(codes, many).amin(1).max()) < 0.03
    assert float(torch.cdist(clusters, many).amin(1).max()) < 0.03


def test_experts_are_the_same_as_a_program_and_stay_in_float32():
    torch.manual_seed(0)
    layer = Experts(9, 4, 7, 3)
    x = torch.randn(5, 9)
    made = program.of_module(nn.Sequential(layer, nn.Linear(28, 6)), (9,))
    found = made.nodes
    assert [node.kind for node in found].count("softmax") == 1
    alone = program.of_module(layer, (9,))
    torch.testing.assert_close(program.run(alone, x), layer(x))
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(x).dtype == torch.float32
        torch.testing.assert_close(layer(x), layer(x.float()))


def test_a_model_has_experts_only_by_widths_that_say_how_many():
    shape = ImageShape(1, 3, 4)
    vae = VAE(VAEConfig(2, (5, 6), (8,), architecture="experts", image_shape=shape))
    assert vae.encode(torch.rand(3, 12)).mu.shape == (3, 2)
    assert vae.encoder[0].features.out_features == 5
    assert "experts" not in TRAINED
    with pytest.raises(ValueError, match="'experts' has the number of its features"):
        VAEConfig(2, (5,), (8,), architecture="experts", image_shape=shape)
