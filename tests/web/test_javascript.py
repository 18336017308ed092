"""The browser's modules: their unit tests, types, lint and form, by Node's own tools."""

import json
import os
import subprocess

import pytest

from explorer.server import assets
from tests.web import node


def _missing(reason: str) -> None:
    """Skip; but where everything must hold, a check that cannot run has failed."""
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def _run(program: str, *arguments: str) -> None:
    start = node.command(program)
    if start is None:
        _missing(f"no {program} here: pip install -r requirements-dev.txt")
    done = subprocess.run(
        [*start, *arguments],
        cwd=node.ROOT,
        env=node.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        pytest.fail(done.stdout, pytrace=False)


def test_units():
    files = sorted(node.ROOT.glob("tests/web/*.test.js"))
    assert files
    _run("node", "--test", *map(str, files))


@pytest.mark.parametrize("script", ["types", "lint", "format:check"])
def test_npm_run(script):
    if not node.TOOLS.is_dir():
        _missing("no node_modules here: python -m tests.web.node npm ci")
    _run("npm", "run", "--silent", script)


TOKENS = """
import { tokenize } from "espree";
import { readFileSync } from "node:fs";
const options = { ecmaVersion: "latest", sourceType: "module", loc: true };
const tokens = script => tokenize(script, options).map(
  ({ type, value, loc }) => `${loc.start.line} ${type} ${value}`);
const pairs = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(Object.keys(pairs).filter(
  name => tokens(pairs[name][0]).join() !== tokens(pairs[name][1]).join())));
"""


def test_what_is_served_are_the_modules_token_by_token_and_line_by_line():
    start = node.command("node")
    if start is None or not (node.TOOLS / "espree").is_dir():
        _missing("no node or no node_modules here: python -m tests.web.node npm ci")
    made = {
        "strings": 'const a = "// no " + `/* ${"no"} */`; // yes\nf(a, /* yes */ b - -c);\n',
        "signs": "x = a++ + +b;\nif (x ? y : z) q = [ 1, ...q ];\n",
    }
    files = {path.name: path.read_text("utf-8") for path in assets.MODULES.rglob("*.js")} | made
    assert assets.code_alone(made["strings"]).count("yes") == 0
    pairs = {name: (text, assets.code_alone(text)) for name, text in files.items()}
    assert sum(text != served for text, served in pairs.values()) > 50
    done = subprocess.run(
        [*start, "--input-type=module", "-e", TOKENS],
        input=json.dumps(pairs),
        cwd=node.ROOT,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []
