"""The law of the house: who may import whom, and what the first page must not pay for."""

import subprocess
import sys
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
