"""Runs and checkpoints are deleted, renamed and duplicated: all of one, or nothing."""

import os
import shutil
import subprocess
import threading
from dataclasses import replace

import pytest

from explorer import paths
from explorer.runs import manage, watch
from tests.training.runs.test_runs import SMALL
from training import checkpoint as checkpoints
from training.checkpoint import SUFFIX, CheckpointError
from training.errors import UserError
from training.evaluation import table
from training.runs.run import Run, RunConfig, RunError

SHIPPED = paths.ROOT / "checkpoints"


@pytest.fixture
def made(tmp_path):
    """A folder of checkpoints with one in it, mine, which was measured."""
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    shutil.copy(SHIPPED / "report-10d.safetensors", folder / "mine.safetensors")
    row = table.read(SHIPPED)["report-10d"]
    table.write_alone(folder, replace(row, name="mine", report_fid=None))
    return folder


@pytest.fixture
def run(tmp_path, made):
    """A run that is done, and has made the checkpoint `mine`."""
    run = Run(tmp_path / "runs" / "mine")
    run.create(RunConfig(SMALL, 3, "data", "cpu", 1, out=str(made / "mine.safetensors")))
    (run.path / "resume.pt").write_bytes(b"weights")
    (run.snapshots / "7.npz").write_bytes(b"codes")
    run.write_status("done", checkpoint=str((made / "mine.safetensors").resolve()))
    return run


def everything(folder) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "lock"
    }


def test_what_ships_is_known_by_name():
    listed = subprocess.run(
        ["git", "ls-files", "checkpoints/*" + SUFFIX],
        cwd=paths.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode or not listed.stdout:
        pytest.skip("this is no working copy of git's")
    names = {
        line.removeprefix("checkpoints/").removesuffix(SUFFIX) for line in listed.stdout.split()
    }
    assert names - {"classifier"} == manage.SHIPPED


def test_a_run_is_renamed_duplicated_and_deleted(run, made):
    root, before, known = run.path.parent, everything(run.path), run.config().id
    assert manage.rename_run(run, " other ", made) == "other"
    assert watch.names(root) == ["other"]
    other = Run(root / "other")
    assert everything(other.path) == before  # its id too, by which browsers know it
    news = watch.news(other, 0)
    assert (news["id"], news["checkpoint"]) == (known, "mine")
    assert manage.duplicate_run(other, "other", made) == "other-2"
    copy = Run(root / "other-2")
    assert (copy.path / "resume.pt").read_bytes() == b"weights"
    assert (copy.snapshots / "7.npz").read_bytes() == b"codes"
    assert copy.config() == replace(
        other.config(), id=copy.config().id, out=str(made / "other-2.safetensors")
    )
    assert copy.config().id != known
    manage.delete_run(other)
    assert os.listdir(root) == ["other-2"]
    assert (made / "mine.safetensors").exists()
    with pytest.raises(RunError, match="There is no run 'other'"):
        manage.delete_run(other)
    # One that has not written its checkpoint yet will write it under its new name.
    copy.write_status("stopped", checkpoint=None)
    manage.rename_run(copy, "third", made)
    assert Run(root / "third").config().out == str(made / "third.safetensors")


@pytest.mark.parametrize(
    ("wish", "sentence"),
    [
        ("", "is not possible"),
        ("../other", "is not possible"),
        ("a/b", "is not possible"),
        (".hidden", "is not possible"),
        ("x" * 101, "is not possible"),
        ("Classifier", "it is the digit classifier's"),
        ("taken", "There is a run taken already"),
        ("made", "There is a checkpoint made already"),
    ],
)
def test_a_name_that_cannot_be_is_refused_and_nothing_moves(run, made, wish, sentence):
    Run(run.path.with_name("taken")).create(RunConfig(SMALL, 0, "data", "cpu", 1))
    shutil.copy(made / "mine.safetensors", made / "made.safetensors")
    before = everything(run.path.parent.parent)
    folder, runs = made, run.path.parent
    for deed in (
        lambda: manage.rename_run(run, wish, made),
        lambda: manage.duplicate_run(run, wish, made),
        lambda: manage.rename_checkpoint(folder, "mine", wish, runs),
        lambda: manage.duplicate_checkpoint(folder, "mine", wish),
    ):
        if wish == "taken" and deed.__code__.co_names[-1].endswith("checkpoint"):
            continue  # among checkpoints it is free
        with pytest.raises(UserError, match=sentence):
            deed()
    assert everything(run.path.parent.parent) == before


def test_a_run_that_is_being_trained_stays(run, made):
    before = everything(run.path)
    with run.exclusive_lock():  # as its process holds it
        run.write_status("running")
        for deed in (
            lambda: manage.delete_run(run),
            lambda: manage.rename_run(run, "other", made),
            lambda: manage.duplicate_run(run, "other", made),
        ):
            with pytest.raises(RunError, match="mine is being trained; stop it first"):
                deed()
    assert everything(run.path).keys() == before.keys()
    assert watch.names(run.path.parent) == ["mine"]


def test_a_copy_that_fails_leaves_nothing(run, made, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    monkeypatch.setattr(Run, "write_config", full)
    before = everything(run.path.parent.parent)
    with pytest.raises(RunError, match=r"mine cannot be duplicated"):
        manage.duplicate_run(run, "copy", made)
    with pytest.raises(CheckpointError, match=r"cannot be duplicated \(No space left"):
        manage.duplicate_checkpoint(made, "mine", "copy")
    assert everything(run.path.parent.parent) == before
    assert os.listdir(run.path.parent) == ["mine"]
    assert sorted(os.listdir(made)) == ["mine.evaluation.json", "mine.safetensors"]


def test_a_checkpoint_is_renamed_duplicated_and_deleted_with_what_was_measured(run, made):
    content, row = (made / "mine.safetensors").read_bytes(), table.read(made)["mine"]
    assert manage.rename_checkpoint(made, "mine", "other", run.path.parent) == "other"
    assert watch.news(run, 0)["checkpoint"] == "other"  # the run finds it
    assert run.status().state == "done"
    assert manage.duplicate_checkpoint(made, "other", "other") == "other-2"
    assert {path.stem for path in checkpoints.checkpoint_files(made)} == {"other", "other-2"}
    assert (made / "other-2.safetensors").read_bytes() == content
    assert table.read(made) == {name: replace(row, name=name) for name in ("other", "other-2")}
    manage.delete_checkpoint(made, "other")
    assert sorted(os.listdir(made)) == ["other-2.evaluation.json", "other-2.safetensors"]
    assert watch.news(run, 0)["checkpoint"] is None
    for name in ("other", "../other-2", "other-2.safetensors"):
        with pytest.raises(CheckpointError, match="There is no checkpoint"):
            manage.delete_checkpoint(made, name)


def test_what_ships_can_only_be_duplicated(made, monkeypatch, tmp_path):
    monkeypatch.setattr(manage, "ROOT", tmp_path)  # whose checkpoints/ is `made`
    shutil.copy(made / "mine.safetensors", made / "mnist-2d.safetensors")
    for deed in (
        lambda: manage.delete_checkpoint(made, "mnist-2d"),
        lambda: manage.rename_checkpoint(made, "mnist-2d", "mine-2", tmp_path),
    ):
        with pytest.raises(CheckpointError, match="mnist-2d comes with the explorer"):
            deed()
    assert manage.duplicate_checkpoint(made, "mnist-2d", "mnist-2d") == "mnist-2d-2"
    assert manage.kept_because(made, "mine") == ""


def test_of_two_visitors_who_take_a_name_at_once_one_has_it(run, made):
    shutil.copy(made / "mine.safetensors", made / "twin.safetensors")
    faults, names = [], []

    def visit(deed) -> None:
        try:
            names.append(deed())
        except UserError as error:
            faults.append(str(error))

    deeds = [
        *(lambda: manage.rename_run(run, "one", made) for _ in range(3)),
        *(
            lambda name=name: manage.rename_checkpoint(made, name, "two", run.path.parent)
            for name in ("mine", "twin")
        ),
        lambda: manage.duplicate_run(run, "mine", made),
    ]
    threads = [threading.Thread(target=visit, args=(deed,)) for deed in deeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert names.count("one") == names.count("two") == 1
    assert len(names) + len(faults) == len(deeds)
    assert set(watch.names(run.path.parent)) <= {"one", "mine-2"}
    assert {path.stem for path in checkpoints.checkpoint_files(made)} in (
        {"two", "mine"},
        {"two", "twin"},
    )
