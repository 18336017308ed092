// Coordinates of the latent axes in which densities are smooth and decay at both ends: z itself or, where z
// is positive, log z.

import { ends, gaussHermite, gaussLaguerre, trapezoid } from "./quadrature.js";

/**
 * @typedef {import("./families.js").FamilyPosterior} FamilyPosterior
 * @typedef {import("./families.js").LatentFamily} LatentFamily
 * @typedef {{z: Float64Array, weights: Float64Array, logQ: Float64Array, logPrior: Float64Array,
 *   first: Float64Array, second: Float64Array}} AxisRule a rule over one axis of q: its nodes, their weights (sum 1), the
 *   log densities of q and of the prior there, and the two statistics that are sufficient for q's family,
 *   standardised: t and t², or log z and z over their means
 * @typedef {{z: Float32Array, weights: Float64Array, logQ: Float64Array, logPrior: Float64Array,
 *   axes: [AxisRule, AxisRule]}} PlaneRule a rule over q(z|x): places (n, 2), the second coordinate running
 *   fastest; weights (n,), and the log densities of q and of the prior (n,)
 */

const PRIOR_TAIL = Math.log(1e9); // nats from the prior's mode to the ends of a plane
const REACH = 14; // nats below the mode of an axis of q, where its trapezoid rules end

export class LatentChart {
  /** @param {LatentFamily} prior */
  constructor(prior) {
    this.prior = prior;
    /** Whether the coordinate is log z. */
    this.log = Number.isFinite(prior.low);
  }

  /** @param {number} u */
  z(u) {
    return this.log ? this.prior.low + Math.exp(u) : u;
  }

  /** @param {number} z */
  u(z) {
    return this.log ? Math.log(Math.max(z - this.prior.low, 1e-300)) : z;
  }

  /** log dz/du. @param {number} u */
  logSlope(u) {
    return this.log ? u : 0;
  }

  /** log of the prior's density in u, of one axis. @param {number} u */
  logPrior(u) {
    return this.prior.logPrior(Float64Array.of(this.z(u))) + this.logSlope(u);
  }

  /** Where the prior's density in u has fallen to a billionth, on either side. */
  range() {
    const { mean, std } = this.prior;
    // In log z a Gamma's mode is at the logarithm of its mean.
    const scale = this.log ? std / mean : std;
    return ends((u) => this.logPrior(u), this.u(mean), scale, PRIOR_TAIL);
  }

  /** Mode and width in u of an axis of q. @param {FamilyPosterior} q @param {number} axis */
  shape({ mu, std }, axis) {
    const scale = this.log ? std[axis] / mu[axis] : std[axis];
    return { mode: this.u(mu[axis]), scale };
  }
}

/** The parameters of one axis. @param {FamilyPosterior} q @param {number} axis @returns {FamilyPosterior} */
function alone(q, axis) {
  const one = Object.entries(q).filter(([, part]) => part instanceof Float32Array);
  return /** @type {any} */ (
    Object.fromEntries(one.map(([name, part]) => [name, part.slice(axis, axis + 1)]))
  );
}

/**
 * A rule over an axis of q.
 * @param {LatentChart} chart @param {FamilyPosterior} q @param {number} axis @param {number} n nodes
 * @param {boolean} gauss the family's Gauss rule; else the trapezoid rule in the chart's coordinate
 * @returns {AxisRule}
 */
export function axisRule(chart, q, axis, n, gauss) {
  const { prior } = chart;
  const own = alone(q, axis);
  const logQ = (/** @type {number} */ z) => prior.logPosterior(Float64Array.of(z), own);
  const { mode, scale } = chart.shape(q, axis);
  let z;
  let weights;
  if (gauss && chart.log && q.shape && q.rate) {
    const rate = q.rate[axis];
    const rule = gaussLaguerre(n, q.shape[axis]);
    z = rule.nodes.map((v) => v / rate);
    weights = rule.weights;
  } else if (gauss) {
    const rule = gaussHermite(n);
    z = rule.nodes.map((t) => q.mu[axis] + q.std[axis] * t);
    weights = rule.weights;
  } else {
    const inChart = (/** @type {number} */ u) => logQ(chart.z(u)) + chart.logSlope(u);
    const [low, high] = ends(inChart, mode, scale, REACH);
    const rule = trapezoid(inChart, low, high, n);
    z = rule.nodes.map((u) => chart.z(u));
    weights = rule.weights;
  }
  const t = z.map((v) => (v - q.mu[axis]) / q.std[axis]);
  return {
    z,
    weights,
    logQ: z.map(logQ),
    logPrior: z.map((v) => prior.logPrior(Float64Array.of(v))),
    first: chart.log ? z.map((v) => chart.u(v) - mode) : t,
    second: chart.log ? z.map((v) => v / q.mu[axis]) : t.map((v) => v * v),
  };
}

/**
 * A rule over q(z|x), by one over each axis.
 * @param {LatentChart} chart @param {FamilyPosterior} q @param {[number, number]} n nodes of each axis @param {boolean} gauss as of `axisRule`
 * @returns {PlaneRule}
 */
export function planeRule(chart, q, n, gauss) {
  const [a, b] = [axisRule(chart, q, 0, n[0], gauss), axisRule(chart, q, 1, n[1], gauss)];
  const size = a.z.length * b.z.length;
  const z = new Float32Array(2 * size);
  const sums = [new Float64Array(size), new Float64Array(size), new Float64Array(size)];
  const [weights, logQ, logPrior] = sums;
  for (let i = 0, k = 0; i < a.z.length; i++)
    for (let j = 0; j < b.z.length; j++, k++) {
      z[2 * k] = a.z[i];
      z[2 * k + 1] = b.z[j];
      weights[k] = a.weights[i] * b.weights[j];
      logQ[k] = a.logQ[i] + b.logQ[j];
      logPrior[k] = a.logPrior[i] + b.logPrior[j];
    }
  return { z, weights, logQ, logPrior, axes: [a, b] };
}
