"""The browser's engine gives what torch gives, op by op, with each of its kernels."""

import base64
import json
import subprocess

import numpy as np
import pytest
import torch

from benchmarks.engine import engine_bytes
from tests.programs import GRAPHS, LAYERS, case
from tests.web import node
from training.vae import program
from training.vae.program import OPS

WEB = node.ROOT / "explorer" / "web"
KERNELS = ("fma", "simd", "js")
PROGRAM = """
import { readFileSync } from "node:fs";
const { Network } = await import(WEB + "/engine/program.js");
const { OPS, ready } = await import(WEB + "/engine/ops.js");
const core = Object.keys(OPS);
const floats = text => {
  const bytes = Buffer.from(text, "base64");
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
};
const text = ({ buffer, byteOffset, byteLength }) =>
  Buffer.from(buffer, byteOffset, byteLength).toString("base64");
const { cases, kernels } = JSON.parse(readFileSync(0, "utf8"));
const found = {};
for (const [name, { program, tensors, x, count }] of Object.entries(cases)) {
  const held = Object.fromEntries(Object.entries(tensors).map(
    ([key, { shape, data }]) => [key, { shape, data: floats(data) }]));
  const inputs = floats(x);
  for (const kernel of kernels) {
    try {
      await ready(program);
      const network = new Network(program, key => held[key], { kernel });
      const one = () => {
        network.run(inputs.subarray(0, network.inputSize));
        return network.outputs.map((out, k) => out.slice(0, network.outputSizes[k]));
      };
      const outputs = network.outputSizes.map(size => new Float32Array(size * count));
      const first = one();
      for (let n = 0; n < count; n += network.batch) {
        const some = Math.min(network.batch, count - n);
        network.run(inputs.subarray(n * network.inputSize, (n + some) * network.inputSize), some);
        network.outputs.forEach((out, k) => {
          const size = network.outputSizes[k];
          outputs[k].set(out.subarray(0, some * size), n * size);
        });
      }
      found[`${name} / ${kernel}`] = { used: network.kernel, products: network.products,
        first: first.map(text), again: one().map(text), outputs: outputs.map(text) };
    } catch (error) {
      found[`${name} / ${kernel}`] = { error: error.stack };
    }
  }
}
process.stdout.write(JSON.stringify({ found, core, ops: Object.keys(OPS) }));
"""


def packed(array: torch.Tensor) -> str:
    return base64.b64encode(np.ascontiguousarray(array.numpy(), "<f4").tobytes()).decode()


@pytest.fixture(scope="module")
def cases():
    return {name: case(name) for name in [*LAYERS, *GRAPHS]}


@pytest.fixture(scope="module")
def engine(cases):
    """What the engine gives for each case and kernel, and the names of its ops."""
    start = node.command("node")
    if start is None:
        pytest.skip("no node here: pip install -r requirements-dev.txt")
    sent = {
        name: {
            "program": made.program.describe(),
            "tensors": {
                key: {"shape": list(tensor.shape), "data": packed(tensor)}
                for key, tensor in made.program.tensors.items()
            },
            "x": packed(made.x),
            "count": len(made.x),
        }
        for name, made in cases.items()
    }
    script = f"const WEB = {json.dumps(WEB.as_uri())};\n{PROGRAM}"
    done = subprocess.run(
        [*start, "--input-type=module", "-e", script],
        input=json.dumps({"cases": sent, "kernels": KERNELS}),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def unpacked(text: str, shape: tuple[int, ...]) -> torch.Tensor:
    found = np.frombuffer(base64.b64decode(text), "<f4").reshape(shape)
    return torch.from_numpy(found.copy())


def test_both_tables_have_the_same_ops(engine):
    assert set(engine["ops"]) == set(OPS)
    assert set(engine["core"]) < set(OPS)  # the others came with the first program that has one


def test_the_engine_is_small():
    assert engine_bytes()["together"] <= 12_000


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("name", [*LAYERS, *GRAPHS])
def test_the_engine_gives_what_torch_gives(engine, cases, name, kernel):
    made = cases[name]
    found = engine["found"][f"{name} / {kernel}"]
    assert "error" not in found, found["error"]
    assert found["used"] == kernel
    assert found["products"] == made.program.products
    with torch.no_grad():
        expected = program.evaluate(made.program, made.x)
    assert len(found["outputs"]) == len(expected)
    for n, right in enumerate(expected):
        whole = unpacked(found["outputs"][n], tuple(right.shape))
        torch.testing.assert_close(whole, right, rtol=1e-4, atol=1e-4)
        # One picture alone, and again after others: nothing is left of an earlier run.
        for key in ("first", "again"):
            alone = unpacked(found[key][n], tuple(right[:1].shape))
            torch.testing.assert_close(alone, right[:1], rtol=1e-4, atol=1e-4)
