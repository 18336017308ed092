// Ops that put numbers elsewhere: for each number of the output, which input it comes from, and where
// from. In order, as they are counted without padding.

import { sizeOf } from "./layout.js";

/**
 * @typedef {import("./program.js").Node} Node
 * @typedef {import("./program.js").OpSpec} OpSpec
 * @typedef {import("./plan.js").Step} Step
 *
 * For each input, pairs of where a number is in the output and where it comes from; what no pair names is 0.
 * @typedef {(inputs: (readonly number[])[], output: readonly number[], spec: OpSpec) =>
 *   {to: Int32Array, from: Int32Array}[]} Source
 */

/** @param {number} n */
const upTo = (n) => Int32Array.from({ length: n }, (_, i) => i);

/** How far apart neighbours along each axis are. @param {readonly number[]} shape */
const strides = (shape) => shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));

/**
 * Where the numbers of a shape are, in the order of their counting, if each axis has places of its own.
 * @param {ArrayLike<number>[]} places along each axis: what an index there adds; −1 for none
 */
function combined(places) {
  let found = Int32Array.of(0);
  for (const along of places) {
    const next = new Int32Array(found.length * along.length);
    let n = 0;
    for (const before of found)
      for (let i = 0; i < along.length; i++)
        next[n++] = before < 0 || along[i] < 0 ? -1 : before + along[i];
    found = next;
  }
  return found;
}

/** @param {Int32Array} from where each number of the output comes from, or −1 */
function pairs(from) {
  const to = upTo(from.length).filter((i) => from[i] >= 0);
  return [{ to, from: from.filter((i) => i >= 0) }];
}

/** @type {Source} */
export const reshape = ([shape]) => pairs(upTo(sizeOf(shape)));

/** @type {Source} */
export function permute([shape], _, { order }) {
  const apart = strides(shape);
  return pairs(
    combined(order.map((/** @type {number} */ a) => upTo(shape[a]).map((i) => i * apart[a]))),
  );
}

/**
 * Where the numbers of a part of a shape lie: from `start` along an axis, so many.
 * @param {readonly number[]} shape @param {number} axis @param {number} start @param {number} count
 */
function part(shape, axis, start, count) {
  const apart = strides(shape);
  return combined(
    shape.map((n, a) =>
      a === axis
        ? upTo(count).map((i) => (i + start) * apart[a])
        : upTo(n).map((i) => i * apart[a]),
    ),
  );
}

/** @type {Source} */
export const slice = ([shape], _, { axis, start, stop }) =>
  pairs(part(shape, axis, start, stop - start));

/** @type {Source} */
export function concat(shapes, output, { axis = 0 }) {
  let start = 0;
  return shapes.map((shape) => {
    const to = part(output, axis, start, shape[axis]);
    start += shape[axis];
    return { to, from: upTo(to.length) };
  });
}

/**
 * Rows and columns of a picture that come from others; −1 is from none.
 * @param {readonly number[]} shape @param {number[]} rows @param {number[]} columns
 */
function picked([channels, height, width], rows, columns) {
  return pairs(
    combined([
      upTo(channels).map((c) => c * height * width),
      rows.map((i) => (i < 0 ? -1 : i * width)),
      columns,
    ]),
  );
}

/** @type {Record<string, (i: number, n: number) => number>} */
const MARGINS = {
  zero: (i, n) => (i < 0 || i >= n ? -1 : i),
  replicate: (i, n) => Math.min(Math.max(i, 0), n - 1),
  reflect: (i, n) => n - 1 - Math.abs(n - 1 - Math.abs(i)),
};

/** @type {Source} */
export function pad([shape], output, { sides: [left, , top], mode = "zero" }) {
  const places = (/** @type {number} */ axis, /** @type {number} */ before) =>
    Array.from({ length: output[axis] }, (_, i) => MARGINS[mode](i - before, shape[axis]));
  return picked(shape, places(1, top), places(2, left));
}

/** @type {Source} */
export function nearest([shape], output) {
  // In float32, as torch counts.
  const places = (/** @type {number} */ axis) =>
    Array.from({ length: output[axis] }, (_, i) => {
      const from = Math.fround(i * Math.fround(shape[axis] / output[axis]));
      return Math.min(Math.floor(from), shape[axis] - 1);
    });
  return picked(shape, places(1), places(2));
}

/**
 * A step that moves numbers.
 * @param {Source} source
 * @returns {(node: Node, plan: import("./plan.js").Plan) => Step}
 */
export const plan = (source) => (node, plan) => {
  const { inputs, output, spec } = node;
  const places = output.offsets();
  const moves = source(
    inputs.map(({ shape }) => shape),
    output.shape,
    spec,
  ).map(({ to, from }, n) => {
    const offsets = inputs[n].offsets();
    return { to: to.map((i) => places[i]), from: from.map((i) => offsets[i]) };
  });
  const moved = moves.reduce((sum, { to }) => sum + to.length, 0);
  const zeros = moved < output.size ? places : new Int32Array();
  return (n) => {
    const { floats } = plan;
    for (let b = 0; b < n; b++) {
      const out = output.storage.origin(b);
      for (let i = 0; i < zeros.length; i++) floats[out + zeros[i]] = 0;
      moves.forEach(({ to, from }, k) => {
        const origin = inputs[k].storage.origin(b);
        for (let i = 0; i < to.length; i++) floats[out + to[i]] = floats[origin + from[i]];
      });
    }
  };
};
