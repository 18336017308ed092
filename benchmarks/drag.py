"""How the picture follows the hand: python -m benchmarks.drag [--data-dir DIR]

Drives a real Chromium with 60 pointer moves a second, over the stage and over a bare page with
`st.slider` and a picture, in the same run. A picture counts when the pixels of the output have
changed in an animation frame; its latency runs from the trusted pointer event's own time stamp.
"""

import argparse
import math
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

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


def row(name: str, found: Drag, decode: list[float] | None) -> str:
    """A line of the table."""
    ordered = sorted(found.latencies)
    if ordered:
        p95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
        times = f"{statistics.median(ordered):7.1f} {p95:7.1f}"
    else:
        times = f"{'–':>7} {'–':>7}"
    took = f"{statistics.median(decode):6.2f}" if decode else f"{'–':>6}"
    return (
        f"{name:<34} {found.sent:>5} {found.moves:>6} {found.pictures:>8} "
        f"{found.pictures / max(1, found.moves):8.2f} {times} {found.frames_per_second:7.1f} "
        f"{took} {found.bytes_sent:>6} {'yes' if found.before > 127 else 'no':>7}"
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


def main() -> None:
    """Run the comparison and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", default="data", help="where MNIST lives, if anywhere")
    parser.add_argument("--seconds", type=float, default=4.0)
    args = parser.parse_args()
    data_dir = Path(args.data_dir).resolve()
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
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        bare = Path(folder) / "bare.py"
        bare.write_text(BARE)
        with serving(bare) as (url, server):
            page = browser.new_page(viewport={"width": 1280, "height": 720})
            goto(page, url, server)
            page.wait_for_selector("[data-testid=stImage] img", timeout=60_000)
            page.wait_for_timeout(1000)
            slider = page.locator("[data-testid=stSlider]").first.bounding_box()
            thumb = (
                page.locator("[data-testid=stSliderThumbValue]").locator("xpath=..").bounding_box()
            )
            found = drag(
                page, "[data-testid=stImage] img", _along(page, thumb, slider), args.seconds
            )
            print(row("bare st.slider", found, None), flush=True)
            page.close()
        with serving(ROOT / "streamlit_app.py", VAE_DATA_DIR=str(data_dir)) as (url, server):
            for checkpoint, data, points in scenes:
                page = browser.new_page(viewport={"width": 1280, "height": 720})
                goto(page, f"{url}/?checkpoint={checkpoint}&data={data}", server)
                page.wait_for_selector(".stage[data-ready=true]", timeout=120_000)
                page.wait_for_timeout(1500)
                name = f"{checkpoint}, {points} points: "
                plot = page.locator(".stage .map").first.bounding_box()
                found = drag(page, "canvas.x-hat", _circle(plot), args.seconds)
                decode = page.evaluate(DECODE, 300)
                print(row(name + "map", found, decode), flush=True)
                page.wait_for_timeout(500)
                thumb, track = _thumb(page, ".stage .slider input")
                found = drag(page, "canvas.x-hat", _along(page, thumb, track), args.seconds)
                print(row(name + "slider", found, decode), flush=True)
                page.close()
            for names in COMPARED:
                page = browser.new_page(viewport={"width": 1280, "height": 720})
                data = scenes[0][1]
                goto(page, f"{url}/compare?beside={','.join(names)}&data={data}", server)
                page.wait_for_selector(".stage[data-ready=true]", timeout=120_000)
                page.wait_for_timeout(3000)
                plane = page.locator(".compare .map").first.bounding_box()
                last = f".compare .column:nth-child({len(names)}) canvas.x-hat"
                found = drag(page, last, _circle(plane), args.seconds)
                what = "perceptual" if "perceptual" in names[0] else "models"
                print(row(f"Compare, {len(names)} {what}: the last one", found, None), flush=True)
                page.close()


if __name__ == "__main__":
    main()
