// The classifier's features, for perceptual distances. Twelve million products a picture: channels
// come last, so that the innermost loop runs over them, and what ReLU made 0 is left out.

import { mean } from "./likelihoods.js";

/** A 3×3 convolution with padding 1, and ReLU: (h, w, in) → (h', w', out). */
function convolution({ in: ci, out: co, stride: [stride] }, w, b, size) {
  const out = Math.floor((size - 1) / stride) + 1;
  const y = new Float32Array(out * out * co);
  // torch's (out, in, 3, 3) → (in, 3, 3, out)
  const turned = new Float32Array(w.length);
  for (let c = 0; c < co; c++)
    for (let k = 0; k < ci; k++)
      for (let t = 0; t < 9; t++) turned[(k * 9 + t) * co + c] = w[(c * ci + k) * 9 + t];
  const run = (x) => {
    for (let at = 0; at < y.length; at += co) y.set(b, at);
    for (let row = 0; row < size; row++)
      for (let column = 0; column < size; column++)
        for (let k = 0, at = (row * size + column) * ci; k < ci; k++) {
          const value = x[at + k];
          if (value === 0) continue;
          for (let u = 0; u < 3; u++) {
            const i = row + 1 - u;
            if (i < 0 || i % stride || i / stride >= out) continue;
            for (let v = 0; v < 3; v++) {
              const j = column + 1 - v;
              if (j < 0 || j % stride || j / stride >= out) continue;
              let to = ((i / stride) * out + j / stride) * co;
              let from = (k * 9 + u * 3 + v) * co;
              for (const end = to + co; to < end; ) y[to++] += value * turned[from++];
            }
          }
        }
    for (let i = 0; i < y.length; i++) if (y[i] < 0) y[i] = 0;
    return y;
  };
  return { run, size: out };
}

export class Features {
  /**
   * @param {{layers: any[], after: number[], weight: number}} spec the convolutions, behind which of
   *   them features are compared, and what the distance is multiplied by where it is added
   * @param {Float32Array} weights of the whole model
   */
  constructor({ layers, after, weight }, weights) {
    this.weight = weight;
    this.after = after;
    let size = 28;
    this.steps = layers.map((layer) => {
      const part = ([first, length]) => weights.subarray(first, first + length);
      const made = convolution(layer, part(layer.weight), part(layer.bias), size);
      size = made.size;
      return made.run;
    });
    this.meant = new WeakMap(); // of images that were met before
    this.picture = new Float32Array(784);
  }

  /** What is compared, each step's array overwritten by the next picture. */
  of(picture) {
    const found = [];
    let x = picture;
    this.steps.forEach((run, n) => {
      x = run(x);
      if (this.after.includes(n)) found.push(x);
    });
    return found;
  }

  /** Σ (φ(x) − φ(x̂))² over all features. */
  distance(output, x) {
    if (!this.meant.has(x)) this.meant.set(x, this.of(x).map((f) => f.slice()));
    const meant = this.meant.get(x);
    let sum = 0;
    this.of(mean(output, this.picture)).forEach((seen, n) => {
      const other = meant[n];
      for (let i = 0; i < seen.length; i++) sum += (seen[i] - other[i]) ** 2;
    });
    return sum;
  }
}
