"""Take the README's screenshots, from the project's root.

python -m docs.screenshot [--data-dir data | --lecture]
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.browser import chromium, goto, serving

ROOT = Path(__file__).resolve().parents[1]


def explore(page: Any, url: str, server: Any, args: argparse.Namespace) -> None:
    """The Explore page."""
    goto(page, f"{url}/?{args.query}", server)
    page.wait_for_selector(".stage[data-ready=true]", timeout=60_000)
    page.wait_for_timeout(3000)
    page.screenshot(path=ROOT / "docs" / "explore.png")


def understand(page: Any, url: str, server: Any) -> None:
    """The Understand page, at the identity of an image whose q the encoder misses."""
    goto(page, f"{url}/understand?section=4&image=8", server)
    page.wait_for_selector(".understand[data-exact=there]", timeout=60_000)
    page.wait_for_timeout(3000)
    page.screenshot(path=ROOT / "docs" / "understand.png")


def train(page: Any, url: str, server: Any) -> None:
    """The Train page, at a run of the embedded digits."""
    goto(page, f"{url}/train", server)
    page.wait_for_selector(".train[data-ready=true]", timeout=60_000)
    page.wait_for_timeout(3000)
    page.screenshot(path=ROOT / "docs" / "train.png")


def lecture(page: Any, url: str, server: Any) -> None:
    """What docs/LECTURE.md shows: the lecture hall's look, a lesson, a code."""
    for name, where in (
        ("present", "?checkpoint=mnist-2d&data=mnist-5k&image=7&present=1"),
        ("lesson", "?lesson=what-is-a-latent-space&step=5"),
        ("share", "?checkpoint=mnist-2d&data=mnist-5k&image=7"),
    ):
        goto(page, f"{url}/{where}", server)
        page.wait_for_selector(".page-menu", state="attached", timeout=60_000)
        page.wait_for_timeout(4000)
        if name == "share":
            page.get_by_role("button", name="Share", exact=True).click()
            page.wait_for_timeout(1000)
        page.screenshot(path=ROOT / "docs" / f"lecture-{name}.png")


def main() -> None:
    """Train a little, start the app, open it in Chromium, and save what it shows in docs/."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", default="data")
    parser.add_argument("--query", default="")
    parser.add_argument("--theme", choices=("light", "dark"), default="light")
    parser.add_argument("--lecture", action="store_true", help="only those of docs/LECTURE.md")
    args = parser.parse_args()
    if args.lecture:
        with serving(ROOT / "streamlit_app.py") as (url, server), chromium() as browser:
            lecture(browser.new_page(viewport={"width": 1280, "height": 720}), url, server)
        return
    with tempfile.TemporaryDirectory() as temporary:
        runs = Path(temporary) / "runs"
        subprocess.run(
            [
                *(sys.executable, "-m", "training", "fit", "mnist-5k-2d", "--epochs", "40"),
                *("--run-dir", str(runs / "mnist-5k-2d"), "--out", f"{temporary}/mnist-5k-2d"),
            ],
            cwd=ROOT,
            check=True,
        )
        places = {"VAE_DATA_DIR": str(Path(args.data_dir).resolve()), "VAE_RUN_DIR": str(runs)}
        with (
            serving(ROOT / "streamlit_app.py", **places) as (url, server),
            chromium() as browser,
        ):
            size = {"width": 1280, "height": 720}
            page = browser.new_page(viewport=size, color_scheme=args.theme)
            explore(page, url, server, args)
            understand(page, url, server)
            train(page, url, server)


if __name__ == "__main__":
    main()
