"""Import of whole networks, a family each: what the checkpoint computes is what torch computes."""

import math
import re

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.training.importing.networks import FIVE, LABELS, NETWORKS, network, pictures
from training.checkpoint import load
from training.importing import import_vae
from training.importing.exported import ImportRefused

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


def refusal(encoder, decoder, **options):
    """The sentence that two parts are refused with."""
    with pytest.raises(ImportRefused) as error:
        import_vae(encoder, decoder, torch.rand(8, 1, 8, 8), **options)
    return str(error.value)


def test_a_network_that_mixes_its_batch_is_refused(tmp_path):
    own = network("drawing").encoder
    head = own.encoder.linear2

    def encoder(x):
        h = own.encoder.linear1(x.flatten(1))
        return head(h - h.mean(0)), own.encoder.linear3(h)

    said = refusal(encoder, own.decoder, out=tmp_path / "x", second="log_var")
    assert "The encoder's program differs from torch by" in said
    assert not list(tmp_path.iterdir())


def test_norms_left_in_training_are_refused_with_their_line():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.norm = nn.Conv2d(1, 4, 3, 2), nn.BatchNorm2d(4)

        def forward(self, x):
            return self.norm(self.conv(x)).flatten(1)

    said = refusal(Net(), nn.Sequential(nn.Linear(36, 64), nn.Unflatten(1, (1, 8, 8))))
    assert "A batch norm is left in training; call .eval() on the network" in said
    assert re.search(r"test_importing\.py, line \d+", said)


def test_a_label_may_stand_behind_the_code_in_one_row(tmp_path):
    torch.manual_seed(4)
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 6))
    decoder = nn.Sequential(nn.Linear(3 + 5, 64), nn.Sigmoid())
    path = import_vae(
        *(encoder, decoder, torch.rand(8, 1, 8, 8)),
        out=tmp_path / "x",
        labels=FIVE,
        second="log_std",
    )
    vae = load(path).vae
    z = torch.randn(4, 3)
    code = torch.cat([z, torch.tensor([[0.0], [4.0], [2.0], [2.0]])], 1)
    wanted = decoder(torch.cat([z, F.one_hot(code[:, 3].long(), 5)], 1))
    torch.testing.assert_close(vae.picture(code), wanted, rtol=1e-4, atol=1e-5)


def test_the_ends_of_a_network_are_found_by_what_it_reconstructs(tmp_path, capsys):
    """A network that copies pictures, in [−1, 1], its two outputs turn by turn."""
    x = pictures(1, 8, 8)
    basis = torch.linalg.svd(2 * x.flatten(1) - 1)[2][:8]
    encoder, decoder = nn.Linear(64, 16), nn.Linear(8, 64, bias=False)
    with torch.no_grad():
        encoder.weight.zero_()
        encoder.weight[::2] = basis
        encoder.bias.fill_(-3.0)
        encoder.bias[::2] = 0
        decoder.weight.copy_(basis.T)
    path = import_vae(nn.Sequential(nn.Flatten(), encoder), decoder, x, out=tmp_path / "x")
    kept = load(path)
    answers = dict(kept.origin.answers)
    assert (answers["input_range"], answers["output"]) == ("-1..1", "values -1..1")
    q = kept.vae.encode(x.flatten(1))
    assert float((kept.vae.picture(q.mu) - x.flatten(1)).abs().max()) < 1e-3
    torch.testing.assert_close(q.log_var, torch.full((8, 8), -3.0))
    assert "Mean squared error of a value: 0.0000" in capsys.readouterr().out
