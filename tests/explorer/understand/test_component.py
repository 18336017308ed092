"""What the walk reports is a stranger's; what it is given stands in the table."""

import json

import pytest

from explorer import entries, paths
from explorer.session import view_state
from explorer.session.view_state import SECTIONS, LinkError
from explorer.understand import component
from training.evaluation import exact_command, table

GOOD = {"key": "k", "image": 4, "section": 9, "drawn": False, "telling": 3}


def test_a_view_is_taken_and_nothing_else():
    assert component.parse(GOOD, "k", 5) == component.View(4, 9, False)
    for wrong in (
        {"key": "other"},
        {"image": 5},
        {"image": -1},
        {"image": True},
        {"image": None},
        {"section": 0},
        {"section": SECTIONS + 1},
        {"section": 1.0},
        {"drawn": None},
    ):
        assert component.parse({**GOOD, **wrong}, "k", 5) is None, wrong
    for value in (None, [], "view", 3):
        assert component.parse(value, "k", 5) is None


def test_a_link_names_a_section_that_there_is():
    assert view_state.read("section", "3") == 3
    for text in ("0", "10", "x", "1.5", ""):
        with pytest.raises(LinkError, match="whole number from 1 to 9"):
            view_state.read("section", text)


def test_rate_and_distortion_are_the_tables():
    rows = table.read(paths.checkpoint_dir())
    found = {row["name"]: row for row in entries.rates()}
    assert {"mnist-2d", "mnist-10d", "gamma"} <= set(found)
    assert "sprites-64" not in found  # of other pictures
    for name, row in found.items():
        assert row["rate"] == rows[name].evaluation.kl
        assert row["distortion"] == rows[name].evaluation.bernoulli
        assert row["dims"] == rows[name].evaluation.latent_dim


def test_gaps_are_those_of_the_file_now_and_before(tmp_path, monkeypatch):
    monkeypatch.setenv("VAE_CHECKPOINT_DIR", str(tmp_path))
    assert entries.gaps("a") is None
    file = tmp_path / exact_command.JSON
    for broken in ("", "[]", "{"):
        file.write_text(broken)
        assert entries.gaps("a") is None
    now = {"name": "a", "images": 1000, "gap": [0.97, 0.03]}
    before = {"name": "a", "images": 1000, "gap": [4.9, 0.4]}
    other = {"name": "b", "images": 20, "gap": [1.0, 0.5]}
    file.write_text(json.dumps({"checkpoints": [other, now], "before": [before]}))
    assert entries.gaps("a") == {"images": 1000, "gap": [0.97, 0.03], "before": [4.9, 0.4]}
    assert entries.gaps("b") == {"images": 20, "gap": [1.0, 0.5], "before": None}
    assert entries.gaps("c") is None
