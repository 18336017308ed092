"""The hand-out as a page: one file with all in it, or a folder with its packs beside the page."""

import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from string import Template

from explorer.handout import bundle, packs
from explorer.handout.contents import Contents
from explorer.server.assets import MODULES, code_alone
from training.errors import UserError
from training.files import replace_file
from training.text import printable_path

TITLE = "VAE Latent Explorer"
_HANDOUT = MODULES / "handout"
_KATEX = Path(__file__).parents[1] / "vendor" / "katex"
# What the formulas of the walk are set in; a test holds it against the page.
FONTS = (
    *("Main-Regular", "Main-Bold", "Main-Italic", "Math-Italic", "AMS-Regular"),
    *("Caligraphic-Regular", "Size1-Regular", "Size2-Regular", "Size3-Regular", "Size4-Regular"),
)
_FIRST = ("handout/handout.js", "explore/explore.js", "handout/worker.js", "model/worker.js")
_LATER = ("compare/compare.js", "understand/understand.js", "model/worker_exact.js")
_STYLES = {
    "base.css": ("base.css", "session/menu.css", "session/present.css"),
    "explore.css": ("explore/explore.css", "explore/wall.css"),
    "compare.css": ("compare/compare.css",),
    "understand.css": ("understand/understand.css",),
}
_FACE = re.compile(r"@font-face\{[^}]*?url\(fonts/KaTeX_([\w-]+)\.woff2\)[^}]*\}")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)

# No page can ask anybody for anything but, where it is a folder's, the files beside it.
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' blob: 'wasm-unsafe-eval'; "
    "worker-src blob:{own}; style-src 'unsafe-inline'; img-src data: blob:{own}; font-src data:; "
    "connect-src {files}; manifest-src {files}; base-uri 'none'; form-action 'none'"
)

_PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="$policy">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="description" content="$about">
<title>$title</title>
$links
<style>$style</style>
</head>
<body>
<header class="top">
<h1>$title</h1>
<nav class="pages" aria-label="Pages">
<a href="#page=explore" data-page="explore" aria-current="page">Explore</a>
<a href="#page=compare" data-page="compare" $alone>Compare</a>
<a href="#page=understand" data-page="understand">Understand</a>
</nav>
<button type="button" class="theme">◐ <span>auto</span></button>
</header>
<section class="choices" aria-label="What is shown">
<select class="choose-model" aria-label="Checkpoint" hidden></select>
<div class="choose-map group" role="group" aria-label="Map" hidden></div>
<div class="choose-beside group" role="group" aria-label="Checkpoints" hidden></div>
<p class="inventory">$about</p>
</section>
<main><p class="opening-words" role="status">The model is on its way.</p></main>
<noscript><p class="opening-words">This page needs JavaScript: it computes here.</p></noscript>
<script type="application/json" id="pack-list">$facts</script>
<script id="boot">$boot</script>
<script>$loader</script>
$packs$last</body>
</html>
""")


class ExportError(UserError):
    """A hand-out cannot be written; the message is a sentence."""


def _data_url(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


@cache
def _katex() -> dict[str, bytes]:
    """KaTeX's script, and its style sheet with the fonts that the formulas need."""

    def face(found: re.Match[str]) -> str:
        if found[1] not in FONTS:
            return ""
        font = (_KATEX / "fonts" / f"KaTeX_{found[1]}.woff2").read_bytes()
        source = f'src:url({_data_url("font/woff2", font)}) format("woff2")}}'
        return re.sub(r"src:.*\}", lambda _: source, found[0])

    style = _FACE.sub(face, (_KATEX / "katex.min.css").read_text())
    return {"katex.js": (_KATEX / "katex.min.js").read_bytes(), "katex.css": style.encode()}


def _style(*names: str) -> bytes:
    text = "".join((MODULES / name).read_text() for name in names)
    return re.sub(r"\n\s*", "\n", _COMMENT.sub("", text)).strip().encode()


@cache
def _code() -> tuple[dict[str, bytes], dict[str, bytes]]:
    """The files with code and style: those that the first page needs, and those of the others."""
    first = bundle.needed(*_FIRST, "engine/algebra.js")
    known = set(first)
    later = [name for name in bundle.needed(*_FIRST, *_LATER, lazily=True) if name not in known]
    styles = {name: _style(*parts) for name, parts in _STYLES.items()}
    begins = {"code.js": bundle.script(first)}
    begins |= {name: styles.pop(name) for name in ("base.css", "explore.css")}
    return begins, {"code.js": bundle.script(later), **styles}


def packed(contents: Contents) -> dict[str, bytes]:
    """The packs of a hand-out, gzipped, by their names, in the order in which its page needs
    them."""
    begins, later = _code()
    found = {name: dict(files) for name, files in contents.packs.items()}
    found["start"] = {**begins, **found["start"]}
    found["more"] = {**later, **found["more"]}
    found["katex"] = _katex()
    return {name: packs.pack(files) for name, files in found.items()}


def _page(contents: Contents, sizes: Mapping[str, int], folder: str | None, **parts: str) -> str:
    facts = {"packs": [{"name": n, "size": size} for n, size in sizes.items()], "folder": folder}
    alone = folder is None
    policy = _POLICY.format(own="" if alone else " 'self'", files="'none'" if alone else "'self'")
    names = ", ".join(model["name"] for model in contents.facts["models"])
    return _PAGE.substitute(
        {
            "policy": policy,
            "title": TITLE,
            "about": html.escape(f"{names} · {contents.facts['data']}"),
            "style": _style("handout/handout.css").decode(),
            "alone": "hidden" if len(contents.facts["models"]) < 2 else "",
            "facts": json.dumps(facts).replace("<", "\\u003c"),
            "boot": code_alone((_HANDOUT / "boot.js").read_text()),
            "loader": code_alone((_HANDOUT / "packs.js").read_text()),
            "links": "",
            "packs": "",
            "last": "",
            **parts,
        }
    )


def one_file(contents: Contents) -> bytes:
    """The hand-out as one HTML file, which asks nobody for anything."""
    found = packed(contents)
    texts = {name: packs.as_text(content) for name, content in found.items()}
    scripts = "".join(
        f'<script type="text/plain" id="pack-{name}">{text}</script>\n'
        f'<script>packs.arrived("{name}")</script>\n'
        for name, text in texts.items()
    )
    icon = _data_url("image/svg+xml", (MODULES / "icon.svg").read_bytes())
    link = f'<link rel="icon" href="{icon}">'
    sizes = {name: len(text) for name, text in texts.items()}
    return _page(contents, sizes, None, packs=scripts, links=link).encode()


def folder_of_files(contents: Contents) -> dict[str, bytes]:
    """The hand-out as files by their paths: a page that can be installed, and opens offline after
    its first visit."""
    found = packed(contents)
    digest = hashlib.blake2b(b"".join(found.values()), digest_size=8).hexdigest()
    at = f"packs-{digest}"  # a new hand-out has new names, whatever was kept of the last one
    files = {f"{at}/{name}.bin": content for name, content in found.items()}
    files["icon.svg"] = (MODULES / "icon.svg").read_bytes()
    files["manifest.webmanifest"] = json.dumps(
        {
            "name": TITLE,
            "short_name": "Explorer",
            "start_url": "./index.html",
            "scope": "./",
            "display": "standalone",
            "background_color": "#ffffff",
            "theme_color": "#0e7490",
            "icons": [{"src": "icon.svg", "sizes": "any", "type": "image/svg+xml"}],
        },
        indent=1,
    ).encode()
    sizes = {name: len(content) for name, content in found.items()}
    links = (
        '<link rel="icon" href="icon.svg"><link rel="manifest" href="manifest.webmanifest">'
        '<meta name="theme-color" content="#0e7490">'
    )
    register = (
        "<script>navigator.serviceWorker?.register('service_worker.js').catch(() => {})</script>\n"
    )
    files["index.html"] = _page(contents, sizes, at, links=links, last=register).encode()
    kept = ["./", *sorted(files)]
    whole = hashlib.blake2b(b"".join(files.values()), digest_size=8).hexdigest()
    head = f'self.FILES = {json.dumps(kept)};\nself.VERSION = "vae-handout-{whole}";\n'
    worker = code_alone((_HANDOUT / "service_worker.js").read_text())
    files["service_worker.js"] = (head + worker).encode()
    return files


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files below a folder, each whole or not at all, the page last.

    Raises:
        ExportError: they cannot be written.
    """
    try:
        for name in sorted(files, key=lambda name: name.endswith((".html", ".js"))):
            path, content = folder / name, files[name]
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(path, lambda file, content=content: file.writelines([content]))  # type: ignore[misc]
    except OSError as error:
        raise ExportError(
            f"{printable_path(folder)} cannot be written to ({error.strerror}); name another place."
        ) from None
