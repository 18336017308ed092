"""Strangers' files, names and pages against a running server: nothing of theirs runs."""

import contextlib
import http.client
import http.server
import json
import os
import shutil
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest
import safetensors
import safetensors.torch
import torch

from benchmarks.browser import ROOT
from tests.browser.conftest import serve

GOOD = ROOT / "checkpoints" / "mnist-2d.safetensors"


@contextlib.contextmanager
def recorder():
    """The address of a server that writes down what it is asked; as a proxy it refuses."""
    asked: list[str] = []

    class Recorder(http.server.BaseHTTPRequestHandler):
        def _note(self) -> None:
            asked.append(f"{self.command} {self.path}")
            self.send_error(403)

        do_GET = do_POST = do_PUT = do_CONNECT = do_HEAD = _note

        def log_message(self, *_args) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()


def variant(path, tensors=None, **metadata: str) -> None:
    """A copy of a good checkpoint with other metadata, or with more tensors."""
    with safetensors.safe_open(GOOD, "pt") as file:
        own = file.metadata()
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    content = safetensors.torch.save(weights | (tensors or {}), own | metadata)
    with open(os.fsencode(path) if isinstance(path, bytes) else path, "wb") as file:
        file.write(content)


@pytest.fixture(scope="module")
def besieged(tmp_path_factory):
    """An app whose checkpoints are a stranger's, whose way out is watched, and what was asked."""
    folder = tmp_path_factory.mktemp("besieged")
    models = folder / "models"
    models.mkdir()
    with recorder() as (outside, asked):
        image = f"![x]({outside}/image.png)"
        shutil.copy(GOOD, models / "mnist-2d.safetensors")
        variant(os.fsencode(models) + b"/\xff\xfe-odd.safetensors")
        variant(models / "tensor.safetensors", {image: torch.zeros(1)})
        variant(models / "version.safetensors", format_version="9" * 3_500_000)
        variant(models / "version-mark.safetensors", format_version=image)
        config = json.loads(safetensors.safe_open(GOOD, "pt").metadata()["config"])
        variant(
            models / "likelihood.safetensors", config=json.dumps(config | {"likelihood": image})
        )
        preset = json.loads(safetensors.safe_open(GOOD, "pt").metadata()["preset"])
        variant(
            models / "[a](www.evil.example) <b>_x_ $y$ :red[z].safetensors",
            data=f"{image} [a]({outside}/link) {outside}/bare <img src={outside}/tag>",
            preset=json.dumps(preset | {"name": f"{image}\u202e"}),
        )
        environment = {"VAE_CHECKPOINT_DIR": str(models)}
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
            environment[name] = outside
        with serve(folder, **environment) as app:
            yield app, outside, asked


def harmless(s, app) -> None:
    """Nothing of a stranger's has become a link, a picture or a page without end."""
    found = s.page.evaluate(
        """() => ({
            links: [...document.querySelectorAll('a')].map((a) => a.href),
            pictures: [...document.querySelectorAll('img')].map((i) => i.src),
            height: document.querySelector('[data-testid=stMain]').scrollHeight,
        })"""
    )
    own = (app.url, "data:image/", "blob:")
    strange = [u for u in found["links"] + found["pictures"] if u and not u.startswith(own)]
    assert strange == []
    assert found["height"] < 12_000
    assert s.errors == []


def test_strangers_checkpoints_write_nothing_on_the_page_and_ask_for_nothing(besieged, screen):
    app, outside, asked = besieged
    s = screen()
    s.page.on("request", lambda r: asked.append(r.url) if r.url.startswith(outside) else None)
    s.open(app.url)
    said = s.warnings()
    for file in ("version", "version-mark", "likelihood"):
        assert f"{file}.safetensors" in said
    assert "9" * 100 not in said
    harmless(s, app)
    # What only the weights tell is told when they are asked for.
    s.page.goto(f"{app.url}?checkpoint=tensor")
    s.ready()
    assert "has unexpected ![x](http" in s.warnings().replace("\u2060", "")
    harmless(s, app)
    # The odd ones are shown as letters, can be chosen, and stand on every page.
    for name in (r"\xff\xfe-odd", "[a](www.evil.example) <b>_x_ $y$ :red[z]"):
        s.page.locator("[data-testid=stSelectbox]").first.click()
        s.page.get_by_role("option", name=name).click()
        s.page.wait_for_timeout(500)
        s.ready()
        assert s.page.locator("canvas.x-hat").is_visible()
        harmless(s, app)
    assert f"![x]({outside}/image.png)" in s.page.inner_text("body").replace("\u2060", "")
    both = urllib.parse.quote("mnist-2d,[a](www.evil.example) <b>_x_ $y$ :red[z]")
    s.page.goto(f"{app.url}/compare?beside={both}")
    s.ready()
    assert s.page.locator(".map").count() == 2
    s.page.locator(".stage-chart").first.scroll_into_view_if_needed()
    s.page.wait_for_selector(".legendtext")
    harmless(s, app)
    assert s.page.locator(".legendtext", has_text="[a](www.evil.example) <b>_x_").count()
    assert asked == []


def upgrade(url: str, origin: str, host: str | None = None) -> int:
    """The status of a web socket's answer; 101 where it is opened."""
    asking = http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        "Host": host or url.removeprefix("http://"),
        "Origin": origin,
    }
    try:
        asking.request("GET", "/_stcore/stream", headers=headers)
        return asking.getresponse().status
    finally:
        asking.close()


def test_foreign_pages_are_refused_at_once_and_nobody_is_asked_for_an_address(besieged):
    app, _, asked = besieged
    port = int(app.url.rpartition(":")[2])
    began = time.monotonic()
    for origin in (
        "https://evil.example",
        f"http://127.0.0.1:{port + 1}",
        f"http://localhost:{port}",
        "null",
    ):
        assert upgrade(app.url, origin) == 403
    assert upgrade(app.url, f"http://rebound.example:{port}", f"rebound.example:{port}") == 403
    assert time.monotonic() - began < 5
    assert upgrade(app.url, app.url) == 101
    assert asked == []


def test_a_foreign_name_reads_nothing_and_no_foreign_frame_shows_a_button(besieged, screen):
    app, _, _ = besieged
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for path in ("/stage/runs", "/", "/_stcore/host-config"):
        request = urllib.request.Request(app.url + path, headers={"Host": "rebound.example"})
        with pytest.raises(urllib.error.HTTPError) as refused:
            opener.open(request)
        assert refused.value.code == 403
    put = urllib.request.Request(
        f"{app.url}/_stcore/upload_file/a/b",
        data=b"x",
        method="PUT",
        headers={"Origin": f"http://127.0.0.1:{int(app.url.rpartition(':')[2]) + 1}"},
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        opener.open(put)
    assert refused.value.code == 403
    # A page of another port frames the app: the browser does not show it.
    frame = f"<iframe src='{app.url}/train' width=800 height=600></iframe>".encode()

    class Foreign(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(frame)

        def log_message(self, *_args) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Foreign)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        s = screen()
        said: list[str] = []
        s.page.on("console", lambda message: said.append(message.text))
        s.page.goto(f"http://127.0.0.1:{server.server_port}")
        s.until(lambda: any("frame-ancestors" in text for text in said))
        assert s.page.frames[1].locator("button").count() == 0
    finally:
        server.shutdown()
