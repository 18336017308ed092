// What computes: WebAssembly where it may, else the same kernels in JavaScript over the same tables.

import { kernelBytes } from "./wasm.js";

/**
 * All kernels take addresses in bytes.
 *
 * `layer8` and `layer4`: for each of `blocks` panels of weights (8 or 4 outputs wide, `panel` bytes, the
 * bias first) and each of `count` windows: the sum over `taps` (distances from the window, up to `end`) of
 * runs of `k` bytes, times the weights; then max(v, slope · v) goes to the window's place in `outs`.
 * @typedef {(rows: number, outs: number, count: number, taps: number, end: number, k: number,
 *   weights: number, panel: number, blocks: number, column: number, slope: number) => void} LayerKernel
 *
 * A function of each number from `from` to `end`, a multiple of 16 bytes, with two numbers of its own.
 * @typedef {(from: number, end: number, to: number, p: number, q: number) => void} UnaryKernel
 *
 * @typedef {"fma" | "simd" | "js"} KernelName
 * @typedef {{layer8: LayerKernel, layer4: LayerKernel} & Record<string, UnaryKernel>} Kernels
 * @typedef {{name: KernelName, buffer: ArrayBuffer, kernels: Kernels}} Machine kernels on a memory
 */

/**
 * The error function, to 1.2e-7 (Press et al., Numerical Recipes, erfc by Chebyshev fitting).
 * @param {number} x
 */
function erf(x) {
  const t = 1 / (1 + 0.5 * Math.abs(x));
  let sum = 0.17087277;
  for (const c of [-0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418])
    sum = sum * t + c;
  for (const c of [0.37409196, 1.00002368, -1.26551223]) sum = sum * t + c;
  const y = t * Math.exp(sum - x * x);
  return x >= 0 ? 1 - y : y - 1;
}

/** Functions of x and two numbers. @type {Record<string, (x: number, p: number, q: number) => number>} */
export const UNARY = {
  exp: Math.exp,
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  silu: (x) => x / (1 + Math.exp(-x)),
  tanh: Math.tanh,
  elu: (x, p) => (x > 0 ? x : p * Math.expm1(x)),
  gelu: (x) => 0.5 * x * (1 + erf(x * Math.SQRT1_2)),
  gelu_tanh: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x))),
  softplus: (x, p, q) =>
    p * x > q ? x : Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(p * x))) / p,
  leaky_relu: (x, p) => (x > 0 ? x : p * x),
  clamp: (x, p, q) => Math.min(Math.max(x, p), q),
  scale: (x, p) => x * p,
};

/**
 * A layer in JavaScript: two windows and four outputs at a time.
 * @param {Float32Array} f @param {Int32Array} i the same memory @param {number} width of a panel
 * @returns {LayerKernel}
 */
function layer(f, i, width) {
  /** @param {number} a @param {number} b windows @param {number} oa @param {number} ob their outputs @param {number} taps @param {number} end @param {number} k @param {number} w @param {number} slope */
  const tile = (a, b, oa, ob, taps, end, k, w, slope) => {
    let a0 = f[w];
    let a1 = f[w + 1];
    let a2 = f[w + 2];
    let a3 = f[w + 3];
    let [b0, b1, b2, b3] = [a0, a1, a2, a3];
    w += width;
    for (let t = taps; t < end; t++) {
      const tap = i[t] >> 2;
      for (let x = a + tap, y = b + tap, stop = x + k; x < stop; x++, y++, w += width) {
        const u = f[x];
        const v = f[y];
        const w0 = f[w];
        const w1 = f[w + 1];
        const w2 = f[w + 2];
        const w3 = f[w + 3];
        a0 += u * w0;
        a1 += u * w1;
        a2 += u * w2;
        a3 += u * w3;
        b0 += v * w0;
        b1 += v * w1;
        b2 += v * w2;
        b3 += v * w3;
      }
    }
    f[oa] = a0 > 0 ? a0 : a0 * slope;
    f[oa + 1] = a1 > 0 ? a1 : a1 * slope;
    f[oa + 2] = a2 > 0 ? a2 : a2 * slope;
    f[oa + 3] = a3 > 0 ? a3 : a3 * slope;
    f[ob] = b0 > 0 ? b0 : b0 * slope;
    f[ob + 1] = b1 > 0 ? b1 : b1 * slope;
    f[ob + 2] = b2 > 0 ? b2 : b2 * slope;
    f[ob + 3] = b3 > 0 ? b3 : b3 * slope;
  };
  return (rows, outs, count, taps, end, k, weights, panel, blocks, column, slope) => {
    for (let block = 0; block < blocks; block++)
      for (let part = 0; part < width; part += 4) {
        const w = ((weights + block * panel) >> 2) + part;
        const to = (column >> 2) + block * width + part;
        for (let n = 0; n < count; n += 2) {
          const a = (rows >> 2) + n;
          const b = n + 1 < count ? a + 1 : a;
          const out = (outs - rows) >> 2;
          const [oa, ob] = [(i[a + out] >> 2) + to, (i[b + out] >> 2) + to];
          tile(i[a] >> 2, i[b] >> 2, oa, ob, taps >> 2, end >> 2, k >> 2, w, slope);
        }
      }
  };
}

/** @param {number} bytes @returns {Machine} */
function script(bytes) {
  const buffer = new ArrayBuffer(bytes);
  const f = new Float32Array(buffer);
  const i = new Int32Array(buffer);
  const unary = Object.entries(UNARY).map(([name, of]) => [
    name,
    /** @type {UnaryKernel} */
    (from, end, to, p, q) => {
      for (let a = from >> 2, b = to >> 2; a < end >> 2; a++, b++) f[b] = of(f[a], p, q);
    },
  ]);
  const kernels = { ...Object.fromEntries(unary), layer8: layer(f, i, 8), layer4: layer(f, i, 4) };
  return { name: "js", buffer, kernels };
}

/** Modules by variant, each compiled once; null where it cannot be. @type {Map<string, WebAssembly.Module | null>} */
const modules = new Map();

/** @param {"fma" | "simd"} variant */
function compiled(variant) {
  let made = modules.get(variant);
  if (made === undefined) {
    try {
      const bytes = kernelBytes(variant);
      made = WebAssembly.validate(bytes) ? new WebAssembly.Module(bytes) : null;
    } catch {
      made = null; // there is none here, or a content security policy forbids it
    }
    modules.set(variant, made);
  }
  return made;
}

/** Products (multiply-adds) a millisecond, of a usual machine. */
const RATES = { fma: 15e6, simd: 11e6, js: 1.2e6 };

/** The fastest kernels that there are here. @returns {KernelName} */
export const fastest = () => (compiled("fma") ? "fma" : compiled("simd") ? "simd" : "js");

/** About how long so many products take, in milliseconds. @param {number} products @param {KernelName} [kernel] */
export const predictedMs = (products, kernel = fastest()) => products / RATES[kernel];

/**
 * Kernels on a memory of their own.
 * @param {number} bytes @param {KernelName} [name] of others than the fastest @returns {Machine}
 */
export function machine(bytes, name = fastest()) {
  if (name === "js") return script(bytes);
  const module = compiled(name);
  if (!module) throw new Error(`no kernels ${name} here`);
  const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / 65536) });
  const { exports } = new WebAssembly.Instance(module, { e: { m: memory } });
  return {
    name,
    buffer: memory.buffer,
    kernels: /** @type {Kernels} */ (/** @type {unknown} */ (exports)),
  };
}
