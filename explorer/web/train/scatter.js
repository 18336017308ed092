// The codes of the probe images over the prior, at any moment between two snapshots.

import { plotContext, watchSize, zName } from "../widgets/dom.js";
import { placeNames } from "../widgets/names.js";
import { font, typeScale } from "../widgets/type.js";

/**
 * @typedef {import("./snapshots.js").Frame} Frame
 * @typedef {import("../model/blob_types.js").PriorHeader} PriorHeader
 * @typedef {{a: Frame, b: Frame, share: number}} Moment between two snapshots
 * @typedef {{axes: number[], prior: PriorHeader, classes: string[], labels: Uint8Array,
 *   colours: string[]}} Space the axes that are shown, the prior, the classes and their colours, and
 *   the label of each code (n,)
 * @typedef {{context: CanvasRenderingContext2D, width: number, height: number, scale: number,
 *   x: (value: number) => number, y: (value: number) => number, origin: number, positive: boolean,
 *   prior: PriorHeader, axes: number[], ink: string, faint: string, line: string, paper: string}} Frame2d
 *   latent units ↔ pixels, and the page's colours
 * @typedef {import("../widgets/names.js").Name} Name
 */

const ROUND = 2 * Math.PI;
const SMALL = 240; // pixels of a side up to which only the classes are named
const SIZE = 17; // of the classes' names, in pixels

export class Scatter {
  /** @param {HTMLCanvasElement} canvas @param {HTMLElement} swatch resolves colours @param {() => void} resized */
  constructor(canvas, swatch, resized) {
    this.canvas = canvas;
    this.swatch = swatch;
    watchSize(canvas, resized);
  }

  /**
   * Codes move in straight lines from one snapshot to the next.
   * @param {Space} space
   * @param {Moment} moment
   */
  draw(space, moment) {
    const { context, width, height } = plotContext(this.canvas);
    if (!width) return;
    const { a, b, share } = moment;
    const { axes, prior, classes } = space;
    const span = a.span + share * (b.span - a.span);
    const scale = Math.min(width, height) / 2 / span;
    const positive = prior.low === 0;
    const middle = positive ? 0.9 * span : prior.mean; // 0 is near the edge
    const x = (/** @type {number} */ value) => width / 2 + (value - middle) * scale;
    const y = (/** @type {number} */ value) => height / 2 - (value - middle) * scale;
    const origin = positive ? 0 : prior.mean;
    const colours = this.colours();
    const view = { context, width, height, scale, x, y, prior, origin, positive, axes, ...colours };
    rings(view);
    codes(view, space, moment);
    if (Math.min(width, height) > SMALL) ringNames(view);
    /** @type {Name[]} */
    const names = [];
    classes.forEach((name, c) => {
      const [from, to] = [a.medians[c], b.medians[c]];
      if (!from || !to) return;
      const along = (/** @type {number} */ k) => from[k] + share * (to[k] - from[k]);
      const row = axes.length < 2 ? strip(view, c, classes.length) : y(along(1));
      names.push({ text: name, x: x(along(0)), y: row });
    });
    classNames(view, names);
  }

  /** The page's colours; light-dark() is resolved on a real property only. */
  colours() {
    const colour = (/** @type {string} */ name) => {
      this.swatch.style.color = `var(--${name})`;
      return getComputedStyle(this.swatch).color;
    };
    return {
      ink: colour("ink"),
      faint: colour("faint"),
      line: colour("line"),
      paper: colour("paper"),
    };
  }
}

/** The row of a class where there is one axis only. @param {Frame2d} view @param {number} c @param {number} count */
const strip = ({ height }, c, count) => ((c + 0.5) / count) * (height - 40) + 12;

/** @param {Frame2d} view @param {Space} space @param {Moment} moment */
function codes(view, { axes, classes, labels, colours }, { a, b, share }) {
  const { context, width, height, x, y } = view;
  const radius = Math.max(1.8, Math.min(width, height) / 190);
  const at = (/** @type {number} */ n, /** @type {number} */ axis) => {
    const from = a.codes[n * a.d + axis];
    return from + share * (b.codes[n * b.d + axis] - from);
  };
  context.globalAlpha = 0.8;
  for (let c = 0; c < classes.length; c++) {
    context.fillStyle = colours[c % colours.length];
    context.beginPath();
    for (let n = 0; n < labels.length; n++) {
      if (labels[n] !== c) continue;
      const px = x(at(n, axes[0]));
      const scattered = strip(view, c, classes.length) + ((n * 7919) % 13) - 6;
      const py = axes.length < 2 ? scattered : y(at(n, axes[1]));
      context.moveTo(px + radius, py);
      context.arc(px, py, radius, 0, ROUND);
    }
    context.fill();
  }
  context.globalAlpha = 1;
}

/** One, two and three standard deviations of the prior, and the axes. @param {Frame2d} view */
function rings({ context, prior, origin, positive, x, y, scale, width, height, line, axes }) {
  context.lineWidth = 1.2;
  context.strokeStyle = line;
  for (const sigmas of positive ? [] : [1, 2, 3]) {
    const radius = sigmas * prior.std * scale;
    context.beginPath();
    if (axes.length > 1) context.arc(x(prior.mean), y(prior.mean), radius, 0, ROUND);
    else
      for (const side of [-1, 1]) {
        context.moveTo(x(prior.mean) + side * radius, 0);
        context.lineTo(x(prior.mean) + side * radius, height);
      }
    context.stroke();
  }
  context.beginPath();
  if (axes.length > 1) {
    context.moveTo(0, y(origin));
    context.lineTo(width, y(origin));
  }
  context.moveTo(x(origin), 0);
  context.lineTo(x(origin), height);
  context.stroke();
}

/** The names of the rings and the axes, readable over the codes. @param {Frame2d} view */
function ringNames({
  context,
  prior,
  origin,
  positive,
  x,
  y,
  scale,
  width,
  height,
  faint,
  paper,
  axes,
}) {
  /** @type {(text: string, px: number, py: number, align: CanvasTextAlign, base: CanvasTextBaseline) => void} */
  const write = (text, px, py, align, base) => {
    context.textAlign = align;
    context.textBaseline = base;
    context.strokeText(text, px, py);
    context.fillText(text, px, py);
  };
  context.lineJoin = "round";
  context.lineWidth = 3;
  context.strokeStyle = paper;
  context.fillStyle = faint;
  context.font = font(12);
  for (const sigmas of positive ? [] : [1, 2, 3]) {
    const radius = sigmas * prior.std * scale;
    const text = sigmas === 3 && axes.length > 1 ? "3σ of the prior" : `${sigmas}σ`;
    if (axes.length > 1) write(text, x(prior.mean), y(prior.mean) + radius + 2, "center", "top");
    else write(text, x(prior.mean) + radius, height - 3, "center", "bottom");
  }
  context.font = font(15);
  const middle = axes.length > 1 ? y(origin) - 3 : height - 18;
  write(zName(axes[0]), width - 4, middle, "right", "bottom");
  if (axes.length > 1) write(zName(axes[1]), x(origin) + 5, 3, "left", "top");
}

/**
 * Each class's name at its median, if there is room; none at all while they lie on one heap.
 * @param {Frame2d} view
 * @param {Name[]} names
 */
function classNames({ context, ink, paper, width, height }, names) {
  /** @type {Name[]} */
  const apart = [];
  for (const name of names)
    if (!apart.some((other) => Math.hypot(other.x - name.x, other.y - name.y) < SIZE))
      apart.push(name);
  if (names.length > 3 && apart.length < 3) return;
  context.font = font(SIZE, "bold");
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineJoin = "round";
  context.lineWidth = 4;
  context.strokeStyle = paper;
  context.fillStyle = ink;
  for (const { text, x, y } of placeNames(context, names, SIZE * typeScale(), { width, height })) {
    context.strokeText(text, x, y);
    context.fillText(text, x, y);
  }
}
