"""A tab that is closed while the server writes to it is no error."""

from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnected


class Closing:
    """Ends a web socket quietly whose browser has gone.

    Where the writing half of Streamlit's end is the first to notice, its reading half takes the
    closed socket for a broken protocol, closes it again, and fails: a traceback in the terminal,
    for a tab that somebody closed.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the app does."""
        try:
            await self.app(scope, receive, send)
        except WebSocketDisconnected:
            if scope["type"] != "websocket":
                raise
