// log p(x|z) of one x at many codes, whose outputs are decoded once and kept for the next x.

import { PIECE_MS } from "./pace.js";

/**
 * @typedef {import("./vae.js").Vae} Vae
 * @typedef {"d" | "prior" | "likelihood" | "shape" | "batch" | "decodeMs" | "decodeMany" | "reconstruction"} Parts
 * @typedef {Pick<Vae, Parts>} ExactModel what exact quantities take of a VAE
 * @typedef {Generator<number, void, void>} Work in pieces; each says which share of it is done
 */

/** Likelihoods whose −log p(x|z) is linear in x, with the logits as its coefficients. */
const LINEAR = new Set(["bernoulli", "continuous-bernoulli"]);

/**
 * Decode codes, a batch at a time.
 * @param {ExactModel} model @param {Float32Array} z (n, d)
 * @param {(output: Float32Array, i: number) => void} take an output, to be read at once
 * @returns {Work}
 */
export function* decoded(model, z, take) {
  const { d } = model;
  const n = z.length / d;
  const most = Math.max(1, Math.min(model.batch, Math.floor(PIECE_MS / model.decodeMs)));
  for (let i = 0; i < n;) {
    const count = Math.min(most, n - i);
    const outputs = model.decodeMany(z.subarray(d * i, d * (i + count)), count);
    for (const output of outputs) take(output, i++);
    yield i / n;
  }
}

/** −log p(0|z) of an output, without the constant. @param {ExactModel} model @param {Float32Array} output @param {Float32Array} zero */
function normaliser(model, output, zero) {
  if (model.likelihood.name !== "bernoulli") return model.reconstruction(output, zero);
  // Σ log(1 + e^l): a logarithm of many factors at once, each from 1 to 2
  let sum = 0;
  let product = 1;
  for (let i = 0; i < zero.length; i++) {
    const l = output[i];
    if (l > 0) sum += l;
    product *= 1 + Math.exp(l > 0 ? -l : l);
    if ((i & 511) === 511) {
      sum += Math.log(product);
      product = 1;
    }
  }
  return sum + Math.log(product);
}

/** log p(x|z) of one x, of outputs of a decoder. */
export class LogLikelihood {
  /** @param {ExactModel} model @param {Float32Array} x (c·h·w,) */
  constructor(model, x) {
    this.model = model;
    this.x = x;
    this.constant = model.likelihood.constant ?? 0;
    this.linear = LINEAR.has(model.likelihood.name);
    this._zero = new Float32Array(x.length);
    const lit = [...x.keys()].filter((i) => x[i] !== 0);
    this._lit = Int32Array.from(lit);
    this._levels = Float64Array.from(lit, (i) => x[i]);
  }

  /** In nats. @param {Float32Array} output */
  of(output) {
    if (!this.linear) return -this.model.reconstruction(output, this.x) - this.constant;
    return this.dot(output, 0) - normaliser(this.model, output, this._zero) - this.constant;
  }

  /** Σ xᵢ·outputs[from + i]. @param {Float32Array} outputs @param {number} from */
  dot(outputs, from) {
    const { _lit: lit, _levels: levels } = this;
    let sum = 0;
    for (let k = 0; k < lit.length; k++) sum += levels[k] * outputs[from + lit[k]];
    return sum;
  }

  /** At codes (n, d), decoded: log p(x|z) (n,) goes to `out`. @param {Float32Array} z @param {Float64Array} out @returns {Work} */
  *at(z, out) {
    yield* decoded(this.model, z, (output, i) => (out[i] = this.of(output)));
  }
}

/** The decoder's outputs at codes, kept. */
export class KeptOutputs {
  /** @param {ExactModel} model @param {Float32Array} z (n, 2) */
  constructor(model, z) {
    this.model = model;
    this.z = z;
    this.n = z.length / 2;
    /** How many there are so far. */
    this.done = 0;
    this.outputs = new Float32Array();
    this._normalisers = new Float64Array(this.n);
    this._zero = new Float32Array(model.shape.size);
  }

  /** Decode the first n that are not here yet; several may ask at the same time. @param {number} [n] @returns {Work} */
  *fill(n = this.n) {
    const { model } = this;
    const linear = LINEAR.has(model.likelihood.name);
    while (this.done < n) {
      const some = Math.max(1, Math.min(model.batch, Math.floor(PIECE_MS / model.decodeMs)));
      const first = this.done;
      const rows = this.z.subarray(2 * first, 2 * Math.min(first + some, this.n));
      model.decodeMany(rows, rows.length / 2).forEach((output, k) => {
        const size = output.length;
        if (!this.outputs.length) this.outputs = new Float32Array(this.n * size);
        this.outputs.set(output, (first + k) * size);
        if (linear) this._normalisers[first + k] = normaliser(model, output, this._zero);
      });
      this.done = first + rows.length / 2;
      yield this.done / n;
    }
  }

  /** log p(x|z) at the first n codes (n,), nats. @param {Float32Array} x @param {number} [n] */
  of(x, n = this.n) {
    const size = this.outputs.length / this.n;
    const likelihood = new LogLikelihood(this.model, x);
    const found = new Float64Array(n);
    for (let i = 0; i < n; i++)
      found[i] = likelihood.linear
        ? likelihood.dot(this.outputs, i * size) - this._normalisers[i] - likelihood.constant
        : likelihood.of(this.outputs.subarray(i * size, (i + 1) * size));
    return found;
  }
}
