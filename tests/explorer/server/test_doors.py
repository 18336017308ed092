"""What is answered, and what is a foreign page's."""

import resource
import subprocess
import sys

import psutil
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from explorer.server import assets, doors, process


async def _page(request):
    return PlainTextResponse("page", headers={"X-Content-Type-Options": "old"})


async def _stream(socket):
    await socket.accept()
    await socket.send_text("open")
    await socket.close()


def visitor(host: str) -> TestClient:
    app = Starlette(
        routes=[
            Route("/stage/runs", _page, methods=["GET", "PUT"]),
            WebSocketRoute("/_stcore/stream", _stream),
            *assets.routes(),
        ]
    )
    return TestClient(doors.Doors(app), base_url=f"http://{host}")


@pytest.mark.parametrize(
    ("host", "origin", "opened"),
    [
        ("localhost:8501", None, True),
        ("localhost:8501", "http://localhost:8501", True),
        ("LOCALHOST:8501", "http://localhost:8501", True),
        ("192.168.7.2", "http://192.168.7.2", True),
        ("192.168.7.2", "http://192.168.7.2:80", True),
        ("[::1]:8501", "http://[::1]:8501", True),
        ("localhost:8501", "http://localhost:8502", False),
        ("localhost:8501", "http://127.0.0.1:8501", False),
        ("localhost:8501", "https://localhost", False),
        ("localhost:8501", "https://evil.example", False),
        ("localhost:8501", "null", False),
        ("localhost:8501", "http://localhost:8501.evil.example", False),
        ("localhost:8501", "http://localhost:8501@evil.example", False),
        ("localhost:8501", "http://localhost:99999999", False),
        ("localhost:8501", "", False),
        # A foreign name that leads here, asked by its own page.
        ("evil.example:8501", "http://evil.example:8501", False),
        ("127.0.0.1.evil.example:8501", "http://127.0.0.1.evil.example:8501", False),
        ("", None, False),
    ],
)
def test_only_the_explorers_own_page_is_streamed_to_and_may_change_things(host, origin, opened):
    headers = {"host": host} | ({} if origin is None else {"origin": origin})
    client = visitor("localhost:8501")
    assert client.put("/stage/runs", headers=headers).status_code == (200 if opened else 403)
    if opened:
        with client.websocket_connect("/_stcore/stream", headers=headers) as socket:
            assert socket.receive_text() == "open"
    else:
        with (
            pytest.raises(WebSocketDisconnect),
            client.websocket_connect("/_stcore/stream", headers=headers),
        ):
            pass


def test_a_name_that_is_not_the_servers_reads_nothing():
    client = visitor("localhost:8501")
    assert client.get("/stage/runs").text == "page"
    refused = client.get("/stage/runs", headers={"host": "rebound.example"})
    assert refused.status_code == 403
    assert "--server.corsAllowedOrigins" in refused.text


def test_what_the_configuration_names_may(monkeypatch):
    asked = doors._option

    def option(name):
        return ["https://vae.example.edu"] if name == "server.corsAllowedOrigins" else asked(name)

    monkeypatch.setattr(doors, "_option", option)
    doors._own_names.cache_clear()
    client = visitor("localhost:8501")
    try:
        for host in ("vae.example.edu", "127.0.0.1:8501"):  # a proxy passes the name on, or not
            headers = {"host": host, "origin": "https://vae.example.edu"}
            assert client.put("/stage/runs", headers=headers).status_code == 200
    finally:
        doors._own_names.cache_clear()


def test_every_answer_forbids_foreign_code_and_frames():
    client = visitor("localhost:8501")
    for answer in (
        client.get("/stage/runs"),
        client.get("/nowhere"),
        client.get("/stage/runs", headers={"host": "rebound.example"}),
        client.get(f"/{assets.code_path('model/worker.js')}"),
        client.get(f"/{assets.code_path('model/worker_exact.js')}"),
    ):
        policy = dict(
            part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; ")
        )
        assert policy["frame-ancestors"] == policy["default-src"] == "'self'"
        assert "'wasm-unsafe-eval'" in policy["script-src"]
        assert "'unsafe-eval'" not in policy["script-src"]
        assert "'unsafe-inline'" not in policy["script-src"]
        assert answer.headers["x-content-type-options"] == "nosniff"
    part = client.get(f"/{assets.code_path('model/vae.js')}").headers
    assert part["x-content-type-options"] == "nosniff"
    assert "content-security-policy" not in part  # of a page's part the page's holds


def test_nobody_outside_is_asked(monkeypatch):
    from streamlit import net_util
    from streamlit.web.server import server_util

    def asked(*_args, **_more):
        pytest.fail("asked an outside server")

    monkeypatch.setattr(net_util, "get_external_ip", net_util.get_external_ip)  # put back later
    monkeypatch.setattr(net_util, "_make_blocking_http_get", asked)
    process.ask_nobody()
    assert not server_util.is_url_from_allowed_origins("https://evil.example")


def test_the_limit_of_open_files_is_raised_as_far_as_it_may_be():
    program = (
        "import resource as r; r.setrlimit(r.RLIMIT_NOFILE, (256, {hard}));"
        "from explorer.server import process; process.raise_open_files();"
        "print(*r.getrlimit(r.RLIMIT_NOFILE))"
    )
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    for limit in (min(h for h in (4096, hard) if h > 0), 256):
        done = subprocess.run(
            [sys.executable, "-c", program.format(hard=limit)],
            capture_output=True,
            encoding="utf-8",
            check=True,
        )
        assert done.stdout.split() == [str(limit), str(limit)]


def test_without_room_for_another_visitor_he_is_told_to_wait(monkeypatch):
    client = visitor("localhost:8501")
    monkeypatch.setattr(resource, "getrlimit", lambda _: (psutil.Process().num_fds() + 32, 4096))
    with (
        pytest.raises(WebSocketDisconnect) as refused,
        client.websocket_connect("/_stcore/stream", headers={"host": "localhost:8501"}),
    ):
        pass
    assert refused.value.code == 1013
    assert client.get("/stage/runs").text == "page"
