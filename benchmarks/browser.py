"""A server with a page, and a Chromium to look at it; what the browser benchmarks share."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
# WebGL is emulated where there is no graphics card. Pages are put together without that card, as
# Chromium does where it finds none: emulated, it takes more time than they do.
FLAGS = (
    *("--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--use-gl=angle", "--use-angle=swiftshader"),
    *("--disable-gpu-compositing", "--disable-gpu-rasterization", "--font-render-hinting=none"),
)


# The first draws pages as the others do, without a window around them, which takes time.
NAMES = (
    *("chromium-headless-shell", "chromium", "chromium-browser"),
    *("google-chrome", "google-chrome-stable"),
)


def executable() -> str | None:
    """The path of the Chromium on the machine; None for playwright's own."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser of playwright's, with the Chromium that is on the machine."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=list(FLAGS))
        yield browser
        browser.close()


@contextmanager
def serving(
    script: Path, root: Path = ROOT, **environment: str
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The address of a Streamlit server that was started this moment, and its process; `root` is
    where it runs."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "streamlit", "run", str(script)),
            *("--server.headless=true", f"--server.port={port}", "--server.address=127.0.0.1"),
        ],
        cwd=root,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield f"http://127.0.0.1:{port}", server
    finally:
        server.terminate()
        server.wait()


@contextmanager
def serving_many(
    count: int, folder: Path, root: Path = ROOT, **environment: str
) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """The address of nginx before `count` servers of the app, and the servers' processes.

    nginx runs by docs/deploy/nginx.conf, with ports of its own, and keeps its files in `folder`.
    """
    text = (ROOT / "docs" / "deploy" / "nginx.conf").read_text()
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    with ExitStack() as stack:
        script = root / "streamlit_app.py"
        found = [stack.enter_context(serving(script, root, **environment)) for _ in range(count)]
        rows = "".join(f"        server {url.partition('//')[2]};\n" for url, _ in found)
        text = re.sub(r"(        server 127.0.0.1:\d+;\n)+", rows, text)
        text = text.replace("listen 80;", f"listen 127.0.0.1:{port};")
        places = "".join(
            f"    {name}_temp_path {folder}/{name};\n"
            for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        text = text.replace("http {\n", f"http {{\n    access_log off;\n{places}")
        file = folder / "nginx.conf"
        file.write_text(
            f"daemon off;\npid {folder}/nginx.pid;\nerror_log {folder}/nginx.log;\n{text}"
        )
        proxy = subprocess.Popen(["nginx", "-p", str(folder), "-c", str(file)])
        try:
            yield f"http://127.0.0.1:{port}", [process for _, process in found]
        finally:
            proxy.terminate()
            proxy.wait()


def goto(page: Any, url: str, server: subprocess.Popen[bytes], seconds: float = 120) -> None:
    """Open a page as soon as its server listens."""
    began = time.perf_counter()
    while True:
        try:
            page.goto(url, wait_until="commit")
            return
        except Exception:  # not listening yet
            if server.poll() is not None or time.perf_counter() - began > seconds:
                raise
            time.sleep(0.02)
