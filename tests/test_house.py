"""The law of the house: who may import whom, and what the first page must not pay for."""

import ast
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


ARRAYS = modules("explorer/latent", "explorer/figures", "explorer/runs") + ",explorer.blobs"
PAGES = modules("explorer/session", "explorer/explore", "explorer/compare", "explorer/train")


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
SHAPE_FREE = ("training/**/*.py", "explorer/**/*.py")  # "explorer/web/**/*.js" is to follow
MNISTS_OWN = {
    "training/vae/image_shape.py",  # the shape of the rows of MNIST and its kin, and its name
    "training/vae/model.py",  # the report's network
    "training/vae/classifier.py",  # its classifier
}


def test_nothing_but_a_data_set_knows_the_shape_of_its_pictures():
    found = set()
    for path in {path for pattern in SHAPE_FREE for path in ROOT.glob(pattern)}:
        name = path.relative_to(ROOT).as_posix()
        if SIDE_28.search(path.read_text()) and "vendor" not in name:
            found.add(name)
    assert found == MNISTS_OWN


# The folders and modules of a package from the bottom up: one imports what stands on a lower line,
# or its own folder.
TRAINING = (
    {"text"},
    {"files", "errors", "console"},
    {"device", "distributed"},
    {"vae"},
    {"data"},
    {"presets"},
    {"runs"},
    {"checkpoint"},
    {"evaluation"},
    {"fit"},
    {"__main__"},
)
EXPLORER = (
    {"paths", "web", "blobs", "latent", "figures"},
    {"runs"},
    {"server"},
    {"components"},
    {"session"},
    {"explore", "compare", "train"},
    {"app", "__main__"},
)
LEAVES = {"paths", "web", "blobs", "latent", "figures"}  # these import each other


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


@pytest.mark.xfail(strict=False, reason="the pages share explore/controls.py and explore/stage.py")
def test_imports_within_explorer_go_down_and_pages_never_import_each_other():
    assert offences("explorer", EXPLORER) == []


def test_an_import_that_goes_up_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    (tmp_path / "training" / "vae").mkdir(parents=True)
    bad = "import os\n\n\ndef f():\n    from training.fit import session\n"
    (tmp_path / "training" / "vae" / "model.py").write_text(bad)
    assert offences("training", TRAINING) == [
        "training/vae/model.py:5 imports training.fit",
    ]
