"""Packs and their text come back as they were, in Python and in the browser's reader."""

import json
import os
import subprocess

import numpy as np
import pytest

from explorer import blobs, paths
from explorer.handout import bundle, contents, packs
from explorer.server.assets import MODULES
from tests.web import node
from training import checkpoint

READER = """
const element = (text) => ({ textContent: text, remove() {} });
const parts = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
globalThis.document = {
  getElementById: (id) => element(parts[id] ?? ""),
  querySelector: () => null, // nobody is told how far it is
};
globalThis.later = () => new Promise(() => {});
require(process.argv[1]);
packs.arrived("one");
packs.get("b").then((file) => process.stdout.write(Buffer.from(file)));
"""


@pytest.mark.parametrize("size", [0, 1, 6, 7, 8, 4099])
def test_bytes_are_text_that_a_page_may_hold_and_come_back(size):
    content = np.random.default_rng(size).integers(0, 256, size, np.uint8).tobytes()
    for some in (content, b"\0" * size, b"\xff" * size, b"\r<\0" * size):
        text = packs.as_text(some)
        assert not set(text) & {"\0", "\r", "<"}
        assert len(text) == -(-8 * len(some) // 7)
        assert packs.as_bytes(text) == some


def test_a_pack_is_read_by_the_pages_own_reader(tmp_path):
    program = node.command("node")
    if program is None:
        pytest.skip("no node here")
    files = {"a": b"first", "b": os.urandom(5000), "c": b""}
    packed = packs.pack(files)
    assert packs.unpack(packed) == files
    given = {
        "pack-list": json.dumps({"packs": [{"name": "one", "size": 1}], "folder": None}),
        "pack-one": packs.as_text(packed),
    }
    done = subprocess.run(
        [*program, "-e", READER, str(MODULES / "handout" / "packs.js")],
        input=json.dumps(given).encode(),
        capture_output=True,
        check=False,
    )
    assert done.stdout == files["b"], done.stderr.decode()


def test_weights_in_two_planes_are_numpys_bfloat16_of_them():
    found = checkpoint.load(paths.checkpoint_dir() / "report-n12.safetensors")
    assert contents.in_16_bits(found) is found  # it ships so
    vae = found.vae
    noise = np.random.default_rng(0)
    for p in vae.parameters():
        p.data *= 1 + 1e-3 * float(noise.standard_normal())
    loose = [p.detach().numpy().copy() for p in vae.parameters()]
    smaller = contents.in_16_bits(found).vae
    for before, after in zip(loose, smaller.parameters(), strict=True):
        bits = before.view(np.uint32).astype(np.uint64)
        nearest = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16 << 16).astype(np.uint32)
        np.testing.assert_array_equal(after.detach().numpy(), nearest.view(np.float32))
    header, arrays = blobs.unpack(blobs.model(smaller, "m"))
    assert "weights" not in arrays  # two bytes each, none more
    turned = (arrays["exponents"].astype(np.uint16) << 8) | arrays["mantissas"]
    bits = ((turned >> 1) | (turned << 15)).astype(np.uint32) << 16
    rebuilt = bits.view(np.float32)
    own = np.concatenate([p.detach().numpy().ravel() for p in smaller.parameters()])
    np.testing.assert_array_equal(np.sort(rebuilt), np.sort(own))
    assert header["likelihood"]["name"] == vae.config.likelihood


def test_each_module_of_the_pages_becomes_a_function_that_runs(tmp_path):
    program = node.command("node")
    if program is None:
        pytest.skip("no node here")
    roots = ("handout/handout.js", "understand/understand.js", "compare/compare.js")
    names = bundle.needed(*roots, "explore/explore.js", "model/worker_exact.js", lazily=True)
    assert {"explore/by_terms.js", "engine/algebra.js", "explore/wall.js"} <= set(names)
    file = tmp_path / "all.js"
    boot = (MODULES / "handout" / "boot.js").read_bytes()
    # What needs no page runs: the engine, and the exact quantities.
    use = b'const { crc32 } = need("model/blobs.js"); console.log(crc32(new Uint8Array(32)));'
    use += b'console.log(typeof need("model/exact_orders.js").exactPiece);'
    use += b'later("engine/algebra.js").then(({ MORE }) => console.log(typeof MORE));'
    file.write_bytes(boot + bundle.script(names) + use)
    done = subprocess.run([*program, str(file)], capture_output=True, text=True, check=False)
    assert done.stdout.split() == [str(0x190A55AD), "function", "object"], done.stderr


def test_modules_that_import_each_other_are_refused(monkeypatch):
    ring = {"a.js": (("b.js",), ()), "b.js": (("a.js",), ())}
    monkeypatch.setattr(bundle, "imported", ring.__getitem__)
    with pytest.raises(ValueError, match=r"a\.js → b\.js → a\.js"):
        bundle.needed("a.js")


def test_a_way_to_import_that_is_not_read_is_refused(monkeypatch):
    monkeypatch.setattr(bundle, "_source", lambda module: "export default function () {}\n")
    with pytest.raises(ValueError, match="export default"):
        bundle.definition("a.js")
