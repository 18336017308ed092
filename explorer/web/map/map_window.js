// The part of a map that is shown: its middle, and how many units of the map a pixel is, the same both
// ways. A value: every change is another window.

import { round125 } from "../widgets/dom.js";

/** @typedef {[number, number]} Point */

const MOST_OUT = 8; // times the span of all codes that a hand can zoom out
const MOST_IN = 1000; // and in

export class MapWindow {
  /**
   * @param {number} width of the map in pixels
   * @param {number} height in pixels
   * @param {Point} middle in units of the map
   * @param {number} unit units of the map a pixel
   * @param {number} whole the unit at which everything is shown
   */
  constructor(width, height, middle, unit, whole = unit) {
    Object.freeze(middle);
    this.width = width;
    this.height = height;
    this.middle = middle;
    this.unit = unit;
    this.whole = whole;
  }

  /**
   * The window that shows all of `bounds`. Room that is left over lies on both sides, or, where the map
   * is `anchored`, beyond its upper ends.
   * @param {Point[]} bounds lowest and highest value of either axis
   * @param {number} width @param {number} height @param {boolean} anchored
   * @param {number} [whole] the unit at which everything is shown, where that is more than `bounds`
   */
  static fit([[x0, x1], [y0, y1]], width, height, anchored = false, whole = undefined) {
    const unit = Math.max((x1 - x0) / width, (y1 - y0) / height) || 1;
    /** @type {Point} */
    const middle = anchored
      ? [x0 + (unit * width) / 2, y0 + (unit * height) / 2]
      : [(x0 + x1) / 2, (y0 + y1) / 2];
    return new MapWindow(width, height, middle, unit, whole);
  }

  /** Lowest and highest value across. @returns {Point} */
  get x() {
    const half = (this.unit * this.width) / 2;
    return [this.middle[0] - half, this.middle[0] + half];
  }

  /** Lowest and highest value upwards. @returns {Point} */
  get y() {
    const half = (this.unit * this.height) / 2;
    return [this.middle[1] - half, this.middle[1] + half];
  }

  /** The pixel of a place. @param {ArrayLike<number>} place @returns {Point} */
  pixel(place) {
    return [
      this.width / 2 + (place[0] - this.middle[0]) / this.unit,
      this.height / 2 - (place[1] - this.middle[1]) / this.unit,
    ];
  }

  /** The place of a pixel. @param {ArrayLike<number>} pixel @returns {Point} */
  place(pixel) {
    return [
      this.middle[0] + (pixel[0] - this.width / 2) * this.unit,
      this.middle[1] - (pixel[1] - this.height / 2) * this.unit,
    ];
  }

  /** The nearest pixel within the map. @param {ArrayLike<number>} pixel @returns {Point} */
  inside(pixel) {
    const clamp = (/** @type {number} */ v, /** @type {number} */ most) =>
      Math.min(most, Math.max(0, v));
    return [clamp(pixel[0], this.width), clamp(pixel[1], this.height)];
  }

  /** The window in another size of map, its middle and what it spans kept. @param {number} width @param {number} height */
  resized(width, height) {
    const by = Math.min(width / this.width, height / this.height);
    return new MapWindow(width, height, this.middle, this.unit / by, this.whole / by);
  }

  /** Zoomed by a factor below 1 (in) or above (out) about a pixel. @param {number} factor @param {ArrayLike<number>} about */
  zoomed(factor, about) {
    return this.pinched(
      [
        [0, 0],
        [factor, 0],
      ],
      [
        [0, 0],
        [1, 0],
      ],
      about,
    );
  }

  /** Over other ranges, as far as a hand could zoom. @param {number[]} ranges of x and of y, from and to */
  over([x0, x1, y0, y1]) {
    const unit = Math.max((x1 - x0) / this.width, (y1 - y0) / this.height);
    const within = Math.min(this.whole * MOST_OUT, Math.max(this.whole / MOST_IN, unit));
    /** @type {Point} */
    const middle = [(x0 + x1) / 2, (y0 + y1) / 2];
    return new MapWindow(this.width, this.height, middle, within, this.whole);
  }

  /** Panned by pixels. @param {number} dx @param {number} dy */
  panned(dx, dy) {
    /** @type {Point} */
    const middle = [this.middle[0] - dx * this.unit, this.middle[1] + dy * this.unit];
    return new MapWindow(this.width, this.height, middle, this.unit, this.whole);
  }

  /**
   * Moved and zoomed so that what lay under one or two fingers still does.
   * @param {ArrayLike<number>[]} from where they were @param {ArrayLike<number>[]} to where they are
   * @param {ArrayLike<number>} [about] the pixel that stays, where that is not between them
   */
  pinched(from, to, about) {
    const between = (/** @type {ArrayLike<number>[]} */ p) => [
      p.reduce((sum, q) => sum + q[0] / p.length, 0),
      p.reduce((sum, q) => sum + q[1] / p.length, 0),
    ];
    const gap = (/** @type {ArrayLike<number>[]} */ p) =>
      p.length < 2 ? 1 : Math.hypot(p[0][0] - p[1][0], p[0][1] - p[1][1]);
    const factor = gap(from) / Math.max(1e-9, gap(to));
    const unit = Math.min(
      this.whole * MOST_OUT,
      Math.max(this.whole / MOST_IN, this.unit * Math.min(1.5, Math.max(0.67, factor))),
    );
    const [was, is] = about ? [about, about] : [between(from), between(to)];
    const [x, y] = this.place(was);
    /** @type {Point} */
    const middle = [x - (is[0] - this.width / 2) * unit, y + (is[1] - this.height / 2) * unit];
    return new MapWindow(this.width, this.height, middle, unit, this.whole);
  }
}

/** Whether a value is x from and to, and y from and to. @param {unknown} range @returns {range is number[]} */
export function isRange(range) {
  if (!Array.isArray(range) || range.length !== 4 || !range.every(Number.isFinite)) return false;
  return range[0] < range[1] && range[2] < range[3] && range.every((v) => Math.abs(v) < 1e6);
}

/** Round values between two, about a gap apart. @param {Point} range @param {number} gap */
export function ticks([low, high], gap) {
  const step = round125(gap);
  const found = [];
  for (let n = Math.ceil(low / step); n * step <= high; n++)
    found.push(Number((n * step).toPrecision(9)));
  return found;
}

/** Whether a place lies within a polygon, by the parity of crossings. @param {ArrayLike<number>} p @param {ArrayLike<number>[]} polygon */
export function within(p, polygon) {
  let inside = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [a, b] = [polygon[i], polygon[j]];
    if (
      a[1] > p[1] !== b[1] > p[1] &&
      p[0] < ((b[0] - a[0]) * (p[1] - a[1])) / (b[1] - a[1]) + a[0]
    )
      inside = !inside;
  }
  return inside;
}
