"""Faults in a run's folder: each is a sentence about that run, and ends nothing else."""

import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.runs.test_runs import SMALL, TERMS, command, options, until
from training.data import datasets
from training.files import PARTIAL, PARTIAL_AGE, partial_prefix, replace_file
from training.fit import failures
from training.fit.session import train
from training.fit.trainer import Trainer, TrainingError, new_vae
from training.runs import log
from training.runs.log import epoch_line, epochs, follow, read
from training.runs.run import Run, RunConfig, RunError, snapshot_steps
from training.runs.snapshots import Probe, Prober, Snapshot, SnapshotError
from training.runs.status import Control

DEEP = b'{"x":' + 200_000 * b"["
NOT_DOCUMENTS = {
    "deep": DEEP,
    "deep list": 200_000 * b"[",
    "not UTF-8": b'{"order": "\xff\xfe"}',
    "a list": b"[1, 2]",
    "a number": b"7",
    "null": b"null",
    "many digits": b'{"x": ' + 5000 * b"9" + b', "step": 1}',
    "empty": b"",
    "cut": b'{"order": "ru',
    "too large": b" " * (2**20 + 1),
}


@pytest.fixture
def run(tmp_path):
    made = Run(tmp_path / "run")
    made.create(RunConfig(SMALL, 0, "data", "cpu", 1))
    return made


@pytest.fixture(scope="module")
def digits():
    return datasets.load("mnist-5k", "train"), datasets.load("mnist-5k", "test")


def is_sentence(error) -> bool:
    text = str(error)
    return len(text) <= 500 and text.isprintable() and text.endswith(".")


# Values


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"beta": -5}', r"beta is -5, and valid is a number from 0 to 1,000,000 or null"),
        ('{"beta": 1e7}', "beta is 1.*valid is a number from 0"),
        ('{"beta": true}', "beta is true, and valid is a number"),
        ('{"beta": NaN}', "control.json is damaged"),
        ('{"beta": 1e999}', "beta.* valid is a number"),
        (f'{{"beta": {"9" * 390}}}', "beta.* valid is a number"),
        ('{"beta": [3]}', r"beta is \[3\], and valid is a number"),
        ('{"order": "explode"}', 'order is "explode".*valid is run, pause, stop'),
        ('{"order": "\\u202e\\u001b"}', "order is .*valid is run, pause, stop"),
    ],
)
def test_a_request_that_is_out_of_bounds_is_refused_with_value_and_valid_ones(run, content, said):
    (run.path / "control.json").write_text(content)
    with pytest.raises(RunError, match=said) as caught:
        run.read_control()
    assert is_sentence(caught.value)
    assert "mend or remove it" in str(caught.value)
    assert run.control() == Control()


@pytest.mark.parametrize(
    "changes",
    [{"beta": -5.0}, {"beta": float("nan")}, {"beta": True}, {"beta": 10**400}, {"order": "go"}],
)
def test_nobody_can_ask_for_what_would_be_refused(run, changes):
    run.request(beta=2.0)
    with pytest.raises(RunError, match="cannot be asked") as caught:
        run.request(**changes)
    assert is_sentence(caught.value)
    assert run.control() == Control(beta=2.0)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("threads", 1_000_000, "threads is 1000000, and valid is a whole number from 1 to 1,024"),
        ("threads", 0, "threads is 0"),
        ("threads", True, "threads is true"),
        ("threads", 10**380, "threads"),
        ("seed", -1, "seed is -1, and valid is a whole number from 0"),
        ("seed", 1.5, "seed is 1.5"),
        ("save_every", -1, "save_every is -1"),
        ("validation", -3, "validation is -3"),
        ("data_dir", "a\0b", "data_dir"),
        ("out", "x" * 5000, "out is"),
        ("id", "../..", "id is"),
        ("preset", [], "preset is"),
        ("preset.epochs", 0, "preset.epochs is 0, and valid is a whole number from 1"),
        ("preset.epochs", 10**12, "preset.epochs is 1000000000000"),
        ("preset.beta", -5, "preset.beta is -5, and valid is a number from 0"),
        ("preset.model.encoder_widths", [10**8], r"preset.model.encoder_widths.0 is 100000000"),
        ("preset.name", "../../etc/x", "name is ../../etc/x"),
    ],
)
def test_a_configuration_that_is_out_of_bounds_is_refused(run, field, value, said):
    path = run.path / "config.json"
    config = json.loads(path.read_bytes())
    *parents, last = field.split(".")
    place = config
    for parent in parents:
        place = place[parent]
    place[last] = value
    path.write_text(json.dumps(config))
    with pytest.raises(RunError, match=said) as caught:
        run.config()
    assert is_sentence(caught.value)
    assert "config.json is damaged" in str(caught.value)


def test_a_training_goes_on_as_it_was_when_it_is_asked_for_what_is_not_possible(
    tmp_path, monkeypatch, capsys
):
    run = Run(tmp_path / "run")
    asked = iter(['{"beta": -5}', '{"beta": NaN}', DEEP.decode(), "[]", '{"order": 3}'])
    append = run.append

    def meddle(line, sync=True):
        (run.path / "control.json").write_text(next(asked, '{"beta": -5}'))
        append(line, sync)

    monkeypatch.setattr(run, "append", meddle)
    monkeypatch.setattr("training.fit.session.READ_CONTROL_EVERY", 0.0)
    preset = replace(SMALL, epochs=4, batch_size=1000)
    out = tmp_path / "made.safetensors"
    train(run, RunConfig(preset, 0, "data", "cpu", 1, out=str(out)), fresh=True)
    assert run.status().state == "done"
    assert [epoch.beta for epoch in epochs(run.log)] == [1.0] * 4
    said = capsys.readouterr().out
    assert "beta is -5, and valid is a number from 0 to 1,000,000" in said


# Documents


@pytest.mark.parametrize("fault", NOT_DOCUMENTS)
def test_a_document_that_is_none_is_a_sentence(run, fault):
    for name in ("config", "status", "control"):
        (run.path / f"{name}.json").write_bytes(NOT_DOCUMENTS[fault])
    with pytest.raises(RunError, match=r"config\.json") as caught:
        run.config()
    assert is_sentence(caught.value)
    assert run.status().state == "new"
    assert is_sentence(run.status().message)
    with pytest.raises(RunError, match=r"control\.json") as caught:
        run.read_control()
    assert is_sentence(caught.value)
    run.write_status("running")
    run.request(order="pause")  # what is written anew is whole again
    assert run.control().order == "pause"


@pytest.mark.parametrize("field", ["pid", "steps", "saved"])
@pytest.mark.parametrize("value", [-1, 10**30, "1", True, None, 10**390])
def test_a_status_that_is_out_of_bounds_is_that_of_a_new_run(run, field, value):
    run.write_status("running")
    status = json.loads((run.path / "status.json").read_bytes())
    (run.path / "status.json").write_text(json.dumps({**status, field: value}))
    assert run.status().state == "new"
    assert field in run.status().message
    assert is_sentence(run.status().message)


def test_what_a_status_says_steers_no_terminal(run):
    run.write_status("failed", message="a\x1b[2J\n" + 2000 * "b")
    assert run.status().message.startswith("a\\x1b[2J\\n")
    assert len(run.status().message) <= 500


def test_a_log_with_every_fault_keeps_the_lines_that_make_sense(run, monkeypatch):
    line = b'{"kind":"rewind","step":7}'
    bad = [content for name, content in NOT_DOCUMENTS.items() if name != "too large"]
    bad += [b'{"kind":"rewind","step":-1}', b'{"kind":"rewind","step":' + b"9" * 4500 + b"}"]
    for epoch, content in enumerate(bad, 1):
        with run.log.open("ab") as file:
            file.write(content + b"\n" + line.replace(b"7", b"9999") + b"\n")
        run.append(epoch_line(replace_epoch(epoch), 20 * epoch, (1.0, 2.0)))
    assert [found.epoch for found in epochs(run.log)] == [*range(1, len(bad) + 1)]
    assert len(run.rewind(20)) == 1
    # So does a line that is longer than what is read at once, and faults that fill one reading.
    monkeypatch.setattr(log, "_CHUNK", 4096)
    with run.log.open("ab") as file:
        file.write(b"x" * 10_000 + b"\n" + b"nonsense\n" * 2000)
    run.append(epoch_line(replace_epoch(2), 40, (1.0, 2.0)))
    assert [found.epoch for found in epochs(run.log)] == [1, 2]


def replace_epoch(epoch: int):
    import msgspec

    return msgspec.structs.replace(TERMS, epoch=epoch)


NAMES = ["config.json", "status.json", "control.json", "records.jsonl", "resume.pt", "lock"]


@pytest.mark.parametrize("name", [*NAMES, "probe.npz"])
def test_a_fifo_in_a_runs_folder_is_waited_for_by_nobody(run, name):
    program = (
        "import sys\nfrom training.runs.run import *\nfrom training.runs.log import read\n"
        "run = Run(sys.argv[1])\n"
        "for ask in (run.config, run.status, run.control, run.state, lambda: read(run.log),\n"
        "            lambda: Probe.read(run.path / 'probe.npz')):\n"
        "    try: ask()\n"
        "    except UserError: pass\n"
    )
    run.write_status("running")
    (run.path / name).unlink(missing_ok=True)
    os.mkfifo(run.path / name)
    done = subprocess.run(
        [sys.executable, "-c", program, str(run.path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


# Checksums


@pytest.fixture(scope="module")
def saved(tmp_path_factory, digits):
    """A run with a snapshot and a state."""
    run = Run(tmp_path_factory.mktemp("saved") / "run")
    run.create(RunConfig(SMALL, 0, "data", "cpu", 1))
    vae = new_vae(SMALL, 0)
    trainer = Trainer(vae, SMALL, *digits, 0)
    next(iter(trainer))
    run.save(trainer.state())
    prober = Prober(digits[1], torch.device("cpu"))
    run.save_snapshot(3, prober.snapshot(vae), prober.probe)
    return run


def flips(content: bytes, n: int = 150):
    """Copies of the content with one bit turned: near both ends, and at even distances."""
    rng = np.random.default_rng(0)
    places = [*range(40), *range(len(content) - 40, len(content))]
    places += rng.integers(0, len(content), n).tolist()
    for place in places:
        turned = bytearray(content)
        turned[place] ^= 1 << int(rng.integers(8))
        yield bytes(turned)


def test_a_flipped_bit_in_a_state_is_a_sentence_and_never_other_weights(saved, tmp_path):
    run, before = Run(tmp_path), saved.state()
    content = (saved.path / "resume.pt").read_bytes()
    refused = []
    for turned in flips(content):
        (run.path / "resume.pt").write_bytes(turned)
        try:
            after = run.state()
        except RunError as error:
            refused.append(error)
        else:
            assert all(torch.equal(before["vae"][k], after["vae"][k]) for k in before["vae"])
            assert torch.equal(before["order"], after["order"])
    assert all(map(is_sentence, refused))
    assert len(refused) > 200


@pytest.mark.parametrize(("kind", "name"), [(Snapshot, "snapshots/3.npz"), (Probe, "probe.npz")])
def test_a_flipped_bit_in_a_snapshot_is_a_sentence_and_never_another(saved, tmp_path, kind, name):
    before, refused = kind.read(saved.path / name), []
    for turned in flips((saved.path / name).read_bytes()):
        (tmp_path / "1.npz").write_bytes(turned)
        try:
            after = kind.read(tmp_path / "1.npz")
        except SnapshotError as error:
            refused.append(error)
        else:
            assert all(np.array_equal(value, vars(after)[k]) for k, value in vars(before).items())
    assert all(map(is_sentence, refused))
    assert len(refused) > 200


def test_files_of_before_there_were_checksums_are_read(saved, tmp_path):
    run, state = Run(tmp_path), saved.state()
    torch.save(state, run.path / "resume.pt")
    assert torch.equal(run.state()["order"], state["order"])
    content = bytearray((run.path / "resume.pt").read_bytes())
    at = content.find(state["vae"]["encoder.0.weight"].numpy().tobytes()[:64])
    content[at + 5] ^= 1
    (run.path / "resume.pt").write_bytes(content)
    with pytest.raises(RunError, match="does not fit its checksum"):
        run.state()
    snapshot = Snapshot.read(saved.path / "snapshots/3.npz")
    np.savez_compressed(tmp_path / "3.npz", **vars(snapshot))
    assert np.array_equal(Snapshot.read(tmp_path / "3.npz").codes, snapshot.codes)


def test_arrays_that_do_not_fit_or_would_fill_the_memory_are_refused(saved, tmp_path):
    whole = vars(Snapshot.read(saved.path / "snapshots/3.npz"))
    path = tmp_path / "3.npz"
    for name, value in (
        ("codes", whole["codes"].astype("f8")),
        ("codes", whole["codes"] * np.nan),
        ("codes", whole["codes"][0]),
        ("axes", np.array([0, 7])),
        ("axes", np.array([0.0, 1.0])),
        ("grid", whole["grid"][:9]),
        ("reconstructions", whole["reconstructions"][:, :9]),
        ("grid", np.array(["a"])),
    ):
        np.savez_compressed(path, **{**whole, name: value})
        with pytest.raises(SnapshotError, match="is damaged") as caught:
            Snapshot.read(path)
        assert is_sentence(caught.value)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f4", "fortran_order": False, "shape": (2**40, 2)}
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("codes.npy", header.getvalue())
    with pytest.raises(SnapshotError, match="is damaged"):
        Snapshot.read(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("codes.npy", bytes(300 * 2**20))
    with pytest.raises(SnapshotError, match="unpack to more"):
        Snapshot.read(path)


@pytest.mark.parametrize(
    "change",
    [
        {"vae": {}},
        {"vae": 3},
        {"optimizer": []},
        {"order": torch.zeros(3)},
        {"step": -1},
        {"step": "1"},
        {"step": 10**9},
        {"beta": -5.0},
        {"beta": float("nan")},
        {"images": 3},
        {"images": []},
        {"seconds": None},
        {"sums": torch.zeros(99)},
        {"steps": None},
    ],
    ids=str,
)
def test_a_state_that_fits_no_trainer_is_a_sentence(saved, digits, change):
    with pytest.raises(TrainingError) as caught:
        Trainer(new_vae(SMALL, 0), SMALL, *digits, 0, state={**saved.state(), **change})
    assert is_sentence(caught.value)
    for name in change:
        lacking = {k: v for k, v in saved.state().items() if k != name}
        with pytest.raises(TrainingError, match="is not one of this run"):
            Trainer(new_vae(SMALL, 0), SMALL, *digits, 0, state=lacking)


# Names, signals, leftovers


@pytest.mark.parametrize("name", [".hidden", "my run", "-x", "a" * 101, "caf\udce9", "a\nb"])
def test_a_run_that_the_page_would_not_list_is_refused(tmp_path, name):
    with pytest.raises(RunError, match="would not list a run of the name") as caught:
        Run(tmp_path / name).create(RunConfig(SMALL, 0, "data", "cpu", 1))
    assert is_sentence(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_utf8_cannot_be_part_of_a_run(run, tmp_path):
    with pytest.raises(RunError, match=r"caf\\xe9, which is not UTF-8") as caught:
        Run(tmp_path / "other").create(RunConfig(SMALL, 0, "caf\udce9", "cpu", 1))
    assert is_sentence(caught.value)


@pytest.mark.slow
def test_a_hangup_saves_as_a_termination_does(tmp_path):
    running = command(*options(tmp_path, "run"))
    lines = iter(running.stdout)
    assert any(line.strip().startswith("2 ") for line in lines)
    running.send_signal(signal.SIGHUP)
    output, error = running.communicate(timeout=60)
    assert running.returncode == 128 + signal.SIGHUP, error
    assert f"python -m training resume {tmp_path / 'run'}" in output
    assert Run(tmp_path / "run").status().state == "stopped"
    assert Run(tmp_path / "run").state()["step"] >= 80


def test_a_hangup_is_collected_unless_it_is_ignored_as_by_nohup():
    before = signal.getsignal(signal.SIGHUP)
    try:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        with failures.stop_signals(failures.Team()) as collected:
            os.kill(os.getpid(), signal.SIGHUP)
            until(lambda: collected, seconds=5)
        assert collected == [signal.SIGHUP]
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_DFL
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        with failures.stop_signals(failures.Team()) as collected:
            os.kill(os.getpid(), signal.SIGHUP)
            time.sleep(0.05)
        assert collected == []
    finally:
        signal.signal(signal.SIGHUP, before)


def leftovers(folder: Path) -> tuple[list[Path], list[Path]]:
    """Partial files of dead writers, and those of writers that may be alive."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    dead = folder / (partial_prefix("resume").replace(f".{os.getpid()}.", f".{child.pid}.") + "x")
    dead = dead.with_name(dead.name + PARTIAL)
    old, new = folder / f"resumeabc{PARTIAL}", folder / f"resumedef{PARTIAL}"
    own = folder / f"{partial_prefix('resume')}x{PARTIAL}"
    for path in (dead, old, new, own):
        path.write_bytes(b"half")
    past = time.time() - PARTIAL_AGE - 60
    os.utime(old, (past, past))
    os.utime(own, (past, past))
    return [dead, old], [new, own]


def test_what_dead_writers_have_left_is_cleared_when_a_run_starts(tmp_path):
    run = Run(tmp_path / "run")
    preset = replace(SMALL, epochs=1, batch_size=1000)
    out = tmp_path / "out" / "made.safetensors"
    out.parent.mkdir()
    run.create(RunConfig(preset, 0, "data", "cpu", 1, out=str(out)))
    for folder in (run.path, run.snapshots, out.parent):
        leftovers(folder)
    train(run, run.config())
    for folder in (run.path, run.snapshots, out.parent):
        assert len(list(folder.glob(f"*{PARTIAL}"))) == 2, folder


def test_a_partial_file_names_its_writer_and_is_kept_while_that_lives(tmp_path):
    seen = []

    def write(file):
        Run(tmp_path).clear_partials()
        seen.extend(path.name for path in tmp_path.iterdir())

    replace_file(tmp_path / "resume.pt", write)
    assert len(seen) == 1
    assert seen[0].startswith(partial_prefix("resume"))
    assert [path.name for path in tmp_path.iterdir()] == ["resume.pt"]


def test_only_plain_numbers_are_steps(tmp_path):
    for name in ("7.npz", "٣.npz", "9" * 30 + ".npz", "07.npz", "x.npz"):
        (tmp_path / name).touch()
    assert snapshot_steps(tmp_path) == [7]
    assert follow(tmp_path) == ([], 0, False)
    assert read(tmp_path) == []
