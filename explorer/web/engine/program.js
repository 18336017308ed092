// Programs, as training/vae/program.py describes them: ops over named tensors. A network runs one, and
// plans it (which takes some milliseconds) when it is first run.

import { fuse } from "./fuse.js";
import { predictedMs } from "./kernels.js";
import { Value, sizeOf } from "./layout.js";
import { OPS } from "./ops.js";
import { Plan } from "./plan.js";

/**
 * @typedef {{op: string, name?: string, inputs?: string[], [attribute: string]: any}} OpSpec
 * @typedef {{shape: number[], ops: OpSpec[], outputs?: string[]}} ProgramSpec
 * @typedef {{shape: number[], data: Float32Array}} Tensor in torch's order
 * @typedef {(name: string) => Tensor} Tensors
 * @typedef {import("./kernels.js").KernelName} KernelName
 *
 * An op of a program. What follows it may be part of it: a scale and a shift of each channel, a ReLU's
 * slope (1: none), and what comes before, an enlargement.
 * @typedef {{op: string, spec: OpSpec, inputs: Value[], output: Value, fold: OpSpec | null, slope: number,
 *   factor: [number, number]}} Node
 */

/** Most pictures of a batch: with more, what is computed falls out of the cache. */
const BATCH = 12;
const BATCH_BYTES = 2 ** 26;

/**
 * The nodes of a program, its input, and the values that come out.
 * @param {ProgramSpec} program @param {Tensors} tensors
 */
function read({ shape, ops, outputs }, tensors) {
  const x = new Value(shape);
  /** @type {Map<string, Value>} */
  const values = new Map([["x", x]]);
  let last = "x";
  /** @param {string[]} names @param {string} what takes them */
  const taken = (names, what) =>
    names.map((name) => {
      const value = values.get(name);
      if (!value) throw new Error(`${what} ${name}, which is not there`);
      value.users += 1;
      return value;
    });
  const nodes = ops.map((spec, n) => {
    const { op, name = String(n + 1), inputs = [last] } = spec;
    if (!Object.hasOwn(OPS, op)) throw new Error(`an op ${op}, which is not known here`);
    const from = taken(inputs, `an op ${op} of`);
    const shapes = from.map((value) => value.shape);
    const output = new Value(OPS[op].shape(shapes, spec, tensors));
    if (!(output.size > 0)) throw new Error(`an op ${op} whose output has no numbers`);
    values.set(name, output);
    last = name;
    /** @type {Node} */
    const node = { op, spec, inputs: from, output, fold: null, slope: 1, factor: [1, 1] };
    return node;
  });
  return { nodes, x, outputs: taken(outputs ?? [last], "an output") };
}

/** Runs a program. */
export class Network {
  /**
   * @param {ProgramSpec} program
   * @param {Tensors} tensors
   * @param {{kernel?: KernelName}} [options] kernels other than the fastest that there are
   */
  constructor(program, tensors, { kernel } = {}) {
    this._program = program;
    this._tensors = tensors;
    this._kernel = kernel;
    const { nodes, outputs } = read(program, tensors);
    /** Multiply-adds of one picture. */
    this.products = nodes.reduce(
      (sum, node) => sum + (OPS[node.op].products?.(node, tensors) ?? 0),
      0,
    );
    this.inputSize = sizeOf(program.shape);
    this.outputSizes = outputs.map(({ size }) => size);
    /** @type {Plan | null} */
    this._plan = null;
    /** All outputs of the last run, one picture behind the other. @type {Float32Array[]} */
    this.outputs = [];
  }

  /** Plan for pictures one at a time or many, if that has not been done. @param {boolean} many */
  prepare(many = false) {
    if (!this._plan || (many && this._plan.most < BATCH)) {
      const fused = fuse(read(this._program, this._tensors));
      this._plan = new Plan(fused, this._tensors, many ? BATCH : 1, BATCH_BYTES, this._kernel);
      this.outputs = this._plan.outputs;
    }
    return this._plan;
  }

  /** The kernels that are used. */
  get kernel() {
    return this.prepare().machine.name;
  }

  /** About how long a picture takes, by its products; nothing is planned for the answer. */
  get predictedMs() {
    return predictedMs(this.products, this._kernel);
  }

  /** The most pictures that one run takes. */
  get batch() {
    return this.prepare(true).batch;
  }

  /**
   * The first output for inputs (n, …); overwritten by the next run.
   * @param {Float32Array} x @param {number} [n] at most `batch`
   */
  run(x, n = 1) {
    this.prepare(n > 1).run(x, n);
    return this.outputs[0].subarray(0, n * this.outputSizes[0]);
  }
}
