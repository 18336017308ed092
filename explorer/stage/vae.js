// The VAE: x → q(z|x) → z → x̂, and its terms in nats. Knows nothing of the screen.

import { network } from "./network.js";

/**
 * @typedef {{mu: Float32Array, std: Float32Array, logVar: Float32Array, klPerDim: Float32Array,
 *            kl: number}} Posterior  q(z|x) = N(mu, std²), and its KL to the prior in nats
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

export class Vae {
  constructor({ header, arrays }) {
    this.name = header.name;
    this.d = header.latent_dim;
    this.prior = header.prior;
    this.logVarRange = header.log_var;
    const weights = weightsOf(arrays);
    this._encoder = network(header.encoder, weights, [784]);
    this._decoder = network(header.decoder, weights, [this.d]);
    if (header.likelihood !== "bernoulli") throw new Error(`the likelihood ${header.likelihood}`);
  }

  /** q(z|x) of an image (784,) with values in [0, 1]. @returns {Posterior} */
  encode(x) {
    // A layer may work in place, and x is the caller's.
    const out = this._encoder(x);
    const { d } = this;
    const [low, high] = this.logVarRange;
    const mu = out.slice(0, d);
    const logVar = out.slice(d, 2 * d).map((v) => Math.min(high, Math.max(low, v)));
    const std = logVar.map((v) => Math.exp(0.5 * v));
    const klPerDim = this.kl(mu, logVar);
    return { mu, logVar, std, klPerDim, kl: klPerDim.reduce((a, b) => a + b, 0) };
  }

  /** KL(N(mu, exp(logVar)) ‖ N(mean, std²)) in each dimension: Kingma & Welling, appendix B. */
  kl(mu, logVar) {
    const { mean, std } = this.prior;
    return mu.map((m, i) => {
      const logRatio = logVar[i] - 2 * Math.log(std);
      return 0.5 * (Math.exp(logRatio) + ((m - mean) / std) ** 2 - 1 - logRatio);
    });
  }

  /** Logits of p(x|z), (784,); overwritten by the next call. @param {Float32Array} z (d,) */
  decode(z) {
    return this._decoder(z);
  }

  /** The mean of p(x|z) of logits, values in [0, 1]. */
  mean(logits, out = new Float32Array(logits.length)) {
    for (let i = 0; i < out.length; i++) out[i] = 1 / (1 + Math.exp(-logits[i]));
    return out;
  }

  /** −log p(x|z) in nats, summed over pixels: Bernoulli, on logits. */
  nll(logits, x) {
    let sum = 0;
    for (let i = 0; i < x.length; i++) {
      const l = logits[i];
      sum += Math.max(l, 0) + Math.log1p(Math.exp(-Math.abs(l))) - l * x[i];
    }
    return sum;
  }

  /** log q(z|x) − log p(z) in nats: the one-sample KL, whose mean over q is the KL. */
  logRatio(z, { mu, logVar }) {
    const { mean, std } = this.prior;
    let sum = 0;
    for (let i = 0; i < this.d; i++) {
      sum -= 0.5 * (logVar[i] + (z[i] - mu[i]) ** 2 * Math.exp(-logVar[i]));
      sum += Math.log(std) + 0.5 * ((z[i] - mean) / std) ** 2;
    }
    return sum;
  }

  /** z = μ + σ·ε. @param {() => number} normal draws ε */
  sample({ mu, std }, normal) {
    return mu.map((m, i) => m + std[i] * normal());
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
