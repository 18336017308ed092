// Sentences about a map and a lasso, and what the server is told.

import assert from "node:assert/strict";
import { test } from "node:test";

import { coordinatesOf } from "../../explorer/web/model/coordinates.js";
import { viewOf } from "../../explorer/web/map/projections.js";
import { lassoOf, noteOf } from "../../explorer/web/session/notes.js";
import { Report } from "../../explorer/web/session/report.js";
import { mapBlob } from "./maps.js";
import { allNear } from "./near.js";

/**
 * @typedef {import("../../explorer/web/model/blob_types.js").ViewHeader} ViewHeader
 * @typedef {import("../../explorer/web/session/model_view.js").ModelView} ModelView
 * @typedef {import("../../explorer/web/model/blob_types.js").Dimension} Dimension
 */

/** Two classes of codes: `cat` has the first three, `dog` the others; images are numbered from 100 on. */
const CODES = {
  x: Float32Array.of(0, 1, 2, 10, 12),
  y: Float32Array.of(0, 0, 6, -4, -8),
  index: Uint32Array.of(100, 101, 102, 103, 104),
};
const BLOB = mapBlob(
  {
    groups: [
      { name: "cat", colour: "#aa0000", points: [0, 3], label: null },
      { name: "dog", colour: "#0000aa", points: [3, 5], label: null },
    ],
  },
  CODES,
);

test("a lasso counts its images by class, most first, and finds their middle", () => {
  const found = lassoOf(new Set([101, 103, 104]), BLOB);
  assert.equal(found?.text, "3 images: dog ×2, cat ×1.");
  allNear(found?.centre ?? [], [23 / 3, -4], 1e-6);
  assert.equal(lassoOf(new Set([102]), BLOB)?.text, "1 image: cat ×1.");
});

test("a lasso around nothing is none", () => {
  assert.equal(lassoOf(new Set(), BLOB), null);
});

/** @param {number} index @param {boolean} active @returns {Dimension} */
const dimension = (index, active = true) => ({ index, active, kl: 1, low: -9, high: 9 });

/**
 * What a note is told of a model's view.
 * @param {ViewHeader} view of its map @param {Dimension[]} dims @param {number[]} z
 */
function shown(view, dims, z, code_step = 1, codes = new Int16Array(), std = 0) {
  const blob = mapBlob({ ...BLOB.header, view, dims, code_step }, { ...CODES, codes });
  const projection = viewOf(blob);
  const axes = view.kind === "plane" ? view.axes : [0];
  const vae = { d: z.length, prior: { std: 1 }, hasPosterior: true };
  const coordinates = coordinatesOf(blob);
  const made = {
    projection,
    blob,
    dims,
    axes,
    vae,
    coordinates,
    at: null,
    z: Float32Array.from(z),
    posterior: { mu: new Float32Array(z.length), std: new Float32Array(z.length).fill(std) },
  };
  const nearestCode = () => projection.at(made.z);
  return /** @type {ModelView} */ (/** @type {unknown} */ ({ ...made, nearestCode }));
}

const TWO = [dimension(0), dimension(1)];
const FOUR = [dimension(2), dimension(0), dimension(3), dimension(1, false)];

test("a note says what a drag does in each mode", () => {
  const view = shown({ kind: "plane", axes: [0, 1] }, TWO, [0, 0]);
  assert.match(noteOf(view, "z", false), /^Drag on the map or a slider/);
  assert.match(noteOf(view, "pan", false), /^A drag moves the map.* z stays\.$/);
  assert.match(noteOf(view, "lasso", false), /^Draw around points/);
  assert.equal(noteOf(shown({ kind: "none" }, TWO, [0, 0]), "z", false), "");
});

test("a note says what a plane leaves out, and which of its dimensions say nothing", () => {
  const view = (/** @type {number[]} */ axes) => shown({ kind: "plane", axes }, FOUR, [0, 0, 0, 0]);
  assert.match(noteOf(view([2, 0]), "z", false), /^Two of 4 dimensions/);
  assert.match(noteOf(view([2, 0]), "z", true), /the other 2 dimensions as z has them/);
  assert.match(noteOf(view([2, 1]), "z", false), /^z₂ inactive/);
});

test("a note says where no image has its code", () => {
  const far = /^No image has its code near here/;
  const plane = { kind: "plane", axes: [0, 1] };
  assert.match(noteOf(shown(plane, TWO, [5, 5]), "z", false), far);
  assert.doesNotMatch(noteOf(shown(plane, TWO, [0.9, 0.2]), "z", false), far);
  assert.match(noteOf(shown(plane, FOUR, [0, 0, 9.5, 0]), "z", false), far);
  // A draw of q(z|x) is where the decoder was taught, and one of a dimension that says nothing is as the prior's.
  const none = new Int16Array();
  assert.doesNotMatch(noteOf(shown(plane, TWO, [5, 5], 1, none, 1.5), "z", false), far);
  assert.doesNotMatch(noteOf(shown(plane, FOUR, [0, 0, 9.5, 0], 1, none, 3), "z", false), far);
  assert.match(noteOf(shown(plane, FOUR, [0, 0, 9.5, 0], 1, none, 1), "z", false), far);
  assert.doesNotMatch(noteOf(shown(plane, FOUR, [0, 12, 0, 0]), "z", false), far);
  assert.match(noteOf(shown(plane, FOUR, [0, 14, 0, 0]), "z", false), far);
});

test("a note on a PCA says how far off its plane z lies", () => {
  const components = [
    [1, 0, 0],
    [0, 1, 0],
  ];
  const pca = shown({ kind: "pca", mean: [0, 0, 0.5], components }, FOUR.slice(0, 3), [7, 8, 2.75]);
  assert.match(noteOf(pca, "z", false), / 2\.25 latent units off this plane/);
});

test("a note on t-SNE names the image at the ring, and how far its code is from z", () => {
  const codes = Int16Array.of(0, 0, 0, 0, 30, 40, 0, 0, 0, 0);
  const tsne = shown({ kind: "t-sne" }, TWO, [6, 8], 0.1, codes);
  assert.match(noteOf(tsne, "z", false), /image 102, whose code is nearest to z \(5\.00 away\)\.$/);
  tsne.at = { xy: [2, 6], code: 2 }; // where a hand has put it, z is that image's code
  assert.match(noteOf(tsne, "z", false), /image 102\.$/);
});

test("the server hears of a view once, and again only after another one", () => {
  const report = new Report();
  report.update({ image: 0 }); // nobody listens yet
  /** @type {object[]} */
  const heard = [];
  report.send = (view) => heard.push(view);
  report.update({ image: 1, z: [0.5] });
  report.update({ image: 1, z: [0.5] });
  report.update({ image: 2, z: [0.5] });
  report.update({ image: 1, z: [0.5] });
  assert.deepEqual(heard, [
    { image: 1, z: [0.5], telling: 2 },
    { image: 2, z: [0.5], telling: 3 },
    { image: 1, z: [0.5], telling: 4 },
  ]);
});

test("a view that is to be told again, since the scene is another, is told again", () => {
  const report = new Report();
  let heard = 0;
  report.send = () => (heard += 1);
  report.update({ image: 1 });
  report.known = "";
  report.update({ image: 1 });
  assert.equal(heard, 2);
});
