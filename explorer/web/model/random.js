// Random numbers, and the moments of numbers that come one at a time.

/** @typedef {() => number} Draw a number at each call */

/**
 * Standard normal numbers (Box & Muller 1958) from uniform ones.
 * @param {Draw} [uniform] numbers in [0, 1)
 * @returns {Draw}
 */
export function normals(uniform = Math.random) {
  /** @type {number | null} */
  let spare = null;
  return () => {
    if (spare !== null) {
      const value = spare;
      spare = null;
      return value;
    }
    const r = Math.sqrt(-2 * Math.log(1 - uniform()));
    const angle = 2 * Math.PI * uniform();
    spare = r * Math.sin(angle);
    return r * Math.cos(angle);
  };
}

/**
 * Uniform numbers in [0, 1) that a seed repeats (Marsaglia's xorshift32, 2003).
 * @param {number} seed a whole number
 * @returns {Draw}
 */
export function seeded(seed) {
  let s = (seed * 2654435761) >>> 0 || 1;
  return () => {
    s ^= s << 13;
    s ^= s >>> 17;
    s ^= s << 5;
    return (s >>> 0) / 4294967296;
  };
}

/** Mean and standard error of numbers that come one at a time (Welford 1962). */
export class Running {
  constructor() {
    this.n = 0;
    this.mean = 0;
    this._m2 = 0; // the sum of squared distances from the mean
  }

  /** @param {number} value */
  add(value) {
    this.n += 1;
    const before = value - this.mean;
    this.mean += before / this.n;
    this._m2 += before * (value - this.mean);
  }

  /** The standard error of the mean; Infinity for fewer than two numbers. */
  get error() {
    return this.n > 1 ? Math.sqrt(this._m2 / (this.n - 1) / this.n) : Infinity;
  }
}
