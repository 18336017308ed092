// Images by their terms: what the map is coloured by, and the panel with the wall and with other images. The
// terms are fetched once somebody wants them, and no more is computed when nobody does.

import { UNKNOWN, shadingOf } from "../map/colouring.js";
import { ImageTerms, boundName, quantiles } from "../model/terms.js";
import { oneOf } from "../widgets/choice.js";
import { html, set, themeOf, write } from "../widgets/dom.js";
import { Beside } from "./beside.js";
import { Wall } from "./wall.js";

/**
 * @typedef {import("../model/terms.js").TermName} TermName
 * @typedef {import("../session/session.js").Session} Session
 */

const MARKUP = `<div class="wall" role="region" aria-label="Images by their terms" hidden>
  <div class="head">
    <b>Images by their terms</b>
    <div class="tabs" role="tablist" aria-label="Which images">
      <button type="button" role="tab" data-part="images">The wall</button>
      <button type="button" role="tab" data-part="beside">Other images</button>
    </div>
    <button type="button" class="close">Close</button>
  </div>
  <p class="note state"><progress max="1"></progress> <span></span></p>
</div>`;
const LEAST = 0.05; // nats, where colours are even in a term's logarithm
const ENDS = [0.02, 0.98]; // shares of images between which the colours go

export class ByTerms {
  /** @param {Session} session @param {() => any} view of its model */
  constructor(session, view) {
    this.session = session;
    this.viewOf = view;
    this.root = html(MARKUP);
    session.root.querySelector(".fault").before(this.root);
    /** @type {ImageTerms | null} */
    this.terms = null;
    this.key = "";
    /** @type {HTMLSelectElement} */
    this.by = session.$(".colour-by select");
    this.opener = session.$(".wall-open");
    this.state = this.root.querySelector(".state span");
    this.progress = this.root.querySelector("progress");
    this.wall = new Wall(this.root, this);
    this.beside = new Beside(this.root, this);
    this.fault = "";
    this.come = -1; // what is painted of the terms
    this.by.addEventListener("change", () => this._colour());
    this.opener.addEventListener("click", () => this.open(true));
    this.root.querySelector(".close").addEventListener("click", () => this.open(false));
    this.root.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.open(false);
    });
    const choose = oneOf(this.root.querySelector(".tabs"), "aria-selected", (button) =>
      this._part(button.dataset.part),
    );
    choose(this.root.querySelector("[data-part=images]"));
  }

  get view() {
    return this.viewOf();
  }

  get pictures() {
    return this.session.pictures;
  }

  get encoders() {
    return this.session.encoders;
  }

  /** The number of x; null where it is none of the images. @returns {number | null} */
  get image() {
    const { input, image, x, pictures } = this.session;
    if (!x || input.pad.active || input.taken) return null;
    return pictures.numberOf(x) ?? image;
  }

  get opened() {
    return !this.root.hidden;
  }

  /** What is being computed, in words. */
  get hint() {
    if (!this.terms || !this.by.value) return "";
    if (this.fault) return this.fault;
    if (this.terms.whole) return "";
    const grey = this.view.map.shading?.shades.includes(UNKNOWN)
      ? " What has none yet is grey."
      : "";
    return `The terms of all images are being computed: ${this._share()} %.${grey}`;
  }

  _share() {
    return Math.floor(100 * this.terms.done);
  }

  /** Take what the page says of the terms, whenever something of the scene is another. @param {import("../model/terms.js").TermFacts | null} facts @param {string} root */
  setScene(facts, root) {
    const key = facts ? facts.path : "";
    for (const one of [this.by.parentElement, this.opener]) one.hidden = !facts;
    if (!facts) this.open(false);
    set(this.root, "data-alone", !facts?.beside.length);
    if (key !== this.key) {
      this.key = key;
      this.terms?.stop();
      const before = this.by.value;
      this.terms = facts && new ImageTerms(facts, root);
      this.fault = "";
      this.come = -1;
      const offered = this.terms?.terms ?? [];
      this.by.replaceChildren(
        new Option("class", ""),
        ...offered.map(({ name, title }) => new Option(title, name)),
      );
      if (offered.some(({ name }) => name === before)) this.by.value = before;
      if (this.terms) {
        this.wall.setScene();
        this.beside.setScene();
      }
      this._want();
    }
    this._shade();
    this._paint();
  }

  /** @param {number} image */
  choose(image) {
    this.session.choose(image);
  }

  /** @param {boolean} on */
  open(on) {
    if (on === this.opened || (on && !this.terms)) return;
    this.root.hidden = !on;
    set(this.session.root, "data-wall", on ? "open" : "closed");
    for (const part of [".middle", ".output"]) this.session.$(part).inert = on;
    this._want();
    this._paint();
    if (on) this.session.$('.wall [role=tab][aria-selected="true"]').focus();
    else this.opener.focus();
    if (!on) this.session.change("tab");
  }

  /** @param {string} part */
  _part(part) {
    this.wall.root.hidden = part !== "images";
    this.beside.root.hidden = part !== "beside";
    if (this.terms && this.opened) this._paint();
  }

  /** Fetch the terms as long as somebody looks. */
  _want() {
    const { terms } = this;
    if (!terms) return;
    if (!this.opened && !this.by.value) return terms.stop();
    terms
      .fetch(() => terms === this.terms && this._came())
      .catch((error) => {
        if (terms !== this.terms || terms.stopping.signal.aborted) return;
        this.fault = error.message;
        this._paint();
      });
  }

  _came() {
    this._paint();
    if (this.terms.come + this.terms.begun !== this.come) this._shade();
    this.session.change("note");
  }

  _colour() {
    this._want();
    this._shade();
    this.session.change("note");
  }

  /** Colour the map by what has come. */
  _shade() {
    const { map, blob } = this.view;
    const name = /** @type {TermName} */ (this.by.value);
    this.come = this.terms ? this.terms.come + this.terms.begun : 0;
    this.session.root.dataset.colouredBy = name || "class";
    const values = name && this.terms ? this.terms.values[name] : null;
    const [low, high] = values ? quantiles(values, ENDS) : [];
    if (!values || low === undefined) {
      if (map.shading) map.shade(null);
      return;
    }
    const { title } = this.terms.terms.find((term) => term.name === name);
    const theme = themeOf(this.session.root);
    // Most gaps are below a nat, and some are a hundred.
    const logs = name === "gap";
    /** @type {[number, number]} */
    const ends = logs ? [Math.max(low, LEAST), Math.max(high, 2 * LEAST)] : [low, high];
    const called = logs ? `${title}, log` : title;
    map.shade(shadingOf(values, blob.arrays.index, called, ends, theme, logs));
  }

  /** Which image is x is another. */
  paintX() {
    if (this.opened && this.terms) this.wall.paintX();
  }

  _paint() {
    if (!this.opened || !this.terms) return;
    const { terms } = this;
    this.progress.hidden = terms.whole || Boolean(this.fault);
    this.progress.value = this._share() / 100;
    write(this.state, this.fault || this._words());
    set(this.root, "data-whole", terms.whole);
    if (!this.wall.root.hidden) this.wall.refresh();
    if (!this.beside.root.hidden) this.beside.paint();
  }

  /** How the terms are computed, and how well. */
  _words() {
    const { terms } = this;
    const { images, method, k } = terms.facts;
    const count = (/** @type {number} */ n) => n.toLocaleString("en");
    const so_far = terms.whole
      ? `${count(images)} images.`
      : `${count(terms.come)} of ${count(images)} images; the terms are computed once. −ELBO comes first.`;
    if (method === "term") return so_far;
    const within = terms.come ? terms.errorWithin(0.95) : NaN;
    const error = Number.isNaN(within)
      ? ""
      : `, within ${within < 0.01 ? "0.01" : within.toFixed(2)} nats for 95 % of them`;
    return method === "plane"
      ? `${so_far} log p(x) is an integral over the latent plane, on a lattice that all images share${error}.`
      : `${so_far} log p(x) is only bounded here: ${boundName(k)} of ${k} samples of q(z|x), ${Number.isNaN(within) ? "" : `whose error is below ${within.toFixed(2)} nats for 95 % of them and which`} lies below it.`;
  }
}
