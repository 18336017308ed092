"""Boxes that open somebody's own pictures: a path on this machine, or a file that is dropped."""

import hashlib
import os
import re
import shutil
from pathlib import Path

import streamlit as st

from explorer import messages
from explorer.paths import cache_dir
from explorer.server import access
from explorer.session import image_sets, view_state
from training.data import names
from training.data.datasets import DataError
from training.files import replace_file

_SEEN = "own_file"  # the file that was opened last
_MOST_KEPT = 8  # archives that were dropped
_NO_NAME = re.compile(r"[^\w .()+-]+")


def draw() -> None:
    """Draw the boxes, for visitors of this machine; what they open is shown at once."""
    if not access.may_control():
        return
    path = st.text_input(
        "Open pictures of your own",
        key="own_path",
        placeholder="a folder, .zip or .npz on this machine",
        help="A folder of pictures, or of a folder a class. To train on it: "
        "`python -m training fit folder-64 --data folder:PATH`, or New run on the Train page.",
    )
    if path and st.session_state.get("own_path_opened") != path:
        st.session_state["own_path_opened"] = path
        _open(_named(path.strip()))
    file = st.file_uploader("Or drop an archive of them", type=["zip", "npz"], key="own_archive")
    if file is not None and st.session_state.get(_SEEN) != file.file_id:
        st.session_state[_SEEN] = file.file_id
        _open(f"{_kind(file.name)}:{_keep(file.name, file.getvalue())}")


def _kind(name: str) -> str:
    end = name.rpartition(".")[2].lower()
    return end if end in names.KINDS else "folder"


def _named(path: str) -> str:
    """The name of the data set at a path, which may be one already."""
    if path.partition(":")[0] in names.KINDS:
        return path
    return f"{_kind(path)}:{path}"


def _keep(name: str, content: bytes) -> Path:
    """The place in the cache of a file that was dropped; the same content has the same."""
    folder = cache_dir() / "dropped" / hashlib.blake2b(content, digest_size=8).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    stem, end = _NO_NAME.sub("_", name.rpartition(".")[0])[:60].strip(" .") or "file", _kind(name)
    path = folder / f"{stem}.{end}"
    if not path.exists():
        replace_file(path, lambda file: file.writelines([content]), sync=False)
    kept = sorted(folder.parent.iterdir(), key=os.path.getmtime, reverse=True)
    for old in kept[_MOST_KEPT:]:
        shutil.rmtree(old, ignore_errors=True)
    return path.resolve()


def _open(name: str) -> None:
    try:
        with st.spinner("Reading the pictures …"):
            public = image_sets.open_own(name)
    except DataError as error:
        messages.warn(error.reason)
        return
    view_state.put(data=public, image=None, z=None)
    st.rerun()
