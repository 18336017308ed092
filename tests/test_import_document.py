"""docs/IMPORT.md, gone by in a fresh folder: its files are written, its commands run."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from training.checkpoint import load

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "docs" / "IMPORT.md").read_text()
FILES = re.findall(r"^```python\n(# ([\w/]+\.py)\n.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
COMMANDS = re.findall(r"^```bash\n(.*?) *\n```", TEXT, re.MULTILINE)
WEIGHTS = """
import sys, torch
sys.path.insert(0, "theirs")
from models.mlp_vae import MLPVAE
state = MLPVAE(784, 64, 8).state_dict()
torch.save({"state_dict": {f"model.{name}": w for name, w in state.items()}}, "theirs/last.ckpt")
"""


def ran(folder, line, **more):
    """The end of a command line in a folder, its `python` this one, its output."""
    words = shlex.split(line)
    while "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        more[name] = value
    assert words[0] == "python"
    own = os.environ.get("PYTHONPATH", "")
    path = os.pathsep.join(filter(None, [more.pop("PYTHONPATH", ""), str(ROOT), own]))
    env = {**os.environ, **more, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *words[1:]],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=600,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.slow
def test_each_example_goes_as_it_is_written(tmp_path):
    for text, name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    trained = ran(tmp_path, "python mine/train.py")
    assert trained.returncode == 0, trained.stderr
    assert ran(tmp_path, f"python -c {shlex.quote(WEIGHTS)}").returncode == 0

    imports = [line for line in COMMANDS if "training import" in line]
    assert len(imports) == 6
    kept = []
    for line in imports:
        if ("hub_model" in line or "--onnx" in line) and not _installed(line):
            continue
        if "--onnx" in line:
            assert ran(tmp_path, "python to_onnx.py").returncode == 0
        if "hub_model" in line:
            assert ran(tmp_path, f"python -c {shlex.quote(HUB)}").returncode == 0
        done = ran(tmp_path, line)
        assert done.returncode == 0, done.stderr
        kept.append(load(tmp_path / re.findall(r"Wrote (\S+)\.\n", done.stdout)[0]))
    assert [dict(k.origin.answers)["second"] for k in kept[:2]] == ["log_std", "std"]
    assert all(k.origin.parity <= 1e-4 for k in kept)
    assert kept[1].origin.licence == "MIT"
    both = [k.vae.picture(torch.ones(1, 8)) for k in kept[1:3]]  # the forward, and its build()
    torch.testing.assert_close(*both, rtol=1e-4, atol=1e-5)


HUB = """
from diffusers import AutoencoderKL
AutoencoderKL(sample_size=32, norm_num_groups=4, block_out_channels=(8,)).save_pretrained("hub-vae")
"""


def _installed(line):
    from importlib.util import find_spec

    return find_spec("diffusers" if "hub_model" in line else "onnxscript") is not None
