"""Who may start, stop and upload: visitors from this machine, unless the configuration says more.

Watching is open to whoever can open the page. Streamlit answers the page's own messages, and this
module says what a page may do for its visitor; `Guard` refuses uploads that a page did not offer.
"""

import os
import socket
from collections.abc import Mapping
from ipaddress import ip_address

import psutil
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from explorer.server import doors

VARIABLE = "VAE_REMOTE_CONTROL"
REFUSAL = (
    "Only visitors from the machine that the explorer runs on can do this; you can watch. "
    f"(Whoever runs it can allow it with the environment variable {VARIABLE}=1.)"
)
# A proxy on this machine looks like a visitor from it; it says for whom it asks.
_FORWARDED = (
    *("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via"),
    "cf-connecting-ip",
)


def allowed_for_all() -> bool:
    """Whether the configuration lets every visitor control runs and upload files."""
    return os.environ.get(VARIABLE, "").strip().lower() in ("1", "true", "yes", "on")


def _own_addresses() -> set[str]:
    return {
        address.address.partition("%")[0]
        for addresses in psutil.net_if_addrs().values()
        for address in addresses
        if address.family in (socket.AF_INET, socket.AF_INET6)
    }


def _is_own(name: str, own: set[str]) -> bool:
    try:
        address = ip_address(name.partition("%")[0])
    except ValueError:
        return name.lower() in ("localhost", socket.gethostname().lower())
    # A socket for both kinds of addresses gives IPv4 ones as ::ffff:127.0.0.1.
    plain = getattr(address, "ipv4_mapped", None) or address
    return plain.is_loopback or str(plain) in own


def is_local(peer: str | None, headers: Mapping[str, str]) -> bool:
    """Whether a request comes from this machine: from one of its addresses, for one of its names,
    by a page of this very server, and not through a proxy. `headers` are those of the request,
    their names in lower case.

    The names count too: a foreign page that has its own name resolve to this machine, or that asks
    in the browser of somebody here, is no local visitor. A proxy or tunnel on this machine that
    does not say that it is one cannot be told apart.
    """
    if peer is None or any(name in headers for name in _FORWARDED):
        return False
    own = _own_addresses()
    host = headers.get("host", "")
    named = doors.authority(host, "http")
    if named is None or not (_is_own(peer, own) and _is_own(named[0], own)):
        return False
    return "origin" not in headers or doors.same_origin(headers["origin"], host)


def may_control() -> bool:
    """Whether the visitor of this page run may start, stop and upload."""
    return allowed_for_all() or from_here()


def from_here() -> bool:
    """Whether the visitor of this page run is local."""
    import streamlit as st

    headers = {name.lower(): value for name, value in st.context.headers.items()}
    # Streamlit says None for the loopback addresses.
    return is_local(st.context.ip_address or "127.0.0.1", headers)


class Guard:
    """Refuses uploads from those who may not make them, whatever their page showed."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the app does, but for uploads from afar."""
        if (
            scope["type"] == "http"
            and "/_stcore/upload_file/" in scope["path"]
            and scope["method"] not in ("GET", "HEAD", "OPTIONS")
            and not allowed_for_all()
        ):
            client = scope.get("client")
            if not is_local(client[0] if client else None, Headers(scope=scope)):
                await PlainTextResponse(REFUSAL, status_code=403)(scope, receive, send)
                return
        await self.app(scope, receive, send)
