// The reconstruction terms, as likelihoods.py has them: of the decoder's output and x, summed over
// all values of a picture. Names, units and constants come with the model.

/**
 * @typedef {import("./features.js").Features} Features
 * @typedef {(output: Float32Array, x: Float32Array, features: Features | null) => number} Term the
 *   output begins with a logit for each value of x; in nats, or in the unit that the model names
 */

/** @param {number} v */
const sigmoid = (v) => 1 / (1 + Math.exp(-v));

/** Cross-entropy, on logits. @type {Term} */
function bernoulli(output, x) {
  let sum = 0;
  for (let i = 0; i < x.length; i++) {
    const l = output[i];
    sum += Math.max(l, 0) + Math.log1p(Math.exp(-Math.abs(l))) - l * x[i];
  }
  return sum;
}

const NEAR_HALF = 0.02; // about λ = ½ the closed form loses its digits

/**
 * log C(λ) of the continuous Bernoulli, C(λ) = 2 artanh(1 − 2λ)/(1 − 2λ); about λ = ½ by its Taylor series.
 * Source: Loaiza-Ganem & Cunningham (2019), equation 6.
 * @param {number} lambda in (0, 1)
 */
export function logNormaliser(lambda) {
  const u = 1 - 2 * lambda;
  if (Math.abs(u) < NEAR_HALF) return Math.LN2 + (u * u) / 3 + (13 / 90) * u ** 4;
  return Math.log((2 * Math.atanh(u)) / u);
}

/** Squared distance. @param {Float32Array} output @param {Float32Array} x */
function gaussian(output, x) {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += (x[i] - sigmoid(output[i])) ** 2;
  return sum;
}

/** The learned log σ² stands behind the logits. @type {Term} */
function gaussianLearned(output, x) {
  const logVar = Math.min(4, Math.max(-12, output[x.length]));
  return 0.5 * (x.length * logVar + gaussian(output, x) * Math.exp(-logVar));
}

/** Absolute distance. @type {Term} */
function laplace(output, x) {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += Math.abs(x[i] - sigmoid(output[i]));
  return sum;
}

/** @param {Features | null} features */
function present(features) {
  if (!features) throw new Error("a perceptual term without a classifier");
  return features;
}

/** @type {Term} */
const perceptual = (output, x, features) => present(features).distance(output, x);

/** A term plus the weighted distance of features. @param {Term} term @returns {Term} */
const weighted = (term) => (output, x, features) =>
  term(output, x, null) + present(features).weight * present(features).distance(output, x);

/** A row a likelihood, by the name that a model's blob gives it. @type {Record<string, Term>} */
export const LIKELIHOODS = {
  bernoulli,
  gaussian,
  "gaussian-learned": gaussianLearned,
  laplace,
  "squared-error": gaussian,
  perceptual,
  "perceptual-bce": weighted(bernoulli),
  "perceptual-mse": weighted(gaussian),
};

/**
 * The mean of p(x|z), values in [0, 1].
 * @param {Float32Array} output of a decoder
 * @param {Float32Array} out as long as x
 */
export function mean(output, out) {
  for (let i = 0; i < out.length; i++) out[i] = sigmoid(output[i]);
  return out;
}
