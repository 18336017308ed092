"""Blobs in parts: made when they are asked for, once, and no other."""

import gzip

import pytest

from explorer.server.assets import Store


@pytest.fixture
def made() -> list[int]:
    return []


def parts(store: Store, made: list[int], key: object = "pictures", kind: str = "pieces") -> str:
    def build(number: int) -> bytes:
        if number > 2:
            raise IndexError(number)
        made.append(number)
        return b"part %d" % number

    return store.offer_parts(kind, key, build).rpartition("/")[2]


def test_a_part_is_made_once_when_it_is_asked_for(made):
    store = Store()
    name = parts(store, made)
    assert name == parts(Store(), []), "another process has the same name for the same content"
    assert name != parts(Store(), [], "others")
    assert not made
    for number in (1, 0, 1):
        assert gzip.decompress(store.find(f"{name}{number}")) == b"part %d" % number
    assert made == [1, 0]


@pytest.mark.parametrize("number", ["3", "-1", "01", "1.5", "9" * 5000, "x", "", "²"])
def test_there_is_no_other_part(made, number):
    store = Store()
    assert store.find(parts(store, made) + number) is None
    assert store.find(f"{'0' * 32}.1") is None


def test_what_was_let_go_is_made_again(made):
    store = Store(max_bytes=40)
    name = parts(store, made)
    for number in (0, 1, 2, 0):
        assert store.find(f"{name}{number}")
    assert made == [0, 1, 2, 0]
    for n in range(20):
        parts(store, made, n, "first")
    assert store.find(f"{name}1"), "sets of another kind take nothing away"
    for n in range(20):
        parts(store, made, n)
    assert store.find(f"{name}1") is None, "sets that nobody has asked for lately are forgotten"
