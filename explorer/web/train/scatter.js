// The codes of the probe images over the prior, at any moment between two snapshots.

import { plotContext, watchSize, zName } from "../widgets/dom.js";

const ROUND = 2 * Math.PI;

export class Scatter {
  /** @param {HTMLCanvasElement} canvas @param {() => void} resized */
  constructor(canvas, resized) {
    this.canvas = canvas;
    this.swatch = canvas.parentElement.querySelector(".swatch");
    watchSize(canvas, resized);
  }

  /**
   * Codes move in straight lines from one snapshot to the next.
   * @param {import("./film.js").Film} film @param {{a: any, b: any, share: number}} moment
   * @param {string[]} colours of the classes
   */
  draw(film, { a, b, share }, colours) {
    const { context, width, height } = plotContext(this.canvas);
    if (!width) return;
    const { axes, prior, probe } = film;
    const { labels } = probe.arrays;
    const classes = probe.header.classes;
    const span = a.span + share * (b.span - a.span);
    const scale = Math.min(width, height) / 2 / span;
    const flat = axes.length < 2;
    const positive = prior.family === "gamma";
    const middle = positive ? 0.9 * span : prior.mean; // 0 is near the edge
    const x = (value) => width / 2 + (value - middle) * scale;
    const y = (value) => height / 2 - (value - middle) * scale;
    const strip = (c) => ((c + 0.5) / classes.length) * (height - 40) + 12; // one a class
    const origin = positive ? 0 : prior.mean;
    const view = { context, width, height, scale, x, y, prior, origin, positive, axes, ...this.colours() };
    this.rings(view);
    const radius = Math.max(1.8, Math.min(width, height) / 190);
    const at = (n, axis) => {
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
        const py = flat ? strip(c) + ((n * 7919) % 13) - 6 : y(at(n, axes[1]));
        context.moveTo(px + radius, py);
        context.arc(px, py, radius, 0, ROUND);
      }
      context.fill();
    }
    context.globalAlpha = 1;
    this.sigmas(view);
    const places = classes.map((name, c) => {
      const [from, to] = [a.middles[c], b.middles[c]];
      if (!from || !to) return null;
      const along = (k) => from[k] + share * (to[k] - from[k]);
      return [name, x(along(0)), flat ? strip(c) : y(along(1))];
    });
    this.names(view, places.filter(Boolean));
  }

  /** The page's colours; light-dark() is resolved on a real property only. */
  colours() {
    const found = {};
    for (const name of ["ink", "faint", "line", "paper"]) {
      this.swatch.style.color = `var(--${name})`;
      found[name] = getComputedStyle(this.swatch).color;
    }
    return found;
  }

  rings({ context, prior, origin, positive, x, y, scale, width, height, line, axes }) {
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

  /** What the rings and the axes are, readable over the codes. */
  sigmas({ context, prior, origin, positive, x, y, scale, width, height, faint, paper, axes }) {
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
    context.font = "12px sans-serif";
    for (const sigmas of positive ? [] : [1, 2, 3]) {
      const radius = sigmas * prior.std * scale;
      const text = sigmas === 3 && axes.length > 1 ? "3σ of the prior" : `${sigmas}σ`;
      if (axes.length > 1) write(text, x(prior.mean), y(prior.mean) + radius + 2, "center", "top");
      else write(text, x(prior.mean) + radius, height - 3, "center", "bottom");
    }
    context.font = "15px sans-serif";
    const middle = axes.length > 1 ? y(origin) - 3 : height - 18;
    write(zName(axes[0]), width - 4, middle, "right", "bottom");
    if (axes.length > 1) write(zName(axes[1]), x(origin) + 5, 3, "left", "top");
  }

  /**
   * Each class's name at its middle, unless another one is written there already; none at all
   * while they lie on one heap.
   */
  names({ context, ink, paper }, places) {
    const taken = [];
    for (const place of places)
      if (!taken.some(([, tx, ty]) => Math.hypot(tx - place[1], ty - place[2]) < 17)) taken.push(place);
    if (places.length > 3 && taken.length < 3) return;
    context.font = "bold 17px sans-serif";
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.lineJoin = "round";
    context.lineWidth = 4;
    context.strokeStyle = paper;
    context.fillStyle = ink;
    for (const [name, px, py] of taken) {
      context.strokeText(name, px, py);
      context.fillText(name, px, py);
    }
  }
}
