"""Training, evaluation and the command line on small real data."""

import json
import math
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from training import checkpoint
from training.__main__ import main
from training.data import augment, datasets
from training.device import pick_device
from training.evaluation import metrics as evaluation_metrics
from training.evaluation.metrics import mean_terms
from training.fit import session, trainer
from training.fit.estimate import estimate
from training.fit.trainer import Trainer, TrainingError, beta_at, new_vae
from training.presets import PRESETS
from training.vae.image_shape import GREY_28
from training.vae.model import VAE, VAEConfig

ROOT = Path(__file__).resolve().parents[3]

SMALL = replace(
    PRESETS["mnist-5k-2d"],
    model=VAEConfig(2, (64,), (64,)),
    epochs=3,
    input_dropout=0.1,
    elastic=0.01,
)


@pytest.fixture(scope="module")
def digits():
    return datasets.load("mnist-5k", "train"), datasets.load("mnist-5k", "test")


def trained(digits, seed, preset=SMALL):
    vae = new_vae(preset, seed)
    records = list(Trainer(vae, preset, *digits, seed=seed))
    return vae, records


@pytest.fixture(autouse=True)
def runs_elsewhere(tmp_path, monkeypatch):
    monkeypatch.setattr("training.__main__.free_run", lambda name: tmp_path / "runs" / name)


def test_fit_learns_counts_its_steps_and_repeats_itself_to_the_last_bit(digits):
    vae, records = trained(digits, 1)
    epochs = [r.terms for r in records if r.terms]
    assert [r.step for r in records] == list(range(1, 3 * 62 + 1))
    assert [e.epoch for e in epochs] == [1, 2, 3]
    assert epochs[-1].test_total < 215 < epochs[0].train_total
    assert epochs[-1].test_kl > 1
    assert epochs[-1].images_per_second > 0
    assert mean_terms(vae, digits[1].images) == (epochs[-1].test_reconstruction, epochs[-1].test_kl)
    again, _ = trained(digits, 1)
    other, _ = trained(digits, 2)
    for name, tensor in vae.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name])
    assert not torch.equal(vae.decoder[0].weight, other.decoder[0].weight)


def test_the_convolutional_network_has_its_210_821_parameters_and_learns(digits):
    config = VAEConfig(2, (), (), architecture="report", activation="relu")
    assert sum(p.numel() for p in VAE(config).parameters()) == 210_821
    preset = replace(SMALL, model=config, epochs=1, precision="float32")
    vae = new_vae(preset, 0)
    before = mean_terms(vae, digits[1].images)
    *_, last = Trainer(vae, preset, *digits)
    assert sum(mean_terms(vae, digits[1].images)) < sum(before) - 100
    assert last.terms.test_total < 400
    assert vae.decode(torch.zeros(3, 5, 2)).shape == (3, 5, 784)


def test_beta_warms_up_and_weighs_the_kl(digits):
    preset = replace(SMALL, beta=4.0, beta_warmup_epochs=2, epochs=3)
    assert [beta_at(preset, e) for e in (0, 0.5, 1, 2, 3)] == [0, 1, 2, 4, 4]
    assert beta_at(SMALL, 0) == 1
    falling = replace(preset, beta=2.0, beta_start=6.0)
    assert [beta_at(falling, e) for e in (0, 1, 2, 3)] == [6, 4, 2, 2]
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
    result = evaluation_metrics.evaluate(vae, digits[1].images[:300], k=20)
    assert result.active_units == 2
    assert result.latent_dim == len(result.kl_per_dim) == 3
    assert result.neg_elbo == pytest.approx(result.reconstruction + result.kl)
    assert sum(result.kl_per_dim) == pytest.approx(result.kl, rel=1e-5)
    assert result.iwae < result.neg_elbo
    x = datasets.to_float(digits[1].images[:300])
    assert result.kl == pytest.approx(
        float(vae.prior.kl(vae.encode(x)).sum(1).mean().detach()), rel=1e-5
    )


def test_the_command_line_trains_evaluates_and_lists(tmp_path, capsys):
    out = tmp_path / "new" / "tiny.safetensors"
    options = ["--epochs", "2", "--latent-dim", "4", "--seed", "3", "--device", "cpu"]
    assert main(["fit", "mnist-5k-2d", *options, "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert printed.count("\n      1  1.00") == 1
    assert printed.count("\n      2  1.00") == 1
    assert "4-D, 4,000 training and 1,000 test images" in printed
    few = ["--images", "200", "--iwae-images", "200", "--samples", "200"]
    assert main(["evaluate", str(out), "--k", "5", *few, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {"reconstruction", "kl", "neg_elbo", "iwae", "active_units"} <= found.keys()
    assert found["neg_elbo"] == pytest.approx(found["reconstruction"] + found["kl"])
    assert found["iwae"] < found["neg_elbo"]
    assert main(["evaluate", str(out), "--k", "2", *few]) == 0
    table = capsys.readouterr().out
    for word in (
        "5-NN",
        "FID",
        "class entropy",
        "mutual information",
        "reconstruction",
        "KL",
        "−ELBO",
        "IWAE",
        "k = 2",
        "active units",
        "nats",
    ):
        assert word in table
    assert main(["list", str(out.parent)]) == 0
    listed = capsys.readouterr().out
    assert "tiny" in listed
    assert "4-D" in listed


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("fit nothing", "the valid ones are mnist-2d"),
        ("fit mnist-5k-2d --epochs 0", "--epochs 0 is not possible"),
        ("fit mnist-5k-2d --latent-dim 300", "--latent-dim 300 is not possible"),
        ("fit mnist-5k-2d --architecture mpl", "'mpl' is not known; the valid ones are mlp, conv,"),
        ("fit mnist-5k-2d --depth 0", "--architecture 'mlp' has a depth from 1 to 16, not 0"),
        ("fit report-n12 --width 8", "--architecture 'report' has fixed widths"),
        ("fit mnist-5k-2d --width 4096 --depth 9", "a checkpoint holds at most"),
        ("fit sprites-16 --data mnist-5k", "the valid ones are mnist-2d"),
        ("fit sprites-64 --architecture report", "--data sprites-64 is not possible"),
        ("fit folder-64", "name their folder, as in --data folder:PATH"),
        ("fit mnist-5k-2d --beta inf", "--beta inf is not possible"),
        ("fit mnist-5k-2d --out /", "names no file"),
        ("fit mnist-5k-2d --learning-rate -1", "--learning-rate -1.0 is not possible"),
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
    assert pick_device("cpu") == torch.device("cpu")
    if not torch.cuda.is_available() and not torch.backends.mps.is_available():
        assert pick_device("auto") == torch.device("cpu")


def test_only_what_the_encoder_sees_is_blanked_and_the_target_stays_clean(digits, monkeypatch):
    seen = []

    preset = replace(SMALL, epochs=1, input_dropout=0.5, elastic=0.0)
    shown = iter(Trainer(new_vae(preset, 0), preset, *digits))
    original = trainer.elbo
    monkeypatch.setattr(trainer, "elbo", lambda *a: (seen.append((a[1], a[3])), original(*a))[1])
    next(shown)
    (x, blanked), *_ = seen
    rows = {r.numpy().tobytes() for r in datasets.to_float(digits[0].images)}
    assert all(r.numpy().tobytes() in rows for r in x)
    ink = x > 0
    assert 0.45 < float((blanked[ink] == 0).float().mean()) < 0.55
    torch.testing.assert_close(blanked[ink & (blanked > 0)], 2 * x[ink & (blanked > 0)])


def test_elastic_bending_moves_ink_a_little_and_keeps_its_amount(digits):
    x = datasets.to_float(digits[0].images[:50])
    bent = augment.elastic(x, GREY_28, 0.02, torch.Generator().manual_seed(0))
    assert bent.min() >= 0
    assert bent.max() <= 1
    assert 0.005 < float((bent - x).abs().mean()) < 0.06
    torch.testing.assert_close(bent.sum(1), x.sum(1), rtol=0.25, atol=0)
    still = augment.elastic(x, GREY_28, 0.0, torch.Generator().manual_seed(0))
    torch.testing.assert_close(still, x, atol=1e-4, rtol=0)


def test_code_scale_widens_the_decoders_first_layer_alone():
    plain, wide = (new_vae(replace(SMALL, code_scale=s), 3) for s in (1.0, 3.0))
    torch.testing.assert_close(wide.decoder[0].weight, 3 * plain.decoder[0].weight)
    torch.testing.assert_close(wide.decoder[2].weight, plain.decoder[2].weight)
    torch.testing.assert_close(wide.encoder[0].weight, plain.encoder[0].weight)


def test_a_head_keeps_its_precision_under_autocast_and_strange_images_stay_finite():
    vae = new_vae(SMALL, 0)
    x = torch.rand(4, 784)
    with torch.autocast("cpu", torch.bfloat16):
        posterior = vae.encode(x)
        assert posterior.mu.dtype == torch.float32
        assert vae.decode(posterior.mu).dtype == torch.float32
    assert (posterior.mu.bfloat16().float() != posterior.mu).any()
    terms = trainer.elbo(vae, 1e6 * x)
    assert torch.isfinite(terms.kl).all()


def test_validation_images_are_held_back_and_named_so(tmp_path, monkeypatch, capsys):
    parts = {}

    class Spy(session.Trainer):
        def __init__(self, vae, preset, train, test, *rest):
            parts.update(train=train, test=test)
            super().__init__(vae, preset, train, test, *rest)

    monkeypatch.setattr(session, "Trainer", Spy)
    monkeypatch.chdir(tmp_path)
    out = tmp_path / "v.safetensors"
    options = ["--epochs", "1", "--batch-size", "444", "--validation", "4", "--out", str(out)]
    assert main(["fit", "mnist-5k-2d", *options]) == 0
    rows = [{r.numpy().tobytes() for r in p.images} for p in (parts["train"], parts["test"])]
    assert (len(parts["train"]), len(parts["test"])) == (3996, 4)
    assert not rows[0] & rows[1]
    assert checkpoint.load(out).metrics.validation


def test_a_reader_that_leaves_loses_no_model(tmp_path):
    fit_command = f"{sys.executable} -m training fit mnist-5k-2d --batch-size 500"
    piped = tmp_path / "piped.safetensors"
    options = f"--out {piped} --run-dir {tmp_path / 'run'} --epochs 3"
    subprocess.run(["bash", "-c", f"{fit_command} {options} | head -1"], check=True, cwd=ROOT)
    assert len(checkpoint.load(piped).history) == 3


def test_architecture_width_and_depth_are_options_of_fit_and_their_cost_is_told(tmp_path, capsys):
    fit = ["fit", "mnist-5k-2d", "--epochs", "1", "--device", "cpu", "--precision", "float32"]
    found = {}
    for name, words in {
        "conv": ["--architecture", "conv", "--width", "4", "--depth", "2"],
        "resnet": ["--architecture", "resnet", "--width", "4", "--depth", "1"],
        "wide": ["--width", "40"],
        "deep": ["--depth", "4"],
    }.items():
        places = ["--out", str(tmp_path / f"{name}.safetensors"), "--run-dir", str(tmp_path / name)]
        assert main([*fit, *words, *places]) == 0
        loaded = checkpoint.load(tmp_path / f"{name}.safetensors")
        found[name] = loaded.vae.config.encoder_widths
        count = sum(p.numel() for p in loaded.vae.parameters())
        told = capsys.readouterr().out.split("\n  epoch")[0]
        assert f"{count:,} parameters, " in told
        assert "multiply-adds a decode; about" in told
        assert loaded.history[-1].test_total < 400
    assert found == {
        "conv": (4, 4, 32),
        "resnet": (4, 32),
        "wide": (40, 40),
        "deep": (256, 256, 256, 256),
    }


def test_an_estimate_counts_what_is_there_and_leaves_a_training_as_it_is(digits):
    preset = replace(SMALL, epochs=1)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    found = estimate(preset, 4000, 1000)
    assert torch.equal(torch.get_rng_state(), before)
    vae = VAE(SMALL.model)
    assert found.parameters == sum(p.numel() for p in vae.parameters())
    assert found.products == 2 * 64 + 64 * 784
    began = time.perf_counter()
    trained(digits, 0, preset)
    took = time.perf_counter() - began
    assert took / 5 < found.seconds < 5 * took
    assert str(replace(found, seconds=200.0)).count("about 3.3 minutes an epoch") == 1


def test_prior_likelihood_and_initialisation_are_options_of_fit(tmp_path, capsys):
    out = tmp_path / "chosen.safetensors"
    few = ["fit", "mnist-5k-2d", "--epochs", "1", "--device", "cpu", "--out", str(out)]
    chosen = ["--prior", "gamma", "--likelihood", "laplace", "--initialisation", "kaiming-normal"]
    assert main([*few, *chosen]) == 0
    found = checkpoint.load(out)
    config = found.vae.config
    assert (config.prior, config.likelihood) == ("gamma", "laplace")
    assert found.preset.initialisation == "kaiming-normal"
    assert found.neg_elbo == pytest.approx(found.metrics.total + 784 * math.log(2))
    capsys.readouterr()
    for option, valid in (
        ("prior", "standard-normal"),
        ("likelihood", "bernoulli, gaussian,"),
        ("initialisation", "kaiming-normal"),
    ):
        try:
            code = main([*few, f"--{option}", "nothing"])
        except SystemExit as ended:  # argparse has a list of its own
            code = ended.code
        assert code == 2
        sentence = capsys.readouterr().err
        assert "nothing" in sentence
        assert valid in sentence
