"""The cost of watching a run: python -m benchmarks.watch [--minutes 10] [--data-dir DIR]

Trains `mnist-2d` on all of MNIST in a process of its own, watches it on the Train page in a real
Chromium, and writes down, minute by minute, the memory of the server and of the page and how often
the page had news. Neither may grow with time.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from benchmarks.browser import ROOT, chromium, goto, serving

MB = 2**20
COUNT_NEWS = """() => {
  window.news = 0;
  const facts = document.querySelector(".train .facts");
  new MutationObserver(() => window.news++).observe(
    facts, { childList: true, characterData: true, subtree: true });
}"""


@contextmanager
def training(folder: Path, data_dir: Path) -> Iterator[None]:
    """A run that is longer than anybody watches."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "training", "fit", "mnist-2d", "--epochs", "2000"),
            *("--data-dir", str(data_dir), "--run-dir", str(folder / "runs" / "watched")),
            *("--out", str(folder / "watched.safetensors")),
        ],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.kill()
        process.wait()


def page_process(before: set[int]) -> psutil.Process:
    """The process that draws the page: the largest renderer that was not there before."""
    found = [
        p
        for p in psutil.Process().children(recursive=True)
        if p.pid not in before and "--type=renderer" in p.cmdline()
    ]
    return max(found, key=lambda p: p.memory_info().rss)


def main() -> None:
    """Watch, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=int, default=10)
    parser.add_argument("--data-dir", type=Path, default=Path("data"))
    parser.add_argument("--json", type=Path, help="a file for the numbers")
    args = parser.parse_args()
    data_dir = args.data_dir.resolve()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        places = {
            "VAE_RUN_DIR": str(folder / "runs"),
            "VAE_CHECKPOINT_DIR": str(ROOT / "checkpoints"),
            "VAE_DATA_DIR": str(data_dir),
        }
        with (
            training(folder, data_dir),
            serving(ROOT / "streamlit_app.py", ROOT, **places) as (url, server),
            chromium() as browser,
        ):
            while not (folder / "runs" / "watched" / "probe.npz").exists():
                time.sleep(0.2)
            before = {p.pid for p in psutil.Process().children(recursive=True)}
            page = browser.new_page(viewport={"width": 1280, "height": 720})
            goto(page, f"{url}/train", server)
            page.wait_for_selector(".train[data-ready=true]", timeout=120_000)
            page.evaluate(COUNT_NEWS)
            rows = watch(page, page_process(before), psutil.Process(server.pid), args.minutes)
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1))


def watch(
    page: Any, drawn: psutil.Process, server: psutil.Process, minutes: int
) -> list[dict[str, float]]:
    """Rows of measures, printed one a minute; memory in MB, the page's CPU in per cent."""
    rows: list[dict[str, float]] = []
    tools = page.context.new_cdp_session(page)
    tools.send("HeapProfiler.enable")
    tools.send("Performance.enable")
    print(
        f"{'minute':>6}{'server MB':>11}{'page MB':>9}{'heap MB':>9}{'page CPU':>10}{'news/s':>8}"
    )
    drawn.cpu_percent()
    for minute in range(minutes + 1):
        if minute:
            page.evaluate("() => { window.news = 0; }")
            began = time.perf_counter()
            page.wait_for_timeout(60_000)
            news = page.evaluate("() => window.news") / (time.perf_counter() - began)
        else:
            page.wait_for_timeout(15_000)  # until everything is loaded
            news = float("nan")
        busy = drawn.cpu_percent()
        tools.send("HeapProfiler.collectGarbage")
        metrics = {m["name"]: m["value"] for m in tools.send("Performance.getMetrics")["metrics"]}
        row = {
            "server": server.memory_info().rss / MB,
            "page": drawn.memory_info().rss / MB,
            "heap": metrics["JSHeapUsedSize"] / MB,
            "cpu": busy,
            "news": news,
        }
        rows.append(row)
        print(
            f"{minute:>8}{row['server']:>11.1f}{row['page']:>9.1f}{row['heap']:>9.2f}"
            f"{busy:>9.0f}%{news:>8.2f}",
            flush=True,
        )
    return rows


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
