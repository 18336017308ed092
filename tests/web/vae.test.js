// A VAE of a colour picture, and pictures, from their blobs on.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Pictures } from "../../explorer/web/model/blobs.js";
import { Vae } from "../../explorer/web/model/vae.js";

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
      encoder: { shape: [6], ops: [{ op: "linear", weight: "a" }] },
      decoder: { shape: [1], ops: [{ op: "linear", weight: "b" }] },
      tensors: { a: [0, [2, 6]], b: [12, [6, 1]] },
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
  const two = vae.decodeMany(Float32Array.of(0, 3), 2);
  assert.deepEqual(
    two.map((out) => [...out]),
    [Array(6).fill(0), Array(6).fill(3)],
  );
});

/**
 * The blob of pictures, made as explorer/blobs.py makes it.
 * @param {number[] | null} shape @param {number[][]} pictures
 * @returns {import("../../explorer/web/model/blob_types.js").PicturesBlob}
 */
function packed(shape, pictures) {
  const bytes = Math.ceil(pictures[0].length / 8);
  const lit = new Uint8Array(bytes * pictures.length);
  /** @type {number[]} */
  const levels = [];
  pictures.forEach((picture, n) =>
    picture.forEach((level, i) => {
      if (!level) return;
      lit[n * bytes + (i >> 3)] |= 1 << (i & 7);
      levels.push(level);
    }),
  );
  return {
    header: {
      kind: "pictures",
      classes: ["a"],
      images: pictures.length,
      ...(shape ? { shape } : {}),
    },
    arrays: { labels: new Uint8Array(pictures.length), lit, levels: Uint8Array.from(levels) },
  };
}

test("pictures of any shape are unpacked, also where their bits do not fill bytes", () => {
  const made = [0, 1].map((n) =>
    Array.from({ length: 18 }, (_, i) => (i % (n + 2) ? 13 * i + n : 0)),
  );
  const pictures = new Pictures(packed([3, 2, 3], made));
  assert.equal(pictures.shape.size, 18);
  made.forEach((levels, n) =>
    assert.deepEqual(
      [...pictures.get(n)].map((v) => Math.round(255 * v)),
      levels,
    ),
  );
  const plain = Array.from({ length: 28 * 28 }, (_, i) => i % 3);
  assert.equal(String(new Pictures(packed(null, [plain])).shape), "1×28×28");
  assert.throws(() => new Pictures(packed([1, 2, 3], made)), /do not fit/);
});
