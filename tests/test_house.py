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
TRAINING = ",".join(
    f"training.{path.stem}" for path in sorted((ROOT / "training").glob("[a-z]*.py"))
)
ARRAYS = "explorer.latent,explorer.projection,explorer.tsne,explorer.maps,explorer.figures,"
ARRAYS += "explorer.stage.payload,explorer.runs,explorer.launch,explorer.places,"
ARRAYS += "explorer.report"
PAGE = "explorer.choose,explorer.flow,explorer.history,explorer.cache,explorer.state,explorer.warm,"
PAGE += "explorer.new_run,explorer.steer,explorer.live,explorer.beside,explorer.ranking"


@pytest.mark.parametrize(
    ("modules", "forbidden"),
    [
        (TRAINING, "explorer,streamlit,plotly,torchvision,sklearn"),
        (ARRAYS, "streamlit,torchvision,sklearn,openTSNE"),
        (PAGE, "torchvision,sklearn,openTSNE,mlxtend,matplotlib,torchmetrics"),
        # torch loads in a thread while the server starts: the door itself must not wait for it.
        ("explorer.access,explorer.assets,explorer.live", "torch,plotly,sklearn"),
    ],
    ids=["training", "arrays", "first-page", "door"],
)
def test_imports_run_one_way(modules, forbidden):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, modules, forbidden],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""


def test_only_the_adapter_knows_streamlit():
    stage = ROOT / "explorer" / "stage"
    scripts = {path.name: path.read_text() for path in stage.glob("*.js")}
    assert len(scripts) > 10
    for name, text in scripts.items():
        knows = "Streamlit" in text or "setStateValue" in text or "parentElement, data" in text
        assert knows == (name == "adapter.js"), name


def test_torchvision_imports_beside_this_torch_and_leaves_working_operators_alone():
    program = (
        "from training._torchvision import import_torchvision as tv, _libraries as own\n"
        "import torch\n"
        "assert tv().datasets.MNIST and tv().transforms.Resize\n"
        "works = torch._C._dispatch_has_kernel_for_dispatch_key('torchvision::nms', 'CPU')\n"
        "assert len(own) == (0 if works else 1), (own, works)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
