"""The HTML that a browser gets first: what it fetches early, and what is seen until Streamlit has
come."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from explorer.server.assets import MAIN_MODULES, code_path, needed

_TITLE = b"<title>Streamlit</title>", b"<title>VAE Latent Explorer</title>"
_ROOT = b'<div id="root"></div>'
_HEAD = b"</head>"
# The name where the page has it, and where its columns will be. The icons' font is large, and
# Streamlit asks for it at once: it waits for the first picture, or for so long.
_STYLE = b"""<style>
  .opening { position: fixed; inset: 0; background: #ffffff; color: #0f172a;
    font: 650 1.15rem/3rem "Source Sans", system-ui, sans-serif; }
  .opening p { margin: 0 1.25rem; }
  .opening div { position: absolute; inset: 3.6rem 1.25rem 1.25rem; display: grid;
    gap: 1.4rem; grid-template: 2.5rem 1fr / 13rem 1fr 17rem; }
  .opening i { border-radius: 0.5rem; background: #eef2f7;
    animation: opening 1.6s infinite alternate; }
  .opening i:first-child { grid-column: 1 / -1; }
  @keyframes opening { to { opacity: 0.5; } }
  @media (max-width: 900px) {
    .opening div { grid-template: 2.5rem 1fr / 1fr; }
    .opening i:nth-child(n + 3) { display: none; }
  }
  @media (prefers-color-scheme: dark) {
    .opening { background: #0b1020; color: #e8edf7; }
    .opening i { background: #161d31; }
  }
  @media (prefers-reduced-motion: reduce) { .opening i { animation: none; } }
  .stApp:not(:has([data-ready="true"])) [data-testid="stIconMaterial"] { animation: vae-later 15s; }
  @keyframes vae-later { from, to { font-family: sans-serif; visibility: hidden; } }
</style>
<script>
  const load = document.fonts.load.bind(document.fonts);
  document.fonts.load = (font, ...text) =>
    font.includes("Material Symbols") ? Promise.resolve([]) : load(font, ...text);
</script>
"""
_SHOWN = (
    b'<div id="root"><div class="opening" role="status" aria-label="The page is loading">'
    b"<p>VAE Latent Explorer</p><div><i></i><i></i><i></i><i></i></div></div></div>"
)
_first: list[str] = []


def preload(*paths: str) -> None:
    """Have whoever opens the app without asking for anything fetch these blobs while Streamlit's
    own code is on its way."""
    _first[:] = paths


def dressed(page: bytes) -> bytes:
    """Streamlit's page with a title and something to see; as it is where it is another one."""
    if any(page.count(part) != 1 for part in (_ROOT, _HEAD)):
        return page
    return page.replace(*_TITLE).replace(_HEAD, _STYLE + _HEAD).replace(_ROOT, _SHOWN)


class Opening:
    """Dresses HTML answers, and adds `Link` headers: the browser fetches what the page will need
    early."""

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
        """Answer as the app does; with more, where that is the page."""
        held: list[Message] = []  # the page's beginning and what of it has come

        async def dress(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = dict(message["headers"])
                if headers.get(b"content-type", b"").startswith(b"text/html"):
                    held.append(message)
                    return
            if not held or message["type"] != "http.response.body":
                await send(message)
                return
            held.append(message)
            if message.get("more_body"):
                return
            start, body = held[0], b"".join(part.get("body", b"") for part in held[1:])
            if scope["method"] == "GET" and b"content-encoding" not in dict(start["headers"]):
                body = dressed(body)
            # Of this page no validator says what it is: it changes with what it is dressed in.
            gone = {b"etag", b"last-modified"} | ({b"content-length"} if body else set())
            kept = [(k, v) for k, v in start["headers"] if k.lower() not in gone]
            if body:
                kept.append((b"content-length", str(len(body)).encode()))
            await send({**start, "headers": [*kept, *self._links(scope)]})
            await send({"type": "http.response.body", "body": body})

        await self.app(scope, receive, dress if scope["type"] == "http" else send)
