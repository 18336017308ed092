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
 * 1 − Φ(|x|), to 1e-7 (Abramowitz & Stegun, 7.1.26, for erfc of |x| / √2).
 * @param {number} x
 */
function tail(x) {
  const t = 1 / (1 + 0.3275911 * Math.SQRT1_2 * Math.abs(x));
  const terms = [1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592, 0];
  return 0.5 * terms.reduce((sum, term) => sum * t + term) * Math.exp(-0.5 * x * x);
}

/** Functions of x and two numbers. @type {Record<string, (x: number, p: number, q: number) => number>} */
export const UNARY = {
  exp: Math.exp,
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  silu: (x) => x / (1 + Math.exp(-x)),
  tanh: Math.tanh,
  elu: (x, p) => (x > 0 ? x : p * Math.expm1(x)),
  gelu: (x) => x * (x > 0 ? 1 - tail(x) : tail(x)),
  gelu_tanh: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x))),
  softplus: (x, p, q) =>
    p * x > q ? x : Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(p * x))) / p,
  leaky_relu: (x, p) => (x > 0 ? x : p * x),
  clamp: (x, p, q) => Math.min(Math.max(x, p), q),
  scale: (x, p) => x * p,
};

/**
 * A layer in JavaScript: four outputs at a time.
 * @param {Float32Array} f @param {Int32Array} i the same memory @param {number} width of a panel
 * @returns {LayerKernel}
 */
const layer =
  (f, i, width) => (rows, outs, count, taps, end, k, weights, panel, blocks, column, slope) => {
    for (let part = 0; part < blocks * width; part += 4)
      for (let n = 0; n < 4 * count; n += 4) {
        const first = (Math.floor(part / width) * panel) / 4 + weights / 4 + (part % width);
        let w = first + width;
        let [a, b, c, d] = f.subarray(first, w);
        for (let t = taps / 4; t < end / 4; t++)
          for (
            let x = (i[(rows + n) >> 2] + i[t]) >> 2, stop = x + (k >> 2);
            x < stop;
            x++, w += width
          ) {
            const u = f[x];
            a += u * f[w];
            b += u * f[w + 1];
            c += u * f[w + 2];
            d += u * f[w + 3];
          }
        const to = ((i[(outs + n) >> 2] + column) >> 2) + part;
        [a, b, c, d].forEach((v, m) => (f[to + m] = v > 0 ? v : v * slope));
      }
  };

/**
 * All functions of each number in JavaScript, on a memory.
 * @param {Float32Array} f
 * @returns {Record<string, UnaryKernel>}
 */
const unary = (f) =>
  Object.fromEntries(
    Object.entries(UNARY).map(([name, of]) => [
      name,
      (from, end, to, p, q) => {
        for (let a = from >> 2, b = to >> 2; a < end >> 2; a++, b++) f[b] = of(f[a], p, q);
      },
    ]),
  );

/** @param {number} bytes @returns {Machine} */
function script(bytes) {
  const buffer = new ArrayBuffer(bytes);
  const f = new Float32Array(buffer);
  const i = new Int32Array(buffer);
  const layers = { layer8: layer(f, i, 8), layer4: layer(f, i, 4) };
  return { name: "js", buffer, kernels: /** @type {Kernels} */ ({ ...unary(f), ...layers }) };
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
const RATES = { fma: 15e6, simd: 11e6, js: 0.9e6 };

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
  const { buffer } = memory;
  const kernels = /** @type {Kernels} */ (
    /** @type {unknown} */ ({ ...unary(new Float32Array(buffer)), ...exports })
  );
  return { name, buffer, kernels };
}
