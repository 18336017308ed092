"""What a browser gets first: the page, dressed, and Streamlit's own files, compressed."""

import base64
import gzip
import hashlib
import re

import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from explorer.server import assets, compression, doors, opening

PAGE = (compression.PAGES / "index.html").read_text()


def packs(request):
    return "gzip" in request.headers.get("accept-encoding", "")


@pytest.fixture(scope="module")
def client():
    def page(request):
        if "text/html" in request.headers["accept"]:
            assert not {"if-none-match", "accept-encoding"} & set(request.headers)
        kept = {"etag": '"1"', "last-modified": "Mon, 01 Jan 2024 00:00:00 GMT"}
        return HTMLResponse(PAGE, headers=kept)

    def script(request):
        return PlainTextResponse("as it is", media_type="text/javascript")

    app = Starlette(
        routes=[
            Route("/", page),
            Route("/train", page),
            Route("/data", lambda request: JSONResponse({"packs": packs(request)})),
            Route("/html", lambda request: HTMLResponse("<p>another</p>")),
            Route("/none", lambda request: Response(status_code=304)),
            Route("/base/static/js/{name:path}", script),
            Route("/static/js/{name:path}", script),
        ]
    )
    dressed = doors.Doors(opening.Opening(compression.Compressed(app)))
    yield TestClient(dressed, base_url="http://localhost")
    opening.preload()


@pytest.mark.parametrize("packing", ["gzip", "identity"])
def test_the_page_shows_something_before_any_script_and_says_what_it_will_need(client, packing):
    asked = {"Accept": "text/html,*/*", "Accept-Encoding": packing, "If-None-Match": '"1"'}
    answer = client.get("/", headers=asked)
    assert answer.headers.get("content-encoding", "identity") == packing
    assert "<title>VAE Latent Explorer</title>" in answer.text
    assert '<div class="opening" role="status"' in answer.text
    assert not {"etag", "last-modified"} & set(answer.headers)  # those of another page
    link = answer.headers["link"]
    assert f"<./{assets.code_path('explore/explore.js')}>; rel=modulepreload" in link
    assert assets.plotly_path() not in link  # it comes after the map
    # Each script in its text is allowed, and no other.
    allowed = answer.headers["content-security-policy"]
    scripts = re.findall(rb"<script>(.*?)</script>", answer.content, re.DOTALL)
    for script in scripts:
        digest = base64.b64encode(hashlib.sha256(script).digest()).decode()
        assert f"'sha256-{digest}'" in allowed
    assert allowed.count("'sha256-") == len(scripts)
    assert b"pushState" in scripts[0]  # before any other
    data = client.get("/data", headers={"accept-encoding": "gzip"})
    assert "link" not in data.headers
    assert data.json() == {"packs": True}  # whoever asks for anything else is asked as they say
    assert client.get("/html").text == "<p>another</p>"
    assert client.get("/none").status_code == 304
    head = client.head("/")
    assert head.status_code == 200
    assert head.text == ""


def test_blobs_of_the_first_page_are_fetched_early_where_nobody_asks_for_others(client):
    opening.preload("stage/blob/ab")
    early = "<./stage/blob/ab>; rel=preload; as=fetch; crossorigin"
    assert early in client.get("/").headers["link"]
    assert early not in client.get("/?checkpoint=n12").headers["link"]
    assert early not in client.get("/train").headers["link"]


def test_streamlits_scripts_come_compressed_and_nothing_else_is_opened(client):
    name = next(name for name in sorted(compression.names()) if name.startswith("js/index."))
    raw = (compression.STATIC / name).read_bytes()
    for root in ("", "/base"):
        answer = client.get(f"{root}/static/{name}", headers={"accept-encoding": "gzip"})
        assert answer.headers["content-encoding"] == "gzip"
        assert int(answer.headers["content-length"]) < len(raw) / 2.5
        assert answer.content == raw
        assert "immutable" in answer.headers["cache-control"]
    head = client.head(f"/static/{name}", headers={"accept-encoding": "gzip"})
    assert head.headers["content-length"] == str(len(gzip.compress(raw, 6, mtime=0)))
    assert head.content == b""
    plain = client.get(f"/static/{name}", headers={"accept-encoding": "identity"})
    assert plain.text == "as it is"
    for other in ("js/none.js", "js/..%2F..%2Findex.html", "js/%2e%2e/x.js"):
        answer = client.get(f"/static/{other}", headers={"accept-encoding": "gzip"})
        assert "content-encoding" not in answer.headers
