"""Definitions that Python and the browser both have agree: a log's records, actions, colours."""

import ast
import inspect
import json
import os
import random
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import msgspec
import pytest

from explorer.figures.theme import FONT, THEMES
from explorer.runs import watch
from explorer.train import component
from training.runs import log
from training.runs.log import EpochLine, RewindLine, StepLine

ROOT = Path(__file__).resolve().parents[2]
WEB = ROOT / "explorer" / "web"
CSS_NAMES = {"x_hat": "x-hat", "grid": "line"}


def in_node(program: str, value: object) -> object:
    """The value that a program gives to `answer`. It finds `value` as `input`, and may `await
    load(path)` modules of the web folder."""
    node = shutil.which("node")
    if node is None:
        if os.environ.get("CI"):
            pytest.fail("node is not on the PATH")
        pytest.skip("node is not on the PATH")
    body = f"""
        import {{ readFileSync }} from "node:fs";
        const input = JSON.parse(readFileSync(0, "utf8"));
        const load = path => import({json.dumps(WEB.as_uri())} + "/" + path);
        const answer = value => process.stdout.write(JSON.stringify(value));
        {program}
    """
    done = subprocess.run(
        [node, "--input-type=module", "-e", body],
        input=json.dumps(value),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def written_log(seed: int) -> list[log.Line]:
    """The lines of a run that was killed and went on a few times: steps at uneven distances."""
    chance = random.Random(seed)
    lines: list[log.Line] = []
    step = 0
    for _ in range(1200):
        before, step = step, step + chance.randint(1, 9)
        lines.append(StepLine(step, step / 50, 1.0, 1e-3, 200.0, (1.0, 2.0), 1e4, float(step)))
        if step // 50 > before // 50:
            lines.append(
                EpochLine(step, step // 50, 1.0, 1e-3, 9.0, 3.0, 9.0, 3.0, 1e4, (1.0, 2.0))
            )
        if chance.random() < 0.01:
            step = max(0, step - chance.randint(0, 400))
            lines.append(RewindLine(step))
    return lines


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_browser_keeps_the_records_that_python_keeps(seed):
    lines = written_log(seed)
    counted = log.counted(lines)
    assert 0 < len(counted) < len(lines)
    mosts = [10, 200, 400, 5000]
    found = in_node(
        """
        const { counted, thinned } = await load("train/records.js");
        const records = counted(input.lines);
        answer([records, ...input.mosts.map(most => thinned(records, most))]);
        """,
        {"lines": msgspec.to_builtins(lines), "mosts": mosts},
    )
    expected = [counted, *(log.thinned(counted, most) for most in mosts)]
    assert found == json.loads(msgspec.json.encode(expected))
    assert len(expected[-2]) < len(counted) == len(expected[-1])


def fields_of(script: str, name: str) -> set[str]:
    """The fields of a typedef `{{…}} name` in a module of the browser's."""
    text = re.sub(r"\n \*\s*", " ", (WEB / script).read_text())
    body = re.search(r"@typedef \{\{((?:(?!@typedef).)*)\}\}\s+" + name + r"\b", text)
    assert body, name
    return set(re.findall(r"(?:^|,)\s*(\w+)\??:", re.sub(r"\[.*?\]", "", body[1])))


@pytest.mark.parametrize(
    ("name", "line"), [("StepRecord", StepLine), ("EpochRecord", EpochLine), ("Rewind", RewindLine)]
)
def test_the_records_fields_that_the_browser_reads_are_written(name, line):
    fields = fields_of("train/records.js", name)
    assert {"kind", "step"} <= fields
    assert fields <= {"kind", *line.__struct_fields__}


def test_the_news_fields_that_the_browser_reads_are_sent():
    (made,) = (
        node.value
        for node in ast.walk(ast.parse(inspect.getsource(watch.news)))
        if isinstance(node, ast.Return)
    )
    assert isinstance(made, ast.Dict)
    sent = {key.value for key in made.keys if isinstance(key, ast.Constant)}
    fields = fields_of("train/follower.js", "Run")
    assert {"id", "state", "snapshots"} <= fields
    assert fields <= sent


def test_every_action_of_the_browser_is_one_that_the_server_takes():
    found = in_node("answer(Object.keys((await load('train/words.js')).ACTIONS));", None)
    assert {*found, "beta"} == set(component.ACTIONS)


def css_colours() -> dict[str, dict[str, str]]:
    """The custom properties of the style sheet, a dictionary for each theme."""
    text = (WEB / "base.css").read_text()
    rows = re.findall(r"--([\w-]+):\s*light-dark\((#\w{6}), (#\w{6})\)", text)
    return {
        "light": {name: light for name, light, _ in rows},
        "dark": {name: dark for name, _, dark in rows},
    }


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_quantity_has_one_colour_in_style_sheet_figures_and_streamlit(theme):
    css = css_colours()[theme]
    figures = {CSS_NAMES.get(name, name): colour for name, colour in vars(THEMES[theme]).items()}
    assert figures == {name: css[name] for name in figures}
    with (ROOT / ".streamlit" / "config.toml").open("rb") as file:
        streamlit = tomllib.load(file)["theme"][theme]
    assert streamlit == {
        "primaryColor": css["z"],
        "backgroundColor": css["paper"],
        "secondaryBackgroundColor": css["raised"],
        "textColor": css["ink"],
    }


def test_canvases_maps_and_figures_have_one_family_of_letters():
    assert f"FAMILY = '{FONT}'" in (WEB / "widgets" / "type.js").read_text()
    for path in WEB.rglob("*.js"):
        assert path.name == "svg_context.js" or "px sans-serif" not in path.read_text(), path
