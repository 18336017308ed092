"""A running app and a real Chromium."""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmarks.browser import FLAGS, ROOT, executable
from tests.web.node import TOOLS
from training import checkpoint
from training.data import datasets


def pytest_collection_modifyitems(items) -> None:
    """All that is in this folder drives a browser."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")


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
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=executable(), args=list(FLAGS))
        except Error:
            _missing("no Chromium is found (on Debian: apt-get install chromium-headless-shell)")
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
def serve(
    folder: Path,
    base: str = "",
    script: str = "streamlit_app.py",
    port: int = 0,
    **environment: str,
):
    """Run the app as a user does, with its own folders and no network; stop it afterwards.

    `base` is the path below which it lives, as behind a reverse proxy; `script` is what runs; a
    `port` of 0 is any that is free.
    """
    if not port:
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
                *(sys.executable, "-m", "streamlit", "run", script),
                *("--server.headless=true", f"--server.port={port}"),
                *("--server.address=127.0.0.1", f"--server.baseUrlPath={base}"),
            ],
            cwd=ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{port}" + (f"/{base}" if base else "")
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


@pytest.fixture(scope="session")
def with_run(tmp_path_factory, chromium):
    """The app with a finished run, called first."""
    from training.fit.session import train
    from training.presets import PRESETS
    from training.runs.run import Run, RunConfig

    folder = tmp_path_factory.mktemp("with_run")
    (folder / "checkpoints").mkdir()
    out = str(folder / "checkpoints" / "first.safetensors")
    preset = replace(PRESETS["mnist-5k-2d"], epochs=2)
    config = RunConfig(preset, 0, "data", "cpu", 1, out=out)
    train(Run(folder / "runs" / "first"), config, fresh=True)
    with serve(folder, VAE_RUN_DIR=str(folder / "runs")) as running:
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
        self.page.wait_for_selector(".stage[data-ready=true]", timeout=60_000)
        self.settled()

    def settled(self) -> None:
        self.page.wait_for_function(
            "() => { const a = document.querySelector('.stApp');"
            " if (!a) return document.querySelector('#pack-list') !== null;"  # a hand-out
            " return a.dataset.testScriptState !== 'running'"
            " && a.getAttribute('data-test-script-state') !== 'running'; }",
            timeout=60_000,
        )
        self.page.wait_for_timeout(250)

    def until(self, holds: Callable[[], bool], seconds: float = 15) -> None:
        """Wait until something holds; it fails where it does not in that time."""
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, f"not within {seconds} s"
            self.page.wait_for_timeout(100)

    def frame(self) -> None:
        """Wait until what was done has been painted."""
        self.page.evaluate(
            "() => new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))"
        )

    def pixels(self, selector: str):
        """A screenshot of an element as an array (height, width, 3)."""
        import io

        import numpy as np
        from PIL import Image

        shot = self.page.locator(selector).first.screenshot()
        return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB")).astype(int)

    def digit(self, selector: str = "canvas.x-hat", which: int = 0):
        """A picture as it is painted, brought back to 28×28 grey levels."""
        import io

        import numpy as np
        from PIL import Image

        shot = self.page.locator(selector).nth(which).screenshot()
        grey = Image.open(io.BytesIO(shot)).convert("L")
        return np.asarray(grey.resize((28, 28), Image.Resampling.BOX)).astype(int)

    def canvas(self, selector: str, which: int = 0):
        """The grey levels that a canvas of 28×28 holds, without the page's frame around it."""
        import numpy as np

        data = (
            self.page.locator(selector)
            .nth(which)
            .evaluate(
                "c => Array.from(c.getContext('2d').getImageData(0, 0, 28, 28).data)"
                ".filter((_, i) => i % 4 === 0)"
            )
        )
        return np.array(data).reshape(28, 28)

    def near(self, colour: str, selector: str = ".stage .map", tolerance: int = 40):
        """Rows and columns of the pixels that have about this colour."""
        import numpy as np

        wanted = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])
        distance = np.abs(self.pixels(selector) - wanted).max(-1)
        return np.argwhere(distance < tolerance)

    def term(self, kind: str) -> float:
        """A number of the terms: reconstruction (at this z), mean, kl or sum; without its error."""
        return float(self.page.locator(f".term.{kind} .value").inner_text().split(" ")[0])

    def counted(self) -> None:
        """Wait for the last draw of the term's mean over q(z|x) of this x."""
        self.frame()
        self.page.wait_for_selector(".term.mean[aria-busy=false]")

    def bar(self, kind: str) -> float:
        """How long a term's bar is, in pixels."""
        boxes = self.page.locator(f".term.{kind} .bar").evaluate_all(
            "bars => bars.map(bar => bar.getBoundingClientRect().width)"
        )
        return float(sum(boxes))

    def image(self) -> int:
        """The number of the chosen image, from the words above it."""
        return int(re.search(r"image (\d+)", self.page.locator(".quantity.x").inner_text())[1])

    def z(self) -> list[float]:
        """What the sliders show, in the model's own order of dimensions."""
        found = self.page.locator(".slider input").evaluate_all(
            "all => all.map(i => [Number(i.id.split('-')[1]), Number(i.value)])"
        )
        return [value for _, value in sorted(found)]

    def ring(self) -> tuple[float, float]:
        """The middle of the ring that marks z, in pixels of the page."""
        box = self.page.locator(".stage .map .cursor").bounding_box()
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def plot(self, across: float, down: float) -> tuple[float, float]:
        """A place of the map's plotting area, as shares of its width and height."""
        box = self.page.locator(".stage .map").first.bounding_box()
        return box["x"] + across * box["width"], box["y"] + down * box["height"]

    def place(self, x: float, y: float) -> tuple[float, float]:
        """The pixel of the page at a place of the map, in the map's own units."""
        box = self.page.locator(".stage .map").first.bounding_box()
        left, right, bottom, top = self.ranges()
        across, up = (x - left) / (right - left), (y - bottom) / (top - bottom)
        return box["x"] + across * box["width"], box["y"] + (1 - up) * box["height"]

    def units(self, px: float, py: float) -> tuple[float, float]:
        """The place of the map at a pixel of the page."""
        box = self.page.locator(".stage .map").first.bounding_box()
        left, right, bottom, top = self.ranges()
        across, down = (px - box["x"]) / box["width"], (py - box["y"]) / box["height"]
        return left + across * (right - left), top - down * (top - bottom)

    def ranges(self) -> list[float]:
        """The window of the map: x from and to, y from and to."""
        text = self.page.locator(".stage .map").first.get_attribute("data-window")
        return [float(value) for value in text.split(",")]

    def note(self) -> str:
        return self.page.locator(".map-note").inner_text()

    def tab(self, name: str) -> None:
        self.page.get_by_role("tab", name=name).click()

    def warnings(self) -> str:
        return " ".join(self.page.locator('[data-testid="stAlert"]').all_inner_texts())

    def query(self) -> dict[str, str]:
        from urllib.parse import parse_qsl, urlsplit

        return dict(parse_qsl(urlsplit(self.page.url).query))

    def until_query(self, **wanted: str | None) -> None:
        """Wait until the address says so."""
        for name, value in wanted.items():
            self.page.wait_for_function(
                "([n, v]) => new URLSearchParams(location.search).get(n) === v",
                arg=[name, value],
                timeout=20_000,
            )


@pytest.fixture
def screen(chromium):
    """Opens screens; `screen(width=…, height=…, theme=…)`."""
    contexts = []

    def make(
        width: int = 1280, height: int = 720, theme: str = "light", alive: bool = False, **more
    ) -> Screen:
        context = chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme=theme, **more
        )
        if not alive:  # what moves by itself is looked at by tests of its own
            context.add_init_script("sessionStorage.setItem('vae-tour', '1')")
        contexts.append(context)
        return Screen(context.new_page())

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def opened(with_run, screen):
    """`opened(where, width=…, …)`: a screen of the app with a finished run, all of it loaded."""

    def make(where: str, **options) -> Screen:
        return screen(**options).open(f"{with_run.url}/{where}")

    return make


@pytest.fixture(scope="session")
def axe() -> str:
    """The script that finds what keeps people out."""
    script = TOOLS / "axe-core" / "axe.min.js"
    if not script.exists():
        _missing("axe-core is not installed (python -m tests.web.node npm ci)")
    return script.read_text()


@pytest.fixture(scope="session")
def vae():
    return checkpoint.load(ROOT / "checkpoints" / "mnist-2d.safetensors").vae


@pytest.fixture(scope="session")
def ten():
    return checkpoint.load(ROOT / "checkpoints" / "mnist-10d.safetensors").vae


@pytest.fixture(scope="session")
def images():
    """The embedded digits in the order in which the app numbers them."""
    return torch.cat([datasets.load("mnist-5k", split).images for split in ("train", "test")])
