// Ops that are one pass over their numbers: functions of each, sums, norms, pools, and their like.

/**
 * @typedef {import("./program.js").Node} Node
 * @typedef {import("./program.js").OpSpec} OpSpec
 * @typedef {import("./layout.js").Value} Value
 * @typedef {import("./plan.js").Plan} Plan
 * @typedef {import("./plan.js").Step} Step
 */

/**
 * A step that does something for each picture, by where the output's and the inputs' pixels (0, 0) lie.
 * @param {Node} node @param {Plan} plan
 * @param {(floats: Float32Array, out: number, at: number, ...others: number[]) => void} act
 * @returns {Step}
 */
export const each =
  ({ inputs, output }, plan, act) =>
  (n) => {
    for (let b = 0; b < n; b++) {
      const [at, ...others] = inputs.map(({ storage }) => storage.origin(b));
      act(plan.floats, output.storage.origin(b), at, ...others);
    }
  };

/** Where the pixels of an output lie in a value, of which sides of 1 count for all. @param {Value} output @param {Value} [value] */
const pixels = (output, value = output) =>
  value.offsets(output.shape.map((n, a) => (a === output.last ? 1 : n)));

/**
 * A function of each number.
 * @param {string} kernel @param {(spec: OpSpec) => number[]} numbers
 * @param {boolean} [alone] whether what pads the channels must not be given to it
 * @returns {(node: Node, plan: Plan) => Step}
 */
export const unary =
  (kernel, numbers, alone = false) =>
  (node, plan) => {
    const [p = 0, q = 0] = numbers(node.spec);
    const { storage: to, channels } = node.output;
    const { pitch } = node.inputs[0].storage;
    const whole = to.width * to.lanes;
    const [step, some] = alone ? [to.lanes, channels] : [whole, whole];
    return each(node, plan, (_, out, at) => {
      const run = plan.machine.kernels[kernel];
      for (let y = 0; y < to.height; y++)
        for (let x = 0; x < whole; x += step) {
          const from = 4 * (at + y * pitch + x);
          run(from, from + 4 * some, 4 * (out + y * to.pitch + x), p, q);
        }
    });
  };

/**
 * Sums or products of values of equal rank, of which sides of 1 count for all along them.
 * @param {boolean} product
 * @returns {(node: Node, plan: Plan) => Step}
 */
export const elementwise = (product) => (node, plan) => {
  const { inputs, output } = node;
  const { lanes } = output.storage;
  const to = pixels(output);
  const from = inputs.map((value) => pixels(output, value));
  const steps = inputs.map(({ channels }) => (channels === output.channels ? 1 : 0));
  return each(node, plan, (floats, out, ...at) => {
    let [left, places, step] = [at[0], from[0], steps[0]];
    for (let k = 1; k < at.length; k++) {
      for (let p = 0; p < to.length; p++) {
        let [o, i, j] = [out + to[p], left + places[p], at[k] + from[k][p]];
        for (const end = o + lanes; o < end; o++, i += step, j += steps[k])
          floats[o] = product ? floats[i] * floats[j] : floats[i] + floats[j];
      }
      [left, places, step] = [out, to, 1];
    }
  });
};

/**
 * A scale and a shift of each channel; before it, where there are groups, each group's numbers are brought to
 * mean 0 and variance 1. @param {Node} node @param {Plan} plan @returns {Step}
 */
export function affine(node, plan) {
  const { spec, inputs, output } = node;
  const { groups, eps = 1e-5 } = spec;
  const [weight, bias] = [spec.weight, spec.bias].map((name) => name && plan.tensors(name).data);
  const [from, to] = [pixels(output, inputs[0]), pixels(output)];
  const size = output.channels / (groups ?? 1);
  return each(node, plan, (floats, out, at) => {
    for (let first = 0; first < output.channels; first += size) {
      let [mean, square] = [0, 0];
      const count = size * from.length;
      if (groups)
        for (const pixel of from)
          for (let i = at + pixel + first, end = i + size; i < end; i++) {
            mean += floats[i] / count;
            square += floats[i] ** 2 / count;
          }
      const rate = groups ? 1 / Math.sqrt(Math.max(0, square - mean * mean) + eps) : 1;
      for (let c = first; c < first + size; c++) {
        const scale = rate * (weight ? weight[c] : 1);
        const shift = (bias ? bias[c] : 0) - mean * scale;
        for (let p = 0; p < to.length; p++)
          floats[out + to[p] + c] = floats[at + from[p] + c] * scale + shift;
      }
    }
  });
}

/**
 * For each index of an output along an axis, the input's that it is made of, and the share of each.
 * @typedef {(spec: OpSpec, axis: number, n: number, out: number) => [index: number, share: number][][]} Shares
 */

/** @type {Shares} */
export const windows = ({ kernel, stride, padding = [0, 0], count_padding }, axis, n, out) =>
  Array.from({ length: out }, (_, i) => {
    const begin = i * stride[axis] - padding[axis];
    const [first, last] = [Math.max(begin, 0), Math.min(begin + kernel[axis], n)];
    const whole = Math.min(begin + kernel[axis], n + padding[axis]) - begin;
    const share = 1 / (count_padding === false ? last - first : whole);
    return Array.from({ length: last - first }, (_, k) => [first + k, share]);
  });

/** @type {Shares} */
export const neighbours = ({ align_corners: corners }, _, n, out) =>
  Array.from({ length: out }, (_, i) => {
    const at = corners
      ? (i * (n - 1)) / Math.max(out - 1, 1)
      : Math.max(((i + 0.5) * n) / out - 0.5, 0);
    const low = Math.min(Math.floor(at), n - 1);
    return [
      [low, 1 - (at - low)],
      [Math.min(low + 1, n - 1), at - low],
    ];
  });

/**
 * A picture of which each number is a sum of the input's by their shares, or the largest of them.
 * @param {Shares} shares @param {boolean} [largest]
 * @returns {(node: Node, plan: Plan) => Step}
 */
export const resampled =
  (shares, largest = false) =>
  (node, plan) => {
    const { spec, inputs, output } = node;
    const [from, to] = [inputs[0].storage, output.storage];
    const rows = shares(spec, 0, from.height, to.height);
    const columns = shares(spec, 1, from.width, to.width).map((xs) =>
      xs.map(([x, share]) => /** @type {[number, number]} */ ([x * from.lanes, share])),
    );
    const line = new Float32Array(from.width * from.lanes);
    /** @param {Float32Array} made @param {number} first @param {number} length @param {Float32Array} f @param {[at: number, share: number][]} parts */
    const join = (made, first, length, f, parts) => {
      made.fill(largest ? -Infinity : 0, first, first + length);
      for (const [at, share] of parts)
        if (largest)
          for (let i = 0; i < length; i++) made[first + i] = Math.max(made[first + i], f[at + i]);
        else for (let i = 0; i < length; i++) made[first + i] += share * f[at + i];
    };
    return each(node, plan, (floats, out, at) =>
      rows.forEach((ys, i) => {
        join(
          line,
          0,
          line.length,
          floats,
          ys.map(([y, v]) => [at + y * from.pitch, v]),
        );
        columns.forEach((xs, j) =>
          join(floats, out + i * to.pitch + j * to.lanes, output.channels, line, xs),
        );
      }),
    );
  };

/** @param {Node} node @param {Plan} plan @returns {Step} */
export function softmax(node, plan) {
  const { spec, inputs, output } = node;
  const { axis = 0 } = spec;
  const apart = output.shape.slice(axis + 1).reduce((a, n) => a * n, 1);
  const whole = output.shape[axis] * apart;
  const [from, to] = [inputs[0].offsets(), output.offsets()];
  return each(node, plan, (floats, out, at) => {
    for (let first = 0; first < output.size; first++) {
      if (first % whole >= apart) continue; // it has been met on the way from another
      let [most, sum] = [-Infinity, 0];
      const end = first + whole;
      for (let i = first; i < end; i += apart) most = Math.max(most, floats[at + from[i]]);
      for (let i = first; i < end; i += apart)
        sum += floats[out + to[i]] = Math.exp(floats[at + from[i]] - most);
      for (let i = first; i < end; i += apart) floats[out + to[i]] /= sum;
    }
  });
}

/** @param {Node} node @param {Plan} plan @returns {Step} */
export function append(node, plan) {
  const { data } = plan.tensors(node.spec.bias);
  const { size } = node.inputs[0];
  return each(node, plan, (floats, out, at) => {
    floats.copyWithin(out, at, at + size);
    floats.set(data, out + size);
  });
}

/** @param {Node} node @param {Plan} plan @returns {Step} */
export const oneHot = (node, plan) =>
  each(node, plan, (floats, out, at) =>
    pixels(node.output).forEach((place, i) => {
      const named = Math.floor(floats[at + i] + 0.5);
      for (let c = 0; c < node.output.channels; c++) floats[out + place + c] = +(c === named);
    }),
  );
