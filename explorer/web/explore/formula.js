// The machine as one line over the columns, x → q(z|x) → z → p(x|z) → x̂, and the bound below it with its
// numbers.

import { set, write } from "../widgets/dom.js";
import { Symbols, stop, symbol, typeset } from "../session/symbols.js";
import { chainOf, formulaOf, kindOf, meanings, numbersOf } from "./bound.js";

export class Formula {
  /** @param {HTMLElement} root the page */
  constructor(root) {
    const find = (selector) => root.querySelector(selector);
    this.root = root;
    this.line = find(".formula");
    this.chain = find(".chain");
    this.encoder = find(".chain [data-symbol=posterior]");
    this.decoder = find(".chain [data-symbol=decoder]");
    this.code = find(".chain .code");
    this.noise = find(".chain [data-symbol=noise]");
    this.symbols = new Symbols(root);
    /** @type {{mean?: HTMLElement, kl?: HTMLElement, sum?: HTMLElement}} */
    this.numbers = {};
    /** @type {number | null} */
    this.constant = null;
    /** What was painted last. */
    this.over = this.kl = undefined;
  }

  /** @param {import("../model/vae.js").Vae} vae */
  setModel(vae) {
    const chain = chainOf(vae);
    this.root.dataset.formula = kindOf(vae);
    for (const [button, text] of [
      [this.encoder, chain.encoder],
      [this.decoder, chain.decoder],
    ]) {
      typeset(button, text);
      button.hidden = !text;
    }
    write(this.code, chain.code);
    this.noise.hidden = !chain.noise;
    this.constant = vae.likelihood.constant;
    this.over = this.kl = undefined;
    this.numbers = {};
    const { symbols, numbers } = formulaOf(vae);
    const group = (parts, name) => {
      const span = document.createElement("span");
      span.className = name;
      span.append(...parts.map((part) => this._part(part)));
      return span;
    };
    this.line.replaceChildren(group(symbols, "symbols"), group(numbers, "numbers"));
    for (const line of [this.line, this.chain]) stop(line);
    this.symbols.explain(meanings(vae));
  }

  /** @param {import("./bound.js").Part} part */
  _part({ text, symbol: key, colour = "", number }) {
    const element = key ? symbol(key, text, colour) : document.createElement("span");
    if (!key) {
      typeset(element, text);
      if (colour) element.dataset.colour = colour;
    }
    if (number) {
      set(element, "data-number", number);
      this.numbers[number] = element;
    }
    return element;
  }

  /** Write the numbers, where x is another one. @param {{n: number, mean: number, error: number} | null} over @param {number} kl */
  paint(over, kl) {
    if (over === this.over && kl === this.kl) return;
    this.over = over;
    this.kl = kl;
    const found = numbersOf(over, kl, this.constant);
    for (const [name, element] of Object.entries(this.numbers)) write(element, found[name]);
  }
}
