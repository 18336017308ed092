// An image on the wall: x, its reconstruction, and where these differ, with a number.

import { viridis } from "../map/colouring.js";
import { context2d, html, set, write } from "../widgets/dom.js";
import { paintImage } from "../widgets/image.js";

/** @typedef {import("../model/image_shape.js").ImageShape} ImageShape */

const COLOURS = Array.from({ length: 256 }, (_, n) => viridis(n / 255));

/**
 * Paint |x − x̂|, its mean over channels, from 0 to 1 in viridis.
 * @param {HTMLCanvasElement} canvas @param {Float32Array} x @param {Float32Array} other @param {ImageShape} shape
 */
export function paintError(canvas, x, other, { channels, height, width }) {
  canvas.width = width;
  canvas.height = height;
  const image = new ImageData(width, height);
  const plane = width * height;
  for (let i = 0; i < plane; i++) {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += Math.abs(x[c * plane + i] - other[c * plane + i]);
    const colour = COLOURS[Math.min(255, Math.round((255 * sum) / channels))];
    image.data.set([...colour, 255], 4 * i);
  }
  context2d(canvas).putImageData(image, 0, 0);
}

export class Cell {
  constructor() {
    this.button = html(
      `<button type="button" class="cell"><span class="three"><canvas class="picture"></canvas><canvas class="picture"></canvas><canvas class="picture"></canvas></span><span class="said"><b></b> <span></span></span></button>`,
    );
    this.canvases = [...this.button.querySelectorAll("canvas")];
    this.value = this.button.querySelector("b");
    this.words = this.button.querySelector(".said > span");
    this.image = -1;
  }

  /** @param {number} image @param {string} value @param {string} words @param {string} label */
  say(image, value, words, label) {
    if (image !== this.image) for (const canvas of this.canvases) canvas.width = 1; // not another's pictures
    this.image = image;
    this.button.dataset.image = String(image);
    write(this.value, value);
    write(this.words, words);
    set(this.button, "aria-label", label);
  }

  /** @param {Float32Array} x @param {ImageShape} shape */
  paint(x, shape) {
    paintImage(this.canvases[0], x, shape);
  }

  /** @param {Float32Array} x @param {Float32Array} reconstruction @param {ImageShape} shape */
  paintReconstruction(x, reconstruction, shape) {
    paintImage(this.canvases[1], reconstruction, shape);
    paintError(this.canvases[2], x, reconstruction, shape);
  }
}
