"""The box that renames, duplicates and deletes what has a name: a run, or a checkpoint."""

from collections.abc import Callable
from typing import NamedTuple

import streamlit as st

from explorer import messages
from explorer.session import view_state
from training.errors import UserError

_DELETED = "asked_to_delete"


class Deeds(NamedTuple):
    """What can be done with a name. The first two take another one and give the one that it
    became; each raises UserError where it cannot be done."""

    rename: Callable[[str], str]
    duplicate: Callable[[str], str]
    delete: Callable[[], None]


def draw(what: str, name: str, deeds: Deeds, lost: str, kept: str = "") -> str | None:
    """Draw the box for the `what` of a name. What is shown from now on: another name, or an empty
    one where it was deleted; None where nothing was done.

    `lost` says what is gone with it, and `kept`, where it is not empty, why it can neither be
    deleted nor renamed.
    """
    asked = (what, name)
    wish = st.text_input(
        f"Name of this {what}", name, max_chars=100, key=f"name_of_{what}_{name}"
    ).strip()
    fault = st.container()
    with st.container(horizontal=True, gap="small", key=f"deeds_{what}"):
        rename = st.button("Rename", key=f"rename_{what}", disabled=bool(kept))
        duplicate = st.button("Duplicate", key=f"duplicate_{what}")
        if st.button("Delete …", key=f"delete_{what}", disabled=bool(kept)):
            st.session_state[_DELETED] = asked
    if kept:
        messages.caption(kept)
    delete = False
    if st.session_state.get(_DELETED) == asked:
        messages.warn(f"{name} is deleted for good: {lost}.")
        with st.container(horizontal=True, gap="small"):
            delete = st.button("Delete for good", type="primary", key=f"gone_{what}")
            if st.button("Keep it", key=f"keep_{what}"):
                del st.session_state[_DELETED]
                st.rerun(scope="fragment" if what == "run" else "app")
    try:
        if rename and wish == name:
            raise UserError(f"It is called {name} already; type another name above.")
        if rename:
            return deeds.rename(wish)
        if duplicate:
            return deeds.duplicate(wish)
        if delete:
            st.session_state.pop(_DELETED, None)
            deeds.delete()
            return ""
    except UserError as error:
        with fault:
            messages.warn(str(error))
    return None


def renamed_beside(name: str, new: str) -> None:
    """Let the models that stand beside each other follow a checkpoint's new name; with an empty one
    it is left out."""
    beside = view_state.get("beside")
    if beside and name in beside:
        names = (new if other == name else other for other in beside)
        view_state.put(beside=tuple(dict.fromkeys(filter(None, names))) or None)
