// Runs a payload's layer list. One function a layer; each is made once with its own output array, so
// that a frame allocates nothing.

/** @typedef {(x: Float32Array) => Float32Array} Layer */

/** The error function, to 1.2e-7 (Press et al., Numerical Recipes, erfc by Chebyshev fitting). */
function erf(x) {
  const t = 1 / (1 + 0.5 * Math.abs(x));
  const y =
    t *
    Math.exp(
      -x * x - 1.26551223 +
        t * (1.00002368 + t * (0.37409196 + t * (0.09678418 + t * (-0.18628806 + t * (0.27886807 +
        t * (-1.13520398 + t * (1.48851587 + t * (-0.82215223 + t * 0.17087277)))))))),
    );
  return x >= 0 ? 1 - y : y - 1;
}

const TANH_GELU = Math.sqrt(2 / Math.PI);

/** Activations, in place: the array belongs to the layer before. */
const ACTIVATIONS = {
  silu: (v) => v / (1 + Math.exp(-v)),
  relu: (v) => (v > 0 ? v : 0),
  tanh: Math.tanh,
  sigmoid: (v) => 1 / (1 + Math.exp(-v)),
  gelu: (v) => 0.5 * v * (1 + erf(v * Math.SQRT1_2)),
  gelu_tanh: (v) => 0.5 * v * (1 + Math.tanh(TANH_GELU * (v + 0.044715 * v * v * v))),
};

const apply = (f) => (x, n) => {
  for (let i = 0; i < n; i++) x[i] = f(x[i]);
  return x;
};

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

/** Convolution: x (in, h, w) → (out, h', w'), weights (out, in, kh, kw). */
function conv(spec, w, b, [, height, width]) {
  const { in: ci, out: co, kernel: [kh, kw], stride: [sh, sw], padding: [ph, pw] } = spec;
  const oh = Math.floor((height + 2 * ph - kh) / sh) + 1;
  const ow = Math.floor((width + 2 * pw - kw) / sw) + 1;
  const y = new Float32Array(co * oh * ow);
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

/** Transposed convolution: x (in, h, w) → (out, h', w'), weights (in, out, kh, kw). */
function convTranspose(spec, w, b, [, height, width]) {
  const { in: ci, out: co, kernel: [kh, kw], stride: [sh, sw], padding: [ph, pw] } = spec;
  const [eh, ew] = spec.output_padding;
  const oh = (height - 1) * sh - 2 * ph + kh + eh;
  const ow = (width - 1) * sw - 2 * pw + kw + ew;
  const y = new Float32Array(co * oh * ow);
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
 * A function that runs a layer list; its result is overwritten by its next call.
 * @param {any[]} layers the payload's list
 * @param {Float32Array} weights all weights of the model
 * @param {number[]} shape of the input, without a batch: [n] or [channels, height, width]
 * @returns {Layer}
 */
export function network(layers, weights, shape) {
  const slice = (part) => part && weights.subarray(part[0], part[0] + part[1]);
  const steps = layers.map((layer) => {
    const w = slice(layer.weight);
    const b = slice(layer.bias);
    const size = shape.reduce((a, c) => a * c, 1);
    switch (layer.type) {
      case "linear":
        shape = [layer.out];
        return linear(layer, w, b);
      case "conv":
      case "conv_transpose": {
        const made = (layer.type === "conv" ? conv : convTranspose)(layer, w, b, shape);
        shape = made.shape;
        return made.run;
      }
      case "append": {
        const y = new Float32Array(size + b.length);
        y.set(b, size);
        shape = [y.length];
        return (x) => {
          y.set(x);
          return y;
        };
      }
      case "reshape":
        shape = layer.shape.map((n) => (n === -1 ? size : n));
        return null;
      default: {
        const name = layer.approximate === "tanh" ? "gelu_tanh" : layer.type;
        if (!(name in ACTIVATIONS)) throw new Error(`a layer of type ${layer.type}`);
        const run = apply(ACTIVATIONS[name]);
        return (x) => run(x, size);
      }
    }
  });
  const runs = steps.filter(Boolean);
  return (x) => {
    for (const run of runs) x = run(x);
    return x;
  };
}
