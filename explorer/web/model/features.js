// The classifier's features, for perceptual distances. Twelve million products a picture: channels
// come last, so that the innermost loop runs over them, and what ReLU made 0 is left out.

import { ImageShape } from "./image_shape.js";
import { mean } from "./likelihoods.js";

/** @typedef {import("../engine/network.js").Layer} Layer */

/**
 * A 3×3 convolution with padding 1, and ReLU: (h, w, in) → (h', w', out).
 * @param {import("../engine/network.js").ConvSpec} spec
 * @param {Float32Array} w (out, in, 3, 3)
 * @param {Float32Array} b (out,)
 * @param {[number, number]} size height and width of the input
 * @returns {{run: Layer, size: [number, number]}}
 */
function convolution({ in: ci, out: co, stride: [stride] }, w, b, [height, width]) {
  const oh = Math.floor((height - 1) / stride) + 1;
  const ow = Math.floor((width - 1) / stride) + 1;
  const y = new Float32Array(oh * ow * co);
  // torch's (out, in, 3, 3) → (in, 3, 3, out)
  const turned = new Float32Array(w.length);
  for (let c = 0; c < co; c++)
    for (let k = 0; k < ci; k++)
      for (let t = 0; t < 9; t++) turned[(k * 9 + t) * co + c] = w[(c * ci + k) * 9 + t];
  /** @type {Layer} */
  const run = (x) => {
    for (let at = 0; at < y.length; at += co) y.set(b, at);
    for (let row = 0; row < height; row++)
      for (let column = 0; column < width; column++)
        for (let k = 0, at = (row * width + column) * ci; k < ci; k++) {
          const value = x[at + k];
          if (value === 0) continue;
          for (let u = 0; u < 3; u++) {
            const i = row + 1 - u;
            if (i < 0 || i % stride || i / stride >= oh) continue;
            for (let v = 0; v < 3; v++) {
              const j = column + 1 - v;
              if (j < 0 || j % stride || j / stride >= ow) continue;
              let to = ((i / stride) * ow + j / stride) * co;
              let from = (k * 9 + u * 3 + v) * co;
              for (const end = to + co; to < end;) y[to++] += value * turned[from++];
            }
          }
        }
    for (let i = 0; i < y.length; i++) if (y[i] < 0) y[i] = 0;
    return y;
  };
  return { run, size: [oh, ow] };
}

/** The values of a picture with its channels last, as the convolutions take them. */
class ChannelsLast {
  /** @param {ImageShape} shape */
  constructor({ channels, height, width }) {
    this.channels = channels;
    this.plane = height * width;
    this.turned = new Float32Array(channels * height * width);
  }

  /** @param {Float32Array} picture (c, h, w) @returns {Float32Array} (h, w, c), overwritten by the next */
  of(picture) {
    const { channels, plane, turned } = this;
    if (channels === 1) return picture;
    for (let c = 0; c < channels; c++)
      for (let i = 0; i < plane; i++) turned[i * channels + c] = picture[c * plane + i];
    return turned;
  }
}

export class Features {
  /**
   * @param {import("./blob_types.js").FeaturesHeader} header
   * @param {Float32Array} weights of the whole model
   */
  constructor({ layers, after, weight, shape }, weights) {
    /** The factor of the distance where it is added to another term. */
    this.weight = weight;
    this.after = after;
    const pictures = new ImageShape(shape);
    this.channelsLast = new ChannelsLast(pictures);
    /** @type {[number, number]} */
    let size = [pictures.height, pictures.width];
    this.steps = layers.map((layer) => {
      const tensor = ([first, length] = [0, 0]) => weights.subarray(first, first + length);
      const made = convolution(layer, tensor(layer.weight), tensor(layer.bias), size);
      size = made.size;
      return made.run;
    });
    /** Features of pictures that were met before. @type {WeakMap<Float32Array, Float32Array[]>} */
    this.known = new WeakMap();
    this.picture = new Float32Array(pictures.size);
  }

  /**
   * The features that are compared, each step's array overwritten by the next picture.
   * @param {Float32Array} picture (c·h·w,), values in [0, 1]
   */
  of(picture) {
    /** @type {Float32Array[]} */
    const found = [];
    let x = this.channelsLast.of(picture);
    this.steps.forEach((run, n) => {
      x = run(x);
      if (this.after.includes(n)) found.push(x);
    });
    return found;
  }

  /**
   * Σ (φ(x) − φ(x̂))² over all features.
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
      for (let i = 0; i < f.length; i++) sum += (f[i] - g[i]) ** 2;
    }
    return sum;
  }
}
