"""Lessons as files: what is wrong is a sentence, what ships is right."""

import json
import re
from typing import get_args

import pytest

from explorer.__main__ import main
from explorer.lessons import check, lesson
from tests.web.test_contracts import WEB

GOOD = {
    "title": "T", "page": "explore", "checkpoint": "mnist-2d",
    "steps": [{"text": "One."}, {"text": "Two."}],
}  # fmt: skip


def changed(**step):
    return {**GOOD, "steps": [GOOD["steps"][0], {"text": "Two.", **step}]}


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("a: [", "is no YAML: look at line 1"),
        ("a: &x [1]\nb: *x", "is no YAML: look at line 1"),
        ("a: !!python/object:os.system x", "is no YAML"),
        (json.dumps([1]), "Expected `object`, got `array`"),
        (json.dumps({**GOOD, "pages": 1}), "unknown field `pages`"),
        (json.dumps({**GOOD, "page": "train"}), "Invalid enum value 'train'"),
        (json.dumps(changed(highlight=["nose"])), "'nose'; docs/LESSONS.md has those"),
        (json.dumps(changed(view={"z": ["a"]})), "(at step 2, view.z[0])"),
        (json.dumps(changed(view={"image": -1})), "step 2"),
        (json.dumps(changed(view={"section": 3})), "step 2 sets section, which page explore"),
        (json.dumps(changed(until="answer")), "step 2 waits for an answer, and asks no question"),
        (json.dumps(changed(view={"zoom": [1, 0, 0, 1]})), "write x from, to, y from, to"),
        (json.dumps(changed(text="a ** b")), "step 2 has a ` or a ** that is not closed"),
        (
            json.dumps(
                changed(question={"ask": "?", "options": ["a", "b"], "right": 3, "answer": "c"})
            ),
            "option 3 is right, and has 2",
        ),
        ("[" * 5000, "is"),
        ("x" * (lesson.MOST_BYTES + 1), "a lesson has at most"),
    ],
)
def test_a_wrong_lesson_is_a_sentence(tmp_path, document, words):
    path = tmp_path / "mine.yaml"
    path.write_text(document)
    with pytest.raises(lesson.LessonError) as error:
        lesson.read(path)
    assert words in str(error.value)
    assert "mine.yaml" in str(error.value)
    assert len(str(error.value)) < 500


def test_the_command_checks_a_lesson_against_its_checkpoint(tmp_path, capsys, monkeypatch):
    path = tmp_path / "mine.yaml"
    path.write_text(json.dumps(changed(view={"z": [1, 2, 3]})))
    assert main(["lesson", str(path)]) == 2
    assert "z at 3 numbers, and mnist-2d has 2 dimensions" in capsys.readouterr().err
    path.write_text(json.dumps({**GOOD, "checkpoint": "nobody"}))
    assert main(["lesson", str(path)]) == 2
    assert "'nobody', which is not here; there are" in capsys.readouterr().err
    path.write_text(json.dumps(GOOD))
    assert main(["lesson", str(path)]) == 0
    assert "it opens at ?lesson=mine" in capsys.readouterr().out
    assert main(["lesson", str(tmp_path / "none.yaml")]) == 2


def test_lessons_that_ship_are_right_and_short_enough_for_a_projector():
    files = sorted(lesson.FOLDER.glob("*.yaml"))
    assert [len(lesson.read(path).steps) for path in files] == [8, 12, 10]
    for path in files:
        assert not [line for line in check.report(path) if line.startswith("Step")]
    assert lesson.find("../lesson") is None
    assert [name for name, _ in lesson.listed()] == [path.stem for path in files]


def test_a_lecturers_folder_comes_first_and_a_wrong_file_takes_nothing_down(tmp_path, monkeypatch):
    monkeypatch.setenv("VAE_LESSON_DIR", str(tmp_path))
    (tmp_path / "mine.yaml").write_text(json.dumps(GOOD))
    (tmp_path / "wrong.yaml").write_text("a: [")
    names = [name for name, _ in lesson.listed()]
    assert names[0] == "mine"
    assert "wrong" not in names
    assert len(names) == 4


def names_in(file: str, table: str) -> set[str]:
    text = (WEB / file).read_text()
    body = text[text.index(f"{table} = {{") :].partition("\n};")[0]
    return set(re.findall(r'^  "?([\w-]+)"?: ', body, re.MULTILINE))


def test_the_browser_knows_the_same_parts_deeds_and_fields():
    assert names_in("session/parts.js", "PARTS") == set(get_args(lesson.Part))
    assert names_in("session/lesson_view.js", "DEEDS") == set(get_args(lesson.Until))
    assert names_in("session/lesson_view.js", "MARKS") == set(get_args(lesson.Until)) - {"answer"}
    fields = set(
        re.findall(r"@property \{.*?\} \[(\w+)\]", (WEB / "session/lesson_view.js").read_text())
    )
    assert fields == set(lesson.View.__struct_fields__)
