// The film of a finished run, small: what will happen, before there is a run. It plays once when it is seen.

import { fetchBlob } from "../model/blobs.js";
import { ImageShape } from "../model/image_shape.js";
import { find, html, lessMotion, write } from "../widgets/dom.js";
import { paintRows } from "../widgets/image.js";
import { medianOf, momentAt, placeOf, spanOf, stepAt } from "./moments.js";
import { Scatter } from "./scatter.js";

/**
 * @typedef {import("./snapshots.js").Frame} Frame
 * @typedef {{film: string, root: string, colours: string[]}} FilmData where it is, relative to the app's
 *   root, and the classes' colours
 */

const PACE = 2.2; // snapshots a second

const MARKUP = `
<figure class="stage forming" data-ready="false">
  <div class="views">
    <div class="scatter-host"><canvas class="scatter" role="img" aria-label="Codes of images, coloured by class: one heap at first, classes apart in the end"></canvas><i class="swatch" hidden></i></div>
    <canvas class="grid picture" role="img" aria-label="Pictures decoded from all over the prior: grey at first, digits in the end"></canvas>
  </div>
  <figcaption><button type="button" class="play">Hold</button> <span class="when"></span></figcaption>
</figure>`;

/**
 * @param {import("../model/blob_types.js").FilmBlob} blob
 * @returns {Frame[]} as the snapshots of a run are
 */
function framesOf({ header, arrays }) {
  const { steps, axes, prior, classes, code_step: unit } = header;
  const { codes, grid, labels } = arrays;
  const each = codes.length / steps.length;
  const cells = grid.length / steps.length;
  const d = each / labels.length;
  return steps.map((step, n) => {
    const own = Float32Array.from(codes.subarray(n * each, (n + 1) * each), (v) => v * unit);
    return {
      step,
      version: "",
      codes: own,
      d,
      axes,
      grid: grid.subarray(n * cells, (n + 1) * cells),
      reconstructions: new Uint8Array(),
      span: spanOf(own, d, axes, prior),
      medians: classes.map((_, label) => medianOf(own, d, axes, labels, label)),
    };
  });
}

class Film {
  /** @param {FilmData} data */
  constructor(data) {
    this.data = data;
    this.root = html(MARKUP);
    this.grid = find(this.root, "canvas.grid", HTMLCanvasElement);
    this.button = find(this.root, ".play");
    this.when = find(this.root, ".when");
    /** @type {import("../model/blob_types.js").FilmBlob | null} */
    this.blob = null;
    /** @type {Frame[]} */
    this.frames = [];
    this.place = 0; // from 0 to the last frame
    this.playing = false;
    this.frame = 0; // the animation frame that was asked for
    this.before = 0; // when the last one was
    /** @type {Frame | null} */
    this.painted = null;
    this.scatter = new Scatter(
      find(this.root, "canvas.scatter", HTMLCanvasElement),
      find(this.root, ".swatch"),
      () => this.change(),
    );
    this.button.addEventListener("click", () => this.play(!this.playing));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.change());
  }

  async load() {
    this.blob = await fetchBlob(new URL(this.data.film, this.data.root).href, "film");
    this.frames = framesOf(this.blob);
    this.place = lessMotion() ? this.frames.length - 1 : 0;
    this.root.dataset.ready = "true";
    this.play(!lessMotion());
  }

  /** @param {boolean} on */
  play(on) {
    const end = this.frames.length - 1;
    if (on && this.place >= end) this.place = 0;
    this.playing = on;
    this.before = 0;
    this.change();
  }

  change() {
    if (this.blob) this.frame ||= requestAnimationFrame((now) => this.paint(now));
  }

  /** @param {number} now milliseconds */
  paint(now) {
    this.frame = 0;
    const { blob, frames } = this;
    if (!blob || !this.root.isConnected) return;
    const end = frames.length - 1;
    if (this.playing) {
      const seconds = this.before ? Math.min(0.1, (now - this.before) / 1000) : 0;
      this.before = now;
      this.place = Math.min(end, this.place + PACE * seconds);
      if (this.place >= end) this.playing = false;
    }
    const { classes, prior, axes, steps, shape, epochs, last_step: last } = blob.header;
    /** @type {import("./moments.js").Known[]} */
    const known = steps.map((step) => [step, ""]);
    const step = stepAt(known, this.place);
    const moment = momentAt(frames, step);
    const { labels } = blob.arrays;
    this.scatter.draw({ axes, prior, classes, labels, colours: this.data.colours }, moment);
    const shown = moment.share > 0.5 ? moment.b : moment.a;
    if (shown !== this.painted) {
      this.painted = shown;
      const of = new ImageShape(shape);
      paintRows(this.grid, shown.grid, of, Math.round(Math.sqrt(shown.grid.length / of.size)));
    }
    const { preset, total } = blob.header;
    const epoch = (epochs * step) / last;
    const done = placeOf(known, step) >= end;
    write(
      this.when,
      `${preset}, ${done ? `${epochs} epochs: −ELBO ${total.toFixed(1)} nats` : `epoch ${epoch.toFixed(1)} of ${epochs}`}`,
    );
    write(this.button, this.playing ? "Hold" : done ? "Replay" : "Play");
    if (this.playing) this.change();
  }

  pause() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    this.playing = false;
  }
}

/** @type {Film | null} */
let film = null;

/** Put the film under an element; without it the page is as it is. @param {HTMLElement} parent @param {FilmData} data */
export function show(parent, data) {
  if (!film) {
    film = new Film(data);
    film.load().catch(() => film?.root.remove());
  }
  if (film.root.parentElement !== parent) parent.append(film.root);
  film.change();
  return film;
}
