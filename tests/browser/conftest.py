"""A running app and a real Chromium."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FLAGS = (
    *("--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--use-gl=angle", "--use-angle=swiftshader"),
)


def _missing(what: str):
    if os.environ.get("CI"):
        pytest.fail(f"{what}; continuous integration must have it")
    pytest.skip(what)


@pytest.fixture(scope="session")
def chromium():
    """A browser, or a skip with the reason (in continuous integration a failure)."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        _missing("playwright is not installed (requirements-dev.txt has it)")
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    path = next((found for name in names if (found := shutil.which(name))), None)
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        except Error:
            _missing("no Chromium is found (on Debian: apt-get install chromium)")
        yield browser
        browser.close()


class App:
    """A server under test: its address and what it printed."""

    def __init__(self, url: str, log: Path) -> None:
        self.url, self._log = url, log

    @property
    def log(self) -> str:
        return self._log.read_text()


@contextmanager
def serve(folder: Path, **environment: str):
    """Run the app as a user does, with its own folders and no network; stop it afterwards."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "server.log"
    nowhere = "http://127.0.0.1:9"
    env = {
        **os.environ,
        "VAE_DATA_DIR": str(folder / "data"),
        "VAE_CACHE_DIR": str(folder / "cache"),
        "OMP_NUM_THREADS": "1",
        "http_proxy": nowhere,
        "https_proxy": nowhere,
        **environment,
    }
    with log.open("w") as out:
        server = subprocess.Popen(
            [
                *(sys.executable, "-m", "streamlit", "run", "streamlit_app.py"),
                *("--server.headless=true", f"--server.port={port}"),
                *("--server.address=127.0.0.1", "--server.fileWatcherType=none"),
            ],
            cwd=ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{port}"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        for _ in range(300):
            try:
                opener.open(f"{url}/_stcore/health", timeout=2)
                break
            except OSError:
                assert server.poll() is None, log.read_text()
                time.sleep(0.2)
        yield App(url, log)
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()


@pytest.fixture(scope="session")
def app(tmp_path_factory, chromium):
    """The app on a machine without data/ and without network."""
    with serve(tmp_path_factory.mktemp("app")) as running:
        yield running


class Screen:
    """A page as a person sees it: what is written, what is painted."""

    def __init__(self, page) -> None:
        self.page = page
        self.errors: list[str] = []
        page.on("pageerror", lambda e: self.errors.append(str(e)))

    def open(self, url: str):
        self.page.goto(url)
        self.ready()
        return self

    def ready(self) -> None:
        """Wait until the picture and the map are there and nothing runs any more."""
        self.page.wait_for_selector(".output img", timeout=60_000)
        self.page.wait_for_selector(".js-plotly-plot .gl-canvas", state="attached", timeout=60_000)
        self.settled()

    def settled(self) -> None:
        self.page.wait_for_function(
            "() => { const a = document.querySelector('.stApp');"
            " return a && a.dataset.testScriptState !== 'running'"
            " && a.getAttribute('data-test-script-state') !== 'running'; }",
            timeout=60_000,
        )
        self.page.wait_for_timeout(250)

    def pixels(self, selector: str):
        """A screenshot of an element as an array (height, width, 3)."""
        import io

        import numpy as np
        from PIL import Image

        shot = self.page.locator(selector).first.screenshot()
        return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB")).astype(int)

    def digit(self):
        """The decoded picture as it is painted, brought back to 28×28 grey levels."""
        import numpy as np
        from PIL import Image

        grey = Image.fromarray(self.pixels(".output img")[6:-6, 6:-6].astype(np.uint8)).convert("L")
        return np.asarray(grey.resize((28, 28), Image.Resampling.BOX)).astype(int)

    def near(self, colour: str, selector: str = ".js-plotly-plot", tolerance: int = 40):
        """Rows and columns of the pixels that have about this colour."""
        import numpy as np

        wanted = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])
        distance = np.abs(self.pixels(selector) - wanted).max(-1)
        return np.argwhere(distance < tolerance)

    def term(self, kind: str) -> float:
        """A number of the terms panel: reconstruction, kl, elbo or at-z."""
        return float(self.page.locator(f".term.{kind} .value").inner_text())

    def image(self) -> int:
        """The number of the chosen image, from the caption under it."""
        text = self.page.locator(".pair figcaption").first.inner_text()
        return int(re.search(r"image (\d+)", text)[1])

    def slider_values(self) -> list[float]:
        texts = self.page.locator('[data-testid="stSliderThumbValue"]').all_inner_texts()
        return [float(t) for t in texts]

    def warnings(self) -> str:
        return " ".join(self.page.locator('[data-testid="stAlert"]').all_inner_texts())

    def query(self) -> dict[str, str]:
        from urllib.parse import parse_qsl, urlsplit

        return dict(parse_qsl(urlsplit(self.page.url).query))


@pytest.fixture
def screen(chromium):
    """Opens screens; `screen(width=…, height=…, theme=…)`."""
    contexts = []

    def make(width: int = 1280, height: int = 720, theme: str = "light", **more) -> Screen:
        context = chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme=theme, **more
        )
        contexts.append(context)
        return Screen(context.new_page())

    yield make
    for context in contexts:
        context.close()
