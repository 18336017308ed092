// Modes of p(z|x): which images a Gaussian fits badly, first on a model's coarse lattice, and of the worst on a
// fine one.

import { LogLikelihood } from "./log_likelihood.js";
import { logSumExp } from "./quadrature.js";

/**
 * @typedef {import("./exact.js").LatentPlane} LatentPlane
 * @typedef {{index: number, modes: number, spread: number}} Fit of an image: separated maxima of p(z|x) within
 *   `NEAR` nats of the highest, and the standard deviation of z under p(z|x), both axes together
 */

const NEAR = 5; // nats
const DEEP = 3; // nats that a maximum stands above the ridge to a higher one
const SEEN = 25; // nats below the highest, of what is looked at
const FINE = { least: 72, most: 96, ms: 2500 }; // cells along an axis, and what they may take
const RECOUNTED = 10; // images

/**
 * The maxima of values on an n×n lattice that are within `NEAR` of the highest and separated from every higher
 * one by a valley at least `DEEP` deep: components of the places above a falling level.
 * @param {Float64Array} values @param {number} n
 */
export function modesOf(values, n) {
  const top = values.reduce((a, b) => Math.max(a, b), -Infinity);
  const order = [...values.keys()].filter((k) => values[k] > top - SEEN);
  order.sort((a, b) => values[b] - values[a]);
  /** The component of each place that was met, by its highest place. @type {Map<number, number>} */
  const parent = new Map();
  const root = (/** @type {number} */ k) => {
    let at = k;
    for (let up = parent.get(at); up !== undefined && up !== at; up = parent.get(at)) at = up;
    parent.set(k, at);
    return at;
  };
  /** @type {Set<number>} */
  const peaks = new Set();
  for (const k of order) {
    const [i, j] = [Math.floor(k / n), k % n];
    let own = -1;
    for (let a = Math.max(0, i - 1); a <= Math.min(n - 1, i + 1); a++)
      for (let b = Math.max(0, j - 1); b <= Math.min(n - 1, j + 1); b++) {
        if (!parent.has(a * n + b)) continue;
        const other = root(a * n + b);
        if (own < 0) own = other;
        if (own === other) continue;
        const [high, low] = values[own] >= values[other] ? [own, other] : [other, own];
        if (values[low] - values[k] < DEEP) peaks.delete(low);
        parent.set(low, high);
        own = high;
      }
    if (own < 0) peaks.add(k);
    parent.set(k, own < 0 ? k : own);
  }
  return [...peaks].filter((k) => values[k] >= top - NEAR).length;
}

/** The standard deviation of z, both axes together. @param {LatentPlane} plane @param {Float64Array} logs of p(x, z) in the chart (n²,) */
function spreadOf({ kept: { z } }, logs) {
  const total = logSumExp(logs);
  const sums = [0, 0, 0, 0];
  for (let k = 0; k < logs.length; k++) {
    if (logs[k] < total - SEEN) continue;
    const share = Math.exp(logs[k] - total);
    for (const axis of [0, 1]) {
      sums[axis] += share * z[2 * k + axis];
      sums[2 + axis] += share * z[2 * k + axis] ** 2;
    }
  }
  return Math.sqrt(Math.max(0, sums[2] - sums[0] ** 2 + sums[3] - sums[1] ** 2));
}

/**
 * The separated maxima of p(z|x) on a fine lattice over where it is. A ridge that is narrower than the coarse lattice
 * falls into false ones there, and near ones are one.
 * @param {LatentPlane} plane @param {Float32Array} x @returns {Generator<number, number, void>}
 */
export function* modes(plane, x) {
  const { low, high } = yield* plane.evidence(x);
  const { model } = plane;
  const { prior } = model;
  const n = Math.max(
    FINE.least,
    Math.min(FINE.most, Math.floor(Math.sqrt(FINE.ms / model.decodeMs))),
  );
  const z = Float32Array.from({ length: 2 * n * n }, (_, i) => {
    const [axis, k] = [i % 2, i >> 1];
    const share = ((axis ? k % n : Math.floor(k / n)) + 0.5) / n;
    return low[axis] + share * (high[axis] - low[axis]);
  });
  const logs = new Float64Array(n * n);
  yield* new LogLikelihood(model, x).at(z, logs);
  for (let k = 0; k < logs.length; k++) logs[k] += prior.logPrior(z.subarray(2 * k, 2 * k + 2));
  return modesOf(logs, n);
}

/** @param {Fit[]} found */
const worstFirst = (found) => found.sort((a, b) => b.modes - a.modes || b.spread - a.spread);

/**
 * Images by how badly a Gaussian fits, worst first: by the modes of p(z|x), then by its spread. Those that seem worst
 * are counted anew on a fine lattice, and come before all others.
 * @param {LatentPlane} plane @param {Float32Array[]} images (c·h·w,) each @returns {Generator<number, Fit[], void>}
 */
export function* search(plane, images) {
  yield* plane.ready();
  /** @type {Fit[]} */
  const found = [];
  for (const [index, x] of images.entries()) {
    const logs = plane.kept.of(x).map((v, k) => v + plane.logPrior[k]);
    found.push({ index, modes: modesOf(logs, plane.n), spread: spreadOf(plane, logs) });
    yield (0.3 * (index + 1)) / images.length;
  }
  const worst = worstFirst(found).splice(0, RECOUNTED);
  for (const [n, fit] of worst.entries()) {
    fit.modes = yield* modes(plane, images[fit.index]);
    yield 0.3 + (0.7 * (n + 1)) / worst.length;
  }
  return [...worstFirst(worst), ...found];
}
