// Ops that put numbers elsewhere: for each number of the output, which input it comes from, and where
// from.

import { combined, upTo } from "./layout.js";

/**
 * @typedef {import("./program.js").Node} Node
 * @typedef {import("./program.js").OpSpec} OpSpec
 * @typedef {import("./layout.js").Value} Value
 * @typedef {import("./plan.js").Step} Step
 *
 * For each input, where numbers of the output lie, and where each comes from (−1: it is 0).
 * @typedef {(inputs: Value[], output: Value, spec: OpSpec) => [to: Int32Array, from: Int32Array][]} Source
 */

/** @type {Source} */
export const reshape = ([x], out) => [[out.offsets(), x.offsets()]];

/** @type {Source} */
export const permute = ([x], out, { order }) => [
  [out.offsets(), combined(order.map((/** @type {number} */ a) => x.along(a)))],
];

/**
 * Where the numbers of a part of a value lie: from `start` along an axis, so many.
 * @param {Value} value @param {number} axis @param {number} start @param {number} count
 */
const part = (value, axis, start, count) =>
  combined(
    value.shape.map((_, a) =>
      a === axis
        ? value.along(
            a,
            upTo(count).map((i) => i + start),
          )
        : value.along(a),
    ),
  );

/** @type {Source} */
export const slice = ([x], out, { axis, start }) => [
  [out.offsets(), part(x, axis, start, out.shape[axis])],
];

/** @type {Source} */
export function concat(inputs, out, { axis = 0 }) {
  let start = 0;
  return inputs.map((x) => {
    const to = part(out, axis, start, x.shape[axis]);
    start += x.shape[axis];
    return [to, x.offsets()];
  });
}

/**
 * Rows and columns of a picture that come from others.
 * @param {Value} x @param {Value} out @param {(i: number, axis: number) => number} place of a row or column, or −1
 * @returns {ReturnType<Source>}
 */
function picked(x, out, place) {
  const along = (/** @type {number} */ axis) =>
    x.along(
      axis,
      upTo(out.shape[axis]).map((i) => place(i, axis)),
    );
  return [[out.offsets(), combined([x.along(0), along(1), along(2)])]];
}

/** @type {Record<string, (i: number, n: number) => number>} */
const MARGINS = {
  zero: (i, n) => (i < 0 || i >= n ? -1 : i),
  replicate: (i, n) => Math.min(Math.max(i, 0), n - 1),
  reflect: (i, n) => n - 1 - Math.abs(n - 1 - Math.abs(i)),
};

/** @type {Source} */
export const pad = ([x], out, { sides: [left, , top], mode = "zero" }) =>
  picked(x, out, (i, axis) => MARGINS[mode](i - [0, top, left][axis], x.shape[axis]));

/** @type {Source} */
export const nearest = ([x], out) =>
  picked(x, out, (i, axis) => {
    const from = Math.fround(i * Math.fround(x.shape[axis] / out.shape[axis])); // as torch counts
    return Math.min(Math.floor(from), x.shape[axis] - 1);
  });

/**
 * A step that moves numbers.
 * @param {Source} source
 * @returns {(node: Node, plan: import("./plan.js").Plan) => Step}
 */
export const plan =
  (source) =>
  ({ inputs, output, spec }, plan) => {
    const moves = source(inputs, output, spec);
    return (n) => {
      const { floats } = plan;
      for (let b = 0; b < n; b++) {
        const out = output.storage.origin(b);
        moves.forEach(([to, from], k) => {
          const at = inputs[k].storage.origin(b);
          for (let i = 0; i < to.length; i++)
            floats[out + to[i]] = from[i] < 0 ? 0 : floats[at + from[i]];
        });
      }
    };
  };
