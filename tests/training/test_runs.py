"""Runs on disk: what is killed goes on to the same weights, what fails says so and keeps all."""

import io
import random
import resource
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from training import checkpoint, data
from training.loop import EpochTerms, Trainer, TrainingError, new_vae
from training.presets import PRESETS
from training.runlog import Run, RunConfig, RunError, read

ROOT = Path(__file__).resolve().parents[2]
SMALL = replace(PRESETS["mnist-5k-2d"], epochs=3, batch_size=200, input_dropout=0.2, elastic=0.02)
TERMS = EpochTerms(1, 1.0, 2e-3, 250.0, 3.0, 240.0, 2.5, 1e4)


@pytest.fixture(scope="module")
def digits():
    return data.load("mnist-5k", "train"), data.load("mnist-5k", "test")


def trained(digits, cut: int | None = None):
    """The weights and epochs of a run that was stopped after `cut` steps and gone on with."""
    vae = new_vae(SMALL, 1)
    trainer, records = Trainer(vae, SMALL, *digits, 1), []
    for record in trainer:
        records.append(record)
        if record.step == cut:
            file = io.BytesIO()
            torch.save(trainer.state(), file)
            file.seek(0)
            vae = new_vae(SMALL, 9)  # another start, to be overwritten
            state = torch.load(file, weights_only=True)
            records += list(Trainer(vae, SMALL, *digits, 1, state=state))
            break
    epochs = [replace(r.terms, images_per_second=0.0) for r in records if r.terms]
    return vae.state_dict(), epochs


def test_a_run_that_was_stopped_at_any_step_ends_with_the_same_weights(digits):
    weights, epochs = trained(digits)
    assert len(epochs) == 3
    for cut in (1, 19, 20, 33, 59):  # within an epoch, and at its borders
        again, same = trained(digits, cut)
        assert same == epochs, cut
        assert all(torch.equal(weights[name], again[name]) for name in weights), cut


def test_a_state_of_another_run_is_refused(digits):
    trainer = Trainer(new_vae(SMALL, 1), SMALL, *digits, 1)
    next(iter(trainer))
    fewer = digits[0].take(torch.arange(2000))
    with pytest.raises(TrainingError, match="4,000 training images and 60 steps, and this one 2,0"):
        Trainer(new_vae(SMALL, 1), SMALL, fewer, digits[1], 1, state=trainer.state())


def command(*words, **more) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "training", *map(str, words)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **more,
    )


def options(folder: Path, name: str) -> list:
    return [
        *("fit", "mnist-5k-2d", "--epochs", 12, "--batch-size", 100, "--save-every", 0.1),
        *("--run-dir", folder / name, "--out", folder / f"{name}.safetensors"),
    ]


def saved_step(run: Run) -> int:
    return run.state()["step"] if (run.path / "resume.pt").exists() else 0


@pytest.mark.slow
def test_kill_9_at_any_moment_and_going_on_gives_the_same_weights(tmp_path):
    whole = command(*options(tmp_path, "whole"))
    _, error = whole.communicate(timeout=120)
    assert whole.returncode == 0, error
    rng, run = random.Random(), Run(tmp_path / "killed")
    running, at = command(*options(tmp_path, "killed")), []
    for _ in range(3):
        began, before = time.monotonic(), saved_step(run)
        while saved_step(run) == before:  # it has gone on
            time.sleep(0.02)
            assert time.monotonic() - began < 60
            assert running.poll() is None, running.communicate()[1]
        time.sleep(rng.uniform(0.0, 0.3))
        running.kill()
        running.communicate()
        at.append(saved_step(run))
        running = command("resume", run.path)
    output, error = running.communicate(timeout=120)
    assert running.returncode == 0, error
    assert f"on from step {at[-1]:,}" in output
    assert 0 < at[0] < at[1] < at[2] < 480, at
    states = [Run(tmp_path / name).state()["vae"] for name in ("whole", "killed")]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    made = [checkpoint.load(tmp_path / f"{name}.safetensors") for name in ("whole", "killed")]
    terms = [[replace(t, images_per_second=0.0) for t in m.history] for m in made]
    assert terms[0] == terms[1]
    assert len(terms[0]) == len(list(read(run.log))) == 12


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_finishes_the_step_saves_and_says_how_to_go_on(tmp_path, number):
    running = command(
        *options(tmp_path, "run"),
        # Tests that run in the background may have been told to ignore interrupts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    lines = iter(running.stdout)
    assert any(line.strip().startswith("2 ") for line in lines)
    running.send_signal(number)
    output, error = running.communicate(timeout=60)
    assert running.returncode == 128 + number, error
    assert f"python -m training resume {tmp_path / 'run'}" in output
    assert "Traceback" not in error
    step = Run(tmp_path / "run").state()["step"]
    assert step >= 80
    done = command("resume", tmp_path / "run", "--finish")
    _, error = done.communicate(timeout=60)
    assert done.returncode == 0, error
    assert len(checkpoint.load(tmp_path / "run.safetensors").history) == step // 40


@pytest.mark.slow
def test_a_full_disk_is_one_sentence_and_the_run_so_far_is_there(tmp_path):
    first = command(*options(tmp_path, "run"))
    lines = iter(first.stdout)
    assert any(line.strip().startswith("1 ") for line in lines)
    first.send_signal(signal.SIGTERM)
    first.communicate(timeout=60)
    run = Run(tmp_path / "run")
    before = run.state()
    limit = (run.path / "resume.pt").stat().st_size // 2
    full = command(
        *("resume", run.path),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    _, error = full.communicate(timeout=60)
    assert full.returncode == 2, error
    assert "resume.pt cannot be written" in error
    assert "what was saved before is still there" in error
    assert "Traceback" not in error
    after = run.state()
    assert after["step"] == before["step"]
    assert all(torch.equal(before["vae"][k], after["vae"][k]) for k in before["vae"])
    assert list(run.path.glob("*.partial")) == []


def test_a_log_is_read_while_it_is_written_and_rewound(tmp_path):
    run = Run(tmp_path / "run")
    run.create(RunConfig(SMALL, 0, "data", "cpu", 1))
    for epoch in (1, 2, 3):
        run.append(replace(TERMS, epoch=epoch), 20 * epoch)
    with run.log.open("ab") as file:
        file.write(b'{"step": 80, "epo')
    assert [(step, terms.epoch) for step, terms in read(run.log)] == [(20, 1), (40, 2), (60, 3)]
    assert [terms.epoch for terms in run.rewind(45)] == [1, 2]
    assert [step for step, _ in read(run.log)] == [20, 40]
    run.append(replace(TERMS, epoch=3), 60)
    assert [step for step, _ in read(run.log)] == [20, 40, 60]
    assert list(read(tmp_path / "nowhere")) == []


def test_what_is_wrong_with_a_run_is_one_sentence(tmp_path):
    run = Run(tmp_path / "run")
    with pytest.raises(RunError, match="holds no run"):
        run.config()
    config = RunConfig(SMALL, 3, "data", "cpu", 1, out="x.safetensors")
    run.create(config)
    assert run.config() == config
    assert run.state() is None
    with pytest.raises(RunError, match="is not empty"):
        run.create(config)
    (run.path / "config.json").write_text("{")
    with pytest.raises(RunError, match=r"config\.json is damaged"):
        run.config()
    (run.path / "resume.pt").write_bytes(b"PK nonsense")
    with pytest.raises(RunError, match=r"resume\.pt is damaged"):
        run.state()
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="cannot be written"):
        Run(tmp_path / "file" / "run").create(config)
