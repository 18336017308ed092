// Snapshots: which are fetched, moments between two, and how far their codes reach.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ImageShape } from "../../explorer/web/model/image_shape.js";
import { medianOf, momentAt, placeOf, spanOf, stepAt } from "../../explorer/web/train/moments.js";
import { SnapshotSequence } from "../../explorer/web/train/snapshots.js";

/** @type {import("../../explorer/web/train/moments.js").Known[]} */
const KNOWN = [
  [0, "a"],
  [10, "b"],
  [20, "c"],
  [100, "d"],
];
/** @type {import("../../explorer/web/model/blob_types.js").PriorHeader} */
const NORMAL = { family: "gaussian", mean: 0, std: 1, low: null, log_var: [-30, 10] };

test("places of the time slider and steps are each other's inverse", () => {
  for (const place of [0, 0.25, 1, 2.5, 3])
    assert.equal(placeOf(KNOWN, stepAt(KNOWN, place)), place);
  assert.equal(stepAt(KNOWN, 2.5), 60);
  assert.equal(placeOf(KNOWN, 1e6), 3);
});

test("a moment lies between its neighbours, and at a snapshot it is that one", () => {
  const frames = [{ step: 0 }, { step: 10 }, { step: 30 }];
  assert.deepEqual(momentAt(frames, 25), { a: frames[1], b: frames[2], share: 0.75 });
  assert.deepEqual(momentAt(frames, 10), { a: frames[1], b: frames[1], share: 0 });
  assert.deepEqual(momentAt(frames, 99), { a: frames[2], b: frames[2], share: 0 });
  assert.deepEqual(momentAt(frames.slice(1), 3), { a: frames[1], b: frames[1], share: 0 });
});

test("the span shows the prior and nearly all codes, of the axes that are shown only", () => {
  const codes = Float32Array.from({ length: 3000 }, (_, i) =>
    i % 3 === 2 ? 1000 : i === 0 ? 500 : 10,
  );
  const span = spanOf(codes, 3, [0, 1], NORMAL);
  assert.ok(Math.abs(span - 10.8) < 1e-6); // neither the one far code nor the third dimension
  assert.equal(spanOf(new Float32Array(20), 2, [0, 1], NORMAL), 3.3);
  /** @type {import("../../explorer/web/model/blob_types.js").PriorHeader} */
  const gamma = {
    family: "gamma",
    ...{ shape: 16 / 9, rate: 4 / 9, bounds: [0.01, 100], mean: 4, std: 3, low: 0 },
    quantiles: { first: 0, step: 1, values: [] }, // which a span does not ask for
  };
  assert.equal(spanOf(new Float32Array(20), 2, [0, 1], gamma), 10 / 1.9);
});

test("a class without an image has no median", () => {
  const codes = Float32Array.of(1, 10, 2, 20, 3, 30);
  assert.deepEqual(medianOf(codes, 2, [1, 0], Uint8Array.of(0, 0, 0), 0), [20, 2]);
  assert.equal(medianOf(codes, 2, [1, 0], Uint8Array.of(0, 0, 0), 1), null);
});

/** A sequence whose snapshots come from here; `asked` lists them. */
function sequence(/** @type {number[]} */ broken = []) {
  /** @type {number[]} */
  const asked = [];
  const made = new SnapshotSequence("run", () => {});
  made.fetchProbe = async () => ({
    classes: ["x"],
    labels: Uint8Array.of(0, 0),
    images: new Uint8Array(),
    shape: new ImageShape([1, 2, 2]),
  });
  made.fetch = async (step, version) => {
    made.probe ??= await made.fetchProbe();
    asked.push(step);
    if (broken.includes(step)) throw new Error("damaged");
    const arrays = {
      codes: Float32Array.of(step, 1, 2, 3),
      grid: new Uint8Array(),
      reconstructions: new Uint8Array(),
    };
    made.insert(
      step,
      version,
      { header: { kind: "snapshot", step, axes: step < 50 ? [1, 0] : [0, 1] }, arrays },
      made.probe,
    );
  };
  return { made, asked };
}

/** Until all promises have been settled. */
const settled = () => new Promise((resolve) => setTimeout(resolve));

test("the newest snapshot comes first, the others from the beginning, a damaged one only once", async () => {
  const { made, asked } = sequence([10]);
  made.update(KNOWN, NORMAL, "id");
  await settled();
  assert.deepEqual(asked, [100, 0, 10, 20]);
  assert.deepEqual(
    made.frames.map((f) => f.step),
    [0, 20, 100],
  );
  assert.deepEqual(made.axes, [0, 1]); // the newest one's, for all
  made.update(KNOWN, NORMAL, "id");
  await settled();
  assert.equal(asked.length, 4);
});

test("a snapshot that was written anew is fetched again, and one that is gone is dropped", async () => {
  const { made, asked } = sequence();
  made.update(KNOWN, NORMAL, "id");
  await settled();
  made.update(
    [
      [0, "a"],
      [10, "B"],
    ],
    NORMAL,
    "id",
  );
  await settled();
  assert.deepEqual(asked.slice(4), [10]);
  assert.deepEqual(
    made.frames.map((f) => [f.step, f.version]),
    [
      [0, "a"],
      [10, "B"],
    ],
  );
  assert.deepEqual(made.axes, [1, 0]);
});
