// q(z|x) enlarged, in a corner of the map, where it is too small to be seen on it: its contours, z, and the
// draws of it.

import { ellipse } from "../map/projections.js";
import { html, plotContext, set, watchSize, write } from "../widgets/dom.js";

const SMALL = 24; // pixels on the map, two standard deviations
const REACH = 3.4; // standard deviations from the middle to the edge
const DOTS = 800;

/** @typedef {import("../session/model_view.js").ModelView} ModelView */

export class Inset {
  /** @param {HTMLElement} map @param {() => void} resized */
  constructor(map, resized) {
    this.root = html(
      '<div class="inset" role="img" hidden><canvas></canvas><span class="title"></span></div>',
    );
    map.append(this.root);
    this.canvas = /** @type {HTMLCanvasElement} */ (this.root.querySelector("canvas"));
    this.title = /** @type {HTMLElement} */ (this.root.querySelector(".title"));
    watchSize(this.canvas, resized);
    /** What was painted last. @type {unknown[]} */
    this.known = [];
  }

  /** @param {ModelView} view @param {Float32Array[]} draws @param {Record<string, string>} theme */
  paint(view, draws, theme) {
    const { projection, posterior, vae, z, map } = view;
    const shown = projection?.invertible && vae.hasPosterior && map.window;
    const covariance = shown ? projection.covariance(posterior) : null;
    const widest = covariance ? Math.sqrt(Math.max(covariance[0], covariance[2])) : 0;
    const fits = widest > 0 && (2 * widest) / map.window.unit < SMALL;
    this.root.hidden = !fits;
    if (!fits) return;
    const parts = [posterior, z, draws.length, draws[draws.length - 1], theme, map.window.unit];
    if (parts.every((part, n) => part === this.known[n])) return;
    const { context: c, width, height } = plotContext(this.canvas);
    this.root.style.visibility = width ? "" : "hidden"; // just shown: its size is told in a moment
    if (!width) return;
    this.known = parts;
    const centre = projection.project(posterior.mu);
    const scale = Math.min(width, height) / (2 * REACH * widest);
    const at = (/** @type {ArrayLike<number>} */ place) => [
      width / 2 + (place[0] - centre[0]) * scale,
      height / 2 - (place[1] - centre[1]) * scale,
    ];
    this._contours(
      c,
      theme,
      [2, 1].map((s) => ellipse(centre, covariance, s).map(at)),
    );
    c.fillStyle = theme.ink;
    c.globalAlpha = 0.55;
    for (const draw of draws.slice(-DOTS)) {
      const [x, y] = at(projection.project(draw));
      c.fillRect(x - 1, y - 1, 2, 2);
    }
    c.globalAlpha = 1;
    const [x, y] = at(projection.project(z));
    c.strokeStyle = theme.z;
    c.lineWidth = 2.5;
    c.beginPath();
    c.arc(x, y, 5, 0, 2 * Math.PI);
    c.stroke();
    const times = scale * map.window.unit;
    write(this.title, `q(z|x) × ${times < 10 ? times.toFixed(1) : Math.round(times)}`);
    set(this.root, "aria-label", `q(z|x) enlarged, with ${draws.length} draws of it`);
  }

  /** @param {CanvasRenderingContext2D} c @param {Record<string, string>} theme @param {number[][][]} rings */
  _contours(c, theme, rings) {
    c.strokeStyle = c.fillStyle = theme.posterior;
    c.lineWidth = 1.5;
    rings.forEach((ring, n) => {
      c.beginPath();
      for (const [x, y] of ring) c.lineTo(x, y);
      c.closePath();
      c.globalAlpha = n ? 0.3 : 0.18;
      c.fill();
      c.globalAlpha = 1;
      c.stroke();
    });
  }
}
