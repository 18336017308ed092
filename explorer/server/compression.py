"""Streamlit's own scripts and style sheets, gzipped: it serves them as they are, and on a slow line
they are then most of what a page waits for."""

import gzip
import importlib.util
import re
from functools import cache
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from explorer.server.assets import FOREVER

_STREAMLIT = importlib.util.find_spec("streamlit")
assert _STREAMLIT
assert _STREAMLIT.origin
PAGES = Path(_STREAMLIT.origin).parent / "static"  # its page, and beside it what that needs
STATIC = PAGES / "static"
_FILE = re.compile(r"/static/((?:js|css)/[\w.\-]+\.(js|css))")
_TYPES = {"js": "text/javascript", "css": "text/css"}


@cache
def names() -> frozenset[str]:
    """The files that there are, by their paths below `STATIC`: nothing else is opened."""
    return frozenset(
        f"{kind}/{file.name}" for kind in _TYPES for file in (STATIC / kind).glob(f"*.{kind}")
    )


@cache
def packed(name: str) -> bytes:
    """A file of `names`, gzipped."""
    return gzip.compress((STATIC / name).read_bytes(), 6, mtime=0)


class Compressed:
    """Answers for these files where the browser takes gzip; their names carry a hash of what is in
    them."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the app does, or with the file."""
        found = _FILE.search(scope["path"]) if scope["type"] == "http" else None
        if (
            found is None
            or not scope["path"].endswith(found[0])
            or scope["method"] not in ("GET", "HEAD")
            or found[1] not in names()
            or "gzip" not in Headers(scope=scope).get("accept-encoding", "")
        ):
            await self.app(scope, receive, send)
            return
        content = await run_in_threadpool(packed, found[1])
        answer = Response(
            content if scope["method"] == "GET" else b"",
            media_type=_TYPES[found[2]],
            headers={
                "Cache-Control": FOREVER,
                "Content-Encoding": "gzip",
                "Content-Length": str(len(content)),
                "Vary": "Accept-Encoding",
                "X-Content-Type-Options": "nosniff",
            },
        )
        await answer(scope, receive, send)
