// A session: one input, one walk and one place of z in one model or several. Whatever a hand moves, the
// next frame shows every model's picture and terms. A page says which models there are, and adds its own.

import { set } from "../widgets/dom.js";
import { HoverCard } from "./hover_card.js";
import { InputPanel } from "./input_panel.js";
import { Lasso } from "./lasso.js";
import { LoadedPage, usualEnds } from "./loaded_page.js";
import { offerManifolds } from "./manifolds.js";
import { mapListener } from "./map_listener.js";
import { wireTools } from "./map_tools.js";
import { Report } from "./report.js";
import { Walk } from "./walk.js";

/** @typedef {import("./model_view.js").ModelView} ModelView */
/** @typedef {import("./model_view.js").Where} Where */
/** @typedef {import("../model/pictures.js").Pictures} Pictures */

export class Session extends LoadedPage {
  /** @param {HTMLElement} root the page's elements */
  constructor(root) {
    super(root);
    this.report = new Report();
    /** @type {Map<string, ModelView>} */
    this.views = new Map();
    this.typical = [];
    /** @type {Record<string, string>} */
    this.colours = {};
    /** The input, and its number; null where it is drawn. @type {Float32Array} */
    this.x = null;
    /** @type {number | null} */
    this.image = null;
    /** @type {Where} */
    this.where = { kind: "mu" };
    /** What was marked as A and B, for models that come later. */
    this.marks = [null, null];

    /** @type {"z" | "pan" | "lasso"} */
    this.mode = "z";
    this.manifold = false;
    this.lasso = new Lasso();
    /** @type {Set<string>} */
    this.dirty = new Set();
    this.frame = 0;
    this.settling = 0;
    /** Told of every change. @type {(() => void) | null} */
    this.observer = null;
    this.input = new InputPanel(root, {
      choose: (image) => this.choose(image),
      drawing: () => this.draw(),
      drawn: () => this.settle(),
      taken: (x) => this.takePicture(x),
      fault: (sentence) => this.fault(sentence),
      x: () => this.x,
    });
    this.walk = new Walk(root, {
      mark: (k) => this.mark(k),
      go: (share) => this.go({ kind: "walk", share }),
      begin: () => this._beginWalk(),
      stop: () => this.settle(),
      changed: () => {
        this.halt();
        this.change("film").change("z"); // a share of the walk is another place now
      },
    });
    this.hover = new HoverCard(root);
    /** What the map of any model does to the session. */
    this.mapListener = mapListener(this);
    wireTools(this);
    root.inert = true; // until there is something to move
  }

  // --- the page's own ---------------------------------------------------------------------------

  /**
   * The view of the n-th model, made or found among those from before.
   * @param {import("./loaded_page.js").Entry} _entry @param {number} _n @param {Map<string, ModelView>} _before
   * @returns {ModelView}
   */
  viewOf(_entry, _n, _before) {
    throw new Error("a page of its own says how a model is shown");
  }

  /** Where z begins, with other images or another model. @param {boolean} _images @param {boolean} _models which of them are others */
  begin(_images, _models) {}

  /** Where a place on a view's map is. @param {ModelView} view @param {number[]} xy @returns {Where} */
  whereAt(view, xy) {
    return { kind: "code", ...view.codeAt(xy) };
  }

  /** What a traversal goes along in a view. @param {ModelView} _view @returns {import("./model_view.js").Traversal | null} */
  traversal(_view) {
    return null;
  }

  /** What the server is told. @returns {object} */
  get reported() {
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

  // --- what the page says -----------------------------------------------------------------------

  get first() {
    return this.views.values().next().value;
  }

  take(data, pictures, loaded, theme) {
    this.walk.play(false);
    this.root.dataset.theme = theme;
    const others = pictures !== this.pictures;
    this.pictures = pictures;
    const before = this.views;
    this.views = new Map();
    let same = before.size === loaded.length; // models as before: only their look changes
    loaded.forEach(({ entry, vae, blob }, n) => {
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
    offerManifolds(this.$(".manifold-switch"), this.views.values(), this.manifold);
    this.paint(performance.now()); // the picture is there at once
    for (const view of this.views.values()) view.map.paint();
    if (others)
      this.encoders.then(
        () => this.fetchOthers(() => this.first.nearestMissing()),
        () => {},
      );
  }

  /** A walk is there before anything is marked: between two typical images. */
  _defaultMarks() {
    const usual = usualEnds(this.typical);
    this.marks = this.marks.map(
      (mark, k) => mark ?? { x: this.pictures.get(usual[k]), where: { kind: "mu" } },
    );
    for (const view of this.views.values())
      this.marks.forEach((mark, k) => view.ends[k] ?? view.mark(k, mark));
    this.change("film");
  }

  // --- what hands do ----------------------------------------------------------------------------

  halt() {
    this.walk.play(false);
    this.wish = null;
    clearTimeout(this.settling);
  }

  /** @param {Where} where @param {boolean} [done] whether the hand lets go with it */
  go(where, done = false) {
    this.where = where;
    for (const view of this.views.values()) view.go(where);
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
    for (const view of this.views.values()) view.encode(x);
    this.change("x").go({ kind: "mu" });
  }

  /** Take a picture from a file as x. @param {Float32Array} x */
  takePicture(x) {
    this.halt();
    this.whenThere(null, () => {
      this.setInput(x, null);
      this.settle();
    });
  }

  choose(image) {
    this.halt();
    this.input.pad.deactivate();
    this.input.taken = false;
    this.whenThere(image, () => {
      this.setInput(this.pictures.get(image), image);
      this.settle();
    });
  }

  /** The pad was drawn on. An empty pad is no x: the last one stays until there is ink. */
  draw() {
    this.halt();
    const { pad } = this.input;
    if (!pad.empty) this.whenThere(null, () => this.setInput(pad.image(), null));
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
    let share = where.kind === "walk" ? where.share : 0;
    if (where.kind !== "walk") {
      const along = this.traversal(first);
      this.lead();
      if (along) share = Math.max(0, along.share(along.at.read(first.z)));
    }
    this.go({ kind: "walk", share: share >= 1 ? 0 : share });
  }

  /** Lead the walk of each model anew; z stays at its share of it. */
  lead() {
    for (const view of this.views.values()) {
      view.setPath(this.walk.path, this.traversal(view));
      if (this.where.kind === "walk") view.go(this.where);
    }
  }

  setMode(mode) {
    this.mode = this.root.dataset.mode = mode;
    for (const view of this.views.values()) view.map.setMode(mode);
    if (mode !== "lasso") this.select(null, []);
    this.change("note");
  }

  showManifold(on) {
    this.manifold = on;
    set(this.$(".manifold-switch"), "aria-pressed", on);
    offerManifolds(this.$(".manifold-switch"), this.views.values(), this.manifold);
    this.change("note");
  }

  /** @param {ModelView | null} view where images were chosen @param {number[]} images */
  select(view, images) {
    this.lasso.choose(view, images, this.views.values());
    this.change("note");
  }

  goToLasso() {
    if (!this.lasso.view) return;
    this.halt();
    const where = (view, xy) => this.whereAt(view, xy);
    this.go(this.lasso.goal(where), true);
  }

  /** The hand let go: tell the server what is shown, and order what takes longer. */
  settle() {
    clearTimeout(this.settling);
    if (!this.views.size) return;
    this.change("settle");
    for (const view of this.views.values()) if (view.vae.d > 2) view.map.refreshManifold();
    this.report.update(this.reported);
  }

  // --- a frame ----------------------------------------------------------------------------------

  changed() {
    if (this.views.size) this.change("note");
  }

  /** Something changed: the next frame shows it. However often this is called, there is one. */
  change(what) {
    this.dirty.add(what);
    this.observer?.();
    this.frame ||= requestAnimationFrame((now) => this.paint(now));
    return this;
  }

  /** Decode once in each model, from the newest place, and paint all that follows from it. */
  paint(now) {
    if (this.frame) cancelAnimationFrame(this.frame);
    this.frame = 0;
    if (!this.views.size || !this.x) return;
    const { dirty, walk, where } = this;
    this.dirty = new Set();
    const next = walk.playing ? this._nextShare(now) : this.nextWhere(now);
    if (next) this.go(next);
    const led = dirty.has("settle") && walk.traverses && where.kind !== "walk";
    if (dirty.has("film") || dirty.has("x") || led) {
      this.lead();
      dirty.add("film");
    }
    const views = [...this.views.values()];
    for (const what of this.dirty) dirty.add(what);
    this.dirty = new Set();
    if (dirty.has("z") || dirty.has("x")) for (const view of views) view.decode();
    this.paintPage(now, dirty);
    for (const view of views) view.paintMap(this.walkShown, !walk.traverses);
    walk.paint(this.where.kind === "walk" ? this.where.share : 0);
    if (walk.playing) this.change("play");
  }

  /** Where a walk that plays is in this frame; one that goes only once ends there. @param {number} now @returns {Where} */
  _nextShare(now) {
    const { walk, where } = this;
    /** @type {Where} */
    const next = { kind: "walk", share: walk.next(now, where.kind === "walk" ? where.share : 0) };
    if (walk.head.ended) {
      this.go(next); // before it is told
      walk.play(false);
    }
    return next;
  }

  /** The page is not on the screen for now. */
  pause() {
    this.halt();
    for (const view of this.views.values()) view.map.pointer.drop();
    this.input.pad.pen = null;
  }
}
