"""Take the README's screenshot: python docs/screenshot.py [--data-dir data]."""

import argparse
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
FLAGS = ("--no-sandbox", "--disable-quic", "--use-gl=angle", "--use-angle=swiftshader")


def main() -> None:
    """Start the app, open it in Chromium, and save docs/explore.png."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", default="data")
    parser.add_argument("--query", default="")
    parser.add_argument("--theme", choices=("light", "dark"), default="light")
    parser.add_argument("--out", default=str(ROOT / "docs" / "explore.png"))
    args = parser.parse_args()
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "streamlit", "run", "streamlit_app.py"),
            *("--server.headless=true", f"--server.port={port}", "--server.address=127.0.0.1"),
        ],
        cwd=ROOT,
        env={**os.environ, "VAE_DATA_DIR": str(Path(args.data_dir).resolve())},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        with sync_playwright() as playwright:
            names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
            path = next((found for name in names if (found := shutil.which(name))), None)
            browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
            page = browser.new_page(
                viewport={"width": 1280, "height": 720}, color_scheme=args.theme
            )
            page.wait_for_timeout(4000)
            page.goto(f"http://127.0.0.1:{port}/?{args.query}")
            page.wait_for_selector(".stage[data-ready=true]", timeout=60_000)
            page.wait_for_timeout(3000)
            page.screenshot(path=args.out)
            browser.close()
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
