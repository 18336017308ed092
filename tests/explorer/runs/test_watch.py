"""What a watcher of runs is given over HTTP, and the processes that the page starts."""

import os
import shutil
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest
import torch
from starlette.applications import Starlette
from starlette.testclient import TestClient

from explorer import blobs, paths
from explorer.runs import launch, watch
from explorer.server import run_routes
from explorer.train import component
from tests.training.runs.test_faults import NOT_DOCUMENTS, leftovers
from tests.training.runs.test_runs import SMALL, TERMS
from training.data import datasets
from training.fit.trainer import new_vae
from training.presets import PRESETS
from training.runs import log
from training.runs.log import RewindLine, StepLine, epoch_line
from training.runs.run import Run, RunConfig, RunError
from training.runs.snapshots import Prober


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("VAE_RUN_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def client():
    return TestClient(Starlette(routes=run_routes.routes("base/path")))


@pytest.fixture
def run(root):
    made = Run(root / "mine")
    made.create(RunConfig(SMALL, 3, "data", "cpu", 1))
    return made


def step(n: int) -> StepLine:
    return StepLine(n, n / 20, 1.0, 1e-3, 200.0, (1.0, 2.0), 1e4, 5.0)


def test_the_news_of_a_run_follow_its_log_and_take_nothing_twice(client, run):
    run.append(step(5))
    run.append(epoch_line(TERMS, 20, (1.5, 1.0)))
    first = client.get("/stage/run/mine").json()
    assert [(line["kind"], line["step"]) for line in first["lines"]] == [("step", 5), ("epoch", 20)]
    assert (first["state"], first["preset"], first["seed"]) == ("new", SMALL.name, 3)
    assert first["prior"].items() >= {"family": "gaussian", "mean": 0.0, "std": 1.0}.items()
    assert client.get("/stage/runs").json() == [
        {"name": "mine", "state": "new", "what": "2-D, 3 epochs, batch 200, seed 3"}
    ]
    place, known = first["place"], first["id"]
    assert client.get(f"/stage/run/mine?place={place}&id={known}").json()["lines"] == []
    run.append(RewindLine(10))
    run.append(step(12))
    later = client.get(f"/base/path/stage/run/mine?place={place}&id={known}").json()
    assert not later["anew"]
    assert [(x["kind"], x["step"]) for x in later["lines"]] == [("rewind", 10), ("step", 12)]
    # Who comes now is given what counts, and so is who knows another run of this name.
    assert [x["step"] for x in client.get("/stage/run/mine").json()["lines"]] == [5, 12]
    other = client.get(f"/stage/run/mine?place={place}&id=another").json()
    assert [x["step"] for x in other["lines"]] == [5, 12]
    assert other["anew"]
    run.request(beta=4.0, order="pause")
    asked = client.get(f"/stage/run/mine?place={later['place']}").json()
    assert (asked["order"], asked["asked_beta"]) == ("pause", 4.0)


def test_snapshots_travel_whole_and_their_address_changes_with_them(client, run):
    images = datasets.load("mnist-5k", "test")
    prober = Prober(images, torch.device("cpu"))
    run.save_snapshot(0, prober.snapshot(new_vae(SMALL, 0)), prober.probe)
    ((at, version),) = client.get("/stage/run/mine").json()["snapshots"]
    answer = client.get(f"/stage/run/mine/snapshot/{at}?v={version}")
    assert "immutable" in answer.headers["cache-control"]
    header, arrays = blobs.unpack(answer.content)
    kept = prober.snapshot(new_vae(SMALL, 0))
    assert header["axes"] == [0, 1]
    assert np.array_equal(arrays["codes"], kept.codes)
    assert np.array_equal(arrays["grid"], kept.grid)
    probe = blobs.unpack(client.get("/stage/run/mine/probe").content)
    assert probe[0]["classes"] == list("0123456789")
    assert probe[1]["labels"].tolist() == images.labels.tolist()
    time.sleep(0.01)
    run.save_snapshot(0, prober.snapshot(new_vae(SMALL, 1)), prober.probe)
    ((_, other),) = client.get("/stage/run/mine").json()["snapshots"]
    assert other != version


@pytest.mark.parametrize(
    "path",
    [
        "run/nothing",
        "run/.mine",
        "run/mine/snapshot/7",
        "run/mine/probe",
        "run/damaged",
    ],
)
def test_what_is_not_there_is_one_sentence(client, run, root, path):
    (root / ".mine").mkdir()
    shutil.copy(run.path / "config.json", root / ".mine")
    (root / "damaged").mkdir()
    (root / "damaged" / "config.json").write_text("{")
    answer = client.get(f"/stage/{path}")
    assert answer.status_code == 404
    assert "Traceback" not in answer.text
    assert len(answer.text.strip().splitlines()) == 1
    assert client.get("/stage/run/mine?place=x9").json()["place"] == 0


def test_folders_of_this_machine_are_for_its_own_visitors(client, root, monkeypatch):
    paths._folders.cache_clear()
    run = Run(root / "mine")
    data = f"folder:{root}/private/faces?size=32x32"
    run.create(RunConfig(replace(SMALL, data=data), 3, "data", "cpu", 1))
    run.write_status("failed", message=f"{run.path}/records.jsonl cannot be written.")
    try:
        news = client.get("/stage/run/mine").json()
        assert news["message"] == "mine/records.jsonl cannot be written."
        assert news["data"] == "folder:faces?size=32x32"
        monkeypatch.setattr(run_routes, "is_local", lambda peer, headers: True)
        assert str(run.path) in client.get("/stage/run/mine").json()["message"]
    finally:
        paths._folders.cache_clear()


@pytest.mark.parametrize("name", ["..", ".", "../mine", "mine/../../mine", "mine/", "/etc", "a\nb"])
def test_no_name_leads_out_of_the_folder(run, root, name):
    shutil.copy(run.path / "config.json", root)
    shutil.copy(run.path / "config.json", root.parent)
    with pytest.raises(RunError, match="There is no run"):
        watch.find(root, name)


def test_a_long_log_is_read_once_and_given_thinned_at_even_distances(client, run):
    lines = [msgspec.json.encode(step(n)) + b"\n" for n in range(1, 30_001)]
    run.log.write_bytes(b"".join(lines[:29_000]))
    first = client.get("/stage/run/mine").json()
    at = np.array([line["step"] for line in first["lines"]])
    assert 1500 < len(at) <= 2001
    assert (at[0], at[-1]) == (1, 29_000)
    assert np.diff(at).max() <= 2 * np.median(np.diff(at))  # no part of the run is given up
    with run.log.open("ab") as file:
        file.write(b"".join(lines[29_000:29_100]))
    few = client.get(f"/stage/run/mine?place={first['place']}&id={first['id']}").json()
    assert [line["step"] for line in few["lines"]] == list(range(29_001, 29_101))
    with run.log.open("ab") as file:
        file.write(b"".join(lines[29_100:]))
    slept = client.get(f"/stage/run/mine?place=1000&id={first['id']}").json()
    assert slept["anew"]
    assert len(slept["lines"]) <= 2001
    assert slept["lines"][-1]["step"] == 30_000


def test_who_asks_from_the_beginning_of_a_long_log_has_nothing_read_again(client, run, monkeypatch):
    text = msgspec.json.encode(step(1)) + b"\n"
    run.log.write_bytes(text * (3 * 2**20 // len(text)))
    own = client.get("/stage/run/mine").json()["id"]
    read = []

    def follow(path, place=0):
        found = log.follow(path, place)
        read.append(found.place - place)
        return found

    monkeypatch.setattr(watch, "log", SimpleNamespace(**vars(log) | {"follow": follow}))
    for place, known in ((1, own), (1, "wrong"), (0, own), (10**15, own), (2**20, "")):
        assert client.get(f"/stage/run/mine?place={place}&id={known}").json()["lines"]
    assert sum(read) == 0


@pytest.mark.parametrize(
    "value",
    [
        None,
        "pause",
        {"run": "a", "action": "delete"},
        {"run": 3, "action": "pause"},
        {"run": "a", "action": "beta", "beta": float("nan")},
        {"run": "a", "action": "beta", "beta": -1},
        {"run": "a", "action": "beta", "beta": "4"},
        {"run": "a", "action": "beta", "beta": True},
    ],
)
def test_an_order_that_makes_no_sense_is_none(value):
    assert component.parse_order(value) is None
    assert component.parse_order({"run": "a", "action": "beta", "beta": 4}) == ("a", "beta", 4.0)


@pytest.mark.parametrize("fault", NOT_DOCUMENTS)
@pytest.mark.parametrize("name", ["config.json", "status.json", "control.json", "records.jsonl"])
def test_a_fault_of_one_run_is_no_fault_of_the_list(client, run, root, name, fault):
    other = Run(root / "other")
    other.create(RunConfig(SMALL, 3, "data", "cpu", 1))
    content = NOT_DOCUMENTS[fault]
    (other.path / name).write_bytes(content + b"\n" if name == "records.jsonl" else content)
    listed = {row["name"]: row for row in client.get("/stage/runs").json()}
    assert listed.keys() == {"mine", "other"}
    assert (listed["other"]["what"] == "cannot be read") == (name == "config.json")
    answer = client.get("/stage/run/other")
    assert answer.status_code == (404 if name == "config.json" else 200)
    if name in ("status.json", "control.json"):
        assert name in answer.json()["message"]
        assert len(answer.json()["message"]) <= 500


def test_a_refused_request_is_told_to_watchers(client, run):
    (run.path / "control.json").write_text('{"order": "pause", "beta": -5}')
    answer = client.get("/stage/run/mine").json()
    assert "beta is -5, and valid is a number from 0 to 1,000,000" in answer["message"]
    assert (answer["order"], answer["asked_beta"]) == ("run", None)


def test_a_runs_own_pictures_are_called_by_a_word_that_says_no_place(client, run, root):
    for n, (data, called) in enumerate(
        (
            ("folder:/home/me/secret/my album?size=64x48", "my album"),
            ("zip:../secret/a?b.zip", "a?b.zip"),
            ("folder:/secret/x?size=3", "x?size=3"),
            ("kmnist", "kmnist"),
        )
    ):
        preset = replace(SMALL, data=data)
        Run(root / f"own{n}").create(RunConfig(preset, 3, "data", "cpu", 1))
        text = client.get("/stage/runs").text
        (row,) = [row for row in msgspec.json.decode(text) if row["name"] == f"own{n}"]
        assert row["what"] == f"2-D, {called}, 3 epochs, batch 200, seed 3"
        assert "secret" not in text


def test_a_configuration_that_leads_nowhere_leaves_the_other_runs_listed(client, run, root):
    for name in ("loop", "fifo", "folder"):
        (root / name).mkdir()
    (root / "loop" / "config.json").symlink_to(root / "loop" / "config.json")
    os.mkfifo(root / "fifo" / "config.json")
    (root / "folder" / "config.json").mkdir()
    os.mkdir(os.path.join(os.fsencode(root), b"caf\xe9"))
    listed = {row["name"]: row["what"] for row in client.get("/stage/runs").json()}
    assert listed.pop("mine") == "2-D, 3 epochs, batch 200, seed 3"
    assert listed.keys() <= {"fifo", "folder"}
    assert set(listed.values()) <= {"cannot be read"}


def test_what_dead_writers_have_left_is_cleared_when_the_list_is_read(client, run, monkeypatch):
    watch._clear_partials.cache_clear()
    dead, alive = leftovers(run.path)
    client.get("/stage/runs")
    assert [path for path in dead if path.exists()] == []
    assert [path for path in alive if not path.exists()] == []


@pytest.mark.parametrize("name", ["classifier", "classifier-2", "Classifier"])
def test_a_run_whose_checkpoint_nobody_would_list_is_refused(root, tmp_path, monkeypatch, name):
    monkeypatch.setattr(launch, "_launch", lambda run: None)
    places = (root / "runs", tmp_path / "data", tmp_path / "out")
    with pytest.raises(RunError, match="is the digit classifier's") as caught:
        launch.start(SMALL, 0, *places, wish=name)
    assert str(caught.value).endswith(".")
    assert not (root / "runs").exists()


def test_a_long_name_that_is_numbered_is_still_listed(root, tmp_path, monkeypatch):
    monkeypatch.setattr(launch, "_launch", lambda run: None)
    places = (root / "runs", tmp_path / "data", tmp_path / "out")
    made = {launch.start(SMALL, 0, *places, wish=100 * "a") for _ in range(3)}
    assert set(watch.names(root / "runs")) == made
    assert len(made) == 3


def test_the_last_words_of_a_process_steer_no_terminal(run, monkeypatch):
    (run.path / watch.OUTPUT).write_bytes(2**20 * b"x\n" + b"error: a\x1b[2Jb\xff\n")
    assert watch._last_words(run) == "a\\x1b[2Jb\ufffd"
    (run.path / watch.OUTPUT).unlink()
    os.mkfifo(run.path / watch.OUTPUT)
    assert watch._last_words(run) == "Its process ended unheard."


def until(condition, seconds=60):
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds
        time.sleep(0.05)


@pytest.mark.slow
def test_a_run_that_is_started_here_is_its_own_process_and_tells_why_it_failed(root, tmp_path):
    made = replace(PRESETS["mnist-5k-2d"], epochs=300)
    places = (root / "runs", tmp_path / "data", tmp_path / "out")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mnist-5k-2d.safetensors").touch()
    name = launch.start(made, 0, *places)
    assert name == "mnist-5k-2d-2"  # its checkpoint must find its name free
    run = watch.find(places[0], name)
    assert watch.state_of(run).state == "new"
    until(lambda: run.status().state == "running")
    run.request(order="pause")
    until(lambda: run.status().state == "paused")
    launch.resume(run)
    until(lambda: run.status().state == "running")
    process = watch.process_of(run)
    process.kill()
    until(lambda: watch.state_of(run).state == "interrupted")
    launch.resume(run, finish=True)
    until(lambda: run.status().state in ("kept", "failed"))
    assert run.status().state == "kept", run.status()
    assert Path(run.status().checkpoint) == tmp_path / "out" / f"{name}.safetensors"
    missing = replace(made, data="mnist")
    (tmp_path / "data").write_text("not a folder")
    name = launch.start(missing, 0, *places)
    failed = watch.find(places[0], name)
    until(lambda: watch.state_of(failed).state == "failed")
    assert "data cannot be written to" in watch.state_of(failed).message
    with pytest.raises(RunError, match="There is no run"):
        watch.find(places[0], "other")
