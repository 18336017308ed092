// A session: one input, one walk and one place of z in one model or several. Whatever a hand moves, the
// next frame shows every model's picture and terms; the server is told when the hand lets go. A page says
// which models there are, and paints what is its own.

import { Loader } from "../model/loader.js";
import { Pictures } from "../model/blobs.js";
import { Vae } from "../model/vae.js";
import { savePicture } from "../map/picture.js";
import { oneOf } from "../widgets/choice.js";
import { set, write } from "../widgets/dom.js";
import { loadPlotly, themeOf } from "../widgets/plotly.js";
import { HoverCard } from "./hover_card.js";
import { InputPanel } from "./input_panel.js";
import { lassoOf } from "./notes.js";
import { Walk } from "./walk.js";

/** @typedef {import("./model_view.js").ModelView} ModelView */
/** @typedef {import("./model_view.js").Where} Where */

/**
 * What the page says: paths relative to `root`, the models, and where to begin.
 * @typedef {object} Data
 * @property {string} root
 * @property {string} worker
 * @property {string} plotly
 * @property {string} key of the images
 * @property {string} pictures
 * @property {{name: string, note: string, model: string, map: string}[]} models
 * @property {(number | null)[]} typical an image of each class
 * @property {{image: number, z?: number[], place?: number[] | null}} start
 * @property {string} [message] written over the map
 * @property {number} [furthest] of a place under a prior, in standard normal units
 */

const REST = 350; // milliseconds after the last key press until the server is told

export class Session {
  /** @param {HTMLElement} root the page's elements */
  constructor(root) {
    this.root = root;
    /** @type {(view: object) => void} */
    this.tell = () => {};
    /** @type {Data} */
    this.data = null;
    this.wanted = this.shown = ""; // what was asked for, and what is there
    this.loader = new Loader({
      model: (blob) => new Vae(blob),
      pictures: (blob) => new Pictures(blob),
      map: (blob) => blob,
    });
    /** @type {Map<string, ModelView>} */
    this.views = new Map();
    /** @type {Pictures} */
    this.pictures = null;
    this.theme = "light";
    /** @type {Record<string, string>} */
    this.colours = {};
    this.key = ""; // of the images
    /** The input, and its number; null where it is drawn. @type {Float32Array} */
    this.x = null;
    /** @type {number | null} */
    this.image = null;
    /** @type {Where} */
    this.where = { kind: "mu" };
    /** What was marked as A and B, for models that come later. */
    this.marks = [null, null];
    this.typical = [];
    /** @type {"z" | "pan" | "lasso"} */
    this.mode = "z";
    this.manifold = false;
    /** The images in a lasso, in words, and where they lie. */
    this.lasso = null;
    /** @type {Set<string>} */
    this.dirty = new Set();
    this.frame = 0;
    this.settling = 0;
    this.told = ""; // the view that the server knows
    this.tellings = 0; // the same view may be told again after another scene
    this.away = false;
    this.input = new InputPanel(root, {
      choose: (image) => this.choose(image),
      drawing: () => this.draw(),
      drawn: () => this.settle(),
      x: () => this.x,
    });
    this.walk = new Walk(root, {
      mark: (k) => this.mark(k),
      go: (share) => this.go({ kind: "walk", share }),
      begin: () => this._beginWalk(),
      stop: () => this.settle(),
      changed: () => {
        this.halt();
        this.change("film");
        this.change("z"); // a share of the walk is another place now
      },
    });
    this.hover = new HoverCard(root);
    this._wire();
    root.inert = true; // until there is something to move
  }

  $(selector) {
    return this.root.querySelector(selector);
  }

  _wire() {
    const click = (selector, act) => this.$(selector)?.addEventListener("click", act);
    click(".back", () => this.back());
    click(".manifold-switch", () => this.showManifold(!this.manifold));
    click(".centre", () => this._goToLasso());
    click(".zoom-in", () => this.first.map.zoom(0.75));
    click(".zoom-out", () => this.first.map.zoom(1 / 0.75));
    click(".whole", () => this.first.map.reset());
    click(".save", () => savePicture(this.first.map, `${this.first.name}-map.png`));
    const modes = oneOf(this.$(".switch"), "aria-checked", (button) => this.setMode(button.dataset.mode));
    modes(this.$("[data-mode=z]"));
  }

  // --- the page's own ---------------------------------------------------------------------------

  /** The view of the n-th model, made or found. @returns {ModelView} */
  viewOf(_entry, _n) {
    throw new Error("a page of its own says how a model is shown");
  }

  /** Where z begins, with other images or another model. @param {boolean} _images @param {boolean} _models which of them are others */
  begin(_images, _models) {}

  /** Where a place on a view's map is. @param {ModelView} view @param {number[]} xy @returns {Where} */
  whereAt(view, xy) {
    return { kind: "code", ...view.codeAt(xy) };
  }

  /** What a traversal goes along in a view. @returns {import("./model_view.js").Traversal | null} */
  traversal(_view) {
    return null;
  }

  /** What the server is told. */
  report() {
    return {};
  }

  /** Paint what is the page's own. @param {number} _now @param {Set<string>} _dirty */
  paintPage(_now, _dirty) {}

  /** A frame of what plays besides the walk. @param {number} _now @returns {Where | null} */
  nextWhere(_now) {
    return null;
  }

  get walkShown() {
    return true;
  }

  /** Whether plotly draws the codes as soon as it is there. */
  get wantsPlotly() {
    return false;
  }

  // --- what the page says -----------------------------------------------------------------------

  get first() {
    return this.views.values().next().value;
  }

  /** Show what the page asks for. The same data twice changes nothing. @param {Data} data */
  async update(data) {
    this.data = data;
    if (this.away) this.comeBack(data);
    const theme = themeOf(this.root);
    const models = data.models.map(({ name, model, map }) => [name, model, map]);
    const wanted = JSON.stringify([data.key, data.pictures, models, theme]);
    this.wanted = wanted;
    if (this.shown === wanted) return;
    const get = (kind, path) => this.loader.get(kind, path, data.root);
    try {
      const [pictures, ...loaded] = await Promise.all([
        get("pictures", data.pictures),
        ...data.models.map(async (m) => [m, await get("model", m.model), await get("map", m.map)]),
      ]);
      if (this.wanted !== wanted || this.shown === wanted) return; // a newer call has it
      this._take(data, pictures, loaded, theme);
      this.shown = wanted;
      this.fault("");
    } catch (error) {
      if (this.wanted === wanted) this.fault(error.message ?? String(error));
      return;
    }
    this.root.dataset.ready = "true";
    if (this.wantsPlotly) this._fetchPlotly(data);
  }

  /** Plotly comes when there is nothing else to do; without it the map stays as it is. */
  _fetchPlotly(data) {
    const load = () =>
      loadPlotly(new URL(data.plotly, data.root).href)
        .then((plotly) => this.first?.map.usePlotly(plotly))
        .catch(() => {}); // the page's other charts say so
    if (globalThis.requestIdleCallback) requestIdleCallback(load, { timeout: 3000 });
    else setTimeout(load, 500);
  }

  /** The page was away, and what it shows may have been changed elsewhere. @param {Data} _data */
  comeBack(_data) {
    this.away = false;
  }

  _take(data, pictures, loaded, theme) {
    this.walk.play(false);
    this.theme = theme;
    this.root.dataset.theme = theme;
    const others = data.key !== this.key;
    this.key = data.key;
    this.pictures = pictures;
    const before = this.views;
    this.views = new Map();
    let same = before.size === loaded.length; // models as before: only their look changes
    loaded.forEach(([entry, vae, blob], n) => {
      const view = this.viewOf(entry, n, before);
      this.colours = blob.header.themes[theme];
      if (view.take({ name: entry.name, vae, blob, pictures, colours: this.colours })) same = false;
      view.work(new URL(data.worker, data.root).href, new URL(entry.model, data.root).href);
      view.map.setMode(this.mode);
      this.views.set(entry.name, view);
    });
    for (const [name, view] of before) if (!this.views.has(name)) view.leave();
    this.typical = data.typical.filter((image) => image !== null);
    if (others) {
      this.input.setTypical(data.typical, pictures);
      this.marks = [null, null];
      for (const view of this.views.values()) view.ends = [null, null];
    }
    this.select(null, []);
    this.hover.hide();
    this.begin(others, !same);
    this._defaultMarks();
    this.change("x");
    this.root.inert = false;
    for (const view of this.views.values()) this._offerManifold(view);
    this.paint(performance.now()); // the picture is there at once
    for (const view of this.views.values()) view.map.paint();
  }

  _offerManifold(view) {
    const button = this.$(".manifold-switch");
    const possible = Boolean(view.projection?.invertible);
    if (this.views.size === 1) {
      button.disabled = !possible;
      button.title = possible
        ? "The decoded picture of every place, as the map's background"
        : "This map has no inverse, so there is no picture for each of its places";
    }
    if (view.map.manifold.on !== (this.manifold && possible)) view.map.showManifold(this.manifold && possible);
    else if (view.map.manifold.on) view.map.refreshManifold();
  }

  /** A walk is there to be seen before anything is marked: between two typical images. */
  _defaultMarks() {
    const { typical } = this;
    const usual = [typical[Math.floor(typical.length / 4)], typical[typical.length - 1]];
    this.marks = this.marks.map(
      (mark, k) => mark ?? { x: this.pictures.get(usual[k] ?? 0), where: { kind: "mu" } },
    );
    for (const view of this.views.values())
      this.marks.forEach((mark, k) => view.ends[k] ?? view.mark(k, mark));
    this.change("film");
  }

  fault(sentence) {
    const place = this.$(".fault");
    place.hidden = !sentence;
    write(place, sentence);
  }

  // --- what hands do ----------------------------------------------------------------------------

  /** What a view's map hears. */
  listener() {
    return {
      move: (view, xy) => {
        this.halt();
        this.go(this.whereAt(view, xy));
      },
      release: () => this.settle(),
      pick: (image) => this.choose(image),
      hover: (view, image, px) => {
        if (image === null) this.hover.hide();
        else this.hover.show(image, px, view.map.host, view.vae, this.pictures);
      },
      selected: (view, images) => this.select(view, images),
      key: (view, event) => this.key_(view, event),
      changed: (what) => this.change(what),
    };
  }

  /** Whatever plays stops: a hand has taken over. */
  halt() {
    this.walk.play(false);
    clearTimeout(this.settling);
  }

  /** @param {Where} where @param {boolean} [done] whether the hand lets go with it */
  go(where, done = false) {
    this.where = where;
    this.change("z");
    if (done) this.settle();
  }

  back() {
    this.halt();
    this.go({ kind: "mu" }, true);
  }

  /** Take x, and z to its code in every model. @param {Float32Array} x @param {number | null} image */
  setInput(x, image) {
    this.x = x;
    this.image = image;
    this.where = { kind: "mu" };
    for (const view of this.views.values()) view.encode(x);
    this.change("x");
  }

  choose(image) {
    this.halt();
    this.input.pad.deactivate();
    this.setInput(this.pictures.get(image), image);
    this.settle();
  }

  /** The pad was drawn on. An empty pad is no x: the last one stays until there is ink. */
  draw() {
    this.halt();
    const { pad } = this.input;
    if (!pad.empty) this.setInput(pad.image(), null);
    this.change("x");
  }

  mark(k) {
    this.halt();
    const where = this.where.kind === "place" ? this.where : { kind: "mu" };
    this.marks[k] = { x: this.x, where }; // for models that come later
    for (const view of this.views.values()) view.ends[k] = view.z.slice();
    this.walk.marked();
    if (this.where.kind === "walk") this.go({ kind: "walk", share: k }); // z is that end of it now
    this.change("film");
  }

  _beginWalk() {
    const { where, first } = this;
    if (where.kind !== "walk") {
      const along = this.traversal(first);
      this._lead();
      const share = along ? along.share(first.z[along.dim]) : 0;
      this.where = { kind: "walk", share: share >= 1 ? 0 : Math.max(0, share) };
    } else if (where.share >= 1) this.where = { kind: "walk", share: 0 };
    this.change("z");
  }

  /** Lead the walk of each model anew. */
  _lead() {
    for (const view of this.views.values()) view.setPath(this.walk.path, this.traversal(view));
  }

  setMode(mode) {
    this.mode = mode;
    for (const view of this.views.values()) view.map.setMode(mode);
    if (mode !== "lasso") this.select(null, []);
    this.change("note");
  }

  showManifold(on) {
    this.manifold = on;
    set(this.$(".manifold-switch"), "aria-pressed", on);
    for (const view of this.views.values()) this._offerManifold(view);
    this.change("note");
  }

  /** Tell images apart from the others on every map. @param {ModelView | null} view where they were chosen @param {number[]} images */
  select(view, images) {
    const chosen = new Set(images);
    this.lasso = view && lassoOf(chosen, view.blob);
    this.lassoView = view;
    for (const one of this.views.values())
      if (one.map.chosen.size || chosen.size) one.map.select(chosen);
    this.change("note");
  }

  _goToLasso() {
    if (!this.lasso || !this.lassoView) return;
    this.halt();
    this.go(this.whereAt(this.lassoView, this.lasso.centre), true);
  }

  key_(view, event) {
    const step = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    const { map } = view;
    if (event.target !== map.host || !map.ready) return;
    if (step) {
      const [low, high] = map.window.x;
      const size = (high - low) * (event.shiftKey ? 0.001 : 0.01);
      const at = view.at?.xy ?? view.cursor();
      this.halt();
      this.go(this.whereAt(view, [at[0] + step[0] * size, at[1] + step[1] * size]));
      this.settling = setTimeout(() => this.settle(), REST);
    } else if (event.key === "Enter") {
      const near = map.pointAt(map.window.pixel(view.cursor()), 1e4);
      if (near >= 0) this.choose(view.blob.arrays.index[near]);
    } else if (event.key === "Home") this.back();
    else return;
    event.preventDefault();
  }

  /** The hand let go: tell the server what is shown, and order what takes longer. */
  settle() {
    clearTimeout(this.settling);
    if (!this.views.size) return;
    this.change("settle");
    for (const view of this.views.values()) if (view.vae.d > 2) view.map.refreshManifold();
    if (this.dirty.has("z") || this.dirty.has("x")) this.paint(performance.now()); // z as it will be told
    const view = this.report();
    const text = JSON.stringify(view);
    if (text === this.told) return;
    this.told = text;
    this.tellings += 1;
    this.tell({ ...view, telling: this.tellings });
  }

  // --- a frame ----------------------------------------------------------------------------------

  /** Something changed: the next frame shows it. However often this is called, there is one. */
  change(what) {
    this.dirty.add(what);
    this.frame ||= requestAnimationFrame((now) => this.paint(now));
  }

  /** Decode once in each model, from the newest place, and paint all that follows from it. */
  paint(now) {
    if (this.frame) cancelAnimationFrame(this.frame);
    this.frame = 0;
    if (!this.views.size || !this.x) return;
    const { dirty, walk } = this;
    this.dirty = new Set();
    if (walk.playing && this.where.kind === "walk") this._advance(now);
    else if (!walk.playing) {
      const next = this.nextWhere(now);
      if (next) {
        this.where = next;
        dirty.add("z");
      }
    }
    const moved = dirty.has("z") || dirty.has("x") || walk.playing;
    const led = dirty.has("settle") && walk.traverses && this.where.kind !== "walk";
    if (dirty.has("x") && this.where.kind !== "walk") this._goAll();
    if (dirty.has("film") || dirty.has("x") || led) {
      this._lead();
      dirty.add("film");
    }
    if (moved) this._goAll();
    this.paintPage(now, dirty);
    const { walkShown } = this;
    for (const view of this.views.values()) view.paintMap(walkShown, !walk.traverses);
    walk.paint(this.where.kind === "walk" ? this.where.share : 0);
    if (walk.playing) this.change("play");
  }

  _goAll() {
    for (const view of this.views.values()) view.go(this.where);
  }

  /** Move on along the walk; one that goes only once is told where it ends. */
  _advance(now) {
    const { walk } = this;
    const share = walk.next(now, this.where.share);
    this.where = { kind: "walk", share };
    if (!walk.head.ended) return;
    this._goAll();
    walk.play(false);
    this.dirty.add("z");
  }

  /** The page is not on the screen for now. */
  pause() {
    this.halt();
    for (const view of this.views.values()) view.map.pointer.drop();
    this.input.pad.pen = null;
  }
}
