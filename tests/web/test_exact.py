"""The browser's exact quantities against torch's, of models that ship."""

import json
import math
import subprocess

import numpy as np
import pytest
import torch

from explorer import blobs
from tests.web import node
from training import checkpoint
from training.data import datasets
from training.evaluation.exact import Plane, exact

PROGRAM = """
import { readFileSync } from "node:fs";
const { read } = await import(WEB + "/model/blobs.js");
const { Vae } = await import(WEB + "/model/vae.js");
const { LatentPlane } = await import(WEB + "/model/exact.js");
const { climb, split } = await import(WEB + "/model/variational.js");
const [blob, images] = process.argv.slice(-2).map(path => readFileSync(path));
const done = work => { for (;;) { const { done, value } = work.next(); if (done) return value; } };
const { buffer, byteOffset, length } = blob;
const vae = await Vae.of(read(buffer.slice(byteOffset, byteOffset + length), "model"));
const plane = new LatentPlane(vae);
const found = [];
for (let at = 0; at < images.length; at += vae.shape.size) {
  const x = Float32Array.from(images.subarray(at, at + vae.shape.size), v => v / 255);
  const q = vae.encode(x);
  const { logP, error, mean, covariance, low, high } = done(plane.evidence(x));
  const { elbo, gap } = done(split(plane, x, q, true));
  const live = done(split(plane, x, q, false));
  const std = Float32Array.of(Math.sqrt(covariance[0]), Math.sqrt(covariance[2]));
  const starts = [q, vae.prior.withMoments(Float32Array.from(mean), std)];
  const best = Math.max(...starts.map(start => done(climb(plane, x, start, {})).elbo));
  found.push({ logP, error, mean, covariance, low, high, elbo, gap, live, best });
}
process.stdout.write(JSON.stringify(found));
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "images", "climbed"), [("mnist-2d", 24, 6), ("gamma", 8, 2), ("n12", 8, 2)]
)
def test_the_browsers_exact_quantities_are_torchs(name, images, climbed, tmp_path):
    start = node.command("node")
    if start is None:
        pytest.skip("no node here: pip install -r requirements-dev.txt")
    vae = checkpoint.load(node.ROOT / "checkpoints" / f"{name}.safetensors").vae
    levels = datasets.load("mnist-5k", "test").images[:images]
    (tmp_path / "model").write_bytes(blobs.model(vae, name))
    (tmp_path / "images").write_bytes(levels.numpy().tobytes())
    web = (node.ROOT / "explorer" / "web").as_uri()
    program = f"const WEB = {json.dumps(web)};\n{PROGRAM}"
    done = subprocess.run(
        [
            *(*start, "--input-type=module", "-e", program, "--"),
            *(str(tmp_path / "model"), str(tmp_path / "images")),
        ],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    x = datasets.to_float(levels)
    with torch.no_grad():
        posterior = vae.encode(x)
    plane = Plane(vae, posterior.mu)
    coarse = plane.coarse(x)
    assert len(found) == images
    for n, own in enumerate(found):
        right = exact(plane, x[n], coarse[n], best=n < climbed)
        for key, value in (
            ("logP", right.log_p),
            ("elbo", right.elbo),
            ("gap", right.gap),
        ):
            assert own[key] == pytest.approx(value, abs=0.01), (n, key)
        assert own["elbo"] + own["gap"] == pytest.approx(own["logP"], abs=0.003)
        live = own["live"]
        assert live["elbo"] + live["gap"] == pytest.approx(own["logP"], abs=0.003)
        assert live["elbo"] == pytest.approx(right.elbo, abs=0.01)
        assert 0 <= own["error"] < 2e-3
        if right.best_gaussian_elbo is not None:
            assert own["best"] > right.best_gaussian_elbo - 0.02
            assert own["best"] < right.log_p + 0.005
    evidence = plane.evidence(x[0], coarse[0])
    np.testing.assert_allclose(found[0]["mean"], evidence.mean, atol=1e-3)
    xx, xy, yy = found[0]["covariance"]
    np.testing.assert_allclose([[xx, xy], [xy, yy]], evidence.covariance, atol=1e-4)
    # The box holds all of the posterior but a ten thousandth, and is not larger than it has to be.
    low, high = (torch.tensor(found[0][key], dtype=torch.float64) for key in ("low", "high"))
    inside = ((evidence.z >= low) & (evidence.z <= high)).all(1)
    assert float(evidence.mass[inside].sum()) > 1 - 1e-4
    assert float((high - low).prod()) < 20**2 * math.sqrt(torch.linalg.det(evidence.covariance))
