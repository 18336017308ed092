// The codes of a map on a plain canvas: there with the page, and enough by itself.

import { plotContext } from "../widgets/dom.js";
import { paintCodes } from "./painter.js";

/** @typedef {import("./map_window.js").MapWindow} MapWindow */

/**
 * What a renderer is given; a new object where anything in it changed.
 * @typedef {object} Codes
 * @property {import("./painter.js").Group[]} groups
 * @property {Float32Array} x
 * @property {Float32Array} y
 * @property {Set<string>} hidden names of classes that are not shown
 * @property {Uint8Array | null} chosen a flag a code, where some are selected
 * @property {number} opacity 1, or less over a manifold
 * @property {import("./colouring.js").Shading | null} [shading] what colours them, where it is not their class
 * @property {boolean} small whether the map is one of several
 */

/**
 * Draws codes in a window. Two do: this one, and plotly_codes.js.
 * @typedef {{draw: (codes: Codes, window: MapWindow) => void, remove: () => void}} Renderer
 */

/** @implements {Renderer} */
export class CanvasCodes {
  /** @param {HTMLCanvasElement} canvas watched for its size */
  constructor(canvas) {
    this.canvas = canvas;
  }

  /** @param {Codes} codes @param {MapWindow} window */
  draw(codes, window) {
    const { context, width } = plotContext(this.canvas);
    if (width) paintCodes(context, window, codes);
  }

  remove() {
    plotContext(this.canvas);
  }
}
