// Quadrature in one dimension, and over a plane by two such rules. Pure.

/**
 * @typedef {{nodes: Float64Array, weights: Float64Array}} Rule of n nodes (n,); the weights sum to 1, as
 *   those of a mean under a density do
 */

/** log Σ exp(values), without overflow; −∞ of none. @param {ArrayLike<number>} values @param {number} [n] of the first n */
export function logSumExp(values, n = values.length) {
  let top = -Infinity;
  for (let i = 0; i < n; i++) if (values[i] > top) top = values[i];
  if (top === -Infinity || top === Infinity) return top;
  let sum = 0;
  for (let i = 0; i < n; i++) sum += Math.exp(values[i] - top);
  return top + Math.log(sum);
}

/** Turn the rows and columns k and k + 1 of a tridiagonal matrix from `l` to `m`: a sweep of QL. */
function sweep(
  /** @type {Float64Array} */ d,
  /** @type {Float64Array} */ e,
  /** @type {Float64Array} */ first,
  /** @type {number} */ l,
  /** @type {number} */ m,
) {
  let g = (d[l + 1] - d[l]) / (2 * e[l]);
  g = d[m] - d[l] + e[l] / (g + Math.sign(g || 1) * Math.hypot(g, 1));
  let [s, c, p] = [1, 1, 0];
  for (let i = m - 1; i >= l; i--) {
    const f = s * e[i];
    const b = c * e[i];
    const r = Math.hypot(f, g);
    e[i + 1] = r;
    if (r === 0) {
      d[i + 1] -= p;
      e[m] = 0;
      return;
    }
    s = f / r;
    c = g / r;
    g = d[i + 1] - p;
    const t = (d[i] - g) * s + 2 * c * b;
    p = s * t;
    d[i + 1] = g + p;
    g = c * t - b;
    const moved = first[i + 1];
    first[i + 1] = s * first[i] + c * moved;
    first[i] = c * first[i] - s * moved;
  }
  d[l] -= p;
  e[l] = g;
  e[m] = 0;
}

/**
 * The Gauss rule of a density whose orthogonal polynomials have these recurrence coefficients: eigenvalues of
 * their tridiagonal matrix and the squares of the first components of its eigenvectors, by implicit QL.
 * Source: Golub & Welsch (1969).
 * @param {Float64Array} diagonal (n,) @param {Float64Array} beside (n,), of which the last is 0; both overwritten
 * @returns {Rule}
 */
function golubWelsch(diagonal, beside) {
  const n = diagonal.length;
  const first = new Float64Array(n);
  first[0] = 1;
  for (let l = 0; l < n; l++)
    for (let turn = 0; turn < 60; turn++) {
      let m = l;
      while (m < n - 1) {
        const size = Math.abs(diagonal[m]) + Math.abs(diagonal[m + 1]);
        if (Math.abs(beside[m]) <= Number.EPSILON * size) break;
        m += 1;
      }
      if (m === l) break;
      sweep(diagonal, beside, first, l, m);
    }
  return { nodes: diagonal, weights: first.map((v) => v * v) };
}

/** @type {Map<number, Rule>} */
const hermite = new Map();

/** The Gauss–Hermite rule of the standard normal density. @param {number} n nodes @returns {Rule} */
export function gaussHermite(n) {
  const known = hermite.get(n);
  if (known) return known;
  const beside = new Float64Array(n);
  for (let k = 1; k < n; k++) beside[k - 1] = Math.sqrt(k);
  const made = golubWelsch(new Float64Array(n), beside);
  hermite.set(n, made);
  return made;
}

/** The Gauss–Laguerre rule of the density Gamma(shape, 1). @param {number} n nodes @param {number} shape @returns {Rule} */
export function gaussLaguerre(n, shape) {
  const diagonal = Float64Array.from({ length: n }, (_, k) => 2 * k + shape);
  const beside = new Float64Array(n);
  for (let k = 1; k < n; k++) beside[k - 1] = Math.sqrt(k * (k + shape - 1));
  const { nodes, weights } = golubWelsch(diagonal, beside);
  return { nodes: nodes.map((v) => Math.max(v, 1e-300)), weights };
}

/**
 * The trapezoid rule of a density that decays at both ends: n equal steps between two places. It
 * converges exponentially where the density is smooth (Trefethen & Weideman 2014).
 * @param {(u: number) => number} logDensity up to a constant @param {number} low @param {number} high @param {number} n
 * @returns {Rule}
 */
export function trapezoid(logDensity, low, high, n) {
  const nodes = Float64Array.from({ length: n }, (_, k) => low + ((high - low) * k) / (n - 1));
  const logs = nodes.map(logDensity);
  const total = logSumExp(logs);
  return { nodes, weights: logs.map((v) => Math.exp(v - total)) };
}

/**
 * Where a unimodal log density has fallen by so much, on either side of its mode.
 * @param {(u: number) => number} logDensity @param {number} mode @param {number} scale about its width @param {number} fall in nats
 * @returns {[number, number]}
 */
export function ends(logDensity, mode, scale, fall) {
  const level = logDensity(mode) - fall;
  const [low, high] = [-1, 1].map((side) => {
    let [near, far] = [0, scale];
    while (logDensity(mode + side * far) > level) [near, far] = [far, 2 * far];
    for (let k = 0; k < 40; k++) {
      const middle = (near + far) / 2;
      if (logDensity(mode + side * middle) > level) near = middle;
      else far = middle;
    }
    return mode + side * far;
  });
  return [low, high];
}
