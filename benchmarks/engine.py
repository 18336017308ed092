"""How fast the browser's engine decodes: python -m benchmarks.engine [--json FILE]

In a real Chromium on one core: decoders of random weights by the engine (with each of its
kernels), by the plain loops that the explorer ran before, and by onnxruntime-web on one thread,
where `npm ci` has brought it. CPU time is that of the page's thread, the median of five runs.
"""

import argparse
import gzip
import json
import os
import re
import statistics
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import onnx
from benchmarks.browser import ROOT, chromium
from benchmarks.decoders import DECODERS, build, loops, without_norms
from explorer.server import assets
from training.vae.program import of_module

RUNTIME = ROOT / "node_modules" / "onnxruntime-web" / "dist"
WAYS = ("loops", "fma", "simd", "js", "onnxruntime")
PICTURES = 225  # of a manifold
# What is required of CPU ms a decode with and without multiply-add, of the ratio to the loops, of a
# manifold in ms, and of the first picture in ms.
REQUIRED: dict[str, dict[str, float]] = {
    "mlp": {"fma": 0.25},
    "a": {"fma": 0.1},
    "b": {"fma": 1, "ratio": 25, "many": 200},
    "c": {"fma": 12, "simd": 16, "ratio": 25, "many": 2000, "first": 300},
    "d": {"fma": 4, "ratio": 25, "many": 800},
}

PAGE = """async ({ name, way }) => {
  const get = async path => (await fetch(`/${path}`)).arrayBuffer();
  const about = await (await fetch(`/${name}.json`)).json();
  const z = Float32Array.from({ length: 12 * about.dims }, () => 4 * Math.random() - 2);
  let run, model;
  if (way === 'loops') {
    const { network } = await import('/loops.js');
    const weights = new Float32Array(await get(`${name}.loops`));
    const layers = network(about.layers, weights, [about.dims]);
    run = () => layers(z.subarray(0, about.dims));
  } else if (way === 'onnxruntime') {
    const ort = await import('/ort/ort.wasm.min.mjs');
    ort.env.wasm.numThreads = 1;
    ort.env.wasm.wasmPaths = '/ort/';
    const session = await ort.InferenceSession.create(await get(`${name}.onnx`));
    run = async () => {
      const feed = { z: new ort.Tensor('float32', z.slice(0, about.dims), [1, about.dims]) };
      return Object.values(await session.run(feed))[0].data;
    };
  } else {
    const { Network } = await import('/web/engine/program.js');
    const { Pace, PIECE_MS } = await import('/web/model/pace.js');
    const weights = new Float32Array(await get(`${name}.weights`));
    const tensors = key => {
      const [first, shape] = about.tensors[key];
      return { shape, data: weights.subarray(first, first + shape.reduce((a, b) => a * b, 1)) };
    };
    const began = performance.now();
    const network = new Network(about.program, tensors, { kernel: way });
    network.run(z.subarray(0, about.dims));
    window.first = performance.now() - began;
    run = () => network.run(z.subarray(0, about.dims));
    window.many = count => {
      const pace = new Pace(), pieces = [];
      const model = { batch: network.batch, decodeMs: network.predictedMs };
      for (let left = count; left > 0; ) {
        const start = performance.now();
        left -= pace.piece(model, left, start + PIECE_MS,
          (_, n) => network.run(z.subarray(0, n * about.dims), n));
        pieces.push(performance.now() - start);
      }
      return pieces;
    };
  }
  window.decode = async times => {
    let out;
    for (let i = 0; i < times; i++) out = way === 'onnxruntime' ? await run() : run();
    return Array.from(out.slice(0, 5));
  };
  await window.decode(4);
  const began = performance.now();
  await window.decode(4);
  return (performance.now() - began) / 4;
}"""


def contents(name: str) -> dict[str, bytes]:
    """What a page asks for about a decoder, by path."""
    layers, dims = build(name), DECODERS[name].latent_dim
    program = of_module(layers, [dims])
    table, first = {}, 0
    for key, tensor in program.tensors.items():
        table[key] = [first, list(tensor.shape)]
        first += tensor.numel()
    flat = np.concatenate([tensor.numpy().ravel() for tensor in program.tensors.values()])
    plain = without_norms(layers)
    described, weights = loops(plain)
    with torch.no_grad():
        size = plain(torch.zeros(1, dims)).numel()
    about = {"dims": dims, "program": program.describe(), "tensors": table, "layers": described}
    return {
        f"{name}.json": json.dumps(about).encode(),
        f"{name}.weights": flat.astype("<f4").tobytes(),
        f"{name}.loops": weights.astype("<f4").tobytes(),
        f"{name}.onnx": onnx.model(plain, dims, size),
    }


@contextmanager
def served(made: dict[str, bytes]) -> Iterator[str]:
    """The address of a server of the engine, the loops, the runtime, and what was made."""
    folders = {"web": ROOT / "explorer" / "web", "ort": RUNTIME, "": ROOT / "benchmarks"}
    types = {".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm"}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.split("?")[0].lstrip("/")
            folder, _, rest = path.partition("/") if "/" in path else ("", "", path)
            file = folders.get(folder, ROOT) / rest
            content = made.get(path, b"<!doctype html>" if not path else None)
            if content is None and file.is_file():
                content = file.read_bytes()
            self.send_response(200 if content is not None else 404)
            kind = types.get(Path(path).suffix, "text/html" if not path else "text/plain")
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()


def _descendants(pid: int) -> set[int]:
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def cpu_ms() -> float:
    """CPU time so far of the main threads of all pages that this process has started, in ms."""
    total = 0
    for pid in _descendants(os.getpid()):
        try:
            if b"--type=renderer" in Path(f"/proc/{pid}/cmdline").read_bytes():
                total += int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[0])
        except OSError:  # it has ended
            continue
    return total / 1e6


def measured(page: Any, url: str, name: str, way: str) -> dict[str, float]:
    """CPU ms a decode, and for the engine the first picture and a manifold, in ms of the wall."""
    page.goto(url)
    each = page.evaluate(PAGE, {"name": name, "way": way})
    times = max(4, min(4000, round(200 / max(each, 0.01))))
    page.evaluate("times => decode(times)", times)
    found = []
    for _ in range(5):
        before = cpu_ms()
        page.evaluate("times => decode(times)", times)
        found.append((cpu_ms() - before) / times)
    result = {"cpu": statistics.median(found)}
    if way in ("fma", "simd", "js"):
        result["first"] = page.evaluate("first")
    if way == "fma":
        page.evaluate("count => many(count)", PICTURES)
        # The wall's least of some, for others may want the core.
        runs = [page.evaluate("count => many(count)", PICTURES) for _ in range(3)]
        pieces = min(runs, key=sum)
        result["many"], result["piece"] = sum(pieces), max(pieces)
        result["pieces"] = len(pieces)
    return result


def engine_bytes() -> dict[str, int]:
    """Bytes of the engine, gzipped: as its modules are served, and as one text; and of what is
    loaded besides where a program has an op that few have."""
    _, modules = assets.modules()
    core = assets.needed("engine/program.js")

    def one(names: Iterable[str]) -> int:
        whole = b"".join(gzip.decompress(modules[name]) for name in sorted(names))
        return len(gzip.compress(re.sub(rb"\n\s+", b"\n", whole), 9, mtime=0))

    return {
        "served": sum(len(modules[name]) for name in core),
        "together": one(core),
        "modules": len(core),
        "more": one(name for name in modules if name.startswith("engine/") and name not in core),
    }


def report(rows: dict[str, dict[str, dict[str, float]]], say: Callable[[str], None]) -> None:
    """The table."""
    say(
        f"{'decoder':<54} {'products':>9} "
        + " ".join(f"{way:>7}" if way != "onnxruntime" else f"{'ort':>7}" for way in WAYS)
        + f" {'× loops':>8} {'first':>6} {f'{PICTURES} of it':>9} {'piece':>6}"
    )
    say(
        f"{'':<54} {'million':>9} "
        + " ".join(f"{'CPU ms':>7}" for _ in WAYS)
        + f" {'':>8} {'ms':>6} {'ms':>9} {'ms':>6}"
    )
    for name, row in rows.items():
        products = of_module(build(name), [DECODERS[name].latent_dim]).products
        times = " ".join(f"{row[way]['cpu']:7.3f}" if way in row else f"{'–':>7}" for way in WAYS)
        fma = row["fma"]
        say(
            f"{name + ': ' + DECODERS[name].title:<54} {products / 1e6:9.2f} {times} "
            f"{row['loops']['cpu'] / fma['cpu']:8.1f} {fma['first']:6.0f} {fma['many']:9.0f} "
            f"{fma['piece']:6.1f}"
        )


def missed(rows: dict[str, dict[str, dict[str, float]]]) -> list[str]:
    """What is required and was not reached."""
    found = []
    for name, limits in REQUIRED.items():
        row = rows[name]
        ratio = row["loops"]["cpu"] / row["fma"]["cpu"]
        values = {
            "fma": row["fma"]["cpu"],
            "simd": row["simd"]["cpu"],
            "many": row["fma"]["many"],
            "first": row["fma"]["first"],
        }
        for key, limit in limits.items():
            if key == "ratio" and ratio < limit:
                found.append(f"{name}: {ratio:.1f} × the loops, not {limit:g}")
            elif key != "ratio" and values[key] > limit:
                found.append(f"{name}: {key} {values[key]:.3g} ms, not {limit:g}")
        if "many" in limits and row["fma"]["piece"] > 16:
            found.append(f"{name}: a piece of {row['fma']['piece']:.1f} ms, not 16")
    return found


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="a file for the numbers")
    parser.add_argument("--only", nargs="*", default=list(DECODERS), choices=list(DECODERS))
    args = parser.parse_args()
    made = {path: content for name in args.only for path, content in contents(name).items()}
    if hasattr(os, "sched_setaffinity"):  # the browser inherits it: one core
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    ways = [way for way in WAYS if way != "onnxruntime" or RUNTIME.is_dir()]
    rows: dict[str, dict[str, dict[str, float]]] = {}
    with served(made) as url, chromium() as browser:
        for name in args.only:
            rows[name] = {}
            for way in ways:
                page = browser.new_page()
                rows[name][way] = measured(page, url, name, way)
                page.close()
    report(rows, print)
    size = engine_bytes()
    print(
        f"\nthe engine, gzipped: {size['together'] / 1000:.1f} kB as one text, "
        f"{size['served'] / 1000:.1f} kB as {size['modules']} modules; "
        f"{size['more'] / 1000:.1f} kB more for ops that few programs have"
    )
    if set(rows) == set(REQUIRED):
        for line in missed(rows) or ["all that is required of times is reached"]:
            print(line)
    if args.json:
        args.json.write_text(json.dumps({"decoders": rows, "bytes": size}, indent=1))


if __name__ == "__main__":
    main()
