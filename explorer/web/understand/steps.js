// The line of sections: tabs, two buttons, and the keys that go on from wherever they mean nothing else.

import { oneOf } from "../widgets/choice.js";

const STEPS = { PageDown: 1, ArrowRight: 1, PageUp: -1, ArrowLeft: -1 };

/** Where arrow keys have a meaning of their own. */
const OWN_ARROWS =
  "input, select, textarea, canvas[tabindex], [role=tab], [role=radio], [role=combobox], [role=toolbar], [role=menu]";

export class Steps {
  /** @param {HTMLElement} root the page @param {(n: number) => void} show a section, numbered from 0 */
  constructor(root, show) {
    this.root = root;
    const find = (selector) => root.querySelector(selector);
    this.tabs = /** @type {HTMLButtonElement[]} */ ([
      ...root.querySelectorAll(".steps [role=tab]"),
    ]);
    this.buttons = { before: find(".steps .before"), next: find(".steps .next") };
    this.at = 0;
    this._choose = oneOf(find(".steps .tabs"), "aria-selected", (tab) => {
      this.at = this.tabs.indexOf(tab);
      this.buttons.before.disabled = this.at === 0;
      this.buttons.next.disabled = this.at === this.tabs.length - 1;
      tab.scrollIntoView({ block: "nearest", inline: "nearest" });
      show(this.at);
    });
    this.buttons.before.addEventListener("click", () => this.open(this.at - 1));
    this.buttons.next.addEventListener("click", () => this.open(this.at + 1));
    document.addEventListener("keydown", (event) => this._key(event));
  }

  /** @param {number} n a section that there may be */
  open(n) {
    if (this.tabs[n]) this._choose(this.tabs[n]);
  }

  /** @param {KeyboardEvent} event */
  _key(event) {
    const by = STEPS[event.key];
    if (!by || !this.root.isConnected || event.defaultPrevented) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const at = event.target;
    if (event.key.startsWith("Arrow") && at instanceof Element && at.closest(OWN_ARROWS)) return;
    event.preventDefault();
    this.open(this.at + by);
  }
}
