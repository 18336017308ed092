"""What the tests of the stage share: the picture torch expects, what the browser sends, fingers."""

from itertools import pairwise

import numpy as np
import torch


def decoded(vae, z) -> np.ndarray:
    with torch.no_grad():
        return 255 * vae.picture(torch.tensor(z, dtype=torch.float32)).numpy().reshape(28, 28)


def outgoing(page) -> list[str]:
    """What the browser sends from now on: web socket messages and requests."""
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    sent: list[str] = []
    network.on("Network.webSocketFrameSent", lambda e: sent.append("message"))
    network.on("Network.requestWillBeSent", lambda e: sent.append(e["request"]["url"]))
    return sent


def open_options(page) -> None:
    page.locator(".st-key-controls [data-testid=stPopoverButton]").click()
    page.get_by_test_id("stPopoverBody").wait_for()


def open_form(page) -> None:
    page.get_by_role("button", name="New run").click()
    page.get_by_role("button", name="Start training").wait_for()


class Finger:
    """Fingers on the screen, as the browser's own input sees them."""

    def __init__(self, page) -> None:
        self.page = page
        self.session = page.context.new_cdp_session(page)

    def send(self, kind: str, *points: tuple[float, float]) -> None:
        touches = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)]
        self.session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})
        self.page.wait_for_timeout(20)

    def drag(self, *places: tuple[float, float]) -> None:
        self.send("touchStart", places[0])
        for (x0, y0), (x1, y1) in pairwise(places):
            for k in range(1, 9):
                self.send("touchMove", (x0 + k * (x1 - x0) / 8, y0 + k * (y1 - y0) / 8))
        self.send("touchEnd")
