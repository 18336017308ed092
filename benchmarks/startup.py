"""How long until the first page is drawn, beside a bare Streamlit page that only imports torch.

    python -m benchmarks.startup [--runs 5] [--data-dir data]

Both servers are started afresh, in turn, and watched by a real Chromium from the start of the
process: the bare page until its text is there, the explorer until its picture is there and the
scatter's points are painted on the WebGL canvas. Prints medians and the ratio of each pair.
"""

import argparse
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
  const canvas = document.querySelector('.stage .gl-canvas-context');
  if (!picture || !canvas || !canvas.width) return false;
  const grey = picture.getContext('2d').getImageData(0, 0, 28, 28).data;
  if (!grey.some((v, i) => i % 4 === 0 && v > 128)) return false;
  const context = canvas.getContext('webgl');
  if (!context) return false;
  const pixels = new Uint8Array(4 * canvas.width * canvas.height);
  const { width, height } = canvas;
  context.readPixels(0, 0, width, height, context.RGBA, context.UNSIGNED_BYTE, pixels);
  return pixels.some(v => v > 0);
}"""


def once(browser: Any, script: Path, ready: str, environment: dict[str, str]) -> float:
    """Seconds from the start of a server with `script` until the page says it is ready."""
    began = time.perf_counter()
    with serving(script, **environment) as (url, server):
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
    args = parser.parse_args()
    environment = {"VAE_DATA_DIR": str(Path(args.data_dir).resolve())}
    times: dict[str, list[float]] = {"bare page": [], "explorer": []}
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        bare = Path(folder) / "bare.py"
        bare.write_text(BARE)
        for run in range(-1, args.runs):  # the first pair warms the disk's cache
            pair = (
                once(browser, bare, BARE_READY, environment),
                once(browser, ROOT / "streamlit_app.py", EXPLORER_READY, environment),
            )
            if run >= 0:
                for row, seconds in zip(times.values(), pair, strict=True):
                    row.append(seconds)
    for name, row in times.items():
        print(
            f"{name:<10} median {statistics.median(row):6.2f} s   "
            f"({min(row):.2f} to {max(row):.2f}, {len(row)} runs)"
        )
    ratios = [e / b for b, e in zip(*times.values(), strict=True)]
    print(
        f"ratio      median {statistics.median(ratios):6.2f}     "
        f"({min(ratios):.2f} to {max(ratios):.2f})"
    )


if __name__ == "__main__":
    main()
