"""Tells the browser with the first page that it will need plotly.js. No Streamlit script in it."""

from pathlib import Path

import streamlit
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_CHART = "PlotlyChart.*.js"


class PreloadPlotly:
    """Adds a `Link: …; rel=modulepreload` header to HTML answers.

    Otherwise the browser learns of plotly.js only when the first chart arrives, after the model
    has been loaded. Where this Streamlit has no such file, nothing is added.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        found = (Path(streamlit.__file__).parent / "static").rglob(_CHART)
        links = [f"<./static/js/{path.name}>; rel=modulepreload" for path in found]
        self.header = (b"link", ", ".join(links).encode()) if links else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the app does, with the header."""

        async def with_link(message: Message) -> None:
            if message["type"] == "http.response.start" and self.header:
                kinds = [v for k, v in message["headers"] if k == b"content-type"]
                if any(kind.startswith(b"text/html") for kind in kinds):
                    message["headers"] = [*message["headers"], self.header]
            await send(message)

        await self.app(scope, receive, with_link if scope["type"] == "http" else send)
