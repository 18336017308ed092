// Layer lists, and a VAE of a colour picture from its blob on.

import assert from "node:assert/strict";
import { test } from "node:test";

import { network } from "../../explorer/web/engine/network.js";
import { Vae } from "../../explorer/web/model/vae.js";

/** @typedef {import("../../explorer/web/engine/network.js").LayerSpec} LayerSpec */

test("a linear layer is W·x + b, for more rows than four and for those that are left", () => {
  const weights = Float32Array.of(1, 0, 0, 1, 1, 1, 2, -1, -3, 0, 0, 5, /* b */ 0, 0, 1, 0, 0, -1);
  const run = network(
    [{ type: "linear", in: 2, out: 6, weight: [0, 12], bias: [12, 6] }],
    weights,
    [2],
  );
  assert.deepEqual([...run(Float32Array.of(3, 4))], [3, 4, 8, 2, -9, 19]);
});

test("convolutions run on pictures that are not square, and keep the picture's place", () => {
  // A 1×3 kernel that takes each pixel's right neighbour; stride 1 down and 2 across.
  /** @type {LayerSpec} */
  const conv = {
    type: "conv",
    in: 1,
    out: 1,
    kernel: [1, 3],
    stride: [1, 2],
    padding: [0, 1],
    weight: [0, 3],
  };
  const run = network([conv], Float32Array.of(0, 0, 1), [1, 2, 4]);
  assert.deepEqual([...run(Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8))], [2, 4, 6, 8]);
  /** @type {LayerSpec} */
  const back = {
    type: "conv_transpose",
    in: 1,
    out: 2,
    kernel: [1, 2],
    stride: [1, 2],
    padding: [0, 0],
    output_padding: [0, 1],
    weight: [0, 4],
    bias: [4, 2],
  };
  const spread = network([back], Float32Array.of(1, 10, 2, 20, 0.5, 0), [1, 1, 2]);
  assert.deepEqual(
    [...spread(Float32Array.of(1, 3))],
    [1.5, 10.5, 3.5, 30.5, 0.5, 2, 20, 6, 60, 0],
  );
});

test("an append layer puts its numbers behind, and reshape and activations follow", () => {
  /** @type {LayerSpec[]} */
  const layers = [
    { type: "append", bias: [0, 2] },
    { type: "reshape", shape: [1, 2, -1] },
    { type: "relu" },
  ];
  const run = network(layers, Float32Array.of(-7, 9), [2]);
  const x = Float32Array.of(-1, 5);
  assert.deepEqual([...run(x)], [0, 5, 0, 9]);
  assert.deepEqual([...run(x)], [0, 5, 0, 9]); // an activation in place leaves the numbers as they are
  assert.deepEqual([...x], [-1, 5]);
});

test("a layer that is not known is named", () => {
  const unknown = /** @type {LayerSpec} */ (/** @type {unknown} */ ({ type: "batch_norm" }));
  assert.throws(() => network([unknown], new Float32Array(), [2]), /batch_norm/);
});

/** A VAE of pictures 3×2×1 whose encoder is the mean of all values, and whose decoder repeats z. */
function colourful() {
  const weights = new Float32Array(12 + 6);
  weights.fill(1 / 6, 0, 6);
  weights.fill(1, 12);
  return new Vae({
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
      encoder: [{ type: "linear", in: 6, out: 2, weight: [0, 12] }],
      decoder: [{ type: "linear", in: 1, out: 6, weight: [12, 6] }],
    },
    arrays: { weights },
  });
}

test("a VAE takes its pictures' shape from its blob, and counts every value", () => {
  const vae = colourful();
  assert.equal(String(vae.shape), "3×2×1");
  const x = Float32Array.of(1, 1, 1, 0, 0, 0);
  const posterior = vae.encode(x);
  assert.ok(Math.abs(posterior.mu[0] - 0.5) < 1e-6);
  assert.equal(posterior.std[0], 1);
  assert.ok(Math.abs(posterior.kl - 0.125) < 1e-6); // ½μ², in nats
  const output = vae.decode(Float32Array.of(0));
  assert.deepEqual([...vae.mean(output)], [0.5, 0.5, 0.5, 0.5, 0.5, 0.5]);
  assert.equal(vae.reconstruction(output, x), 6 * 0.25);
});
