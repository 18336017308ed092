// A VAE of a colour picture, and pictures, from their blobs on.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Vae } from "../../explorer/web/model/vae.js";

/**
 * A VAE of pictures 3×2×1 whose encoder is the mean of all values, and whose decoder repeats z.
 * @returns {import("../../explorer/web/model/blob_types.js").ModelBlob}
 */
function blob() {
  const weights = new Float32Array(12 + 6);
  weights.fill(1 / 6, 0, 6);
  weights.fill(1, 12);
  return {
    header: {
      kind: "model",
      name: "made",
      shape: [3, 2, 1],
      latent_dim: 1,
      prior: { family: "gaussian", mean: 0, std: 1, low: null, log_var: [-30, 10] },
      likelihood: {
        name: "gaussian",
        title: "",
        formula: "",
        constant: 0,
        unit: "nats",
        total: "",
      },
      encoder: { shape: [6], ops: [{ op: "linear", weight: "a" }] },
      decoder: { shape: [1], ops: [{ op: "linear", weight: "b" }] },
      tensors: { a: [0, [2, 6]], b: [12, [6, 1]] },
    },
    arrays: { weights },
  };
}

test("a VAE takes its pictures' shape from its blob, and counts every value", () => {
  const vae = new Vae(blob());
  assert.equal(String(vae.shape), "3×2×1");
  const x = Float32Array.of(1, 1, 1, 0, 0, 0);
  const posterior = vae.encode(x);
  assert.ok(Math.abs(posterior.mu[0] - 0.5) < 1e-6);
  assert.equal(posterior.std[0], 1);
  assert.ok(Math.abs(posterior.kl - 0.125) < 1e-6); // ½μ², in nats
  const output = vae.decode(Float32Array.of(0));
  assert.deepEqual([...vae.mean(output)], [0.5, 0.5, 0.5, 0.5, 0.5, 0.5]);
  assert.equal(vae.reconstruction(output, x), 6 * 0.25);
  const two = vae.decodeMany(Float32Array.of(0, 3), 2);
  assert.deepEqual(
    two.map((out) => [...out]),
    [Array(6).fill(0), Array(6).fill(3)],
  );
});

test("ops that few networks have come with the model that has them", async () => {
  const made = blob();
  const { decoder } = made.header;
  decoder.ops.push({ op: "sing" });
  await assert.rejects(Vae.of(made), /an op sing, which is not known here/);
  decoder.ops[1] = { op: "power", exponent: 2 };
  const vae = await Vae.of(made);
  assert.deepEqual([...vae.decode(Float32Array.of(3))], Array(6).fill(9));
});
