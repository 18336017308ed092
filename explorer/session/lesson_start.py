"""A link to a lesson that does not say what the lesson is about: the session begins with that."""

import streamlit as st

from explorer.lessons import lesson
from explorer.lessons.lesson import LessonError
from explorer.session import view_state

_KEY = "lesson_start"


def begin(page: str) -> None:
    """Have a session that begins with such a link show the lesson's checkpoint and images, where
    the lesson is on this `page`, "" the first. To another page, or what is wrong with the link, it
    is the browser that leads."""
    if _KEY in st.session_state:
        return
    name = st.query_params.get("lesson")
    st.session_state[_KEY] = name
    if name is None or any(field in st.query_params for field in view_state.FIELDS):
        return
    try:
        found = lesson.find(name)
    except LessonError:
        return
    if found is not None and found.page == (page or "explore"):
        view_state.put(checkpoint=found.checkpoint, data=found.data)
        view_state.touched()
