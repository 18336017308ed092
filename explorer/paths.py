"""Where things live on this machine; environment variables move them."""

import os
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def folder(variable: str, default: str) -> Path:
    """A folder that an environment variable may move; relative ones start at the project."""
    return ROOT / Path(os.environ.get(variable, default)).expanduser()


def data_dir() -> Path:
    """Where downloaded data sets live."""
    return folder("VAE_DATA_DIR", "data")


def checkpoint_dir() -> Path:
    """Where the checkpoints on offer live."""
    return folder("VAE_CHECKPOINT_DIR", "checkpoints")


def run_dir() -> Path:
    """Where training runs live."""
    return folder("VAE_RUN_DIR", "runs")


def cache_dir() -> Path:
    """Where results that took long are kept."""
    return folder("VAE_CACHE_DIR", ".cache")


@cache
def _folders() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Folders of this machine that sentences may name, the longest first: the explorer's own, in
    which a place says what something is, and those around them."""
    own, around = set(), {ROOT, Path.home(), Path.cwd()}
    for place in (data_dir, checkpoint_dir, run_dir, cache_dir):
        own |= {place(), place().resolve()}
        around |= {place().resolve().parent}
    return _texts(own), _texts(around)


def _texts(folders: set[Path]) -> tuple[str, ...]:
    longest = sorted({os.fspath(path) for path in folders}, key=len, reverse=True)
    return tuple(path for path in longest if len(path) > 1)


_SEGMENT = r"[^\\/\s'\"`]+(?:(?<![,;:.]) [^\\/\s'\"`]+)*"  # of a path: words, one space apart
_WHERE = re.compile(
    rf"(?<![\w./~+<-])(?:~[\w.-]*)?/(?:{_SEGMENT}/)*(?=[^\s/])"  # from the root, or from a home
    rf"|(?<![\w/])[A-Za-z]:[\\/](?:{_SEGMENT}[\\/])*"  # as Windows has it
    rf"|(?<!\\)\\\\(?:{_SEGMENT}\\)+"
)


def without_folders(sentence: str) -> str:
    """The sentence without the folders of this machine or another; a file's own name stays."""
    own, around = _folders()
    for folder in own:
        sentence = sentence.replace(folder + os.sep, "").replace(folder, "its folder")
    for folder in around:  # what lies in them is cut with the others
        sentence = sentence.replace(folder + os.sep, "/").replace(folder, "its folder")
    return _WHERE.sub("", sentence)
