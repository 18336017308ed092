// A plan: where each value lies, tables, packed weights, and a list of steps.

import { machine } from "./kernels.js";
import { OPS } from "./ops.js";

/**
 * @typedef {import("./program.js").Node} Node
 * @typedef {import("./layout.js").Value} Value
 * @typedef {import("./layout.js").Storage} Storage
 * @typedef {(n: number) => void} Step for the first n pictures
 */

/** Let ops that may work in place do so. @param {Node[]} nodes */
function share(nodes) {
  for (const { op, inputs, output } of nodes) {
    const [first] = inputs;
    const alike = String(first?.shape) === String(output.shape);
    if (OPS[op].inPlace && alike && first.users === 1 && !first.storage.exclusive)
      output.storage = first.storage;
    else if (OPS[op].partial) output.storage.exclusive = output.channels !== output.storage.lanes;
  }
}

export class Plan {
  /**
   * @param {{nodes: Node[], x: Value, outputs: Value[]}} program
   * @param {import("./program.js").Tensors} tensors
   * @param {number} most pictures at once @param {number} bytes that their values may take
   * @param {import("./kernels.js").KernelName} [kernel]
   */
  constructor({ nodes, x, outputs }, tensors, most, bytes, kernel) {
    this.tensors = tensors;
    this.most = most;
    x.storage.exclusive = x.channels !== x.storage.lanes;
    share(nodes);
    for (const node of nodes) OPS[node.op].prepare?.(node, tensors);
    const slots = this._slots(nodes, x, outputs);
    const floats = slots.reduce((sum, { size }) => sum + size, 0);
    this.batch = Math.max(1, Math.min(most, Math.floor(bytes / 4 / floats)));
    /** Bytes of memory, so far. */
    this.bytes = 64;
    for (const { size, held } of slots) {
      const first = this.reserve(4 * size * this.batch) / 4;
      for (const storage of held) storage.first = first;
    }
    /** What is written once there is memory. @type {(() => void)[]} */
    this.fills = [];
    this.steps = nodes.map((node) => OPS[node.op].plan(node, this));
    this.steps.unshift(this._input(x));
    this.outputs = outputs.map((value) => new Float32Array(value.size * this.batch));
    outputs.forEach((value, n) => this.steps.push(this._output(value, this.outputs[n])));
    this.machine = machine(this.bytes, kernel);
    /** @type {Float32Array} */
    this.floats = new Float32Array(this.machine.buffer);
    this.integers = new Int32Array(this.machine.buffer);
    for (const fill of this.fills) fill();
    this.fills = [];
    /** The inputs of this run. @type {Float32Array} */
    this.x = this.floats;
  }

  /**
   * Pieces of memory, each for storages that do not live at the same time.
   * @param {Node[]} nodes @param {Value} x @param {Value[]} outputs
   */
  _slots(nodes, x, outputs) {
    x.storage.born = -1;
    nodes.forEach(({ inputs, output }, n) => {
      output.storage.born = Math.min(output.storage.born, n);
      for (const { storage } of [...inputs, output]) storage.dies = Math.max(storage.dies, n);
    });
    for (const { storage } of outputs) storage.dies = Infinity;
    const values = [x, ...nodes.map(({ output }) => output)];
    const storages = [...new Set(values.map(({ storage }) => storage))];
    /** @type {{size: number, held: Storage[]}[]} */
    const slots = [];
    for (const storage of storages.sort((a, b) => a.born - b.born)) {
      const free = slots.find(({ held }) => {
        const before = held[held.length - 1];
        const fits = before.key === storage.key && before.dies < storage.born;
        return fits && !before.exclusive && !storage.exclusive;
      });
      if (free) free.held.push(storage);
      else slots.push({ size: storage.size, held: [storage] });
    }
    return slots;
  }

  /** The address of so many bytes, to be filled when there is memory. @param {number} bytes */
  reserve(bytes) {
    const address = this.bytes;
    this.bytes = address + 64 * Math.ceil(bytes / 64);
    return address;
  }

  /** The address of a table. @param {Int32Array} table */
  table(table) {
    const address = this.reserve(4 * table.length);
    this.fills.push(() => this.integers.set(table, address / 4));
    return address;
  }

  /** The numbers come in. @param {Value} value @returns {Step} */
  _input(value) {
    const places = value.offsets();
    return (n) => {
      const { x, floats } = this;
      for (let b = 0, from = 0; b < n; b++) {
        const to = value.storage.origin(b);
        for (let i = 0; i < places.length; i++) floats[to + places[i]] = x[from++];
      }
    };
  }

  /** Numbers go out. @param {Value} value @param {Float32Array} out @returns {Step} */
  _output(value, out) {
    const places = value.offsets();
    return (n) => {
      const { floats } = this;
      for (let b = 0, to = 0; b < n; b++) {
        const from = value.storage.origin(b);
        for (let i = 0; i < places.length; i++) out[to++] = floats[from + places[i]];
      }
    };
  }

  /** @param {Float32Array} x (n, …) @param {number} n */
  run(x, n) {
    if (n > this.batch) throw new Error(`${n} pictures at once, and at most ${this.batch} fit`);
    this.x = x;
    for (const step of this.steps) step(n);
    this.x = this.floats;
  }
}
