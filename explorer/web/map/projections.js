// How z is found on the map: forward, and what stands for an inverse. Arrays only.

/** The nearest of n points in k dimensions, the first among equals. @returns {number} its place */
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

/** The ellipse at `sigmas` standard deviations of N(centre, c) on the map, c = [c11, c12, c22]. */
export function ellipse([cx, cy], [a, b, c], sigmas, corners = 72) {
  const middle = (a + c) / 2;
  const gap = Math.hypot((a - c) / 2, b);
  const angle = 0.5 * Math.atan2(2 * b, a - c);
  const long = sigmas * Math.sqrt(Math.max(0, middle + gap));
  const short = sigmas * Math.sqrt(Math.max(0, middle - gap));
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return Array.from({ length: corners }, (_, i) => {
    const t = (2 * Math.PI * i) / corners;
    const [u, v] = [long * Math.cos(t), short * Math.sin(t)];
    return [cx + cos * u - sin * v, cy + sin * u + cos * v];
  });
}

/** Two latent dimensions, the others seen end on: the cursor sets these two and leaves the rest. */
class Plane {
  constructor({ axes }) {
    [this.i, this.j] = axes;
    this.invertible = true;
  }

  project(z) {
    return [z[this.i], z[this.j]];
  }

  move(z, [x, y]) {
    z[this.i] = x;
    z[this.j] = y;
  }

  covariance({ std }) {
    return [std[this.i] ** 2, 0, std[this.j] ** 2];
  }
}

/** The plane of two principal components: the cursor moves z along them and keeps the residual. */
class Pca {
  constructor({ mean, components }) {
    this.mean = mean;
    this.components = components;
    this.invertible = true;
  }

  project(z) {
    return this.components.map((c) => c.reduce((sum, v, i) => sum + v * (z[i] - this.mean[i]), 0));
  }

  move(z, xy) {
    const [x, y] = this.project(z);
    const [first, second] = this.components;
    for (let i = 0; i < z.length; i++)
      z[i] += (xy[0] - x) * first[i] + (xy[1] - y) * second[i];
  }

  /** How far z lies off the plane, in latent units. */
  residual(z) {
    const [x, y] = this.project(z);
    const [first, second] = this.components;
    let sum = 0;
    for (let i = 0; i < z.length; i++)
      sum += (z[i] - this.mean[i] - x * first[i] - y * second[i]) ** 2;
    return Math.sqrt(sum);
  }

  covariance({ std }) {
    const [first, second] = this.components;
    const sum = (a, b) => a.reduce((s, v, i) => s + v * b[i] * std[i] ** 2, 0);
    return [sum(first, first), sum(first, second), sum(second, second)];
  }
}

/** t-SNE has no inverse: z stands at the image whose code is nearest. */
class Tsne {
  constructor(spec, { x, y, codes }, { code_step: step }) {
    this.invertible = false;
    this.x = x;
    this.y = y;
    this.codes = codes;
    this.step = step;
  }

  /** The place in the figure of the image whose code is nearest to z. */
  at(z) {
    const d = z.length;
    const { codes, step } = this;
    return nearest(this.x.length, d, (i, j) => codes[i * d + j] * step, z);
  }

  /** How far z is from the code of that image, in latent units. */
  distance(z, n) {
    const d = z.length;
    return Math.hypot(...z.map((v, j) => v - this.codes[n * d + j] * this.step));
  }

  project(z) {
    const n = this.at(z);
    return [this.x[n], this.y[n]];
  }
}

const KINDS = { plane: Plane, pca: Pca, "t-sne": Tsne };

/** The view of a map's blob, or null where there is no map. */
export function viewOf({ header, arrays }) {
  const Kind = KINDS[header.view.kind];
  return Kind ? new Kind(header.view, arrays, header) : null;
}
