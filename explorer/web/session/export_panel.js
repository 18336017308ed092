// What can be taken along from a page: pictures of its maps, of x̂ and x, a film of the walk, what a lasso
// holds. Each with the command that makes the like without the page.

import { pictureOf, svgOf } from "../map/picture.js";
import { zip } from "../model/zip.js";
import { html, write } from "../widgets/dom.js";
import { paintImage } from "../widgets/image.js";
import { endingOf, filmType, record } from "./video.js";

/** @typedef {import("./session.js").Session} Session */
/** @typedef {import("./model_view.js").ModelView} ModelView */

const ENLARGED = 512; // pixels that a saved picture has at least
const PAUSE = 30; // images between looks at what else the page has to do

const MARKUP = `
<dialog class="export-panel" aria-label="Save what is shown">
  <div class="heading"><h2>Save what is shown</h2><button type="button" class="close" aria-label="Close">✕</button></div>
  <p class="which"><label>Model <select class="model"></select></label>
    <label>Colours <select class="theme"><option value="">as shown</option><option value="light">light</option><option value="dark">dark</option></select></label></p>
  <section><h3>Map</h3><div class="buttons"><button type="button" data-save="png">PNG</button>
    <button type="button" data-save="svg">SVG</button></div></section>
  <section><h3>Pictures</h3><div class="buttons"><button type="button" data-save="x">x</button>
    <button type="button" data-save="x-hat">x̂</button></div></section>
  <section><h3>Walk</h3><div class="buttons"><button type="button" data-save="film">Film</button></div>
    <p class="saying"></p></section>
  <section><h3>Lasso</h3><div class="buttons"><button type="button" data-save="csv">Codes (CSV)</button>
    <button type="button" data-save="zip">Pictures (ZIP)</button></div><p class="chosen"></p></section>
  <p class="state" role="status"></p>
  <h3>The same, and more, without the page</h3>
  <ul class="commands"></ul>
</dialog>`;

/** Have the browser save a file. @param {string} name @param {Blob} content */
function save(name, content) {
  const link = document.createElement("a");
  link.download = name;
  link.href = URL.createObjectURL(content);
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** @param {HTMLCanvasElement} canvas @returns {Promise<Blob>} */
const pngOf = (canvas) =>
  new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("the picture is too large")))),
  );

/** A picture as PNG. @param {ArrayLike<number>} values @param {import("../model/image_shape.js").ImageShape} shape @param {number} [factor] */
function png(values, shape, factor = 1) {
  const small = document.createElement("canvas");
  paintImage(small, values, shape);
  if (factor === 1) return pngOf(small);
  const large = document.createElement("canvas");
  large.width = factor * shape.width;
  large.height = factor * shape.height;
  const c = /** @type {CanvasRenderingContext2D} */ (large.getContext("2d"));
  c.imageSmoothingEnabled = false;
  c.drawImage(small, 0, 0, large.width, large.height);
  return pngOf(large);
}

const SPECIAL = ['"', ",", "\n", "\r"]; // in a CSV (RFC 4180)
const BARE = /^[\w./-]+$/;

/** A field of a CSV. @param {string | number} value */
const field = (value) => {
  const text = String(value);
  return SPECIAL.some((sign) => text.includes(sign)) ? `"${text.replaceAll('"', '""')}"` : text;
};

/** A word for a shell. @param {string} text */
const quoted = (text) => (BARE.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

class ExportPanel {
  /** @param {Session} session */
  constructor(session) {
    this.session = session;
    this.busy = false;
    this.root = /** @type {HTMLDialogElement} */ (html(MARKUP));
    session.root.append(this.root);
    this.$(".close").addEventListener("click", () => this.root.close());
    this.root.addEventListener("close", () => (this.busy = false)); // a film is given up
    this.root.addEventListener("click", (event) => {
      if (event.target === this.root) return this.root.close();
      const button = /** @type {HTMLElement} */ (event.target).closest("[data-save]");
      if (button instanceof HTMLElement) this._save(button.dataset.save ?? "");
    });
    this.$(".model").addEventListener("change", () => this.show());
  }

  /** @param {string} selector @returns {any} */
  $(selector) {
    return this.root.querySelector(selector);
  }

  /** The chosen model's view. @returns {ModelView} */
  get view() {
    return this.session.views.get(this.$(".model").value) ?? this.session.first;
  }

  get colours() {
    const { view, session } = this;
    const theme = this.$(".theme").value;
    return theme ? view.blob.header.themes[theme] : session.colours;
  }

  /** The images of the lasso. */
  get chosen() {
    return this.session.lasso.view ? this.session.lasso.images : [];
  }

  open() {
    const { session } = this;
    const names = [...session.views.keys()];
    const select = this.$(".model");
    const before = select.value;
    select.replaceChildren(...names.map((name) => new Option(name, name)));
    if (names.includes(before)) select.value = before;
    select.parentElement.hidden = names.length < 2;
    session.halt();
    this.show();
    if (!this.root.open) this.root.showModal();
  }

  show() {
    const { view, chosen, session } = this;
    const there = Boolean(view.map.ready);
    const off = (/** @type {string} */ what, /** @type {boolean} */ disabled) =>
      (this.$(`[data-save=${what}]`).disabled = disabled);
    off("png", !there);
    off("svg", !there);
    off("film", !there || !filmType());
    off("csv", !chosen.length);
    off("zip", !chosen.length);
    off("x", !session.x);
    write(
      this.$(".saying"),
      filmType()
        ? `Recorded as it plays: ${this.seconds} s.`
        : "This browser cannot make films; the command below does.",
    );
    write(
      this.$(".chosen"),
      chosen.length
        ? `${chosen.length.toLocaleString("en")} images.`
        : "Choose Lasso over the map, and draw around points.",
    );
    write(this.$(".state"), "");
    this._tellCommands(quoted(view.name));
  }

  get seconds() {
    return Math.min(30, Math.max(1, Number(this.session.walk.seconds?.value) || 4));
  }

  /** @param {string} name */
  _tellCommands(name) {
    const commands = [
      ["A report's figures, as PNG and SVG", `python -m explorer figures ${name} --out figures`],
      [
        "Codes and terms of all images: csv, parquet, npz",
        `python -m explorer codes ${name} --out codes.csv`,
      ],
      ["A walk: gif, webp, mp4, webm", `python -m explorer film ${name} --out walk.gif`],
    ];
    this.$(".commands").replaceChildren(
      ...commands.map(([what, command]) => {
        const row = html("<li><span></span><code></code></li>");
        write(row.children[0], what);
        write(row.children[1], command);
        return row;
      }),
    );
  }

  /** @param {string} what */
  async _save(what) {
    if (this.busy) return;
    this.busy = true;
    const say = (/** @type {string} */ text) => write(this.$(".state"), text);
    try {
      const made = await this._make(what, say);
      if (made) save(...made);
      say(made ? `Saved ${made[0]}.` : "");
    } catch (error) {
      say(`It could not be made: ${error instanceof Error ? error.message : error}.`);
    }
    this.busy = false;
  }

  /**
   * A file's name and content; null where it was given up.
   * @param {string} what @param {(text: string) => void} say @returns {Promise<[string, Blob] | null>}
   */
  async _make(what, say) {
    const { view, session } = this;
    const { name } = view;
    const shape = view.vae.shape;
    const factor = Math.ceil(ENLARGED / Math.max(shape.width, shape.height));
    const kind = view.blob.header.view.kind;
    const number = session.pictures.numberOf(session.x);
    const of = number === undefined ? "drawing" : `image-${number}`;
    if (what === "png") {
      const canvas = pictureOf(view.map, this.colours);
      if (!canvas) throw new Error("there is no map");
      return [`${name}-${kind}-map.png`, await pngOf(canvas)];
    }
    if (what === "svg") {
      const text = svgOf(view.map, this.colours);
      if (!text) throw new Error("there is no map");
      return [`${name}-${kind}-map.svg`, new Blob([text], { type: "image/svg+xml" })];
    }
    if (what === "x") return [`${of}.png`, await png(session.x, shape, factor)];
    if (what === "x-hat")
      return [
        `${name}-x-hat-of-${of}.png`,
        await png(view.vae.mean(view.vae.decode(view.z)), shape, factor),
      ];
    if (what === "film") return this._film(say);
    const codes = what === "csv";
    const content = codes ? await this._codes(say) : await this._pictures(say);
    return content && [`${name}-lasso-of-${this.chosen.length}.${codes ? "csv" : "zip"}`, content];
  }

  /** @param {(text: string) => void} say @returns {Promise<[string, Blob] | null>} */
  async _film(say) {
    const { view, seconds, session } = this;
    const type = filmType();
    view.setPath(session.walk.path, session.traversal(view));
    const content = await record(view, seconds, type, (share) => {
      say(`Recording: ${Math.round(100 * share)} %`);
      return this.busy;
    });
    return content && [`${view.name}-walk.${endingOf(type)}`, content];
  }

  /**
   * Do something with each image of the lasso, whose pictures are fetched; whether it was not given up.
   * @param {(image: number) => Promise<void> | void} act @param {(text: string) => void} say
   */
  async _each(act, say) {
    const { chosen, session } = this;
    await session.encoders;
    for (const [n, image] of chosen.entries()) {
      await session.pictures.ready(image);
      await act(image);
      if (n % PAUSE) continue;
      say(`${n.toLocaleString("en")} of ${chosen.length.toLocaleString("en")} images`);
      await new Promise((resolve) => setTimeout(resolve));
      if (!this.busy) return false;
    }
    return true;
  }

  /** Means and standard deviations of q(z|x). @param {(text: string) => void} say */
  async _codes(say) {
    const { view, session } = this;
    const { pictures } = session;
    const { d } = view.vae;
    const names = (/** @type {string} */ of) =>
      Array.from({ length: d }, (_, i) => `${of}_${i + 1}`);
    const rows = [["image", "class", ...names("mu"), ...names("std")].join(",")];
    const whole = await this._each((image) => {
      const { mu, std } = view.posteriorOf(pictures.get(image));
      const className = pictures.classes[pictures.labels[image]];
      const numbers = [...mu, ...(std ?? new Float32Array(d))].map((v) => Number(v.toPrecision(7)));
      rows.push([image, className, ...numbers].map(field).join(","));
    }, say);
    return whole ? new Blob([rows.join("\r\n") + "\r\n"], { type: "text/csv" }) : null;
  }

  /** @param {(text: string) => void} say */
  async _pictures(say) {
    const { pictures } = this.session;
    /** @type {import("../model/zip.js").File[]} */
    const files = [];
    const digits = String(pictures.count).length;
    const whole = await this._each(async (image) => {
      const content = await png(pictures.get(image), pictures.shape);
      const className = pictures.classes[pictures.labels[image]].replace(/[^\p{L}\p{N}_-]/gu, "_");
      const name = `${className}/${String(image).padStart(digits, "0")}.png`;
      files.push({ name, content: new Uint8Array(await content.arrayBuffer()) });
    }, say);
    return whole ? zip(files) : null;
  }
}

/** @type {WeakMap<Session, ExportPanel>} */
const panels = new WeakMap();

/** Open a session's panel. @param {Session} session */
export function openExports(session) {
  let panel = panels.get(session);
  if (!panel) panels.set(session, (panel = new ExportPanel(session)));
  panel.open();
}
