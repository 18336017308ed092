// What a snapshot decodes: a grid over the prior, and images beside their reconstructions.

import { context2d } from "../widgets/dom.js";

const SIDE = 28;
const COLUMNS = 8; // of images, with their reconstructions below them

/** Paint pictures of 28×28 grey levels in rows of `columns`. */
function paint(canvas, pictures, columns) {
  const count = pictures.length / (SIDE * SIDE);
  canvas.hidden = count === 0;
  if (!count) return;
  const rows = Math.ceil(count / columns);
  if (canvas.width !== columns * SIDE || canvas.height !== rows * SIDE) {
    canvas.width = columns * SIDE;
    canvas.height = rows * SIDE;
  }
  const context = context2d(canvas);
  const image = context.createImageData(canvas.width, canvas.height);
  const pixels = new Uint32Array(image.data.buffer);
  for (let n = 0; n < count; n++) {
    const from = n * SIDE * SIDE;
    const to = Math.floor(n / columns) * SIDE * canvas.width + (n % columns) * SIDE;
    for (let r = 0; r < SIDE; r++)
      for (let c = 0; c < SIDE; c++)
        pixels[to + r * canvas.width + c] = 0xff000000 | (pictures[from + r * SIDE + c] * 0x010101);
  }
  context.putImageData(image, 0, 0);
}

export class Gallery {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.grid = root.querySelector("canvas.grid");
    this.rows = [...root.querySelectorAll(".pairs canvas")];
  }

  /** @param {any} frame a snapshot @param {any} probe */
  show(frame, probe) {
    if (this.shown === frame) return;
    this.shown = frame;
    paint(this.grid, frame.grid, Math.round(Math.sqrt(frame.grid.length / (SIDE * SIDE))));
    const row = COLUMNS * SIDE * SIDE;
    for (let k = 0; k < 2; k++) {
      const part = (all) => all.subarray(k * row, (k + 1) * row);
      paint(this.rows[2 * k], part(probe.arrays.images), COLUMNS);
      paint(this.rows[2 * k + 1], part(frame.reconstructions), COLUMNS);
    }
  }
}
