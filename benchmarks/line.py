"""How long a first visitor with a slow line waits, and for how many bytes.

    python -m benchmarks.line [--kbit 1500] [--runs 3]

A real Chromium opens the app, whose server is warm, over an emulated line (Chromium's own, 40 ms
there and back). Prints when there is something to see and when there is a picture to drag with the
map's codes, each with the bytes that had come; and what they were.
"""

import argparse
import collections
import time
from typing import Any

from benchmarks.browser import ROOT, chromium, goto, serving
from benchmarks.startup import EXPLORER_READY

SEEN = "() => document.body && document.body.innerText.includes('VAE Latent Explorer')"
LATENCY = 40  # ms


class Wire:
    """What has come over the line, by Chromium's own count: bytes by request, compressed."""

    def __init__(self, page: Any, kbit: float) -> None:
        self.bytes: dict[str, float] = {}
        self.urls: dict[str, str] = {}
        self.done: dict[str, float] = {}
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.on("Network.requestWillBeSent", self._sent)
        session.on("Network.dataReceived", self._received)
        session.on("Network.loadingFinished", self._finished)
        rate = kbit * 1000 / 8
        session.send(
            "Network.emulateNetworkConditions",
            {
                "offline": False,
                "latency": LATENCY,
                "downloadThroughput": rate,
                "uploadThroughput": rate,
            },
        )

    def _sent(self, event: Any) -> None:
        self.urls[event["requestId"]] = event["request"]["url"]

    def _received(self, event: Any) -> None:
        request = event["requestId"]
        self.bytes[request] = self.bytes.get(request, 0) + max(0, event["encodedDataLength"])

    def _finished(self, event: Any) -> None:
        request = event["requestId"]
        self.bytes[request] = max(self.bytes.get(request, 0), event["encodedDataLength"])
        self.done[self.urls.get(request, "")] = time.perf_counter()

    @property
    def total(self) -> float:
        """Bytes so far."""
        return sum(self.bytes.values())

    def kinds(self) -> dict[str, int]:
        """Bytes so far by kind."""
        found: collections.Counter[str] = collections.Counter()
        for request, size in self.bytes.items():
            url = self.urls.get(request, "")
            kind = next(
                (k for k in ("/stage/blob", "/stage/code", "/stage/lib", ".woff2") if k in url),
                "Streamlit's own" if "/static/" in url else "other",
            )
            found[kind] += round(size)
        return dict(found)


def once(browser: Any, url: str, kbit: float) -> dict[str, tuple[float, float]]:
    """Seconds from the request and megabytes until each thing is there."""
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    try:
        page = context.new_page()
        wire = Wire(page, kbit)
        began = time.perf_counter()
        page.goto(url, wait_until="commit")
        found = {}
        for name, sign in (("something", SEEN), ("picture", EXPLORER_READY)):
            page.wait_for_function(sign, timeout=180_000, polling=50)
            found[name] = (time.perf_counter() - began, wire.total / 1e6)
            if name == "picture":
                print("   ", {k: f"{v / 1e3:.0f} kB" for k, v in wire.kinds().items()})
        return found
    finally:
        context.close()


def main() -> None:
    """Run it and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kbit", type=float, default=1500, help="of the line, a second")
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    with chromium() as browser, serving(ROOT / "streamlit_app.py", ROOT) as (url, server):
        page = browser.new_page()  # what a server computes once is computed
        goto(page, url, server)
        page.wait_for_function(EXPLORER_READY, timeout=120_000)
        page.close()
        for _ in range(args.runs):
            for name, (seconds, megabytes) in once(browser, url, args.kbit).items():
                print(f"{name:<10} {seconds:6.1f} s  {megabytes:5.2f} MB")


if __name__ == "__main__":
    main()
