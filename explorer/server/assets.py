"""Static content over HTTP, named by its hash, so that the browser keeps it for ever.

Four kinds: the stage's own JavaScript, plotly.js from the plotly package, KaTeX with its fonts, and
blobs (models, pictures, maps). Nothing else can be fetched: the first three are fixed lists, and a
blob is there only once a page has offered it.
"""

import gzip
import hashlib
import posixpath
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from explorer.compressed import gzipped
from training.errors import UserError

PREFIX = "stage"
MODULES = Path(__file__).parents[1] / "web"
_KATEX = Path(__file__).parents[1] / "vendor" / "katex"
MAIN_MODULES = {
    "": "explore/explore.js",
    "train": "train/view.js",
    "compare": "compare/compare.js",
    "understand": "understand/understand.js",
}  # by the last part of a page's address
FOREVER = "public, max-age=31536000, immutable"
_MAX_BYTES = 256 * 2**20
_MOST_SETS = 12  # of blobs in parts, of a kind, each of which keeps what it is made of
_PART = re.compile(r"([0-9a-f]{32})\.(0|[1-9]\d{0,5})")


class NotYetError(Exception):
    """A part is being made; `share` of it is done."""

    def __init__(self, share: float) -> None:
        super().__init__(share)
        self.share = share


class _Entry:
    """A blob that is on offer: its name, and its gzipped bytes as soon as they are ready."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.name = ""
        self.packed: Future[bytes] | None = None

    @property
    def size(self) -> int:
        """Bytes held, of what is ready."""
        return len(self.packed.result()) if self.packed and self.packed.done() else 0


class Store:
    """Blobs by name, gzipped; the least recently used ones go when there are too many bytes.

    Thread-safe: pages offer from many threads, and the same blob is made once. Compression goes on
    beside the page, which needs no more than the name.
    """

    def __init__(self, max_bytes: int = _MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._by_key: OrderedDict[Hashable, _Entry] = OrderedDict()
        self._parts: dict[str, Callable[[int], bytes]] = {}
        self._sets: dict[str, OrderedDict[str, None]] = {}  # their names, by kind
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="gzip")

    def offer(self, key: Hashable, build: Callable[[], bytes]) -> str:
        """Make a blob fetchable; its path, relative to the app's own root.

        `key` stands for the content: `build` is called only where no blob of this key is held.
        """
        with self._lock:
            entry = self._by_key.setdefault(key, _Entry())
            self._by_key.move_to_end(key)
        with entry.lock:
            if entry.packed is None:
                blob = build()
                entry.name = hashlib.blake2b(blob, digest_size=16).hexdigest()
                # Large sets of pictures would keep the first visitor waiting.
                level = 6 if len(blob) < 16 * 2**20 else 2
                entry.packed = self._pool.submit(gzipped, blob, level)
        self._trim(key)
        return f"{PREFIX}/blob/{entry.name}"

    def offer_parts(self, kind: str, key: Hashable, build: Callable[[int], bytes]) -> str:
        """Make blobs fetchable that are made when they are asked for; the beginning of their paths,
        behind which a part's number stands.

        `kind` and `key` stand for the content, in every process; `build` raises IndexError where
        there is no part of a number, NotYetError where that takes long and is being made, and
        UserError, whose sentence the browser is told, where it cannot be. Many sets
        of one kind let none of another go.
        """
        name = hashlib.blake2b(repr((kind, key)).encode(), digest_size=16).hexdigest()
        with self._lock:
            self._parts.setdefault(name, build)
            sets = self._sets.setdefault(kind, OrderedDict())
            sets[name] = None
            sets.move_to_end(name)
            while len(sets) > _MOST_SETS:
                del self._parts[sets.popitem(last=False)[0]]
        return f"{PREFIX}/blob/{name}."

    def _part(self, name: str, number: int) -> bytes | None:
        build = self._parts.get(name)
        if build is None:
            return None
        try:
            self.offer((name, number), lambda: build(number))
        except IndexError:
            return None
        with self._lock:
            entry = self._by_key.get((name, number))
        return entry.packed.result() if entry and entry.packed else None

    def _trim(self, keep: Hashable) -> None:
        with self._lock:
            total = self.held
            for key in list(self._by_key):
                if total <= self._max_bytes:
                    break
                if key != keep and self._by_key[key].size:  # what is being made stays
                    total -= self._by_key.pop(key).size

    @property
    def held(self) -> int:
        """Bytes held now, gzipped."""
        return sum(entry.size for entry in self._by_key.values())

    def find(self, name: str) -> bytes | None:
        """The gzipped blob of this name, if a page has offered it."""
        if part := _PART.fullmatch(name):
            return self._part(part[1], int(part[2]))
        with self._lock:
            key = next((k for k, e in self._by_key.items() if e.packed and e.name == name), None)
            if key is None:
                return None
            self._by_key.move_to_end(key)
            packed = self._by_key[key].packed
        return packed.result() if packed else None


STORE = Store()


# A string, which stays as it is; or a comment, an indent, or a space beside a sign.
_SIGN = r"[-=+*/%<>{}()\[\],;:?&|!]"
_SPARED = re.compile(
    r"""("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)"""
    r"""|/\*.*?\*/|(?:^|(?<=\s))//[^\n]*|(?<=\n)[ \t]+"""
    rf"""|(?<=[\w$)\]}}]) (?={_SIGN})|(?<={_SIGN}) (?=[\w$({{\[])""",
    re.DOTALL,
)
_NESTED = re.compile(r"\$\{[^}`]*`")  # a template within a template, which _SPARED does not follow


def code_alone(script: str) -> str:
    """A module without what is there for readers, a third of what would cross the wire. Lines keep
    their numbers."""
    if _NESTED.search(script):
        return script
    return _SPARED.sub(lambda found: found[1] or "\n" * found[0].count("\n"), script)


@cache
def modules() -> tuple[str, dict[str, bytes]]:
    """The stage's JavaScript, its code alone, gzipped, by path below `web/`; and a name made from
    all of it."""
    files = {
        path.relative_to(MODULES).as_posix(): code_alone(path.read_text("utf-8")).encode()
        for path in sorted(MODULES.rglob("*.js"))
    }
    whole = b"\0".join(part for name, text in files.items() for part in (name.encode(), text))
    name = hashlib.blake2b(whole, digest_size=8).hexdigest()
    return name, {file: gzip.compress(text, 9, mtime=0) for file, text in files.items()}


_IMPORT = re.compile(r'^(?:import|export) [^;]*?"(\.{1,2}/[\w./]+)";$', re.MULTILINE | re.DOTALL)


@cache
def needed(module: str) -> frozenset[str]:
    """A module of the stage's and all those that it imports, directly or not."""
    found, open_ = set(), [module]
    while open_:
        name = open_.pop()
        if name not in found:
            found.add(name)
            for path in _IMPORT.findall((MODULES / name).read_text()):
                open_.append(posixpath.normpath(posixpath.join(posixpath.dirname(name), path)))
    return frozenset(found)


@cache
def _plotly() -> tuple[str, bytes]:
    import plotly

    script = (Path(plotly.__file__).parent / "package_data" / "plotly.min.js").read_bytes()
    return f"plotly-{hashlib.blake2b(script, digest_size=8).hexdigest()}.js", script


@cache
def plotly_js() -> bytes:
    """plotly.js as the plotly package ships it, gzipped."""
    return gzip.compress(_plotly()[1], 6, mtime=0)


_TYPES = {".js": "text/javascript", ".css": "text/css", ".woff2": "font/woff2"}


@cache
def _katex() -> tuple[str, dict[str, bytes]]:
    """KaTeX as it is published, gzipped, by path below its folder; and a name made from all of
    it."""
    files = {
        path.relative_to(_KATEX).as_posix(): path.read_bytes()
        for path in sorted(_KATEX.rglob("*.*"))
    }
    name = hashlib.blake2b(b"\0".join(files.values()), digest_size=8).hexdigest()
    return name, {file: gzip.compress(content, 9, mtime=0) for file, content in files.items()}


def katex_path() -> str:
    """The folder of KaTeX's script, style sheet and fonts, relative to the app's own root."""
    return f"{PREFIX}/katex/{_katex()[0]}/"


def code_path(file: str) -> str:
    """The path of one of the stage's modules, relative to the app's own root."""
    return f"{PREFIX}/code/{modules()[0]}/{file}"


def plotly_path() -> str:
    """The path of plotly.js, relative to the app's own root."""
    return f"{PREFIX}/lib/{_plotly()[0]}"


def _answer(request: Request, packed: bytes | None, media_type: str) -> Response:
    if packed is None:
        return PlainTextResponse(
            "Nothing of this name is on offer here; reload the page.\n",
            status_code=404,
            headers={"Cache-Control": "no-store"},
        )
    headers = {
        "Cache-Control": FOREVER,
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
        # Of what is unpacked, which is what a script sees of its progress (RFC 1952, ISIZE).
        "X-Unpacked-Length": str(int.from_bytes(packed[-4:], "little")),
    }
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(
            packed, media_type=media_type, headers={**headers, "Content-Encoding": "gzip"}
        )
    return Response(gzip.decompress(packed), media_type=media_type, headers=headers)


def _code(request: Request) -> Response:
    name, files = modules()
    known = request.path_params["version"] == name
    packed = files.get(request.path_params["file"]) if known else None
    return _answer(request, packed, "text/javascript")


def _lib(request: Request) -> Response:
    known = request.path_params["file"] == _plotly()[0]
    return _answer(request, plotly_js() if known else None, "text/javascript")


def _mathematics(request: Request) -> Response:
    name, files = _katex()
    file = request.path_params["file"]
    packed = files.get(file) if request.path_params["version"] == name else None
    return _answer(request, packed, _TYPES.get(Path(file).suffix, "text/plain"))


def _blob(request: Request) -> Response:
    try:
        packed = STORE.find(request.path_params["name"])
    except NotYetError as waits:
        headers = {"Cache-Control": "no-store", "Retry-After": "1", "X-Share": f"{waits.share:.3f}"}
        return PlainTextResponse("It is being made.\n", status_code=503, headers=headers)
    except UserError as error:
        headers = {"Cache-Control": "no-store"}
        return PlainTextResponse(str(error), status_code=422, headers=headers)
    return _answer(request, packed, "application/octet-stream")


def at_both(base: str, answers: Mapping[str, Callable[[Request], Response]]) -> list[BaseRoute]:
    """Routes by their paths below `PREFIX`, under the app's base path and at the root.

    A reverse proxy may or may not take the base path off before it asks.
    """
    roots = dict.fromkeys(("", base.strip("/")))
    return [
        Route("/".join(["", *filter(None, (root, PREFIX)), path]), answer)
        for root in roots
        for path, answer in answers.items()
    ]


def routes(base: str = "") -> list[BaseRoute]:
    """The routes of what is large."""
    return at_both(
        base,
        {
            "code/{version}/{file:path}": _code,
            "lib/{file}": _lib,
            "katex/{version}/{file:path}": _mathematics,
            "blob/{name}": _blob,
        },
    )
