// The reconstruction terms, as likelihoods.py has them: of the decoder's output and x, summed over
// pixels. What a term is called, its unit and its constant come with the model.

const sigmoid = (v) => 1 / (1 + Math.exp(-v));

/** Cross-entropy, on logits. */
function bernoulli(output, x) {
  let sum = 0;
  for (let i = 0; i < x.length; i++) {
    const l = output[i];
    sum += Math.max(l, 0) + Math.log1p(Math.exp(-Math.abs(l))) - l * x[i];
  }
  return sum;
}

function gaussian(output, x) {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += (x[i] - sigmoid(output[i])) ** 2;
  return sum;
}

/** The learned log σ² stands behind the pixels. */
function gaussianLearned(output, x) {
  const logVar = Math.min(4, Math.max(-12, output[x.length]));
  return 0.5 * (x.length * logVar + gaussian(output, x) * Math.exp(-logVar));
}

function laplace(output, x) {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += Math.abs(x[i] - sigmoid(output[i]));
  return sum;
}

const perceptual = (output, x, features) => features.distance(output, x);
const weighted = (term) => (output, x, features) =>
  term(output, x) + features.weight * features.distance(output, x);

/** A row a likelihood, by the name that a model's blob gives it. */
export const LIKELIHOODS = {
  bernoulli,
  gaussian,
  "gaussian-learned": gaussianLearned,
  laplace,
  perceptual,
  "perceptual-bce": weighted(bernoulli),
  "perceptual-mse": weighted(gaussian),
};

/** The mean of p(x|z), values in [0, 1], of an output's pixels. */
export function mean(output, out) {
  for (let i = 0; i < out.length; i++) out[i] = sigmoid(output[i]);
  return out;
}
