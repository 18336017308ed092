// The files that can be had of a page: pictures of its maps, of x̂ and x, a film of the walk, what a lasso holds,
// all codes, and the page itself as one file. With most of them the command that makes the like without the page.

import { pictureOf, svgOf } from "../map/picture.js";
import { PayloadError, fetchFile } from "../model/blobs.js";
import { html, write } from "../widgets/dom.js";
import { endingOf, filmType, record } from "../widgets/recorder.js";
import { save } from "../widgets/save.js";
import { codesOf, pictureAsPng, picturesOf, pngOf } from "./image_files.js";
import { inAddress } from "./page_menu.js";
import { scenePicture } from "./scene_picture.js";
import { walkPainter } from "./video.js";

/** @typedef {import("./session.js").Session} Session */
/** @typedef {import("./model_view.js").ModelView} ModelView */

const ENLARGED = 512; // pixels that a saved picture has at least

const MARKUP = `<section class="share-files" aria-label="Files">
  <p class="which"><label>Model <select class="model"></select></label>
    <label>Colours <select class="theme"><option value="">as shown</option><option value="light">light</option><option value="dark">dark</option></select></label></p>
  <div class="share-item" data-part="pictures"><h3>Pictures</h3><div class="buttons">
    <button type="button" data-save="png">Map, PNG</button> <button type="button" data-save="svg" aria-label="Map, SVG">SVG</button>
    <button type="button" data-save="scene" aria-label="The picture as PNG">PNG</button>
    <button type="button" data-save="x">x</button> <button type="button" data-save="x-hat">x̂</button></div><code></code></div>
  <div class="share-item" data-part="walk"><h3>Walk</h3><div class="buttons"><button type="button" data-save="film">Film</button> <span class="saying"></span></div><code></code></div>
  <div class="share-item" data-part="lasso"><h3>Lasso</h3><div class="buttons"><button type="button" data-save="lasso-csv">Codes, CSV</button>
    <button type="button" data-save="zip">Pictures, ZIP</button> <span class="chosen"></span></div></div>
  <div class="share-item" data-part="tables"><h3>All codes</h3><div class="buttons"><button type="button" data-save="csv" title="For a spreadsheet">CSV</button>
    <button type="button" data-save="parquet" title="For pandas, polars and DuckDB">Parquet</button> <button type="button" data-save="npz" title="NumPy's arrays">NPZ</button> <label class="with-terms"><input type="checkbox"> with terms</label></div><code></code></div>
  <div class="share-item" data-part="handout"><h3>All of it</h3><div class="buttons"><button type="button" data-save="handout">One HTML file</button>
    <span>opens on any phone or laptop, without a server or a network</span></div><code></code></div>
  <p class="state" role="status"></p>
</section>`;
const TABLES = ["csv", "parquet", "npz"]; // in the order of their numbers
const TYPES = {
  csv: "text/csv",
  parquet: "application/vnd.apache.parquet",
  npz: "application/zip",
};

const BARE = /^[\w./-]+$/;

/** A word for a shell. @param {string} text */
const quoted = (text) => (BARE.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

export class ShareFiles {
  /** @param {HTMLElement} panel where it stands @param {import("./loaded_page.js").LoadedPage} page */
  constructor(panel, page) {
    this.page = page;
    /** A page with maps and a walk. @type {Session | null} */
    this.session = "views" in page ? /** @type {any} */ (page) : null;
    /** Stops what is being made. @type {AbortController | null} */
    this.working = null;
    this.root = html(MARKUP);
    panel.append(this.root);
    this.root.addEventListener("click", (event) => {
      const button = /** @type {HTMLElement} */ (event.target).closest("[data-save]");
      if (button instanceof HTMLElement) this._save(button.dataset.save ?? "");
    });
    this.$(".model").addEventListener("change", () => this.show());
    this.$(".with-terms input").addEventListener("change", () => this._tellCommands());
  }

  /** @param {string} selector @returns {any} */
  $(selector) {
    return this.root.querySelector(selector);
  }

  /** What a hand may want first. @returns {HTMLElement | null} */
  get first() {
    return this.$("button:enabled");
  }

  /** What is asked for is not wanted any more. */
  giveUp() {
    this.working?.abort();
    this.working = null;
  }

  /** What is known of the chosen model. */
  get entry() {
    const { models } = this.page.data;
    return models.find(({ name }) => name === this.$(".model").value) ?? models[0];
  }

  /** The chosen model's view. @returns {ModelView} */
  get view() {
    const session = /** @type {Session} */ (this.session);
    return session.views.get(this.entry.name) ?? session.first;
  }

  get colours() {
    const theme = this.$(".theme").value;
    return theme ? this.view.blob.header.themes[theme] : this.session?.colours;
  }

  /** The images of the lasso. */
  get chosen() {
    return this.session?.lasso.view ? this.session.lasso.images : [];
  }

  /** Offer what can be had now. */
  show() {
    const { session, page } = this;
    const names = page.data.models.map(({ name }) => name);
    const select = this.$(".model");
    const before = select.value;
    select.replaceChildren(...names.map((name) => new Option(name, name)));
    if (names.includes(before)) select.value = before;
    select.parentElement.hidden = names.length < 2;
    session?.halt();
    const { handout } = page.data;
    const { tables, encoder } = this.entry;
    this.$(".theme").parentElement.hidden = !session;
    for (const part of ["walk", "lasso"]) this._part(part).hidden = !session;
    for (const what of ["png", "svg", "x-hat"]) this._button(what).hidden = !session;
    this._button("scene").hidden = Boolean(session);
    this._part("pictures").querySelector("code").hidden = !session;
    this._part("tables").hidden = !encoder || !(tables || session);
    for (const kind of ["parquet", "npz"]) this._button(kind).hidden = !tables;
    this.$(".with-terms").hidden = !tables;
    this._part("handout").hidden = !handout;
    if (session) this._offer(session);
    this._tellCommands();
    write(this.$(".state"), "");
  }

  /** @param {string} name @returns {HTMLElement} */
  _part(name) {
    return this.$(`[data-part=${name}]`);
  }

  /** @param {string} what @returns {HTMLButtonElement} */
  _button(what) {
    return this.$(`[data-save=${what}]`);
  }

  /** @param {Session} session */
  _offer(session) {
    const { view, chosen } = this;
    const there = Boolean(view.map.ready);
    const type = filmType();
    for (const what of ["png", "svg"]) this._button(what).disabled = !there;
    this._button("film").disabled = !there || !type;
    for (const what of ["lasso-csv", "zip"]) this._button(what).disabled = !chosen.length;
    this._button("x").disabled = !session.x;
    const kind = endingOf(type) === "mp4" ? "MP4" : "WebM";
    write(this._button("film"), type ? `Film, ${kind}` : "Film");
    const { label } = session.walk.paths.find(({ value }) => value === session.walk.path) ?? {};
    write(
      this.$(".saying"),
      type ? `${label ?? ""}; ${this.seconds} s` : "this browser makes none; the command does",
    );
    write(
      this.$(".chosen"),
      chosen.length
        ? `${chosen.length.toLocaleString("en")} images`
        : "choose Lasso over the map, and draw around points",
    );
  }

  get seconds() {
    return Math.min(30, Math.max(1, Number(this.session?.walk.seconds?.value) || 4));
  }

  /** Whether tables shall have the terms of each image. */
  get _withTerms() {
    return this.$(".with-terms input").checked;
  }

  /** The commands that make the like without the page. */
  _tellCommands() {
    const { entry, session } = this;
    const data = inAddress("data") ?? "";
    const from = BARE.test(data) ? ` --data ${data}` : "";
    const of = quoted(entry.name) + from;
    /** @type {Record<string, string>} */
    const commands = {
      pictures: `figures ${of} --out figures`,
      walk: `film ${of}${session ? this._ends(session) : ""} --seconds ${this.seconds} --out walk.gif`,
      tables: `codes ${of}${this._withTerms ? " --terms" : ""} --out codes.csv`,
      handout: `export ${this.page.data.models.map(({ name }) => quoted(name)).join(" ")}${from} --out latent.html`,
    };
    for (const [part, command] of Object.entries(commands))
      write(this._part(part).querySelector("code"), `python -m explorer ${command}`);
  }

  /** Where a walk goes, as options, if it goes between images. @param {Session} session */
  _ends({ walk, marks, pictures, image }) {
    if (!this.entry.tables) return ""; // some of the images, whose numbers are others
    const along = Number(walk.path);
    if (walk.traverses)
      return image === null || Number.isNaN(along) ? "" : ` --from ${image} --dim ${along + 1}`;
    const [a, b] = marks.map((mark) =>
      mark?.where.kind === "mu" ? pictures.numberOf(mark.x) : undefined,
    );
    return a === undefined || b === undefined ? "" : ` --from ${a} --to ${b}`;
  }

  /** @param {string} what */
  async _save(what) {
    if (this.working) return;
    const working = (this.working = new AbortController());
    const say = (/** @type {string} */ text) => write(this.$(".state"), text);
    try {
      const made = await this._make(what, say);
      if (working.signal.aborted) return;
      if (made) save(...made);
      say(made ? `Saved ${made[0]}.` : "");
    } catch (error) {
      const words =
        error instanceof PayloadError
          ? error.message
          : `It could not be made: ${error instanceof Error ? error.message : error}.`;
      if (!working.signal.aborted) say(words);
    } finally {
      if (this.working === working) this.working = null;
    }
  }

  get going() {
    return this.working !== null;
  }

  /**
   * A file's name and content; null where it was given up.
   * @param {string} what @param {(text: string) => void} say @returns {Promise<[string, Blob] | null>}
   */
  async _make(what, say) {
    const { entry, page } = this;
    if (what === "handout")
      return this._fetched(page.data.handout ?? "", `${entry.name}.html`, "text/html", say);
    const table = TABLES.indexOf(what);
    if (table >= 0 && entry.tables)
      return this._fetched(
        `${entry.tables}${table + (this._withTerms ? TABLES.length : 0)}`,
        `${entry.name}-codes.${what}`,
        TYPES[what],
        say,
      );
    if (what === "film") return this._film(say);
    if (what.endsWith("csv") || what === "zip") return this._ofMany(what, say);
    return this._picture(what);
  }

  /** A file that the server makes. @param {string} path @param {string} name @param {string} type @param {(text: string) => void} say @returns {Promise<[string, Blob]>} */
  async _fetched(path, name, type, say) {
    say("It is being made …");
    const url = new URL(path, this.page.data.root).href;
    const told = (/** @type {number} */ share) =>
      say(`It is being made: ${Math.round(100 * share)} %`);
    const content = await fetchFile(url, told, this.working?.signal);
    return [name, new Blob([content], { type })];
  }

  /** @param {string} what @returns {Promise<[string, Blob]>} */
  async _picture(what) {
    const { entry, session } = this;
    const page = /** @type {any} */ (this.page);
    const { shape } = page.pictures;
    const factor = Math.ceil(ENLARGED / Math.max(shape.width, shape.height));
    const number = page.pictures.numberOf(page.x);
    const of = number === undefined ? "drawing" : `image-${number}`;
    if (what === "x") return [`${of}.png`, await pictureAsPng(page.x, shape, factor)];
    if (!session) {
      const picture = await scenePicture(page, page.$(".scene"));
      const section = page.sections.indexOf(page.section) + 1;
      return [`${entry.name}-understand-${section}-of-${of}.png`, await pngOf(picture)];
    }
    const { view } = this;
    const map = `${view.name}-${view.blob.header.view.kind}-map`;
    if (what === "x-hat") {
      const content = await pictureAsPng(view.vae.mean(view.vae.decode(view.z)), shape, factor);
      return [`${view.name}-x-hat-of-${of}.png`, content];
    }
    const canvas = what === "png" && pictureOf(view.map, this.colours);
    if (canvas) return [`${map}.png`, await pngOf(canvas)];
    const text = what === "svg" && svgOf(view.map, this.colours);
    if (!text) throw new Error("there is no map");
    return [`${map}.svg`, new Blob([text], { type: "image/svg+xml" })];
  }

  /** @param {(text: string) => void} say @returns {Promise<[string, Blob] | null>} */
  async _film(say) {
    const { view, seconds } = this;
    const session = /** @type {Session} */ (this.session);
    const type = filmType();
    view.setPath(session.walk.path, session.traversal(view));
    const content = await record(walkPainter(view), seconds, type, (share) => {
      say(`Recording: ${Math.round(100 * share)} %`);
      return this.going;
    });
    return content && [`${view.name}-walk.${endingOf(type)}`, content];
  }

  /** Codes or pictures of the lasso's images, or codes of all. @param {string} what @param {(text: string) => void} say @returns {Promise<[string, Blob] | null>} */
  async _ofMany(what, say) {
    const { entry, chosen, page } = this;
    const images =
      what === "csv" ? Array.from({ length: page.pictures.count }, (_, n) => n) : chosen;
    await page.encoders;
    const told = (/** @type {number} */ n) => {
      say(`${n.toLocaleString("en")} of ${images.length.toLocaleString("en")} images`);
      return this.going;
    };
    const content =
      what === "zip"
        ? await picturesOf(page.pictures, images, told)
        : await codesOf(this.view, page.pictures, images, told);
    const name =
      what === "csv" ? "codes.csv" : `lasso-of-${images.length}.${what === "zip" ? "zip" : "csv"}`;
    return content && [`${entry.name}-${name}`, content];
  }
}
