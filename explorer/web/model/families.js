// The latent families, as priors.py has them: the posterior that the encoder's output describes, and
// the KL to the prior.

import { WithChoices } from "./choices.js";

/**
 * @typedef {import("./blob_types.js").PriorHeader} PriorHeader
 * @typedef {import("./random.js").Draw} Draw
 * @typedef {Pick<Float32Array | Float64Array, "length"> & {reduce(f: (sum: number, v: number, i: number) =>
 *   number, first: number): number}} Numbers in single or double precision
 * @typedef {{first: number, step: number, values: number[]}} Quantiles of a prior, at the mass that a
 *   standard normal has below first, first + step, …
 *
 * @typedef {PriorHeader & {log_var: [number, number]}} GaussianHeader N(mean, std²) in each dimension;
 *   log σ² of a posterior is clamped to `log_var`
 * @typedef {PriorHeader & {shape: number, rate: number, bounds: [number, number],
 *   quantiles: Quantiles}} GammaHeader Gamma(shape, rate) in each dimension; a posterior's shape and
 *   rate are clamped to `bounds`
 *
 * @typedef {{mu: Float32Array, std: Float32Array, logVar?: Float32Array, shape?: Float32Array,
 *   rate?: Float32Array, chances?: (Float32Array | null)[]}} FamilyPosterior mean and standard deviation of q(z|x) in each dimension
 *   (d,), and the parameters of its family: `logVar` or `shape` and `rate`
 * @typedef {{mu: Float32Array, std: Float32Array, logVar: Float32Array}} GaussianPosterior
 * @typedef {{mu: Float32Array, std: Float32Array, shape: Float32Array, rate: Float32Array}}
 *   GammaPosterior
 *
 * @typedef {{
 *   mean: number, std: number, low: number, hasDensity: boolean, draw: string, drawn: string,
 *   posterior(out: Float32Array, d: number, labels?: number[]): FamilyPosterior,
 *   fromStandardNormal(t: number): number, toStandardNormal(z: number): number,
 *   kl(posterior: FamilyPosterior): Float32Array,
 *   logRatio(z: Float32Array, posterior: FamilyPosterior): number,
 *   logPrior(z: Numbers): number, logPosterior(z: Numbers, posterior: FamilyPosterior): number,
 *   withMoments(mu: Float32Array, std: Float32Array): FamilyPosterior,
 *   withParameters?(first: Float32Array, second: Float32Array): FamilyPosterior,
 *   sample(posterior: FamilyPosterior, normal: Draw): Float32Array,
 *   settle?(z: Float32Array): Float32Array,
 *   choices?: import("./blob_types.js").ChoiceHeader[],
 * }} LatentFamily a prior p(z), the same in each dimension, with the family of q(z|x): mean and
 *   standard deviation of the prior, the lower end of its support, whether there are densities, so that
 *   there is a KL, and in words how a sample of q(z|x)
 *   is made and which random number it takes; `posterior` of an encoder's output (2d,); `kl` in each
 *   dimension (d,) and `logRatio`, log q(z|x) − log p(z), in nats; both terms of that, `logPosterior` and
 *   `logPrior`; `withMoments` is the q of the family with that mean and standard deviation, `withParameters`
 *   with those parameters (μ and log σ², or shape and rate). A z is `fromStandardNormal` where
 *   as much of the prior lies below it as of a standard normal below t.
 */

/** log Γ(x) for x > 0. Source: Lanczos (1964), with g = 7 and nine terms. @param {number} x @returns {number} */
export function logGamma(x) {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
  const terms = [
    676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
    12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
  ];
  const t = x + 6.5;
  const sum = terms.reduce((s, term, i) => s + term / (x + i), 0.99999999999980993);
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(sum);
}

/**
 * ψ(x) = d/dx log Γ(x) for x > 0: upwards by ψ(x) = ψ(x + 1) − 1/x, then its asymptotic series.
 * @param {number} x
 */
export function digamma(x) {
  let shift = 0;
  while (x < 8) {
    shift -= 1 / x;
    x += 1;
  }
  const r = 1 / (x * x);
  return shift + Math.log(x) - 0.5 / x - r * (1 / 12 - r * (1 / 120 - r * (1 / 252 - r / 240)));
}

/** @param {readonly number[]} range @param {number} v */
const clamp = ([low, high], v) => Math.min(high, Math.max(low, v));

/** Where the table of a prior has t, and on straight lines between its values. @param {Quantiles} table @param {number} t */
export function quantileAt({ values, first, step }, t) {
  const place = Math.min(values.length - 2, Math.max(0, Math.floor((t - first) / step)));
  const share = (t - first) / step - place;
  return values[place] + share * (values[place + 1] - values[place]);
}

/** The t that has z in the table: `quantileAt`, backwards. @param {Quantiles} table @param {number} z */
export function quantileOf({ values, first, step }, z) {
  let [low, high] = [0, values.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (values[middle] <= z) low = middle;
    else high = middle;
  }
  return first + step * (low + (z - values[low]) / (values[low + 1] - values[low]));
}

/** log density of N(m, s²), nats, at a distance of t standard deviations from m. @param {number} t @param {number} s */
const logNormal = (t, s) => -0.5 * t * t - Math.log(s) - 0.5 * Math.log(2 * Math.PI);

/** q(z|x) = N(mu, exp(logVar)), prior N(mean, std²). */
class Gaussian {
  /** @param {GaussianHeader} header */
  constructor({ mean, std, log_var: range }) {
    this.mean = mean;
    this.std = std;
    this.range = range;
    this.low = -Infinity;
    this.hasDensity = true;
    this.draw = "z = μ + σ·ε with ε ~ N(0, 1)";
    this.drawn = "ε";
  }

  /** @param {Float32Array} out (2d,): means, then log σ² @param {number} d @returns {GaussianPosterior} */
  posterior(out, d) {
    return this.withParameters(out.slice(0, d), out.slice(d, 2 * d));
  }

  /** @param {Float32Array} mu (d,) @param {Float32Array} logs log σ² (d,) @returns {GaussianPosterior} */
  withParameters(mu, logs) {
    const logVar = logs.map((v) => clamp(this.range, v));
    return { mu, logVar, std: logVar.map((v) => Math.exp(0.5 * v)) };
  }

  /** @param {number} t */
  fromStandardNormal(t) {
    return this.mean + this.std * t;
  }

  /** @param {number} z */
  toStandardNormal(z) {
    return (z - this.mean) / this.std;
  }

  /** In each dimension. Source: Kingma & Welling (2014), appendix B. @param {GaussianPosterior} posterior */
  kl({ mu, logVar }) {
    return mu.map((m, i) => {
      const logRatio = logVar[i] - 2 * Math.log(this.std);
      return 0.5 * (Math.exp(logRatio) + ((m - this.mean) / this.std) ** 2 - 1 - logRatio);
    });
  }

  /** log p(z), nats. @param {Numbers} z (d,) */
  logPrior(z) {
    return z.reduce((sum, v) => sum + logNormal((v - this.mean) / this.std, this.std), 0);
  }

  /** log q(z|x), nats. @param {Numbers} z (d,) @param {GaussianPosterior} posterior */
  logPosterior(z, { mu, std }) {
    return z.reduce((sum, v, i) => sum + logNormal((v - mu[i]) / std[i], std[i]), 0);
  }

  /** @param {Float32Array} mu (d,) @param {Float32Array} std (d,) @returns {GaussianPosterior} */
  withMoments(mu, std) {
    return { mu, std, logVar: std.map((s) => 2 * Math.log(s)) };
  }

  /** @param {Float32Array} z (d,) @param {GaussianPosterior} posterior */
  logRatio(z, { mu, logVar }) {
    let sum = 0;
    for (let i = 0; i < mu.length; i++) {
      sum -= 0.5 * (logVar[i] + (z[i] - mu[i]) ** 2 * Math.exp(-logVar[i]));
      sum += Math.log(this.std) + 0.5 * ((z[i] - this.mean) / this.std) ** 2;
    }
    return sum;
  }

  /** z = μ + σ·ε. @param {GaussianPosterior} posterior @param {Draw} normal */
  sample({ mu, std }, normal) {
    return mu.map((m, i) => m + std[i] * normal());
  }
}

/** Codes that are points, of an autoencoder without variance: neither q(z|x) nor a prior, and no KL. */
class Point {
  /** @param {PriorHeader} header where the codes lie */
  constructor({ mean, std }) {
    this.mean = mean;
    this.std = std;
    this.low = -Infinity;
    this.hasDensity = false;
    this.draw = "z is the code of x, without a distribution";
    this.drawn = "z";
  }

  /** @param {Float32Array} out (d,) @param {number} d @returns {FamilyPosterior} */
  posterior(out, d) {
    return { mu: out.slice(0, d), std: new Float32Array(d) };
  }

  /** @param {number} t */
  fromStandardNormal(t) {
    return this.mean + this.std * t;
  }

  /** @param {number} z */
  toStandardNormal(z) {
    return (z - this.mean) / this.std;
  }

  /** @param {FamilyPosterior} posterior */
  kl({ mu }) {
    return new Float32Array(mu.length);
  }

  logPrior() {
    return 0;
  }

  logPosterior() {
    return 0;
  }

  /** @param {Float32Array} mu (d,) @returns {FamilyPosterior} */
  withMoments(mu) {
    return { mu, std: new Float32Array(mu.length) };
  }

  logRatio() {
    return 0;
  }

  /** @param {FamilyPosterior} posterior */
  sample({ mu }) {
    return mu.slice();
  }
}

/** q(z|x) = Gamma(shape, rate), prior Gamma(shape, rate): z is positive. */
class Gamma {
  /** @param {GammaHeader} header */
  constructor({ shape, rate, bounds, mean, std, quantiles }) {
    this.shape = shape;
    this.rate = rate;
    this.bounds = bounds;
    this.mean = mean;
    this.std = std;
    this.quantiles = quantiles;
    this.low = 0;
    this.hasDensity = true;
    this.draw = "z ~ q(z|x), a Gamma";
    this.drawn = "z";
  }

  /** @param {Float32Array} out (2d,): log shape, then log rate @param {number} d @returns {GammaPosterior} */
  posterior(out, d) {
    const logs = this.bounds.map(Math.log);
    const value = (/** @type {number} */ v) => Math.exp(clamp(logs, v));
    return this.withParameters(out.slice(0, d).map(value), out.slice(d, 2 * d).map(value));
  }

  /** @param {Float32Array} shape (d,) @param {Float32Array} rate (d,) @returns {GammaPosterior} */
  withParameters(shape, rate) {
    const mu = shape.map((a, i) => a / rate[i]);
    return { mu, shape, rate, std: shape.map((a, i) => Math.sqrt(a) / rate[i]) };
  }

  /** @param {number} t */
  fromStandardNormal(t) {
    return Math.max(1e-6, quantileAt(this.quantiles, t));
  }

  /** @param {number} z */
  toStandardNormal(z) {
    // z = 0 is infinitely far out; the table is not
    return Math.max(this.quantiles.first, quantileOf(this.quantiles, z));
  }

  /** In each dimension. Source: Penny (2001). @param {GammaPosterior} posterior */
  kl({ shape, rate }) {
    return shape.map((a, i) => {
      const b = rate[i];
      return (
        (a - this.shape) * digamma(a) -
        logGamma(a) +
        logGamma(this.shape) +
        this.shape * (Math.log(b) - Math.log(this.rate)) +
        (a * (this.rate - b)) / b
      );
    });
  }

  /** log p(z), nats. @param {Numbers} z (d,) */
  logPrior(z) {
    return z.reduce((sum, v) => sum + logDensity(v, this.shape, this.rate), 0);
  }

  /** log q(z|x), nats. @param {Numbers} z (d,) @param {GammaPosterior} posterior */
  logPosterior(z, { shape, rate }) {
    return z.reduce((sum, v, i) => sum + logDensity(v, shape[i], rate[i]), 0);
  }

  /** @param {Float32Array} mu (d,) @param {Float32Array} std (d,) @returns {GammaPosterior} */
  withMoments(mu, std) {
    const rate = mu.map((m, i) => m / std[i] ** 2);
    return { mu, std, rate, shape: mu.map((m, i) => m * rate[i]) };
  }

  /** @param {Float32Array} z (d,) @param {GammaPosterior} posterior */
  logRatio(z, { shape, rate }) {
    let sum = 0;
    for (let i = 0; i < shape.length; i++)
      sum += logDensity(z[i], shape[i], rate[i]) - logDensity(z[i], this.shape, this.rate);
    return sum;
  }

  /** @param {GammaPosterior} posterior @param {Draw} normal */
  sample({ shape, rate }, normal) {
    return shape.map((a, i) => Math.max(1e-30, standardGamma(a, normal)) / rate[i]);
  }
}

/** log Gamma(z; a, b) in nats. @param {number} z @param {number} a its shape @param {number} b its rate */
const logDensity = (z, a, b) => a * Math.log(b) + (a - 1) * Math.log(z) - b * z - logGamma(a);

/** A uniform number from two normal ones: the radius of Box & Muller, backwards. @param {Draw} normal */
const uniform = (normal) => Math.exp(-0.5 * (normal() ** 2 + normal() ** 2));

/**
 * A number of Gamma(a, 1). Source: Marsaglia & Tsang (2000).
 * @param {number} a
 * @param {Draw} normal
 * @returns {number}
 */
function standardGamma(a, normal) {
  if (a < 1) return standardGamma(a + 1, normal) * uniform(normal) ** (1 / a);
  const d = a - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = normal();
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(uniform(normal)) < 0.5 * x * x + d - d * v + d * Math.log(v))
      return d * v;
  }
}

/** A row a family, by the name that a model's blob gives it. */
export const FAMILIES = { gaussian: Gaussian, gamma: Gamma, point: Point };

/** The family of a model's blob. @param {PriorHeader} header @returns {LatentFamily} */
export function latentFamily(header) {
  /** @type {Record<string, new (header: any) => LatentFamily>} */
  const families = FAMILIES;
  if (!Object.hasOwn(families, header.family)) throw new Error(`the prior ${header.family}`);
  const family = new families[header.family](header);
  return header.choices?.length ? new WithChoices(family, header.choices) : family;
}
