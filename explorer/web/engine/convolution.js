// Linear layers, convolutions and transposed ones as tables for one kernel: addresses of windows and of
// outputs, distances of taps, and panels of weights.

import { combined, upTo } from "./layout.js";
import { phasesOf, reach } from "./windows.js";

/**
 * @typedef {import("./program.js").Node} Node
 * @typedef {import("./program.js").Tensor} Tensor
 * @typedef {import("./plan.js").Plan} Plan
 * @typedef {import("./plan.js").Step} Step
 * @typedef {import("./windows.js").Phase} Phase
 *
 * A layer's weights, and the steps through them from an output channel, an input channel of its group, a row
 * and a column of the kernel to the next; and how many channels a group has.
 * @typedef {{data: Float32Array, kernel: [number, number], out: number, into: number, row: number,
 *   backwards: boolean, groupIn: number, groupOut: number}} Weights
 * @typedef {{first: number, blocks: number, from: number, to: number}} Panels some of a layer's panels of
 *   outputs, and the input's channels that they take
 */

/**
 * @param {Node} node @param {Tensor} tensor
 * @returns {Weights}
 */
function weightsOf({ op, spec, inputs, output }, { data, shape }) {
  const [, second, height = 1, width = 1] = shape;
  const backwards = op === "conv_transpose";
  const { groups = 1 } = spec;
  const cell = height * width;
  return {
    data,
    kernel: [height, width],
    out: backwards ? cell : second * cell,
    into: backwards ? second * cell : cell,
    row: width,
    backwards,
    groupIn: inputs[0].channels / groups,
    groupOut: output.channels / groups,
  };
}

/** The phases along both axes. @param {Node} node @param {[number, number]} kernel */
function phases({ op, spec, inputs: [input], output, factor }, kernel) {
  const { stride = [1, 1], padding = [0, 0], dilation = [1, 1] } = spec;
  const axes = kernel.map((size, n) => ({
    kernel: size,
    stride: stride[n],
    padding: padding[n],
    dilation: dilation[n],
    factor: factor[n],
  }));
  const backwards = op === "conv_transpose";
  return [
    phasesOf(axes[0], input.height, output.height, backwards),
    phasesOf(axes[1], input.width, output.width, backwards),
  ];
}

/**
 * Give the input the halo that the windows reach into.
 * @param {Node} node @param {import("./program.js").Tensors} tensors
 */
export function prepare(node, tensors) {
  const { storage, height, width } = node.inputs[0];
  const [ys, xs] = phases(node, weightsOf(node, tensors(node.spec.weight)).kernel);
  const [top, bottom] = reach(ys, height);
  const [left, right] = reach(xs, width);
  storage.widen({ top, bottom, left, right });
}

/**
 * The panels of a layer, together where they take the same channels.
 * @param {Weights} weights @param {number} channels of the output @param {number} blocks @param {number} width
 */
function panelsOf({ groupIn, groupOut }, channels, blocks, width) {
  /** @type {Panels[]} */
  const found = [];
  for (let block = 0; block < blocks; block++) {
    const last = Math.min(channels, (block + 1) * width) - 1;
    const from = Math.floor((block * width) / groupOut) * groupIn;
    const to = (Math.floor(last / groupOut) + 1) * groupIn;
    const before = found[found.length - 1];
    if (before?.from === from && before.to === to) before.blocks += 1;
    else found.push({ first: block, blocks: 1, from, to });
  }
  return found;
}

/** Taps in order of their distance. @param {Phase} phase */
const sorted = ({ taps }) => [...taps].sort(([a], [b]) => a - b);

/**
 * The runs of numbers that a window takes: a row of taps is one run where they are neighbours and all
 * channels are taken, else each tap is one.
 * @param {Node} node @param {Phase} y @param {Phase} x @param {Panels} panels
 */
function runsOf({ inputs: [{ storage, channels }] }, y, x, { from, to }) {
  const [ys, xs] = [sorted(y), sorted(x)];
  const { lanes, pitch } = storage;
  const rows = to - from === channels && xs.every(([d], n) => d === xs[0][0] + n);
  const k = rows ? (xs.length - 1) * lanes + channels : to - from;
  const begins = rows ? xs.slice(0, 1) : xs;
  const taps = ys.flatMap(([dy]) =>
    begins.map(([dx]) => 4 * (dy * pitch + dx * lanes + (rows ? 0 : from))),
  );
  return { ys, xs, rows, taps: Int32Array.from(taps), k: taps.length ? 4 * Math.ceil(k / 4) : 0 };
}

/**
 * Write the panels of a phase: the bias of each output, then for each number of each run its weight; both
 * with the scale and the shift that were folded in.
 * @param {Plan} plan @param {Node} node @param {Weights} weights @param {number} first of the panels' memory
 * @param {number} width of a panel @param {Panels} panels @param {ReturnType<typeof runsOf>} runs
 */
function pack({ tensors, floats }, node, weights, first, width, panels, runs) {
  const { spec, fold, inputs, output } = node;
  const { data, out, into, row, backwards, groupIn, groupOut } = weights;
  const { ys, xs, rows, taps, k } = runs;
  const { lanes } = inputs[0].storage;
  const [bias, scale, shift] = [spec.bias, fold?.weight, fold?.bias].map((name) =>
    name ? tensors(name).data : null,
  );
  const panel = width * (1 + taps.length * k);
  const end = Math.min(output.channels, (panels.first + panels.blocks) * width);
  for (let o = panels.first * width; o < end; o++) {
    const n = o - panels.first * width;
    const at = first + Math.floor(n / width) * panel + (n % width);
    const by = scale ? scale[o] : 1;
    floats[at] = (bias ? bias[o] * by : 0) + (shift ? shift[o] : 0);
    const group = Math.floor(o / groupOut);
    const origin = backwards ? group * groupIn * into + (o - group * groupOut) * out : o * out;
    ys.forEach(([, us], i) =>
      xs.forEach(([, vs], j) => {
        const run = rows ? i : i * xs.length + j;
        const begin = group * groupIn + (rows ? j * lanes : -panels.from);
        let cell = at + width * (1 + run * k + begin);
        for (let c = 0; c < groupIn; c++, cell += width) {
          let sum = 0;
          for (const u of us) for (const v of vs) sum += data[origin + c * into + u * row + v];
          floats[cell] = sum * by;
        }
      }),
    );
  }
}

/**
 * Addresses of windows or outputs of a phase, picture after picture.
 * @param {Plan} plan @param {import("./layout.js").Storage} storage
 * @param {[first: number, count: number, step: number]} y @param {[first: number, count: number, step: number]} x
 */
const addresses = (plan, storage, [y0, rows, dy], [x0, columns, dx]) =>
  plan.table(
    combined([
      upTo(plan.batch).map((b) => 4 * storage.origin(b)),
      upTo(rows).map((i) => 4 * (y0 + i * dy) * storage.pitch),
      upTo(columns).map((j) => 4 * (x0 + j * dx) * storage.lanes),
    ]),
  );

/**
 * The calls of the kernel that a layer takes.
 * @param {Node} node @param {Plan} plan @returns {Step}
 */
export function plan(node, plan) {
  const { inputs, output, slope, spec } = node;
  const weights = weightsOf(node, plan.tensors(spec.weight));
  const { lanes } = output.storage;
  const width = lanes === 4 ? 4 : 8;
  const [ys, xs] = phases(node, weights.kernel);
  const all = panelsOf(weights, output.channels, lanes / width, width);
  const calls = ys.flatMap((y) =>
    xs.flatMap((x) => {
      const from = addresses(plan, inputs[0].storage, [0, y.count, y.step], [0, x.count, x.step]);
      const to = addresses(
        plan,
        output.storage,
        [y.first, y.count, y.spread],
        [x.first, x.count, x.spread],
      );
      return all.map((panels) => {
        const runs = runsOf(node, y, x, panels);
        const taps = plan.table(runs.taps);
        const end = taps + 4 * runs.taps.length;
        const panel = 4 * width * (1 + runs.taps.length * runs.k);
        const first = plan.reserve(panels.blocks * panel);
        plan.fills.push(() => pack(plan, node, weights, first / 4, width, panels, runs));
        return {
          from,
          to,
          count: y.count * x.count,
          taps,
          end,
          k: 4 * runs.k,
          first,
          panel,
          panels,
        };
      });
    }),
  );
  return (n) => {
    const { layer8, layer4 } = plan.machine.kernels;
    const kernel = width === 8 ? layer8 : layer4;
    for (const { from, to, count, taps, end, k, first, panel, panels } of calls) {
      const column = 4 * width * panels.first;
      kernel(from, to, n * count, taps, end, k, first, panel, panels.blocks, column, slope);
    }
  };
}
