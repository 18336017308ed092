// One model of the Compare page: its map, its z, its picture and its terms.

import { columnOf } from "./compare_page.js";
import { paintDigit, plotContext, round125, set, signed, watchSize, write, zName } from "./dom.js";
import { LIKELIHOODS } from "./likelihoods.js";
import { ellipse, nearest } from "./views.js";
import { spherical, straight } from "./walk.js";

const CLICK = 4; // pixels a press may wander and still be a click
const REACH = 14; // pixels from a point that still mean it
const CELL = 26; // pixels of a picture of the manifold, about
const DRAWS = 256;
const DASHES = ["", "7 4", "2 3", "10 3 2 3"];

export class Column {
  /**
   * @param {{place: (t: number[]) => void, release: () => void, pick: (image: number) => void,
   *   key: (event: KeyboardEvent) => void, film: (share: number) => void,
   *   changed: (what: string) => void}} listener
   */
  constructor(listener) {
    this.listener = listener;
    this.root = columnOf();
    this.base = this.$("canvas.base");
    this.over = this.$("canvas.over");
    this.plane = this.$(".plane");
    this.ring = this.$(".cursor");
    for (const canvas of [this.base, this.over])
      watchSize(canvas, () => {
        this.stale = true;
        this.shown = null;
        listener.changed("size");
      });
    this.marks = [null, null];
    this.path = [];
    this.order = 0;
    this.manifold = false;
    this._hands();
  }

  $(selector) {
    return this.root.querySelector(selector);
  }

  _hands() {
    let press = null;
    const at = (event) => {
      const box = this.over.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    const move = (px) => this.axes.length > 1 && this.listener.place(this.standingOf(this.units(px)));
    this.plane.addEventListener("pointerdown", (event) => {
      if (event.button || !event.isPrimary || !this.view) return;
      this.plane.setPointerCapture(event.pointerId);
      this.plane.focus({ preventScroll: true });
      press = { from: at(event), moved: false };
      event.preventDefault();
    });
    this.plane.addEventListener("pointermove", (event) => {
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
    this.plane.addEventListener("pointerup", up);
    this.plane.addEventListener("pointercancel", up);
    this.plane.addEventListener("lostpointercapture", up);
    this.plane.addEventListener("keydown", (event) => this.listener.key(event));
  }

  // --- the model --------------------------------------------------------------------------------

  take({ vae, blob, view, dash, name, note, colours, theme }) {
    this.stale ||= blob !== this.blob || colours !== this.colours;
    if (vae !== this.vae) {
      this.x = null;
      this.picture = null;
      this.marks = [null, null];
    }
    Object.assign(this, { vae, blob, view, colours, theme });
    this.axes = view?.i === undefined ? [0] : [view.i, view.j];
    write(this.$(".name"), name);
    write(this.$("header .note"), note);
    set(this.$("header"), "title", `${name}: ${note}`);
    set(this.$(".dash path"), "stroke-dasharray", DASHES[dash]);
    set(this.plane, "aria-label", `Map of ${name}. Arrow keys move z in every model, with Shift in fine steps; Home takes each to its μ.`);
    set(this.root, "data-name", name);
    set(this.root, "aria-label", name);
    set(this.$(".film"), "aria-label", `filmstrip of the walk, ${name}`);
    const { formula, constant } = vae.likelihood;
    this.$(".term.own").classList.toggle("same", constant === 0); // it keeps its line: columns align
    write(this.$(".term.own .name"), formula);
    if (constant === null) set(this.$(".term.own"), "title", "What this model was trained with: a distance, no likelihood");
    else set(this.$(".term.own"), "title", `What this model was trained with; with ${constant.toFixed(1)} it is −log p(x|z) in nats`);
  }

  /** A worker of its own: the manifold, and the mean over q(z|x). */
  work(worker, model) {
    if (!this.worker) {
      try {
        this.worker = new Worker(worker, { type: "module" });
        this.worker.onmessage = ({ data }) => this._answered(data);
      } catch {
        this.worker = null; // the page works without; only the means and grids are missing
      }
    }
    this.worker?.postMessage({ model });
  }

  leave() {
    this.worker?.terminate();
    this.root.remove();
  }

  encode(x) {
    if (x === this.x) return;
    this.x = x;
    this.posterior = this.vae.encode(x);
    const output = this.vae.decode(this.posterior.mu);
    this.level = LIKELIHOODS.bernoulli(output, x) + this.posterior.kl;
    this.mean = null;
    this.order += 1;
    if (this.vae.likelihood.constant === null) return; // there is no ELBO to estimate
    this.worker?.postMessage({ kind: "expect", id: this.order, x, posterior: this.posterior, draws: DRAWS });
  }

  _answered(answer) {
    if (answer.kind === "expect" && answer.id === this.order) this.mean = answer;
    else if (answer.kind === "grid" && answer.id === this.grid?.id) this._takeGrid(answer);
    else return;
    this.listener.changed("worker");
  }

  // --- where z is -------------------------------------------------------------------------------

  /** A code of this model at a place under its prior; the dimensions that are not shown keep μ's. */
  at(t, mu) {
    const z = Float32Array.from(mu);
    this.axes.forEach((axis, k) => {
      if (Number.isFinite(t[k])) z[axis] = this.vae.prior.at(t[k]);
    });
    return this.vae.hold(z);
  }

  /** Where this model's z stands under its prior. */
  standing() {
    return this.standingOf(this.axes.map((axis) => this.z?.[axis] ?? this.vae.prior.at(0)));
  }

  standingOf(values) {
    return values.map((value) => this.vae.prior.standing(value));
  }

  mark(k, { x, where }) {
    const { mu } = this.vae.encode(x);
    this.marks[k] = where.kind === "place" ? this.at(where.t, mu) : Float32Array.from(mu);
  }

  setPath(kind, reach, frames) {
    const { prior } = this.vae;
    const [a, b] = this.marks;
    const axis = { across: 0, up: 1 }[kind];
    const from = this.z ?? this.posterior.mu;
    this.walk = (share) => {
      let z;
      if (axis !== undefined) {
        z = Float32Array.from(from);
        if (axis < this.axes.length) z[this.axes[axis]] = prior.at(reach * (2 * share - 1));
      } else z = kind === "spherical" ? spherical(a, b, share, prior.mean) : straight(a, b, share);
      return this.vae.hold(z);
    };
    this.ends = axis === undefined;
    this.path = Array.from({ length: 40 }, (_, i) => this.walk(i / 39));
    const film = this.$(".film");
    while (film.children.length < frames) {
      const share = film.children.length / (frames - 1);
      const button = document.createElement("button");
      button.type = "button";
      button.innerHTML = '<canvas class="digit" width="28" height="28"></canvas>';
      set(button, "aria-label", `${this.root.dataset.name}: go to ${Math.round(100 * share)} % of the walk`);
      button.addEventListener("click", () => this.listener.film(share));
      film.append(button);
    }
    [...film.children].forEach((button, i) => {
      const z = this.walk(i / (frames - 1));
      paintDigit(button.firstElementChild, this.vae.mean(this.vae.decode(z)));
    });
  }

  /** @param {import("./compare.js").Where} where */
  put(where) {
    const { mu } = this.posterior;
    if (where.kind === "place") this.z = this.at(where.t, mu);
    else if (where.kind === "walk") this.z = this.walk(where.share);
    else this.z = Float32Array.from(mu);
    const output = this.vae.decode(this.z);
    this.picture = this.vae.mean(output, this.picture ?? undefined);
    this.bce = LIKELIHOODS.bernoulli(output, this.x);
    this.own = this.vae.likelihood.constant === 0 ? this.bce : this.vae.reconstruction(output, this.x);
    paintDigit(this.$("canvas.x-hat"), this.picture);
  }

  // --- what is painted --------------------------------------------------------------------------

  /** About what the two terms of x add up to: one scale for the bars of all models. */
  usual() {
    return 1.6 * (this.level ?? 100);
  }

  paint(scale) {
    const { posterior, vae, axes, z } = this;
    const width = (value) => `${Math.min(100, (100 * value) / scale).toFixed(2)}%`;
    const term = (name, value, digits) => write(this.$(`.term.${name} .value`), value.toFixed(digits));
    term("reconstruction", this.bce, 1);
    term("kl", posterior.kl, 2);
    term("own", this.own, 1);
    this.$(".bar.reconstruction").style.width = width(this.bce);
    this.$(".bar.kl").style.width = width(posterior.kl);
    write(this.$(".at"), axes.map((axis) => `${zName(axis)} ${signed(z[axis])}`).join("  "));
    const { constant, title } = vae.likelihood;
    const whose = constant === 0 ? "" : `, ${title.split(/[ ,(]/)[0]}:`;
    const total = this.mean && this.mean.mean + posterior.kl + (constant ?? 0);
    write(
      this.$(".bound"),
      constant === null ? "no −ELBO: trained with a distance" : this.mean?.n > 1 ? `−ELBO of x${whose} ${total.toFixed(1)} ± ${this.mean.error.toFixed(1)}` : "",
    );
    set(this.$("canvas.x-hat"), "aria-label", `picture decoded from ${axes.map((a) => `${zName(a)} = ${z[a].toFixed(2)}`).join(", ")}`);
    if (this.stale) this._paintBase();
    this._paintOver();
    this._paintRing();
  }

  /** What the map shows: its middle, and pixels a unit, the same both ways. */
  window(width, height) {
    const { xaxis, yaxis } = this.blob.header.layouts[this.theme];
    const [x0, x1] = xaxis.range;
    const [y0, y1] = yaxis.range;
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
        c.save();
        c.strokeStyle = this.colours.paper;
        c.lineWidth = 4;
        c.lineJoin = "round";
        c.strokeText(text, px, py);
        c.restore();
      }
      c.fillText(text, px, py);
    };
    for (let v = Math.ceil(left / step) * step; v <= right; v += step) {
      const [px] = this.pixel([v, 0]);
      line([px, 0], [px, height]);
      c.textAlign = "center";
      if (px > 12 && px < width - 34) put(label(v), px, height - 4);
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

  /** The ring at z: an element that is moved, so that a drag repaints no map. */
  _paintRing() {
    const [width, height] = this.over.box;
    const [px, py] = this.frame ? this.pixel(this.view.project(this.z)) : [-1, -1];
    const within = px >= 0 && py >= 0 && px <= width && py <= height;
    if (this.ring.hidden === within) this.ring.hidden = !within;
    if (!within) return;
    this.ring.style.transform = `translate(${px.toFixed(1)}px, ${py.toFixed(1)}px)`;
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
        const at = this.pixel(view.project(this.marks[k]));
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
    this.listener.changed("manifold");
  }

  /** Dimensions that are not on the map changed: the grid is another one. */
  settled() {
    if (!this.manifold || this.vae.d <= 2) return;
    this.stale = true;
    this.listener.changed("manifold");
  }

  /** Order the decoded picture of every place, where it is not what is there or on its way. */
  _askGrid(width, height) {
    const { scale, left, top } = this.frame;
    const columns = Math.max(4, Math.round(width / CELL));
    const rows = Math.max(4, Math.round(height / CELL));
    const hidden = Float32Array.from(this.z ?? this.posterior.mu);
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
    this.gridId = (this.gridId ?? 0) + 1;
    this.grid = { id: this.gridId, key, vae: this.vae, columns, picture, x: left, y: top, w: width / scale, h: height / scale, shown: false };
    this.worker?.postMessage({ kind: "grid", id: this.gridId, z: codes });
  }

  _takeGrid({ first, levels, last }) {
    const { columns, picture } = this.grid;
    const context = picture.getContext("2d", { willReadFrequently: true });
    const ink = [1, 3, 5].map((i) => parseInt(this.colours.ink.slice(i, i + 2), 16));
    levels.forEach((level, k) => {
      const n = first + k;
      const image = context.createImageData(28, 28);
      for (let i = 0; i < 784; i++) {
        image.data.set(ink, 4 * i);
        image.data[4 * i + 3] = level[i];
      }
      context.putImageData(image, (n % columns) * 28, Math.floor(n / columns) * 28);
    });
    this.grid.shown = true;
    if (last || first === 0) this.stale = true;
  }
}
