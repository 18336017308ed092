// What a page offers beside itself, in its uppermost line: lessons, a link to what is shown, and the look for a
// lecture hall. It comes after the page, and each part when it is asked for.

import { html, set } from "../widgets/dom.js";
import { carried } from "./keeper.js";
import { hideParts, hideable } from "./parts.js";

/**
 * A page with a menu: what all of them have. A session has more.
 * @typedef {import("./loaded_page.js").LoadedPage} Page
 */

const MARKUP = `<nav class="page-menu" aria-label="Lessons, links, presenting">
  <button type="button" class="lessons-open" aria-haspopup="dialog" aria-expanded="false">Lessons</button>
  <button type="button" class="share-open" aria-haspopup="dialog" aria-expanded="false" title="A link, a QR code, pictures, films, tables, one file of all">Share</button>
  <button type="button" class="present-open" aria-pressed="false" aria-keyshortcuts="Alt+P" title="Full screen, with large type: for a projector (Alt+P)">Present</button>
</nav>`;

/** Where keys write. */
const WRITING = `:is(textarea, [contenteditable="true"], [role="combobox"]),
  input:not([type="range"], [type="checkbox"], [type="radio"], [type="button"])`;

/** A value of the address, in its query or behind its #. @param {string} name */
export function inAddress(name) {
  const hash = new URLSearchParams(location.hash.slice(1));
  return new URLSearchParams(location.search).get(name) ?? hash.get(name);
}

/** Put values of the browser's own into the address; null takes one out. @param {Record<string, string | number | null>} values */
export function putInAddress(values) {
  const url = new URL(location.href);
  const hosted = "packs" in globalThis; // a file's address has all behind its #
  const parts = hosted ? new URLSearchParams(url.hash.slice(1)) : url.searchParams;
  for (const [name, value] of Object.entries(values))
    if (value === null) parts.delete(name);
    else parts.set(name, String(value));
  if (hosted) url.hash = parts.toString().replaceAll("%2C", ",");
  history.replaceState(history.state, "", url);
}

export class PageMenu {
  /** @param {Page} page */
  constructor(page) {
    this.page = page;
    this.root = html(MARKUP);
    page.root.append(this.root);
    this.begun = false;
    /** What the address hides. @type {string[]} */
    this.hidden = [];
    /** @type {import("./present.js").Presenter | null} */
    this.presenter = null;
    /** @type {import("./lesson.js").Player | null} */
    this.player = null;
    /** @type {Record<string, {toggle: () => void}>} */
    this.panels = {};
    const click = (name, act) =>
      this.root.querySelector(`.${name}`).addEventListener("click", () => this._try(act));
    click("lessons-open", () => this._toggle("lessons"));
    click("share-open", () => this._toggle("share"));
    click("present-open", () => this.present());
    document.addEventListener("keydown", (event) => this._key(event));
  }

  /** Alt+P is the button Present; on a Mac that key writes π. @param {KeyboardEvent} event */
  _key(event) {
    const { key, altKey, ctrlKey, metaKey, shiftKey, repeat, target } = event;
    if (!altKey || ctrlKey || metaKey || shiftKey || repeat || !/^[pPπ]$/.test(key)) return;
    if (!this.page.root.isConnected || (target instanceof Element && target.closest(WRITING)))
      return;
    event.preventDefault();
    this._try(() => this.present());
  }

  /** @param {() => Promise<unknown>} act */
  _try(act) {
    act().catch((error) => this.page.fault(error.message ?? String(error)));
  }

  /** @param {"lessons" | "share"} name */
  async _toggle(name) {
    const panel = await this._panel(name);
    for (const [other, one] of Object.entries(this.panels))
      if (other !== name && this.button(other).getAttribute("aria-expanded") === "true")
        one.toggle();
    panel.toggle();
  }

  /** What can be had as files. */
  async openFiles() {
    /** @type {import("./share.js").SharePanel} */ (await this._panel("share")).open(true);
  }

  /** @param {"lessons" | "share"} name */
  async _panel(name) {
    const { root } = this.page.data;
    const made = {
      share: async () => new (await import("./share.js")).SharePanel(this),
      lessons: async () => new (await import("./lesson_list.js")).LessonList(this, root),
    };
    return (this.panels[name] ??= await made[name]());
  }

  /** @param {string} name */
  button(name) {
    return /** @type {HTMLButtonElement} */ (this.root.querySelector(`.${name}-open`));
  }

  /** The lecture hall's look, or the usual one again. */
  async present() {
    const { Presenter } = await import("./present.js");
    this.presenter ??= new Presenter(this);
    this.presenter.toggle();
    set(this.button("present"), "aria-pressed", this.presenter.on);
  }

  /** Show what the address asks for, once: a link's view, a lesson, what is hidden, the lecture hall's look. */
  async begin() {
    if (this.begun) return;
    this.begun = true;
    const { page } = this;
    const hidden = (inAddress("hide") ?? "").split(",").filter(Boolean);
    this.hidden = hidden;
    const unknown = hidden.length ? hideParts(hidden) : [];
    try {
      if (inAddress("present") === "1") await this.present();
      const text = carried();
      if (text) await (await import("./link.js")).open(page, text);
      const lesson = inAddress("lesson");
      if (lesson) await this.teach(lesson, Number(inAddress("step") ?? 1));
      if (unknown.length)
        page.fault(
          `The link hides ${unknown[0].slice(0, 30)}, which is no part of a page; those are ${hideable().join(", ")}.`,
        );
    } catch (error) {
      page.fault(error.message ?? String(error));
    }
  }

  /** @param {string} name of a lesson @param {number} [step] from 1 */
  async teach(name, step = 1) {
    const { Player, fetchLesson, goTo } = await import("./lesson.js");
    const lesson = await fetchLesson(this.page, name);
    if (goTo(this.page, lesson, step)) return; // the page comes again, with its model
    this.player?.close();
    this.player = new Player(this, lesson);
    await this.player.open(step);
  }
}
