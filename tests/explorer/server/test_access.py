"""Who may start, stop and upload."""

import socket

import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from explorer.server import access


@pytest.fixture(autouse=True)
def unconfigured(monkeypatch):
    monkeypatch.delenv(access.VARIABLE, raising=False)
    monkeypatch.setattr(access, "_own_addresses", lambda: {"127.0.0.1", "::1", "192.168.7.2"})


@pytest.mark.parametrize(
    ("peer", "host", "more", "local"),
    [
        ("127.0.0.1", "localhost:8501", {}, True),
        ("::1", "[::1]:8501", {}, True),
        ("127.0.0.1", "127.0.0.1", {}, True),
        ("192.168.7.2", "192.168.7.2:8501", {}, True),
        ("127.0.0.1", f"{socket.gethostname()}:8501", {}, True),
        ("::ffff:127.0.0.1", "127.0.0.1:8501", {}, True),
        ("::ffff:192.168.7.2", "192.168.7.2:8501", {}, True),
        ("::ffff:192.168.7.3", "192.168.7.2:8501", {}, False),
        ("127.0.0.1", "localhost:8501", {"origin": "http://localhost:8501"}, True),
        ("127.0.0.1", "localhost:8501", {"origin": "https://evil.example"}, False),
        # A page of another server on this machine.
        ("127.0.0.1", "localhost:8501", {"origin": "http://localhost:8502"}, False),
        ("127.0.0.1", "localhost:8501", {"origin": "http://127.0.0.1:8501"}, False),
        ("127.0.0.1", "localhost:8501", {"origin": "null"}, False),
        ("192.168.7.3", "192.168.7.2:8501", {}, False),
        ("192.168.7.3", "localhost:8501", {}, False),
        # Somebody's page whose name now leads to this machine.
        ("127.0.0.1", "evil.example:8501", {}, False),
        # A proxy on this machine asks for somebody.
        ("127.0.0.1", "localhost", {"x-forwarded-for": "127.0.0.1"}, False),
        ("127.0.0.1", "localhost", {"forwarded": "for=10.0.0.9"}, False),
        ("127.0.0.1", "localhost", {"via": "1.1 proxy"}, False),
        (None, "localhost", {}, False),
        ("127.0.0.1", "", {}, False),
    ],
)
def test_only_this_machine_is_local(peer, host, more, local):
    assert access.is_local(peer, {"host": host, **more}) == local


@pytest.mark.parametrize(
    ("value", "allowed"), [("1", True), ("True", True), ("0", False), ("", False)]
)
def test_the_configuration_can_allow_everybody(monkeypatch, value, allowed):
    monkeypatch.setenv(access.VARIABLE, value)
    assert access.allowed_for_all() == allowed


def test_an_upload_from_afar_is_refused_by_the_server(monkeypatch):
    async def app(scope, receive, send):
        await PlainTextResponse("taken")(scope, receive, send)

    def visitor(peer: str, url: str) -> TestClient:
        return TestClient(access.Guard(app), base_url=url, client=(peer, 1))

    upload = "/base/_stcore/upload_file/session/file"
    afar = visitor("192.168.7.3", "http://192.168.7.2:8501")
    assert [afar.put(upload).status_code, afar.delete(upload).status_code] == [403, 403]
    assert access.VARIABLE in afar.put(upload).text
    assert afar.get(upload).text == afar.get("/").text == "taken"
    near = visitor("127.0.0.1", "http://localhost:8501")
    assert near.put(upload).text == "taken"
    monkeypatch.setenv(access.VARIABLE, "1")
    assert afar.put(upload).text == "taken"
