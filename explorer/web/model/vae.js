// The VAE: x → q(z|x) → z → x̂, and its terms in nats. Knows nothing of the screen.

import { network } from "../engine/network.js";
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
 * The weights of a model's blob, as float32. Two planes of bfloat16 are put together again.
 * @param {import("./blob_types.js").ModelArrays} arrays
 */
function weightsOf({ weights, exponents, mantissas }) {
  if (weights) return weights;
  if (!exponents || !mantissas) throw new Error("a model without weights");
  const bits = new Uint32Array(exponents.length);
  for (let i = 0; i < bits.length; i++) {
    const turned = (exponents[i] << 8) | mantissas[i];
    bits[i] = ((turned >>> 1) | ((turned & 1) << 15)) << 16;
  }
  return new Float32Array(bits.buffer);
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
  /** @param {import("./blob_types.js").ModelBlob} blob */
  constructor({ header, arrays }) {
    this.name = header.name;
    /** The number of latent dimensions. */
    this.d = header.latent_dim;
    this.shape = new ImageShape(header.shape);
    this.prior = latentFamily(header.prior);
    const weights = weightsOf(arrays);
    this._encoder = network(header.encoder, weights, [this.shape.size]);
    this._decoder = network(header.decoder, weights, [this.d]);
    const { likelihood } = header;
    this.likelihood = Object.hasOwn(LIKELIHOODS, likelihood.name)
      ? likelihood
      : standIn(likelihood);
    this._term = LIKELIHOODS[this.likelihood.name];
    this._features = header.features ? new Features(header.features, weights) : null;
  }

  /** Whether the reconstruction term takes half a frame: it goes through a classifier. */
  get costly() {
    return Boolean(this._features);
  }

  /**
   * q(z|x) of an image.
   * @param {Float32Array} x (c·h·w,), values in [0, 1]
   * @returns {Posterior}
   */
  encode(x) {
    const out = this._encoder(x);
    const posterior = this.prior.posterior(out, this.d);
    const klPerDim = this.prior.kl(posterior);
    return { ...posterior, klPerDim, kl: klPerDim.reduce((a, b) => a + b, 0) };
  }

  /** Clamp z to the prior's support. @param {Float32Array} z (d,), changed in place */
  clampToSupport(z) {
    const { low } = this.prior;
    for (let i = 0; i < z.length; i++) if (z[i] < low) z[i] = low;
    return z;
  }

  /**
   * The likelihood's parameters: logits of x̂ (c·h·w,), and behind them the numbers that it learned.
   * Overwritten by the next call.
   * @param {Float32Array} z (d,)
   */
  decode(z) {
    return this._decoder(z);
  }

  /**
   * x̂, values in [0, 1].
   * @param {Float32Array} output of the decoder
   * @param {Float32Array} out (c·h·w,)
   */
  mean(output, out = new Float32Array(this.shape.size)) {
    return mean(output, out);
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
