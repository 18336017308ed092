// Ops between values: sums, products, means, and values that are the same for all inputs.

import { combined, roundUp, upTo } from "./layout.js";

/**
 * @typedef {import("./program.js").Node} Node
 * @typedef {import("./plan.js").Plan} Plan
 * @typedef {import("./plan.js").Step} Step
 */

/**
 * Sums or products of values of equal rank, of which sides of 1 count for all along them.
 * @param {boolean} product
 * @returns {(node: Node, plan: Plan) => Step}
 */
export const elementwise =
  (product) =>
  ({ inputs, output }, plan) => {
    const to = output.storage;
    const pixels = output.shape.map((n, a) => (a === output.last ? 1 : n));
    const places = output.offsets(pixels);
    const taken = inputs.map((value) => ({
      storage: value.storage,
      places: value.offsets(pixels),
      step: value.channels === output.channels ? 1 : 0,
    }));
    return (n) => {
      const { floats } = plan;
      for (let b = 0; b < n; b++)
        taken.forEach(({ storage, places: from, step }, k) => {
          const [origin, start] = [to.origin(b), storage.origin(b)];
          for (let p = 0; p < places.length; p++) {
            const end = origin + places[p] + to.lanes;
            for (let o = end - to.lanes, a = start + from[p]; o < end; o++, a += step)
              if (!k) floats[o] = floats[a];
              else if (product) floats[o] *= floats[a];
              else floats[o] += floats[a];
          }
        });
    };
  };

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
export function matmul({ spec, inputs, output }, plan) {
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
  const all = [...inputs, output];
  const places = all.map((value) => value.offsets());
  return (count) => {
    const { floats, machine } = plan;
    for (let b = 0; b < count; b++)
      for (let pair = 0; pair < output.size / (m * n); pair++) {
        const [x, y, z] = all.map(({ storage }) => storage.origin(b));
        const [from, by, to] = packed.map(({ length }, v) =>
          places[v].subarray(pair * length, (pair + 1) * length),
        );
        copy(floats, first / 4, packed[0], x, from);
        copy(floats, second / 4, packed[1], y, by);
        machine.kernels.layer8(
          ...[rows, outs, m, taps, taps + 4, 4 * depth, second, 4 * panel, width / 8, 0, 1],
        );
        copy(floats, z, to, made / 4, packed[2]);
      }
  };
}

/** @param {Node} node @param {Plan} plan @returns {Step} */
export function mean({ inputs: [input], output }, plan) {
  const [from, to] = [input.offsets(), output.offsets(input.shape)];
  const places = output.offsets();
  const sums = new Float64Array(output.storage.size);
  return (n) => {
    const { floats } = plan;
    for (let b = 0; b < n; b++) {
      const [at, out] = [input.storage.origin(b), output.storage.origin(b)];
      sums.fill(0);
      for (let i = 0; i < from.length; i++) sums[to[i]] += floats[at + from[i]];
      for (const place of places) floats[out + place] = (sums[place] * places.length) / from.length;
    }
  };
}

/** @param {Node} node @param {Plan} plan @returns {Step} */
export function constant({ spec, output }, plan) {
  const { data } = plan.tensors(spec.value);
  const places = output.offsets();
  return (n) => {
    for (let b = 0; b < n; b++) {
      const to = output.storage.origin(b);
      places.forEach((place, i) => (plan.floats[to + place] = data[i]));
    }
  };
}
