// The live stage. All of the VAE runs here: whatever a hand moves, the next frame shows the new
// picture and the new terms. The server is told when the hand lets go.

import { set, write } from "../widgets/dom.js";
import { paint } from "./frame.js";
import { layout } from "./layout.js";
import { Loader } from "../model/loader.js";
import { Pictures } from "../model/blobs.js";
import { loadPlotly, themeOf } from "../widgets/plotly.js";
import { Vae } from "../model/vae.js";
import { nearest, viewOf } from "../map/projections.js";
import { wire } from "./wire.js";

const DRAWS = 256; // of the reconstruction term's mean over q(z|x)
const REST = 350; // milliseconds after the last key press until the server is told

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
    this.loader = new Loader({
      model: (blob) => new Vae(blob),
      pictures: (blob) => new Pictures(blob),
      map: (blob) => blob,
    });
    this.dirty = new Set();
    this.frame = 0;
    this.settling = 0;
    this.over = null;
    this.order = 0;
    this.told = "";
    this.tellings = 0;
    this.lasso = null;
    wire(this);
    this.root.inert = true; // until there is something to move
  }

  $(selector) {
    return this.root.querySelector(selector);
  }

  // --- what the page says -----------------------------------------------------------------------

  /** Show what the page asks for. The same data twice changes nothing. @param {Data} data */
  async update(data) {
    this.data = data;
    const theme = themeOf(this.root);
    write(this.$(".map-message"), data.message ?? "");
    const wanted = [data.key, data.model, data.pictures, data.map, theme].join();
    this.wanted = wanted;
    if (this.shown === wanted) return;
    try {
      const [vae, pictures, blob] = await Promise.all(
        ["model", "pictures", "map"].map((kind) => this.loader.get(kind, data[kind], data.root)),
      );
      if (this.wanted !== wanted || this.shown === wanted) return; // a newer call has it
      this._take(data, vae, pictures, blob, theme);
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

  _take(data, vae, pictures, blob, theme) {
    const { header } = blob;
    const revision = header.layouts[theme]?.uirevision;
    const sameMap = revision === this.revision && data.key === this.scene;
    this.revision = revision;
    this.theme = theme;
    this.colours = header.themes[theme];
    this.root.dataset.theme = theme;
    this.root.dataset.dims = header.dims.length > 4 ? "many" : "few";
    if (vae !== this.vae) {
      this.vae = vae;
      this.terms.setLikelihood(vae.likelihood);
      this.sampler.setModel(vae);
      this.trace.unit = vae.likelihood.constant === null ? "" : "nats, ";
      this._work(data);
    }
    this.pictures = pictures;
    this.blob = blob;
    this.view = viewOf(blob);
    this.map.blob = blob;
    this.map.theme = this.colours;
    this.free = null;
    this.tip.hide();
    if (!sameMap) this._otherMap();
    if (data.key !== this.scene) this._otherScene(data, header);
    this.change("x");
    this.root.inert = false;
    paint(this, performance.now()); // the picture is there before the map is
  }

  /** What belonged to the map before goes: its lasso, its grid, what lies over it. */
  _otherMap() {
    this.lasso = null;
    const button = this.$(".manifold-switch");
    button.disabled = !this.view?.invertible;
    button.title = button.disabled
      ? "This map has no inverse, so there is no picture for each of its places"
      : "The decoded picture of every place, as the map's background";
    this.manifold.forget();
    this.map.host.classList.toggle("with-manifold", this.manifold.on && !button.disabled);
    this.map.clear();
  }

  /** Another model, or other images: z and x begin where the page says. */
  _otherScene(data, header) {
    const images = (key) => key?.split("|")[1];
    // A drawing outlives another checkpoint; another set of images is another x.
    const keep = this.pad.active && images(this.scene) === images(data.key);
    this.scene = data.key;
    this.told = "";
    this.dims = header.dims;
    this.sliders.setDims(this.dims);
    this.klBars.setDims(this.dims);
    this.input.setTypical(header.typical, this.pictures);
    this.trace.clear();
    const { image, z } = data.start;
    if (!keep) {
      this.pad.leave();
      this.image = image;
      this.x = this.pictures.get(image);
    }
    this._encode();
    this.z = Float32Array.from(keep || !z ? this.posterior.mu : z);
    this.walk.setModel(this.dims, this.vae.prior.mean, this.vae.d);
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
      // Far beyond every code there is nothing to see, and no way back by hand.
      for (const { index, low, high } of this.dims) {
        const span = high - low;
        this.z[index] = Math.min(high + span, Math.max(low - span, this.z[index]));
      }
      this.vae.hold(this.z);
    } else {
      const { x, y, index } = this.blob.arrays;
      const place = nearest(x.length, 2, (i, j) => (j ? y[i] : x[i]), xy);
      this.free = { xy, place };
      this.z.set(this.vae.encode(this.pictures.get(index[place])).mu);
    }
    this.change("z");
  }

  /** Put a code at a place of the map, or as near as the prior lets it. */
  place(z, xy) {
    this.view.move(z, xy);
    this.vae.hold(z);
  }

  goTo(z) {
    this.free = null;
    this.z.set(z);
    this.vae.hold(this.z);
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
    // An empty pad is no x: the last one stays until there is ink.
    if (!this.pad.empty) {
      this.x = this.pad.image();
      this._encode();
      this.goTo(this.posterior.mu);
    }
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

  /** The hand let go: tell the server what is shown, and order what takes longer. */
  settle() {
    clearTimeout(this.settling);
    if (!this.vae) return;
    this.walk.moved();
    if (this.view?.invertible && this.vae.d > 2) this.askManifold();
    this.change("settle");
    const z = [...this.z].map((v) => Number(v.toFixed(4)));
    const view = { key: this.scene, image: this.image, z };
    const text = JSON.stringify(view);
    if (text === this.told) return;
    this.told = text;
    this.tellings += 1; // the same view may be told again after another scene
    this.tell({ ...view, telling: this.tellings });
  }

  askManifold() {
    if (this.view?.invertible && this.z)
      this.manifold.ask((z, xy) => this.place(z, xy), this.z);
  }

  // --- a frame ----------------------------------------------------------------------------------

  /** Something changed: the next frame shows it. However often this is called, there is one. */
  change(what) {
    this.dirty.add(what);
    this.frame ||= requestAnimationFrame((now) => paint(this, now));
  }

  _encode() {
    this.posterior = this.vae.encode(this.x);
    this.sampler.reset();
    this.over = null;
    this.order += 1;
    this.worker?.postMessage({ kind: "expect", id: this.order, x: this.x, posterior: this.posterior, draws: DRAWS });
  }

  /** The stage is not on the page for now. */
  pause() {
    this.halt();
    this.map.hands.drop();
    this.pad.pen = null;
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
