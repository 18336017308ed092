// The live stage. All of the VAE runs here: whatever a hand moves, the next frame shows the new
// picture and the new terms. The server is told when the hand lets go.

import { html, lessMotion, paintDigit, set, signed, write, zName } from "./dom.js";
import { layout, oneOf } from "./layout.js";
import { Manifold } from "./manifold.js";
import { LatentMap } from "./map.js";
import { Pad } from "./pad.js";
import { Pictures, fetchBlob } from "./payload.js";
import { loadPlotly, themeOf } from "./plotly.js";
import { Sampler } from "./sampler.js";
import { Sliders } from "./sliders.js";
import { KlBars, Terms, Trace } from "./terms.js";
import { Vae } from "./vae.js";
import { ellipse, nearest, viewOf } from "./views.js";
import { Walk } from "./walk.js";

const DRAWS = 256; // of the reconstruction term's mean over q(z|x)
const REST = 350; // milliseconds after the last key press until the server is told
const KEPT = 6; // blobs of each kind that stay unpacked

/**
 * What the page says: paths of the blobs relative to `root`, and where to start.
 * @typedef {{root: string, plotly: string, worker: string, key: string, model: string,
 *   pictures: string, map: string, start: {image: number, z: number[] | null},
 *   message: string}} Data
 */

export class Stage {
  constructor() {
    this.root = layout();
    this.tell = () => {};
    this.data = null;
    this.vae = null;
    this.blobs = new Map();
    this.dirty = new Set();
    this.frame = 0;
    this.settling = 0;
    this.over = null;
    this.order = 0;
    this.dragging = false;
    this._build();
  }

  $(selector) {
    return this.root.querySelector(selector);
  }

  _build() {
    const change = (what) => this.change(what);
    this.map = new LatentMap(this.$(".map"), {
      move: (xy) => {
        this.halt();
        this.moveTo(xy);
      },
      release: () => this.settle(),
      pick: (image) => this.choose(image),
      hover: (image, at) => this.hover(image, at),
      window: () => this.manifold.askSoon((z, xy) => this.view?.move?.(z, xy), () => this.z),
      selected: (places) => this.selected(places),
      key: (event) => this.key(event),
    });
    this.manifold = new Manifold(this.map, (order) => this.worker?.postMessage(order));
    this.pad = new Pad(this.$(".pad"), {
      changed: () => this.drawn(),
      done: () => this.settle(),
    });
    this.sliders = new Sliders(this.$(".sliders"), {
      slide: (dim, value) => {
        this.halt();
        this.z[dim] = value;
        this.free = null;
        change("z");
      },
      release: () => this.settle(),
      traverse: (dim) => {
        this.openTab(this.$("[data-tab=walk]"));
        this.walk.traverse(dim);
      },
    });
    this.terms = new Terms(this.$(".terms-host"));
    this.trace = new Trace(this.$(".trace"), () => change("tab"));
    this.klBars = new KlBars(this.$("[data-panel=kl]"));
    const playing = { start: () => change("play"), stop: () => this.settle() };
    this.sampler = new Sampler(this.$("[data-panel=sample]"), {
      ...playing,
      resized: () => change("tab"),
    });
    this.walk = new Walk(this.$("[data-panel=walk]"), {
      z: () => this.z,
      go: (z) => this.goTo(z),
      changed: () => change("path"),
      ...playing,
    });
    const modes = oneOf(this.$(".switch"), "aria-checked", (b) => this.map.setMode(b.dataset.mode));
    modes(this.$("[data-mode=z]"));
    this.openTab = oneOf(this.$(".tabs"), "aria-selected", (b) => {
      for (const panel of this.root.querySelectorAll("[data-panel]"))
        panel.hidden = panel.dataset.panel !== b.dataset.tab;
      if (b.dataset.tab !== "sample") this.sampler.run(false);
      change("tab");
    });
    this.$(".manifold-switch").addEventListener("click", (event) => {
      const on = !this.manifold.on;
      set(event.currentTarget, "aria-pressed", on);
      this.manifold.show(on);
      this.askManifold();
    });
    const click = (selector, act) => this.$(selector).addEventListener("click", act);
    click(".undo", () => this.pad.undo());
    click(".clear", () => this.pad.clear());
    click(".edit", () => this.pad.edit(this.x));
    click(".back", () => this.back());
    click(".centre", () => {
      this.moveTo(this.lassoed);
      this.settle();
    });
  }

  // --- what the page says -----------------------------------------------------------------------

  /** Show what the page asks for. The same data twice changes nothing. @param {Data} data */
  async update(data) {
    this.data = data;
    const theme = themeOf(this.root);
    write(this.$(".map-message"), data.message ?? "");
    const wanted = [data.model, data.pictures, data.map, theme].join();
    if (this.shown === wanted) return;
    this.wanted = wanted;
    try {
      const [model, pictures, map] = await Promise.all([
        this._blob(data.model, "model", (blob) => new Vae(blob)),
        this._blob(data.pictures, "pictures", (blob) => new Pictures(blob)),
        this._blob(data.map, "map", (blob) => blob),
      ]);
      if (this.wanted !== wanted || this.shown === wanted) return; // a newer call has it
      this._take(model, pictures, map, theme);
      this.shown = wanted;
      this.fault("");
    } catch (error) {
      if (this.wanted === wanted) this.fault(error.message ?? String(error));
      return;
    }
    if (!this.blob.header.traces.length) {
      this.root.dataset.map = "none";
      this.root.dataset.ready = "true";
      return;
    }
    try {
      const plotly = await loadPlotly(new URL(data.plotly, data.root).href);
      if (this.shown !== wanted) return;
      this.root.dataset.map = "there";
      await this.map.draw(plotly, this.blob, theme);
      this.change("map");
      this.askManifold();
      this.root.dataset.ready = "true";
    } catch (error) {
      this.fault(error.message);
    }
  }

  async _blob(path, kind, make) {
    if (!this.blobs.has(path)) {
      const url = new URL(path, this.data.root).href;
      const made = fetchBlob(url, kind).then(make);
      this.blobs.set(path, made);
      made.catch(() => this.blobs.delete(path)); // the next update asks again
      const same = [...this.blobs.keys()];
      if (same.length > 3 * KEPT) this.blobs.delete(same[0]);
    }
    return this.blobs.get(path);
  }

  _take(vae, pictures, blob, theme) {
    const { data } = this;
    const { header } = blob;
    this.theme = theme;
    this.colours = header.themes[theme];
    this.root.dataset.theme = theme;
    const anew = data.key !== this.scene;
    if (vae !== this.vae) {
      this.vae = vae;
      this._work(data);
    }
    if (pictures !== this.pictures) {
      this.pictures = pictures;
      this.typicalKey = null;
    }
    this.blob = blob;
    this.view = viewOf(blob);
    this.map.blob = blob;
    this.map.theme = this.colours;
    this.free = null;
    const manifold = this.$(".manifold-switch");
    manifold.disabled = !this.view?.invertible;
    manifold.title = manifold.disabled
      ? "This map has no inverse, so there is no picture for each of its places"
      : "The decoded picture of every place, as the map's background";
    if (!this.view?.invertible && this.manifold.on) this.manifold.forget();
    if (anew) {
      const before = this.scene;
      this.scene = data.key;
      this.dims = header.dims;
      this.sliders.setDims(this.dims);
      this.klBars.setDims(this.dims);
      this._typical(header.typical);
      this.trace.clear();
      const { image, z } = data.start;
      // A drawing outlives another checkpoint; another set of images is another x.
      const keep = this.pad.active && before?.split("|")[1] === data.key.split("|")[1];
      if (!keep) {
        this.pad.leave();
        this.image = image;
        this.x = pictures.get(image);
      }
      this._encode();
      this.z = Float32Array.from(keep || !z ? this.posterior.mu : z);
      this.walk.setModel(this.dims, vae.prior.mean, vae.d);
      this.manifold.forget();
      this.map.scene = { cursor: null, rings: [], centre: null, path: [], marks: [null, null], near: -1 };
    }
    this.change("x");
    this._frame(performance.now()); // the picture is there before the map is
  }

  _work(data) {
    const href = (path) => new URL(path, data.root).href;
    if (!this.worker) {
      try {
        this.worker = new Worker(href(data.worker), { type: "module" });
        this.worker.onmessage = ({ data: answer }) => this.answered(answer);
      } catch {
        this.worker = null; // the stage works without; only the means are missing
      }
    }
    this.worker?.postMessage({ model: href(data.model) });
  }

  answered(answer) {
    if (answer.kind === "grid") this.manifold.take(answer);
    else if (answer.id === this.order) {
      this.over = answer;
      this.change("terms");
    }
  }

  fault(sentence) {
    const place = this.$(".fault");
    place.hidden = !sentence;
    write(place, sentence);
  }

  // --- what hands do ----------------------------------------------------------------------------

  /** Whatever plays stops: a hand has taken over. */
  halt() {
    this.walk.play(false);
    this.sampler.run(false);
    clearTimeout(this.settling);
  }

  moveTo(xy) {
    if (!this.view) return;
    if (this.view.invertible) {
      this.view.move(this.z, xy);
    } else {
      const { x, y, index } = this.blob.arrays;
      const place = nearest(x.length, 2, (i, j) => (j ? y[i] : x[i]), xy);
      this.free = { xy, place, image: index[place] };
      this.z.set(this.vae.encode(this.pictures.get(index[place])).mu);
    }
    this.change("z");
  }

  goTo(z) {
    this.free = null;
    this.z.set(z);
    this.change("z");
  }

  back() {
    this.halt();
    this.goTo(this.posterior.mu);
    this.settle();
  }

  /** Make image n the input, and z its code. */
  choose(n) {
    this.halt();
    this.pad.leave();
    this.image = n;
    this.x = this.pictures.get(n);
    this._encode();
    this.goTo(this.posterior.mu);
    this.change("x");
    this.settle();
  }

  drawn() {
    this.halt();
    this.x = this.pad.image();
    this._encode();
    this.goTo(this.posterior.mu);
    this.change("x");
  }

  key(event) {
    if (event.target !== this.map.host || !this.map.ready) return;
    const step = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (step) {
      event.preventDefault();
      this.halt();
      const w = this.map.window();
      const size = (w.x[1] - w.x[0]) * (event.shiftKey ? 0.001 : 0.01);
      const at = this.free?.xy ?? this.view.project(this.z);
      this.moveTo([at[0] + step[0] * size, at[1] + step[1] * size]);
      clearTimeout(this.settling);
      this.settling = setTimeout(() => this.settle(), REST);
    } else if (event.key === "Enter") {
      event.preventDefault();
      const near = this.map.pointAt(this.map.pixel(this.view.project(this.z)), 1e4);
      if (near >= 0) this.choose(this.blob.arrays.index[near]);
    } else if (event.key === "Home") {
      event.preventDefault();
      this.back();
    }
  }

  hover(image, at) {
    const tip = this.$(".tip");
    if (image === null) {
      tip.hidden = true;
      return;
    }
    const { vae, pictures } = this;
    const x = pictures.get(image);
    const q = vae.encode(x);
    const logits = vae.decode(q.mu);
    const nll = vae.nll(logits, x);
    const [first, second] = tip.querySelectorAll("canvas");
    paintDigit(first, x);
    paintDigit(second, vae.mean(logits));
    const name = pictures.classes[pictures.labels[image]];
    write(
      tip.querySelector("p"),
      `image ${image}, class ${name} · at its μ: reconstruction ${nll.toFixed(1)}, KL ${q.kl.toFixed(2)} nats`,
    );
    tip.hidden = false;
    const host = this.map.host.getBoundingClientRect();
    const base = this.root.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = tip;
    const left = host.left - base.left + at[0] + 16;
    const top = host.top - base.top + at[1] - height - 12;
    const right = base.width - width - 4;
    tip.style.left = `${left > right ? Math.max(4, left - width - 32) : left}px`;
    tip.style.top = `${top < 4 ? top + height + 28 : top}px`;
  }

  selected(places) {
    this.lassoed = null;
    if (places.length) {
      const { classes } = this.pictures;
      const counts = new Map();
      const sum = [0, 0];
      for (const [trace, x, y] of places) {
        const { name } = this.blob.header.traces[trace];
        counts.set(name, (counts.get(name) ?? 0) + 1);
        sum[0] += x / places.length;
        sum[1] += y / places.length;
      }
      this.lassoed = sum;
      const most = [...counts].sort((a, b) => b[1] - a[1]).slice(0, classes.length);
      this.lassoText = `${places.length.toLocaleString("en")} images: ${most
        .map(([name, n]) => `${name} ×${n}`)
        .join(", ")}.`;
    }
    this.change("note");
  }

  /** The hand let go: tell the server what is shown, and order what takes longer. */
  settle() {
    clearTimeout(this.settling);
    if (!this.vae) return;
    this.walk.moved();
    if (this.view?.invertible && this.vae.d > 2) this.askManifold();
    this.change("settle");
    const view = { key: this.scene, image: this.image, z: [...this.z].map((v) => Number(v.toFixed(4))) };
    const text = JSON.stringify(view);
    if (text === this.told) return;
    this.told = text;
    this.tell(view);
  }

  askManifold() {
    if (this.view?.invertible && this.z)
      this.manifold.ask((z, xy) => this.view.move(z, xy), this.z);
  }

  // --- a frame ----------------------------------------------------------------------------------

  /** Something changed: the next frame shows it. However often this is called, there is one. */
  change(what) {
    this.dirty.add(what);
    this.frame ||= requestAnimationFrame((now) => this._frame(now));
  }

  _encode() {
    this.posterior = this.vae.encode(this.x);
    this.sampler.reset();
    this.over = null;
    this.order += 1;
    const { mu, std } = this.posterior;
    this.worker?.postMessage({ kind: "expect", id: this.order, x: this.x, mu, std, draws: DRAWS });
  }

  _frame(now) {
    if (this.frame) cancelAnimationFrame(this.frame);
    this.frame = 0;
    if (!this.vae) return;
    const { vae, dirty } = this;
    this.dirty = new Set();
    const walked = this.walk.next(now);
    if (walked) this.z.set(walked);
    const drawn = walked ? null : this.sampler.next(now, vae, this.posterior);
    if (drawn) this.z.set(drawn);
    if (walked || drawn) this.free = null;
    if (dirty.has("z") || dirty.has("x") || walked || drawn) {
      const began = performance.now();
      const logits = vae.decode(this.z);
      this.mean = vae.mean(logits, this.mean);
      this.decodeMs = performance.now() - began;
      const nll = vae.nll(logits, this.x);
      this.now = { nll, kl: this.posterior.kl };
      if (drawn) this.sampler.add(nll, vae.logRatio(this.z, this.posterior));
      paintDigit(this.$("canvas.x-hat"), this.mean);
      this.trace.add(now, this.now);
    }
    if (dirty.has("x")) this._paintInput();
    this.sliders.paint(this.z, this.posterior);
    this.terms.paint(this.now, this.over);
    this._paintMap();
    this._paintTab();
    this._describe(dirty.has("settle"));
    if (this.walk.playing || this.sampler.active) this.change("play");
  }

  _paintInput() {
    const { pad, x, posterior, vae, pictures } = this;
    pad.paint(x);
    paintDigit(this.$("canvas.seen"), x);
    paintDigit(this.$("canvas.recon"), vae.mean(vae.decode(posterior.mu)));
    const name = pictures.classes[pictures.labels[this.image]];
    write(this.$(".quantity.x .what"), pad.active ? "your drawing" : `image ${this.image}, class ${name}`);
    this.$(".undo").disabled = !pad.active || !pad.strokes.length;
    this.$(".edit").disabled = pad.active;
    for (const button of this.$(".typical").children)
      set(button, "aria-pressed", !pad.active && Number(button.dataset.image) === this.image);
    const rows = this.dims.slice(0, 10).map((d) => {
      const i = d.index;
      const cells = [signed(posterior.mu[i]), posterior.std[i].toFixed(3), posterior.klPerDim[i].toFixed(2)];
      return `<tr${d.active ? "" : ' class="inactive"'}><th>${zName(i)}</th>${cells.map((c) => `<td>${c}</td>`).join("")}</tr>`;
    });
    this.$("table.posterior tbody").innerHTML = rows.join("");
    this.root.dataset.dims = this.dims.length > 4 ? "many" : "few";
  }

  _paintMap() {
    if (!this.view || !this.map.ready) {
      write(this.$(".map-note .text"), "");
      return;
    }
    const { view, posterior, walk } = this;
    const invertible = view.invertible;
    const cursor = this.free
      ? [this.blob.arrays.x[this.free.place], this.blob.arrays.y[this.free.place]]
      : view.project(this.z);
    const centre = invertible ? view.project(posterior.mu) : null;
    const covariance = invertible ? view.covariance(posterior) : null;
    const walking = !this.$("[data-panel=walk]").hidden;
    this.map.paint({
      cursor,
      centre,
      rings: centre ? [2, 1].map((sigmas) => ellipse(centre, covariance, sigmas)) : [],
      path: walking && invertible ? walk.codes().map((z) => view.project(z)) : [],
      marks: walking ? walk.marks.map((z) => z && view.project(z)) : [null, null],
      near: this.map.scene.near,
    });
    write(this.$(".map-note .text"), this._note());
    this.$(".centre").hidden = !this.lassoed;
  }

  _note() {
    if (this.lassoed) return this.lassoText;
    const { view, dims, vae } = this;
    const kind = this.blob.header.view.kind;
    if (kind === "pca")
      return `The ring is z's shadow: z lies ${view.residual(this.z).toFixed(2)} latent units off this plane, and a drag keeps that.`;
    if (kind === "t-sne") {
      const image = this.free?.image ?? this.blob.arrays.index[view.at(this.z)];
      return `t-SNE has no inverse: a drag gives z the code of the nearest image; the ring is at image ${image}.`;
    }
    const lost = dims.filter((d) => !d.active && [view.i, view.j].includes(d.index));
    if (lost.length)
      return `${lost.map((d) => zName(d.index)).join(" and ")} inactive: there q(z|x) is the prior, whatever x is.`;
    if (vae.d > 2) return `Two of ${vae.d} dimensions: a drag moves z in these and leaves the others.`;
    return "Drag on the map or a slider: x̂ and its terms follow. A click on a point makes it x.";
  }

  _paintTab() {
    const open = this.$('[role=tab][aria-selected="true"]').dataset.tab;
    if (open === "trace") this.trace.paint(this.colours);
    else if (open === "kl") this.klBars.paint(this.posterior.klPerDim);
    else if (open === "sample") this.sampler.paint(this.colours, this.posterior.kl, this.over);
    else
      this.walk.paint((canvas, z) => paintDigit(canvas, this.vae.mean(this.vae.decode(z))));
  }

  _describe(settled) {
    if (!settled || !this.now) return;
    const z = [...this.z].slice(0, 10).map((v) => v.toFixed(2)).join(", ");
    const { nll, kl } = this.now;
    set(this.$("canvas.x-hat"), "aria-label", `picture decoded from z = (${z})`);
    write(this.$(".announce"), `z = (${z}); reconstruction ${nll.toFixed(1)}, KL ${kl.toFixed(2)} nats`);
  }

  _typical(typical) {
    const { pictures } = this;
    const buttons = typical.flatMap((image, label) => {
      if (image === null) return [];
      const name = pictures.classes[label];
      const button = html(`<button type="button" data-image="${image}" title="${name}">
        <canvas class="digit" width="28" height="28"></canvas></button>`);
      set(button, "aria-label", `typical image of class ${name}`);
      button.title = name;
      paintDigit(button.firstElementChild, pictures.get(image));
      button.addEventListener("click", () => this.choose(image));
      return [button];
    });
    this.$(".typical").replaceChildren(...buttons);
  }

  /** The stage is not on the page for now. */
  pause() {
    this.halt();
  }
}

let stage = null;

/**
 * Put the stage into `parent` and show `data`. There is one stage, however often this is called: what
 * it shows outlives its place on the page.
 * @param {HTMLElement} parent @param {Data} data @param {(name: string, value: any) => void} send
 */
export function show(parent, data, send) {
  stage ??= new Stage();
  if (stage.root.parentElement !== parent) parent.append(stage.root);
  stage.tell = (view) => send("view", view);
  stage.update(data);
  return stage;
}
