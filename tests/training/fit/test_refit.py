"""A new encoder for a finished decoder."""

from dataclasses import replace

import pytest
import torch

from training import checkpoint
from training.__main__ import main
from training.data import datasets
from training.evaluation.metrics import mean_terms
from training.fit.trainer import Trainer, new_vae
from training.presets import PRESETS

PRESET = replace(PRESETS["mnist-5k-2d"], epochs=4)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A model that was trained shortly, whose decoder is ahead of its encoder."""
    digits = [datasets.load("mnist-5k", split) for split in ("train", "test")]
    vae = new_vae(PRESET, 0)
    history = tuple(r.terms for r in Trainer(vae, PRESET, *digits) if r.terms)
    kept = checkpoint.as_stored(vae)
    metrics = checkpoint.Metrics(*mean_terms(kept, digits[1].images), len(digits[1]))
    made = checkpoint.Checkpoint("short", kept, PRESET, 0, "mnist-5k", history, metrics)
    return checkpoint.save(made, tmp_path_factory.mktemp("refit") / "short.safetensors")


def refit(path, tmp_path, *options):
    out = tmp_path / "new.safetensors"
    assert main(["refit-encoder", str(path), "--out", str(out), *options]) == 0
    was, found = checkpoint.load(path), checkpoint.load(out)
    for old, new in zip(was.vae.decoder.parameters(), found.vae.decoder.parameters(), strict=True):
        assert torch.equal(old, new)
    assert (found.history, found.seed, found.data) == (was.history, was.seed, was.data)
    assert found.refit == checkpoint.describe(out).refit
    test = datasets.load("mnist-5k", "test").images
    if not found.metrics.validation:
        assert found.refit.before.total == pytest.approx(was.metrics.total, abs=0.05)
        measured = sum(mean_terms(found.vae, test))
        assert measured == pytest.approx(found.metrics.total, abs=0.05)
    return found


def test_experts_are_computed_from_the_decoder_and_reach_what_training_did_not(path, tmp_path):
    found = refit(path, tmp_path, "--experts", "256", "--rank", "64", "--reach", "0.25")
    config = found.vae.config
    assert (config.architecture, config.encoder_widths) == ("experts", (64, 256))
    assert config.decoder_widths == PRESET.model.decoder_widths
    assert (found.refit.experts, found.refit.rank, found.refit.epochs) == (256, 64, 0)
    assert found.metrics.total < found.refit.before.total - 0.4


def test_the_network_that_is_there_is_trained_to_the_frozen_decoder(path, tmp_path):
    options = ("--epochs", "4", "--elastic", "0.01", "--validation", "500")
    found = refit(path, tmp_path, *options)
    assert found.vae.config == PRESET.model
    assert (found.refit.experts, found.refit.temperature, found.refit.epochs) == (0, 0, 4)
    assert found.metrics.validation
    assert found.refit.images + found.metrics.images == len(datasets.load("mnist-5k", "train"))
    assert found.metrics.total < found.refit.before.total - 0.3


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ((), "give --experts, --epochs or --steps"),
        (("--experts", "9999"), "--experts 9999 is not possible; choose a number from 0 to 4,096"),
        (("--experts", "8", "--rank", "900"), "784, that of a picture's values"),
        (("--experts", "8", "--reach", "0"), "--reach 0 is not possible"),
        (("--epochs", "1", "--elastic", "2"), "--elastic 2 is not possible"),
    ],
)
def test_what_is_not_possible_is_a_sentence(path, tmp_path, capsys, options, sentence):
    arguments = ["refit-encoder", str(path), "--out", str(tmp_path / "x.safetensors"), *options]
    assert main(arguments) == 2
    assert sentence in capsys.readouterr().err


def test_experts_are_for_a_bernoulli_and_a_standard_normal_prior(tmp_path, capsys):
    out = str(tmp_path / "x.safetensors")
    gamma = "checkpoints/report-gamma.safetensors"
    assert main(["refit-encoder", gamma, "--experts", "8", "--out", out]) == 2
    assert "report-gamma has 'report', 'gamma' and 'bernoulli'" in capsys.readouterr().err


def test_steps_mend_what_the_network_guesses_and_say_so(path, tmp_path):
    found = refit(path, tmp_path, "--steps")
    assert found.vae.config.architecture == "stepped"
    assert (found.refit.steps, found.refit.epochs, found.refit.experts) == (3, 0, 0)
    assert found.metrics.total < found.refit.before.total - 0.4
    was = checkpoint.load(path).vae.encoder
    for old, new in zip(was.parameters(), found.vae.encoder[0].first.parameters(), strict=True):
        assert torch.equal(old, new)


def test_what_was_done_before_stays_in_the_record(path, tmp_path):
    between = tmp_path / "between.safetensors"
    epochs = ("--epochs", "1", "--elastic", "0", "--learning-rate", "0.0005")
    assert main(["refit-encoder", str(path), "--out", str(between), *epochs]) == 0
    out = tmp_path / "both.safetensors"
    assert main(["refit-encoder", str(between), "--out", str(out), "--steps"]) == 0
    first, both = checkpoint.load(between).refit, checkpoint.load(out).refit
    assert (first.epochs, both.epochs, both.learning_rate) == (1, 1, 0.0005)
    assert (first.steps, both.steps) == (0, 3)
    assert both.before == first.before
    out = tmp_path / "experts.safetensors"
    assert main(["refit-encoder", str(between), "--out", str(out), "--experts", "9"]) == 0
    anew = checkpoint.load(out).refit
    assert (anew.epochs, anew.experts, anew.before) == (0, 9, first.before)
