import assert from "node:assert/strict";
import { test } from "node:test";

import { ellipse, nearest, viewOf } from "../../explorer/web/map/projections.js";
import { mapBlob } from "./maps.js";
import { allNear, near } from "./near.js";

/**
 * @param {import("../../explorer/web/model/blob_types.js").ViewHeader} view
 * @param {Parameters<typeof mapBlob>[1]} [arrays]
 * @param {Parameters<typeof mapBlob>[0]} [header]
 */
const viewMade = (view, arrays, header) => viewOf(mapBlob({ view, ...header }, arrays));

test("the nearest is the first among equals, and −1 among none", () => {
  const points = [
    [0, 0],
    [3, 4],
    [3, 4],
    [9, 9],
  ];
  const at = (/** @type {number} */ i, /** @type {number} */ j) => points[i][j];
  assert.equal(nearest(4, 2, at, [3, 3.5]), 1);
  assert.equal(nearest(4, 2, at, [100, 100]), 3);
  assert.equal(nearest(0, 2, at, [0, 0]), -1);
});

test("an ellipse's points are where the covariance says", () => {
  const [a, b, c] = [4, 1.2, 1];
  const corners = ellipse([10, -5], [a, b, c], 2);
  assert.equal(corners.length, 72);
  for (const [x, y] of corners) {
    const [u, v] = [x - 10, y + 5];
    // Mahalanobis: (u, v) C⁻¹ (u, v)ᵀ = sigmas²
    near((c * u * u - 2 * b * u * v + a * v * v) / (a * c - b * b), 4, 1e-9);
  }
});

test("an ellipse without a width is a line", () => {
  for (const [x, y] of ellipse([0, 0], [1, 1, 1], 1)) near(x, y, 1e-7);
});

test("a plane shows two dimensions, sets them and leaves the rest", () => {
  const plane = viewMade({ kind: "plane", axes: [2, 0] });
  const z = [1, 2, 3];
  assert.deepEqual(plane.project(z), [3, 1]);
  plane.move(z, [7, 8]);
  assert.deepEqual(z, [8, 2, 7]);
  allNear(plane.covariance({ std: [1, 2, 3] }), [9, 0, 1]);
  assert.equal(plane.invertible, true);
});

/** @type {import("../../explorer/web/model/blob_types.js").ViewHeader} */
const PCA = {
  kind: "pca",
  mean: [1, 1, 1],
  components: [
    [0.6, 0.8, 0],
    [-0.8, 0.6, 0],
  ],
};

test("between options of a choice there is no distance", () => {
  const choice = { name: "label", options: ["a", "b"], kind: /** @type {const} */ ("label") };
  const last = { index: 2, kl: 0, active: true, low: 0, high: 1, choice };
  const header = { dims: [last], code_step: 1 };
  near(viewMade(PCA, undefined, header).residual([2, 3, 7]), 0);
  const arrays = { x: Float32Array.of(0, 1), y: Float32Array.of(0, 1) };
  const codes = Int16Array.of(1, 1, 1, 5, 5, 0);
  const tsne = viewMade({ kind: "t-sne" }, { ...arrays, codes }, header);
  assert.equal(tsne.at([2, 1, 0]), 0);
  near(tsne.distance([2, 1, 0], 0), 1);
});

test("PCA moves z along its components and keeps what lies off their plane", () => {
  const pca = viewMade(PCA);
  const z = [2, 3, 5];
  allNear(pca.project(z), [2.2, 0.4]);
  near(pca.residual(z), 4);
  pca.move(z, [-1, 0.5]);
  allNear(pca.project(z), [-1, 0.5]);
  near(pca.residual(z), 4);
  near(z[2], 5);
});

test("PCA's covariance is C Σ Cᵀ", () => {
  allNear(viewMade(PCA).covariance({ std: [1, 2, 3] }), [
    0.36 + 0.64 * 4,
    -0.48 + 0.48 * 4,
    0.64 + 0.36 * 4,
  ]);
});

test("t-SNE has no inverse: z stands at the image whose code is nearest", () => {
  const arrays = {
    x: Float32Array.of(10, 20),
    y: Float32Array.of(-1, -2),
    codes: Int16Array.of(0, 0, 100, 200),
  };
  const tsne = viewMade({ kind: "t-sne" }, arrays, { code_step: 0.01 });
  assert.equal(tsne.invertible, false);
  assert.equal(tsne.at([0.9, 1.9]), 1);
  assert.deepEqual(tsne.project([0.9, 1.9]), [20, -2]);
  near(tsne.distance([1, 1], 1), 1);
});

test("where there is no map there is no view", () => {
  assert.equal(viewMade({ kind: "none" }), null);
});
