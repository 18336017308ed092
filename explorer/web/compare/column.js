// One model of the Compare page: its map, its z, its picture and its terms.

import { columnOf } from "./page.js";
import { paintDigit, set, signed, write, zName } from "../widgets/dom.js";
import { LIKELIHOODS } from "../model/likelihoods.js";
import { Plane } from "../map/canvas_map.js";
import { spherical, straight } from "../explore/walk.js";

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
    this.plane = new Plane(this.$(".plane"), {
      move: (xy) => listener.place(this.standingOf(xy)),
      release: listener.release,
      pick: listener.pick,
      key: listener.key,
      changed: () => listener.changed("map"),
      grid: (order) => this.worker?.postMessage({ kind: "grid", ...order }),
    });
    this.marks = [null, null];
    this.path = [];
    this.order = 0; // counts x
  }

  $(selector) {
    return this.root.querySelector(selector);
  }

  // --- the model --------------------------------------------------------------------------------

  take({ vae, blob, view, dash, name, note, colours, theme }) {
    if (vae !== this.vae) {
      this.x = null;
      this.picture = null;
      this.own = undefined;
      this.marks = [null, null];
    }
    this.vae = vae;
    this.axes = view?.i === undefined ? [0] : [view.i, view.j];
    this.plane.take({ vae, blob, view, axes: this.axes, colours, theme });
    write(this.$(".name"), name);
    write(this.$("header .note"), note);
    set(this.$("header"), "title", `${name}: ${note}`);
    set(this.$(".dash path"), "stroke-dasharray", DASHES[dash]);
    set(this.plane.root, "aria-label", `Map of ${name}. Arrow keys move z in every model, with Shift in fine steps; Home takes each to its μ.`);
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
    else if (answer.kind === "term") this.own = answer.value;
    else if (answer.kind === "grid") this.plane.takeGrid(answer);
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

  /** How far out the map goes along its axis `k`, in standard normal units. */
  reach(k) {
    const ends = this.plane.corners().map((corner) => corner[k]);
    return k < this.axes.length ? Math.max(0, ...this.standingOf(ends).map(Math.abs)) : 0;
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
    this._ownTerm(output);
    paintDigit(this.$("canvas.x-hat"), this.picture);
  }

  /** The term that the model was trained with. A costly one comes from the worker, a little later:
   * the pictures of all models do not wait for it. */
  _ownTerm(output) {
    const { vae, x, z } = this;
    if (vae.costly && this.worker) {
      this.worker.postMessage({ kind: "term", of: this.order, x, z });
    } else this.own = vae.likelihood.constant === 0 ? this.bce : vae.reconstruction(output, x);
  }

  // --- what is painted --------------------------------------------------------------------------

  /** About what the two terms of x add up to: one scale for the bars of all models. */
  usual() {
    return 1.6 * (this.level ?? 100);
  }

  paint(scale) {
    const { posterior, vae, axes, z } = this;
    const width = (value) => `${Math.min(100, (100 * value) / scale).toFixed(2)}%`;
    const term = (name, value, digits) => write(this.$(`.term.${name} .value`), value?.toFixed(digits) ?? "");
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
    this.plane.paint({ posterior, z, path: this.path, ends: this.ends ? this.marks : null });
  }
}
