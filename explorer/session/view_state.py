"""The one table of what a view is made of, in the session and in the URL.

`FIELDS` names every part of the view that a link carries. A value from a URL is a stranger's: it
is parsed here and, where it makes no sense, dropped with a sentence.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple
from urllib.parse import unquote

import streamlit as st

from explorer.entries import FURTHEST
from explorer.latent.projections import PROJECTIONS
from training.errors import UserError
from training.text import printable

MOST_NUMBERS = 256  # of a code in a link: an address of some kilobytes is refused on its way
DRAWN = "drawn"  # what a link says of an x that it does not hold
SECTIONS = 9  # of the walk through the theory


class LinkError(UserError):
    """A link says what a field cannot be; the message is a sentence for the visitor."""


class Field(NamedTuple):
    """A row of `FIELDS`: how a value is read from the URL (ValueError where it cannot be)."""

    parse: Callable[[str], Any]
    show: Callable[[Any], str]
    hint: str
    default: Any = None


def _one_of(options: tuple[str, ...]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in options:
            raise ValueError(text)
        return text

    return parse


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        value = int(text)
        if not low <= value <= high:
            raise ValueError(text)
        return value

    return parse


def _numbers(text: str) -> tuple[float, ...]:
    values = tuple(float(part) for part in text.split(","))
    if len(values) > MOST_NUMBERS or not all(abs(v) <= 1e6 for v in values):
        raise ValueError(text)
    return values


def _axes(text: str) -> tuple[int, int]:
    x, y = (_whole(1, 4096)(part) for part in text.split(","))
    if x == y:
        raise ValueError(text)
    return x, y


def _names(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(unquote(part) for part in text.split(",") if part))
    if not names:
        raise ValueError(text)
    return names


def _listed(names: Iterable[str]) -> str:
    """Names with commas between them; a comma within one is written as in an address."""
    return ",".join(name.replace("%", "%25").replace(",", "%2C") for name in names)


def _pair(text: str) -> tuple[float, ...]:
    values = _numbers(text)
    if not 1 <= len(values) <= 2 or not all(abs(v) <= FURTHEST for v in values):
        raise ValueError(text)
    return values


def _join(values: Iterable[float]) -> str:
    return ",".join(f"{v:.4g}" for v in values)


FIELDS: dict[str, Field] = {
    "checkpoint": Field(str, str, "the name of a checkpoint"),
    "data": Field(str, str, "the name of a data set"),
    "view": Field(_one_of(tuple(PROJECTIONS)), str, "one of " + ", ".join(PROJECTIONS), "plane"),
    "axes": Field(_axes, _join, "two different dimensions, as in 1,2"),
    "image": Field(_whole(0, 10**7), str, "the number of an image"),
    "x": Field(_one_of((DRAWN,)), str, f"{DRAWN}, where x is none of the images"),
    "x_beside": Field(_one_of((DRAWN,)), str, f"{DRAWN}, where x is none of the images"),
    "z": Field(_numbers, _join, "one number a latent dimension, as in 0.5,-1"),
    "perplexity": Field(_whole(2, 500), str, "a whole number from 2 to 500", 30),
    "seed": Field(_whole(0, 10**6), str, "a whole number from 0 to 1000000", 0),
    "run": Field(str, str, "the name of a training run"),
    "beside": Field(_names, _listed, "one to four names of checkpoints"),
    "place": Field(_pair, _join, f"two numbers from -{FURTHEST} to {FURTHEST}, as in 0.5,-1"),
    "colour": Field(str, str, "the name of a factor"),
    "row": Field(str, str, "the name of a checkpoint"),
    "section": Field(_whole(1, SECTIONS), str, f"a whole number from 1 to {SECTIONS}", 1),
    "over": Field(str, str, "the name of a training run"),
}
PREFIX = "view_state."
_FRESH = "fresh"


def get(name: str) -> Any:
    """A field of this session's view; before its first `put`, what the URL or the table says."""
    key = PREFIX + name
    if key not in st.session_state:
        value = FIELDS[name].default
        text = st.query_params.get(name)
        if text is not None:
            try:
                value = read(name, text)
            except LinkError as error:
                complain(str(error))
        st.session_state[key] = value
    return st.session_state[key]


def read(name: str, text: str) -> Any:
    """Value of a field as a link spells it.

    Raises:
        LinkError: a sentence, where the field has no such value.
    """
    field = FIELDS[name]
    try:
        return field.parse(text)
    except ValueError:
        raise LinkError(
            f"The link says {name}={quoted(text)}, which is not {field.hint}; "
            "the usual view is shown instead."
        ) from None


def fresh() -> bool:
    """Whether nobody has said yet what to show: neither a link at first, nor a hand since."""
    return bool(st.session_state.setdefault(_FRESH, not any(f in st.query_params for f in FIELDS)))


def touched() -> None:
    """A hand has said what to show."""
    st.session_state[_FRESH] = False


def first_time(component: str) -> bool:
    """Whether this session mounts a component for the first time. What the browser says of it then
    was said to another server, which has gone."""
    key = f"{PREFIX}mounted.{component}"
    first = key not in st.session_state
    st.session_state[key] = True
    return first


def image_among(n: int) -> int | None:
    """The view's image, of n that there are; None where nobody has said which, or none has that
    number, which is told."""
    image: int | None = get("image")
    if image is not None and image >= n:
        complain(f"There is no image {image} here; the images are numbered 0 to {n - 1}.")
        put(image=None)
        return None
    return image


def put(**values: Any) -> None:
    """Set fields of the view; `publish` brings them into the URL."""
    for name, value in values.items():
        assert name in FIELDS, name
        st.session_state[PREFIX + name] = value


def publish(*names: str) -> None:
    """Write the named fields into the URL, and take the others out of it."""
    link = {}
    for name in names:
        value = get(name)
        if value not in (None, (), FIELDS[name].default):
            link[name] = FIELDS[name].show(value)
    if dict(st.query_params) != link:
        st.query_params.from_dict(link)


def show_in(key: str, value: Any) -> None:
    """Make the widget `key` show `value`, before it is drawn.

    Only where it differs: Streamlit sends a value that was set here back to the browser, where it
    would overrule what the hand has done since.
    """
    if key not in st.session_state or st.session_state[key] != value:
        st.session_state[key] = value


def quoted(text: str) -> str:
    """A stranger's text in quotes, cut short, as code."""
    return f"`'{printable(text, 40).replace('`', ' ')}'`"


def complain(sentence: str) -> None:
    """Keep a sentence for the visitor; it is shown once, by `complaints`."""
    st.session_state.setdefault("complaints", []).append(sentence)


def complaints() -> list[str]:
    """The sentences kept since the last call."""
    found: list[str] = st.session_state.pop("complaints", [])
    return found
