// Ops of few networks: products of matrices, means, and values that are the same for all inputs. Loaded
// when a program has one.

import { UNARY } from "./kernels.js";
import { combined, roundUp, sizeOf, upTo } from "./layout.js";
import { each, unary } from "./passes.js";

/**
 * @typedef {import("./program.js").Node} Node
 * @typedef {import("./program.js").OpSpec} OpSpec
 * @typedef {import("./plan.js").Plan} Plan
 * @typedef {import("./plan.js").Step} Step
 * @typedef {import("./ops.js").Row} Row
 */

Object.assign(UNARY, {
  log: Math.log,
  power: (/** @type {number} */ x, /** @type {number} */ p) => (p === 2 ? x * x : x ** p),
  sin: Math.sin,
  abs: Math.abs,
});

/**
 * Numbers copied within memory. @param {Float32Array} f
 * @param {number} to @param {Int32Array} places from there on
 * @param {number} from @param {Int32Array} sources from there on
 */
function copy(f, to, places, from, sources) {
  for (let i = 0; i < places.length; i++) f[to + places[i]] = f[from + sources[i]];
}

/**
 * Products of matrices (…, m, k) and (…, k, n), by the kernel of layers: the first one's rows are its windows,
 * and the second one its weights. @param {Node} node @param {Plan} plan @returns {Step}
 */
function matmul(node, plan) {
  const { spec, inputs, output } = node;
  const [m, k] = inputs[0].shape.slice(-2);
  const n = output.shape[output.shape.length - 1];
  const [depth, width] = [roundUp(k, 4), roundUp(n, 8)];
  const panel = 8 * (1 + depth);
  const [first, second, made] = [m * depth, (width / 8) * panel, m * width].map((size) =>
    plan.reserve(4 * size),
  );
  const rows = plan.table(upTo(m).map((i) => first + 4 * i * depth));
  const outs = plan.table(upTo(m).map((i) => made + 4 * i * width));
  const taps = plan.table(Int32Array.of(0));
  const sides = [upTo(k).map((p) => 8 * (1 + p)), upTo(n).map((j) => (j >> 3) * panel + (j & 7))];
  const packed = [
    combined([upTo(m).map((i) => i * depth), upTo(k)]),
    combined(spec.transpose ? sides.reverse() : sides),
    combined([upTo(m).map((i) => i * width), upTo(n)]),
  ];
  const places = [...inputs, output].map((value) => value.offsets());
  return each(node, plan, (floats, out, x, y) => {
    for (let pair = 0; pair < output.size / (m * n); pair++) {
      const [from, by, to] = packed.map(({ length }, v) =>
        places[v].subarray(pair * length, (pair + 1) * length),
      );
      copy(floats, first / 4, packed[0], x, from);
      copy(floats, second / 4, packed[1], y, by);
      plan.machine.kernels.layer8(
        ...[rows, outs, m, taps, taps + 4, 4 * depth, second, 4 * panel, width / 8, 0, 1],
      );
      copy(floats, out, to, made / 4, packed[2]);
    }
  });
}

/** @param {Node} node @param {Plan} plan @returns {Step} */
function mean(node, plan) {
  const { inputs, output } = node;
  const [from, to] = [inputs[0].offsets(), output.offsets(inputs[0].shape)];
  const places = output.offsets();
  const sums = new Float64Array(output.storage.size);
  return each(node, plan, (floats, out, at) => {
    sums.fill(0);
    for (let i = 0; i < from.length; i++) sums[to[i]] += floats[at + from[i]];
    for (const place of places) floats[out + place] = (sums[place] * places.length) / from.length;
  });
}

/** @param {Node} node @param {Plan} plan @returns {Step} */
function constant(node, plan) {
  const { data } = plan.tensors(node.spec.value);
  const places = node.output.offsets();
  return each(node, plan, (floats, out) =>
    places.forEach((place, i) => (floats[out + place] = data[i])),
  );
}

/** @type {Row["shape"]} */
const same = ([shape]) => shape;

/** @type {Record<string, Row>} */
export const MORE = {
  matmul: {
    shape: ([first, second], { transpose }) => [
      ...first.slice(0, -1),
      second[second.length - (transpose ? 2 : 1)],
    ],
    products: ({ inputs: [{ shape }], output }) => sizeOf(shape) * output.shape[shape.length - 1],
    plan: matmul,
    partial: true,
  },
  mean: {
    shape: ([shape], { axes }) => shape.map((n, a) => (axes.includes(a) ? 1 : n)),
    plan: mean,
    partial: true,
  },
  constant: {
    shape: (_, { value }, tensors) => tensors(value).shape,
    plan: constant,
    partial: true,
  },
  // Of what pads the channels, 0, these are not finite.
  log: { shape: same, plan: unary("log", () => [], true), partial: true },
  power: { shape: same, plan: unary("power", ({ exponent }) => [exponent], true), partial: true },
  sin: { shape: same, plan: unary("sin", () => []), inPlace: true },
  abs: { shape: same, plan: unary("abs", () => []), inPlace: true },
};
