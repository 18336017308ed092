// A small chart on a canvas: lines, points and bars between two axes, fast enough for a hand that drags.

import { html, plotContext, round125, set, watchSize } from "../widgets/dom.js";
import { font, room } from "../widgets/type.js";

/** @typedef {{low: number, high: number, title: string, log?: boolean, ticks?: number}} Axis */

let LEFT = 52;
let BOTTOM = 34;
const FIRST = 18;
let TOP = FIRST;
let RIGHT = 10;

export class Axes {
  /** @param {HTMLElement} host @param {string} name its class @param {() => void} changed */
  c = null;
  theme = null;
  x = null;
  y = null;
  constructor(host, name, changed) {
    this.root = html(`<div class="chart ${name}"><canvas role="img"></canvas></div>`);
    host.append(this.root);
    this.canvas = /** @type {HTMLCanvasElement} */ (this.root.querySelector("canvas"));
    this.width = this.height = 0; // in pixels
    watchSize(this.canvas, changed);
  }

  /** What it shows, for those who do not see it. @param {string} text */
  describe(text) {
    set(this.canvas, "aria-label", text);
  }

  /**
   * Begin a picture; false where there is no room for one yet.
   * @param {Record<string, string>} theme @param {Axis} x @param {Axis} y
   */
  begin(theme, x, y) {
    const { context, width, height } = plotContext(this.canvas);
    this.c = context;
    this.theme = theme;
    [this.width, this.height] = [width, height];
    const by = room();
    [LEFT, TOP, RIGHT, BOTTOM] = [52 * by, FIRST * by, 10 * by, 34 * by];
    if (width < 2 * LEFT || height < 2 * BOTTOM) return false;
    this.x = x;
    this.y = y;
    this._frame();
    context.save();
    context.beginPath();
    const above = by > 1 ? 18 : 6; // where names stand on lines
    context.rect(LEFT, TOP - above, width - LEFT - RIGHT + 6, height - BOTTOM - TOP + above + 1);
    context.clip();
    return true;
  }

  end() {
    this.c.restore();
  }

  /** @param {number} v */
  px(v) {
    const { low, high, log } = this.x;
    const share = log
      ? Math.log(Math.max(v, 1e-12) / low) / Math.log(high / low)
      : (v - low) / (high - low);
    return LEFT + share * (this.width - LEFT - RIGHT);
  }

  /** @param {number} v */
  py(v) {
    const { low, high } = this.y;
    return TOP + (1 - (v - low) / (high - low)) * (this.height - TOP - BOTTOM);
  }

  _frame() {
    const { c, theme, x, y, width, height } = this;
    const by = room();
    c.font = font(11);
    c.strokeStyle = theme.grid;
    c.lineWidth = 1;
    const ink = () => {
      c.fillStyle = theme.ink;
      c.globalAlpha = 0.78;
    };
    const rows = by > 1 ? Math.max(1, Math.min(4, (height - TOP - BOTTOM) / (34 * by))) : 4;
    for (const v of ticksOf(y, rows)) {
      c.beginPath();
      c.moveTo(LEFT, this.py(v));
      c.lineTo(width - RIGHT, this.py(v));
      c.stroke();
      ink();
      c.textAlign = "right";
      c.fillText(label(v, y), LEFT - 5, this.py(v) + 4 * by);
      c.globalAlpha = 1;
    }
    ink();
    c.textAlign = "center";
    for (const v of ticksOf(x, x.ticks ?? Math.min(5, width / (110 * by))))
      c.fillText(label(v, x), this.px(v), height - BOTTOM + 14 * by);
    c.fillText(x.title, (LEFT + width) / 2, height - 4);
    c.textAlign = "left";
    c.fillText(y.title, 2, 11 * by);
    c.globalAlpha = 1;
  }

  /** @param {Iterable<readonly [number, number]>} points @param {string} colour @param {{dash?: number[], width?: number}} [look] */
  line(points, colour, { dash = [], width = 2.2 } = {}) {
    const { c } = this;
    c.strokeStyle = colour;
    c.lineWidth = width;
    c.setLineDash(dash);
    c.beginPath();
    for (const [x, y] of points) c.lineTo(this.px(x), this.py(y));
    c.stroke();
    c.setLineDash([]);
  }

  /** What lies between two lines. @param {(readonly [number, number, number])[]} points x, low, high @param {string} colour @param {number} [opacity] */
  band(points, colour, opacity = 0.2) {
    const { c } = this;
    c.fillStyle = colour;
    c.globalAlpha = opacity;
    c.beginPath();
    for (const [x, low] of points) c.lineTo(this.px(x), this.py(low));
    for (const [x, , high] of [...points].reverse()) c.lineTo(this.px(x), this.py(high));
    c.closePath();
    c.fill();
    c.globalAlpha = 1;
  }

  /** @param {readonly [number, number]} at @param {string} colour @param {number} [radius] @param {boolean} [hollow] */
  point([x, y], colour, radius = 4, hollow = false) {
    const { c } = this;
    c.beginPath();
    c.arc(this.px(x), this.py(y), radius, 0, 2 * Math.PI);
    c.strokeStyle = c.fillStyle = colour;
    c.lineWidth = 2;
    if (hollow) c.stroke();
    else c.fill();
  }

  /** A line across at a value, with a word. @param {number} v @param {string} colour @param {string} text @param {number[]} [dash] */
  across(v, colour, text, dash = [6, 4]) {
    this.line(
      [
        [this.x.low, v],
        [this.x.high, v],
      ],
      colour,
      { dash, width: 1.8 },
    );
    this.word([this.x.high, v], text, colour, "right", -5);
  }

  /** A line up at a value, with a word. @param {number} v @param {string} colour @param {string} text */
  up(v, colour, text) {
    this.line(
      [
        [v, this.y.low],
        [v, this.y.high],
      ],
      colour,
      { width: 1.8 },
    );
    const side = this.px(v) > this.width * 0.7 ? "right" : "left";
    this.word([v, this.y.high], text, colour, side, 12, side === "left" ? 4 : -4);
  }

  /** Bars of a histogram. @param {ArrayLike<number>} counts @param {number} low @param {number} step @param {string} colour */
  bars(counts, low, step, colour) {
    const { c } = this;
    c.fillStyle = c.strokeStyle = colour;
    c.lineWidth = 1.5;
    for (let i = 0; i < counts.length; i++) {
      if (!counts[i]) continue;
      const [left, right] = [this.px(low + i * step), this.px(low + (i + 1) * step)];
      const top = this.py(counts[i]);
      c.globalAlpha = 0.35;
      c.fillRect(left, top, right - left, this.py(0) - top);
      c.globalAlpha = 1;
      c.strokeRect(left, top, right - left, this.py(0) - top);
    }
  }

  /** @param {readonly [number, number]} at @param {string} text @param {string} colour @param {CanvasTextAlign} [align] @param {number} [down] @param {number} [right] pixels */
  word([x, y], text, colour, align = "left", down = 0, right = 0) {
    const { c, theme } = this;
    c.font = font(12, "600");
    c.textAlign = align;
    c.lineWidth = 4;
    c.strokeStyle = theme.paper;
    const place = /** @type {const} */ ([this.px(x) + right, this.py(y) + down]);
    c.strokeText(text, ...place);
    c.fillStyle = colour;
    c.fillText(text, ...place);
    c.textAlign = "left";
  }
}

/** @param {Axis} axis @param {number} about @returns {number[]} */
function ticksOf({ low, high, log }, about) {
  const found = [];
  if (log) {
    for (let v = 1; v <= high * 1.001; v *= 10) if (v >= low * 0.999) found.push(v);
    return found;
  }
  const step = round125((high - low) / about);
  for (let n = Math.ceil(low / step); n * step <= high + step * 1e-9; n++) found.push(n * step);
  return found;
}

/** @param {number} v @param {Axis} axis */
function label(v, { low, high, log }) {
  if (log) return v.toLocaleString("en");
  const step = round125((high - low) / 5);
  const digits = Math.max(0, Math.ceil(-Math.log10(step)));
  const text = Math.abs(v).toLocaleString("en", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  return (v < 0 && Number(text.replaceAll(",", "")) !== 0 ? "−" : "") + text;
}

/** Counts of values in equal steps between two ends; what lies outside goes to the outermost. @param {ArrayLike<number>} values @param {number} low @param {number} high @param {number} n */
export function histogram(values, low, high, n) {
  const counts = new Float64Array(n);
  for (let i = 0; i < values.length; i++) {
    const at = Math.floor(((values[i] - low) / (high - low)) * n);
    counts[Math.min(n - 1, Math.max(0, at))] += 1;
  }
  return counts;
}
