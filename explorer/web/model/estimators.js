// Estimates by draws: naive Monte Carlo and importance sampling of log p(x), the bounds L_k, and the two
// gradient estimators, beside what they estimate. In nats.

import { planeRule } from "./chart.js";
import { KeptOutputs, LogLikelihood } from "./log_likelihood.js";
import { logSumExp } from "./quadrature.js";
import { Running, normals, seeded } from "./random.js";
import { atNodes } from "./variational.js";

/**
 * @typedef {import("./exact.js").LatentPlane} LatentPlane
 * @typedef {import("./log_likelihood.js").ExactModel} ExactModel
 * @typedef {import("./families.js").FamilyPosterior} FamilyPosterior
 * @typedef {{k: number, value: number, error: number | null}} Bound L_k with its standard error
 * @typedef {{score: Float32Array, path: Float32Array, exact: number, of: string}} Gradients estimates (repeats,)
 *   of the same derivative, by the score function and by reparameterisation; its value by quadrature; and what it
 *   is taken by
 */

const KEPT = 4096; // draws of the prior whose outputs are kept
const SEEDS = { prior: 11, q: 12 };

/** Of the draws with the last seed. @type {WeakMap<LatentPlane, {seed: number, kept: KeptOutputs}>} */
const priors = new WeakMap();

/** Draws of q (n, d), the same at each call. @param {ExactModel} model @param {FamilyPosterior} q @param {number} n @param {number} seed */
function draws({ prior, d }, q, n, seed) {
  const normal = normals(seeded(seed));
  const z = new Float32Array(d * n);
  for (let i = 0; i < n; i++) z.set(prior.sample(q, normal), d * i);
  return z;
}

/** Draws of p(z) (n, 2). @param {LatentPlane} plane @param {number} n @param {number} seed */
function priorDraws(plane, n, seed) {
  const { prior } = plane.model;
  const { mean, std } = prior;
  const own = prior.withMoments(Float32Array.of(mean, mean), Float32Array.of(std, std));
  return draws(plane.model, own, n, seed);
}

/**
 * log p(x|z) of draws from the prior (k,): the mean of their exponentials is naive Monte Carlo's p(x).
 * @param {LatentPlane} plane @param {Float32Array} x @param {number} k @param {number} [seed]
 * @returns {Generator<number, Float32Array, void>}
 */
export function* naive(plane, x, k, seed = SEEDS.prior) {
  const last = priors.get(plane);
  const kept =
    last?.seed === seed ? last.kept : new KeptOutputs(plane.model, priorDraws(plane, KEPT, seed));
  priors.set(plane, { seed, kept });
  const first = Math.min(k, KEPT);
  yield* kept.fill(first);
  const found = new Float32Array(k);
  found.set(kept.of(x, first));
  if (k > first) {
    const rest = new Float64Array(k - first);
    yield* new LogLikelihood(plane.model, x).at(
      priorDraws(plane, k, seed).subarray(2 * first),
      rest,
    );
    found.set(rest, first);
  }
  return found;
}

/**
 * log p(x, z) − log q(z|x) of draws from q (k,), the logs of importance weights, in any number of dimensions.
 * @param {ExactModel} model @param {Float32Array} x @param {FamilyPosterior} q @param {number} k
 * @returns {Generator<number, Float32Array, void>}
 */
export function* importance(model, x, q, k) {
  const { d, prior } = model;
  const z = draws(model, q, k, SEEDS.q);
  const logs = new Float64Array(k);
  yield* new LogLikelihood(model, x).at(z, logs);
  return Float32Array.from(logs, (v, i) => v - prior.logRatio(z.subarray(d * i, d * (i + 1)), q));
}

/**
 * E_q[log p(x|z)] by k draws from q, with its standard error, in any number of dimensions.
 * @param {ExactModel} model @param {Float32Array} x @param {FamilyPosterior} q @param {number} k
 * @returns {Generator<number, {mean: number, error: number}, void>}
 */
export function* expected(model, x, q, k) {
  const logs = new Float64Array(k);
  yield* new LogLikelihood(model, x).at(draws(model, q, k, SEEDS.q), logs);
  const sum = new Running();
  for (const v of logs) sum.add(v);
  return { mean: sum.mean, error: sum.error };
}

/**
 * L_k for k = 1, 2, 4, … as the mean over disjoint groups of k draws, with its standard error (null of one
 * group). Source: Burda, Grosse & Salakhutdinov (2016), equation 8.
 * @param {ArrayLike<number>} logs of importance weights (n,) @returns {Bound[]}
 */
export function boundsOf(logs) {
  const all = Float64Array.from(logs);
  /** @type {Bound[]} */
  const found = [];
  for (let k = 1; k <= all.length; k *= 2) {
    const sum = new Running();
    for (let i = 0; i + k <= all.length; i += k)
      sum.add(logSumExp(all.subarray(i, i + k)) - Math.log(k));
    found.push({ k, value: sum.mean, error: sum.n > 1 ? sum.error : null });
  }
  return found;
}

/** log of the mean of exp, of the first 1, 2, … numbers (n,). @param {ArrayLike<number>} logs */
export function runningEstimate(logs) {
  const found = new Float64Array(logs.length);
  let [top, sum] = [-Infinity, 0];
  for (let i = 0; i < logs.length; i++) {
    if (logs[i] > top) {
      sum = sum * Math.exp(top - logs[i]) + 1;
      top = logs[i];
    } else if (top > -Infinity) sum += Math.exp(logs[i] - top);
    found[i] = top + Math.log(sum) - Math.log(i + 1);
  }
  return found;
}

/**
 * What a derivative of E_q[log p(x|z)] is taken by, for the first axis of q: its mean or, of a Gamma, the
 * logarithm of its mean at the same shape. `score` is ∂ log q(z)/∂ that; `slide` moves z as that does, and `step`
 * is a tenth of q's width in it.
 * @param {FamilyPosterior} q
 * @returns {{of: string, score: (z: number) => number, slide: (z: number, by: number) => number, step: number}}
 */
function parameter({ mu: [mean], std: [std], shape, rate }) {
  if (shape && rate) {
    const [a, b] = [shape[0], rate[0]];
    const step = 0.1 * Math.min(1, std / mean);
    return { of: "log E[z₁]", score: (z) => b * z - a, slide: (z, by) => z * Math.exp(by), step };
  }
  const score = (/** @type {number} */ z) => (z - mean) / std ** 2;
  return { of: "μ₁", score, slide: (z, by) => z + by, step: 0.1 * std };
}

/**
 * Estimates of the derivative of E_q[log p(x|z)] by q's first mean: by the score function without a baseline
 * (Williams 1992), and by reparameterisation (Kingma & Welling 2014), whose ∂ log p(x|z)/∂z is a central
 * difference.
 * @param {LatentPlane} plane @param {Float32Array} x @param {FamilyPosterior} q
 * @param {{repeats: number, draws?: number, seed?: number}} options estimates, and draws of each
 * @returns {Generator<number, Gradients, void>}
 */
export function* gradients(plane, x, q, { repeats, draws: each = 1, seed = 1 }) {
  const { of, score, slide, step } = parameter(q);
  const likelihood = new LogLikelihood(plane.model, x);
  const n = repeats * each;
  const z = draws(plane.model, q, n, seed);
  const places = new Float32Array(6 * n);
  for (let i = 0; i < n; i++)
    [0, -step, step].forEach((by, side) => {
      places[6 * i + 2 * side] = slide(z[2 * i], by);
      places[6 * i + 2 * side + 1] = z[2 * i + 1];
    });
  const logs = new Float64Array(3 * n);
  yield* likelihood.at(places, logs);
  const found = { score: new Float32Array(repeats), path: new Float32Array(repeats) };
  for (let i = 0; i < n; i++) {
    const repeat = Math.floor(i / each);
    found.score[repeat] += (logs[3 * i] * score(z[2 * i])) / each;
    found.path[repeat] += (logs[3 * i + 2] - logs[3 * i + 1]) / (2 * step * each);
  }
  const rule = planeRule(plane.chart, q, [32, 24], true);
  const values = yield* atNodes(likelihood, rule);
  const exact = rule.weights.reduce((sum, w, i) => sum + w * values[i] * score(rule.z[2 * i]), 0);
  return { ...found, exact, of };
}
