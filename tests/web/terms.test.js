import assert from "node:assert/strict";
import test from "node:test";
import { rampOf, shadingOf, stepOf, viridis } from "../../explorer/web/map/colouring.js";
import { histogram } from "../../explorer/web/explore/beside.js";
import { quantiles, termsOf, valuesOf } from "../../explorer/web/model/terms.js";

const facts = { method: "plane", k: 25, density: true, total: "−ELBO", unit: "nats" };

test("the terms of a model are named for what they are", () => {
  const names = (given) => termsOf({ ...facts, ...given }).map(({ title }) => title);
  assert.deepEqual(names({}), ["−ELBO", "reconstruction", "KL", "KL(q ‖ p(z|x))", "−log p(x)"]);
  assert.deepEqual(names({ method: "samples", k: 256 }).slice(3), ["L₂₅₆ − ELBO", "−L₂₅₆"]);
  assert.deepEqual(names({ method: "term", total: "their sum" }), [
    "their sum",
    "reconstruction",
    "KL",
  ]);
  assert.deepEqual(names({ method: "term", density: false }), ["reconstruction"]);
});

test("sums and differences of terms", () => {
  const found = valuesOf(
    {
      reconstruction: Float32Array.of(100, 50),
      reconstruction_error: new Float32Array(2),
      kl: Float32Array.of(8, 6),
      log_p: Float32Array.of(-105, -60),
      log_p_error: new Float32Array(2),
    },
    5,
  );
  assert.deepEqual([...found.total], [113, 61]);
  assert.deepEqual([...found.evidence], [105, 60]);
  assert.deepEqual([...found.gap], [8, 1]);
  assert.deepEqual(quantiles(Float32Array.of(3, NaN, 1, 2), [0, 0.5, 1]), [1, 2, 3]);
});

test("colours go evenly from dark to light, and are of their theme", () => {
  assert.deepEqual(viridis(0), [68, 1, 84]);
  assert.deepEqual(viridis(1), [253, 231, 37]);
  const light = (/** @type {string} */ colour) =>
    [1, 3, 5]
      .map((k) => parseInt(colour.slice(k, k + 2), 16))
      .reduce((sum, v, k) => sum + v * [0.2126, 0.7152, 0.0722][k], 0);
  for (const theme of /** @type {const} */ (["light", "dark"])) {
    const ramp = rampOf(theme).map(light);
    ramp.slice(1).forEach((v, n) => assert.ok(v > ramp[n], `${theme} ${n}`));
  }
  assert.ok(light(rampOf("dark")[0]) > light(rampOf("light")[0]));
  assert.ok(light(rampOf("light")[23]) < light(rampOf("dark")[23]));
});

test("a number's step", () => {
  assert.deepEqual(
    [-5, 0, 0.5, 1, 9].map((v) => stepOf(v, 0, 1)),
    [0, 0, 12, 23, 23],
  );
  assert.equal(stepOf(NaN, 0, 1), 255);
  assert.deepEqual(
    [0.001, 0.1, 1, 10, 100].map((v) => stepOf(v, 0.1, 10, true)),
    [0, 0, 12, 23, 23],
  );
  const { shades } = shadingOf(
    Float32Array.of(0, 1),
    Uint32Array.of(1, 0, 1),
    "KL",
    [0, 1],
    "light",
  );
  assert.deepEqual([...shades], [23, 0, 23]);
});

test("a histogram's shares sum to one, with what lies beyond in its ends", () => {
  const bins = histogram(Float32Array.of(-10, 0.01, 0.5, 0.99, 40), 0, 1);
  assert.ok(Math.abs(bins.reduce((a, b) => a + b) - 1) < 1e-9);
  assert.ok(Math.abs(bins[0] - 0.4) < 1e-9 && Math.abs(bins.at(-1) - 0.4) < 1e-9);
});
