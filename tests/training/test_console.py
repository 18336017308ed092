"""A terminal that cannot be written to, and the work that goes on without it."""

import subprocess
import sys
from pathlib import Path

import pytest

from training.console import progress_bar, say

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import sys
from training.console import complain, flush, open_standard_streams, progress_bar, say
open_standard_streams()
for n in range(2000):
    say(f"line {n} " + 40 * "x")
    complain(f"error {n}")
with progress_bar(total=3, disable=False, mininterval=0) as bar:
    for _ in range(3):
        bar.update()
open(sys.argv[1], "w").write("worked")
flush()
"""
CLOSED = {"out": ">&-", "err": "2>&-", "both": ">&- 2>&-", "all": "<&- >&- 2>&-"}
GONE = {"pipe": "| head -1 >/dev/null", "both pipes": "2>&1 | head -1 >/dev/null"}
FULL = {"full": ">/dev/full", "both full": ">/dev/full 2>&1", "err full": "2>/dev/full"}


@pytest.mark.parametrize("where", [*CLOSED, *GONE, *FULL])
def test_work_goes_on_where_output_is_closed_gone_or_full(tmp_path, where):
    redirect = {**CLOSED, **GONE, **FULL}[where]
    line = f'set -o pipefail; "$0" -c "$1" "$2" {redirect}'
    done = subprocess.run(
        ["bash", "-c", line, sys.executable, PROGRAM, str(tmp_path / "done")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (tmp_path / "done").read_text() == "worked"
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr + done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("redirect", [">/dev/full 2>&1", ">&- 2>&-", "2>&1 | head -1"])
def test_a_training_ends_well_whatever_its_output_leads_to(tmp_path, redirect):
    out = tmp_path / "made.safetensors"
    line = (
        f'set -o pipefail; "$0" -m training fit mnist-5k-2d --epochs 2 --run-dir "$1" --out "$2" '
        f"{redirect}"
    )
    done = subprocess.run(
        ["bash", "-c", line, sys.executable, str(tmp_path / "run"), str(out)],
        cwd=ROOT,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0
    assert out.exists()
    assert '"state":"done"' in (tmp_path / "run" / "status.json").read_text()


class _Broken:
    """A stream of which every use fails."""

    encoding = "utf-8"

    def __init__(self, error: Exception) -> None:
        self.error = error

    def write(self, text):
        raise self.error

    def flush(self):
        raise self.error

    def isatty(self):
        return True

    def fileno(self):
        raise OSError("no descriptor")


@pytest.mark.parametrize(
    "error",
    [OSError(28, "No space left"), OSError(5, "I/O error"), OSError(9, "bad"), BrokenPipeError()],
    ids=["full", "hung-up", "closed", "gone"],
)
def test_every_fault_of_a_stream_is_forgiven_by_lines_and_bars(monkeypatch, error):
    monkeypatch.setattr(sys, "stdout", _Broken(error))
    monkeypatch.setattr(sys, "stderr", _Broken(error))
    say("a line")
    with progress_bar(total=2, mininterval=0) as bar:
        bar.update(1)
        bar.clear()


def test_nothing_that_is_said_steers_the_terminal(capsys):
    say("a\x1b[2Jb\u202ec" + 200 * "d")
    assert capsys.readouterr().out == "a\\x1b[2Jb\\u202ec" + 200 * "d" + "\n"
