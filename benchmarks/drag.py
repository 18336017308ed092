"""How the picture follows the hand: python -m benchmarks.drag [--checkpoint FILE …] [--json FILE]

Drives a real Chromium with 60 pointer moves a second, over the stage and over a bare page with
`st.slider` and a picture, in the same run. A picture counts when the pixels of the output have
changed in an animation frame; its latency runs from the trusted pointer event's own time stamp.
"""

import argparse
import json
import math
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from benchmarks import large_models
from benchmarks.browser import ROOT, chromium, goto, serving

RATE = 60
COMPARED = (
    ("report-normal", "mnist-2d"),
    ("report-normal", "n12", "gamma", "mnist-10d"),
    ("report-perceptual", "report-perceptual-bce"),
)
BARE = """
import numpy as np
import streamlit as st

value = st.slider("z", -3.0, 3.0, 0.0, 0.01)
y, x = np.mgrid[-1:1:28j, -1:1:28j]
st.image(np.exp(-((x - value / 4) ** 2 + y**2) * 8), width=280)
"""

# After each frame the output's pixels are compared with those of the frame before.
PROBE = """selector => {
  const seen = { moves: [], pictures: [], frames: 0, began: performance.now() };
  const small = new OffscreenCanvas(28, 28).getContext('2d', { willReadFrequently: true });
  const look = () => {
    const output = document.querySelector(selector);
    if (!output || (output.tagName === 'IMG' && !output.complete)) return '';
    small.drawImage(output, 0, 0, 28, 28);
    return small.getImageData(0, 0, 28, 28).data.join();
  };
  let last = look();
  const channel = new MessageChannel();
  channel.port1.onmessage = () => {
    const now = look();
    if (now !== last) seen.pictures.push(performance.now());
    last = now;
  };
  const frame = () => {
    seen.frames += 1;
    channel.port2.postMessage(0);
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  window.addEventListener('pointermove', e => {
    if (e.isTrusted && e.buttons) seen.moves.push([e.timeStamp, performance.now()]);
  }, { capture: true, passive: true });
  window.dragProbe = seen;
  return Math.max(...last.split(',').map(Number).filter((_, i) => i % 4 === 0));
}"""

DECODE = """async times => {
  const urls = performance.getEntriesByType('resource').map(r => r.name);
  const code = urls.find(u => u.endsWith('/explore/explore.js'));
  const { fetchBlob } = await import(code.replace('explore/explore.js', 'model/blobs.js'));
  const { Vae } = await import(code.replace('explore/explore.js', 'model/vae.js'));
  let vae;
  for (const url of urls.filter(u => u.includes('/stage/blob/'))) {
    try { vae = new Vae(await fetchBlob(url, 'model')); break; } catch { continue; }
  }
  const ms = [];
  for (let i = 0; i < times; i++) {
    const z = Float32Array.from({ length: vae.d }, () => 4 * Math.random() - 2);
    const began = performance.now();
    vae.mean(vae.decode(z));
    ms.push(performance.now() - began);
  }
  return ms;
}"""


class Drag(NamedTuple):
    """Measures of a drag. Times in milliseconds, bytes sent to the server while it lasted."""

    sent: int
    moves: int
    pictures: int
    latencies: list[float]
    frames_per_second: float
    bytes_sent: int
    before: float


def drag(
    page: Any, output: str, path: Callable[[float], tuple[float, float]], seconds: float
) -> Drag:
    """Press at the path's beginning, follow it for some seconds, and let go afterwards."""
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    sent_bytes: list[int] = []
    on = False

    def frame(event: Any) -> None:
        if on:
            sent_bytes.append(len(event["response"]["payloadData"]))

    def request(event: Any) -> None:
        if on:
            sent_bytes.append(len(event["request"]["url"]))

    network.on("Network.webSocketFrameSent", frame)
    network.on("Network.requestWillBeSent", request)
    page.mouse.move(*path(0))
    before = page.evaluate(PROBE, output)
    page.mouse.down()
    page.wait_for_timeout(300)
    page.evaluate(
        "() => { for (const k of ['moves', 'pictures']) dragProbe[k].length = 0;"
        " dragProbe.frames = 0; dragProbe.began = performance.now(); }"
    )
    on = True
    n = round(RATE * seconds)
    began = time.perf_counter()
    for i in range(1, n + 1):
        page.mouse.move(*path(i / n))
        time.sleep(max(0.0, began + i / RATE - time.perf_counter()))
    page.wait_for_timeout(100)
    on = False
    seen = page.evaluate("() => ({...dragProbe, ended: performance.now()})")
    page.mouse.up()
    latencies = []
    for stamp, handled in seen["moves"]:
        shown = next((t for t in seen["pictures"] if t >= handled), None)
        if shown is not None:
            latencies.append(shown - stamp)
    seconds_seen = (seen["ended"] - seen["began"]) / 1000
    return Drag(
        n,
        len(seen["moves"]),
        len(seen["pictures"]),
        latencies,
        seen["frames"] / seconds_seen,
        sum(sent_bytes),
        before,
    )


class Row(NamedTuple):
    """A line of the table. Times in milliseconds."""

    name: str
    sent: int
    moves: int
    pictures: int
    per_move: float
    median: float | None
    p95: float | None
    frames_per_second: float
    decode: float | None
    bytes_sent: int
    before: bool

    def __str__(self) -> str:
        def ms(value: float | None, digits: int, width: int) -> str:
            return f"{'–':>{width}}" if value is None else f"{value:{width}.{digits}f}"

        return (
            f"{self.name:<34} {self.sent:>5} {self.moves:>6} {self.pictures:>8} "
            f"{self.per_move:8.2f} {ms(self.median, 1, 7)} {ms(self.p95, 1, 7)} "
            f"{self.frames_per_second:7.1f} {ms(self.decode, 2, 6)} {self.bytes_sent:>6} "
            f"{'yes' if self.before else 'no':>7}"
        )


def row(name: str, found: Drag, decode: list[float] | None) -> Row:
    """What is told of a drag, and of decodes in the page where there were some."""
    ordered = sorted(found.latencies)
    return Row(
        name,
        found.sent,
        found.moves,
        found.pictures,
        found.pictures / max(1, found.moves),
        statistics.median(ordered) if ordered else None,
        ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))] if ordered else None,
        found.frames_per_second,
        statistics.median(decode) if decode else None,
        found.bytes_sent,
        found.before > 127,
    )


def _circle(box: dict[str, float]) -> Callable[[float], tuple[float, float]]:
    centre = (box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"])
    radius = 0.25 * min(box["width"], box["height"])

    def path(t: float) -> tuple[float, float]:
        angle = 4 * math.pi * t
        return centre[0] + radius * math.cos(angle), centre[1] + radius * math.sin(angle)

    return path


def _along(page: Any, thumb: dict[str, float], track: dict[str, float]) -> Any:
    start = thumb["x"] + thumb["width"] / 2
    y = thumb["y"] + thumb["height"] / 2
    left, right = track["x"] + 12, track["x"] + track["width"] - 12

    def path(t: float) -> tuple[float, float]:
        if t == 0:
            return start, y
        wave = 0.5 - 0.5 * math.cos(4 * math.pi * t)
        return left + wave * (right - left), y

    return path


def _thumb(page: Any, selector: str) -> tuple[dict[str, float], dict[str, float]]:
    track = page.locator(selector).first.bounding_box()
    share = page.evaluate(
        "s => { const i = document.querySelector(s); return (i.value - i.min) / (i.max - i.min); }",
        selector,
    )
    size = 18
    x = track["x"] + share * (track["width"] - size)
    return {**track, "x": x, "width": size}, track


def _bare(browser: Any, folder: Path, seconds: float) -> Iterator[Row]:
    """A page with a slider of Streamlit's and a picture."""
    script = folder / "bare.py"
    script.write_text(BARE)
    with serving(script) as (url, server):
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        goto(page, url, server)
        page.wait_for_selector("[data-testid=stImage] img", timeout=60_000)
        page.wait_for_timeout(1000)
        slider = page.locator("[data-testid=stSlider]").first.bounding_box()
        thumb = page.locator("[data-testid=stSliderThumbValue]").locator("xpath=..").bounding_box()
        found = drag(page, "[data-testid=stImage] img", _along(page, thumb, slider), seconds)
        yield row("bare st.slider", found, None)
        page.close()


def _explore(browser: Any, address: str, server: Any, name: str, seconds: float) -> Iterator[Row]:
    """The map of the Explore page, then its first slider."""
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    goto(page, address, server)
    page.wait_for_selector(".stage[data-ready=true]", timeout=120_000)
    page.wait_for_timeout(1500)
    plot = page.locator(".stage .map").first.bounding_box()
    found = drag(page, "canvas.x-hat", _circle(plot), seconds)
    decode = page.evaluate(DECODE, 300)
    yield row(f"{name}: map", found, decode)
    page.wait_for_timeout(500)
    thumb, track = _thumb(page, ".stage .slider input")
    found = drag(page, "canvas.x-hat", _along(page, thumb, track), seconds)
    yield row(f"{name}: slider", found, decode)
    page.close()


def _compare(browser: Any, url: str, server: Any, data: str, seconds: float) -> Iterator[Row]:
    for names in COMPARED:
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        goto(page, f"{url}/compare?beside={','.join(names)}&data={data}", server)
        page.wait_for_selector(".stage[data-ready=true]", timeout=120_000)
        page.wait_for_timeout(3000)
        plane = page.locator(".compare .map").first.bounding_box()
        last = f".compare .column:nth-child({len(names)}) canvas.x-hat"
        found = drag(page, last, _circle(plane), seconds)
        what = "perceptual" if "perceptual" in names[0] else "models"
        yield row(f"Compare, {len(names)} {what}: the last one", found, None)
        page.close()


# What is dragged in a section of the Understand page, and the picture that must follow.
WALK = (
    (2, "z", ".plane canvas", "canvas.x-hat"),
    (3, "z", ".plane canvas", "canvas.x-hat"),
    (4, "the mean of q: the split", ".plane canvas", ".identity-bar canvas"),
    (
        6,
        "the mean of q: the draws",
        ".pair .plane:last-child canvas",
        ".pair .plane:last-child canvas",
    ),
)


def _understand(browser: Any, url: str, server: Any, seconds: float) -> Iterator[Row]:
    """The sections of the walk in which a hand moves something, once log p(x) is there."""
    for section, what, dragged, output in WALK:
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        goto(page, f"{url}/understand?checkpoint=mnist-2d&section={section}", server)
        page.wait_for_selector(".stage[data-ready=true]", timeout=120_000)
        if section != 6:
            page.wait_for_selector(".understand[data-exact=there]", timeout=120_000)
        page.wait_for_timeout(3000)
        plane = page.locator(f".understand {dragged}").bounding_box()
        found = drag(page, f".understand {output}", _circle(plane), seconds)
        yield row(f"Understand {section}: {what}", found, None)
        page.close()


def _large(browser: Any, folder: Path, seconds: float) -> Iterator[Row]:
    """Decoders b, d and c of 3×64×64 pictures; the last one decodes in its worker."""
    large_models.write(folder)
    script, cache = ROOT / "benchmarks" / "large_models_app.py", str(folder / "cache")
    with serving(script, VAE_CHECKPOINT_DIR=str(folder), VAE_CACHE_DIR=cache) as (url, server):
        for name in ("b", "d", "c"):
            address = f"{url}/?checkpoint=decoder-{name}&data={large_models.DATA}"
            yield from _explore(browser, address, server, f"3×64×64, decoder {name}", seconds)


def _checkpoints(browser: Any, folder: Path, files: list[Path], seconds: float) -> Iterator[Row]:
    """Checkpoints by their files, with the pictures that came with them or that fit."""
    place = folder / "checkpoints"
    place.mkdir()
    for file in files:
        shutil.copy(file, place)
    script, cache = ROOT / "streamlit_app.py", str(folder / "cache")
    with serving(script, VAE_CHECKPOINT_DIR=str(place), VAE_CACHE_DIR=cache) as (url, server):
        for file in files:
            address = f"{url}/?checkpoint={quote(file.stem)}"
            yield from _explore(browser, address, server, file.stem, seconds)


def main() -> None:
    """Run the comparison and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", default="data", help="where MNIST lives, if anywhere")
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--json", type=Path, help="a file for the numbers")
    parser.add_argument("--large", action="store_true", help="the decoders of 3×64×64 alone")
    parser.add_argument(
        "--understand", action="store_true", help="the walk through the theory alone"
    )
    parser.add_argument(
        "--checkpoint", nargs="+", type=Path, metavar="FILE", help="these checkpoints alone"
    )
    args = parser.parse_args()
    data_dir, seconds = Path(args.data_dir).resolve(), args.seconds
    here = (data_dir / "MNIST" / "raw").is_dir()
    scenes = [("mnist-2d", "mnist-5k", "5,000")]
    if here:
        scenes = [
            ("mnist-2d", "mnist", "10,000"),
            ("mnist-10d", "mnist", "10,000"),
            ("mnist-2d", "mnist-train", "60,000"),
        ]
    print(
        f"{'what is dragged':<34} {'sent':>5} {'moves':>6} {'pictures':>8} {'per move':>8} "
        f"{'median':>7} {'95th':>7} {'frames':>7} {'decode':>6} {'bytes':>6} {'before?':>7}"
    )
    print(f"{'':<34} {'':>5} {'':>6} {'':>8} {'':>8} {'ms':>7} {'ms':>7} {'per s':>7} {'ms':>6}")
    rows: list[Row] = []

    def take(found: Iterator[Row]) -> None:
        for line in found:
            print(line, flush=True)
            rows.append(line)

    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        if args.checkpoint:
            take(_checkpoints(browser, Path(folder), args.checkpoint, seconds))
        elif args.understand:
            with serving(ROOT / "streamlit_app.py", VAE_DATA_DIR=str(data_dir)) as (url, server):
                take(_understand(browser, url, server, seconds))
        elif not args.large:
            take(_bare(browser, Path(folder), seconds))
            with serving(ROOT / "streamlit_app.py", VAE_DATA_DIR=str(data_dir)) as (url, server):
                for checkpoint, data, points in scenes:
                    address = f"{url}/?checkpoint={checkpoint}&data={data}"
                    name = f"{checkpoint}, {points} points"
                    take(_explore(browser, address, server, name, seconds))
                take(_compare(browser, url, server, scenes[0][1], seconds))
                take(_understand(browser, url, server, seconds))
        if not args.checkpoint and not args.understand:
            take(_large(browser, Path(folder), seconds))
    if args.json:
        args.json.write_text(json.dumps([line._asdict() for line in rows], indent=1))


if __name__ == "__main__":
    main()
