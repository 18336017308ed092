// Discs laid over each other, pixel by pixel: thousands a frame, faster than a canvas puts as many small
// pictures, and alike wherever the page is drawn. Lengths in pixels of the picture.

const PHASES = 4; // places of a disc within a pixel, along each axis
const KEPT = 16; // sizes of discs; as a window is pulled wider, dots grow by little steps

/**
 * Coverages of a disc's pixels, one square a place within a pixel, each of `side`².
 * @typedef {{side: number, squares: Float32Array[]}} Disc
 */

/** @type {Map<number, Disc>} */
const discs = new Map();

/** @param {number} radius @returns {Disc} */
function discOf(radius) {
  const known = discs.get(radius);
  if (known) return known;
  const reach = Math.ceil(radius + 0.5);
  const side = 2 * reach + 1;
  const squares = Array.from({ length: PHASES * PHASES }, (_, phase) => {
    // The pixel in the middle holds the disc's centre, somewhere.
    const x = reach + ((phase % PHASES) + 0.5) / PHASES;
    const y = reach + (Math.floor(phase / PHASES) + 0.5) / PHASES;
    return Float32Array.from({ length: side * side }, (_, k) => {
      const away = Math.hypot((k % side) + 0.5 - x, Math.floor(k / side) + 0.5 - y);
      return Math.min(1, Math.max(0, radius + 0.5 - away));
    });
  });
  if (discs.size === KEPT) discs.clear();
  discs.set(radius, { side, squares });
  return { side, squares };
}

/** @type {Map<string, [number, number, number]>} */
const colours = new Map();

/** @param {string} colour as #rrggbb @returns {[number, number, number]} */
function levelsOf(colour) {
  let found = colours.get(colour);
  if (!found) {
    const level = (/** @type {number} */ k) => parseInt(colour.slice(k, k + 2), 16);
    colours.set(colour, (found = [level(1), level(3), level(5)]));
  }
  return found;
}

/** A picture of discs on no ground. */
export class Dots {
  /** @param {number} width @param {number} height */
  constructor(width, height) {
    this.width = width;
    this.height = height;
    /** Red, green, blue and opacity of each pixel, row by row. */
    this.data = new Uint8ClampedArray(4 * width * height);
  }

  /** Take all discs away. */
  clear() {
    this.data.fill(0);
  }

  /**
   * Lay a disc over what is there (Porter & Duff's "over").
   * @param {number} x of its middle @param {number} y @param {number} radius
   * @param {string} colour as #rrggbb @param {number} opacity from 0 to 1
   */
  add(x, y, radius, colour, opacity) {
    const { width, height, data } = this;
    const { side, squares } = discOf(radius);
    const [column, row] = [Math.floor(x), Math.floor(y)];
    const phase = Math.floor(PHASES * (x - column)) + PHASES * Math.floor(PHASES * (y - row));
    const square = squares[phase];
    const [left, top] = [column - (side >> 1), row - (side >> 1)];
    const [first, last] = [Math.max(0, -left), Math.min(side, width - left)];
    const [red, green, blue] = levelsOf(colour);
    for (let j = Math.max(0, -top); j < Math.min(side, height - top); j++) {
      let at = 4 * ((top + j) * width + left + first);
      for (let i = first; i < last; i++, at += 4) {
        const own = square[j * side + i] * opacity;
        if (own === 0) continue;
        const below = (data[at + 3] / 255) * (1 - own);
        const both = own + below;
        data[at] = (red * own + data[at] * below) / both;
        data[at + 1] = (green * own + data[at + 1] * below) / both;
        data[at + 2] = (blue * own + data[at + 2] * below) / both;
        data[at + 3] = 255 * both;
      }
    }
  }
}
