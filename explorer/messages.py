"""Sentences on the page: the one way by which text that is not the app's own gets there.

They are shown letter by letter, but for `code`; Markdown of a stranger's does nothing. For visitors
from elsewhere the folders of this machine are left out of them.
"""

from collections.abc import Iterable
from typing import Any

import streamlit as st

from explorer import paths
from explorer.server import access
from explorer.text import for_markdown, sentence_for_markdown
from training.text import printable

_ICON = ":material/error:"


def shown(sentence: str) -> str:
    """Markdown that shows a sentence as it is to the visitor of this page run."""
    return sentence_for_markdown(for_visitor(sentence))


def for_visitor(sentence: str) -> str:
    """The sentence for the visitor of this page run: where things lie is for local ones."""
    return sentence if access.from_here() else paths.without_folders(sentence)


def warn(sentences: str | Iterable[str]) -> None:
    """Show what is wrong, a sentence each."""
    for sentence in [sentences] if isinstance(sentences, str) else sentences:
        st.warning(shown(sentence), icon=_ICON)


def fail(sentence: str) -> None:
    """Show why there is nothing to show."""
    st.error(shown(sentence), icon=_ICON)


def info(sentence: str) -> None:
    """Show what to do next."""
    st.info(shown(sentence))


def toast(sentence: str) -> None:
    """Show what is wrong where nothing may move."""
    st.toast(shown(sentence), icon=_ICON, duration="long")


def caption(sentence: str, place: Any = st, name: str = "", **more: Any) -> None:
    """Show small text in a place; `name` stands before it in bold."""
    strong = f"**{title(name)}**" if name else ""
    place.caption(strong + shown(sentence), **more)


def paragraph(sentences: Iterable[str], place: Any = st) -> None:
    """Show sentences in a place, each on a line of its own."""
    place.markdown("  \n".join(map(shown, sentences)))


def facts(pairs: Iterable[tuple[str, str]], place: Any = st) -> None:
    """Show what is known, each name with its value on a line of its own."""
    place.markdown("  \n".join(f"**{title(name)}** {shown(said)}" for name, said in pairs))


def title(text: str) -> str:
    """Markdown of a heading or a label that is not the app's own."""
    return for_markdown(printable(text))
