"""Runs on disk: what is killed goes on to the same weights, what fails says so and keeps all."""

import io
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import msgspec
import psutil
import pytest
import torch
from PIL import Image

from training import checkpoint
from training.__main__ import main
from training.data import datasets
from training.fit.trainer import Trainer, TrainingError, new_vae
from training.presets import PRESETS, choose_network
from training.runs.log import (
    StepLine,
    counted,
    epoch_line,
    epochs,
    follow,
    read,
    step_line,
    thinned,
)
from training.runs.records import EpochTerms, StepTerms
from training.runs.run import Run, RunConfig, RunError, snapshot_steps
from training.runs.snapshots import GRID, Probe, Prober, Snapshot, SnapshotError, schedule
from training.runs.status import Status

ROOT = Path(__file__).resolve().parents[3]
SMALL = replace(PRESETS["mnist-5k-2d"], epochs=3, batch_size=200, input_dropout=0.2, elastic=0.02)
TERMS = EpochTerms(1, 1.0, 2e-3, 250.0, 3.0, 240.0, 2.5, 1e4)


@pytest.fixture(scope="module")
def digits():
    return datasets.load("mnist-5k", "train"), datasets.load("mnist-5k", "test")


def trained(digits, cut: int | None = None, preset=SMALL):
    """The weights and epochs of a run that was stopped after `cut` steps and gone on with.

    After its first epoch it is given another β, as the page does.
    """
    vae = new_vae(preset, 1)
    trainer, records = Trainer(vae, preset, *digits, 1), []
    for record in trainer:
        records.append(record)
        if record.step == 20:
            trainer.beta = 3.0
        if record.step == cut:
            file = io.BytesIO()
            torch.save(trainer.state(), file)
            file.seek(0)
            vae = new_vae(preset, 9)  # another start, to be overwritten
            state = torch.load(file, weights_only=True)
            trainer = Trainer(vae, preset, *digits, 1, state=state)
            for later in trainer:
                records.append(later)
                if later.step == 20:
                    trainer.beta = 3.0
            break
    epochs = [msgspec.structs.replace(r.terms, images_per_second=0.0) for r in records if r.terms]
    return vae.state_dict(), epochs


def test_a_run_that_was_stopped_at_any_step_ends_with_the_same_weights(digits):
    weights, epochs = trained(digits)
    assert [e.beta for e in epochs] == [1.0, 3.0, 3.0]
    for cut in (1, 19, 20, 33, 59):  # within an epoch, and at its borders
        again, same = trained(digits, cut)
        assert same == epochs, cut
        assert all(torch.equal(weights[name], again[name]) for name in weights), cut


@pytest.mark.parametrize("architecture", ["conv", "resnet"])
def test_a_run_of_convolutions_goes_on_to_the_same_weights_too(digits, architecture):
    few = digits[0].take(torch.arange(600)), digits[1].take(torch.arange(200))
    model = replace(SMALL.model, **choose_network(SMALL.model, architecture, 4, 2))
    preset = replace(SMALL, model=model, batch_size=50)
    weights, epochs = trained(few, preset=preset)
    assert epochs[-1].test_total < epochs[0].test_total
    for cut in (11, 12, 17):
        again, same = trained(few, cut, preset)
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
    terms = [[msgspec.structs.replace(t, images_per_second=0.0) for t in m.history] for m in made]
    assert terms[0] == terms[1]
    assert len(terms[0]) == len(epochs(run.log)) == 12
    steps = [line.step for line in read(run.log)]
    assert steps == sorted(steps)
    taken = [snapshot_steps(Run(tmp_path / name).snapshots) for name in ("whole", "killed")]
    assert taken[0] == taken[1] == schedule(480)


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
        run.append(epoch_line(msgspec.structs.replace(TERMS, epoch=epoch), 20 * epoch, (1.5, 1.0)))
    with run.log.open("ab") as file:
        file.write(b'{"step": 80, "epo')
    assert [(line.step, line.epoch) for line in read(run.log)] == [(20, 1), (40, 2), (60, 3)]
    seen = follow(run.log)
    with run.log.open("ab") as file:
        file.write(b'ch": 1')  # still no end
    assert follow(run.log, seen.place) == ([], seen.place, False)
    assert [terms.epoch for terms in run.rewind(45)] == [1, 2]
    assert [line.step for line in read(run.log)] == [20, 40]
    run.append(epoch_line(msgspec.structs.replace(TERMS, epoch=3), 60, (1.5, 1.0)))
    assert [line.step for line in read(run.log)] == [20, 40, 60]
    # Who has followed from the beginning and applies what came since sees the same.
    news = follow(run.log, seen.place)
    assert not news.anew
    assert counted([*seen.lines, *news.lines]) == read(run.log)
    run.log.write_bytes(b"")
    assert follow(run.log, news.place) == ([], 0, True)
    assert read(tmp_path / "nowhere") == []


def test_a_long_log_is_thinned_and_keeps_its_epochs_and_its_newest_line():
    step = StepLine(1, 0.1, 1.0, 1e-3, 200.0, (1.0, 2.0), 1e4, 0.0)
    lines = [
        msgspec.structs.replace(step, step=n) if n % 10 else epoch_line(TERMS, n, ())
        for n in range(1, 2000)
    ]
    few = thinned(lines, 500)
    assert 400 < len(few) <= 500
    assert few[-1] == lines[-1]
    assert [x for x in few if not isinstance(x, StepLine)] == lines[9::10]
    assert thinned(lines, 5000) == lines


def test_what_is_wrong_with_a_run_is_one_sentence(tmp_path):
    run = Run(tmp_path / "run")
    with pytest.raises(RunError, match="holds no run"):
        run.config()
    config = RunConfig(SMALL, 3, "data", "cpu", 1, out="x.safetensors")
    run.create(config)
    assert replace(run.config(), id="") == config
    assert len(run.config().id) == 16
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
    old = Run(tmp_path / "old")
    old.create(replace(config, format_version=1))
    with pytest.raises(RunError, match="format version 1"):
        old.config()
    # Nothing can be made here, whoever asks.
    with pytest.raises(RunError, match=r"/proc/nowhere cannot be written"):
        Run("/proc/nowhere").create(config)


def test_who_is_alive_is_told_by_the_lock_and_by_more_than_a_process_id(tmp_path, monkeypatch):
    run = Run(tmp_path / "run")
    run.create(RunConfig(SMALL, 0, "data", "cpu", 1))
    assert run.status().state == "new"
    with run.exclusive_lock():
        run.write_status("running", steps=60)
        assert (run.status().state, run.status().steps) == ("running", 60)
        with (
            pytest.raises(RunError, match=r"by another process \(number \d+\)"),
            run.exclusive_lock(),
        ):
            pass
    # The process is there, and so is its number, but it trains this run no longer.
    assert run.status().state == "interrupted"
    # Where a file system has no locks, the number and when its process began tell.
    monkeypatch.setattr("training.runs.run.is_locked", lambda lock: None)
    assert run.status().state == "running"
    me = psutil.Process()
    gone = Status("running", pid=me.pid, started=me.create_time() - 500, host=run.status().host)
    (run.path / "status.json").write_bytes(msgspec.json.encode(gone))
    assert run.status().state == "interrupted"
    child = subprocess.Popen([sys.executable, "-c", ""])
    started = psutil.Process(child.pid).create_time()
    while psutil.Process(child.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    unburied = replace(gone, pid=child.pid, started=started)
    (run.path / "status.json").write_bytes(msgspec.json.encode(unburied))
    assert run.status().state == "interrupted"
    child.wait()
    (run.path / "status.json").write_text("{")
    assert run.status().state == "new"


def test_snapshots_grow_rarer_and_hold_what_the_model_does(tmp_path, digits):
    steps = schedule(10_000)
    gaps = [b - a for a, b in pairwise(steps)]
    assert (steps[0], steps[1], steps[-1]) == (0, 4, 10_000)
    assert gaps[:-1] == sorted(gaps[:-1])
    assert max(gaps) <= 167
    assert len(steps) < 120
    vae = new_vae(PRESETS["mnist-10d"], 0)
    prober = Prober(digits[1], torch.device("cpu"))
    run = Run(tmp_path / "run")
    run.create(RunConfig(SMALL, 0, "data", "cpu", 1))
    run.save_snapshot(7, prober.snapshot(vae), prober.probe)
    assert snapshot_steps(run.snapshots) == [7]
    found = Snapshot.read(run.snapshots / "7.npz")
    probe = Probe.read(run.path / "probe.npz")
    x = datasets.to_float(digits[1].images)
    with torch.no_grad():
        posterior = vae.encode(x)
        best = vae.prior.kl(posterior).mean(0).argsort(descending=True)[:2]
        assert torch.allclose(torch.from_numpy(found.codes), posterior.mu, atol=1e-5)
        assert best.tolist() == found.axes.tolist()
        # The upper left corner: 2 % below on the first axis, 2 % above on the second.
        z = torch.zeros(10)
        z[found.axes[0]], z[found.axes[1]] = -2.0537, 2.0537
        corner = (255 * vae.picture(z)).round().byte().numpy()
        middle = (255 * vae.picture(torch.zeros(10))).round().byte().numpy()
    assert found.grid.shape == (GRID**2, 784)
    assert abs(found.grid[0].astype(int) - corner).max() <= 1
    assert abs(found.grid[GRID**2 // 2].astype(int) - middle).max() <= 1
    assert found.reconstructions.shape == probe.images.shape == (16, 784)
    rows = torch.linspace(0, len(x) - 1, 16).round().long()  # a folder lies class by class
    assert (torch.from_numpy(probe.images) == digits[1].images[rows].reshape(16, -1)).all()
    assert probe.labels.tolist() == digits[1].labels.tolist()
    (run.snapshots / "8.npz").write_bytes(b"PK\x03\x04")
    with pytest.raises(SnapshotError, match=r"8\.npz is damaged"):
        Snapshot.read(run.snapshots / "8.npz")
    with torch.no_grad():
        vae.encoder[-1].weight[0, 0] = float("nan")
    assert prober.snapshot(vae) is None


def until(condition, running: subprocess.Popen | None = None, seconds: float = 60):
    began = time.monotonic()
    while not condition():
        time.sleep(0.02)
        assert time.monotonic() - began < seconds
        if running is not None:
            assert running.poll() is None, running.communicate()[1]


@pytest.mark.slow
def test_a_run_pauses_goes_on_changes_beta_and_is_kept_and_no_other_process_may_join(tmp_path):
    run = Run(tmp_path / "run")
    words = options(tmp_path, "run")
    words[words.index("--epochs") + 1] = 400
    running = command(*words)
    until(lambda: len(epochs(run.log)) >= 2, running)
    run.request(order="pause")
    until(lambda: run.status().state == "paused", running)
    step, lines = saved_step(run), len(read(run.log))
    other = command("resume", run.path)
    assert other.wait(60) == 2
    assert f"by another process (number {running.pid})" in other.stderr.read()
    time.sleep(0.5)
    assert len(read(run.log)) == lines  # it rests
    assert step > 0
    run.request(order="run", beta=5.0)
    until(lambda: any(e.beta == 5.0 for e in epochs(run.log)), running)
    betas = [e.beta for e in epochs(run.log)]
    assert betas == [1.0] * betas.count(1.0) + [5.0] * betas.count(5.0)
    assert run.state()["beta"] == 5.0  # what was saved knows of it
    run.request(order="stop")
    assert running.wait(60) == 0, running.stderr.read()
    status = run.status()
    assert (status.state, status.checkpoint) == ("kept", str(tmp_path / "run.safetensors"))
    kept = checkpoint.load(status.checkpoint)
    assert len(kept.history) == len(epochs(run.log)) < 400
    last = read(run.log)[-1]
    assert last.step == saved_step(run) == snapshot_steps(run.snapshots)[-1]


def test_a_loss_that_is_not_finite_ends_the_run_with_its_reason_and_its_last_good_state(
    tmp_path, capsys
):
    words = [*options(tmp_path, "run"), "--learning-rate", 900, "--save-every", 0]
    assert main(list(map(str, words))) == 2
    error = capsys.readouterr().err
    assert "no longer finite at step" in error
    assert "learning rate below 900" in error
    assert f"Its last good state is in {tmp_path / 'run'}" in error
    run = Run(tmp_path / "run")
    assert run.status().state == "failed"
    assert run.status().message in error
    assert all(torch.isfinite(t).all() for t in run.state()["vae"].values())
    for step in snapshot_steps(run.snapshots):
        Snapshot.read(run.snapshots / f"{step}.npz")


def test_a_data_set_that_vanishes_leaves_the_run_and_one_sentence(tmp_path, capsys):
    folder = tmp_path / "mine"
    for name in ("a", "b"):
        (folder / name).mkdir(parents=True)
        for n in range(10):
            Image.new("L", (28, 28), 20 * n).save(folder / name / f"{n}.png")
    run = Run(tmp_path / "run")
    words = ["fit", "mnist-5k-2d", "--data", f"folder:{folder}", "--epochs", "2"]
    assert main([*words, "--run-dir", str(run.path), "--out", str(tmp_path / "a")]) == 0
    run.write_status("stopped")
    before = run.state()["step"]
    shutil.rmtree(folder)
    capsys.readouterr()
    assert main(["resume", str(run.path)]) == 2
    assert f"{folder} is not a folder" in capsys.readouterr().err
    assert run.status().state == "failed"
    assert run.state()["step"] == before == len(epochs(run.log))


def test_the_lines_of_a_log_are_the_records_and_little_more():
    record = StepTerms(3, 0.15, 1.0, 1e-3, 123.456789012, (1 / 3, 2.0), 1e4)
    line = step_line(record, at=1.23456)
    assert msgspec.json.decode(msgspec.json.encode(line)) == {
        "kind": "step",
        **{name: getattr(line, name) for name in StepTerms.__struct_fields__ if "dim" not in name},
        "train_kl_per_dim": [0.3333333, 2.0],
        "at": 1.235,
    }
    assert line.train_reconstruction == 123.4568
    epoch = epoch_line(TERMS, 20, (1.5, 1.0))
    assert (epoch.terms(), type(epoch.terms())) == (TERMS, EpochTerms)
    more = {"kind", "step", "test_kl_per_dim"}
    fields = msgspec.json.decode(msgspec.json.encode(epoch)).keys()
    assert fields == more | set(EpochTerms.__struct_fields__)
