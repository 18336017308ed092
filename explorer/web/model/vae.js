// The VAE: x → q(z|x) → z → x̂, and its terms in nats. Knows nothing of the screen.

import { sizeOf } from "../engine/layout.js";
import { ready } from "../engine/ops.js";
import { Network } from "../engine/program.js";
import { latentFamily } from "./families.js";
import { Features } from "./features.js";
import { ImageShape } from "./image_shape.js";
import { LIKELIHOODS, mean } from "./likelihoods.js";

/**
 * @typedef {import("./families.js").FamilyPosterior & {klPerDim: Float32Array, kl: number}} Posterior
 *   q(z|x) in each dimension, and its KL to the prior in nats
 * @typedef {import("./blob_types.js").LikelihoodHeader} LikelihoodHeader
 */

/**
 * All weights of a model's blob, as float32. Two planes of bfloat16 are put together again.
 * @param {import("./blob_types.js").ModelArrays} arrays
 */
function weightsOf({ weights, exponents, mantissas }) {
  if (!exponents || !mantissas) return weights ?? new Float32Array(0);
  const halves = exponents.length;
  const bits = new Uint32Array(halves + (weights?.length ?? 0));
  for (let i = 0; i < halves; i++) {
    const turned = (exponents[i] << 8) | mantissas[i];
    bits[i] = ((turned >>> 1) | ((turned & 1) << 15)) << 16;
  }
  const found = new Float32Array(bits.buffer);
  if (weights) found.set(weights, halves);
  return found;
}

/**
 * The tensors of a model's or an encoder's blob, by their names.
 * @param {import("./blob_types.js").ModelBlob | import("./blob_types.js").EncoderBlob} blob
 * @param {import("../engine/program.js").Tensors} [lender] the model's, of which an encoder has some
 * @returns {import("../engine/program.js").Tensors}
 */
function tensorsOf({ header, arrays }, lender) {
  const { tensors } = header;
  const borrowed = "borrowed" in header ? header.borrowed : {};
  const weights = weightsOf(arrays);
  return (name) => {
    if (lender && Object.hasOwn(borrowed, name)) {
      const [other, shape] = borrowed[name];
      return { shape, data: lender(other).data };
    }
    if (!Object.hasOwn(tensors, name)) throw new Error(`a tensor ${name}, which is not there`);
    const [first, shape] = tensors[name];
    return { shape, data: weights.subarray(first, first + sizeOf(shape)) };
  };
}

/**
 * Cross-entropy for a term that has no function here yet, and said to be just that.
 * @param {LikelihoodHeader} likelihood
 * @returns {LikelihoodHeader}
 */
const standIn = ({ formula, title }) => ({
  name: "bernoulli",
  title,
  formula: `BCE(x̂, x) instead of ${formula}, which is not computed here`,
  constant: null,
  unit: "nats",
  total: "their sum",
});

export class Vae {
  /** The model of a blob, when the engine has all that it takes. @param {import("./blob_types.js").ModelBlob} blob */
  static async of(blob) {
    const { encoder, decoder } = blob.header;
    await ready(...(encoder && encoder !== "apart" ? [encoder] : []), decoder);
    return new Vae(blob);
  }

  /** @param {import("./blob_types.js").ModelBlob} blob */
  constructor(blob) {
    const { header } = blob;
    this.name = header.name;
    /** The number of latent dimensions. */
    this.d = header.latent_dim;
    this.shape = new ImageShape(header.shape);
    this.prior = latentFamily(header.prior);
    const tensors = (this._tensors = tensorsOf(blob));
    const { encoder } = header;
    /** Whether there is an encoder, here or on its way. */
    this.encodes = encoder !== null;
    this._encoder = encoder && encoder !== "apart" ? new Network(encoder, tensors) : null;
    /** What it makes of some images, by their numbers, until it has come. @type {Map<number, Float32Array>} */
    this._heads = new Map();
    /** The codes that a decoder alone came with, (n, d). */
    this.codes = blob.arrays.codes ?? null;
    this._decoder = new Network(header.decoder, tensors);
    const { likelihood } = header;
    this.likelihood = Object.hasOwn(LIKELIHOODS, likelihood.name)
      ? likelihood
      : standIn(likelihood);
    this._term = LIKELIHOODS[this.likelihood.name];
    this._features = header.features ? new Features(header.features, tensors) : null;
  }

  /** About how long a decode takes, in milliseconds. */
  get decodeMs() {
    return this._decoder.predictedMs;
  }

  /** About how long the reconstruction term takes where it goes through a classifier. */
  get termMs() {
    return this._features ? this._features.predictedMs : 0;
  }

  /** Take the encoder, which comes after the model. @param {import("./blob_types.js").EncoderBlob} blob */
  async takeEncoder(blob) {
    if (this._encoder) return;
    await ready(blob.header.program);
    this._encoder = new Network(blob.header.program, tensorsOf(blob, this._tensors));
    this._heads.clear();
  }

  /** Take what the encoder makes of some images. @param {import("./blob_types.js").FirstBlob} blob */
  takeHeads({ header: { images }, arrays: { heads } }) {
    const size = heads.length / images.length;
    if (!this._encoder)
      images.forEach((n, k) => this._heads.set(n, heads.subarray(k * size, (k + 1) * size)));
  }

  /** Whether q(z|x) of an image can be had now; of any x, which has no number, once there is the encoder. @param {number | null} number */
  knows(number) {
    return !this.encodes || this._encoder !== null || (number !== null && this._heads.has(number));
  }

  /** Whether q(z|x) is a distribution: there is an encoder, and it gives a variance. */
  get hasPosterior() {
    return this.encodes && this.prior.hasDensity;
  }

  /** The labels in a code, in their order. @param {Float32Array} z */
  labelsIn(z) {
    const choices = this.prior.choices ?? [];
    const options = z.subarray(this.d - choices.length);
    return [...options].filter((_, n) => choices[n].kind === "label");
  }

  /** How many labels encoder and decoder are given. */
  get given() {
    return (this.prior.choices ?? []).filter(({ kind }) => kind === "label").length;
  }

  /**
   * q(z|x) of an image.
   * @param {Float32Array} x (c·h·w,), values in [0, 1]
   * @param {number[]} [labels] the option of each label
   * @param {number | null} [number] of the image
   * @returns {Posterior}
   */
  encode(x, labels = [], number = null) {
    if (!this._encoder) {
      const head = number === null ? undefined : this._heads.get(number);
      if (!head) throw new Error("no encoder gives a code of x");
      return this._withKl(this.prior.posterior(head, this.d, labels));
    }
    const { given } = this;
    let input = x;
    if (given) {
      input = new Float32Array(x.length + given);
      input.set(x);
      input.set(labels.slice(0, given), x.length);
    }
    return this._withKl(this.prior.posterior(this._encoder.run(input), this.d, labels));
  }

  /** The n-th of the codes that a decoder alone came with, as a posterior without spread. @param {number} n @returns {Posterior} */
  known(n) {
    const mu = this.codes?.slice(n * this.d, (n + 1) * this.d) ?? new Float32Array(this.d);
    return { mu, std: new Float32Array(this.d), klPerDim: new Float32Array(this.d), kl: 0 };
  }

  /** @param {import("./families.js").FamilyPosterior} posterior @returns {Posterior} */
  _withKl(posterior) {
    const klPerDim = this.prior.kl(posterior);
    return { ...posterior, klPerDim, kl: klPerDim.reduce((a, b) => a + b, 0) };
  }

  /** Clamp z to the prior's support, and its choices to options that there are. @param {Float32Array} z (d,), changed in place */
  clampToSupport(z) {
    const { low } = this.prior;
    for (let i = 0; i < z.length; i++) if (z[i] < low) z[i] = low;
    return this.prior.settle ? this.prior.settle(z) : z;
  }

  /** Give a code on the way from a to b the choices of the nearer one. @param {Float32Array} z changed in place @param {Float32Array} end */
  chooseAs(z, end) {
    const first = this.d - (this.prior.choices?.length ?? 0);
    for (let i = first; i < this.d; i++) z[i] = end[i];
    return z;
  }

  /**
   * The likelihood's parameters: logits of x̂ (c·h·w,), and behind them the numbers that it learned.
   * Overwritten by the next call.
   * @param {Float32Array} z (d,)
   */
  decode(z) {
    return this._decoder.run(z);
  }

  /** The most codes that are decoded at once. */
  get batch() {
    return this._decoder.batch;
  }

  /**
   * The outputs of `decode` for codes one behind the other, (n, c·h·w + learned); overwritten by the next call.
   * @param {Float32Array} z (n, d) @param {number} n at most `batch`
   * @returns {Float32Array[]}
   */
  decodeMany(z, n) {
    const [size] = this._decoder.outputSizes;
    const all = this._decoder.run(z, n);
    return Array.from({ length: n }, (_, i) => all.subarray(i * size, (i + 1) * size));
  }

  /**
   * x̂, values in [0, 1].
   * @param {Float32Array} output of the decoder
   * @param {Float32Array} out (c·h·w,)
   */
  mean(output, out = new Float32Array(this.shape.size)) {
    return mean(output, out, this.likelihood.name);
  }

  /**
   * The term that the model was trained with, summed over all values of x; `likelihood` says its unit.
   * @param {Float32Array} output of the decoder
   * @param {Float32Array} x (c·h·w,)
   */
  reconstruction(output, x) {
    return this._term(output, x, this._features);
  }

  /**
   * log q(z|x) − log p(z) in nats: the one-sample KL, whose mean over q is the KL.
   * @param {Float32Array} z (d,)
   * @param {import("./families.js").FamilyPosterior} posterior
   */
  logRatio(z, posterior) {
    return this.prior.logRatio(z, posterior);
  }

  /**
   * A draw of z from q(z|x).
   * @param {import("./families.js").FamilyPosterior} posterior
   * @param {import("./random.js").Draw} normal standard normal numbers
   */
  sample(posterior, normal) {
    return this.prior.sample(posterior, normal);
  }
}
