// The engine without torch: what it refuses, what it plans, and how it does without WebAssembly. Its
// numbers are held against torch's in test_engine.py.

import assert from "node:assert/strict";
import { test } from "node:test";

import { fastest, machine, predictedMs } from "../../explorer/web/engine/kernels.js";
import { Network } from "../../explorer/web/engine/program.js";
import { kernelBytes } from "../../explorer/web/engine/wasm.js";
import { phasesOf } from "../../explorer/web/engine/windows.js";

/** @typedef {import("../../explorer/web/engine/program.js").OpSpec} OpSpec */

/** A tensor of ones of any shape. @param {string} name its shape, as in "2x3" */
function ones(name) {
  const shape = name.split("x").map(Number);
  return { shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(1) };
}

/** @param {number[]} shape @param {OpSpec[]} ops */
const network = (shape, ...ops) => new Network({ shape, ops }, ones);

test("an op, an input and an output that are not there are named", () => {
  assert.throws(() => network([2], { op: "sing" }), /an op sing/);
  assert.throws(() => network([2], { op: "toString" }), /an op toString/);
  assert.throws(() => network([2], { op: "relu", inputs: ["y"] }), /relu of y/);
  assert.throws(() => new Network({ shape: [2], ops: [], outputs: ["y"] }, ones), /an output y/);
  assert.throws(() => network([1, 2, 2], { op: "conv", weight: "1x1x3x3" }), /no numbers/);
});

test("more pictures than fit at once are refused, not cut", () => {
  const run = network([4], { op: "linear", weight: "3x4" });
  const { batch } = run;
  assert.ok(batch > 4);
  assert.throws(() => run.run(new Float32Array(4 * batch + 4), batch + 1), /pictures at once/);
});

test("values that take much memory come in smaller batches, and share it one after the other", () => {
  const wide = network([32, 256, 256], { op: "conv", weight: "32x32x1x1" });
  assert.ok(wide.batch < 5);
  /** @type {OpSpec[]} */
  const deep = Array.from({ length: 12 }, () => ({
    op: "conv",
    weight: "8x8x3x3",
    padding: [1, 1],
  }));
  const bytes = (/** @type {Network} */ { _tensors, _program }) =>
    new Network(_program, _tensors).prepare().bytes;
  const two = bytes(network([8, 64, 64], ...deep.slice(0, 2)));
  const twelve = bytes(network([8, 64, 64], ...deep));
  assert.ok(twelve < 2 * two, `${twelve} bytes for twelve layers, ${two} for two`);
});

test("a transposed convolution of stride s is s convolutions that share the kernel out", () => {
  const axis = { kernel: 5, stride: 3, padding: 1, dilation: 1, factor: 1 };
  const phases = phasesOf(axis, 4, 12, true);
  assert.deepEqual(
    phases.map(({ first, count, spread, step }) => [first, count, spread, step]),
    [0, 1, 2].map((a) => [a, 4, 3, 1]),
  );
  const places = phases.flatMap(({ taps }) => [...taps.values()].flat());
  assert.deepEqual(places.sort(), [0, 1, 2, 3, 4]);
});

test("behind an enlargement, taps that meet the same number are one", () => {
  const axis = { kernel: 3, stride: 1, padding: 1, dilation: 1, factor: 2 };
  const phases = phasesOf(axis, 4, 8, false);
  assert.deepEqual(
    phases.map(({ taps }) => [...taps]),
    [
      [
        [-1, [0]],
        [0, [1, 2]],
      ],
      [
        [0, [0, 1]],
        [1, [2]],
      ],
    ],
  );
});

test("both variants are WebAssembly, and a browser that lacks it gets the kernels in JavaScript", () => {
  assert.ok(WebAssembly.validate(kernelBytes("simd")));
  assert.ok(["fma", "simd"].includes(fastest()));
  assert.equal(machine(64, "js").name, "js");
  assert.ok(predictedMs(1e7, "js") > predictedMs(1e7, "simd"));
  assert.ok(predictedMs(60e6, "fma") <= 4);
});
