// The classifier's features, for perceptual distances.

import { Network } from "../engine/program.js";
import { mean } from "./likelihoods.js";

export class Features {
  /**
   * @param {import("./blob_types.js").FeaturesHeader} header
   * @param {import("../engine/program.js").Tensors} tensors of the whole model
   */
  constructor({ program, weight, scales }, tensors) {
    /** The factor of the distance where it is added to another term. */
    this.weight = weight;
    this._scales = scales;
    this._network = new Network(program, tensors);
    /** Features of pictures that were met before. @type {WeakMap<Float32Array, Float32Array[]>} */
    this.known = new WeakMap();
    this.picture = new Float32Array(this._network.inputSize);
  }

  /** About how long the features of a picture take, in milliseconds. */
  get predictedMs() {
    return this._network.predictedMs;
  }

  /**
   * The features that are compared, overwritten by the next picture's.
   * @param {Float32Array} picture (c·h·w,), values in [0, 1]
   */
  of(picture) {
    this._network.run(picture);
    return this._network.outputs;
  }

  /**
   * Σ s (φ(x) − φ(x̂))² over all features, s the factor of each layer.
   * @param {Float32Array} output of the decoder
   * @param {Float32Array} x (c·h·w,)
   */
  distance(output, x) {
    let expected = this.known.get(x);
    if (!expected) {
      expected = this.of(x).map((f) => f.slice());
      this.known.set(x, expected);
    }
    let sum = 0;
    const found = this.of(mean(output, this.picture));
    for (let n = 0; n < found.length; n++) {
      const [f, g] = [found[n], expected[n]];
      let squares = 0;
      for (let i = 0; i < f.length; i++) squares += (f[i] - g[i]) ** 2;
      sum += this._scales[n] * squares;
    }
    return sum;
  }
}
