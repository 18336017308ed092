"""How long until the first page is drawn, beside a bare Streamlit page that only imports torch.

    python -m benchmarks.startup [--runs 5] [--data-dir data]

Both servers are started afresh, in turn, and watched by a real Chromium from the start of the
process: the bare page until its text is there, the explorer until its picture is there and codes
are painted on the map's canvas. Prints medians and the ratio of each pair.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.browser import ROOT, chromium, goto, serving

BARE = 'import streamlit as st\nimport torch\n\nst.write("torch", torch.__version__)\n'
BARE_READY = "() => document.body.innerText.includes('torch')"
EXPLORER_READY = """() => {
  const picture = document.querySelector('.stage canvas.x-hat');
  const codes = document.querySelector('.stage .map canvas.codes');
  if (!picture || !codes || !codes.width) return false;
  const some = (canvas, k) => canvas.getContext('2d')
    .getImageData(0, 0, canvas.width, canvas.height).data.some((v, i) => i % 4 === k && v > 128);
  return some(picture, 0) && some(codes, 3);
}"""


def once(browser: Any, script: Path, ready: str, environment: dict[str, str]) -> float:
    """Seconds from the start of a server with `script` until the page says it is ready."""
    began = time.perf_counter()
    with serving(script, ROOT, **environment) as (url, server):
        context = browser.new_context(viewport={"width": 1280, "height": 720})
        try:
            page = context.new_page()
            goto(page, url, server)
            page.wait_for_function(ready, timeout=120_000, polling=30)
            return time.perf_counter() - began
        finally:
            context.close()


def main() -> None:
    """Run the comparison and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--data-dir", default="data", help="where MNIST lives, if anywhere")
    parser.add_argument("--json", type=Path, help="a file for the numbers")
    args = parser.parse_args()
    environment = {"VAE_DATA_DIR": str(Path(args.data_dir).resolve())}
    times: dict[str, list[float]] = {"bare page": [], "explorer": []}
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        bare = Path(folder) / "bare.py"
        bare.write_text(BARE)
        for run in range(-1, args.runs):  # the first pair warms the disk's cache
            found = [
                once(browser, bare, BARE_READY, environment),
                once(browser, ROOT / "streamlit_app.py", EXPLORER_READY, environment),
            ]
            if run >= 0:
                for row, seconds in zip(times.values(), found, strict=True):
                    row.append(seconds)
    for name, row in times.items():
        print(
            f"{name:<10} median {statistics.median(row):6.2f} s   "
            f"({min(row):.2f} to {max(row):.2f}, {len(row)} runs)"
        )
    ratios = [e / b for b, e in zip(times["bare page"], times["explorer"], strict=True)]
    print(
        f"ratio      median {statistics.median(ratios):6.2f}     "
        f"({min(ratios):.2f} to {max(ratios):.2f})"
    )
    if args.json:
        args.json.write_text(json.dumps({"seconds": times, "ratios": ratios}, indent=1))


if __name__ == "__main__":
    main()
