// The host of the stage where there is no server: it gives the pages their data out of the file itself, and keeps
// the view in the address.

import { takeFrom } from "../model/blobs.js";
import { provideKatex } from "../widgets/math.js";
import { Address } from "./address.js";
import { Remote } from "./remote.js";
import { MOST_BESIDE, PAGES, ROOT, besideOf, modelOf } from "./given.js";

/**
 * @typedef {keyof typeof PAGES} PageName
 * @typedef {import("./given.js").Facts} Facts
 * @typedef {{pause?: () => void}} Shown
 * @typedef {{show: (parent: HTMLElement, data: object, send: (name: string, value: any) => void) => Shown}} PageModule
 */

const { later, packs } = globalThis;
const MAPS = { plane: "Latent plane", pca: "PCA" };
const THEMES = { auto: "light dark", light: "light", dark: "dark" };
const SIGNS = { auto: "◐", light: "☀", dark: "☾" };
const THEME_KEY = "vae-theme";

/** Answer what the pages fetch out of the file. */
function answerFromFile() {
  takeFrom(async (url) => {
    const bytes = await packs.get(url.slice(ROOT.length));
    if (!bytes) return new Response(null, { status: 404 });
    return new Response(bytes, { headers: { "x-unpacked-length": String(bytes.length) } });
  });
  globalThis.Worker = class extends Worker {
    /** Modules that are functions need no module; and from a file browsers begin no worker that is one. @param {string} url */
    constructor(url) {
      super(url);
    }

    /** A worker can fetch nothing here: its model goes before the order. @param {any} message @param {any} [options] */
    postMessage(message, options) {
      const { model } = message;
      const given = model && packs.files.get(model.slice(ROOT.length));
      if (given) super.postMessage({ url: model, given: given.slice() });
      super.postMessage(message, options);
    }
  };
}

/** A style sheet of the file's, once it has come. @param {string} path @param {string} page whose it is alone; "" for all */
async function addStyle(path, page) {
  const bytes = await packs.get(path);
  const style = document.createElement("style");
  style.dataset.page = page;
  style.textContent = new TextDecoder().decode(bytes);
  document.head.append(style);
}

/** KaTeX out of the file. */
async function takeKatex() {
  await addStyle("katex.css", "");
  const bytes = await packs.get("katex.js");
  const script = document.createElement("script");
  script.src = URL.createObjectURL(new Blob([bytes], { type: "text/javascript" }));
  return new Promise((resolve, reject) => {
    script.onload = () => resolve(/** @type {any} */ (globalThis).katex);
    script.onerror = () => reject(new Error("The formulas could not be loaded; reload the page."));
    document.head.append(script);
  });
}

class Handout {
  /** @param {Facts} facts */
  constructor(facts) {
    this.facts = facts;
    this.address = new Address(location.hash);
    this.alive = this.address.empty; // nobody has said what to show
    this._openLink();
    /** @type {PageName | ""} */
    this.page = "";
    /** @type {Shown | null} */
    this.shown = null;
    this.asked = 0; // counts what was to be shown
    /** @type {Map<string, HTMLElement>} the pages' places */
    this.places = new Map();
    /** @type {Map<string, string>} their workers' addresses */
    this.workers = new Map();
    this.main = document.querySelector("main");
    this.checkpoint = /** @type {HTMLSelectElement} */ (document.querySelector(".choose-model"));
    this.maps = document.querySelector(".choose-map");
    this.beside = document.querySelector(".choose-beside");
    this.theme = "auto";
    /** Where it is a part of another page. */
    this.remote =
      parent === window
        ? null
        : new Remote(() => (this.page === "explore" ? /** @type {any} */ (this.shown) : null));
    this._listen();
    this._theme(this._keptTheme());
  }

  /** @returns {PageName} */
  get wanted() {
    const offered = Object.keys(PAGES).filter(
      (n) => n !== "compare" || this.facts.models.length > 1,
    );
    return /** @type {PageName} */ (this.address.text("page", offered) ?? "explore");
  }

  /** Take a link's view and theme off the address: it is shown once. */
  _openLink() {
    if (!this.address.text("view") && !this.address.text("theme")) return;
    globalThis.openedWith = location.hash;
    const theme = this.address.text("theme", ["light", "dark"]);
    if (theme) this._keepTheme(theme);
    this.address.put({ view: null, theme: null });
    history.replaceState(null, "", this.address.toString());
  }

  // --- what hands do ----------------------------------------------------------------------------

  _listen() {
    const { models } = this.facts;
    for (const link of document.querySelectorAll(".pages a")) {
      const page = link.getAttribute("data-page");
      link.toggleAttribute("hidden", page === "compare" && models.length < 2);
      link.addEventListener("click", (event) => {
        event.preventDefault();
        if (page !== this.wanted) this.go({ page }, true);
      });
    }
    this.checkpoint.replaceChildren(...models.map(({ name }) => new Option(name, name)));
    this.checkpoint.addEventListener("change", () =>
      this.go({ checkpoint: this.checkpoint.value, z: null, map: null }),
    );
    document.querySelector(".theme").addEventListener("click", () => {
      const names = Object.keys(THEMES);
      this._theme(names[(names.indexOf(this.theme) + 1) % names.length]);
      this.show();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.show());
    addEventListener("hashchange", () => this._addressChanged());
  }

  /** Another view was asked for by the browser's own buttons, or by a hand in its address line. */
  _addressChanged() {
    const before = this.address;
    this.address = new Address(location.hash);
    if (this.address.toString() === before.toString()) return;
    if (this.wanted !== this.page) this.show();
    else location.reload();
  }

  /** Show what the address says with some parts changed. @param {Record<string, string | null>} parts @param {boolean} [entry] of the browser's history */
  go(parts, entry = false) {
    this.alive = false;
    this._write(parts, entry);
    this.show();
  }

  /** Go to a lesson on another page, or about another model. @param {string} page @param {Record<string, any>} parts */
  async _visit(page, parts) {
    this.alive = false;
    this._write({ page, ...parts }, true);
    await this.show();
    const { menu } = /** @type {any} */ (this.shown);
    if (menu?.begun) await menu.teach(parts.lesson, parts.step); // a page that begins sees it in the address
  }

  /** @param {Record<string, string | number | null>} parts @param {boolean} entry */
  _write(parts, entry) {
    this.address = new Address(location.hash); // a lesson has a part of it
    this.address.put({ page: this.page || this.wanted, ...parts });
    const hash = this.address.toString();
    try {
      if (entry) history.pushState(null, "", hash);
      else history.replaceState(null, "", hash);
    } catch {
      // A page that stands in another one's text has no address.
    }
  }

  _keptTheme() {
    try {
      return localStorage.getItem(THEME_KEY) ?? "auto";
    } catch {
      return "auto"; // the browser keeps nothing
    }
  }

  /** @param {string} name */
  _theme(name) {
    this.theme = Object.hasOwn(THEMES, name) ? name : "auto";
    document.documentElement.style.colorScheme = THEMES[this.theme];
    document.documentElement.dataset.theme = this.theme;
    const button = document.querySelector(".theme");
    button.innerHTML = `${SIGNS[this.theme]} <span>${this.theme}</span>`;
    button.setAttribute("title", `Theme: ${this.theme}; press for the next`);
    this._keepTheme(this.theme);
  }

  /** @param {string} name */
  _keepTheme(name) {
    try {
      localStorage.setItem(THEME_KEY, name);
    } catch {
      // It is so until the page is closed.
    }
  }

  // --- a page -----------------------------------------------------------------------------------

  /** Show the page that the address names. */
  async show() {
    const page = this.wanted;
    const asked = ++this.asked;
    this._mark(page);
    if (page !== this.page && this.page) this._wait(page);
    const module = await this._load(page);
    if (asked !== this.asked) return; // another one is wanted by now
    if (page !== this.page) {
      this.shown?.pause?.();
      this.page = page;
      for (const style of document.querySelectorAll("style[data-page]"))
        if (style instanceof HTMLStyleElement && style.dataset.page)
          style.disabled = style.dataset.page !== page;
      this.main.replaceChildren(this._placeOf(page));
    }
    const data = {
      ...PAGES[page].given(this.facts, this.address),
      root: ROOT,
      pictures: this.facts.pictures,
      alive: this.alive,
      worker: this._worker(page),
      lessons: this.facts.lessons ?? {},
      visit: (/** @type {string} */ to, /** @type {Record<string, any>} */ parts) =>
        this._visit(to, parts),
    };
    this.shown = module.show(this._placeOf(page), data, (_name, view) => {
      this.alive = false;
      if (this.page === page) this._write(PAGES[page].told(view), false);
    });
    this._choices(page);
    this.remote?.listen();
  }

  /** @param {PageName} page @returns {Promise<PageModule>} */
  async _load(page) {
    if (!this.places.has(page)) {
      if (page === "understand") provideKatex(takeKatex());
      await addStyle(`${page}.css`, page);
    }
    return later(`${page}/${page}.js`);
  }

  /** @param {string} page */
  _wait(page) {
    if (this.places.has(page)) return;
    const words = document.createElement("p");
    words.className = "opening-words";
    words.textContent = "This page is on its way.";
    this.shown?.pause?.();
    this.page = "";
    this.main.replaceChildren(words);
  }

  /** @param {string} page */
  _placeOf(page) {
    const place = this.places.get(page) ?? document.createElement("div");
    this.places.set(page, place);
    return place;
  }

  /** @param {PageName} page */
  _worker(page) {
    const path = PAGES[page].worker;
    if (!this.workers.has(path)) this.workers.set(path, packs.worker("handout/worker.js", path));
    return this.workers.get(path);
  }

  /** @param {string} page */
  _mark(page) {
    for (const link of document.querySelectorAll(".pages a"))
      if (link.getAttribute("data-page") === page) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
  }

  /** What else there is to choose on a page. @param {string} page */
  _choices(page) {
    const { facts, address } = this;
    const model = modelOf(facts, address);
    this.checkpoint.hidden = page === "compare" || facts.models.length < 2;
    this.checkpoint.value = model.name;
    document.querySelector(".inventory").textContent =
      facts.models.length < 2 ? `${model.name} · ${model.note} · ${facts.data}` : facts.data;
    const kinds = Object.keys(model.maps).filter((kind) => kind in MAPS);
    const kind = address.text("map", kinds) ?? kinds[0];
    this.maps.toggleAttribute("hidden", page !== "explore" || kinds.length < 2);
    this.maps.replaceChildren(
      ...kinds.map((one) =>
        choice(MAPS[one], one === kind, () => this.go({ map: one === kinds[0] ? null : one })),
      ),
    );
    const beside = besideOf(facts, address);
    this.beside.toggleAttribute("hidden", page !== "compare");
    this.beside.replaceChildren(
      ...facts.models.map((one) =>
        choice(one.name, beside.includes(one), () => this._toggle(one.name)),
      ),
    );
  }

  /** Put a model beside the others, or take it away. @param {string} name */
  _toggle(name) {
    const names = besideOf(this.facts, this.address).map((model) => model.name);
    const chosen = names.includes(name) ? names.filter((n) => n !== name) : [...names, name];
    if (!chosen.length) return;
    const kept = chosen
      .slice(-MOST_BESIDE)
      .map((n) => n.replaceAll("%", "%25").replaceAll(",", "%2C"));
    this.go({ beside: kept.join(",") });
  }
}

/** @param {string} words @param {boolean} pressed @param {() => void} press */
function choice(words, pressed, press) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = words;
  button.setAttribute("aria-pressed", String(pressed));
  button.addEventListener("click", press);
  return button;
}

/** Show what the file holds, as soon as there is enough of it. */
export async function begin() {
  answerFromFile();
  const bytes = await packs.get("facts.json");
  if (!bytes) return; // a fault was said
  await addStyle("base.css", "");
  new Handout(JSON.parse(new TextDecoder().decode(bytes))).show();
}
