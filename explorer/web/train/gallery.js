// The pictures of a snapshot: a grid decoded over the prior, and images beside their reconstructions.

import { find } from "../widgets/dom.js";
import { paintRows } from "../widgets/image.js";

const COLUMNS = 8; // of images, with their reconstructions below them

export class Gallery {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.grid = find(root, "canvas.grid", HTMLCanvasElement);
    /** Images and their reconstructions in turn. @type {HTMLCanvasElement[]} */
    this.rows = [...root.querySelectorAll(".pairs canvas")].map(
      (canvas) => /** @type {HTMLCanvasElement} */ (canvas),
    );
    /** @type {import("./snapshots.js").Frame | null} */
    this.shown = null;
  }

  /** @param {import("./snapshots.js").Frame} frame @param {import("./snapshots.js").Probe} probe */
  show(frame, { images, shape }) {
    if (this.shown === frame) return;
    this.shown = frame;
    paintRows(this.grid, frame.grid, shape, Math.round(Math.sqrt(frame.grid.length / shape.size)));
    const row = COLUMNS * shape.size;
    for (let k = 0; 2 * k < this.rows.length; k++) {
      const part = (/** @type {Uint8Array} */ all) => all.subarray(k * row, (k + 1) * row);
      paintRows(this.rows[2 * k], part(images), shape, COLUMNS);
      paintRows(this.rows[2 * k + 1], part(frame.reconstructions), shape, COLUMNS);
    }
  }
}
