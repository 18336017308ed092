// Paths through the latent space: from A to B, straight or along a great circle, or along one
// dimension; played, scrubbed, and laid out as a filmstrip.

import { spherical, straight } from "../model/paths.js";
import { html, set, write, zName } from "../widgets/dom.js";
import { Playhead } from "../widgets/playhead.js";

export { spherical, straight };

const FRAMES = 8;

export class Walk {
  /**
   * @param {HTMLElement} host
   * @param {{z: () => Float32Array, go: (z: Float32Array) => void, changed: () => void,
   *          start: () => void, stop: () => void}} listener
   */
  constructor(host, listener) {
    this.listener = listener;
    this.root = html(`
      <div class="walk">
        <div class="buttons">
          <select class="path" aria-label="path"></select>
          <button type="button" class="mark-a" title="Mark where z is now as A">Mark A</button>
          <button type="button" class="mark-b" title="Mark where z is now as B">Mark B</button>
        </div>
        <div class="film" role="group" aria-label="filmstrip of the path"></div>
        <input type="range" class="share" min="0" max="1" step="0.001" value="0" aria-label="place on the path">
        <div class="buttons">
          <button type="button" class="go" aria-pressed="false">Play</button>
          <label><input type="checkbox" class="loop" checked> there and back</label>
          <label><input type="number" class="seconds" min="1" max="30" step="1" value="4"> s</label>
        </div>
        <p class="note hint">Put z somewhere, or choose an image: Mark A. Go elsewhere: Mark B.</p>
      </div>`);
    host.append(this.root);
    const find = (name) => this.root.querySelector(name);
    this.select = find(".path");
    this.share = find(".share");
    this.goButton = find(".go");
    this.loop = find(".loop");
    this.seconds = find(".seconds");
    this.markButtons = [find(".mark-a"), find(".mark-b")];
    this.film = find(".film");
    this.marks = [null, null];
    this.anchor = null; // the code that a traversal departs from
    this.playing = false;
    this.head = new Playhead();
    this.t = 0;
    for (let i = 0; i < FRAMES; i++) {
      const frame = html(`<button type="button" aria-label="go to ${Math.round((100 * i) / (FRAMES - 1))} % of the path">
        <canvas class="digit" width="28" height="28"></canvas></button>`);
      frame.addEventListener("click", () => this._goto(i / (FRAMES - 1)));
      this.film.append(frame);
    }
    this.canvases = [...this.film.querySelectorAll("canvas")];
    this.markButtons.forEach((button, k) => button.addEventListener("click", () => this.mark(k)));
    this.select.addEventListener("change", () => this._chosen());
    this.share.addEventListener("input", () => this._goto(Number(this.share.value), false));
    this.share.addEventListener("change", () => this.listener.stop());
    this.goButton.addEventListener("click", () => this.play(!this.playing));
  }

  /** @param {{index: number, low: number, high: number}[]} dims @param {number} centre the prior's */
  setModel(dims, centre, d) {
    this.play(false);
    this.dims = new Map(dims.map((dim) => [String(dim.index), dim]));
    this.centre = centre;
    const before = this.select.value;
    this.select.replaceChildren(
      new Option("A to B, straight", "straight"),
      new Option("A to B, spherical", "spherical"),
      ...dims.map((dim) => new Option(`traverse ${zName(dim.index)}`, String(dim.index))),
    );
    if ([...this.select.options].some((o) => o.value === before)) this.select.value = before;
    if (this.d !== d) this.marks = [null, null];
    this.d = d;
    this.anchor = null;
    this.changed();
  }

  get dim() {
    return this.dims?.get(this.select.value) ?? null;
  }

  get ready() {
    return this.dim ? true : this.marks.every(Boolean);
  }

  /** The code at share t of the path. */
  at(t) {
    const { dim } = this;
    if (dim) {
      const z = (this.anchor ?? this.listener.z()).slice();
      z[dim.index] = dim.low + t * (dim.high - dim.low);
      return z;
    }
    const [a, b] = this.marks;
    return this.select.value === "spherical" ? spherical(a, b, t, this.centre) : straight(a, b, t);
  }

  /** Codes along the path, for the map. */
  codes(n = 48) {
    return this.ready ? Array.from({ length: n }, (_, i) => this.at(i / (n - 1))) : [];
  }

  mark(k) {
    this.play(false);
    this.marks[k] = this.listener.z().slice();
    if (this.dim) this.select.value = "straight";
    this.changed();
  }

  /** Play a dimension through its range. */
  traverse(index) {
    const same = this.dim?.index === index && this.playing;
    this.play(false);
    this.select.value = String(index);
    this._chosen();
    if (!same) this.play(true);
  }

  _chosen() {
    this.play(false);
    this.anchor = this.dim ? this.listener.z().slice() : null;
    if (this.dim) {
      const { low, high, index } = this.dim;
      this.t = Math.min(1, Math.max(0, (this.anchor[index] - low) / (high - low)));
    }
    this.changed();
  }

  /** z was moved by another hand: a traversal departs from the new place. */
  moved() {
    if (!this.dim) return;
    this.anchor = null;
    this.changed();
  }

  changed() {
    this.stale = true;
    this.goButton.disabled = this.share.disabled = !this.ready;
    this.listener.changed();
  }

  _goto(t, done = true) {
    if (!this.ready) return;
    this.play(false);
    if (this.dim) this.anchor ??= this.listener.z().slice();
    this.t = t;
    this.listener.go(this.at(t));
    if (done) this.listener.stop();
  }

  play(on) {
    if (on === this.playing || (on && !this.ready)) return;
    this.playing = on;
    set(this.goButton, "aria-pressed", on);
    write(this.goButton, on ? "Stop" : "Play");
    if (!on) {
      this.listener.stop();
      return;
    }
    if (this.dim) this.anchor ??= this.listener.z().slice();
    if (this.t >= 1) this.t = 0;
    this.head.begin();
    this.listener.start();
  }

  /** The code of this frame while playing. @returns {Float32Array | null} */
  next(now) {
    if (!this.playing) return null;
    const seconds = Math.min(30, Math.max(1, Number(this.seconds.value) || 4));
    const before = this.t;
    this.t = this.head.next(now, before, seconds, this.loop.checked);
    if (!this.head.ended) return this.t === before ? null : this.at(this.t);
    this.listener.go(this.at(this.t)); // before it is told
    this.play(false);
    return null;
  }

  /** @param {(canvas: HTMLCanvasElement, z: Float32Array) => void} draw */
  paint(draw) {
    const text = this.t.toFixed(3);
    if (this.share.value !== text) this.share.value = text;
    if (!this.stale || !this.film.clientWidth) return;
    this.stale = false;
    this.root.querySelector(".hint").hidden = this.ready;
    this.film.classList.toggle("empty", !this.ready);
    if (this.ready) this.canvases.forEach((canvas, i) => draw(canvas, this.at(i / (FRAMES - 1))));
  }
}
