// The Compare page: two to four models under one cursor and one input. Whatever a hand moves, the next
// frame shows every model's picture and terms.

import { Column } from "./column.js";
import { Cursor } from "./cursor.js";
import { paintDigit, round125, set, write } from "../widgets/dom.js";
import { page } from "./page.js";
import { Loader } from "../model/loader.js";
import { Pad } from "../widgets/drawing_pad.js";
import { Pictures } from "../model/blobs.js";
import { themeOf } from "../widgets/plotly.js";
import { SharedWalk } from "./shared_walk.js";
import { Vae } from "../model/vae.js";
import { viewOf } from "../map/projections.js";

const REST = 350; // milliseconds after the last key press until the server is told
const FRAMES = 8; // of a walk's filmstrip
const REACH = 3; // how far a traversal goes, in standard deviations of a normal prior

/**
 * Where z is, the same in every model: at its own mean of q(z|x); at a place `t` of the prior, in
 * standard normal units; or at a share of the walk.
 * @typedef {{kind: "mu"} | {kind: "place", t: number[]} | {kind: "walk", share: number}} Where
 */

class Compare {
  constructor() {
    this.root = page();
    this.tell = () => {};
    this.columns = new Map();
    this.loader = new Loader({
      model: (blob) => new Vae(blob),
      pictures: (blob) => new Pictures(blob),
      map: (blob) => blob,
    });
    /** @type {Where} */
    this.where = { kind: "mu" };
    this.marks = [null, null];
    this.dirty = new Set();
    this.frame = 0;
    this.told = "";
    this.tellings = 0;
    this._wire();
    this.root.inert = true;
  }

  $(selector) {
    return this.root.querySelector(selector);
  }

  _wire() {
    this.pad = new Pad(this.$(".pad"), {
      changed: () => {
        this.halt();
        if (!this.pad.empty) this._input(this.pad.image(), null);
        this.change("x");
      },
      done: () => this.settle(),
    });
    const click = (selector, act) => this.$(selector).addEventListener("click", act);
    click(".undo", () => this.pad.undo());
    click(".clear", () => this.pad.clear());
    click(".back", () => this._home());
    click(".manifold-switch", (event) => {
      const on = event.currentTarget.getAttribute("aria-pressed") !== "true";
      set(event.currentTarget, "aria-pressed", on);
      for (const column of this.columns.values()) column.plane.showManifold(on);
    });
    this.cursor = new Cursor(this.root, {
      move: (axis, value) => {
        const t = this.place().slice();
        t[axis] = value;
        this.halt();
        this.go({ kind: "place", t });
      },
      release: () => this.settle(),
    });
    this.walk = new SharedWalk(this.root, {
      mark: (k) => this.mark(k),
      go: (share) => this.go({ kind: "walk", share }),
      begin: () => {
        if (this.where.kind !== "walk" || this.where.share >= 1) this.where = { kind: "walk", share: 0 };
        this.change("z");
      },
      stop: () => this.settle(),
      changed: () => {
        this.halt();
        this.change("film");
        this.change("z"); // a share of the walk is another place now
      },
    });
  }

  // --- what the page says -----------------------------------------------------------------------

  /** Show what the page asks for. The same data twice changes nothing. */
  async update(data) {
    this.data = data;
    const theme = themeOf(this.root);
    if (this.away) this._back(data.start);
    const wanted = JSON.stringify([data.key, data.models.map((m) => [m.model, m.map]), theme]);
    this.wanted = wanted;
    if (this.shown === wanted) return;
    const get = (kind, path) => this.loader.get(kind, path, data.root);
    try {
      const [pictures, ...loaded] = await Promise.all([
        get("pictures", data.pictures),
        ...data.models.map(async (m) => [m, await get("model", m.model), await get("map", m.map)]),
      ]);
      if (this.wanted !== wanted) return; // a newer call has it
      this._take(data, pictures, loaded, theme);
      this.shown = wanted;
      this.fault("");
      this.root.dataset.ready = "true";
    } catch (error) {
      if (this.wanted === wanted) this.fault(error.message ?? String(error));
    }
  }

  /** The page was away, and what it shows may have been changed elsewhere; a drawing is kept. */
  _back({ image, place }) {
    this.away = false;
    if (this.image === null) return;
    if (this.image !== image || JSON.stringify(this._told()) !== JSON.stringify(place ?? null))
      this.shown = this.key = null;
  }

  _take(data, pictures, loaded, theme) {
    this.walk.play(false);
    this.root.dataset.theme = theme;
    this.root.dataset.columns = String(loaded.length);
    const others = data.key !== this.key;
    this.key = data.key;
    this.pictures = pictures;
    const before = this.columns;
    this.columns = new Map();
    let same = true; // models as before: only their look changes
    const href = (path) => new URL(path, data.root).href;
    loaded.forEach(([entry, vae, blob], n) => {
      const column =
        before.get(entry.name) ??
        new Column({
          place: (t) => {
            this.halt();
            this.go({ kind: "place", t });
          },
          release: () => this.settle(),
          pick: (image) => this.choose(image),
          key: (event) => this._key(event),
          film: (share) => this.go({ kind: "walk", share }, true),
          changed: (what) => this.change(what),
        });
      same &&= column.vae === vae;
      if (!before.delete(entry.name)) column.plane.manifold = this._manifold();
      const colours = blob.header.themes[theme];
      column.take({ vae, blob, view: viewOf(blob), dash: n, name: entry.name, note: entry.note, colours, theme });
      column.work(href(data.worker), href(entry.model));
      this.columns.set(entry.name, column);
    });
    for (const column of before.values()) column.leave();
    this.root.dataset.own = String(loaded.some(([, vae]) => vae.likelihood.constant !== 0));
    const place = this.$(".columns");
    const wanted = [...this.columns.values()].map((column) => column.root);
    if (wanted.some((root, n) => place.children[n] !== root)) place.replaceChildren(...wanted);
    if (others) {
      this._typical(data.typical);
      this.marks = [null, null];
      for (const column of this.columns.values()) column.marks = [null, null];
      this.pad.leave();
      this._input(pictures.get(data.start.image), data.start.image);
      const { place: t } = data.start;
      this.where = t ? { kind: "place", t: [t[0], t[1] ?? 0] } : { kind: "mu" };
    } else {
      for (const column of this.columns.values()) column.encode(this.x);
      if (!same && this.where.kind === "walk") this.where = { kind: "mu" };
    }
    this._defaultMarks();
    this.change("x");
    this.root.inert = false;
    this._paint(performance.now());
  }

  _manifold() {
    return this.$(".manifold-switch").getAttribute("aria-pressed") === "true";
  }

  _typical(images) {
    const host = this.$(".typical");
    host.replaceChildren(
      ...images.flatMap((image, label) => {
        if (image === null) return [];
        const button = document.createElement("button");
        button.type = "button";
        button.dataset.image = image;
        button.title = this.pictures.classes[label];
        set(button, "aria-label", `typical image of class ${this.pictures.classes[label]}`);
        const canvas = document.createElement("canvas");
        canvas.className = "digit";
        canvas.width = canvas.height = 28;
        paintDigit(canvas, this.pictures.get(image));
        button.append(canvas);
        button.addEventListener("click", () => this.choose(image));
        return [button];
      }),
    );
    this.typical = images.filter((image) => image !== null);
  }

  /** A walk is there to be seen before anything is marked: between two typical images. */
  _defaultMarks() {
    const { typical } = this;
    const usual = [typical[Math.floor(typical.length / 4)], typical.at(-1)];
    this.marks = this.marks.map((mark, k) => mark ?? { x: this.pictures.get(usual[k]), where: { kind: "mu" } });
    this._fillMarks();
  }

  /** The codes of both marks in every model that has none yet. */
  _fillMarks() {
    this.marks.forEach((mark, k) => {
      for (const column of this.columns.values()) if (!column.marks[k]) column.mark(k, mark);
    });
    this.change("film");
  }

  fault(sentence) {
    const place = this.$(".fault");
    place.hidden = !sentence;
    write(place, sentence);
  }

  // --- what hands do ----------------------------------------------------------------------------

  halt() {
    this.walk.play(false);
    clearTimeout(this.settling);
  }

  /** @param {Where} where */
  go(where, done = false) {
    // Far beyond the prior and all codes there is nothing to see, and no way back by hand.
    if (where.kind === "place") {
      const far = [0, 1].map((k) => Math.min(this.data.furthest, Math.max(8, ...[...this.columns.values()].map((c) => c.reach(k)))));
      where = { ...where, t: where.t.map((v, k) => Math.min(far[k], Math.max(-far[k], v))) };
    }
    this.where = where;
    if (where.kind === "place") set(this.root, "data-new", false);
    this.change("z");
    if (done) this.settle();
  }

  _home() {
    this.halt();
    this.go({ kind: "mu" }, true);
  }

  _input(x, image) {
    this.x = x;
    this.image = image;
    this.where = { kind: "mu" };
    for (const column of this.columns.values()) column.encode(x);
    this.change("x");
  }

  choose(image) {
    this.halt();
    this.pad.leave();
    this._input(this.pictures.get(image), image);
    this.settle();
  }

  /** The cursor under the prior: where a hand put it, or where the first model's z is. */
  place() {
    if (this.where.kind === "place") return this.where.t;
    const [first] = this.columns.values();
    const [across, up = 0] = first.standing();
    return [across, up];
  }

  mark(k) {
    this.halt();
    const where = this.where.kind === "walk" ? { kind: "place", t: this.place() } : this.where;
    this.marks[k] = { x: this.x, where }; // for models that come later
    for (const column of this.columns.values()) column.marks[k] = column.z.slice();
    this.walk.marked();
    if (this.where.kind === "walk") this.go({ kind: "walk", share: k }); // z is that end of it now
    this._fillMarks();
  }

  _key(event) {
    const step = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (step) {
      const size = event.shiftKey ? 0.005 : 0.05;
      const t = this.place();
      this.halt();
      this.go({ kind: "place", t: [t[0] + step[0] * size, t[1] + step[1] * size] });
      this.settling = setTimeout(() => this.settle(), REST);
    } else if (event.key === "Home") this._home();
    else return;
    event.preventDefault();
  }

  /** The hand let go: tell the server what is shown. */
  settle() {
    clearTimeout(this.settling);
    this.change("settle");
    for (const column of this.columns.values()) column.plane.settled();
    const view = { key: this.key, image: this.image, place: this._told() };
    const text = JSON.stringify(view);
    if (text === this.told) return;
    this.told = text;
    this.tellings += 1;
    this.tell({ ...view, telling: this.tellings });
  }

  /** Where the cursor is, as the server is told. @returns {number[] | null} */
  _told() {
    return this.where.kind === "place" ? this.where.t.map((v) => Number(v.toFixed(3))) : null;
  }

  // --- a frame ----------------------------------------------------------------------------------

  change(what) {
    this.dirty.add(what);
    this.frame ||= requestAnimationFrame((now) => this._paint(now));
  }

  /** Everything is decoded and painted in one frame, so that all models move together. */
  _paint(now) {
    if (this.frame) cancelAnimationFrame(this.frame);
    this.frame = 0;
    if (!this.columns.size) return;
    const { dirty } = this;
    this.dirty = new Set();
    const { walk } = this;
    if (walk.playing && this.where.kind === "walk")
      this.where = { kind: "walk", share: walk.next(now, this.where.share) };
    const columns = [...this.columns.values()];
    const moved = dirty.has("z") || dirty.has("x") || walk.playing;
    if (dirty.has("film") || dirty.has("x") || (moved && walk.traverses))
      for (const column of columns) column.setPath(walk.path, REACH, FRAMES);
    if (moved) for (const column of columns) column.put(this.where);
    if (dirty.has("x")) this._paintInput();
    // One scale for the bars of all models. It follows x, and is stretched where z is far from it.
    const usual = Math.max(...columns.map((column) => column.usual()));
    const longest = Math.max(...columns.map((column) => column.bce));
    const step = round125(longest / 4);
    const scale = longest > usual ? Math.ceil(longest / step) * step : usual;
    for (const column of columns) column.paint(scale);
    this._paintControls();
    if (walk.playing) this.change("play");
  }

  _paintInput() {
    const { pad, image, pictures, x } = this;
    pad.paint(x);
    const words = image === null ? "your drawing" : `image ${image}, class ${pictures.classes[pictures.labels[image]]}`;
    write(this.$(".quantity.x .what"), pad.empty ? "as before, until you draw" : words);
    this.$(".undo").disabled = !pad.active || !pad.strokes.length;
    for (const button of this.$(".typical").children)
      set(button, "aria-pressed", image !== null && Number(button.dataset.image) === image);
  }

  _paintControls() {
    const { kind } = this.where;
    const [first] = this.columns.keys();
    const axes = Math.max(...[...this.columns.values()].map((column) => column.axes.length));
    this.cursor.paint(this.place(), axes, kind !== "place" && this.columns.size > 1 ? first : "");
    write(this.$(".where"), { mu: "each model at its own μ", walk: "on the walk", place: "same place under each prior" }[kind]);
    this.walk.paint(kind === "walk" ? this.where.share : 0);
  }

  pause() {
    this.away = true;
    this.tell = () => {}; // nobody is there to hear it
    this.halt();
    this.pad.pen = null;
  }
}

let compare = null;

/**
 * Put the comparison into `parent` and show `data`.
 * @param {HTMLElement} parent @param {any} data @param {(name: string, value: any) => void} send
 */
export function show(parent, data, send) {
  compare ??= new Compare();
  if (compare.root.parentElement !== parent) parent.append(compare.root);
  compare.tell = (view) => send("view", view);
  compare.update(data);
  return compare;
}
