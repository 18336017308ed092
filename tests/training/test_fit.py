"""Training, evaluation and the command line on small real data."""

import json
from dataclasses import replace

import pytest
import torch

from training import data, evaluate
from training.__main__ import main
from training.loop import TrainingError, beta_at, fit, mean_terms, new_vae, pick_device
from training.model import VAE, VAEConfig
from training.presets import PRESETS, Preset

SMALL = replace(
    PRESETS["mnist-5k-2d"],
    model=VAEConfig(2, (64,), (64,)),
    epochs=3,
    input_dropout=0.1,
    elastic=0.01,
)


@pytest.fixture(scope="module")
def digits():
    return data.load("mnist-5k", "train"), data.load("mnist-5k", "test")


def trained(digits, seed, preset=SMALL):
    vae = new_vae(preset, seed)
    records = list(fit(vae, preset, *digits, seed=seed))
    return vae, records


def test_fit_learns_counts_its_steps_and_repeats_itself_to_the_last_bit(digits):
    vae, records = trained(digits, 1)
    epochs = [r.terms for r in records if r.terms]
    assert [r.step for r in records] == list(range(1, 3 * 62 + 1))
    assert [e.epoch for e in epochs] == [1, 2, 3]
    assert epochs[-1].test_neg_elbo < 215 < epochs[0].train_neg_elbo
    assert epochs[-1].test_kl > 1
    assert epochs[-1].images_per_second > 0
    assert mean_terms(vae, digits[1].images) == (epochs[-1].test_reconstruction, epochs[-1].test_kl)
    again, _ = trained(digits, 1)
    other, _ = trained(digits, 2)
    for name, tensor in vae.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name])
    assert not torch.equal(vae.decoder[0].weight, other.decoder[0].weight)


def test_beta_warms_up_and_weighs_the_kl(digits):
    preset = replace(SMALL, beta=4.0, beta_warmup_epochs=2, epochs=3)
    assert [beta_at(preset, e) for e in (0, 0.5, 1, 2, 3)] == [0, 1, 2, 4, 4]
    assert beta_at(SMALL, 0) == 1
    _, heavy = trained(digits, 0, preset)
    _, light = trained(digits, 0, replace(SMALL, beta=0.1))
    last = [r.terms for r in heavy if r.terms][-1]
    assert last.beta == 4
    assert last.test_kl < 0.7 * light[-1].terms.test_kl


def test_a_loss_that_is_not_finite_stops_with_the_step(digits):
    preset = replace(SMALL, learning_rate=1e12)
    with pytest.raises(TrainingError, match=r"step \d+ \(epoch 1\).*learning rate"):
        trained(digits, 0, preset)


def test_evaluation_agrees_with_its_parts_and_counts_active_units(digits):
    vae = VAE(VAEConfig(3, (64,), (64,)))
    with torch.no_grad():  # the third dimension says nothing of x
        vae.encoder[-1].weight[2] = 0
        vae.encoder[-1].weight[:2] *= 10
    result = evaluate.evaluate(vae, digits[1].images[:300], k=20)
    assert result.active_units == 2
    assert result.latent_dim == len(result.kl_per_dim) == 3
    assert result.neg_elbo == pytest.approx(result.reconstruction + result.kl)
    assert sum(result.kl_per_dim) == pytest.approx(result.kl, rel=1e-5)
    assert result.iwae < result.neg_elbo
    x = data.to_float(digits[1].images[:300])
    assert result.kl == pytest.approx(float(vae.prior.kl(vae.encode(x)).sum(1).mean()), rel=1e-5)


def test_the_command_line_trains_evaluates_and_lists(tmp_path, capsys):
    out = tmp_path / "new" / "tiny.safetensors"
    options = ["--epochs", "2", "--latent-dim", "4", "--seed", "3", "--device", "cpu"]
    assert main(["fit", "mnist-5k-2d", *options, "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert printed.count("\n      1  1.00") == 1
    assert printed.count("\n      2  1.00") == 1
    assert "4-D, 4,000 training and 1,000 test images" in printed
    assert main(["evaluate", str(out), "--k", "5", "--images", "200", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {"reconstruction", "kl", "neg_elbo", "iwae", "active_units"} <= found.keys()
    assert found["neg_elbo"] == pytest.approx(found["reconstruction"] + found["kl"])
    assert found["iwae"] < found["neg_elbo"]
    assert main(["evaluate", str(out), "--k", "2", "--images", "200"]) == 0
    table = capsys.readouterr().out
    for word in ("reconstruction", "KL", "−ELBO", "IWAE", "k = 2", "active units", "nats"):
        assert word in table
    assert main(["list", str(out.parent)]) == 0
    listed = capsys.readouterr().out
    assert "tiny" in listed
    assert "4-D" in listed


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("fit nothing", "the valid ones are mnist-2d"),
        ("fit mnist-5k-2d --epochs 0", ">= 1"),
        ("fit mnist-5k-2d --learning-rate -1", "> 0"),
        ("fit mnist-5k-2d --validation 9999", "--validation 9999"),
        ("fit mnist-5k-2d --device tpu", "'tpu' is not available"),
        ("fit mnist-5k-2d --data moon", "'moon'"),
        ("fit mnist-5k-2d --out /dev/null/x", "cannot be written"),
        ("evaluate nowhere.safetensors", "cannot be read"),
        ("list nowhere", "holds no checkpoints"),
        ("data moon", "'moon'"),
    ],
)
def test_what_a_user_got_wrong_is_one_sentence(command, sentence, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(command.split()) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert sentence in error
    assert error.count("\n") == 1


def test_devices():
    assert pick_device("cpu").type == "cpu"
    assert pick_device("auto").type in ("cpu", "cuda", "mps")
    assert isinstance(PRESETS["mnist-2d"], Preset)
