"""Take the README's screenshot: python docs/screenshot.py [--data-dir data]."""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.browser import chromium, goto, serving  # noqa: E402


def main() -> None:
    """Start the app, open it in Chromium, and save docs/explore.png."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", default="data")
    parser.add_argument("--query", default="")
    parser.add_argument("--theme", choices=("light", "dark"), default="light")
    parser.add_argument("--out", default=str(ROOT / "docs" / "explore.png"))
    args = parser.parse_args()
    folder = str(Path(args.data_dir).resolve())
    with (
        serving(ROOT / "streamlit_app.py", VAE_DATA_DIR=folder) as (url, server),
        chromium() as browser,
    ):
        page = browser.new_page(viewport={"width": 1280, "height": 720}, color_scheme=args.theme)
        goto(page, f"{url}/?{args.query}", server)
        page.wait_for_selector(".stage[data-ready=true]", timeout=60_000)
        page.wait_for_timeout(3000)
        page.screenshot(path=args.out)


if __name__ == "__main__":
    main()
