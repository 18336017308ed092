// The terms of all images of a scene, which the server computes in pieces when they are asked for.

import { PayloadError, fetchBlob } from "./blobs.js";

/**
 * What the page says of them: the beginning of their pieces' paths, how many images a piece has, and the number of the first of
 * those pieces that are there soon, without log p(x); by what
 * `method` log p(x) is had ("plane": an integral, "samples": a bound by `k` of them, "term": not at all); whether
 * q(z|x) has a `density`; the likelihood's `constant`; what the sum is called, and its unit; and other sets, of which each is
 * the piece of a number.
 * @typedef {{path: string, images: number, per_piece: number, soon: number, method: "plane" | "samples" | "term", k: number,
 *   density: boolean, constant: number, total: string, unit: string,
 *   beside: {title: string, number: number}[]}} TermFacts
 *
 * @typedef {"total" | "reconstruction" | "kl" | "gap" | "evidence"} TermName
 * @typedef {Record<TermName, Float32Array>} Values of each term (n,); NaN where it has not come
 *
 * @typedef {object} Term
 * @property {TermName} name
 * @property {string} title as it stands on the screen
 * @property {string} order what comes first of it
 * @property {string} note in a sentence
 */

const SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉";

/** L with its number of samples. @param {number} k */
export const boundName = (k) =>
  "L" + String(k).replace(/\d/g, (digit) => SUBSCRIPTS[Number(digit)]);

/** The terms that there are for a model, in the order of the list. @param {TermFacts} facts @returns {Term[]} */
export function termsOf({ method, k, density, total, unit }) {
  const bound = boundName(k);
  const exact = method === "plane";
  /** @type {Term[]} */
  const found = [
    {
      name: "total",
      title: density ? total : "reconstruction",
      order: "worst",
      note: density ? `the mean over q(z|x) of the reconstruction, and the KL` : `in ${unit}`,
    },
  ];
  if (!density) return found;
  found.push(
    {
      name: "reconstruction",
      title: "reconstruction",
      order: "worst",
      note: `the mean of the reconstruction term over q(z|x), in ${unit}`,
    },
    { name: "kl", title: "KL", order: "highest", note: "KL(q(z|x) ‖ p(z)), in closed form" },
  );
  if (method === "term") return found;
  found.push(
    {
      name: "gap",
      title: exact ? "KL(q ‖ p(z|x))" : `${bound} − ELBO`,
      order: "poorest fit",
      note: exact
        ? "how far q(z|x) is from the true posterior: log p(x) − ELBO"
        : `at least so far is q(z|x) from the true posterior, since log p(x) ≥ ${bound}`,
    },
    {
      name: "evidence",
      title: exact ? "−log p(x)" : `−${bound}`,
      order: "least likely",
      note: exact
        ? "by an integral over the latent plane"
        : `a bound on −log p(x) by ${k} samples of q(z|x)`,
    },
  );
  return found;
}

/** @param {import("./blob_types.js").TermsArrays} arrays @param {number} constant @returns {Values} */
export function valuesOf({ reconstruction, kl, log_p }, constant) {
  const total = kl.map((v, i) => v + reconstruction[i] + constant);
  const evidence = kl.map((_, i) => (log_p ? -log_p[i] : NaN));
  const gap = total.map((v, i) => v - evidence[i]);
  return { total, reconstruction, kl, gap, evidence };
}

/** The mean of some numbers. @param {ArrayLike<number>} values */
export function meanOf(values) {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i];
  return sum / values.length;
}

/** Those that are numbers. @param {Float32Array} values */
export const known = (values) => values.filter((v) => !Number.isNaN(v));

/** Quantiles of the numbers among values, some of which may be NaN. @param {Float32Array} values @param {number[]} shares */
export function quantiles(values, shares) {
  const sorted = known(values).sort();
  return shares.map((share) => sorted[Math.round(share * (sorted.length - 1))]);
}

export class ImageTerms {
  /** @param {TermFacts} facts @param {string} root that their paths are relative to */
  constructor(facts, root) {
    this.facts = facts;
    this.root = root;
    this.terms = termsOf(facts);
    const empty = () => new Float32Array(facts.images).fill(NaN);
    /** @type {Values} */
    this.values = {
      total: empty(),
      reconstruction: empty(),
      kl: empty(),
      gap: empty(),
      evidence: empty(),
    };
    /** How many images' terms have come, the first ones; and of how many there is −ELBO, which comes sooner. */
    this.come = this.begun = 0;
    /** How much of the next piece is made. */
    this.share = 0;
    /** What log p(x) may be wrong by, of those that have come, one behind the other. @type {Float32Array[]} */
    this.errors = [];
    this.stopping = new AbortController();
    /** @type {Promise<void> | null} */
    this.coming = null;
    /** Other sets' values, by their numbers. @type {Map<number, Values>} */
    this.others = new Map();
  }

  get whole() {
    return this.come >= this.facts.images;
  }

  /** Fetch what has not come, piece after piece. @param {() => void} changed @returns {Promise<void>} */
  fetch(changed) {
    if (this.stopping.signal.aborted) this.stopping = new AbortController();
    this.coming ??= this._fetch(changed, this.stopping.signal).finally(() => {
      this.coming = null;
    });
    return this.coming;
  }

  /** Nobody looks any more: what is not here yet is not made. */
  stop() {
    this.stopping.abort();
  }

  /** @param {() => void} changed @param {AbortSignal} signal */
  async _fetch(changed, signal) {
    const { images, method, soon } = this.facts;
    if (method !== "term")
      while (this.begun < images && !signal.aborted)
        this.begun += (await this._take(soon, this.begun, changed, signal)).count;
    while (!this.whole && !signal.aborted) {
      const { count, errors } = await this._take(0, this.come, changed, signal);
      this.errors.push(errors);
      this.come += count;
      this.begun = Math.max(this.begun, this.come);
      this.share = 0;
      changed();
    }
  }

  /** Fetch the piece that begins with an image. @param {number} base @param {number} first @param {() => void} changed @param {AbortSignal} signal */
  async _take(base, first, changed, signal) {
    const number = base + first / this.facts.per_piece;
    const { header, arrays } = await this._piece(number, changed, signal);
    const { count } = header;
    if (header.first !== first || first + count > this.facts.images)
      throw new PayloadError("The terms do not fit the images; reload the page.");
    const found = valuesOf(arrays, this.facts.constant);
    for (const { name } of this.terms) this.values[name].set(found[name], first);
    queueMicrotask(changed);
    return { count, errors: arrays.log_p_error };
  }

  /** @param {number} number @param {() => void} changed @param {AbortSignal} signal */
  _piece(number, changed, signal) {
    const url = new URL(`${this.facts.path}${number}`, this.root).href;
    const progress = (/** @type {number} */ share) => {
      this.share = share;
      changed();
    };
    return fetchBlob(url, "terms", progress, signal);
  }

  /** How much is done of what takes long, in [0, 1]. */
  get done() {
    const { images, per_piece: per } = this.facts;
    return (this.come + this.share * Math.min(per, images - this.come)) / images;
  }

  /** What log p(x) may be wrong by, of a share of the images that have come. @param {number} share */
  errorWithin(share) {
    const all = new Float32Array(this.errors.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of this.errors) {
      all.set(part, at);
      at += part.length;
    }
    return all.length ? quantiles(all, [share])[0] : NaN;
  }

  /** The terms of another set's images. @param {number} number @param {(share: number) => void} progress @param {AbortSignal} signal */
  async besides(number, progress, signal) {
    const known = this.others.get(number);
    if (known) return known;
    const url = new URL(`${this.facts.path}${number}`, this.root).href;
    const { arrays } = await fetchBlob(url, "terms", progress, signal);
    const found = valuesOf(arrays, this.facts.constant);
    this.others.set(number, found);
    return found;
  }
}
