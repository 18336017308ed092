// A sparse lattice over a plane, refined where an integrand is large.

import { logSumExp } from "./quadrature.js";

/**
 * @typedef {(u: Float64Array) => Generator<number, Float64Array, void>} Integrand its logarithm at
 *   places (n, 2) → (n,), in pieces
 * @typedef {{u: Float64Array, logs: Float64Array, side: number, total: number, change: number}} Level places
 *   (n, 2) with equal spacing, logs of the integrand (n,), the log of the integral by the trapezoid rule, and how
 *   much that changes at most from twice the spacing, wherever the wider lattice begins
 */

const WIDE = 2 ** 22; // more than a row has places
const AROUND = [-1, 0, 1].flatMap((i) => [-1, 0, 1].map((j) => [i, j]));

/** The nodes of a lattice that are known, by their whole-numbered places. */
class Known {
  /** @param {[number, number]} origin @param {number} side */
  constructor(origin, side) {
    this.origin = origin;
    this.side = side;
    /** @type {Map<number, number>} */
    this.logs = new Map();
    this.top = -Infinity;
  }

  /** @param {number} key @param {number} value */
  put(key, value) {
    this.logs.set(key, value);
    if (value > this.top) this.top = value;
  }

  /** Places of nodes. @param {number[]} keys */
  places(keys) {
    const u = new Float64Array(2 * keys.length);
    keys.forEach((key, n) => {
      const [i, j] = placeOf(key);
      u[2 * n] = this.origin[0] + this.side * i;
      u[2 * n + 1] = this.origin[1] + this.side * j;
    });
    return u;
  }

  /** @returns {Level} */
  level() {
    const keys = [...this.logs.keys()];
    const logs = Float64Array.from(this.logs.values());
    const sum = logSumExp(logs);
    // Four wider lattices lie in this one. What they say differs by three waves, which may cancel in one
    // of the four.
    const parts = [0, 0, 0, 0];
    keys.forEach((key, n) => {
      const [i, j] = placeOf(key);
      parts[2 * (i & 1) + (j & 1)] += Math.exp(logs[n] - sum);
    });
    const [a, b, c, d] = parts;
    const change = Math.abs(a + b - c - d) + Math.abs(a - b + c - d) + Math.abs(a - b - c + d);
    const total = sum + 2 * Math.log(this.side);
    return { u: this.places(keys), logs, side: this.side, total, change };
  }

  /** Half the spacing, with what is known at it. @param {number} cut nats below the highest, where nodes are dropped */
  halved(cut) {
    const made = new Known(this.origin, this.side / 2);
    for (const [key, value] of this.logs) {
      const [i, j] = placeOf(key);
      if (value > this.top - cut) made.put(keyOf(2 * i, 2 * j), value);
    }
    return made;
  }
}

/** @param {number} i @param {number} j */
const keyOf = (i, j) => (i + WIDE / 2) * WIDE + j + WIDE / 2;
/** @param {number} key */
const placeOf = (key) => [Math.floor(key / WIDE) - WIDE / 2, (key % WIDE) - WIDE / 2];

/**
 * Give neighbours to all nodes that are within `cut` nats of the highest, and to those of these that are.
 * @param {Known} known @param {Integrand} integrand @param {number} cut
 * @returns {Generator<number, void, void>}
 */
function* grow(known, integrand, cut) {
  let active = [...known.logs.keys()];
  while (active.length) {
    /** @type {Set<number>} */
    const missing = new Set();
    for (const key of active) {
      if (/** @type {number} */ (known.logs.get(key)) < known.top - cut) continue;
      const [i, j] = placeOf(key);
      for (const [across, up] of AROUND) {
        const beside = keyOf(i + across, j + up);
        if (!known.logs.has(beside)) missing.add(beside);
      }
    }
    active = [...missing];
    const logs = yield* integrand(known.places(active));
    active.forEach((key, n) => known.put(key, logs[n]));
  }
}

/**
 * The integral of a function over a plane, by the trapezoid rule on a lattice whose spacing is halved until
 * the integral changes by a share less than `tolerance`: for a smooth integrand that decays, the rule
 * converges exponentially (Trefethen & Weideman 2014).
 * @param {Integrand} integrand
 * @param {{origin: [number, number], side: number, n: number, logs: Float64Array}} coarse the first
 *   lattice, n×n nodes from the origin up, the second coordinate running fastest, and the integrand there
 * @param {{cuts: number[], tolerance: number, depth: number}} limits how many nats below the highest nodes
 *   get neighbours: at the coarse lattice, at its half, … (the last for all that follow), and most halvings
 * @returns {Generator<number, Level, void>} the last level
 */
export function* refined(integrand, { origin, side, n, logs }, { cuts, tolerance, depth }) {
  let known = new Known(origin, side);
  logs.forEach((value, k) => known.put(keyOf(Math.floor(k / n), k % n), value));
  for (let turn = 0; ; turn++) {
    const cut = cuts[Math.min(turn, cuts.length - 1)];
    known = known.halved(cut);
    yield* grow(known, integrand, cut);
    const level = known.level();
    if (level.change < tolerance || turn + 1 >= depth) return level;
    yield (turn + 1) / depth;
  }
}
