// The reconstruction terms, as likelihoods.py has them: of the decoder's output and x, summed over
// all values of a picture. Names, units and constants come with the model.

/**
 * @typedef {import("./features.js").Features} Features
 * @typedef {(output: Float32Array, x: Float32Array, features: Features | null) => number} Term the
 *   output begins with a logit for each value of x; in nats, or in the unit that the model names
 */

/** @param {number} v */
const sigmoid = (v) => 1 / (1 + Math.exp(-v));

/** −v log λ − (1 − v) log(1 − λ), λ = sigmoid(l). @param {number} l @param {number} v */
export const crossEntropy = (l, v) => Math.max(l, 0) + Math.log1p(Math.exp(-Math.abs(l))) - l * v;

/** Cross-entropy, on logits. @type {Term} */
function bernoulli(output, x) {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += crossEntropy(output[i], x[i]);
  return sum;
}

const EPSILON = 1e-7; // of a mean whose logit is taken
const SMALL = 0.25; // half of a logit below which the series of likelihoods.py are used

/** log ½C(λ) of the continuous Bernoulli's normaliser, λ = sigmoid(l). @param {number} l */
export function logHalfNormaliser(l) {
  const h = Math.abs(l) / 2;
  if (h >= SMALL) return Math.log(h / Math.tanh(h));
  const s = h * h;
  return s * (1 / 3 - s * (7 / 90 - s * (62 / 2835 - s * (127 / 18900 - (s * 146) / 66825))));
}

/** Cross-entropy of λ, on logits, made a density over [0, 1]. @type {Term} */
function continuousBernoulli(output, x, features) {
  let sum = bernoulli(output, x, features);
  for (let i = 0; i < x.length; i++) sum -= logHalfNormaliser(output[i]);
  return sum;
}

/** Mean of the continuous Bernoulli with λ = sigmoid(l). @param {number} l */
function continuousBernoulliMean(l) {
  const h = l / 2;
  if (Math.abs(h) >= SMALL) return 0.5 + (1 / Math.tanh(h) - 1 / h) / 2;
  const s = h * h;
  return 0.5 + h * (1 / 6 - s * (1 / 90 - s * (1 / 945 - s * (1 / 9450 - s / 93555))));
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
  "continuous-bernoulli": continuousBernoulli,
  gaussian,
  "gaussian-learned": gaussianLearned,
  laplace,
  "squared-error": gaussian,
  perceptual,
  "perceptual-bce": weighted(bernoulli),
  "perceptual-mse": weighted(gaussian),
};

/** Means of p(x|z) that are not the sigmoid of the logit. @type {Record<string, (l: number) => number>} */
const MEANS = { "continuous-bernoulli": continuousBernoulliMean };

/**
 * The mean of p(x|z), values in [0, 1].
 * @param {Float32Array} output of a decoder
 * @param {Float32Array} out as long as x
 * @param {string} [name] of the likelihood
 */
export function mean(output, out, name = "bernoulli") {
  const of = meanIsApart(name) ? MEANS[name] : sigmoid;
  for (let i = 0; i < out.length; i++) out[i] = of(output[i]);
  return out;
}

/** Whether the mean of p(x|z) is another number than the sigmoid of the decoder's logit. @param {string} name */
export const meanIsApart = (name) => Object.hasOwn(MEANS, name);

/**
 * The logits of x̂'s values: the output's own, but where the mean is apart.
 * @param {Float32Array} output of a decoder @param {number} size values of a picture @param {string} name of the likelihood
 */
export function logitsOfMean(output, size, name) {
  if (!meanIsApart(name)) return output;
  return mean(output, new Float32Array(size), name).map((v) => {
    const p = Math.min(1 - EPSILON, Math.max(EPSILON, v)); // the ends have none
    return Math.log(p / (1 - p));
  });
}

/**
 * The cross-entropy of x̂, read as probabilities, and x, whatever was trained.
 * @param {Float32Array} output of a decoder @param {Float32Array} x @param {string} name of the likelihood
 */
export function asBernoulli(output, x, name) {
  return bernoulli(logitsOfMean(output, x.length, name), x, null);
}
