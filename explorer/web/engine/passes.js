// Ops that are one pass over their numbers: functions of each, sums, norms, pools, and their like.

/**
 * @typedef {import("./program.js").Node} Node
 * @typedef {import("./program.js").OpSpec} OpSpec
 * @typedef {import("./layout.js").Storage} Storage
 * @typedef {import("./plan.js").Plan} Plan
 * @typedef {import("./plan.js").Step} Step
 */

/**
 * Do something with each row of the first n pictures of an output.
 * @param {Storage} out @param {number} n @param {(b: number, y: number) => void} act
 */
function eachRow({ height }, n, act) {
  for (let b = 0; b < n; b++) for (let y = 0; y < height; y++) act(b, y);
}

/** Where a row of a picture begins. @param {Storage} storage @param {number} b @param {number} y */
const rowAt = (storage, b, y) => storage.origin(b) + y * storage.pitch;

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
    const { channels } = node.output;
    const [from, to] = [node.inputs[0].storage, node.output.storage];
    const whole = to.width * to.lanes;
    const [step, bytes] = alone ? [to.lanes, 4 * channels] : [whole, 4 * whole];
    return (n) => {
      const run = plan.machine.kernels[kernel];
      eachRow(to, n, (b, y) => {
        const [at, out] = [rowAt(from, b, y), rowAt(to, b, y)];
        for (let x = 0; x < whole; x += step)
          run(4 * (at + x), 4 * (at + x) + bytes, 4 * (out + x), p, q);
      });
    };
  };

/**
 * The numbers of a tensor for each lane; 0 beyond the channels, or where there is no tensor a given one.
 * @param {Plan} plan @param {string | undefined} name @param {number} lanes @param {number} otherwise
 */
function perLane({ tensors }, name, lanes, otherwise) {
  const found = new Float32Array(lanes);
  if (name) found.set(tensors(name).data);
  else found.fill(otherwise);
  return found;
}

/** @param {Node} node @param {Plan} plan @returns {Step} */
export function affine({ spec, inputs, output }, plan) {
  const [from, to] = [inputs[0].storage, output.storage];
  const { lanes } = to;
  const weight = perLane(plan, spec.weight, lanes, 1);
  const bias = perLane(plan, spec.bias, lanes, 0);
  return (n) => {
    const { floats } = plan;
    eachRow(to, n, (b, y) => {
      let at = rowAt(from, b, y);
      let out = rowAt(to, b, y);
      for (let x = 0; x < to.width; x++)
        for (let c = 0; c < lanes; c++) floats[out++] = floats[at++] * weight[c] + bias[c];
    });
  };
}

/** @param {Node} node @param {Plan} plan @returns {Step} */
export function groupNorm({ spec, inputs: [input], output }, plan) {
  const [from, to] = [input.storage, output.storage];
  const { lanes, width, height } = to;
  const weight = perLane(plan, spec.weight, lanes, 1);
  const bias = perLane(plan, spec.bias, lanes, 0);
  const size = input.channels / spec.groups;
  const count = size * width * height;
  return (n) => {
    const { floats } = plan;
    /** @param {number} b @param {number} c the group's first channel @param {(at: number, i: number, out: number) => void} act */
    const each = (b, c, act) => {
      for (let y = 0; y < height; y++) {
        const [at, out] = [rowAt(from, b, y), rowAt(to, b, y)];
        for (let x = 0; x < width * lanes; x += lanes)
          for (let i = c; i < c + size; i++) act(at + x + i, i, out + x + i);
      }
    };
    for (let b = 0; b < n; b++)
      for (let c = 0; c < input.channels; c += size) {
        let [sum, square] = [0, 0];
        each(b, c, (at) => {
          sum += floats[at];
          square += floats[at] ** 2;
        });
        const mean = sum / count;
        const rate = 1 / Math.sqrt(Math.max(0, square / count - mean * mean) + (spec.eps ?? 1e-5));
        each(b, c, (at, i, out) => {
          floats[out] = (floats[at] - mean) * rate * weight[i] + bias[i];
        });
      }
  };
}

/**
 * What is made of each channel of each window; windows end where the picture does.
 * @param {number} start @param {(made: number, value: number) => number} join @param {boolean} mean
 * @returns {(node: Node, plan: Plan) => Step}
 */
const pool =
  (start, join, mean) =>
  ({ spec, inputs: [input], output }, plan) => {
    const { kernel, stride, padding = [0, 0] } = spec;
    const [from, to] = [input.storage, output.storage];
    const along = (
      /** @type {number} */ axis,
      /** @type {number} */ n,
      /** @type {number} */ out,
    ) =>
      Array.from({ length: out }, (_, i) => {
        const begin = i * stride[axis] - padding[axis];
        const end = begin + kernel[axis];
        const [first, last] = [Math.max(begin, 0), Math.min(end, n)];
        const whole = Math.min(end, n + padding[axis]) - begin;
        return { first, last, size: spec.count_padding === false ? last - first : whole };
      });
    const rows = along(0, from.height, to.height);
    const columns = along(1, from.width, to.width);
    return (n) => {
      const { floats } = plan;
      eachRow(to, n, (b, i) => {
        const y = rows[i];
        columns.forEach((x, j) => {
          const out = rowAt(to, b, i) + j * to.lanes;
          for (let c = 0; c < output.channels; c++) {
            let made = start;
            for (let u = y.first; u < y.last; u++)
              for (let v = x.first; v < x.last; v++)
                made = join(made, floats[rowAt(from, b, u) + v * from.lanes + c]);
            floats[out + c] = mean ? made / (y.size * x.size) : made;
          }
        });
      });
    };
  };

export const maxPool = pool(-Infinity, Math.max, false);
export const avgPool = pool(0, (sum, value) => sum + value, true);

/** @param {Node} node @param {Plan} plan @returns {Step} */
export function softmax({ spec, inputs: [input], output }, plan) {
  const { axis = 0 } = spec;
  const apart = output.shape.slice(axis + 1).reduce((a, n) => a * n, 1);
  const length = output.shape[axis];
  const [from, to] = [input.offsets(), output.offsets()];
  return (n) => {
    const { floats } = plan;
    for (let b = 0; b < n; b++) {
      const [at, out] = [input.storage.origin(b), output.storage.origin(b)];
      for (let first = 0; first < output.size; first++) {
        if (Math.floor(first / apart) % length) continue;
        let [most, sum] = [-Infinity, 0];
        const end = first + length * apart;
        for (let i = first; i < end; i += apart) most = Math.max(most, floats[at + from[i]]);
        for (let i = first; i < end; i += apart)
          sum += floats[out + to[i]] = Math.exp(floats[at + from[i]] - most);
        for (let i = first; i < end; i += apart) floats[out + to[i]] /= sum;
      }
    }
  };
}

/** @param {Node} node @param {Plan} plan @returns {Step} */
export function append({ spec, inputs: [input], output }, plan) {
  const { data } = plan.tensors(spec.bias);
  return (n) => {
    for (let b = 0; b < n; b++) {
      const from = input.storage.origin(b);
      const to = output.storage.origin(b);
      plan.floats.copyWithin(to, from, from + input.size);
      plan.floats.set(data, to + input.size);
    }
  };
}

/** @param {Node} node @param {Plan} plan @returns {Step} */
export function oneHot({ inputs: [input], output }, plan) {
  const { lanes } = output.storage;
  return (n) => {
    const { floats } = plan;
    for (let b = 0; b < n; b++)
      for (let i = 0; i < input.size; i++) {
        const to = output.storage.origin(b) + i * lanes;
        floats.fill(0, to, to + output.channels);
        const named = Math.floor(floats[input.storage.origin(b) + i] + 0.5);
        if (named >= 0 && named < output.channels) floats[to + named] = 1;
      }
  };
}

/**
 * Between which two numbers each lies along an axis, and the share of the second.
 * @param {number} n @param {number} out @param {boolean} corners whether the ends fall together
 */
function between(n, out, corners) {
  const scale = corners ? (out > 1 ? (n - 1) / (out - 1) : 0) : n / out;
  return Array.from({ length: out }, (_, i) => {
    const at = corners ? i * scale : Math.max((i + 0.5) * scale - 0.5, 0);
    const low = Math.min(Math.floor(at), n - 1);
    return { low, high: Math.min(low + 1, n - 1), share: at - low };
  });
}

/** @param {Node} node @param {Plan} plan @returns {Step} */
export function bilinear({ spec, inputs: [input], output }, plan) {
  const [from, to] = [input.storage, output.storage];
  const rows = between(from.height, to.height, Boolean(spec.align_corners));
  const columns = between(from.width, to.width, Boolean(spec.align_corners));
  return (n) => {
    const { floats } = plan;
    eachRow(to, n, (b, i) => {
      const y = rows[i];
      const [upper, lower] = [rowAt(from, b, y.low), rowAt(from, b, y.high)];
      columns.forEach((x, j) => {
        const out = rowAt(to, b, i) + j * to.lanes;
        const [left, right] = [x.low * from.lanes, x.high * from.lanes];
        for (let c = 0; c < output.channels; c++) {
          const above =
            floats[upper + left + c] * (1 - x.share) + floats[upper + right + c] * x.share;
          const below =
            floats[lower + left + c] * (1 - x.share) + floats[lower + right + c] * x.share;
          floats[out + c] = above * (1 - y.share) + below * y.share;
        }
      });
    });
  };
}
