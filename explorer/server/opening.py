"""The HTML that a browser gets first: what it fetches early, and what is seen until the page is
there."""

import gzip
from functools import cache

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from explorer.server.assets import MAIN_MODULES, MODULES, code_alone, code_path, needed

_TITLE = b"<title>Streamlit</title>", b"<title>VAE Latent Explorer</title>"
_ROOT = b'<div id="root"></div>'
_HEAD = b"<head>"
_NOT_ASKED = (b"if-none-match", b"if-modified-since", b"accept-encoding")
_OF_ANOTHER_TEXT = (b"content-length", b"etag", b"last-modified")
# The name where the page has it, and where its columns will be, in the theme that was chosen (what
# first.js says) or else the system's. It lies over Streamlit's own beginning, which moves about,
# until first.js takes it away. The icons' font is large, and Streamlit asks at once: it waits
# for the first picture, or for so long.
_STYLE = b"""<style>
  html { background: light-dark(#ffffff, #0b1020); color-scheme: var(--opening, light dark); }
  .opening { position: fixed; inset: 0; z-index: 2000000;
    background: light-dark(#ffffff, #0b1020); color: light-dark(#0f172a, #e8edf7);
    font: 650 1.15rem/3rem "Source Sans", system-ui, sans-serif; }
  .opening p { margin: 0 1.25rem !important; font: inherit !important; }
  .opening div { position: absolute; inset: 3.6rem 1.25rem 1.25rem; display: grid;
    gap: 1.4rem; grid-template: 2.5rem 1fr / 13rem 1fr 17rem; }
  .opening i { border-radius: 0.5rem; background: light-dark(#eef2f7, #161d31);
    animation: opening 1.6s infinite alternate; }
  .opening i:first-child { grid-column: 1 / -1; }
  @keyframes opening { to { opacity: 0.5; } }
  @media (max-width: 900px) {
    .opening div { grid-template: 2.5rem 1fr / 1fr; }
    .opening i:nth-child(n + 3) { display: none; }
  }
  @media (prefers-reduced-motion: reduce) { .opening i { animation: none; } }
  .stApp:not(:has([data-ready="true"])) [data-testid="stIconMaterial"] { animation: vae-later 15s; }
  @keyframes vae-later { from, to { font-family: sans-serif; visibility: hidden; } }
</style>
"""
_SHOWN = (
    b'<div class="opening" role="status" aria-label="The page is loading">'
    b"<p>VAE Latent Explorer</p><div><i></i><i></i><i></i><i></i></div></div>" + _ROOT
)
_first: list[str] = []


def preload(*paths: str) -> None:
    """Have whoever opens the app without asking for anything fetch these blobs while Streamlit's
    own code is on its way."""
    _first[:] = paths


@cache
def first_script() -> bytes:
    """What the page runs before anything of Streamlit's."""
    return code_alone((MODULES / "first.js").read_text("utf-8")).strip().encode()


def dressed(page: bytes) -> bytes:
    """Streamlit's page with the `first_script`, a title and something to see; as it is where it is
    another one."""
    if any(page.count(part) != 1 for part in (_ROOT, _HEAD)):
        return page
    script = b"<script>" + first_script() + b"</script>\n"
    page = page.replace(*_TITLE).replace(_ROOT, _SHOWN)
    return page.replace(_HEAD, _HEAD + b"\n" + script + _STYLE)


class Opening:
    """Dresses the pages that the app answers with, and adds `Link` headers: the browser fetches
    what the page will need early."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.headers = {
            module: (
                b"link",
                ", ".join(
                    f"<./{code_path(file)}>; rel=modulepreload; fetchpriority=low"
                    for file in sorted(needed(module))
                ).encode(),
            )
            for module in MAIN_MODULES.values()
        }

    def _links(self, scope: Scope) -> list[tuple[bytes, bytes]]:
        page = scope["path"].rpartition("/")[2]
        links = [self.headers[MAIN_MODULES.get(page, MAIN_MODULES[""])]]
        if page == "" and not scope["query_string"]:
            links += [
                (b"link", f"<./{path}>; rel=preload; as=fetch; crossorigin".encode())
                for path in _first
            ]
        return links

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the app does; with more, where that is a page."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        packs = False
        if any(k == b"accept" and b"text/html" in v for k, v in scope["headers"]):
            # A page that a browser kept from before may be undressed, and one that is packed has no
            # head to be seen.
            packs = any(k == b"accept-encoding" and b"gzip" in v for k, v in scope["headers"])
            asked = [row for row in scope["headers"] if row[0].lower() not in _NOT_ASKED]
            scope = {**scope, "headers": asked}
        held: list[Message] = []  # a page's beginning, and what of it has come

        async def dress(message: Message) -> None:
            if message["type"] == "http.response.start" and _is_page(message):
                held.append(message)
                return
            if not held or message["type"] != "http.response.body":
                await send(message)
                return
            held.append(message)
            if message.get("more_body"):
                return
            start, body = held[0], b"".join(part.get("body", b"") for part in held[1:])
            headers = [*start["headers"], *self._links(scope)]
            if body:  # and not the answer to a HEAD
                body = dressed(body)
                headers = [row for row in headers if row[0].lower() not in _OF_ANOTHER_TEXT]
                if packs:
                    body = gzip.compress(body, 6, mtime=0)
                    headers += [(b"content-encoding", b"gzip"), (b"vary", b"Accept-Encoding")]
                headers.append((b"content-length", str(len(body)).encode()))
            await send({**start, "headers": headers})
            await send({"type": "http.response.body", "body": body})

        await self.app(scope, receive, dress)


def _is_page(start: Message) -> bool:
    """Whether an answer is a page of HTML whose text can be read here."""
    headers = {name.lower(): value for name, value in start["headers"]}
    return (
        headers.get(b"content-type", b"").startswith(b"text/html")
        and b"content-encoding" not in headers
    )
