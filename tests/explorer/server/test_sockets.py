"""What the terminal says where a tab is closed in the middle of something."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketDisconnected

from explorer.server.sockets import Closing


async def page(scope, receive, send):
    """As Streamlit's end of a page: the half that writes, then the half that reads."""
    socket = WebSocket(scope, receive, send)
    await socket.accept()
    with pytest.raises(WebSocketDisconnect):
        await socket.send_bytes(b"a message")
    try:
        await socket.receive_bytes()
    except RuntimeError:
        await socket.close()


def run(app) -> None:
    """Have `app` talk to a browser that has gone."""

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        if message["type"] == "websocket.send":
            raise OSError

    with ThreadPoolExecutor(1) as pool:  # this thread may have a loop of its own
        pool.submit(asyncio.run, app({"type": "websocket"}, receive, send)).result()


def test_a_tab_that_is_closed_is_no_error():
    with pytest.raises(WebSocketDisconnected):
        run(page)
    run(Closing(page))


def test_an_error_is_one():
    async def broken(scope, receive, send):
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        run(Closing(broken))
