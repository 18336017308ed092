"""The explorer in a real JupyterLab: cells set what it shows, and read what hands did."""

import os
import socket
import subprocess
import sys
import time
import urllib.request

import nbformat
import numpy as np
import pytest
import torch

from tests.browser.conftest import ROOT

pytestmark = pytest.mark.slow

CELLS = (
    'from explorer.notebook import Explorer\ne = Explorer("mnist-2d", count=400)\ne',
    "e.z = [1.0, -1.0]",
    'print("selected", sorted(e.selected), "z", e.z, "image", e.image)',
    "e.selected = [3, 5, 8]\ne.image = 7",
)


@pytest.fixture(scope="module")
def lab(tmp_path_factory, chromium):
    """A JupyterLab with a notebook of `CELLS`; the notebook's address."""
    folder = tmp_path_factory.mktemp("lab")
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in CELLS])
    made.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(made, folder / "cells.ipynb")
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    home = {f"JUPYTER_{name}_DIR": str(folder / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    path = os.environ.get("PYTHONPATH")
    env = os.environ | home | {"PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), path)))}
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(
            [
                *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
                *(f"--port={port}", "--ServerApp.ip=127.0.0.1", "--IdentityProvider.token="),
                *(
                    "--LabApp.news_url=",
                    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
                ),
                f"--ServerApp.root_dir={folder}",
            ],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        for _ in range(300):
            try:
                opener.open(f"http://127.0.0.1:{port}/api", timeout=2)
                break
            except OSError:
                assert server.poll() is None, (folder / "server.log").read_text()
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/lab/tree/cells.ipynb?reset"
    finally:
        server.terminate()
        server.wait(20)


def test_a_cell_moves_the_picture_and_a_lasso_comes_back_as_numbers(lab, screen, vae):
    s = screen(width=1400, height=1000, alive=True)
    page = s.page
    page.goto(lab)
    page.locator(".jp-Notebook .jp-CodeCell").first.wait_for(timeout=60_000)
    page.get_by_text("Python 3 (ipykernel) | Idle").first.wait_for(timeout=60_000)
    cells = page.locator(".jp-Notebook .jp-CodeCell")

    def prompt(number: int) -> str:
        return cells.nth(number).locator(".jp-InputPrompt").inner_text().strip()

    def run(number: int):
        """Run a cell and wait until it has run. A notebook that has just been opened loses what
        it is asked while its kernel connects, so it is asked again."""

        def taken() -> bool:
            chooser = page.locator("dialog.jp-Dialog .jp-mod-accept")  # "Select Kernel"
            if chooser.count():
                chooser.first.click()
            if prompt(number) == "[ ]:":
                cells.nth(number).locator(".jp-InputArea-editor").click()
                page.keyboard.press("Control+Enter")
                page.wait_for_timeout(500)
            return prompt(number)[1:-2].isdigit()

        s.until(taken, 120)
        return cells.nth(number)

    run(0)
    frame = page.frame_locator("iframe[title='VAE Latent Explorer']")
    frame.locator(".stage[data-ready=true]").wait_for(timeout=120_000)

    def shown() -> np.ndarray:
        levels = frame.locator("canvas.x-hat").evaluate(
            "c => Array.from(c.getContext('2d').getImageData(0, 0, 28, 28).data)"
        )
        return np.array(levels)[::4]

    before = shown()
    run(1)
    with torch.no_grad():
        wanted = 255 * vae.picture(torch.tensor([[1.0, -1.0]])).numpy().ravel()
    s.until(lambda: np.abs(shown() - wanted).max() <= 2)
    assert np.abs(before - wanted).mean() > 5
    page.wait_for_timeout(2500)  # what moved by itself does so no more
    assert np.abs(shown() - wanted).max() <= 2

    frame.get_by_role("radio", name="Lasso").click()
    box = frame.locator(".stage .map").bounding_box()

    def at(across: float, down: float) -> None:
        page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"])

    at(0.35, 0.3)
    page.mouse.down()
    for place in ((0.6, 0.3), (0.6, 0.6), (0.35, 0.6), (0.35, 0.3)):
        at(*place)
    page.mouse.up()
    note = frame.locator(".map-note")
    s.until(lambda: "images:" in note.inner_text())
    count = int(note.inner_text().split(" images:")[0])
    page.wait_for_timeout(500)
    output = run(2).locator(".jp-OutputArea-output").first
    output.wait_for()
    s.until(lambda: output.inner_text().startswith("selected"))
    text = output.inner_text()
    selected = [int(n) for n in text.split("[")[1].split("]")[0].split(",")]
    assert len(selected) == len(set(selected)) == count > 5
    assert all(0 <= n < 400 for n in selected)
    assert "z [1.0, -1.0]" in text

    run(3)
    s.until(lambda: "image 7," in frame.locator(".quantity.x").inner_text())
    s.until(lambda: note.inner_text().startswith("3 images:"))
