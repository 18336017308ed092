"""Weights with fewer digits."""

import torch

from training import checkpoint
from training.__main__ import main
from training.data import datasets
from training.fit.compact import rounded
from training.fit.trainer import new_vae
from training.presets import PRESETS


def test_rounding_takes_the_nearest_number_of_so_many_bits():
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(10_000, generator=generator) * 10 ** torch.randn(10_000)
    found = rounded(values, 4)
    mantissa, _ = torch.frexp(found)
    assert torch.equal(mantissa * 32, (mantissa * 32).round())  # 1 + 4 bits
    error = ((found - values) / values).abs()
    assert 0.9 * 2**-5 < float(error.max()) <= 2**-5
    exact = torch.tensor([0.0, 1.0, -1.5, 0.0625 * 17])
    assert torch.equal(rounded(exact, 4), exact)


def test_the_command_rounds_the_decoder_and_measures_again(tmp_path, capsys):
    vae = new_vae(PRESETS["mnist-5k-2d"], 0)
    metrics = checkpoint.Metrics(1.0, 2.0, 3)
    made = checkpoint.Checkpoint("x", vae, PRESETS["mnist-5k-2d"], 0, "mnist-5k", (), metrics)
    checkpoint.save(made, tmp_path / "x.safetensors")
    was = checkpoint.load(tmp_path / "x.safetensors").vae
    out = tmp_path / "small.safetensors"
    assert main(["compact", str(tmp_path / "x.safetensors"), "--out", str(out)]) == 0
    found = checkpoint.load(out)
    for old, new in zip(was.encoder.parameters(), found.vae.encoder.parameters(), strict=True):
        assert torch.equal(old, new)
    first = found.vae.decoder[0].weight
    assert torch.equal(first, rounded(was.decoder[0].weight, 4))
    # Values that are dark in all training images: their bias says so, whatever z is.
    dark = (datasets.load("mnist-5k", "train").images == 0).all(0)
    assert 50 < int(dark.sum()) < 300
    assert float(found.vae.picture(torch.randn(20, 2) * 3)[:, dark].max()) < 1e-3
    assert found.metrics != metrics
    assert main(["compact", str(out), "--bits", "9", "--out", str(out)]) == 2
    assert "--bits 9 is not possible" in capsys.readouterr().err
