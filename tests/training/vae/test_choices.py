"""Choices beside a code: held against torch.distributions, and kept by a checkpoint."""

import msgspec
import pytest
import torch
from torch.distributions import Categorical, Normal, kl_divergence

from tests.training.networks_of_others import with_choices
from training import checkpoint as checkpoints
from training.checkpoint import Checkpoint, CheckpointError, Examples, Metrics
from training.evaluation.metrics import evaluate
from training.origin import Origin
from training.presets import Preset
from training.vae.choices import Choice, WithChoices
from training.vae.elbo import elbo
from training.vae.model import VAEConfig
from training.vae.priors import Gaussian, Point, find

LABEL = Choice("digit", ("0", "1", "2"), "label")
KIND = Choice("kind", ("p", "q", "r", "s"), "categorical")
FAMILY = WithChoices(Gaussian(1.0, 2.0), (LABEL, KIND))


def posterior(rows=5):
    torch.manual_seed(rows)
    params = torch.cat([torch.randn(rows, 4), torch.rand(rows, 4).softmax(-1)], -1)
    return FAMILY.posterior(params, torch.tensor([[n % 3] for n in range(rows)]))


def test_the_kl_is_that_of_the_distributions():
    q = posterior()
    gaussian = kl_divergence(Normal(q.mean, torch.exp(0.5 * q.log_var)), Normal(1.0, 2.0))
    chances = kl_divergence(Categorical(q.chances[:, 1]), Categorical(torch.ones(4)))
    found = FAMILY.kl(q)
    torch.testing.assert_close(found[:, :2], gaussian)
    torch.testing.assert_close(found[:, 2], torch.zeros(5))
    torch.testing.assert_close(found[:, 3], chances)


def test_the_kl_is_the_mean_of_the_log_ratio_over_draws():
    n, q = 200_000, posterior(1)
    many = q._make(p.expand(n, *p.shape[1:]) for p in q)
    z = FAMILY.sample(many, torch.Generator().manual_seed(0))
    ratio = FAMILY.log_posterior(z, many) - FAMILY.log_prior(z)
    error = float(ratio.std()) / n**0.5
    assert float(ratio.mean()) == pytest.approx(float(FAMILY.kl(q).sum()), abs=5 * error)
    assert z[:, 2].unique().tolist() == [0]  # a label is given
    share = torch.bincount(z[:, 3].long(), minlength=4) / n
    torch.testing.assert_close(share, q.chances[0, 1], atol=5e-3, rtol=0)


def test_the_prior_draws_every_option_alike():
    z = FAMILY.sample_prior(90_000, 4, torch.Generator().manual_seed(0))
    assert float(z[:, 0].mean()) == pytest.approx(1.0, abs=0.05)
    assert torch.bincount(z[:, 2].long()).tolist() == pytest.approx([30_000] * 3, rel=0.03)
    assert torch.bincount(z[:, 3].long()).tolist() == pytest.approx([22_500] * 4, rel=0.03)


def test_a_code_without_variance_has_no_kl_and_claims_no_elbo():
    point = find("point-3-2")
    assert isinstance(point, Point)
    q = point.posterior(torch.randn(4, 2))
    assert not point.has_density
    torch.testing.assert_close(point.sample(q), q.mu)
    assert float(point.kl(q).sum()) == 0
    with pytest.raises(ValueError, match="no ELBO"):
        VAEConfig(2, (), (), "program", prior="point-3-2")
    assert VAEConfig(2, (), (), "program", prior="point-3-2", likelihood="squared-error")


def test_labels_reach_encoder_and_decoder():
    vae = with_choices()
    x = torch.rand(3, vae.shape.size)
    given = torch.tensor([[0.0], [1.0], [2.0]])
    q = vae.encode(x, given)
    assert q.mu[:, -2].tolist() == [0, 1, 2]
    same = vae.encode(x[:1].expand(3, -1), given).mu[:, 0]
    assert same.unique().numel() == 3
    z = q.mu[:1].repeat(3, 1)
    z[:, -2] = torch.arange(3)
    assert vae.decode(z)[:, 0].unique().numel() == 3
    assert elbo(vae, x, labels=given).kl_per_dim.shape == (3, 5)
    assert vae.labels_of(torch.arange(3), 3).tolist() == given.tolist()
    assert vae.labels_of(torch.arange(3), 10) is None
    found = evaluate(vae, torch.randint(0, 255, (9, vae.shape.size), dtype=torch.uint8), 5)
    assert found.neg_elbo == pytest.approx(found.reconstruction + found.kl)


def test_a_network_of_somebody_else_is_kept_and_read_again(tmp_path):
    vae = with_choices()
    origin = Origin("model.py:VAE", 1e-6, "2026-11-26", "2.13.0", "", "MIT", (("σ", "log σ²"),))
    made = Checkpoint(
        "x",
        vae,
        Preset("imported", vae.config, "folder:x"),
        0,
        "folder:x",
        (),
        Metrics(1.0, 2.0, 3),
        origin,
        Examples(
            torch.arange(24, dtype=torch.uint8).reshape(2, 12), torch.tensor([1, 0]), ("a", "b")
        ),
    )
    path = checkpoints.save(made, tmp_path / "x.safetensors")
    found = checkpoints.load(path)
    assert checkpoints.describe(path) == found.description == made.description
    x = torch.rand(4, vae.shape.size)
    assert torch.equal(found.vae.encode(x).mu, vae.encode(x).mu)  # to the last bit
    assert found.examples is not None
    assert torch.equal(found.examples.images, made.examples.images)
    assert found.examples.classes == ("a", "b")
    again = checkpoints.as_stored(found.vae)
    assert torch.equal(again.encode(x).mu, vae.encode(x).mu)

    import safetensors

    with safetensors.safe_open(path, "pt") as file:
        metadata, tensors = (
            file.metadata(),
            {k: file.get_tensor(k) for k in file.keys()},  # noqa: SIM118
        )

    def refused(sentence, **changes):
        content = safetensors.torch.save(tensors, {**metadata, **changes})
        with pytest.raises(CheckpointError, match=sentence):
            checkpoints.loads(content, "x.safetensors")

    programs = msgspec.json.decode(metadata["programs"])

    def with_decoder(*ops, **more):
        return msgspec.json.encode(
            {**programs, "decoder": {"shape": [5], "ops": list(ops), **more}}
        ).decode()

    linear = programs["decoder"]["ops"][-1]
    refused("no value before it is called '9'", programs=with_decoder({**linear, "inputs": ["9"]}))
    refused("no value before it", programs=with_decoder({"op": "add", "inputs": ["1", "x"]}))
    refused("known ones are", programs=with_decoder({"op": "eval"}))
    refused("makes", programs=with_decoder({"op": "relu"}))
    refused("makes no sense", programs='{"encoder": null, "decoder": null}')
    refused("codes", programs=msgspec.json.encode({**programs, "encoder": None}).decode())
    refused("programs cannot be read", programs="[" * 100_000)
    refused("origin", origin="{}")
    wide = {"op": "upsample", "size": [4096, 4096]}
    refused(
        "would be larger than",
        programs=with_decoder({"op": "reshape", "sides": [5, 1, 1]}, wide, wide),
    )
    refused("classes cannot be read", classes="{}")
    refused("examples do not fit", classes='["a"]')
    tensors["decoder.0.t0"] = tensors["decoder.0.t0"] * float("nan")
    refused("NaN or infinity")
