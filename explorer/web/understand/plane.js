// The latent plane of a section: heat maps, densities and codes in data coordinates, and handles that a
// pointer or the arrow keys move.

import { ellipse } from "../map/projections.js";
import { context2d, html, plotContext, round125, set, watchSize, write } from "../widgets/dom.js";
import { font, room } from "../widgets/type.js";
import { listen } from "./plane_hands.js";

/**
 * What can be dragged: where it is, and what a hand does to it. A `free` one comes to wherever the plane is
 * pressed.
 * @typedef {{key: string, name: string, at: () => ArrayLike<number>, move: (xy: [number, number]) => void,
 *   release?: () => void, free?: boolean, colour: string, small?: boolean}} Handle its `colour` is a quantity of the theme
 * @typedef {{low: ArrayLike<number>, high: ArrayLike<number>}} Box in latent units
 * @typedef {Record<string, string>} Theme
 */

const CORNERS = 360; // of a line of the prior, which is seen closely too
const MARGIN = 26; // pixels, for the numbers at the axes

/** A colour's red, green and blue. @param {string} hex as in #1d4ed8 */
export const channelsOf = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));

export class PlanePicture {
  /**
   * @param {HTMLElement} host @param {string} label what it shows, for those who do not see it
   * @param {{changed: () => void, lit?: (key: string | null) => void}} listener
   */
  constructor(host, label, listener) {
    this.root = html('<div class="plane"><canvas></canvas><p class="plane-note"></p></div>');
    host.append(this.root);
    this.canvas = /** @type {HTMLCanvasElement} */ (this.root.querySelector("canvas"));
    this.canvas.tabIndex = 0;
    this.note = /** @type {HTMLElement} */ (this.root.querySelector("p"));
    set(this.canvas, "role", "application");
    this.label = label;
    this.listener = listener;
    /** @type {Handle[]} */
    this.handles = [];
    this.active = 0;
    this.held = false;
    /** @type {Box} */
    this.box = { low: [-3, -3], high: [3, 3] };
    this.least = -Infinity; // of a coordinate
    /** In pixels; a latent unit is `scale` of them. */
    this.width = this.height = this.scale = 0;
    this.margin = MARGIN;
    /** @type {CanvasRenderingContext2D} */
    this.c = null;
    /** @type {Theme} */
    this.theme = {};
    /** @type {string | null} */
    this.lit = null;
    /** Heat maps as pictures, by their fields. @type {WeakMap<Float32Array, {key: string, picture: HTMLCanvasElement}>} */
    this.pictures = new WeakMap();
    listen(this);
    watchSize(this.canvas, listener.changed);
  }

  // --- the window -------------------------------------------------------------------------------

  /** Show at least a box. @param {Box} box @param {number} [room] around it, as a share of its sides */
  show(box, room = 0) {
    const pad = [0, 1].map((k) => room * (box.high[k] - box.low[k]));
    this.box = {
      low: [0, 1].map((k) => box.low[k] - pad[k]),
      high: [0, 1].map((k) => box.high[k] + pad[k]),
    };
  }

  /** What is in view, of one scale on both axes. @returns {{low: number[], high: number[]}} */
  get view() {
    const { width, height, scale, middle } = this;
    const half = [(width - this.margin) / 2 / scale, (height - this.margin) / 2 / scale];
    return {
      low: [0, 1].map((k) => middle[k] - half[k]),
      high: [0, 1].map((k) => middle[k] + half[k]),
    };
  }

  get middle() {
    return [0, 1].map((k) => (this.box.low[k] + this.box.high[k]) / 2);
  }

  /** @param {ArrayLike<number>} z @returns {[number, number]} pixels */
  at(z) {
    const { scale, middle, width, height } = this;
    return [
      this.margin + (width - this.margin) / 2 + (z[0] - middle[0]) * scale,
      (height - this.margin) / 2 - (z[1] - middle[1]) * scale,
    ];
  }

  /** @param {number} x @param {number} y pixels @returns {[number, number]} */
  place(x, y) {
    const { scale, middle, width, height, least } = this;
    return [
      Math.max(least, middle[0] + (x - this.margin - (width - this.margin) / 2) / scale),
      Math.max(least, middle[1] - (y - (height - this.margin) / 2) / scale),
    ];
  }

  // --- drawing ----------------------------------------------------------------------------------

  /** Begin a picture; false where there is no room for one yet. @param {Theme} theme @param {string | null} lit the symbol that is asked about */
  begin(theme, lit = null) {
    const { context, width, height } = plotContext(this.canvas);
    this.c = context;
    this.theme = theme;
    this.lit = lit;
    [this.width, this.height] = [width, height];
    this.margin = Math.round(MARGIN * room());
    if (width <= 2 * this.margin || height <= 2 * this.margin) return false;
    const { low, high } = this.box;
    this.scale = Math.min(
      (width - this.margin) / (high[0] - low[0]),
      (height - this.margin) / (high[1] - low[1]),
    );
    context.save();
    context.beginPath();
    context.rect(this.margin, 0, width - this.margin, height - this.margin);
    context.clip();
    return true;
  }

  /** What is asked about stands out: the others are faint. @param {string} key */
  _opacity(key) {
    return !this.lit || this.lit === key ? 1 : 0.3;
  }

  /**
   * A field as heat: transparent at 0, the colour at 1.
   * @param {Float32Array} field (n·n,), values 0…1, rows from the top @param {number} n @param {Box} box
   * @param {string} colour @param {string} key of its symbol
   */
  heat(field, n, box, colour, key) {
    let known = this.pictures.get(field);
    if (known?.key !== colour) {
      const picture = document.createElement("canvas");
      picture.width = picture.height = n;
      const image = new ImageData(n, n);
      const [red, green, blue] = channelsOf(colour);
      for (let i = 0, p = 0; i < n * n; i++, p += 4) {
        image.data[p] = red;
        image.data[p + 1] = green;
        image.data[p + 2] = blue;
        image.data[p + 3] = 255 * Math.min(1, Math.max(0, field[i]));
      }
      context2d(picture).putImageData(image, 0, 0);
      known = { key: colour, picture };
      this.pictures.set(field, known);
    }
    const [left, bottom] = this.at(box.low);
    const [right, top] = this.at(box.high);
    this.c.globalAlpha = this._opacity(key);
    this.c.imageSmoothingEnabled = true;
    this.c.drawImage(known.picture, left, top, right - left, bottom - top);
    this.c.globalAlpha = 1;
  }

  /** @param {ArrayLike<number>} mu @param {ArrayLike<number>} std @param {string} colour @param {string} key @param {number[]} [sigmas] */
  ellipses(mu, std, colour, key, sigmas = [1, 2]) {
    const { c } = this;
    c.strokeStyle = c.fillStyle = colour;
    c.lineWidth = this.lit === key ? 3.5 : 2;
    for (const s of sigmas) {
      c.beginPath();
      for (const corner of ellipse(mu, [std[0] ** 2, 0, std[1] ** 2], s))
        c.lineTo(...this.at(corner));
      c.closePath();
      c.globalAlpha = 0.12 * this._opacity(key);
      c.fill();
      c.globalAlpha = this._opacity(key);
      c.stroke();
    }
    c.globalAlpha = 1;
  }

  /** Where one and two standard deviations of a standard normal lie in the prior: 39 % and 86 % of it. @param {import("../model/families.js").LatentFamily} prior */
  prior(prior) {
    const { c } = this;
    c.strokeStyle = this.theme.ink;
    c.lineWidth = this.lit === "prior" ? 2.5 : 1;
    c.setLineDash([5, 4]);
    for (const s of [1, 2]) {
      c.globalAlpha = this.lit === "prior" ? 1 : 0.55;
      c.beginPath();
      for (let k = 0; k < CORNERS; k++) {
        const turn = (2 * Math.PI * k) / CORNERS;
        const t = [s * Math.cos(turn), s * Math.sin(turn)];
        c.lineTo(...this.at(t.map((v) => prior.fromStandardNormal(v))));
      }
      c.closePath();
      c.stroke();
    }
    c.setLineDash([]);
    c.globalAlpha = 1;
  }

  /** @param {Iterable<ArrayLike<number>>} places @param {string} colour @param {number} [size] @param {number} [opacity] */
  dots(places, colour, size = 3, opacity = 0.6) {
    const { c } = this;
    c.fillStyle = colour;
    c.globalAlpha = opacity;
    for (const z of places) {
      const [x, y] = this.at(z);
      c.beginPath();
      c.arc(x, y, size / 2, 0, 2 * Math.PI);
      c.fill();
    }
    c.globalAlpha = 1;
  }

  /** @param {ArrayLike<number>[]} places @param {string} colour */
  path(places, colour) {
    const { c } = this;
    c.strokeStyle = colour;
    c.lineWidth = 2;
    c.beginPath();
    for (const z of places) c.lineTo(...this.at(z));
    c.stroke();
  }

  /** Handles and axes, over all else. */
  end() {
    const { c } = this;
    for (const handle of this.handles) this._handle(handle);
    c.restore();
    this._axes();
    const handle = this.handles[this.active];
    const names = this.handles.map(({ name }) => name);
    const more = names.length > 1 ? " Enter chooses what moves next." : "";
    set(
      this.canvas,
      "aria-label",
      handle
        ? `${this.label}. Arrow keys move ${handle.name}, with Shift finely.${more}`
        : this.label,
    );
  }

  /** @param {Handle} handle */
  _handle({ at, colour, small, key }) {
    const { c } = this;
    const [x, y] = this.at(at());
    const radius = small ? 7 : 11;
    c.globalAlpha = this._opacity(key);
    for (const [width, stroke] of [
      [7, this.theme.paper],
      [3.5, this.theme[colour]],
    ]) {
      c.lineWidth = /** @type {number} */ (width);
      c.strokeStyle = /** @type {string} */ (stroke);
      c.beginPath();
      c.arc(x, y, radius, 0, 2 * Math.PI);
      c.stroke();
    }
    if (this.lit === key) {
      c.lineWidth = 2;
      c.beginPath();
      c.arc(x, y, radius + 7, 0, 2 * Math.PI);
      c.stroke();
    }
    c.globalAlpha = 1;
  }

  _axes() {
    const { c, width, height, theme } = this;
    const { low, high } = this.view;
    c.strokeStyle = theme.grid;
    c.lineWidth = 1;
    c.strokeRect(this.margin + 0.5, 0.5, width - this.margin - 1, height - this.margin - 1);
    c.fillStyle = theme.ink;
    c.globalAlpha = 0.75;
    c.font = font(11);
    const step = round125((high[0] - low[0]) / 4);
    const digits = Math.max(0, Math.ceil(-Math.log10(step)));
    const by = room();
    const text = (/** @type {number} */ v) =>
      v
        .toFixed(digits)
        .replace("-", "−")
        .replace(/^−(0\.?0*)$/, "$1");
    c.textAlign = "center";
    for (let v = Math.ceil(low[0] / step) * step; v <= high[0]; v += step) {
      const [x] = this.at([v, 0]);
      if (x > this.margin + 12 * by && x < width - 40 * by)
        c.fillText(text(v), x, height - this.margin + 16 * by);
    }
    c.fillText("z₁", width - 12 * by, height - this.margin + 16 * by);
    c.textAlign = "right";
    for (let v = Math.ceil(low[1] / step) * step; v <= high[1]; v += step) {
      const [, y] = this.at([0, v]);
      if (y > 30 * by && y < height - this.margin - 6)
        c.fillText(text(v), this.margin - 4, y + 4 * by);
    }
    c.fillText("z₂", this.margin - 4, 14 * by);
    c.textAlign = "left";
    c.globalAlpha = 1;
  }

  /** @param {string} text below the picture */
  say(text) {
    write(this.note, text);
  }
}
