"""Import of whole networks, a family each: what the checkpoint computes is what torch computes."""

import math

import pytest
import torch

from tests.training.importing.networks import LABELS, NETWORKS, network
from training.checkpoint import load
from training.importing import import_vae

NEAR_ENDS = 2e-6  # values are held a millionth away from 0 and 1 where a logit is taken


@pytest.mark.parametrize("name", NETWORKS)
@torch.no_grad()
def test_an_imported_network_computes_what_torch_does(name, tmp_path, capsys):
    own = network(name)
    path = import_vae(
        *(own.encoder, own.decoder, own.pictures),
        **{"name": name, "out": tmp_path / name, "source": "https://x.org", **own.options},
    )
    kept = load(path)
    vae, config = kept.vae, kept.vae.config
    assert config.latent_dim == own.dims
    assert kept.origin.parity <= 1e-4
    assert kept.origin.source == "https://x.org"
    assert path.with_suffix(".png").read_bytes()[:4] == b"\x89PNG"
    answers = dict(kept.origin.answers)
    if "choices" in own.expected:
        assert [(c.name, c.options, c.kind) for c in config.choices] == own.expected["choices"]
    for key, value in own.expected.items():
        if key == "second":
            assert vae.prior.has_density == (value != "none")
            assert value == "none" or answers[key] == value
        elif key != "choices":
            assert getattr(config, key) == value

    generator = torch.Generator().manual_seed(3)
    z = vae.prior.sample_prior(16, config.latent_dim, generator)
    found = vae.picture(z)
    wanted = own.decode(z).flatten(1)
    assert float((found - wanted).abs().max()) <= 1e-4 * float(wanted.abs().max()) + NEAR_ENDS

    said = capsys.readouterr().out
    if own.encode is None:
        assert vae.encoder is None
        assert kept.metrics is None
        assert "A decoder alone" in said
        return
    x = torch.rand(12, *own.pictures.shape[1:], generator=generator)
    x = torch.cat([own.pictures, x])
    labels = torch.cat([LABELS, LABELS[:4]]).new_zeros(len(x))
    labels[: len(LABELS)] = LABELS
    given = next((len(c.options) for c in config.choices if c.kind == "label"), None)
    if given:
        labels = labels % given
        q = vae.encode(x.flatten(1), labels[:, None])
        mu, log_var, *chances = *own.encode(x, labels), None
    else:
        q = vae.encode(x.flatten(1))
        mu, log_var, *chances = (*own.encode(x), None)[: 2 + len(config.choices)]
    near(q.mean if config.choices else q.mu, mu)
    if log_var is not None:
        near(q.log_var, log_var)
        assert kept.metrics is not None
        assert math.isfinite(kept.metrics.kl)
    for n, chance in enumerate(chances):
        if chance is not None:
            near(q.chances[:, n, : chance.shape[1]], chance)
    assert "Parity with torch" in said
    assert "Mean squared error" in said


def near(found, wanted):
    """Found is wanted, to a share of the largest number."""
    wanted = wanted.flatten(1)
    assert found.shape == wanted.shape
    assert float((found - wanted).abs().max()) <= 1e-4 * float(wanted.abs().max())
