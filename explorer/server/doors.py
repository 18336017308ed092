"""Requests that the server answers: for a name that is its own, from a page that is its own.

A foreign page can ask anything of a server on the machine or the network of whoever looks at it.
`Doors` refuses what has another page's Origin, and what asks for a name that is not this server's
(a name of somebody else's that leads here: DNS rebinding). What it lets in is answered with headers
that forbid foreign code, foreign addresses and foreign frames.
"""

import base64
import hashlib
import re
import socket
from collections.abc import Mapping
from functools import cache
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from explorer.server import process
from explorer.server.compression import PAGES
from explorer.server.opening import dressed

_READING = ("GET", "HEAD", "OPTIONS")
_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


def _inline_scripts() -> str:
    """Hashes of the scripts that the page has in its text, Streamlit's and ours."""
    page = dressed((PAGES / "index.html").read_bytes())
    scripts = re.findall(rb"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", page, re.DOTALL)
    digests = (base64.b64encode(hashlib.sha256(text).digest()) for text in scripts if text)
    return " ".join(f"'sha256-{digest.decode()}'" for digest in digests)


# Streamlit imports its components' code from blobs, and writes styles in the page; plotly draws
# into blobs and data addresses. Nothing is compiled from text.
POLICY = "; ".join(
    (
        "default-src 'self'",
        f"script-src 'self' blob: 'wasm-unsafe-eval' {_inline_scripts()}",
        "worker-src 'self' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' blob: data:",
        "frame-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    )
)
_HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
)
_NAMED = {name for name, _ in _HEADERS}
# What runs or is shown only as part of a page, whose policy then holds: half a kilobyte an answer
# would be a twentieth of what a slow line brings before the first picture.
_PARTS = (b"text/javascript", b"text/css", b"font/", b"application/octet-stream")


def authority(text: str, scheme: str = "") -> tuple[str, int | None] | None:
    """Host and port in a `Host` header or an `Origin`, in lower case; None where it is neither.

    The port is that of the scheme where none is named, and None where that is not known either.
    """
    try:
        parts = urlsplit(text if "//" in text else f"{scheme}://{text}")
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname or parts.path not in ("", "/") or parts.username is not None:
        return None
    return parts.hostname.rstrip("."), port or _PORTS.get(parts.scheme)


def same_origin(origin: str, host: str) -> bool:
    """Whether an `Origin` is that of the pages of `host`, port included."""
    own = authority(origin)
    return own is not None and own == authority(host, urlsplit(origin).scheme)


def _option(name: str) -> Any:
    import streamlit as st  # which the door has loaded; alone it takes long

    return st.get_option(name)


@cache
def _own_names() -> frozenset[str]:
    name = socket.gethostname().lower()
    found = {"localhost", name, f"{name}.local", socket.getfqdn().lower()}
    for option in ("server.address", "browser.serverAddress"):
        if value := _option(option):
            found.add(str(value).lower())
    trusted = (authority(origin) for origin in _trusted())
    return frozenset(found | {name[0] for name in trusted if name})


def _trusted() -> list[str]:
    """Origins that the configuration names: those of a proxy before this server, say."""
    return [origin.strip().rstrip("/") for origin in _option("server.corsAllowedOrigins")]


def is_own_name(host: str) -> bool:
    """Whether a `Host` header names this server: by an address, or by a name that is its own."""
    found = authority(host, "http")
    if found is None:
        return False
    name = found[0]
    try:
        ip_address(name.partition("%")[0])
    except ValueError:
        return name in _own_names() or name.endswith(".localhost")
    return True  # a foreign name is what leads here by stealth; an address is what was typed


def refusal(scope: Scope, headers: Mapping[str, str]) -> str:
    """The sentence that says why a request is not answered; empty where it is."""
    host, origin = headers.get("host", ""), headers.get("origin")
    if not is_own_name(host):
        return (
            "This address is not one of the explorer's own. Whoever runs it behind a proxy names "
            "the address with --server.corsAllowedOrigins."
        )
    reading = scope["type"] == "http" and scope["method"] in _READING
    if origin is None or reading or same_origin(origin, host) or origin in _trusted():
        return ""
    return "Another page than the explorer's asked for this; open the explorer itself."


def _is_part(headers: list[tuple[bytes, bytes]]) -> bool:
    """Whether an answer is a script, a style sheet, a font or a blob."""
    kinds = (value for name, value in headers if name.lower() == b"content-type")
    return any(value.startswith(_PARTS) for value in kinds)


class Doors:
    """Answers as the app does where `refusal` has nothing to say."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, with the headers that keep foreign code out, or refuse."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return

        # A worker has the policy of its own script.
        worker = scope["path"].rpartition("/")[2].startswith("worker")

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [row for row in message["headers"] if row[0].lower() not in _NAMED]
                part = not worker and message["status"] < 400 and _is_part(kept)
                message["headers"] = [*kept, *(_HEADERS[1:] if part else _HEADERS)]
            await send(message)

        refused, code = refusal(scope, Headers(scope=scope)), 1008
        if not refused and scope["type"] == "websocket" and not process.has_room():
            refused, code = "The explorer has as many visitors as it can take; try again.", 1013
        if not refused:
            await self.app(scope, receive, with_headers)
        elif scope["type"] == "websocket":
            await receive()  # the request to connect; closed without being opened it is a 403
            await send({"type": "websocket.close", "code": code, "reason": refused})
        else:
            answer = PlainTextResponse(f"{refused}\n", 403, {"Cache-Control": "no-store"})
            await answer(scope, receive, with_headers)
