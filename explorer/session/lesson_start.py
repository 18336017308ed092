"""A link to a lesson that does not say what the lesson is about: the session begins with that."""

import streamlit as st

from explorer.lessons import lesson
from explorer.lessons.lesson import LessonError
from explorer.session import view_state

_KEY = "lesson_start"


def begin() -> str | None:
    """Have a session that begins with such a link show the lesson's checkpoint and images; the
    lesson's page, "" the first. None where there is no such link, or the browser will say what is
    wrong with it."""
    if _KEY in st.session_state:
        return None
    name = st.query_params.get("lesson")
    st.session_state[_KEY] = name
    if name is None or any(field in st.query_params for field in view_state.FIELDS):
        return None
    try:
        found = lesson.find(name)
    except LessonError:
        return None
    if found is None:
        return None
    view_state.put(checkpoint=found.checkpoint, data=found.data)
    view_state.touched()
    return "" if found.page == "explore" else found.page
