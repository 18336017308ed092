"""Text of strangers, made safe for where it goes: names of files, tensors and classes, logs, links.

`training.text.printable` has cut it and shown what cannot be seen; what is left here is that no
letter of it means anything to Markdown or to plotly.
"""

import html
import re

_MARKUP = re.compile(r"([\\`*_\[\](){}<>#+!|$~&^=-])")
_LINE_START = re.compile(r"^(\s*)(\d+)([.)])", re.MULTILINE)
# Streamlit makes links, icons and colours of what stands in the text after Markdown is read, so
# that no backslash helps: a character that has no width comes between.
_JOINER = "\u2060"
_NAMES = re.compile(r"(?<=:)(?=[\w/+-])|(?<=@)(?=\w)|(?<=www)(?=\.)", re.IGNORECASE)


def for_markdown(text: str) -> str:
    """The text as Streamlit shows it letter by letter where it takes Markdown."""
    apart = _NAMES.sub(_JOINER, " ".join(text.split()))
    return _LINE_START.sub(r"\1\2\\\3", _MARKUP.sub(r"\\\1", apart))


def sentence_for_markdown(sentence: str) -> str:
    """A sentence letter by letter, but for `code` between backticks, which stays code."""
    parts = sentence.split("`")
    if len(parts) % 2 == 0:  # a backtick of a stranger's
        parts = ["ˋ".join(parts)]
    return "".join(
        f"`{part}`" if n % 2 and part.strip() else for_markdown_within(part)
        for n, part in enumerate(parts)
    )


def for_markdown_within(text: str) -> str:
    """As `for_markdown`, with the spaces at both ends, which part words of a sentence."""
    if not text.strip():
        return text
    before = " " if text[0].isspace() else ""
    after = " " if text[-1].isspace() else ""
    return f"{before}{for_markdown(text)}{after}"


def for_plotly(text: str) -> str:
    """The text as plotly shows it letter by letter: without its tags, and without templates."""
    return html.escape(text, quote=False).replace("%{", "%\u2060{")
