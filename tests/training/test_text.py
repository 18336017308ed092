"""Text of strangers in sentences and on terminals."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from training.text import LIMIT, PATH_LIMIT, printable, printable_path

UNSAFE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
ANY_TEXT = st.text(st.characters())  # surrogates too


def is_safe(text: str) -> bool:
    return not any(unicodedata.category(c) in UNSAFE for c in text)


@given(ANY_TEXT | st.binary())
@example("\x1b[2J" * 40)
@example("\u202e" + 79 * "a")
@example("\U0001f600".encode() * 90)
@example(b"\xff" * 30)
def test_whatever_the_text_it_is_short_and_holds_nothing_that_steers(text):
    shown = printable(text)
    assert len(shown) <= LIMIT
    assert is_safe(shown)
    assert printable(shown) == shown


@given(ANY_TEXT, st.integers(1, 300))
def test_the_limit_holds_whatever_it_is_and_nothing_is_cut_within_it(text, limit):
    shown = printable(text, limit)
    assert len(shown) <= limit
    whole = printable(text, 12 * len(text) + 1)
    assert shown == whole or (shown.endswith("…") and whole.startswith(shown[:-1]))
    assert (shown == whole) == (len(whole) <= limit)


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=LIMIT))
def test_safe_text_stays_as_it_is(text):
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("größe 数 β", "größe 数 β"),
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("a\u202eb", "a\\u202eb"),
        ("a\u2028b\nc", "a\\u2028b\\nc"),
        (b"caf\xe9", "caf\\xe9"),
        (Path("caf\udce9"), "caf\\xe9"),
        ("x" * 81, "x" * 79 + "…"),
        ("x" * 80, "x" * 80),
        ("x" * 78 + "\x1b" + "y", "x" * 78 + "…"),  # no half of an escape
    ],
)
def test_what_does_not_show_stands_as_its_escape(text, shown):
    assert printable(text) == shown


def test_a_path_is_cut_later():
    assert printable_path("/" + "d" * 150) == "/" + "d" * 150
    assert len(printable_path("/" + "d" * 4000)) == PATH_LIMIT
