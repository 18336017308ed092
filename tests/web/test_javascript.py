"""The browser's modules: their unit tests, types, lint and form, by Node's own tools."""

import os
import subprocess

import pytest

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
