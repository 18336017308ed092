// A choice of a code: a button an option, or a list where there are many.

import { oneOf } from "./choice.js";
import { html, set, write } from "./dom.js";

const BUTTONS = 12;

export class OptionsRow {
  /**
   * @param {import("../model/blob_types.js").ChoiceHeader} choice
   * @param {(option: number) => void} chosen
   */
  constructor({ name, options, kind }, chosen) {
    this.root = html(
      `<div class="slider choice"><label><b></b></label><span class="kl"></span></div>`,
    );
    const label = this.root.querySelector("b");
    if (label) label.textContent = name;
    const what = kind === "label" ? "the label that the model is given" : "a categorical latent";
    this.root.title = `${name}: ${what}`;
    this.kl = this.root.querySelector(".kl");
    this.options = options;
    this.shown = -1;
    /** @type {HTMLButtonElement[]} */
    this.buttons = [];
    /** @type {HTMLSelectElement | null} */
    this.list = null;
    /** @type {((button: HTMLButtonElement) => void) | null} */
    this.press = null;
    if (options.length > BUTTONS) this._asList(name, chosen);
    else this._asButtons(name, chosen);
  }

  /** @param {string} name @param {(option: number) => void} chosen */
  _asList(name, chosen) {
    const list = document.createElement("select");
    set(list, "aria-label", name);
    list.append(...this.options.map((option, n) => new Option(option, String(n))));
    list.addEventListener("change", () => chosen(Number(list.value)));
    this.root.append(list);
    this.list = list;
  }

  /** @param {string} name @param {(option: number) => void} chosen */
  _asButtons(name, chosen) {
    const group = html('<div class="options" role="radiogroup"></div>');
    set(group, "aria-label", name);
    this.buttons = this.options.map((option) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = option;
      set(button, "role", "radio");
      group.append(button);
      return button;
    });
    let quiet = false;
    const press = oneOf(group, "aria-checked", (button) => {
      if (!quiet) chosen(this.buttons.indexOf(button));
    });
    this.press = (button) => {
      quiet = true;
      press(button);
      quiet = false;
    };
    this.root.append(group);
  }

  /**
   * @param {number} option of z @param {number} own the likeliest of x
   * @param {ArrayLike<number> | null} chances of each option under q(z|x) @param {string} kl in words
   */
  paint(option, own, chances, kl) {
    if (this.kl) write(this.kl, kl);
    this.buttons.forEach((button, n) => {
      set(button, "data-own", n === own);
      if (chances)
        button.title = `q(z|x) gives ${this.options[n]} ${(100 * chances[n]).toFixed(1)} %`;
    });
    if (option === this.shown) return;
    this.shown = option;
    if (this.list) this.list.value = String(option);
    const button = this.buttons[option];
    if (button) this.press?.(button);
  }
}
