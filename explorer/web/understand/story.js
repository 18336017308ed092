// The text beside the picture: what is asked first, the formula with its numbers, what they say.

import { html, set, write } from "../widgets/dom.js";
import { setFormula } from "../widgets/math.js";

/** @typedef {import("./section.js").Section} Section */
/** @typedef {import("./understand.js").Understand} Page */

const BOUNDS = 6; // the section of L_k, numbered from 0

export class Story {
  /** @param {Page} page */
  constructor(page) {
    this.page = page;
    /** @type {import("../widgets/math.js").Katex | null} */
    this.katex = null;
    /** @type {Section | null} */
    this.section = null;
    /** Scenes that are there. @type {Map<Section, HTMLElement>} */
    this.scenes = new Map();
    this.set = ""; // the formulas that are
  }

  /** @param {string} selector @returns {any} */
  $(selector) {
    return this.page.$(`.story ${selector}`);
  }

  /** @param {import("../widgets/math.js").Katex} katex */
  use(katex) {
    this.katex = katex;
    if (this.section) this._formulas();
    this.page.change("x");
  }

  /** @param {Section} section */
  show(section) {
    this.section = section;
    const { refusal } = section;
    this.page.root.dataset.refused = String(Boolean(refusal));
    const host = this.page.$(".scene");
    let scene = this.scenes.get(section);
    if (!scene) {
      scene = html('<div class="pictures"></div>');
      this.scenes.set(section, scene);
      section.build(scene);
    }
    host.replaceChildren(refusal ? this._refused(refusal) : scene);
    write(this.$("h2"), section.title);
    this.$(".task").hidden = Boolean(refusal);
    this._formulas();
    this._predict();
    this._text();
    this.page.symbols.explain(section.meanings);
    this.page.$(".story").scrollTop = 0;
  }

  /** @param {string} sentence */
  _refused(sentence) {
    const place = html(
      '<div class="refused"><p></p><div class="buttons"><button type="button">L_k instead: the bounds that rise to log p(x)</button></div></div>',
    );
    write(place.querySelector("p"), `${sentence} Choose another model above.`);
    const button = place.querySelector("button");
    button.hidden = !this.page.bounded || !this.page.refusal;
    button.addEventListener("click", () => this.page.steps.open(BOUNDS));
    return place;
  }

  _formulas() {
    const { katex, section } = this;
    if (!katex || !section) return;
    const { formula, withNumbers } = section;
    section.numbers = {};
    const [place, numbers] = [this.$(".mathematics"), this.$(".mathematics.numbers")];
    this._set(place, formula);
    numbers.hidden = !withNumbers;
    if (withNumbers) this._set(numbers, withNumbers);
    for (const symbol of place.querySelectorAll(".symbol"))
      set(symbol, "aria-describedby", `symbol-${symbol.getAttribute("data-symbol")}`);
  }

  /** @param {HTMLElement} place @param {import("./section.js").Formula} formula */
  _set(place, { tex, words }) {
    const found = setFormula(this.katex, place, tex, words);
    for (const [key, leaves] of Object.entries(found))
      (this.section.numbers[key] ??= []).push(...leaves);
  }

  _predict() {
    const { section } = this;
    const { question, options } = section.prediction;
    write(this.$(".question"), question);
    const choose = (/** @type {number} */ n) => {
      section.chosen = n;
      section.answered();
      this.page.change("answer");
      this._answer();
    };
    this.$(".options").replaceChildren(
      ...[...options, "Show it"].map((option, n) => {
        const button = html('<button type="button" aria-pressed="false"></button>');
        write(button, option);
        button.addEventListener("click", () => choose(n < options.length ? n : -1));
        return button;
      }),
    );
    this._answer();
  }

  _answer() {
    const { section } = this;
    const { options, answer } = section.prediction;
    const done = section.chosen !== null;
    set(this.page.root, "data-answered", done);
    for (const [n, button] of [...this.$(".options").children].entries()) {
      set(button, "aria-pressed", done && n === section.chosen);
      button.hidden = done && n === options.length;
    }
    write(this.$(".answer"), done ? answer(section.chosen) : "");
  }

  _text() {
    const { section } = this;
    this.$(".paragraphs").replaceChildren(
      ...section.text.map((paragraph) => {
        const p = document.createElement("p");
        p.textContent = paragraph;
        return p;
      }),
    );
    write(this.$(".task"), section.task);
  }

  /** Answers have numbers of x in them. @param {Set<string>} dirty */
  paint(dirty) {
    if (dirty.has("x") || dirty.has("evidence") || dirty.has("numbers")) {
      if (this.section.chosen !== null) this._answer();
    }
  }
}
