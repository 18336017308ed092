// The Compare page: a session of two to four models under one cursor.

import { Keeper } from "../session/keeper.js";
import { Session } from "../session/session.js";
import { BETWEEN } from "../session/walk.js";
import { barEnd, set, write } from "../widgets/dom.js";
import { Column } from "./column.js";
import { CursorSliders } from "./cursor_sliders.js";
import { page } from "./layout.js";

/** @typedef {import("../session/model_view.js").Where} Where */

const REACH = 3; // how far a traversal goes, in standard deviations of a normal prior
const NEAR = 8; // how far the cursor goes at least

/** What there is to move along an axis that a model does not have: nothing. */
const NOWHERE = { read: () => 0, write: () => {}, spread: () => 0 };

const PATHS = [
  ...BETWEEN,
  { value: "across", label: "traverse across", traverses: true },
  { value: "up", label: "traverse up", traverses: true },
];

const WORDS = {
  mu: "each model at its own μ",
  walk: "on the walk",
  place: "same place under each prior",
};

class Compare extends Session {
  constructor() {
    super(page());
    /** @type {Map<string, Column>} */
    this.columns = new Map();
    this.keeper = new Keeper(this, "compare");
    this.walk.setPaths(PATHS);
    this.cursor = new CursorSliders(this.root, {
      move: (axis, value) => {
        const t = this.place().slice();
        t[axis] = value;
        this.halt();
        this.go({ kind: "place", t });
      },
      release: () => this.settle(),
    });
  }

  viewOf(entry, n, before) {
    let column = before.has(entry.name) ? this.columns.get(entry.name) : null;
    column ??= new Column(this.mapListener, (share) => {
      this.halt();
      this.go({ kind: "walk", share }, true);
    });
    column.label(entry, n);
    this.columns.set(entry.name, column);
    return column.view;
  }

  begin(images, models) {
    for (const [name, column] of this.columns)
      if (!this.views.has(name)) {
        column.root.remove();
        this.columns.delete(name);
      }
    const columns = this.inOrder();
    for (const column of columns) column.describe();
    this.root.dataset.columns = String(columns.length);
    this.root.dataset.own = String(columns.some(({ view }) => view.vae.likelihood.constant !== 0));
    const host = this.$(".columns");
    if (columns.some(({ root }, n) => host.children[n] !== root))
      host.replaceChildren(...columns.map(({ root }) => root));
    if (images) {
      const { image, place: t } = this.data.start;
      this.input.pad.deactivate();
      this.setInput(this.pictures.get(image), image);
      if (t) super.go({ kind: "place", t: [t[0], t[1] ?? 0] }); // maps have no size yet
      this.keeper.restore();
      return;
    }
    for (const view of this.views.values()) view.encode(this.x);
    if (models && this.where.kind === "walk") this.go({ kind: "mu" });
  }

  /** The page was away; a drawing is kept. */
  comeBack(data) {
    super.comeBack(data);
    const { image, place } = data.start;
    if (this.image === null) return;
    if (
      this.image !== image ||
      JSON.stringify(this._reportedPlace()) !== JSON.stringify(place ?? null)
    ) {
      this.shown = "";
      this.pictures = null; // begin anew
    }
  }

  inOrder() {
    return [...this.views.keys()].map((name) => this.columns.get(name));
  }

  /** Far beyond the prior and all codes there is nothing to see, and no way back by hand. @param {Where} where */
  go(where, done = false) {
    if (where.kind === "place") {
      const views = [...this.views.values()];
      const far = [0, 1].map((k) =>
        Math.min(this.data.furthest, Math.max(NEAR, ...views.map((view) => view.reach(k)))),
      );
      where = { ...where, t: where.t.map((v, k) => Math.min(far[k], Math.max(-far[k], v))) };
      set(this.root, "data-new", false);
    }
    super.go(where, done);
  }

  /** @returns {Where} */
  whereAt(view, xy) {
    return { kind: "place", t: view.underPrior(xy) };
  }

  /** The cursor under the prior: where a hand put it, or where the first model's z is. */
  place() {
    if (this.where.kind === "place") return this.where.t;
    const [across, up = 0] = this.first.underPrior();
    return [across, up];
  }

  traversal(view) {
    const k = { across: 0, up: 1 }[this.walk.path];
    if (k === undefined) return null;
    const { prior } = view.vae;
    return {
      dim: k,
      at: view.along[k] ?? NOWHERE,
      value: (share) => prior.fromStandardNormal(REACH * (2 * share - 1)),
      share: (value) => (prior.toStandardNormal(value) / REACH + 1) / 2,
    };
  }

  /** Where the cursor is, as the server is told. @returns {number[] | null} */
  _reportedPlace() {
    return this.where.kind === "place" ? this.where.t.map((v) => Number(v.toFixed(3))) : null;
  }

  get goesOn() {
    return this.keeper.waits;
  }

  get reported() {
    return { key: this.data.key, image: this.image, place: this._reportedPlace() };
  }

  paintPage(_now, dirty) {
    const columns = this.inOrder();
    if (dirty.has("x"))
      write(this.$(".announce"), `x: ${this.input.paint(this.x, this.image, this.pictures)}`);
    // One scale for the bars of all models, whatever x and z are.
    const scale = barEnd(Math.max(...columns.map((column) => column.usual)));
    for (const column of columns) column.paint(scale, dirty.has("film"));
    const { kind } = this.where;
    const axes = Math.max(...columns.map(({ view }) => view.along.length));
    this.cursor.paint(
      this.place(),
      axes,
      kind !== "place" && columns.length > 1 ? this.first.name : "",
    );
    write(this.$(".where"), WORDS[kind]);
    write(
      this.$(".map-note .text"),
      this.waiting || this.lasso.text || "Draw around points on any of the maps.",
    );
    this.$(".centre").hidden = !this.lasso.text;
  }

  pause() {
    this.away = true;
    this.report.send = () => {}; // nobody is there to hear it
    super.pause();
  }
}

/** @type {Compare | null} */
let compare = null;

/**
 * Put the comparison into `parent` and show `data`.
 * @param {HTMLElement} parent @param {any} data @param {(name: string, value: any) => void} send
 */
export function show(parent, data, send) {
  compare ??= new Compare();
  if (compare.root.parentElement !== parent) parent.append(compare.root);
  compare.report.send = (view) => send("view", view);
  compare.update(data);
  return compare;
}
