// Exact quantities of a VAE with two latent dimensions, by quadrature over its latent plane, as
// training/evaluation/exact.py has them: log p(x), and the true posterior p(z|x). In nats.

import { LatentChart } from "./chart.js";
import { refined } from "./lattice.js";
import { KeptOutputs, LogLikelihood } from "./log_likelihood.js";

/**
 * @typedef {import("./log_likelihood.js").ExactModel} ExactModel
 * @typedef {import("./log_likelihood.js").Work} Work
 * @typedef {{logP: number, error: number, low: [number, number], high: [number, number],
 *   mean: [number, number], covariance: [number, number, number], share: number, nodes: Float32Array,
 *   mass: Float32Array, side: number, decodes: number}} Evidence log p(x) and its change from half the resolution; a box that
 *   holds 1 − 1e-4 of p(z|x); its mean and covariance (xx, xy, yy); the prior mass of the most likely
 *   places that hold 99 % of it; nodes (n, 2) with their shares (n,) of it, and their spacing
 *   (of log z, where z is positive); how many codes were decoded for this x
 * @typedef {{low: ArrayLike<number>, high: ArrayLike<number>, n: number}} Box of n×n cells
 */

const NODES = 96; // of the coarse lattice, along an axis
const BYTES = 2 ** 27; // of outputs that are kept
const LIMITS = { cuts: [45, 25, 16, 14], tolerance: 2e-3, depth: 8 };
const HELD = 1e-4; // of p(z|x), outside of the box
const MATTERS = 0.99; // of p(z|x), on the places that matter
const REMEMBERED = 8; // images

/**
 * Refuse a model whose log p(x) is no integral over a plane.
 * @param {Pick<ExactModel, "d" | "prior" | "likelihood">} model
 */
export function check({ d, prior, likelihood }) {
  if (d === 2 && prior.choices?.length)
    throw new Error(
      "log p(x) is not computed for models with labels or categories beside z. L_k, which rises to it " +
        "with k, is what there is.",
    );
  if (d !== 2)
    throw new Error(
      `log p(x) is computed exactly for 2 latent dimensions, and this model has ${d} latent ` +
        "dimensions: a grid over more has too many places. L_k, which rises to it with k, is what there is.",
    );
  if (!prior.hasDensity || likelihood.constant === null)
    throw new Error(
      "There is no log p(x): the model was trained with a distance, or has no prior.",
    );
}

/** Some work that several may wait for: whoever comes does the next piece. @template T */
class Shared {
  /** @param {Generator<number, T, void>} work */
  constructor(work) {
    this.work = work;
    /** @type {T | null} */
    this.value = null;
  }

  /** @returns {Generator<number, T, void>} */
  *wait() {
    while (this.value === null) {
      const { done, value } = this.work.next();
      if (done) this.value = value;
      else yield value;
    }
    return this.value;
  }
}

/** @param {ArrayLike<number>} a @param {ArrayLike<number>} b */
function alike(a, b) {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** The latent plane of a model: a coarse lattice over where its prior is, decoded once. */
export class LatentPlane {
  /** @param {ExactModel} model Error where it has no log p(x) that is an integral over a plane */
  constructor(model) {
    check(model);
    this.model = model;
    this.chart = new LatentChart(model.prior);
    const most = Math.floor(Math.sqrt(BYTES / 4 / model.shape.size));
    /** Nodes of the coarse lattice along an axis. */
    this.n = Math.max(32, Math.min(NODES, most));
    const [low, high] = this.chart.range();
    this.low = low;
    /** Their distance, in the chart's coordinates. */
    this.side = (high - low) / (this.n - 1);
    const z = new Float32Array(2 * this.n ** 2);
    for (let k = 0; k < this.n ** 2; k++) {
      z[2 * k] = this.chart.z(low + this.side * Math.floor(k / this.n));
      z[2 * k + 1] = this.chart.z(low + this.side * (k % this.n));
    }
    this.kept = new KeptOutputs(model, z);
    const prior = Float64Array.from({ length: this.n }, (_, i) =>
      this.chart.logPrior(low + this.side * i),
    );
    /** log p(z) in the chart's coordinates, at each coarse node (n²,). */
    this.logPrior = Float64Array.from(
      { length: this.n ** 2 },
      (_, k) => prior[Math.floor(k / this.n)] + prior[k % this.n],
    );
    /** What is known of the last few x. @type {{x: Float32Array, coarse: Float64Array, evidence: Shared<Evidence> | null}[]} */
    this._memory = [];
    /** @type {KeptOutputs[]} */
    this._fields = [];
  }

  /** Decode the coarse lattice, if that has not been done. @returns {Work} */
  ready() {
    return this.kept.fill();
  }

  /** log p(x|z) at each coarse node (n²,), once the lattice is decoded. @param {Float32Array} x */
  coarse(x) {
    return this._of(x).coarse;
  }

  /** @param {Float32Array} x */
  _of(x) {
    const at = this._memory.findIndex((one) => alike(one.x, x));
    const found =
      at < 0
        ? { x: x.slice(), coarse: this.kept.of(x), evidence: null }
        : this._memory.splice(at, 1)[0];
    this._memory.push(found);
    if (this._memory.length > REMEMBERED) this._memory.shift();
    return found;
  }

  /** log p(x) and p(z|x) of an image, remembered. @param {Float32Array} x @returns {Generator<number, Evidence, void>} */
  *evidence(x) {
    yield* this.ready();
    const memory = this._of(x);
    memory.evidence ??= new Shared(this._evidence(memory.x, memory.coarse));
    return yield* memory.evidence.wait();
  }

  /** @param {Float32Array} x @param {Float64Array} coarse @returns {Generator<number, Evidence, void>} */
  *_evidence(x, coarse) {
    const { chart, n, low, side } = this;
    const likelihood = new LogLikelihood(this.model, x);
    let decodes = 0;
    /** @param {Float64Array} u @returns {Generator<number, Float64Array, void>} */
    function* logJoint(u) {
      const logs = new Float64Array(u.length / 2);
      yield* likelihood.at(
        Float32Array.from(u, (v) => chart.z(v)),
        logs,
      );
      decodes += logs.length;
      return logs.map((v, i) => v + chart.logPrior(u[2 * i]) + chart.logPrior(u[2 * i + 1]));
    }
    /** @type {[number, number]} */
    const origin = [low, low];
    const logs = coarse.map((v, k) => v + this.logPrior[k]);
    const level = yield* refined(logJoint, { origin, side, n, logs }, LIMITS);
    return { ...this._posterior(level), error: level.change, decodes };
  }

  /** @param {import("./lattice.js").Level} level */
  _posterior({ u, logs, side, total }) {
    const { chart } = this;
    const logCell = 2 * Math.log(side);
    const places = [...logs.keys()].filter((k) => logs[k] + logCell > total - 25);
    const mass = Float64Array.from(places, (k) => Math.exp(logs[k] + logCell - total));
    const nodes = new Float64Array(2 * places.length);
    const logPrior = new Float64Array(places.length);
    places.forEach((k, i) => {
      for (const axis of [0, 1]) {
        nodes[2 * i + axis] = chart.z(u[2 * k + axis]);
        logPrior[i] += chart.logPrior(u[2 * k + axis]);
      }
    });
    const likelihood = places.map((k, i) => logs[k] - logPrior[i]);
    const order = likelihood.map((_, i) => i).sort((i, j) => likelihood[j] - likelihood[i]);
    let [held, share] = [0, 0];
    for (const i of order) {
      if (held >= MATTERS) break;
      held += mass[i];
      share += Math.exp(logPrior[i] + logCell);
    }
    return {
      ...moments(nodes, mass),
      ...this._box(nodes, mass, side),
      logP: total,
      share: Math.min(1, share),
      nodes: Float32Array.from(nodes),
      mass: Float32Array.from(mass),
      side,
    };
  }

  /** A padded box that holds almost all of a posterior. @param {Float64Array} nodes @param {Float64Array} mass @param {number} side */
  _box(nodes, mass, side) {
    const { chart } = this;
    const sides = [0, 1].map((axis) => {
      const order = [...mass.keys()].sort((i, j) => nodes[2 * i + axis] - nodes[2 * j + axis]);
      const edge = (/** @type {number[]} */ from) => {
        let outside = 0;
        for (const i of from)
          if ((outside += mass[i]) > HELD / 4) return chart.u(nodes[2 * i + axis]);
        return chart.u(nodes[2 * from[from.length - 1] + axis]);
      };
      const [low, high] = [edge(order), edge(order.reverse())];
      const pad = 0.1 * (high - low) + side;
      return [chart.z(low - pad), chart.z(high + pad)];
    });
    /** @type {{low: [number, number], high: [number, number]}} */
    return { low: [sides[0][0], sides[1][0]], high: [sides[0][1], sides[1][1]] };
  }

  /**
   * log p(x|z) in the middle of n×n cells of a box, rows from the top down (n·n,).
   * @param {Float32Array} x @param {Box} box @returns {Generator<number, Float32Array, void>}
   */
  *field(x, { low, high, n }) {
    const z = new Float32Array(2 * n * n);
    for (let k = 0; k < n * n; k++) {
      z[2 * k] = low[0] + ((high[0] - low[0]) * ((k % n) + 0.5)) / n;
      z[2 * k + 1] = high[1] - ((high[1] - low[1]) * (Math.floor(k / n) + 0.5)) / n;
    }
    if (this._coarsely(low, high, n)) {
      yield* this.ready();
      return this._interpolated(this.coarse(x), z);
    }
    const kept = this._field(z);
    if (kept) {
      yield* kept.fill();
      return Float32Array.from(kept.of(x));
    }
    const logs = new Float64Array(n * n);
    yield* new LogLikelihood(this.model, x).at(z, logs);
    return Float32Array.from(logs);
  }

  /** Kept outputs at the places of a field (n·n, 2), of the last two fields; null where they are too many. @param {Float32Array} z */
  _field(z) {
    if ((z.length / 2) * this.model.shape.size > BYTES / 16) return null;
    const at = this._fields.findIndex((kept) => alike(kept.z, z));
    const kept = at < 0 ? new KeptOutputs(this.model, z) : this._fields.splice(at, 1)[0];
    this._fields.push(kept);
    if (this._fields.length > 2) this._fields.shift();
    return kept;
  }

  /** Whether the coarse lattice is about as fine as n×n cells of a box. @param {ArrayLike<number>} low @param {ArrayLike<number>} high @param {number} n */
  _coarsely(low, high, n) {
    const [from, to] = [this.low, this.low + this.side * (this.n - 1)].map((u) => this.chart.z(u));
    return [0, 1].every((axis) => (high[axis] - low[axis]) / n > 0.5 * ((to - from) / this.n));
  }

  /** Values at coarse nodes, on straight lines between them. @param {Float64Array} values @param {Float32Array} z (m, 2) */
  _interpolated(values, z) {
    const { n } = this;
    const at = (/** @type {number} */ v) => {
      const place = Math.min(n - 1, Math.max(0, (this.chart.u(v) - this.low) / this.side));
      const first = Math.min(n - 2, Math.floor(place));
      return [first, place - first];
    };
    return Float32Array.from({ length: z.length / 2 }, (_, k) => {
      const [i, across] = at(z[2 * k]);
      const [j, up] = at(z[2 * k + 1]);
      const row = (/** @type {number} */ r) =>
        (1 - up) * values[r * n + j] + up * values[r * n + j + 1];
      return (1 - across) * row(i) + across * row(i + 1);
    });
  }
}

/** @param {Float64Array} nodes (n, 2) @param {Float64Array} mass (n,) @returns {{mean: [number, number], covariance: [number, number, number]}} */
function moments(nodes, mass) {
  const sum = (/** @type {(x: number, y: number) => number} */ of) =>
    mass.reduce((all, m, i) => all + m * of(nodes[2 * i], nodes[2 * i + 1]), 0);
  const whole = sum(() => 1);
  const [x, y] = [sum((a) => a) / whole, sum((_, b) => b) / whole];
  return {
    mean: [x, y],
    covariance: [
      sum((a) => (a - x) ** 2) / whole,
      sum((a, b) => (a - x) * (b - y)) / whole,
      sum((_, b) => (b - y) ** 2) / whole,
    ],
  };
}
