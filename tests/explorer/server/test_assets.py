"""Blobs in parts: made when they are asked for, once, and no other. The page's head."""

import base64
import gzip
import hashlib
import re

import pytest
from starlette.responses import Response
from starlette.testclient import TestClient

from explorer.server import assets, doors
from explorer.server.assets import Store


@pytest.fixture
def made() -> list[int]:
    return []


def parts(store: Store, made: list[int], key: object = "pictures") -> str:
    def build(number: int) -> bytes:
        if number > 2:
            raise IndexError(number)
        made.append(number)
        return b"part %d" % number

    return store.offer_parts(key, build).rpartition("/")[2]


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
        parts(store, made, n)
    assert store.find(f"{name}1") is None, "sets that nobody has asked for lately are forgotten"


@pytest.mark.parametrize("packing", ["gzip", "identity"])
def test_a_page_has_the_first_script_in_its_head_and_the_policy_lets_it_run(packing):
    html = b"<!DOCTYPE html><html><head><title>x</title></head></html>"

    async def app(scope, receive, send):
        assert not {b"if-none-match", b"accept-encoding"} & {k for k, _ in scope["headers"]}
        kind = "text/html" if scope["path"] == "/train" else "text/plain"
        await Response(html, media_type=kind, headers={"etag": '"1"'})(scope, receive, send)

    client = TestClient(assets.Preload(app))
    asked = {"Accept-Encoding": packing, "If-None-Match": '"1"'}
    page = client.get("/train", headers=asked)
    (script,) = re.findall(rb"<head><script>(.*?)</script><title>", page.content, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script).digest()).decode()
    assert f"'sha256-{digest}'" in doors.POLICY
    assert b"pushState" in script
    assert "modulepreload" in page.headers["link"]
    assert "etag" not in page.headers
    assert page.headers.get("content-encoding", "identity") == packing
    other = client.get("/other", headers=asked)
    assert (other.content, "link" in other.headers) == (html, False)
