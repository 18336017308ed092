// What is shown, for others and for later: a link to it, copied or as a QR code, with what it does not hold;
// and beside it the files that can be had of it.

import { html, set, themeOf, write } from "../widgets/dom.js";
import { encode } from "../vendor/uqr.js";
import * as link from "./link.js";
import { ShareFiles } from "./share_files.js";

const MOST_QR = 2300; // characters; with more a code has dots that a camera in a hall cannot tell apart
const QUIET = 4; // dots around a code
const OFTEN = ["options", "sliders", "panels", "tools", "pen", "formula"];

const MARKUP = `<dialog class="share-panel" aria-label="Share and export">
  <div class="share-head"><h2>Share and export</h2> <button type="button" class="share-close" aria-label="Close">✕</button></div>
  <section class="share-view" aria-label="Link">
    <div class="share-row"><button type="button" class="share-copy">Copy the link</button> <span class="share-done" role="status"></span></div>
    <input class="share-link" readonly aria-label="The link">
    <svg class="share-qr" role="img"></svg>
    <p class="share-note"></p>
    <details><summary>Hide parts of the page</summary><div class="share-hides"></div></details>
  </section>
</dialog>`;

/** Paint a text's QR code. @param {SVGElement} place @param {string} text */
export function paintQr(place, text) {
  const { size, data } = encode(text, { border: QUIET });
  const dots = data.flatMap((row, y) =>
    row.flatMap((dark, x) => (dark ? [`M${x} ${y}h1v1h-1z`] : [])),
  );
  set(place, "viewBox", `0 0 ${size} ${size}`);
  set(place, "shape-rendering", "crispEdges");
  place.innerHTML = `<rect width="${size}" height="${size}" fill="#fff"/><path fill="#000" d="${dots.join("")}"/>`;
}

export class SharePanel {
  /** @param {import("./page_menu.js").PageMenu} menu */
  constructor(menu) {
    this.menu = menu;
    this.root = /** @type {HTMLDialogElement} */ (html(MARKUP));
    menu.root.after(this.root);
    this.files = new ShareFiles(this.root, menu.page);
    const find = (selector) => this.root.querySelector(selector);
    this.field = find(".share-link");
    this.qr = find(".share-qr");
    this.note = find(".share-note");
    this.done = find(".share-done");
    /** What the link hides. @type {Set<string>} */
    this.hides = new Set();
    find(".share-hides").append(...OFTEN.map((name) => this._box(name)));
    find(".share-copy").addEventListener("click", () => this._copy());
    find(".share-close").addEventListener("click", () => this.root.close());
    this.root.addEventListener("close", () => this._closed());
    this.root.addEventListener("click", (event) => {
      if (event.target === this.root) this.root.close(); // beside it
    });
    this.field.addEventListener("focus", () => this.field.select());
  }

  /** @param {string} name of a part of the page */
  _box(name) {
    const label = html(`<label><input type="checkbox" value="${name}"> ${name}</label>`);
    label.addEventListener("change", () => {
      if (!this.hides.delete(name)) this.hides.add(name);
      this._show();
    });
    return label;
  }

  toggle() {
    if (this.root.open) this.root.close();
    else this.open();
  }

  /** @param {boolean} [forFiles] whether these are what is asked for */
  open(forFiles = false) {
    if (this.root.open) return;
    set(this.menu.button("share"), "aria-expanded", true);
    this.files.show();
    this.root.showModal();
    const first = forFiles ? this.files.first : this.root.querySelector(".share-copy");
    /** @type {HTMLElement | null} */ (first)?.focus();
    this._show();
  }

  _closed() {
    this.files.giveUp();
    set(this.menu.button("share"), "aria-expanded", false);
    write(this.done, "");
  }

  /** The address of what is shown now. @returns {Promise<{url: string, lost: string[]}>} */
  async link() {
    const { page } = this.menu;
    const { text, lost } = await link.write(page);
    const url = new URL(location.href);
    for (const name of ["lesson", "step"]) url.searchParams.delete(name);
    const hides = [...this.hides];
    url.searchParams.delete("hide");
    if (hides.length) url.searchParams.set("hide", hides.join(","));
    const hash = new URLSearchParams(url.hash.slice(1));
    hash.set("theme", themeOf(page.root));
    hash.set("view", text);
    url.hash = hash.toString();
    return { url: url.href.replaceAll("%2C", ","), lost };
  }

  async _show() {
    try {
      const { url, lost } = await this.link();
      this.field.value = url;
      const fits = url.length <= MOST_QR;
      this.qr.toggleAttribute("hidden", !fits);
      if (fits) paintQr(this.qr, url);
      set(this.qr, "aria-label", "QR code of the link");
      const without = lost.length ? `It does not hold ${lost.join(", nor ")}. ` : "";
      const size = fits
        ? ""
        : `With ${url.length} characters it is too long for a QR code (${MOST_QR} at most). `;
      const local = /^(localhost|127\.|\[::1\])/.test(location.hostname)
        ? "Its address is this machine's own: others need this server's name or number instead."
        : location.protocol === "file:"
          ? "It leads to this file on this machine; whoever has the file, too, needs what stands behind #."
          : "";
      write(this.note, without + size + local || "It holds all that is shown.");
      return url;
    } catch (error) {
      write(this.note, `The link could not be made: ${error.message}`);
      return "";
    }
  }

  async _copy() {
    const url = await this._show();
    if (!url) return;
    try {
      await navigator.clipboard.writeText(url);
      write(this.done, "Copied.");
    } catch {
      this.field.select();
      write(this.done, "Press Ctrl+C: this browser copies only by hand.");
    }
  }
}
