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

/** How many codes are decoded at once, in a piece. @param {ExactModel} model */
const batchOf = ({ batch, decodeMs }) =>
  Math.max(1, Math.min(batch, Math.floor(PIECE_MS / decodeMs)));

/**
 * Decode codes, a batch at a time.
 * @param {ExactModel} model @param {Float32Array} z (n, d)
 * @param {(output: Float32Array, i: number) => void} take an output, to be read at once
 * @returns {Work}
 */
export function* decoded(model, z, take) {
  const { d } = model;
  const n = z.length / d;
  const most = batchOf(model);
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
    this.lit = Int32Array.from(lit);
    this.levels = Float64Array.from(lit, (i) => x[i]);
  }

  /** In nats. @param {Float32Array} output */
  of(output) {
    if (!this.linear) return -this.model.reconstruction(output, this.x) - this.constant;
    const { lit, levels } = this;
    let sum = -normaliser(this.model, output, this._zero) - this.constant;
    for (let k = 0; k < lit.length; k++) sum += levels[k] * output[lit[k]];
    return sum;
  }

  /** At codes (n, d), decoded: log p(x|z) (n,) goes to `out`. @param {Float32Array} z @param {Float64Array} out @returns {Work} */
  *at(z, out) {
    yield* decoded(this.model, z, (output, i) => (out[i] = this.of(output)));
  }
}

/** The decoder's outputs at codes, kept: of a linear likelihood pixel by pixel, so that those that are 0 in x cost nothing. */
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
    while (this.done < n) {
      const some = batchOf(model);
      const rows = this.z.subarray(2 * this.done, 2 * Math.min(this.done + some, this.n));
      this._keep(model.decodeMany(rows, rows.length / 2));
      this.done += rows.length / 2;
      yield this.done / n;
    }
  }

  /** @param {Float32Array[]} outputs of the next codes */
  _keep(outputs) {
    const { model, n, done } = this;
    const size = outputs[0].length;
    if (!this.outputs.length) this.outputs = new Float32Array(n * size);
    const kept = this.outputs;
    if (!LINEAR.has(model.likelihood.name)) {
      outputs.forEach((output, k) => kept.set(output, (done + k) * size));
      return;
    }
    for (let i = 0; i < size; i++)
      for (let k = 0; k < outputs.length; k++) kept[i * n + done + k] = outputs[k][i];
    outputs.forEach((output, k) => {
      this._normalisers[done + k] = normaliser(model, output, this._zero);
    });
  }

  /** log p(x|z) at the first `count` codes, nats. @param {Float32Array} x @param {number} [count] */
  of(x, count = this.n) {
    const { model, n, outputs } = this;
    const likelihood = new LogLikelihood(model, x);
    const found = new Float64Array(count);
    if (!likelihood.linear) {
      const size = outputs.length / n;
      for (let k = 0; k < count; k++)
        found[k] = likelihood.of(outputs.subarray(k * size, (k + 1) * size));
      return found;
    }
    for (let k = 0; k < count; k++) found[k] = -this._normalisers[k] - likelihood.constant;
    const { lit, levels } = likelihood;
    for (let i = 0; i < lit.length; i += 4) {
      // Four at a time; where there are fewer, the first again, times 0.
      const [a, b, c, d] = [0, 1, 2, 3].map((j) => n * lit[i + j < lit.length ? i + j : 0]);
      const [p, q, r, s] = [0, 1, 2, 3].map((j) => (i + j < lit.length ? levels[i + j] : 0));
      for (let k = 0; k < count; k++)
        found[k] +=
          p * outputs[a + k] + q * outputs[b + k] + r * outputs[c + k] + s * outputs[d + k];
    }
    return found;
  }
}
