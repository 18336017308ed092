"""Sentences for visitors from elsewhere say nothing of where things lie on this machine."""

import os

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from explorer import paths
from explorer.runs import launch, manage
from explorer.server import access
from tests.training.runs.test_runs import SMALL
from training import checkpoint
from training.data import datasets
from training.errors import UserError
from training.evaluation import table
from training.runs.run import Run, RunConfig


def checkpoint_damaged(place):
    (place / "x.safetensors").write_bytes(b"nothing")
    checkpoint.load(place / "x.safetensors")


def table_damaged(place):
    (place / "evaluations.json").write_text("{")
    table.read(place)


def run_damaged(place):
    run = Run(place / "x")
    run.create(RunConfig(SMALL, 0, "data", "cpu", 1))
    (run.path / "config.json").write_text("{")
    run.config()


def status_damaged(place):
    run = Run(place / "x")
    run.create(RunConfig(SMALL, 0, "data", "cpu", 1))
    (run.path / "status.json").write_text("{")
    raise UserError(run.status().message)


def archive_damaged(place):
    (place / "x.npz").write_bytes(b"nothing")
    datasets.load(f"npz:{place / 'x.npz'}", "test")


def pictures_odd(place):
    np.savez(place / "x.npz", images=np.zeros((2, 3)))
    datasets.load(f"npz:{place / 'x.npz'}", "test")


def a_file(place):
    (place / "x").write_text("")
    return Run(place / "x")


FAULTS = {
    "a checkpoint is gone": lambda place: checkpoint.load(place / "x.safetensors"),
    "a checkpoint is damaged": checkpoint_damaged,
    "the table is damaged": table_damaged,
    "the table has no place": lambda place: table.check(place / "x"),
    "a run is gone": lambda place: Run(place / "x").config(),
    "a run is damaged": run_damaged,
    "its status is damaged": status_damaged,
    "its folder is none": lambda place: a_file(place).request(order="pause"),
    "a folder of pictures is gone": lambda place: datasets.load(f"folder:{place / 'x'}", "test"),
    "an archive is gone": lambda place: datasets.load(f"zip:{place / 'x.zip'}", "test"),
    "an archive is damaged": archive_damaged,
    "an archive holds no pictures": pictures_odd,
    "a run cannot be begun": lambda place: launch.resume(a_file(place)),
    "a run is not there": lambda place: manage.delete_run(Run(place / "x")),
}


def sentence_of(fault: str, place) -> str:
    with pytest.raises(UserError) as raised:
        FAULTS[fault](place)
    return str(raised.value)


@pytest.mark.parametrize("name", ["secret", "a secret place", "gehéim"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_names_no_place_to_visitors_from_elsewhere(tmp_path, fault, name):
    place = tmp_path / name
    place.mkdir()
    told = paths.without_folders(sentence_of(fault, place))
    assert name not in told
    assert os.fspath(tmp_path) not in told
    assert "/tmp" not in told
    assert len(told) > 15


def test_most_of_these_faults_name_a_place_to_local_ones(tmp_path):
    told = 0
    for n, fault in enumerate(FAULTS):
        place = tmp_path / str(n)
        place.mkdir()
        told += os.fspath(place) in sentence_of(fault, place)
    assert told >= 9


@pytest.mark.parametrize(
    ("sentence", "told"),
    [
        ("/a/b.png and /home/my user/c.png are", "b.png and c.png are"),
        ("folder:/mnt/faces?size=64 is", "folder:faces?size=64 is"),
        ("~/pics/a.png, ~bob/a.png", "a.png, a.png"),
        (r"C:\\Users\\me\\a.png is gone".replace("\\\\", "\\"), "a.png is gone"),
        ("see https://example.org/a/b", "see https://example.org/a/b"),
        ("reconstruction / KL, and/or 1/2, +/- 3", "reconstruction / KL, and/or 1/2, +/- 3"),
        ("`python -m training evaluate --all`", "`python -m training evaluate --all`"),
    ],
)
def test_paths_are_cut_and_nothing_else(sentence, told):
    assert paths.without_folders(f"{paths.ROOT}/docs/a.md in {paths.ROOT}") == "a.md in its folder"
    assert paths.without_folders(sentence) == told


def _page():
    from explorer import messages

    messages.warn("/srv/secret/x.safetensors is damaged.")
    messages.caption("/srv/secret/x is here")
    messages.toast("/srv/secret/x is gone")


@pytest.mark.parametrize("local", [True, False])
def test_who_may_steer_from_elsewhere_is_told_no_place_either(monkeypatch, local):
    monkeypatch.setenv(access.VARIABLE, "1")
    monkeypatch.setattr(access, "is_local", lambda *_: local)
    page = AppTest.from_function(_page).run()
    texts = [page.warning[0].value, page.caption[0].value, page.toast[0].value]
    assert [("secret" in text) for text in texts] == [local] * 3
    assert all("x" in text for text in texts)
