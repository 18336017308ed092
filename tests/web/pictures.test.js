// Pictures in pieces: each unpacked exactly, the wanted ones first, in bounded memory.

import assert from "node:assert/strict";
import test from "node:test";

import { ImageShape } from "../../explorer/web/model/image_shape.js";
import { Pictures, atlas } from "../../explorer/web/model/pictures.js";

/**
 * A set of pictures and its pieces, made as explorer/blobs.py makes them.
 * @param {number[]} shape @param {number[][]} pictures @param {number} perPiece
 */
function packed(shape, pictures, perPiece) {
  const bytes = Math.ceil(pictures[0].length / 8);
  /** @type {string[]} */
  const asked = [];
  const fetchPiece = async (/** @type {string} */ path) => {
    asked.push(path);
    const first = Number(path.slice("here.".length)) * perPiece;
    const some = pictures.slice(first, first + perPiece);
    const lit = new Uint8Array(bytes * some.length);
    /** @type {number[]} */
    const levels = [];
    some.forEach((picture, n) =>
      picture.forEach((level, i) => {
        if (!level) return;
        lit[n * bytes + (i >> 3)] |= 1 << (i & 7);
        levels.push(level);
      }),
    );
    const header = {
      kind: /** @type {const} */ ("piece"),
      first,
      count: some.length,
      packing: "sparse",
    };
    return { blob: { header, arrays: { lit, levels: Uint8Array.from(levels) } }, wire: 2 ** 20 };
  };
  const header = {
    kind: /** @type {const} */ ("pictures"),
    classes: ["a"],
    images: pictures.length,
    shape,
    per_piece: perPiece,
    pieces: "here.",
  };
  const labels = new Uint8Array(pictures.length);
  return {
    found: new Pictures({ header, arrays: { labels } }, fetchPiece),
    asked,
    fetchPiece,
    header,
  };
}

const made = Array.from({ length: 5 }, (_, n) =>
  Array.from({ length: 18 }, (_, i) => (i % (n + 2) ? 13 * i + n : 0)),
);

test("pictures of any shape are unpacked, also where their bits do not fill bytes", async () => {
  const { found, asked } = packed([3, 2, 3], made, 2);
  assert.equal(found.shape.size, 18);
  assert.equal(found.has(3), false);
  assert.throws(() => found.get(3), /not here yet/);
  await Promise.all([found.ready(3), found.ready(2), found.ready(4)]); // 2 and 3 come together
  assert.deepEqual(asked, ["here.1", "here.2"]);
  for (const n of [2, 3, 4])
    assert.deepEqual(
      [...found.get(n)].map((v) => Math.round(255 * v)),
      made[n],
    );
});

test("pieces that do not fit are refused, and asked for again", async () => {
  const { header, fetchPiece } = packed([3, 2, 3], made, 2);
  let faults = 2;
  const found = new Pictures({ header, arrays: { labels: new Uint8Array(5) } }, async (path) => {
    const piece = await fetchPiece(path);
    if (faults === 2) piece.blob.arrays.levels = piece.blob.arrays.levels.slice(1);
    if (faults === 1) piece.blob.header.first = 1;
    faults -= 1;
    return piece;
  });
  await assert.rejects(found.ready(0), /do not fit/);
  await assert.rejects(found.ready(0), /do not fit/);
  await found.ready(0);
  assert.ok(found.has(1));
  assert.throws(
    () => new Pictures({ header, arrays: { labels: new Uint8Array(4) } }, fetchPiece),
    /do not fit/,
  );
});

test("the others come by what is wanted most, until enough has come", async () => {
  const { found, asked } = packed([1, 3, 6], made, 1);
  const order = [4, 0, 2];
  await found.fetchOthers(() => order.shift() ?? -1);
  assert.deepEqual(asked, ["here.4", "here.0", "here.2"]);
  const many = packed(
    [1, 3, 6],
    Array.from({ length: 40 }, () => made[0]),
    1,
  );
  let next = 0;
  await many.found.fetchOthers(() => next++);
  assert.equal(many.asked.length, 12); // of 1 MiB each
});

test("an atlas gives each picture's values, channels first", () => {
  const shape = new ImageShape([3, 2, 2]);
  const data = Uint8ClampedArray.from({ length: 4 * 4 * 4 }, (_, i) => i);
  const sheet = { width: 4, height: 4, data };
  const piece = atlas(sheet, 2, 3, shape);
  const out = new Float32Array(12);
  piece.get(2, out); // the second row's first
  const at = (/** @type {number} */ x, /** @type {number} */ y, /** @type {number} */ c) =>
    4 * (y * 4 + x) + c;
  const wanted = [0, 1, 2].flatMap((c) => [at(0, 2, c), at(1, 2, c), at(0, 3, c), at(1, 3, c)]);
  assert.deepEqual(
    [...out].map((v) => Math.round(255 * v)),
    wanted,
  );
  assert.throws(() => atlas(sheet, 2, 5, shape), /do not fit/);
});
