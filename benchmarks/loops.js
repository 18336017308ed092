// Plain loops over a layer list, which the explorer ran before it had an engine: what that is measured
// against. One function a layer; each is made once with its own output array.

/**
 * @typedef {(x: Float32Array) => Float32Array} Layer input → output, which the next call overwrites
 * @typedef {[number, number]} Part first and length of a tensor in the weights of the whole model
 * @typedef {[number, number]} Pair height and width, or along them
 *
 * @typedef {{type: "linear", in: number, out: number, weight: Part, bias?: Part}} LinearSpec
 * @typedef {{type: "conv", in: number, out: number, kernel: Pair, stride: Pair, padding: Pair,
 *   weight: Part, bias?: Part}} ConvSpec
 * @typedef {{type: "conv_transpose", in: number, out: number, kernel: Pair, stride: Pair,
 *   padding: Pair, output_padding: Pair, weight: Part, bias?: Part}} ConvTransposeSpec
 * @typedef {{type: "append", bias: Part}} AppendSpec
 * @typedef {{type: "reshape", shape: number[]}} ReshapeSpec
 * @typedef {{type: "silu" | "relu" | "tanh" | "sigmoid"} | {type: "gelu", approximate: string}}
 *   ActivationSpec
 * @typedef {LinearSpec | ConvSpec | ConvTransposeSpec | AppendSpec | ReshapeSpec | ActivationSpec}
 *   LayerSpec
 * @typedef {{run: Layer | null, shape: number[]}} Step a layer, if it computes anything, and the shape
 *   of its output
 */

/**
 * The error function, to 1.2e-7 (Press et al., Numerical Recipes, erfc by Chebyshev fitting).
 * @param {number} x
 */
function erf(x) {
  const t = 1 / (1 + 0.5 * Math.abs(x));
  const y =
    t *
    Math.exp(
      -x * x -
        1.26551223 +
        t *
          (1.00002368 +
            t *
              (0.37409196 +
                t *
                  (0.09678418 +
                    t *
                      (-0.18628806 +
                        t *
                          (0.27886807 +
                            t *
                              (-1.13520398 +
                                t * (1.48851587 + t * (-0.82215223 + t * 0.17087277)))))))),
    );
  return x >= 0 ? 1 - y : y - 1;
}

const TANH_GELU = Math.sqrt(2 / Math.PI);

/** Activations, in place: the array belongs to the layer before. @type {Record<string, (v: number) => number>} */
const ACTIVATIONS = {
  silu: (v) => v / (1 + Math.exp(-v)),
  relu: (v) => (v > 0 ? v : 0),
  leaky_relu: (v) => (v > 0 ? v : 0.01 * v),
  tanh: Math.tanh,
  sigmoid: (v) => 1 / (1 + Math.exp(-v)),
  gelu: (v) => 0.5 * v * (1 + erf(v * Math.SQRT1_2)),
  gelu_tanh: (v) => 0.5 * v * (1 + Math.tanh(TANH_GELU * (v + 0.044715 * v * v * v))),
};

/**
 * @param {ActivationSpec} spec
 * @returns {Layer}
 */
function activation(spec) {
  const name = spec.type === "gelu" && spec.approximate === "tanh" ? "gelu_tanh" : spec.type;
  if (!Object.hasOwn(ACTIVATIONS, name)) throw new Error(`a layer of type ${spec.type}`);
  const f = ACTIVATIONS[name];
  return (x) => {
    for (let i = 0; i < x.length; i++) x[i] = f(x[i]);
    return x;
  };
}

/**
 * y = W·x + b: x (n), y (m), weights (m, n).
 * @param {LinearSpec} spec
 * @param {Float32Array} w
 * @param {Float32Array | null} b
 * @returns {Layer}
 */
function linear({ in: n, out: m }, w, b) {
  const y = new Float32Array(m);
  return (x) => {
    let o = 0;
    // Four rows at a time: four independent sums keep the processor busy.
    for (; o + 4 <= m; o += 4) {
      let r0 = o * n;
      let r1 = r0 + n;
      let r2 = r1 + n;
      let r3 = r2 + n;
      let s0 = b ? b[o] : 0;
      let s1 = b ? b[o + 1] : 0;
      let s2 = b ? b[o + 2] : 0;
      let s3 = b ? b[o + 3] : 0;
      for (let i = 0; i < n; i++) {
        const v = x[i];
        s0 += w[r0++] * v;
        s1 += w[r1++] * v;
        s2 += w[r2++] * v;
        s3 += w[r3++] * v;
      }
      y[o] = s0;
      y[o + 1] = s1;
      y[o + 2] = s2;
      y[o + 3] = s3;
    }
    for (; o < m; o++) {
      let s = b ? b[o] : 0;
      for (let i = 0, r = o * n; i < n; i++) s += w[r++] * x[i];
      y[o] = s;
    }
    return y;
  };
}

/**
 * Convolution: x (in, h, w) → (out, h', w'), weights (out, in, kh, kw).
 * @param {ConvSpec} spec
 * @param {Float32Array} w
 * @param {Float32Array | null} b
 * @param {number[]} shape of x
 * @returns {Step}
 */
function conv(spec, w, b, [, height, width]) {
  const {
    in: ci,
    out: co,
    kernel: [kh, kw],
    stride: [sh, sw],
    padding: [ph, pw],
  } = spec;
  const oh = Math.floor((height + 2 * ph - kh) / sh) + 1;
  const ow = Math.floor((width + 2 * pw - kw) / sw) + 1;
  const y = new Float32Array(co * oh * ow);
  /** @type {Layer} */
  const run = (x) => {
    for (let c = 0; c < co; c++) y.fill(b ? b[c] : 0, c * oh * ow, (c + 1) * oh * ow);
    for (let c = 0; c < co; c++)
      for (let k = 0; k < ci; k++)
        for (let u = 0; u < kh; u++)
          for (let v = 0; v < kw; v++) {
            const weight = w[((c * ci + k) * kh + u) * kw + v];
            // Only the outputs whose input lies inside the picture.
            const firstJ = Math.max(0, Math.ceil((pw - v) / sw));
            const lastJ = Math.min(ow - 1, Math.floor((width - 1 + pw - v) / sw));
            for (let i = 0; i < oh; i++) {
              const row = i * sh + u - ph;
              if (row < 0 || row >= height) continue;
              let from = (k * height + row) * width + firstJ * sw + v - pw;
              let to = (c * oh + i) * ow + firstJ;
              for (let j = firstJ; j <= lastJ; j++, from += sw) y[to++] += weight * x[from];
            }
          }
    return y;
  };
  return { run, shape: [co, oh, ow] };
}

/**
 * Transposed convolution: x (in, h, w) → (out, h', w'), weights (in, out, kh, kw).
 * @param {ConvTransposeSpec} spec
 * @param {Float32Array} w
 * @param {Float32Array | null} b
 * @param {number[]} shape of x
 * @returns {Step}
 */
function convTranspose(spec, w, b, [, height, width]) {
  const {
    in: ci,
    out: co,
    kernel: [kh, kw],
    stride: [sh, sw],
    padding: [ph, pw],
  } = spec;
  const [eh, ew] = spec.output_padding;
  const oh = (height - 1) * sh - 2 * ph + kh + eh;
  const ow = (width - 1) * sw - 2 * pw + kw + ew;
  const y = new Float32Array(co * oh * ow);
  /** @type {Layer} */
  const run = (x) => {
    for (let c = 0; c < co; c++) y.fill(b ? b[c] : 0, c * oh * ow, (c + 1) * oh * ow);
    for (let k = 0; k < ci; k++)
      for (let c = 0; c < co; c++)
        for (let u = 0; u < kh; u++)
          for (let v = 0; v < kw; v++) {
            const weight = w[((k * co + c) * kh + u) * kw + v];
            const firstJ = Math.max(0, Math.ceil((pw - v) / sw));
            const lastJ = Math.min(width - 1, Math.floor((ow - 1 + pw - v) / sw));
            for (let i = 0; i < height; i++) {
              const row = i * sh + u - ph;
              if (row < 0 || row >= oh) continue;
              let from = (k * height + i) * width + firstJ;
              let to = (c * oh + row) * ow + firstJ * sw + v - pw;
              for (let j = firstJ; j <= lastJ; j++, to += sw) y[to] += weight * x[from++];
            }
          }
    return y;
  };
  return { run, shape: [co, oh, ow] };
}

/**
 * Numbers put behind the input.
 * @param {Float32Array} numbers
 * @param {number} size of the input
 * @returns {Step}
 */
function append(numbers, size) {
  const y = new Float32Array(size + numbers.length);
  y.set(numbers, size);
  const run = (/** @type {Float32Array} */ x) => {
    y.set(x);
    return y;
  };
  return { run, shape: [y.length] };
}

/**
 * @param {LayerSpec} spec
 * @param {(part: Part) => Float32Array} tensor its numbers
 * @param {number[]} shape of its input
 * @returns {Step}
 */
function step(spec, tensor, shape) {
  const size = shape.reduce((a, c) => a * c, 1);
  const bias = "bias" in spec && spec.bias ? tensor(spec.bias) : null;
  switch (spec.type) {
    case "linear":
      return { run: linear(spec, tensor(spec.weight), bias), shape: [spec.out] };
    case "conv":
      return conv(spec, tensor(spec.weight), bias, shape);
    case "conv_transpose":
      return convTranspose(spec, tensor(spec.weight), bias, shape);
    case "append":
      return append(tensor(spec.bias), size);
    case "reshape":
      return { run: null, shape: spec.shape.map((n) => (n === -1 ? size : n)) };
    default:
      return { run: activation(spec), shape };
  }
}

/**
 * A function that runs a layer list; its result is overwritten by its next call.
 * @param {LayerSpec[]} layers the payload's list
 * @param {Float32Array} weights all weights of the model
 * @param {number[]} shape of the input, without a batch: [n] or [channels, height, width]
 * @returns {Layer}
 */
export function network(layers, weights, shape) {
  const tensor = (/** @type {Part} */ [first, length]) => weights.subarray(first, first + length);
  /** @type {Layer[]} */
  const runs = [];
  for (const spec of layers) {
    const made = step(spec, tensor, shape);
    shape = made.shape;
    if (made.run) runs.push(made.run);
  }
  return (x) => {
    for (const run of runs) x = run(x);
    return x;
  };
}
