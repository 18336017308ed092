// The VAE: x → q(z|x) → z → x̂, and its terms in nats. Knows nothing of the screen.

import { FAMILIES } from "./families.js";
import { Features } from "./features.js";
import { LIKELIHOODS, mean } from "./likelihoods.js";
import { network } from "../engine/network.js";

/**
 * @typedef {{mu: Float32Array, std: Float32Array, klPerDim: Float32Array, kl: number}} Posterior
 *   mean and standard deviation of q(z|x), the parameters of its family, its KL to the prior in nats
 */

/** The weights of a model's blob, as float32. Two planes of bfloat16 are put together again. */
function weightsOf({ weights, exponents, mantissas }) {
  if (weights) return weights;
  const bits = new Uint32Array(exponents.length);
  for (let i = 0; i < bits.length; i++) {
    const turned = (exponents[i] << 8) | mantissas[i];
    bits[i] = ((turned >>> 1) | ((turned & 1) << 15)) << 16;
  }
  return new Float32Array(bits.buffer);
}

/** Cross-entropy for a term that has no function here yet, and said to be just that. */
const standIn = ({ formula, title }) => ({
  name: "bernoulli",
  title,
  formula: `BCE(x̂, x) instead of ${formula}, which is not computed here`,
  constant: null,
  unit: "nats",
  total: "their sum",
});

export class Vae {
  constructor({ header, arrays }) {
    this.name = header.name;
    this.d = header.latent_dim;
    if (!(header.prior.family in FAMILIES)) throw new Error(`the prior ${header.prior.family}`);
    this.prior = new FAMILIES[header.prior.family](header.prior);
    const weights = weightsOf(arrays);
    this._encoder = network(header.encoder, weights, [784]);
    this._decoder = network(header.decoder, weights, [this.d]);
    /** @type {{name: string, formula: string, constant: number | null, unit: string, total: string}} */
    this.likelihood = header.likelihood;
    if (!(this.likelihood.name in LIKELIHOODS)) this.likelihood = standIn(this.likelihood);
    this._term = LIKELIHOODS[this.likelihood.name];
    this._features = header.features && new Features(header.features, weights);
  }

  /** Whether the reconstruction term takes half a frame: it goes through a classifier. */
  get costly() {
    return Boolean(this._features);
  }

  /** q(z|x) of an image (784,) with values in [0, 1]. @returns {Posterior} */
  encode(x) {
    // A layer may work in place, and x is the caller's.
    const out = this._encoder(x);
    const posterior = this.prior.posterior(out, this.d);
    const klPerDim = this.prior.kl(posterior);
    return { ...posterior, klPerDim, kl: klPerDim.reduce((a, b) => a + b, 0) };
  }

  /** Keep z where the prior has mass. @param {Float32Array} z changed in place */
  hold(z) {
    const { low } = this.prior;
    for (let i = 0; i < z.length; i++) if (z[i] < low) z[i] = low;
    return z;
  }

  /** What the likelihood takes: logits of x̂ (784,), and behind them the numbers that it learned.
   * Overwritten by the next call. @param {Float32Array} z (d,) */
  decode(z) {
    return this._decoder(z);
  }

  /** x̂ of a decoder's output, values in [0, 1]. */
  mean(output, out = new Float32Array(784)) {
    return mean(output, out);
  }

  /** The term that the model was trained with, summed over pixels; see `likelihood` for what it is. */
  reconstruction(output, x) {
    return this._term(output, x, this._features);
  }

  /** log q(z|x) − log p(z) in nats: the one-sample KL, whose mean over q is the KL. */
  logRatio(z, posterior) {
    return this.prior.logRatio(z, posterior);
  }

  /** A draw of z from q(z|x). @param {() => number} normal draws standard normal numbers */
  sample(posterior, normal) {
    return this.prior.sample(posterior, normal);
  }
}

/** Standard normal numbers (Box & Muller 1958) from uniform ones. */
export function normals(uniform = Math.random) {
  let spare = null;
  return () => {
    if (spare !== null) {
      const value = spare;
      spare = null;
      return value;
    }
    const r = Math.sqrt(-2 * Math.log(1 - uniform()));
    const angle = 2 * Math.PI * uniform();
    spare = r * Math.sin(angle);
    return r * Math.cos(angle);
  };
}

/** Uniform numbers in [0, 1) that a seed repeats (Marsaglia's xorshift32, 2003). */
export function seeded(seed) {
  let s = (seed * 2654435761) >>> 0 || 1;
  return () => {
    s ^= s << 13;
    s ^= s >>> 17;
    s ^= s << 5;
    return (s >>> 0) / 4294967296;
  };
}

/** Mean and standard error of numbers that come one at a time (Welford 1962). */
export class Running {
  constructor() {
    this.n = 0;
    this.mean = 0;
    this._m2 = 0;
  }

  add(value) {
    this.n += 1;
    const before = value - this.mean;
    this.mean += before / this.n;
    this._m2 += before * (value - this.mean);
  }

  get error() {
    return this.n > 1 ? Math.sqrt(this._m2 / (this.n - 1) / this.n) : Infinity;
  }
}
