// Symbols that explain themselves: a note beside each when the pointer rests on it, when it has the focus, or
// after a tap. Escape closes it. Meanwhile the page marks the symbol's place (`data-symbol`).

import { html, write } from "../widgets/dom.js";

const LINGER = 200; // milliseconds on the way from a symbol to its note
const EDGE = 8; // pixels

/** @param {string} key of its meaning @param {string} text @param {string} [colour] of a quantity */
export function symbol(key, text, colour = "") {
  const button = html('<button type="button" class="symbol"></button>');
  button.dataset.symbol = key;
  button.setAttribute("aria-describedby", noteId(key));
  if (colour) button.dataset.colour = colour;
  typeset(button, text);
  return button;
}

const noteId = (/** @type {string} */ key) => `symbol-${key}`;

/** Write a formula: what follows an underscore stands below the line. @param {HTMLElement} element @param {string} text */
export function typeset(element, text) {
  const [before, after] = text.split("_");
  element.replaceChildren(before);
  if (!after) return;
  const below = document.createElement("sub");
  below.textContent = after[0];
  element.append(below, after.slice(1));
}

export class Symbols {
  /** @param {HTMLElement} root the page @param {() => void} [changed] another symbol is asked about, or none */
  constructor(root, changed = () => {}) {
    this.root = root;
    this.changed = changed;
    /** @type {Map<string, HTMLElement>} */
    this.notes = new Map();
    /** The symbol whose note is open. @type {HTMLElement | null} */
    this.open = null;
    this.leaving = 0;
    /** @returns {HTMLElement | null} */
    const of = (event) =>
      event.target instanceof Element ? event.target.closest(".symbol") : null;
    root.addEventListener("pointerover", (event) => {
      if (event.pointerType !== "mouse" || event.buttons) return;
      const found = of(event);
      if (found) this.show(found);
      else if (this.open && this.notes.get(this.open.dataset.symbol) === event.target)
        clearTimeout(this.leaving);
      else if (this.open && document.activeElement !== this.open) this._leave();
    });
    root.addEventListener("pointerleave", () => this.open && this._leave());
    root.addEventListener("focusin", (event) => (of(event) ? this.show(of(event)) : this.hide()));
    root.addEventListener("focusout", (event) => of(event) && this.hide());
    root.addEventListener("click", (event) => (of(event) ? this.show(of(event)) : this.hide()));
    root.addEventListener("keydown", (event) => this._arrow(event, of(event)));
    this._escape = (event) => event.key === "Escape" && this.hide();
  }

  /** What the symbols mean. @param {Record<string, string>} meanings */
  explain(meanings) {
    this.hide();
    for (const [key, text] of Object.entries(meanings)) {
      let note = this.notes.get(key);
      if (!note) {
        note = html('<div class="about" role="tooltip" hidden></div>');
        note.id = noteId(key);
        this.notes.set(key, note);
        this.root.append(note);
      }
      write(note, text);
    }
  }

  /** @param {HTMLElement} button */
  show(button) {
    clearTimeout(this.leaving);
    if (button === this.open) return;
    this.hide();
    const note = this.notes.get(button.dataset.symbol);
    if (!note) return;
    this.open = button;
    this.root.dataset.symbol = button.dataset.symbol;
    note.hidden = false;
    const [page, at, box] = [this.root, button, note].map((e) => e.getBoundingClientRect());
    const most = page.width - box.width - EDGE;
    const left = Math.max(0, Math.min(most, at.left + at.width / 2 - page.left - box.width / 2));
    note.style.translate = `${left.toFixed(0)}px ${(at.bottom - page.top + EDGE).toFixed(0)}px`;
    document.addEventListener("keydown", this._escape);
    this.changed();
  }

  hide() {
    clearTimeout(this.leaving);
    if (!this.open) return;
    this.notes.get(this.open.dataset.symbol).hidden = true;
    this.open = null;
    delete this.root.dataset.symbol;
    this.changed();
    document.removeEventListener("keydown", this._escape);
  }

  _leave() {
    clearTimeout(this.leaving);
    this.leaving = setTimeout(() => this.hide(), LINGER);
  }

  /** Arrow keys go along the symbols of a line, which are one stop of Tab. @param {KeyboardEvent} event @param {HTMLElement | null} from */
  _arrow(event, from) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const line = from?.closest("[role=toolbar]");
    if (!step || !line) return;
    event.preventDefault();
    const all = symbolsOf(line).filter((one) => !one.hidden);
    const next = all[(all.indexOf(from) + step + all.length) % all.length];
    next.focus();
    stop(line, next);
  }
}

/** @param {Element} line @returns {HTMLElement[]} */
const symbolsOf = (line) => Array.from(line.querySelectorAll(".symbol"));

/** Make one symbol of a line its stop of Tab. @param {Element} line @param {Element} [to] */
export function stop(line, to) {
  const all = symbolsOf(line);
  const one = to ?? all.find((button) => !button.hidden);
  for (const button of all) button.tabIndex = button === one ? 0 : -1;
}
