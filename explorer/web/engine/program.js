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
 * The nodes of a program, and its values by their names.
 * @param {ProgramSpec} program @param {Tensors} tensors
 */
function read({ shape, ops }, tensors) {
  /** @type {Map<string, Value>} */
  const values = new Map([["x", new Value(shape)]]);
  let last = "x";
  const nodes = ops.map((spec, n) => {
    const { op, name = String(n + 1), inputs = [last] } = spec;
    if (!Object.hasOwn(OPS, op)) throw new Error(`an op ${op}, which is not known here`);
    const taken = inputs.map((input) => {
      const value = values.get(input);
      if (!value) throw new Error(`an op ${op} of ${input}, which is not there`);
      value.users += 1;
      return value;
    });
    const shapes = taken.map((value) => value.shape);
    const output = new Value(OPS[op].shape(shapes, spec, tensors));
    if (!(output.size > 0)) throw new Error(`an op ${op} whose output has no numbers`);
    values.set(name, output);
    last = name;
    /** @type {Node} */
    const node = { op, spec, inputs: taken, output, fold: null, slope: 1, factor: [1, 1] };
    return node;
  });
  return { nodes, values, last };
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
    const { nodes, values } = read(program, tensors);
    /** Multiply-adds of one picture. */
    this.products = nodes.reduce(
      (sum, node) => sum + (OPS[node.op].products?.(node, tensors) ?? 0),
      0,
    );
    this.inputSize = sizeOf(program.shape);
    this.outputSizes = this._outputs(values, nodes.length).map((value) => value.size);
    /** @type {Plan | null} */
    this._plan = null;
    /** All outputs of the last run, one picture behind the other. @type {Float32Array[]} */
    this.outputs = [];
  }

  /** @param {Map<string, Value>} values @param {number} count of nodes */
  _outputs(values, count) {
    const { ops, outputs = [count ? (ops[count - 1].name ?? String(count)) : "x"] } = this._program;
    return outputs.map((name) => {
      const value = values.get(name);
      if (!value) throw new Error(`an output ${name}, which is not there`);
      value.users += 1;
      return value;
    });
  }

  /** @param {number} most pictures at once */
  _planned(most) {
    const { nodes, values } = read(this._program, this._tensors);
    const outputs = this._outputs(values, nodes.length);
    const fused = fuse(nodes, /** @type {Value} */ (values.get("x")), outputs);
    return new Plan(fused, this._tensors, most, BATCH_BYTES, this._kernel);
  }

  /** Plan for pictures one at a time or many, if that has not been done. @param {boolean} many */
  prepare(many = false) {
    if (!this._plan || (many && this._plan.most < BATCH)) {
      this._plan = this._planned(many ? BATCH : 1);
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
    const [first] = this.outputs;
    return first.length === n * this.outputSizes[0]
      ? first
      : first.subarray(0, n * this.outputSizes[0]);
  }
}
