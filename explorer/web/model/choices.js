// Choices beside a continuous code, as choices.py has them: labels that a model is given, and categorical
// latents. In a code they come last, each as the number of its option.

/**
 * @typedef {import("./families.js").LatentFamily} LatentFamily
 * @typedef {import("./families.js").FamilyPosterior} FamilyPosterior
 * @typedef {import("./random.js").Draw} Draw
 * @typedef {import("./blob_types.js").ChoiceHeader} Choice
 * @typedef {FamilyPosterior & {continuous: FamilyPosterior, chances: (Float32Array | null)[]}} ChoicePosterior
 *   `mu` (d,) with the likeliest option of each choice, `std` 0 there; the continuous part alone; and
 *   the probabilities of a categorical latent's options, null for a label
 */

/** The place of the largest number, the first among equals. @param {ArrayLike<number>} values */
function largest(values) {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}

/** A number evenly between 0 and 1, of a standard normal one. @param {number} t */
export function normalShare(t) {
  // Abramowitz & Stegun (1964), 26.2.17: to 1e-7
  const k = 1 / (1 + 0.2316419 * Math.abs(t));
  const tail = [1.330274429, -1.821255978, 1.781477937, -0.356563782, 0.31938153].reduce(
    (sum, term) => (sum + term) * k,
    0,
  );
  const beyond = (tail * Math.exp((-t * t) / 2)) / Math.sqrt(2 * Math.PI);
  return t > 0 ? 1 - beyond : beyond;
}

/** Numbers with others behind them. @param {Float32Array} first @param {ArrayLike<number>} second */
function joined(first, second) {
  const found = new Float32Array(first.length + second.length);
  found.set(first);
  found.set(second, first.length);
  return found;
}

/** @implements {LatentFamily} */
export class WithChoices {
  /** @param {LatentFamily} family of the continuous numbers @param {Choice[]} choices */
  constructor(family, choices) {
    this.family = family;
    this.choices = choices;
    this.mean = family.mean;
    this.std = family.std;
    this.low = family.low;
    this.hasDensity = family.hasDensity;
    this.draw = family.draw;
    this.drawn = family.drawn;
  }

  /**
   * @param {Float32Array} out the family's numbers, then the probabilities of each categorical latent
   * @param {number} d @param {number[]} [labels] the options of the labels, in their order
   * @returns {ChoicePosterior}
   */
  posterior(out, d, labels = []) {
    const continuous = this.family.posterior(out, d - this.choices.length);
    const sizes = this.choices.map(({ kind, options }) =>
      kind === "categorical" ? options.length : 0,
    );
    let at = out.length - sizes.reduce((a, b) => a + b, 0);
    let given = 0;
    const chances = sizes.map((size) => (size ? out.slice(at, (at += size)) : null));
    const options = chances.map((row) => (row ? largest(row) : (labels[given++] ?? 0)));
    return {
      mu: joined(continuous.mu, options),
      std: joined(continuous.std, new Float32Array(options.length)),
      continuous,
      chances,
    };
  }

  /** @param {number} t */
  fromStandardNormal(t) {
    return this.family.fromStandardNormal(t);
  }

  /** @param {number} z */
  toStandardNormal(z) {
    return this.family.toStandardNormal(z);
  }

  /** In each dimension; log K less the entropy of a categorical latent. @param {ChoicePosterior} posterior */
  kl({ continuous, chances }) {
    const options = chances.map((row) => {
      if (!row) return 0;
      return row.reduce((sum, p) => sum + (p > 0 ? p * Math.log(p) : 0), Math.log(row.length));
    });
    return joined(this.family.kl(continuous), options);
  }

  /** @param {Float32Array} z (d,) @param {ChoicePosterior} posterior */
  logRatio(z, { continuous, chances }) {
    const first = z.length - chances.length;
    let sum = this.family.logRatio(z.subarray(0, first), continuous);
    chances.forEach((row, n) => {
      if (row) sum += Math.log(Math.max(row[z[first + n]], 1e-30) * row.length);
    });
    return sum;
  }

  /** log p(z), nats: of a choice all options are equally likely. @param {Float32Array} z (d,) */
  logPrior(z) {
    const latent = this.choices.filter(({ kind }) => kind === "categorical");
    const own = this.family.logPrior(z.subarray(0, z.length - this.choices.length));
    return latent.reduce((sum, { options }) => sum - Math.log(options.length), own);
  }

  /** @param {Float32Array} z (d,) @param {ChoicePosterior} posterior */
  logPosterior(z, posterior) {
    return this.logRatio(z, posterior) + this.logPrior(z);
  }

  /** Of the continuous dimensions. @param {Float32Array} mu @param {Float32Array} std */
  withMoments(mu, std) {
    return this.family.withMoments(mu, std);
  }

  /** @param {ChoicePosterior} posterior @param {Draw} normal */
  sample({ mu, continuous, chances }, normal) {
    const z = this.family.sample(continuous, normal);
    const options = chances.map((row, n) => {
      if (!row) return mu[z.length + n];
      let left = normalShare(normal()) * row.reduce((a, b) => a + b, 0);
      for (let k = 0; k < row.length; k++) if ((left -= row[k]) <= 0) return k;
      return largest(row);
    });
    return joined(z, options);
  }

  /** Make the choices of a code options that there are. @param {Float32Array} z (d,), changed in place */
  settle(z) {
    this.choices.forEach(({ options }, n) => {
      const at = z.length - this.choices.length + n;
      z[at] = Math.min(options.length - 1, Math.max(0, Math.round(z[at]) || 0));
    });
    return z;
  }
}

/**
 * The labels that a model is given with an image: its class, where that is what the model takes; otherwise
 * the first of each, as the codes of a map have them.
 * @param {import("./vae.js").Vae} vae @param {import("./pictures.js").Pictures} pictures @param {number} image
 */
export function labelsOf({ prior }, { classes, labels }, image) {
  const own = prior.choices?.filter(({ kind }) => kind === "label") ?? [];
  const fits = own.length === 1 && own[0].options.length === classes.length;
  return fits ? [labels[image]] : [];
}
