"""How large a hand-out is, and how long its reader waits for the first picture.

    python -m benchmarks.handout [--checkpoint NAME ...] [--data-dir DIR] [--runs 3] [--kbit 1500]

Writes the hand-out as the command does, and opens it in a real Chromium on one core: from disk, and
from a static server (Python's own) over an emulated line (Chromium's own, 40 ms there and back), as
one file and as a folder, whose second visit is from the browser's own store. Prints the packs'
sizes, and when there is something to see and a picture to drag with the map's codes.
"""

import argparse
import functools
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from benchmarks.browser import ROOT, chromium
from benchmarks.line import Wire
from explorer.__main__ import main as explorer
from explorer.handout import packs

READY = "() => document.querySelector('.stage.explore[data-ready=true]') !== null"
SEEN = "() => document.body && document.body.innerText.includes('VAE Latent Explorer')"


class Quiet(SimpleHTTPRequestHandler):
    """Serves files, and says nothing of it."""

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@contextmanager
def static(folder: Path) -> Iterator[str]:
    """The address of a server of a folder's files."""
    serve = functools.partial(Quiet, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), serve)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def once(context: Any, url: str, kbit: float | None) -> tuple[float, float, float]:
    """Seconds until there is something to see and until there is a picture, and megabytes."""
    page = context.new_page()
    wire = Wire(page, kbit) if kbit else None
    began = time.perf_counter()
    page.goto(url, wait_until="commit")
    page.wait_for_function(SEEN, timeout=60_000, polling=20)
    seen = time.perf_counter() - began
    page.wait_for_function(READY, timeout=60_000, polling=20)
    ready = time.perf_counter() - began
    megabytes = wire.total / 1e6 if wire else 0.0
    if kbit and "index.html" in url:
        page.evaluate("navigator.serviceWorker.ready.then(() => {})")
    page.close()
    return seen, ready, megabytes


def show(name: str, browser: Any, url: str, kbit: float | None, runs: int, again: bool) -> None:
    """Print the medians of some runs, each in a browser that knows nothing; or of a visit after
    the first, where it is `again`."""
    rows = []
    for _ in range(runs):
        context = browser.new_context(viewport={"width": 1280, "height": 720})
        if again:
            once(context, url, kbit)
        rows.append(once(context, url, kbit))
        context.close()
    seen, ready, megabytes = (statistics.median(column) for column in zip(*rows, strict=True))
    sent = f"  {megabytes:5.2f} MB by then" if kbit else ""
    print(f"{name:<34} seen {seen:5.2f} s  picture {ready:5.2f} s{sent}")


def main() -> None:
    """Run it and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", nargs="+", default=["mnist-2d"])
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--data-dir", type=Path, default=ROOT / "data")
    parser.add_argument("--kbit", type=float, default=1500, help="of the line, a second")
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        options = [*args.checkpoint, "--data-dir", str(args.data_dir), "--images", str(args.images)]
        began = time.perf_counter()
        assert explorer(["export", *options, "--out", str(folder / "one.html")]) == 0
        print(f"made in {time.perf_counter() - began:.1f} s")
        assert explorer(["export", *options, "--folder", str(folder / "site")]) == 0
        for pack in sorted((folder / "site").rglob("*.bin")):
            packed = pack.read_bytes()
            inside = sum(map(len, packs.unpack(packed).values()))
            print(f"  {pack.stem:<10} {len(packed) / 1e3:7.1f} kB ({inside / 1e3:.0f} unpacked)")
        # Only now: threads of a process that is pinned wait for each other.
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        with chromium() as browser, static(folder) as url:
            one, many = f"{url}/one.html", f"{url}/site/index.html"
            disk = (folder / "one.html").as_uri()
            show("from disk", browser, disk, None, args.runs, False)
            line = f"at {args.kbit:g} kbit/s"
            show(f"one file, {line}", browser, one, args.kbit, args.runs, False)
            show(f"folder, {line}", browser, many, args.kbit, args.runs, False)
            show(f"folder again, {line}", browser, many, args.kbit, args.runs, True)


if __name__ == "__main__":
    main()
