"""Text of strangers on the page: the one way by which it gets there, and what it looks like."""

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer import messages, paths
from explorer.text import for_markdown, for_plotly, sentence_for_markdown
from tests.test_house import ROOT
from training.text import printable

SAYS = {
    *("warning", "info", "error", "success", "caption", "markdown", "write", "text", "exception"),
    *("subheader", "header", "title", "toast", "dialog", "metric", "popover", "expander", "button"),
    *("download_button", "link_button", "checkbox", "toggle", "html", "badge", "latex", "code"),
}
NASTY = (
    "![x](http://evil.example/a.png)",
    "[x](javascript:alert(1))",
    "http://evil.example www.evil.example a@evil.example",
    "<img src=x onerror=alert(1)> <b>bold</b>",
    "**bold** _slanted_ `code` ~~gone~~ $x^2$ :red[x] :material/home: :smile:",
    "# a heading",
    "1. a list",
    "- a list",
    "a | b",
    "line\nbreak\u2028and\x1b[31mmore\u202etfel",
    "\udcff\udcfe",
)


def _is_own(argument: ast.expr) -> bool:
    """Whether an argument is the app's own text: written out, numbers in it at most."""
    if isinstance(argument, ast.Constant):
        return True
    if isinstance(argument, ast.JoinedStr):
        values = [part for part in argument.values if isinstance(part, ast.FormattedValue)]
        return all(part.format_spec is not None for part in values)
    return ast.unparse(argument).startswith("messages.")


def test_no_other_way_leads_to_the_page():
    """All that Streamlit shows as Markdown is written out, or comes through `messages`."""
    found = []
    for path in sorted((ROOT / "explorer").rglob("*.py")):
        if path.name == "messages.py":
            continue
        for call in ast.walk(ast.parse(path.read_text())):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
                continue
            if call.func.attr not in SAYS or ast.unparse(call.func).startswith("messages."):
                continue
            said = [*call.args[:1], *(k.value for k in call.keywords if k.arg == "help")]
            if any(not _is_own(argument) for argument in said):
                found.append(f"{path.relative_to(ROOT)}:{call.lineno}: {ast.unparse(call)[:80]}")
    # The app's own style sheet, and a help text that is chosen from two of its own.
    allowed = ("explorer/app.py", "explorer/compare/table.py")
    assert [line for line in found if not line.startswith(allowed)] == []
    assert len(found) == 2


def rendered(markdown: str) -> str:
    """Text as a reader of Markdown sees it, by a strict reader of our own escapes."""
    out, letters = "", iter(markdown)
    for letter in letters:
        out += next(letters) if letter == "\\" else "" if letter == "\u2060" else letter
    return out


@given(st.text(max_size=200) | st.sampled_from(NASTY))
def test_every_letter_is_shown_and_none_means_anything(text):
    shown = printable(text)
    markdown = for_markdown(shown)
    assert rendered(markdown) == " ".join(shown.split()).replace("\u2060", "")
    bare = "".join(markdown.split("\\")[:1]) + "".join(
        part[1:] for part in markdown.split("\\")[1:]
    )
    assert not set("`*_[]()<>#|$~!&") & set(bare)
    for sign in ("://", "www.", ":material/", ":red["):
        assert sign not in markdown.lower()


@pytest.mark.parametrize("text", NASTY)
def test_a_sentence_keeps_its_code_and_nothing_else(text):
    shown = printable(text).replace("`", "'")
    markdown = sentence_for_markdown(f"There is no `{shown}` here, {shown}; run `a b`.")
    assert markdown.startswith(f"There is no `{shown}` here, ")
    assert markdown.endswith("; run `a b`.")
    assert rendered(markdown.split("here, ")[1].split("; run")[0]) == " ".join(shown.split())
    assert "`" not in sentence_for_markdown("an odd ` alone")


def test_plotly_shows_letters():
    assert for_plotly('<a href="x">&%{x}') == '&lt;a href="x"&gt;&amp;%\u2060{x}'


def test_folders_of_this_machine_are_for_its_own_visitors(monkeypatch, tmp_path):
    monkeypatch.setenv("VAE_CHECKPOINT_DIR", str(tmp_path / "models"))
    paths._folders.cache_clear()
    sentence = f"{tmp_path}/models/a.safetensors is damaged; {Path.home()}/x and {ROOT}/docs too."
    try:
        monkeypatch.setattr(messages.access, "from_here", lambda: True)
        assert str(tmp_path) in messages.shown(sentence).replace("\\", "")
        monkeypatch.setattr(messages.access, "from_here", lambda: False)
        assert messages.shown(sentence) == "a.safetensors is damaged; x and docs too."
    finally:
        paths._folders.cache_clear()
