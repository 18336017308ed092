"""A lecture hall: many visitors of one server on this machine, each changing what it sees.

    python -m benchmarks.room [--visitors 200] [--processes 1] [--root DIR …] [--data-dir data]
        [--json FILE]

Visitors are web sockets that speak Streamlit's protocol, in a process beside the server: each loads
Explore and its blobs, chooses an image, another checkpoint and PCA, and stays. One row is a hall
that fills within a minute, the other one that is there at the same moment. `--root` names checkouts
to measure in turn, so that two can be told apart in one run; this one if none is named. Several
`--processes` stand behind nginx, as docs/deploy has it.
"""

import argparse
import asyncio
import contextlib
import json
import statistics
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import psutil
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import connect
from websockets.typing import Origin, Subprotocol

from benchmarks.browser import ROOT, serving, serving_many

PATIENCE = 120.0  # seconds for one page run, after which it counts as an error
MINUTE = 60.0


@dataclass
class Hall:
    """Measures of a hall. Times in seconds, memory in MB."""

    visitors: int
    arriving: float
    errors: list[str] = field(default_factory=list)
    first_page: list[float] = field(default_factory=list)
    change: list[float] = field(default_factory=list)
    health: list[float] = field(default_factory=list)
    memory_each: float = 0.0
    files_each: float = 0.0
    tsne_maps: int = 0


class Visitor:
    """A browser's tab, without the browser: what it was shown, and what it says."""

    def __init__(self, url: str, number: int) -> None:
        self.url, self.number = url, number
        self.boxes: dict[str, Any] = {}
        self.stage: Any = None
        self.address: dict[str, list[str]] = {}
        self.page = self.fragment = ""
        self.values: dict[str, tuple[str, Any]] = {}
        self.cookie = ""

    async def arrive(self) -> None:
        """Open the page, and wait until it is there."""
        await asyncio.to_thread(self._get, "/")
        stream = self.url.replace("http", "ws", 1) + "/_stcore/stream"
        self.socket = await connect(
            stream,
            subprotocols=[Subprotocol("streamlit")],
            origin=Origin(self.url),
            max_size=None,
            open_timeout=PATIENCE,
            additional_headers={"Cookie": self.cookie} if self.cookie else {},
            proxy=None,
        )
        await self.run()
        data = self._data()
        model = data["models"][0]
        own = (model[kind] for kind in ("model", "first", "map", "encoder"))
        for path in filter(None, (*own, data["pictures"])):
            await asyncio.to_thread(self._get, f"/{path}")

    def _get(self, path: str) -> bytes:
        headers = {"Accept-Encoding": "gzip"} | ({"Cookie": self.cookie} if self.cookie else {})
        request = urllib.request.Request(self.url + path, headers=headers)
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            given = answer.headers.get("Set-Cookie", "").partition(";")[0]
            self.cookie = self.cookie or given  # nginx's, which says the process
            return answer.read()

    def _data(self) -> Any:
        part = self.stage.mixed.json if self.stage.HasField("mixed") else self.stage.json
        return json.loads(part)[0]

    async def choose_image(self) -> None:
        """As a click on the map: an image of its own, with the code that belongs to it."""
        data = self._data()
        z = [float(v) for v in data["start"]["z"]]
        told = {"key": data["key"], "image": self.number, "z": z, "telling": 1}
        self.values[self.stage.id] = ("json_value", json.dumps({"view": told}))
        await self.run(self.fragment)

    async def choose(self, box: str, what: str) -> None:
        """Choose in a box by the beginning of what it offers."""
        found = self.boxes[box]
        if box == "view_box":
            self.values[found.id] = ("string_array_value", [what])
        else:
            option = next(text for text in found.options if text.startswith(what))
            self.values[found.id] = ("string_value", option)
        await self.run()

    async def run(self, fragment: str = "") -> None:
        """Ask for a page run, and take what comes until it has ended."""
        asked = BackMsg()
        state = asked.rerun_script
        state.query_string = "&".join(f"{k}={v[0]}" for k, v in self.address.items())
        state.page_script_hash, state.fragment_id = self.page, fragment
        for name, (kind, value) in self.values.items():
            widget = state.widget_states.widgets.add(id=name)
            if kind == "string_array_value":
                widget.string_array_value.data.extend(value)
            else:
                setattr(widget, kind, value)
        if not self.values:
            state.widget_states.SetInParent()
        await self.socket.send(asked.SerializeToString())
        async with asyncio.timeout(PATIENCE):
            while not self._take(ForwardMsg.FromString(await self.socket.recv())):
                pass

    def _take(self, message: ForwardMsg) -> bool:
        kind = message.WhichOneof("type")
        if kind == "script_finished":
            if message.script_finished not in (
                ForwardMsg.FINISHED_SUCCESSFULLY,
                ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY,
            ):
                raise RuntimeError(f"a page run ended with {message.script_finished}")
            return True
        if kind == "new_session":
            self.page = message.new_session.page_script_hash
        elif kind == "page_info_changed":
            self.address = parse_qs(message.page_info_changed.query_string)
        elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            element = message.delta.new_element
            shown = element.WhichOneof("type")
            if shown in ("selectbox", "button_group"):
                box = getattr(element, shown)
                self.boxes[box.id.rpartition("-")[2]] = box
            elif shown == "bidi_component" and element.bidi_component.id.endswith("-stage"):
                self.stage, self.fragment = element.bidi_component, message.delta.fragment_id
            elif shown == "exception":
                raise RuntimeError(f"a traceback on the page: {element.exception.message[:80]}")
        return False


class Pulse:
    """The server's answers to `/health`, asked again and again by a thread of its own."""

    def __init__(self, url: str) -> None:
        self.url, self.waited = f"{url}/_stcore/health", [0.0]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)

    def __enter__(self) -> "Pulse":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join()

    def _ask(self) -> None:
        while not self._over.wait(0.1):
            began = time.perf_counter()
            try:
                urllib.request.urlopen(self.url, timeout=PATIENCE).read()
            except OSError:
                self.waited.append(PATIENCE)
            self.waited.append(time.perf_counter() - began)


async def _visit(visitor: Visitor, delay: float, hall: Hall, leave: asyncio.Event) -> None:
    try:
        await asyncio.sleep(delay)
        began = time.perf_counter()
        await visitor.arrive()
        hall.first_page.append(time.perf_counter() - began)
        steps: list[Callable[[], Any]] = [
            visitor.choose_image,
            lambda: visitor.choose(
                "checkpoint_box", ("mnist-10d", "report-normal")[visitor.number % 2]
            ),
            lambda: visitor.choose("view_box", "PCA"),
        ]
        for step in steps:
            began = time.perf_counter()
            await step()
            hall.change.append(time.perf_counter() - began)
        seen = {
            name: visitor.address.get(name, [""])[0] for name in ("checkpoint", "view", "image")
        }
        wanted = {
            "checkpoint": ("mnist-10d", "report-normal")[visitor.number % 2],
            "view": "pca",
            "image": str(visitor.number),
        }
        if seen != wanted:
            hall.errors.append(f"visitor {visitor.number} sees {seen} instead of {wanted}")
        await leave.wait()
    except Exception as error:
        hall.errors.append(f"visitor {visitor.number}: {type(error).__name__}: {error}"[:200])


async def _fill(url: str, servers: list[psutil.Process], hall: Hall, first: int) -> list[Visitor]:
    """Have the visitors come, and measure what each leaves in the server's memory."""
    leave = asyncio.Event()
    visitors = [Visitor(url, first + n) for n in range(hall.visitors)]
    before = sum(server.memory_info().rss for server in servers)
    files = sum(server.num_fds() for server in servers)
    going = [
        asyncio.create_task(_visit(v, hall.arriving * n / hall.visitors, hall, leave))
        for n, v in enumerate(visitors)
    ]
    done = 0
    deadline = time.perf_counter() + hall.arriving + 3 * PATIENCE
    while done < hall.visitors and time.perf_counter() < deadline:
        await asyncio.sleep(0.5)
        done = len(hall.change) // 3 + len(hall.errors)
    taken = sum(server.memory_info().rss for server in servers) - before
    hall.memory_each = taken / hall.visitors / 2**20
    hall.files_each = (sum(server.num_fds() for server in servers) - files) / hall.visitors
    leave.set()
    await asyncio.gather(*going)
    return visitors


async def _ask_for_tsne(visitors: list[Visitor], cache: Path, hall: Hall) -> None:
    """Many ask for the same t-SNE: it must be computed once."""
    asking = (v.choose("view_box", "t-SNE") for v in visitors[:20] if "view_box" in v.boxes)
    for result in await asyncio.gather(*asking, return_exceptions=True):
        if isinstance(result, Exception):
            hall.errors.append(f"t-SNE: {type(result).__name__}: {result}"[:200])
    end = time.perf_counter() + PATIENCE
    while time.perf_counter() < end and not list(cache.rglob("tsne/*.npz")):
        await asyncio.sleep(0.5)
    hall.tsne_maps = len(list(cache.rglob("tsne/*.npz")))


async def measure(root: Path, visitors: int, data_dir: Path, processes: int = 1) -> list[Hall]:
    """Halls of a checkout: one that fills within a minute, and one that is full at once."""
    halls = [Hall(visitors, MINUTE), Hall(visitors, 0.0)]
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder) / "cache"
        environment = {"VAE_DATA_DIR": str(data_dir.resolve()), "VAE_CACHE_DIR": str(cache)}
        for hall in halls:
            with _servers(root, processes, Path(folder), environment) as (url, started):
                await listening(url)
                servers = [psutil.Process(process.pid) for process in started]
                # What all share is not a further session's; one for each process, most likely.
                warm = [Visitor(url, 0) for _ in range(6 * processes if processes > 1 else 1)]
                for visitor in warm:
                    await visitor.arrive()
                    for name in ("mnist-10d", "report-normal"):
                        await visitor.choose("checkpoint_box", name)
                        await visitor.choose("view_box", "PCA")
                        await visitor.choose("view_box", "Latent plane")
                with Pulse(url) as pulse:
                    there = await _fill(url, servers, hall, 1)
                hall.health = pulse.waited
                if hall.arriving:
                    same = [v for v in there if v.number % 2]  # all of these see one checkpoint
                    await _ask_for_tsne(same, cache, hall)
                for visitor in (*there, *warm):
                    if hasattr(visitor, "socket"):
                        await visitor.socket.close()
    return halls


@contextlib.contextmanager
def _servers(root: Path, processes: int, folder: Path, environment: dict[str, str]) -> Any:
    if processes == 1:
        with serving(root / "streamlit_app.py", root, **environment) as (url, process):
            yield url, [process]
    else:
        with serving_many(processes, folder, root, **environment) as found:
            yield found


async def listening(url: str) -> None:
    """Wait until a server answers; TimeoutError where it does not."""
    end = time.perf_counter() + PATIENCE
    while time.perf_counter() < end:
        try:
            await asyncio.to_thread(urllib.request.urlopen, f"{url}/_stcore/health", None, 2)
            return
        except OSError:
            await asyncio.sleep(0.1)
    raise TimeoutError("the server does not answer")


def row(name: str, hall: Hall) -> str:
    """A line of the table."""
    first, change = hall.first_page or [float("nan")], hall.change or [float("nan")]
    return (
        f"{name:<10} {hall.visitors:4d} in {hall.arriving:3.0f} s   errors {len(hall.errors):3d}   "
        f"first page {statistics.median(first):5.2f} s (worst {max(first):6.2f})   "
        f"change {statistics.median(change):5.2f} s (worst {max(change):6.2f})   "
        f"health at worst {max(hall.health):6.2f} s   {hall.memory_each:5.2f} MB and "
        f"{hall.files_each:4.1f} files each   t-SNE maps {hall.tsne_maps}"
    )


def main() -> None:
    """Measure, and print a line for each hall of each checkout."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--visitors", type=int, default=200, help="1 to 500")
    parser.add_argument("--processes", type=int, default=1, help="behind nginx where more than one")
    parser.add_argument("--root", type=Path, nargs="+", default=[ROOT], help="checkouts to measure")
    parser.add_argument("--data-dir", type=Path, default=Path("data"))
    parser.add_argument("--json", type=Path, help="a file for the numbers")
    args = parser.parse_args()
    if not 1 <= args.visitors <= 500:
        sys.exit(f"--visitors {args.visitors} is not possible; choose a number from 1 to 500.")
    found = {}
    for root in args.root:
        found[str(root)] = asyncio.run(
            measure(root.resolve(), args.visitors, args.data_dir, args.processes)
        )
        for hall in found[str(root)]:
            print(row(root.resolve().name, hall), flush=True)
            for error in hall.errors[:3]:
                print(f"    {error}")
    if args.json:
        rows = {name: [asdict(hall) for hall in halls] for name, halls in found.items()}
        args.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
