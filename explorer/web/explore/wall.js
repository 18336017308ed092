// All images with their reconstructions, sorted by a term: pages of a wall on which any can be made x.

import { brief, html, set, watchSize, write } from "../widgets/dom.js";
import { Cell } from "./wall_cell.js";

/**
 * @typedef {import("./by_terms.js").ByTerms} ByTerms
 * @typedef {import("../model/terms.js").TermName} TermName
 */

const MARKUP = `<div class="images-part">
  <div class="buttons">
    <label>Sort by <select class="sort"></select></label>
    <button type="button" class="turn" aria-pressed="false" title="Turn the order round">⇅</button>
    <label>Class <select class="only"></select></label>
    <span class="pager"><button type="button" class="earlier" aria-label="Page before">‹</button>
      <span class="pages"></span>
      <button type="button" class="later" aria-label="Next page">›</button></span>
    <span class="scale">|x − x̂| 0 <i></i> 1</span>
  </div>
  <p class="which"><span></span> <button type="button" class="find-x" hidden>Show it</button></p>
  <div class="cells" role="group" aria-label="Images; arrow keys go from one to the next, Page Up and Page Down from page to page, Enter makes one x"></div>
  <canvas class="ruler" aria-hidden="true"></canvas>
</div>`;
const GAP = 8; // pixels between cells
const WIDTH = 176; // of a cell at least
const WORDS = 32; // of its height
const SCROLLED = 8; // rows of a page that is as long as they are
const LEAST = 2; // rows, of which some may have to be scrolled to
/** @type {Record<string, number>} */
const STEPS = { ArrowRight: 1, ArrowLeft: -1 };

export class Wall {
  /** @param {HTMLElement} host @param {ByTerms} by */
  constructor(host, by) {
    this.by = by;
    this.root = html(MARKUP);
    host.append(this.root);
    const find = (selector) => this.root.querySelector(selector);
    /** @type {HTMLSelectElement} */
    this.sort = find(".sort");
    /** @type {HTMLSelectElement} */
    this.only = find(".only");
    this.turn = find(".turn");
    this.pages = find(".pages");
    this.earlier = find(".earlier");
    this.later = find(".later");
    this.which = find(".which > span");
    this.find = find(".find-x");
    this.cells = find(".cells");
    this.ruler = find(".ruler");
    /** @type {Cell[]} */
    this.shown = [];
    /** Images in their order. @type {number[]} */
    this.order = [];
    this.first = 0; // of the page
    this.at = 0; // the cell that has the focus
    this.columns = 1;
    this.rows = 1;
    this.turned = false;
    this.painting = 0; // counts pages
    for (const select of [this.sort, this.only])
      select.addEventListener("change", () => this.refresh(true));
    this.turn.addEventListener("click", () => {
      this.turned = !this.turned;
      this.refresh(true);
    });
    this.earlier.addEventListener("click", () => this.page(-1));
    this.later.addEventListener("click", () => this.page(1));
    this.find.addEventListener("click", () => this.showX());
    this.cells.addEventListener("keydown", (event) => this._press(event));
    this.cells.addEventListener("click", ({ target }) => {
      const button = target.closest(".cell");
      if (button) this.by.choose(Number(button.dataset.image));
    });
    watchSize(this.ruler, () => this._resized());
  }

  /** @returns {TermName} */
  get term() {
    return /** @type {TermName} */ (this.sort.value || "total");
  }

  /** Offer the terms and classes of a scene. */
  setScene() {
    const { terms, pictures } = this.by;
    this.sort.replaceChildren(
      ...terms.terms.map(({ name, title, order }) => new Option(`${title}, ${order} first`, name)),
    );
    const several = pictures.classes.length > 1;
    this.only.parentElement.hidden = !several;
    this.only.replaceChildren(
      new Option("all", ""),
      ...(several ? pictures.classes : []).map((name, n) => new Option(name, String(n))),
    );
    this.first = this.at = 0;
    this.turned = false;
    this.order = [];
    this.cells.replaceChildren();
    this.shown = [];
  }

  /** What has come, or how it is sorted, changed. @param {boolean} [anew] from the first page */
  refresh(anew = false) {
    const { terms, pictures } = this.by;
    const values = terms.values[this.term];
    const only = this.only.value;
    /** @type {number[]} */
    const found = [];
    for (let i = 0; i < terms.begun; i++)
      if (!Number.isNaN(values[i]) && (!only || pictures.labels[i] === Number(only))) found.push(i);
    const sign = this.turned ? 1 : -1;
    this.order = found.sort((a, b) => sign * (values[a] - values[b]) || a - b);
    set(this.turn, "aria-pressed", this.turned);
    if (anew) this.first = this.at = 0;
    this.paint();
  }

  get perPage() {
    return this.columns * this.rows;
  }

  _resized() {
    const { clientWidth, clientHeight } = this.ruler;
    if (!clientWidth) return;
    this.columns = Math.max(1, Math.floor((clientWidth + GAP) / (WIDTH + GAP)));
    const { height, width } = this.by.pictures.shape;
    const picture = ((clientWidth + GAP) / this.columns - GAP - 16) / 3;
    const high = picture * (height / width) + WORDS;
    this.rows = Math.max(
      matchMedia("(max-width: 900px)").matches ? SCROLLED : LEAST,
      Math.floor((clientHeight + GAP) / (high + GAP)),
    );
    this.first -= this.first % this.perPage;
    this.paint();
  }

  /** Turn pages. @param {number} step */
  page(step) {
    const first = this.first + step * this.perPage;
    if (first < 0 || first >= this.order.length) return;
    this.first = first;
    this.at = Math.min(this.at, this.order.length - 1 - first);
    this.paint();
  }

  /** Go to the page that x is on. */
  showX() {
    const place = this.order.indexOf(this.by.image ?? -1);
    if (place >= 0) this._focus(place);
  }

  /** @param {number} place in the order */
  _focus(place) {
    const to = Math.min(this.order.length - 1, Math.max(0, place));
    this.first = to - (to % this.perPage);
    this.at = to - this.first;
    this.paint();
    this.shown[this.at]?.button.focus();
  }

  /** @param {KeyboardEvent} event */
  _press(event) {
    const { key } = event;
    const here = this.first + this.at;
    if (key in STEPS) this._focus(here + STEPS[key]);
    else if (key === "ArrowDown" || key === "ArrowUp") {
      const to = here + (key === "ArrowDown" ? this.columns : -this.columns);
      if (to >= 0 && to < this.order.length) this._focus(to);
    } else if (key === "PageDown" || key === "PageUp") {
      const to = this.first + (key === "PageDown" ? this.perPage : -this.perPage);
      if (to >= 0 && to < this.order.length) this._focus(to + this.at);
    } else if (key === "Home") this._focus(0);
    else if (key === "End") this._focus(this.order.length - 1);
    else return;
    event.preventDefault();
  }

  /** The cells of this page, and what they say. */
  paint() {
    if (!this.ruler.clientWidth) return;
    this.cells.style.setProperty("--columns", String(this.columns));
    const images = this.order.slice(this.first, this.first + this.perPage);
    while (this.shown.length < images.length) this.shown.push(new Cell());
    this.shown.length = images.length;
    if (this.cells.children.length !== this.shown.length)
      this.cells.replaceChildren(...this.shown.map(({ button }) => button));
    const anew = images.some((image, n) => image !== this.shown[n].image);
    images.forEach((image, n) => this._say(this.shown[n], image));
    const { length } = this.order;
    const last = Math.min(length, this.first + this.perPage);
    const count = (value) => value.toLocaleString("en");
    write(
      this.pages,
      length ? `${count(this.first + 1)}–${count(last)} of ${count(length)}` : "none yet",
    );
    this.earlier.disabled = this.first === 0;
    this.later.disabled = last >= length;
    this.paintX();
    if (anew) this._fetch(images);
  }

  /** @param {Cell} cell @param {number} image */
  _say(cell, image) {
    const { terms, pictures } = this.by;
    const { name } = terms.terms.find((term) => term.name === this.term);
    const className = pictures.classes.length > 1 ? pictures.classes[pictures.labels[image]] : "";
    const all = terms.terms
      .map((term) => `${term.title} ${brief(terms.values[term.name][image], 2)}`)
      .join(", ");
    const value = brief(terms.values[name][image], 1);
    const words = `${className ? `${className} · ` : ""}#${image}`;
    // A name that begins with what is seen, for who speaks it.
    const spoken = `${value} ${words}, image ${image}${className ? `, class ${className}` : ""}: ${all}`;
    cell.say(image, value, words, spoken);
    cell.button.title = all;
  }

  /** Which image x is now. */
  paintX() {
    const { image, terms } = this.by;
    this.shown.forEach(({ button, image: own }, n) => {
      set(button, "aria-pressed", own === image);
      button.tabIndex = n === Math.min(this.at, this.shown.length - 1) ? 0 : -1;
    });
    const place = image === null ? -1 : this.order.indexOf(image);
    const value = image === null ? NaN : terms.values[this.term][image];
    const said = Number.isNaN(value) ? "" : `, ${brief(value, 1)}`;
    const rank =
      place < 0
        ? ""
        : `, number ${(place + 1).toLocaleString("en")} of ${this.order.length.toLocaleString("en")} in this order`;
    write(
      this.which,
      image === null
        ? "x is no image of these. Press one to make it x."
        : `x is image ${image}${said}${rank}. Press another to make it x.`,
    );
    this.find.hidden = place < 0 || (place >= this.first && place < this.first + this.perPage);
  }

  /** Pictures and reconstructions of a page, in pieces of a frame; the newest page alone. @param {number[]} images */
  async _fetch(images) {
    this.painting += 1;
    const order = this.painting;
    const { pictures, view, encoders } = this.by;
    const gone = () => order !== this.painting || pictures !== this.by.pictures;
    const xs = new Map();
    await Promise.all(
      images.map(async (image, n) => {
        await pictures.ready(image);
        if (gone()) return;
        xs.set(n, pictures.get(image));
        this.shown[n].paint(xs.get(n), pictures.shape);
      }),
    );
    await encoders;
    const { d } = view.vae;
    const z = new Float32Array(images.length * d);
    let until = performance.now() + 8;
    for (let n = 0; n < images.length; n++) {
      if (gone()) return;
      z.set(view.posteriorOf(xs.get(n)).mu, n * d);
      if (performance.now() < until) continue;
      await new Promise(requestAnimationFrame);
      until = performance.now() + 8;
    }
    view.decoder.many(z, (first, found) => {
      if (gone()) return;
      found.forEach((levels, k) => {
        const n = first + k;
        const values = Float32Array.from(levels, (v) => v / 255);
        this.shown[n]?.paintReconstruction(xs.get(n), values, pictures.shape);
      });
    });
  }
}
