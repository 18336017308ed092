// Any q of a model's family for one x: its ELBO and how far it is from p(z|x), and the best one. In nats.

import { planeRule } from "./chart.js";
import { LogLikelihood } from "./log_likelihood.js";

/**
 * @typedef {import("./exact.js").LatentPlane} LatentPlane
 * @typedef {import("./families.js").FamilyPosterior} FamilyPosterior
 * @typedef {import("./chart.js").AxisRule} AxisRule
 * @typedef {{z: Float32Array, weights: Float64Array, logQ: Float64Array, logPrior: Float64Array,
 *   logs?: Float64Array}} Nodes of a rule over q, and log p(x|z) there where it is known
 * @typedef {{elbo: number, gap: number, expected: number, kl: number, error: number | null}} Split
 *   log p(x) = elbo + gap, elbo = expected − kl: E_q[log p(x|z)], KL(q‖p(z)), and gap = KL(q‖p(z|x)); what they may be
 *   wrong by, as half the resolution says, where that was looked at
 */

const LIVE = { narrow: 9, wide: 12 }; // nodes along an axis while a hand drags
const WIDE = 0.7; // spacings of the coarse lattice, above which q needs more of them
const WIDER = 1.3; // spacings, above which the coarse lattice is fine enough itself
const SMALLEST = 1e-10; // weight of a node that is decoded
const SETTLED = 3e-4; // nats
const MOST = { gauss: 32, trapezoid: 60 }; // nodes along an axis
const CLIMB = 12; // nodes along an axis
const ENOUGH = 1e-4; // nats that a step must bring
const LEAST = 0.02; // of a step, as far as it is allowed
const FACTOR = 9; // most that a step changes a parameter by

/** KL(q‖p(z)) in closed form. @param {LatentPlane} plane @param {FamilyPosterior} q */
const klOf = (plane, q) => plane.model.prior.kl(q).reduce((sum, v) => sum + v, 0);

/** Σ weightsᵢ·values(i). @param {Nodes} nodes @param {(i: number) => number} values */
function mean({ weights }, values) {
  let sum = 0;
  for (let i = 0; i < weights.length; i++) sum += weights[i] * values(i);
  return sum;
}

/**
 * log p(x|z) at the nodes that have any weight, 0 at others.
 * @param {LogLikelihood} likelihood @param {Nodes} nodes @returns {Generator<number, Float64Array, void>}
 */
export function* atNodes(likelihood, { z, weights, logs }) {
  if (logs) return logs;
  const seen = [...weights.keys()].filter((i) => weights[i] > SMALLEST);
  const places = new Float32Array(2 * seen.length);
  seen.forEach((i, k) => places.set(z.subarray(2 * i, 2 * i + 2), 2 * k));
  const some = new Float64Array(seen.length);
  yield* likelihood.at(places, some);
  const found = new Float64Array(weights.length);
  seen.forEach((i, k) => (found[i] = some[k]));
  return found;
}

/**
 * The coarse lattice as a rule over q, where it is fine enough and q lies on it; its outputs are there.
 * @param {LatentPlane} plane @param {Float32Array} x @param {FamilyPosterior} q @returns {Nodes | null}
 */
function coarseRule(plane, x, q) {
  const { chart, n, low, side, model, logPrior } = plane;
  const axes = [0, 1].map((axis) => {
    const own = { mu: q.mu.slice(axis, axis + 1), std: q.std.slice(axis, axis + 1) };
    const { shape, rate } = q;
    if (shape && rate)
      Object.assign(own, {
        shape: shape.slice(axis, axis + 1),
        rate: rate.slice(axis, axis + 1),
      });
    return Float64Array.from({ length: n }, (_, i) => {
      const u = low + side * i;
      return model.prior.logPosterior(Float64Array.of(chart.z(u)), own) + chart.logSlope(u);
    });
  });
  const logQ = Float64Array.from(
    { length: n * n },
    (_, k) => axes[0][Math.floor(k / n)] + axes[1][k % n],
  );
  const cell = side * side;
  const weights = logQ.map((v) => cell * Math.exp(v));
  const whole = weights.reduce((sum, w) => sum + w, 0);
  if (Math.abs(whole - 1) > 1e-5) return null;
  return { z: plane.kept.z, weights, logQ, logPrior, logs: plane.coarse(x) };
}

/** Nodes over q that are few. @param {LatentPlane} plane @param {Float32Array} x @param {FamilyPosterior} q @returns {Nodes} */
function liveRule(plane, x, q) {
  const { chart, side } = plane;
  const wide = [0, 1].map((axis) => chart.shape(q, axis).scale / side);
  const coarse = Math.min(...wide) > WIDER && coarseRule(plane, x, q);
  if (coarse) return coarse;
  const [a, b] = wide.map((scale) => (scale > WIDE ? LIVE.wide : LIVE.narrow));
  return planeRule(chart, q, [a, b], !chart.log);
}

/**
 * A mean over q, of nodes that are doubled along both axes until it has settled.
 * @param {LatentPlane} plane @param {LogLikelihood} likelihood @param {FamilyPosterior} q
 * @param {boolean} gauss the family's Gauss rule first, as long as it settles soon; else the trapezoid rule
 * @param {(nodes: Nodes, logs: Float64Array, i: number) => number} value
 * @returns {Generator<number, {value: number, error: number}, void>}
 */
function* settled(plane, likelihood, q, gauss, value) {
  let before = NaN;
  const wide = [0, 1].some((axis) => plane.chart.shape(q, axis).scale > WIDE * plane.side);
  if (gauss && !wide)
    for (let n = 8; n <= MOST.gauss; n *= 2) {
      const now = yield* meanOver(plane, likelihood, q, n, true, value);
      const error = Math.abs(now - before);
      if (error < SETTLED) return { value: now, error };
      before = now;
    }
  before = NaN;
  for (let n = gauss ? 14 : 11; ; n *= 2) {
    const now = yield* meanOver(plane, likelihood, q, n, false, value);
    const error = Math.abs(now - before);
    if (error < SETTLED || 2 * n > MOST.trapezoid) return { value: now, error };
    before = now;
  }
}

/**
 * A mean over q, by n×n nodes.
 * @param {LatentPlane} plane @param {LogLikelihood} likelihood @param {FamilyPosterior} q @param {number} n
 * @param {boolean} gauss @param {(nodes: Nodes, logs: Float64Array, i: number) => number} value
 * @returns {Generator<number, number, void>}
 */
function* meanOver(plane, likelihood, q, n, gauss, value) {
  const nodes = planeRule(plane.chart, q, [n, n], gauss);
  const logs = yield* atNodes(likelihood, nodes);
  return mean(nodes, (i) => value(nodes, logs, i));
}

/**
 * The ELBO of any q and its distance to p(z|x). While a hand drags both are found on the same nodes; `fine`
 * finds them by rules of their own, so that their sum says what they are worth.
 * @param {LatentPlane} plane @param {Float32Array} x @param {FamilyPosterior} q @param {boolean} fine
 * @returns {Generator<number, Split, void>}
 */
export function* split(plane, x, q, fine) {
  const evidence = yield* plane.evidence(x);
  const likelihood = new LogLikelihood(plane.model, x);
  const kl = klOf(plane, q);
  /** log q(z) − log p(z). @param {Nodes} nodes @param {number} i */
  const ratio = ({ logQ, logPrior }, i) => logQ[i] - logPrior[i];
  if (!fine) {
    const nodes = liveRule(plane, x, q);
    const logs = yield* atNodes(likelihood, nodes);
    const expected = mean(nodes, (i) => logs[i]);
    const gap = mean(nodes, (i) => ratio(nodes, i)) - expected + evidence.logP;
    return { elbo: expected - kl, gap, expected, kl, error: null };
  }
  const first = yield* settled(plane, likelihood, q, true, (_, logs, i) => logs[i]);
  const second = yield* settled(
    plane,
    likelihood,
    q,
    false,
    (nodes, logs, i) => ratio(nodes, i) - logs[i],
  );
  const error = first.error + second.error + evidence.error;
  const gap = second.value + evidence.logP;
  return { elbo: first.value - kl, gap, expected: first.value, kl, error };
}

/**
 * Coefficients of the two statistics of an axis in the regression of values on them, under q: the natural
 * gradient of the values' mean in the axis's natural parameters. `gain` is what a step of it is to bring, to the
 * second order. Source: Salimans & Knowles (2013).
 * @param {AxisRule} axis @param {Float64Array} values (n,)
 */
function regression({ weights, first, second }, values) {
  const all = (/** @type {(i: number) => number} */ of) =>
    weights.reduce((sum, w, i) => sum + w * of(i), 0);
  const [s, t, v] = [first, second, values].map((part) => all((i) => part[i]));
  const ss = all((i) => (first[i] - s) ** 2);
  const st = all((i) => (first[i] - s) * (second[i] - t));
  const tt = all((i) => (second[i] - t) ** 2);
  const sv = all((i) => (first[i] - s) * (values[i] - v));
  const tv = all((i) => (second[i] - t) * (values[i] - v));
  const determinant = ss * tt - st * st;
  const steps = [(sv * tt - tv * st) / determinant, (tv * ss - sv * st) / determinant];
  return { steps, gain: (steps[0] * sv + steps[1] * tv) / 2 };
}

/** Means over the other axis, of values on a plane's rule. @param {[AxisRule, AxisRule]} axes @param {Float64Array} values @returns {Float64Array[]} */
function marginals([a, b], values) {
  const m = b.weights.length;
  const across = a.weights.map((_, i) =>
    b.weights.reduce((sum, w, j) => sum + w * values[i * m + j], 0),
  );
  const up = b.weights.map((_, j) =>
    a.weights.reduce((sum, w, i) => sum + w * values[i * m + j], 0),
  );
  return [across, up];
}

/** @param {number} v */
const within = (v) => v > 1 / FACTOR && v < FACTOR;

/**
 * q with a share of the coefficients added to its natural parameters; null where that is no density, or far away.
 * @param {LatentPlane} plane @param {FamilyPosterior} q @param {number[][]} steps of each axis @param {number} share
 */
function moved({ model: { prior } }, q, steps, share) {
  const [first, second] = [q.mu.slice(), q.mu.slice()];
  for (let axis = 0; axis < 2; axis++) {
    const [s, t] = steps[axis].map((v) => share * v);
    if (q.shape && q.rate) {
      first[axis] = q.shape[axis] + s;
      second[axis] = q.rate[axis] - t / q.mu[axis];
      if (!within(first[axis] / q.shape[axis]) || !within(second[axis] / q.rate[axis])) return null;
    } else {
      const precision = 1 - 2 * t; // in units of q's own
      if (!within(precision) || Math.abs(s / precision) > 3) return null;
      first[axis] = q.mu[axis] + (q.std[axis] * s) / precision;
      second[axis] = 2 * Math.log(q.std[axis]) - Math.log(precision);
    }
  }
  return prior.withParameters?.(first, second) ?? null;
}

/**
 * The q of the family that is best for an image, from a q on: E_q[log p(x|z)] − β·KL(q‖p(z)) is climbed by its
 * natural gradient, which for a conjugate model is there in one step (Khan & Rue 2023), with backtracking.
 * @param {LatentPlane} plane @param {Float32Array} x @param {FamilyPosterior} q
 * @param {{beta?: number, steps?: number}} options
 * @param {(step: {q: FamilyPosterior, elbo: number, n: number}) => void} [tell] of each step
 * @returns {Generator<number, {q: FamilyPosterior, elbo: number}, void>} `elbo` is the climbed bound
 */
export function* climb(plane, x, q, { beta = 1, steps = 40 }, tell) {
  const likelihood = new LogLikelihood(plane.model, x);
  /** @param {FamilyPosterior} at @returns {Generator<number, {rule: import("./chart.js").PlaneRule, logs: Float64Array, elbo: number}, void>} */
  function* look(at) {
    const rule = planeRule(plane.chart, at, [CLIMB, CLIMB], !plane.chart.log);
    const logs = yield* atNodes(likelihood, rule);
    return { rule, logs, elbo: mean(rule, (i) => logs[i]) - beta * klOf(plane, at) };
  }
  let here = yield* look(q);
  for (let n = 1; n <= steps; n++) {
    const { rule, logs } = here;
    const values = logs.map((v, i) => v / beta + rule.logPrior[i] - rule.logQ[i]);
    const along = marginals(rule.axes, values).map((v, axis) => regression(rule.axes[axis], v));
    if (beta * (along[0].gain + along[1].gain) < ENOUGH) break;
    const ways = along.map((axis) => axis.steps);
    let most = 1;
    while (most > 1e-6 && !moved(plane, q, ways, most)) most /= 2;
    let gained = 0;
    for (let share = most; share > LEAST * most && !gained; share /= 2) {
      const next = moved(plane, q, ways, share);
      if (!next) continue;
      const there = yield* look(next);
      if (there.elbo <= here.elbo) continue;
      gained = there.elbo - here.elbo;
      [q, here] = [next, there];
    }
    if (gained) tell?.({ q, elbo: here.elbo, n });
    if (gained < ENOUGH) break;
  }
  const { value } = yield* settled(plane, likelihood, q, true, (_, logs, i) => logs[i]);
  return { q, elbo: value - beta * klOf(plane, q) };
}
