"""Reconstruction terms, the ELBOs they make, and the report's presets."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.distributions import Bernoulli, ContinuousBernoulli, Laplace, Normal

from training.data import datasets
from training.fit.trainer import Trainer, new_vae
from training.presets import PRESETS
from training.vae import classifier
from training.vae.elbo import elbo, iwae
from training.vae.image_shape import GREY_28
from training.vae.likelihoods import LIKELIHOODS, log_half_normaliser
from training.vae.model import VAE, VAEConfig

LOG_VAR = -1.3  # the learned one, here
PERCEPTUAL = ["perceptual", "perceptual-bce", "perceptual-mse"]
DISTANCES = ["squared-error", *PERCEPTUAL]
REPORT = [
    "report-" + name
    for name in (
        "normal",
        "n12",
        "kaiming",
        "mse",
        "mae",
        "perceptual",
        "perceptual-bce",
        "perceptual-mse",
        "10d",
        "perceptual-10d",
        "gamma",
    )
]

PIXELS = GREY_28.size


def density(name, logits):
    mean = logits[..., :PIXELS].sigmoid()
    return {
        "bernoulli": Bernoulli(logits=logits[..., :PIXELS]),
        "continuous-bernoulli": ContinuousBernoulli(logits=logits[..., :PIXELS]),
        "gaussian": Normal(mean, math.sqrt(0.5)),
        "gaussian-learned": Normal(mean, math.exp(LOG_VAR / 2)),
        "laplace": Laplace(mean, 1.0),
    }[name]


def output_of(name, logits):
    if not LIKELIHOODS[name].learned:
        return logits
    return torch.cat([logits, torch.full_like(logits[..., :1], LOG_VAR)], -1)


NLL = ["bernoulli", "continuous-bernoulli", "gaussian", "gaussian-learned", "laplace"]


@pytest.mark.parametrize("name", NLL)
def test_nats_are_those_of_torch_distributions_and_broadcast_over_samples(name):
    row, g = LIKELIHOODS[name], torch.Generator().manual_seed(0)
    logits = 2 * torch.randn(4, 3, PIXELS, generator=g, dtype=torch.float64)
    x = torch.rand(3, PIXELS, generator=g, dtype=torch.float64)
    if name == "bernoulli":
        x = x.round()
    expected = -density(name, logits).log_prob(x).sum(-1)
    assert row.is_nll
    torch.testing.assert_close(row.nats(output_of(name, logits), x), expected)
    torch.testing.assert_close(row.nats(output_of(name, logits[1]), x), expected[1])
    mean = density(name, logits).mean
    torch.testing.assert_close(row.mean(output_of(name, logits)), mean, atol=1e-6, rtol=1e-6)
    shown = row.logits(output_of(name, logits)).sigmoid()
    torch.testing.assert_close(shown, mean, atol=1e-6, rtol=1e-6)


def test_the_continuous_bernoulli_is_a_density_and_its_mean_its_own_at_any_logit():
    row, at = LIKELIHOODS["continuous-bernoulli"], torch.linspace(0, 1, 200_001).double()
    for logit in (0.0, 1e-12, -1e-5, 0.01, 0.4999, -0.5001, 3.0, -25.0, 60.0):
        output = torch.full((len(at), 1), logit, dtype=torch.float64)
        p = torch.exp(-row.nats(output, at[:, None]))
        assert float(torch.trapezoid(p, at)) == pytest.approx(1, abs=1e-7)
        expected = float(torch.trapezoid(p * at, at))
        assert float(row.mean(output[:1])) == pytest.approx(expected, abs=1e-7)


def test_the_continuous_bernoulli_and_its_gradients_are_finite_and_smooth_in_float32():
    logits = torch.linspace(-1, 1, 4001).requires_grad_()
    with torch.no_grad():
        logits[2000] = 0.0
    half = log_half_normaliser(logits)
    (slope,) = torch.autograd.grad(half.sum(), logits)
    h = (logits.detach().double() / 2).where(logits != 0, 1e-9)
    torch.testing.assert_close(half, torch.log(h / torch.tanh(h)).float(), atol=3e-7, rtol=1e-6)
    exact = (1 / h - 2 / torch.sinh(2 * h)) / 2
    torch.testing.assert_close(slope, exact.float(), atol=3e-6, rtol=1e-5)
    far = torch.tensor([-1e4, -200.0, 200.0, 1e4]).requires_grad_()
    mean = LIKELIHOODS["continuous-bernoulli"].mean(far)
    torch.testing.assert_close(mean, torch.tensor([1e-4, 5e-3, 1 - 5e-3, 1 - 1e-4]))
    (slope,) = torch.autograd.grad((log_half_normaliser(far) + mean).sum(), far)
    assert bool(torch.isfinite(slope).all())


@pytest.mark.parametrize("name", ["gaussian", "gaussian-learned", "laplace"])
@pytest.mark.parametrize("logit", [-2.0, 0.7])
def test_the_density_of_a_pixel_integrates_to_one_with_the_constant(name, logit):
    grid = torch.linspace(-40, 40, 40_001, dtype=torch.float64)
    output = output_of(name, torch.full((1, PIXELS), logit, dtype=torch.float64))
    # An image whose pixels are all t has 784 times the nats of one.
    per_pixel = torch.cat(
        [
            LIKELIHOODS[name].nats(output, t[:, None].expand(-1, PIXELS)) / PIXELS
            for t in grid.split(4000)
        ]
    )
    assert float(torch.trapezoid(torch.exp(-per_pixel), grid)) == pytest.approx(1, abs=1e-5)


def test_terms_that_are_distances_have_no_likelihood_to_give():
    assert [name for name, row in LIKELIHOODS.items() if not row.is_nll] == DISTANCES
    for name in DISTANCES:
        row = LIKELIHOODS[name]
        assert row.constant(GREY_28) is None
        with pytest.raises(ValueError, match=", ".join(NLL)):
            row.nats(torch.zeros(1, PIXELS), torch.zeros(1, PIXELS))


@pytest.fixture(scope="module")
def digits():
    return datasets.load("mnist-5k", "train"), datasets.load("mnist-5k", "test")


def features(pictures):
    """What the classifier's second and fourth ReLU put out, caught by hooks, each as large as the
    report's in the mean."""
    net, caught = classifier.load(classifier.SHIPPED), []
    relus = [m for m in net.modules() if isinstance(m, nn.ReLU)]
    for module in (relus[1], relus[3]):
        module.register_forward_hook(lambda m, i, out: caught.append(out.flatten(1)))
    net(pictures)
    scales = [(1833 / 3028.4) ** 0.5, (21289 / 54831.3) ** 0.5]
    return torch.cat([s * f for s, f in zip(scales, caught, strict=True)], 1)


def test_perceptual_is_the_distance_behind_the_second_and_fourth_relu(digits):
    row, x = LIKELIHOODS["perceptual"], datasets.to_float(digits[1].images[:3])
    logits = 3 * torch.randn(2, 3, PIXELS, generator=torch.Generator().manual_seed(0))
    meant = features(x)
    assert meant.shape == (3, 64 * 14 * 14 + 256 * 4 * 4)
    for output, found in zip(logits, row.reconstruction(logits, x), strict=True):
        expected = ((features(output.sigmoid()) - meant) ** 2).sum(1)
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=0)
    for name, term in (("perceptual-bce", "bernoulli"), ("perceptual-mse", "gaussian")):
        both = [LIKELIHOODS[n].reconstruction(logits, x) for n in (term, "perceptual")]
        found = LIKELIHOODS[name].reconstruction(logits, x)
        torch.testing.assert_close(found, both[0] + 0.01 * both[1])


def test_perceptual_is_zero_at_the_image_and_teaches_the_output_alone(digits):
    row = LIKELIHOODS["perceptual"]
    x = datasets.to_float(digits[1].images[:2]).clamp(0.01, 0.99)
    output = torch.stack([x.logit(), x.flip(0).logit()]).requires_grad_()
    same, swapped = row.reconstruction(output, x)
    assert (same < 1e-6 * swapped).all()
    swapped.sum().backward()
    assert (output.grad[1].norm(dim=1) > 1).all()
    net = classifier.shipped()
    assert all(p.grad is None and not p.requires_grad for p in net.parameters())


def test_the_learned_variance_ends_at_the_mean_squared_error():
    torch.manual_seed(0)
    vae = VAE(VAEConfig(2, (8,), (8,), likelihood="gaussian-learned")).double()
    x, z = torch.rand(9, PIXELS).double() ** 3, torch.randn(9, 2).double()
    scalar = vae.decoder[-1].bias
    assert scalar.shape == (1,)
    optimizer = torch.optim.LBFGS([scalar], max_iter=100, tolerance_change=1e-12)

    def loss():
        optimizer.zero_grad()
        pixels = vae.decoder[1:-1](vae.decoder[0](z)).detach()
        value = vae.likelihood.reconstruction(vae.decoder[-1](pixels), x).mean()
        value.backward()
        return value

    optimizer.step(loss)
    error = ((x - vae.picture(z)) ** 2).mean().log()
    torch.testing.assert_close(scalar[0], error, atol=1e-5, rtol=0)


def blind(name, width=8):
    """q(z|x) is the prior and x̂ does not depend on z, so that every bound is −log p(x) itself."""
    torch.manual_seed(1)
    vae = VAE(VAEConfig(2, (width,), (width,), likelihood=name))
    with torch.no_grad():
        for parameter in (*vae.encoder[-1].parameters(), vae.decoder[0].weight):
            parameter.zero_()
        if vae.likelihood.learned:
            vae.decoder[-1].bias.fill_(LOG_VAR)
    return vae


@pytest.mark.parametrize("name", NLL)
def test_elbo_and_iwae_hold_the_constant(name):
    vae, x = blind(name), torch.rand(5, PIXELS).round()
    exact = -density(name, vae.decode(torch.zeros(5, 2))).log_prob(x).sum(-1)
    # In float32 a continuous Bernoulli's 784 terms cancel to a hundredth of a nat here.
    torch.testing.assert_close(elbo(vae, x).neg_elbo, exact, atol=2e-4, rtol=2e-6)
    torch.testing.assert_close(iwae(vae, x, 7), exact, atol=2e-4, rtol=2e-6)


@pytest.mark.parametrize("name", PERCEPTUAL)
def test_no_elbo_is_claimed_for_a_distance(name):
    vae, x = blind(name), torch.rand(2, PIXELS)
    terms = elbo(vae, x)
    torch.testing.assert_close(terms.total, terms.reconstruction)
    with pytest.raises(ValueError, match="no ELBO"):
        _ = terms.neg_elbo
    with pytest.raises(ValueError, match="distance"):
        iwae(vae, x, 2)


def test_kaiming_normal_draws_n_0_2_over_fan_in_and_no_biases():
    models = [new_vae(PRESETS["report-kaiming"], seed) for seed in range(10)]
    drawn = [vae.state_dict() for vae in models]
    plain = [new_vae(PRESETS["report-n12"], seed).state_dict() for seed in range(10)]
    transposed = [
        f"{name}.{what}"
        for name, module in models[0].named_modules()
        if isinstance(module, torch.nn.ConvTranspose2d)
        for what in ("weight", "bias")
    ]
    assert len(transposed) == 6
    for name in drawn[0]:
        values = torch.stack([weights[name] for weights in drawn])
        if name in transposed:  # as torch makes them: uniform, up to 1 / √fan-in, biases too
            fan_in = drawn[0][name.replace("bias", "weight")][0].numel()
            largest = float(values.abs().max())
            assert 0.8 * fan_in**-0.5 < largest <= fan_in**-0.5 * 1.0001, name
            expected = torch.stack([weights[name] for weights in plain]).std()
            assert float(values.std()) == pytest.approx(
                float(expected), rel=5 * (values.numel()) ** -0.5
            )
            continue
        if name.endswith("bias"):
            assert (values == 0).all()
            continue
        expected, error = math.sqrt(2 / drawn[0][name][0].numel()), (2 * values.numel()) ** -0.5
        assert float(values.std()) == pytest.approx(expected, rel=5 * error), name
        kurtosis = float(((values / expected) ** 4).mean())
        assert kurtosis == pytest.approx(3, abs=5 * (96 / values.numel()) ** 0.5), name
    default = new_vae(PRESETS["report-n12"], 0).state_dict()
    assert all((default[name] != 0).any() for name in default)


def test_the_reports_rows_are_what_it_trained():
    assert [name for name in PRESETS if name.startswith("report-")] == REPORT
    rows = [PRESETS[name] for name in REPORT]
    for row in rows:
        assert (row.model.architecture, row.model.activation) == ("report", "relu")
        assert (row.schedule, row.learning_rate, row.weight_decay) == ("constant", 1e-4, 0)
        assert (row.data, row.epochs, row.batch_size) == ("mnist", 15, 64)
        assert (row.precision, row.max_gradient, row.beta) == ("float32", 0, 1)
        assert not row.drop_last
        assert (row.input_dropout, row.elastic, row.code_scale) == (0, 0, 1)
    priors = ["standard-normal", *["normal-1-2"] * 9, "gamma"]
    assert [row.model.prior for row in rows] == priors
    assert [row.model.latent_dim for row in rows] == [2] * 8 + [10, 10, 2]
    assert [row.initialisation for row in rows] == ["default"] * 2 + ["kaiming-normal"] * 9
    assert [row.model.likelihood for row in rows] == [
        *["bernoulli"] * 3,
        *("gaussian", "laplace", "perceptual", "perceptual-bce", "perceptual-mse"),
        *("bernoulli", "perceptual-bce", "bernoulli"),
    ]


def test_a_report_row_trains_as_plain_adam_with_a_constant_rate(digits):
    # 24 images are two batches of 9 and one of 6, which is kept.
    preset = replace(PRESETS["report-perceptual-bce"], epochs=2, batch_size=9)
    few = [part.take(torch.arange(24)) for part in digits]
    vae = new_vae(preset, 0)
    plain = new_vae(preset, 0)
    trainer = Trainer(vae, preset, *few)
    records, rates = [], []
    for record in trainer:
        records.append(record)
        rates.append((trainer.optimizer.param_groups[0]["lr"], record.step))
    assert rates == [(1e-4, step) for step in range(1, 7)]
    # The same by hand: the summed terms, averaged over the batch, and torch's Adam.
    optimizer = torch.optim.Adam(plain.parameters(), lr=1e-4)
    order, draw = (torch.Generator().manual_seed(0) for _ in range(2))
    for epoch in range(2):
        sums = torch.zeros(2)
        for rows in torch.randperm(24, generator=order).split(9):
            terms = elbo(plain, datasets.to_float(few[0].images[rows]), draw)
            optimizer.zero_grad()
            (terms.reconstruction + terms.kl).mean().backward()
            optimizer.step()
            sums += torch.stack([terms.reconstruction, terms.kl]).detach().sum(1)
        found = records[3 * epoch + 2].terms  # the mean over images, not over batches
        expected = pytest.approx((sums / 24).tolist(), rel=1e-4)
        assert (found.train_reconstruction, found.train_kl) == expected
    for name, tensor in plain.state_dict().items():
        torch.testing.assert_close(vae.state_dict()[name], tensor, atol=2e-5, rtol=1e-4)
