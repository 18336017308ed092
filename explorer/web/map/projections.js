// Projections of the latent space: where a code lies on the map, and what stands for an inverse. Arrays
// only.

/** @typedef {import("../model/blob_types.js").MapBlob} MapBlob */
/** @typedef {import("../model/blob_types.js").MapArrays} MapArrays */
/** @typedef {{std: ArrayLike<number>}} Spread standard deviations of q(z|x), (d,) */
/** Variance across, covariance, variance up. @typedef {[number, number, number]} Covariance */

/**
 * The nearest of n points in k dimensions, the first among equals.
 * @param {number} n
 * @param {number} k
 * @param {(i: number, j: number) => number} at coordinate j of point i
 * @param {ArrayLike<number>} target (k,)
 * @returns {number} its number; -1 where there is none
 */
export function nearest(n, k, at, target) {
  let best = -1;
  let least = Infinity;
  for (let i = 0; i < n; i++) {
    let sum = 0;
    for (let j = 0; j < k; j++) {
      const gap = at(i, j) - target[j];
      sum += gap * gap;
    }
    if (sum < least) {
      least = sum;
      best = i;
    }
  }
  return best;
}

/**
 * The ellipse of N(centre, covariance) at a number of standard deviations, as a polygon.
 * @param {ArrayLike<number>} centre
 * @param {Covariance} covariance
 * @param {number} sigmas
 * @param {number} corners
 */
export function ellipse(centre, [a, b, c], sigmas, corners = 72) {
  const middle = (a + c) / 2;
  const gap = Math.hypot((a - c) / 2, b);
  const angle = 0.5 * Math.atan2(2 * b, a - c);
  const long = sigmas * Math.sqrt(Math.max(0, middle + gap));
  const short = sigmas * Math.sqrt(Math.max(0, middle - gap));
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return Array.from({ length: corners }, (_, i) => {
    const t = (2 * Math.PI * i) / corners;
    const [u, v] = [long * Math.cos(t), short * Math.sin(t)];
    return [centre[0] + cos * u - sin * v, centre[1] + sin * u + cos * v];
  });
}

/**
 * Where a Gaussian prior is one and two standard deviations wide, as polygons; none of another prior.
 * @param {any} projection of this file
 * @param {{mean: number, std: number, low: number, hasDensity: boolean}} prior @param {number} d
 */
export function contours(projection, { mean, std, low, hasDensity }, d) {
  if (low > -Infinity || !hasDensity) return [];
  const [middle, spread] = [mean, std].map((value) => new Float32Array(d).fill(value));
  const covariance = projection.covariance({ std: spread });
  return [1, 2].map((s) => ellipse(projection.project(middle), covariance, s));
}

/** Two latent dimensions, the others seen end on: a move sets these two and leaves the rest. */
class Plane {
  /** @param {{axes: number[]}} view */
  constructor({ axes }) {
    this.i = axes[0];
    this.j = axes[1];
    this.invertible = true;
  }

  /** @param {ArrayLike<number>} z (d,) */
  project(z) {
    return [z[this.i], z[this.j]];
  }

  /** @param {Float32Array} z changed in place @param {ArrayLike<number>} xy */
  move(z, xy) {
    z[this.i] = xy[0];
    z[this.j] = xy[1];
  }

  /** @param {Spread} posterior @returns {Covariance} */
  covariance({ std }) {
    return [std[this.i] ** 2, 0, std[this.j] ** 2];
  }
}

/** @typedef {{code_step?: number, dims?: import("../model/blob_types.js").Dimension[]}} Header of a map */

/** How many choices a code ends in: between options there is no distance. @param {Header} header */
const choicesOf = ({ dims = [] }) => dims.filter(({ choice }) => choice).length;

/** The plane of two principal components: a move goes along them and keeps the residual. */
class Pca {
  /** @param {{mean: number[], components: number[][]}} view @param {MapArrays} _arrays @param {Header} header */
  constructor({ mean, components }, _arrays, header) {
    this.choices = choicesOf(header);
    this.mean = mean;
    this.components = components;
    this.invertible = true;
  }

  /** @param {ArrayLike<number>} z (d,) */
  project(z) {
    return this.components.map((c) => c.reduce((sum, v, i) => sum + v * (z[i] - this.mean[i]), 0));
  }

  /** @param {Float32Array} z changed in place @param {ArrayLike<number>} xy */
  move(z, xy) {
    const [x, y] = this.project(z);
    const [first, second] = this.components;
    for (let i = 0; i < z.length; i++) z[i] += (xy[0] - x) * first[i] + (xy[1] - y) * second[i];
  }

  /** How far z lies off the plane, in latent units. @param {ArrayLike<number>} z (d,) */
  residual(z) {
    const [x, y] = this.project(z);
    const [first, second] = this.components;
    let sum = 0;
    for (let i = 0; i < z.length - this.choices; i++)
      sum += (z[i] - this.mean[i] - x * first[i] - y * second[i]) ** 2;
    return Math.sqrt(sum);
  }

  /** @param {ArrayLike<number>} z (d,) */
  note(z) {
    if (z.length < 3) return ""; // nothing lies off the plane
    return (
      `The ring is z's shadow: z lies ${this.residual(z).toFixed(2)} latent units off this plane, ` +
      "and a drag keeps that."
    );
  }

  /** @param {Spread} posterior @returns {Covariance} */
  covariance({ std }) {
    const [first, second] = this.components;
    const sum = (/** @type {number[]} */ a, /** @type {number[]} */ b) =>
      a.reduce((s, v, i) => s + v * b[i] * std[i] ** 2, 0);
    return [sum(first, first), sum(first, second), sum(second, second)];
  }
}

/** t-SNE has no inverse: z is at the image whose code is nearest. */
class Tsne {
  /** @param {unknown} _view @param {MapArrays} arrays @param {Header} header */
  constructor(_view, { x, y, codes }, header) {
    const { code_step: step = 1 } = header;
    this.choices = choicesOf(header);
    this.invertible = false;
    this.title = "t-SNE";
    this.x = x;
    this.y = y;
    this.codes = codes ?? new Int16Array(0);
    this.step = step;
  }

  /** The code nearest to z. @param {ArrayLike<number>} z (d,) */
  at(z) {
    const d = z.length;
    const { codes, step } = this;
    return nearest(this.x.length, d - this.choices, (i, j) => codes[i * d + j] * step, z);
  }

  /** How far z is from code n, in latent units. @param {ArrayLike<number>} z (d,) @param {number} n */
  distance(z, n) {
    const d = z.length;
    const off = Array.from(z, (v, j) => v - this.codes[n * d + j] * this.step);
    return Math.hypot(...off.slice(0, d - this.choices));
  }

  /** @param {ArrayLike<number>} z (d,) */
  project(z) {
    const n = this.at(z);
    return [this.x[n], this.y[n]];
  }
}

/**
 * A row a projection, by the name that a map's blob gives it. It can `project` a code (d,) to a place; where
 * it is `invertible`, `move` a code to a place, in place, and give the `covariance` of q(z|x) there; else
 * say which code is `at` z, and its `distance`. A `note` is a sentence about z on the map.
 * @type {Record<string, new (view: any, arrays: MapArrays, header: any) => any>}
 */
const KINDS = { plane: Plane, pca: Pca, "t-sne": Tsne };

/** The projection of a map's blob, or null where there is no map. @param {MapBlob} blob */
export function viewOf({ header, arrays }) {
  const Kind = KINDS[header.view.kind];
  return Kind ? new Kind(header.view, arrays, header) : null;
}
