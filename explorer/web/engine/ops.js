// Ops of a program: one row a kind. The table with the same names in Python is OPS in
// training/vae/program.py. An op that is part of a layer before it (see fuse.js) is run by that.

import * as convolution from "./convolution.js";
import * as move from "./moving.js";
import * as pass from "./passes.js";
import { sizeOf } from "./layout.js";

/**
 * @typedef {import("./program.js").Node} Node
 * @typedef {import("./program.js").OpSpec} OpSpec
 * @typedef {import("./program.js").Tensors} Tensors
 * @typedef {import("./layout.js").Value} Value
 *
 * @typedef {object} Row
 * @property {(inputs: (readonly number[])[], spec: OpSpec, tensors: Tensors) => readonly number[]} shape of the output
 * @property {(node: Node, plan: import("./plan.js").Plan) => import("./plan.js").Step} plan what computes it
 * @property {(node: Node, tensors: Tensors) => void} [prepare] say what halo the input needs
 * @property {(node: Node, tensors: Tensors) => number} [products] multiply-adds
 * @property {boolean} [inPlace] whether the output may take the first input's place, where it has its shape
 * @property {boolean} [partial] whether it leaves the padding of its output's channels as it is
 */

/** @type {Row["shape"]} */
const same = ([first]) => first;

/** Sides of windows along both axes. @param {readonly number[]} sides @param {OpSpec} spec @param {readonly number[]} kernel */
const windows = (sides, { stride = [1, 1], padding = [0, 0], dilation = [1, 1] }, kernel) =>
  sides.map(
    (n, a) => Math.floor((n + 2 * padding[a] - dilation[a] * (kernel[a] - 1) - 1) / stride[a]) + 1,
  );

/** @type {Row["shape"]} */
function transposedShape([[, ...sides]], spec, tensors) {
  const { stride = [1, 1], padding = [0, 0], dilation = [1, 1], output_padding = [0, 0] } = spec;
  const [, out, ...kernel] = tensors(spec.weight).shape;
  return [
    out * (spec.groups ?? 1),
    ...sides.map(
      (n, a) =>
        (n - 1) * stride[a] -
        2 * padding[a] +
        dilation[a] * (kernel[a] - 1) +
        1 +
        output_padding[a],
    ),
  ];
}

/** @type {Row["shape"]} */
const pooled = ([[channels, ...sides]], spec) => [channels, ...windows(sides, spec, spec.kernel)];

/** @type {Row["shape"]} */
const reshaped = ([shape], { sides }) =>
  sides.map((/** @type {number} */ n) => (n < 0 ? -sizeOf(shape) / sizeOf(sides) : n));

/** What all layers of weights have. @type {Pick<Row, "plan" | "prepare" | "products">} */
const weighted = {
  plan: convolution.plan,
  prepare: convolution.prepare,
  products: ({ op, spec, inputs: [input], output }, tensors) => {
    const { height, width } = op === "conv" ? output : input;
    return tensors(spec.weight).data.length * height * width;
  },
};

/**
 * A function of each number, by a kernel of that name and its two numbers.
 * @param {string} kernel @param {(spec: OpSpec) => number[]} [numbers] @returns {Row}
 */
const pointwise = (kernel, numbers = () => []) => ({
  shape: same,
  plan: pass.unary(kernel, numbers),
  inPlace: true,
});

/** Sums or products. @param {boolean} product @returns {Row} */
const elementwise = (product) => ({
  shape: ([first, ...others]) =>
    first.map((n, a) => others.reduce((most, shape) => Math.max(most, shape[a]), n)),
  plan: pass.elementwise(product),
  inPlace: true,
});

/** An op that puts numbers elsewhere. @param {Row["shape"]} shape @param {move.Source} source @returns {Row} */
const moving = (shape, source) => ({ shape, plan: move.plan(source), partial: true });

const nearest = move.plan(move.nearest);
const bilinear = pass.resampled(pass.neighbours);

/** @type {Record<string, Row>} */
export const OPS = {
  linear: {
    shape: ([shape], { weight }, tensors) => [...shape.slice(0, -1), tensors(weight).shape[0]],
    ...weighted,
  },
  conv: {
    shape: ([[, ...sides]], spec, tensors) => {
      const [out, , ...kernel] = tensors(spec.weight).shape;
      return [out, ...windows(sides, spec, kernel)];
    },
    ...weighted,
  },
  conv_transpose: { shape: transposedShape, ...weighted },
  add: elementwise(false),
  multiply: elementwise(true),
  affine: { shape: same, plan: pass.affine, inPlace: true },
  group_norm: { shape: same, plan: pass.affine, inPlace: true },
  max_pool: { shape: pooled, plan: pass.resampled(pass.windows, true), partial: true },
  avg_pool: { shape: pooled, plan: pass.resampled(pass.windows), partial: true },
  softmax: { shape: same, plan: pass.softmax, partial: true },
  reshape: moving(reshaped, move.reshape),
  permute: moving(
    ([shape], { order }) => order.map((/** @type {number} */ a) => shape[a]),
    move.permute,
  ),
  slice: moving(
    ([shape], { axis, start, stop }) => shape.map((n, a) => (a === axis ? stop - start : n)),
    move.slice,
  ),
  concat: moving((shapes, { axis = 0 }) => {
    const whole = shapes.reduce((sum, shape) => sum + shape[axis], 0);
    return shapes[0].map((n, a) => (a === axis ? whole : n));
  }, move.concat),
  append: {
    shape: ([[n]], { bias }, tensors) => [n + tensors(bias).data.length],
    plan: pass.append,
    partial: true,
  },
  pad: moving(
    ([[channels, height, width]], { sides: [left, right, top, bottom] }) => [
      channels,
      height + top + bottom,
      width + left + right,
    ],
    move.pad,
  ),
  upsample: {
    shape: ([[channels]], { size }) => [channels, ...size],
    plan: (node, plan) => (node.spec.mode === "bilinear" ? bilinear : nearest)(node, plan),
    partial: true,
  },
  one_hot: { shape: ([[n]], { classes }) => [n, classes], plan: pass.oneHot, partial: true },
  relu: pointwise("leaky_relu", () => [0]),
  leaky_relu: pointwise("leaky_relu", ({ slope = 0.01 }) => [slope]),
  elu: pointwise("elu", ({ alpha = 1 }) => [alpha]),
  silu: pointwise("silu"),
  gelu: {
    ...pointwise("gelu"),
    plan: (node, plan) =>
      pass.unary(node.spec.approximate === "tanh" ? "gelu_tanh" : "gelu", () => [])(node, plan),
  },
  tanh: pointwise("tanh"),
  sigmoid: pointwise("sigmoid"),
  softplus: pointwise("softplus", ({ beta = 1, threshold = 20 }) => [beta, threshold]),
  exp: pointwise("exp"),
  clamp: pointwise("clamp", ({ low, high }) => [low, high]),
  scale: pointwise("scale", ({ factor }) => [factor]),
};

/** Have the rows of ops that few programs have, where these do. @param {...import("./program.js").ProgramSpec} programs */
export async function ready(...programs) {
  if (programs.some(({ ops }) => ops.some(({ op }) => !Object.hasOwn(OPS, op))))
    Object.assign(OPS, (await import("./algebra.js")).MORE);
}
