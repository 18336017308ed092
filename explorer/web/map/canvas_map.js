// The map of one model on the Compare page: its codes, what lies over them, and the hands on it.

import { paintInk, plotContext, round125, set, watchSize, zName } from "../widgets/dom.js";
import { ellipse, nearest } from "./projections.js";

const CLICK = 4; // pixels a press may wander and still be a click
const REACH = 14; // pixels from a point that still mean it
const FEW = 0.005; // the share of the codes that may lie beyond an edge of the map
const CELL = 26; // pixels of a picture of the manifold, about

/** What the map shows of each axis: all codes but the few farthest out, who would have it for themselves. */
function bounds({ header, arrays }) {
  const { xaxis, yaxis } = Object.values(header.layouts)[0];
  return [[xaxis, arrays.x], [yaxis, arrays.y]].map(([axis, values]) => {
    if (!values.length) return [0, 1];
    const sorted = Float32Array.from(values).sort();
    const [low, high] = [FEW, 1 - FEW].map((share) => sorted[Math.round(share * (sorted.length - 1))]);
    const middle = (low + high) / 2;
    const half = Math.max(0.58 * (high - low), 2.5); // a prior's own σ is 1 or so
    return [Math.max(axis.range[0], middle - half), Math.min(axis.range[1], middle + half)];
  });
}

export class Plane {
  /**
   * @param {HTMLElement} root
   * @param {{move: (xy: number[]) => void, release: () => void, pick: (image: number) => void,
   *   key: (event: KeyboardEvent) => void, changed: () => void,
   *   grid: (order: {id: number, z: Float32Array}) => void}} listener `move` hears the map's units
   */
  constructor(root, listener) {
    this.root = root;
    this.listener = listener;
    this.base = root.querySelector(".base");
    this.over = root.querySelector(".over");
    this.ring = root.querySelector(".cursor");
    for (const canvas of [this.base, this.over])
      watchSize(canvas, () => {
        this.stale = true;
        this.shown = null;
        listener.changed();
      });
    this.frame = null; // where the map lies on the canvas; null where there is none
    this.manifold = false;
    this.orders = 0;
    this._hands();
  }

  _hands() {
    let press = null;
    const at = (event) => {
      const box = this.over.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    const move = (px) => this.frame && this.listener.move(this.units(px));
    this.root.addEventListener("pointerdown", (event) => {
      if (event.button || !event.isPrimary || !this.frame) return;
      this.root.setPointerCapture(event.pointerId);
      this.root.focus({ preventScroll: true });
      press = { from: at(event), moved: false };
      event.preventDefault();
    });
    this.root.addEventListener("pointermove", (event) => {
      if (!press || !event.isPrimary) return;
      if (!event.buttons) {
        press = null; // an end that was never told
        return;
      }
      const px = at(event);
      if (Math.hypot(px[0] - press.from[0], px[1] - press.from[1]) > CLICK) press.moved = true;
      if (press.moved) move(px);
    });
    const up = (event) => {
      if (!press || !event.isPrimary) return;
      const { from, moved } = press;
      press = null;
      if (!moved && event.type === "pointerup") {
        const image = this.imageAt(from);
        if (image >= 0) {
          this.listener.pick(image);
          return;
        }
        move(from);
      }
      this.listener.release();
    };
    this.root.addEventListener("pointerup", up);
    this.root.addEventListener("pointercancel", up);
    this.root.addEventListener("lostpointercapture", up);
    this.root.addEventListener("keydown", (event) => this.listener.key(event));
  }

  /** Show a model's codes. */
  take({ vae, blob, view, axes, colours, theme }) {
    this.stale ||= blob !== this.blob || colours !== this.colours;
    if (blob !== this.blob) this.bounds = bounds(blob);
    Object.assign(this, { vae, blob, view, axes, colours, theme });
  }

  /**
   * @param {{posterior: object, z: Float32Array, path: Float32Array[], ends: Float32Array[] | null}} what
   *   the walk's `path`, and its marked ends where it has them
   */
  paint(what) {
    Object.assign(this, what);
    if (this.stale) this._paintBase();
    this._paintOver();
    this._paintRing();
  }

  /** What the map shows: its middle, and pixels a unit, the same both ways. */
  window(width, height) {
    const [[x0, x1], [y0, y1]] = this.bounds;
    const scale = Math.min(width / (x1 - x0), height / (y1 - y0));
    return { scale, left: (x0 + x1) / 2 - width / 2 / scale, top: (y0 + y1) / 2 + height / 2 / scale };
  }

  pixel([x, y]) {
    const { scale, left, top } = this.frame;
    return [(x - left) * scale, (top - y) * scale];
  }

  units([px, py]) {
    const { scale, left, top } = this.frame;
    return [left + px / scale, top - py / scale];
  }

  /** Two opposite corners of what is shown, in the map's units. */
  corners() {
    return this.frame ? [this.units([0, 0]), this.units(this.base.box)] : [];
  }

  imageAt(px) {
    if (!this.frame) return -1;
    const { x, y, index } = this.blob.arrays;
    const place = nearest(x.length, 2, (i, j) => (j ? y[i] : x[i]), this.units(px));
    if (place < 0) return -1;
    const [qx, qy] = this.pixel([x[place], y[place]]);
    return Math.hypot(qx - px[0], qy - px[1]) <= REACH / 2 ? index[place] : -1;
  }

  _paintBase() {
    const { context: c, width, height } = plotContext(this.base);
    if (!width) return;
    this.stale = false;
    const { header, arrays } = this.blob;
    c.font = "14px sans-serif";
    c.fillStyle = this.colours.ink;
    if (!header.traces.length) {
      this.frame = null;
      c.textAlign = "center";
      c.fillText("one latent dimension: no map", width / 2, height / 2);
      return;
    }
    this.frame = this.window(width, height);
    if (this.manifold) this._askGrid(width, height);
    if (this.manifold && this.grid?.shown) {
      const { picture, x, y, w, h } = this.grid;
      const [px, py] = this.pixel([x, y]);
      c.drawImage(picture, px, py, w * this.frame.scale, h * this.frame.scale);
    }
    this._axes(c, width, height);
    c.globalAlpha = this.manifold ? 0.3 : 0.65;
    const size = arrays.x.length > 30_000 ? 1.4 : 2.4;
    for (const { marker, points: [from, to] } of header.traces) {
      c.fillStyle = marker.color;
      for (let i = from; i < to; i++) {
        const [px, py] = this.pixel([arrays.x[i], arrays.y[i]]);
        c.fillRect(px - size / 2, py - size / 2, size, size);
      }
    }
    c.globalAlpha = 1;
    c.textAlign = "center";
    c.textBaseline = "middle";
    c.font = "bold 17px sans-serif";
    c.lineWidth = 4;
    c.lineJoin = "round";
    c.strokeStyle = this.colours.paper;
    c.fillStyle = this.colours.ink;
    for (const { x, y, text } of header.layouts[this.theme].annotations ?? []) {
      const at = this.pixel([x, y]);
      const name = text.replace(/<[^>]*>/g, "");
      c.strokeText(name, ...at);
      c.fillText(name, ...at);
    }
  }

  _axes(c, width, height) {
    c.strokeStyle = this.colours.grid;
    c.fillStyle = this.colours.ink;
    c.lineWidth = 1;
    c.font = "12px sans-serif";
    const [left, bottom] = this.units([0, height]);
    const [right, top] = this.units([width, 0]);
    const step = round125(((right - left) / width) * 110);
    const line = (from, to) => {
      c.beginPath();
      c.moveTo(...from);
      c.lineTo(...to);
      c.stroke();
    };
    const label = (v) => String(Number(v.toPrecision(6))).replace("-", "−");
    const put = (text, px, py) => {
      if (this.manifold) {
        const { width: w, actualBoundingBoxLeft: l, actualBoundingBoxAscent: a, actualBoundingBoxDescent: d } = c.measureText(text);
        c.save();
        c.fillStyle = this.colours.paper;
        c.fillRect(px - l - 3, py - a - 3, w + 6, a + d + 6);
        c.restore();
      }
      c.fillText(text, px, py);
    };
    for (let v = Math.ceil(left / step) * step; v <= right; v += step) {
      const [px] = this.pixel([v, 0]);
      line([px, 0], [px, height]);
      c.textAlign = "center";
      if (px > 12 && px < width - 44) put(label(v), px, height - 4);
    }
    for (let v = Math.ceil(bottom / step) * step; v <= top; v += step) {
      const [, py] = this.pixel([0, v]);
      line([0, py], [width, py]);
      c.textAlign = "left";
      if (py > 26 && py < height - 18) put(label(v), 3, py + 4);
    }
    c.font = "bold 14px sans-serif";
    c.fillStyle = this.colours.z;
    c.textAlign = "right";
    put(`${zName(this.axes[0])} →`, width - 4, height - 4);
    c.textAlign = "left";
    put(`↑ ${zName(this.axes[1])}`, 3, 14);
  }

  /** The ring at z: an element that is moved, so that a drag repaints no map. At the edge nearest
   * to a z that is beyond it, the ring is dotted. */
  _paintRing() {
    if (this.ring.hidden === Boolean(this.frame)) this.ring.hidden = !this.frame;
    if (!this.frame) return;
    const at = this.pixel(this.view.project(this.z));
    const held = at.map((v, k) => Math.min(this.over.box[k], Math.max(0, v)));
    set(this.ring, "class", held.some((v, k) => v !== at[k]) ? "cursor beyond" : "cursor");
    this.ring.style.transform = `translate(${held[0].toFixed(1)}px, ${held[1].toFixed(1)}px)`;
  }

  /** What stays while z moves: the ellipse of q(z|x), the walk and its ends. */
  _paintOver() {
    const shown = [this.frame, this.posterior, this.path, this.colours];
    if (this.shown?.every((part, n) => part === shown[n])) return;
    const { context: c, width } = plotContext(this.over);
    if (!width) return;
    this.shown = shown;
    if (!this.frame) return;
    const { colours, posterior, view } = this;
    const trace = (points) => {
      c.beginPath();
      points.forEach((p) => c.lineTo(...this.pixel(p)));
    };
    c.strokeStyle = c.fillStyle = colours.posterior;
    c.lineWidth = 2;
    const centre = view.project(posterior.mu);
    [[2, 0.22], [1, 0.4]].forEach(([sigmas, alpha]) => {
      trace(ellipse(centre, view.covariance(posterior), sigmas, 48));
      c.closePath();
      c.globalAlpha = alpha;
      c.fill();
      c.globalAlpha = 0.9;
      c.stroke();
    });
    c.globalAlpha = 1;
    c.strokeStyle = colours.z;
    c.setLineDash([6, 4]);
    trace(this.path.map((code) => view.project(code)));
    c.stroke();
    c.setLineDash([]);
    c.font = "bold 15px sans-serif";
    c.textAlign = "center";
    c.textBaseline = "middle";
    if (this.ends)
      ["A", "B"].forEach((name, k) => {
        const at = this.pixel(view.project(this.ends[k]));
        c.lineWidth = 4;
        c.strokeStyle = colours.paper;
        c.strokeText(name, ...at);
        c.fillStyle = colours.z;
        c.fillText(name, ...at);
      });
  }

  // --- the manifold -----------------------------------------------------------------------------

  showManifold(on) {
    this.manifold = on;
    if (!on) this.grid = null;
    this.stale = true;
    this.listener.changed();
  }

  /** Dimensions that are not on the map changed: the grid is another one. */
  settled() {
    if (!this.manifold || this.vae.d <= 2) return;
    this.stale = true;
    this.listener.changed();
  }

  /** Order the decoded picture of every place, where it is not what is there or on its way. */
  _askGrid(width, height) {
    const { scale, left, top } = this.frame;
    const columns = Math.max(4, Math.round(width / CELL));
    const rows = Math.max(4, Math.round(height / CELL));
    const hidden = Float32Array.from(this.z);
    const key = [this.theme, width, height, scale, left, top, this.vae.d > 2 ? hidden.filter((_, i) => !this.axes.includes(i)).join() : ""].join("|");
    if (this.grid?.key === key && this.grid.vae === this.vae) return;
    const { d } = this.vae;
    const codes = new Float32Array(columns * rows * d);
    for (let r = 0; r < rows; r++)
      for (let k = 0; k < columns; k++) {
        const code = codes.subarray((r * columns + k) * d, (r * columns + k + 1) * d);
        code.set(hidden);
        this.view.move(code, [left + ((k + 0.5) * width) / columns / scale, top - ((r + 0.5) * height) / rows / scale]);
        this.vae.hold(code);
      }
    const picture = document.createElement("canvas");
    picture.width = columns * 28;
    picture.height = rows * 28;
    this.orders += 1;
    this.grid = { id: this.orders, key, vae: this.vae, columns, picture, x: left, y: top, w: width / scale, h: height / scale, shown: false };
    this.listener.grid({ id: this.orders, z: codes });
  }

  /** Pictures from the worker; of an older order they are too late. */
  takeGrid({ id, first, levels, last }) {
    if (id !== this.grid?.id) return;
    const { columns, picture } = this.grid;
    levels.forEach((level, k) => {
      const n = first + k;
      paintInk(picture, level, this.colours.ink, n % columns, Math.floor(n / columns));
    });
    this.grid.shown = true;
    if (last || first === 0) this.stale = true;
  }
}
