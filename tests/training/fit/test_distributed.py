"""More than one process: the same run as one process makes, and what happens when one is lost."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import psutil
import pytest
import torch

from tests.training.runs.test_runs import SMALL, command, until
from training.data import datasets
from training.distributed import Team
from training.fit.trainer import Trainer, TrainingError, new_vae
from training.runs.log import epochs
from training.runs.run import Run, snapshot_steps
from training.runs.snapshots import schedule
from training.vae.elbo import elbo

ROOT = Path(__file__).resolve().parents[3]


def together(*words) -> subprocess.Popen:
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"),
            *("--standalone", "-m", "training", *map(str, words)),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def test_a_part_of_a_batch_has_the_terms_that_the_whole_batch_gives_it():
    images = datasets.load("mnist-5k", "test").images[:12]
    vae, x = new_vae(SMALL, 0), datasets.to_float(images)
    whole = elbo(vae, x, torch.Generator().manual_seed(1))
    for team in (Team(0, 3), Team(1, 3), Team(2, 3)):
        part = team.part(12)
        own = elbo(
            vae,
            x[part],
            torch.Generator().manual_seed(1),
            rows_elsewhere=(part.start, 12 - part.stop),
        )
        assert torch.allclose(own.reconstruction, whole.reconstruction[part], rtol=1e-5)
        assert torch.allclose(own.kl_per_dim, whole.kl_per_dim[part], atol=1e-5)


def test_a_batch_that_cannot_be_divided_is_one_sentence():
    digits = datasets.load("mnist-5k", "train"), datasets.load("mnist-5k", "test")
    with pytest.raises(TrainingError, match=r"batch of 200 images .* among 3 processes"):
        Trainer(new_vae(SMALL, 0), SMALL, *digits, team=Team(0, 3))


def test_a_signal_cuts_off_no_last_words_of_a_team():
    def survives(team: Team) -> bool:
        """Whether a process outlives a SIGTERM that comes after its training has ended."""
        words = f"""if True:
            import os, signal
            from training.fit.failures import stop_signals
            from training.distributed import Team
            with stop_signals(Team(0, {team.size})):
                pass
            os.kill(os.getpid(), signal.SIGTERM)
        """
        ended = subprocess.run([sys.executable, "-c", words], cwd=ROOT, check=False)
        return ended.returncode == 0

    assert survives(Team(0, 2))
    assert not survives(Team())


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["conv", "resnet"])
def test_two_processes_train_convolutions_as_one_does(tmp_path, architecture):
    from training.__main__ import main

    words = ["fit", "mnist-5k-2d", "--epochs", "1", "--precision", "float32", "--save-every", "9"]
    words += ["--architecture", architecture, "--width", "4", "--depth", "2"]
    found = []
    for name, fit in (("one", main), ("two", lambda words: together(*words).communicate())):
        folder = tmp_path / name
        fit([*words, "--run-dir", str(folder), "--out", str(tmp_path / f"{name}.safetensors")])
        found += epochs(folder / "records.jsonl")
    for term in ("train_reconstruction", "train_kl", "test_reconstruction", "test_kl"):
        one, two = (getattr(epoch, term) for epoch in found)
        assert two == pytest.approx(one, rel=2e-3), term
    assert Run(tmp_path / "two").status().state == "done"


@pytest.mark.slow
def test_two_processes_make_the_run_of_one_and_a_lost_one_ends_the_other(tmp_path):
    from training.__main__ import main

    words = ["fit", "mnist-5k-2d", "--epochs", "3", "--precision", "float32"]
    words += ["--input-dropout", "0.1", "--elastic", "0.01", "--save-every", "0.1"]

    def places(name):
        return ["--run-dir", str(tmp_path / name), "--out", str(tmp_path / f"{name}.safetensors")]

    assert main([*words, *places("one")]) == 0
    two = together(*words, *places("two"))
    output, error = two.communicate(timeout=120)
    assert two.returncode == 0, error
    assert "on cpu in 2 processes" in output
    assert output.count("Wrote") == 1
    one = [
        msgspec.structs.replace(e.terms(), images_per_second=0)
        for e in epochs(tmp_path / "one/records.jsonl")
    ]
    for e, found in zip(one, epochs(tmp_path / "two/records.jsonl"), strict=True):
        for name in ("train_reconstruction", "train_kl", "test_reconstruction", "test_kl"):
            assert getattr(found, name) == pytest.approx(getattr(e, name), rel=2e-3), name
    taken = [snapshot_steps(Run(tmp_path / name).snapshots) for name in ("one", "two")]
    assert taken[0] == taken[1] == schedule(3 * 62)
    first = [epochs(tmp_path / f"{name}/records.jsonl")[0] for name in ("one", "two")]
    # Before roundings have grown: the same to five digits.
    assert first[1].train_reconstruction == pytest.approx(first[0].train_reconstruction, rel=1e-5)

    words[words.index("--epochs") + 1] = "200"
    killed, run = together(*words, *places("killed")), Run(tmp_path / "killed")
    until(lambda: len(epochs(run.log)) >= 2 and run.state() is not None, killed, 90)
    leader = run.status().pid
    (other,) = [
        p
        for p in psutil.Process(killed.pid).children(recursive=True)
        if p.pid != leader and "-m training" in " ".join(p.cmdline())
    ]
    other.send_signal(signal.SIGKILL)
    _, error = killed.communicate(timeout=60)
    assert killed.returncode != 0
    assert "Another process of this run has ended or cannot be reached" in error
    assert f"torchrun --nproc-per-node 2 -m training resume {run.path}" in error
    assert not psutil.pid_exists(leader)
    assert run.status().state == "failed"
    step = run.state()["step"]
    again = together("resume", run.path)
    until(lambda: epochs(run.log)[-1].step > step + 62, again, 90)
    again.send_signal(signal.SIGTERM)
    output, _ = again.communicate(timeout=60)
    assert f"on from step {step:,}" in output
    step = run.state()["step"]
    # Fewer processes go on with it as well.
    alone = command("resume", run.path)
    until(lambda: epochs(run.log)[-1].step > step + 62, alone, 90)
    alone.send_signal(signal.SIGTERM)
    output, error = alone.communicate(timeout=60)
    assert f"on from step {step:,}" in output, error
