// A page's data: blobs fetched and unpacked, the newest of what was asked for shown.

import { fetchWeighed } from "../model/blobs.js";
import { Loader } from "../model/loader.js";
import { Pictures } from "../model/pictures.js";
import { Vae } from "../model/vae.js";
import { themeOf, write } from "../widgets/dom.js";
import { keepOnPaper } from "../widgets/print.js";
import { waitForIntent } from "../widgets/range.js";

/** @typedef {import("../model/blob_types.js").MapBlob} MapBlob */

/**
 * A model on the page: its name, a note on what it is, and the paths of its blobs.
 * @typedef {{name: string, note: string, model: string, encoder: string, map: string, first: string, tables?: string}}
 *   Entry `encoder` is empty where there is none; with `tables` the paths of those of all codes begin, where a server has them
 */

/**
 * What the page says: paths relative to `root`, the models, and where to begin.
 * @typedef {object} Data
 * @property {string} root
 * @property {string} worker
 * @property {string} key of the images, or of these and the model
 * @property {string} pictures
 * @property {Entry[]} models
 * @property {(number | null)[]} typical an image of each class
 * @property {{image: number, z?: number[], place?: number[] | null}} start
 * @property {string} [message] written over the map
 * @property {boolean} [alive] whether nobody has said yet what to show
 * @property {{z: number[], words: string}} [sees] what a classifier sees in the picture at z; "" without one
 * @property {import("../model/terms.js").TermFacts | null} [terms] of all images
 * @property {string} [handout] the path of a page that needs no server; "" or nothing where none can be made
 * @property {boolean} [drawn] whether x is said to be none of the images
 * @property {{name: string, rate: number, distortion: number, dims: number}[]} [rates] of checkpoints, nats
 * @property {{images: number, gap: [number, number], before: [number, number] | null} | null} [gaps] the model's
 *   mean KL(q ‖ p(z|x)), and that with the encoder before, with standard errors, nats
 * @property {number} [furthest] of a place under a prior, in standard normal units
 */

/** A model that is there. @typedef {{entry: Entry, vae: Vae, blob: MapBlob}} Loaded */

/** Two typical images for the ends of a walk. @param {(number | null)[]} typical @returns {[number, number]} */
export function usualEnds(typical) {
  const there = typical.filter((image) => image !== null);
  return [there[Math.floor(there.length / 4)] ?? 0, there[there.length - 1] ?? 0];
}

export class LoadedPage {
  /** @param {HTMLElement} root the page's elements */
  constructor(root) {
    this.root = root;
    waitForIntent(root);
    keepOnPaper(root, () => this.recolour());
    /** @type {Data} */
    this.data = null;
    this.wanted = ""; // what was asked for
    this.shown = ""; // and what is there
    /** @type {Pictures} */
    this.pictures = null;
    /** What waits for a picture. @type {(() => void) | null} */
    this.wish = null;
    /** What is shown. @type {{pictures: Pictures, loaded: Loaded[]} | null} */
    this.held = null;
    this.away = false; // whether the page is not on the screen
    /** The models that are here. @type {Vae[]} */
    this.vaes = [];
    /** Resolves when all of them have their encoders. @type {Promise<unknown>} */
    this.encoders = Promise.resolve();
    /** What somebody waits for, in words. */
    this.waiting = "";
    /** Comes after the page. @type {import("./page_menu.js").PageMenu | null} */
    this.menu = null;
    this.loader = new Loader(
      {
        model: (blob) => Vae.of(blob),
        encoder: (blob) => blob,
        first: (blob) => blob,
        pictures: (blob, from) =>
          new Pictures(blob, (path) => fetchWeighed(new URL(path, from).href, "piece")),
        map: (blob) => blob,
      },
      (kind, share) => kind === "encoder" && this._wait(share),
    );
  }

  /** @param {string} selector @returns {any} */
  $(selector) {
    return this.root.querySelector(selector);
  }

  /** Show what has come. @param {Data} _data @param {Pictures} _pictures @param {Loaded[]} _loaded @param {"light" | "dark"} _theme */
  take(_data, _pictures, _loaded, _theme) {}

  /** Show the same in the colours of another theme. */
  recolour() {
    if (this.held) this.take(this.data, this.held.pictures, this.held.loaded, themeOf(this.root));
  }

  /** Whether q(z|x) of an image, or of any x, can be had in each model now. @param {number | null} image */
  knows(image) {
    return this.vaes.every((vae) => vae.knows(image));
  }

  /** Do something with an image, or with any x, now or when its picture and the encoders have come; the newest wish alone. @param {number | null} image @param {() => void} act */
  whenThere(image, act) {
    const { pictures } = this;
    this.wish = act;
    if ((image === null || pictures.has(image)) && this.knows(image)) return act();
    this._wait(0);
    Promise.all([image === null || pictures.ready(image), this.knows(image) || this.encoders]).then(
      () => {
        if (this.wish === act && this.pictures === pictures) act();
      },
      (error) => this.fault(error.message),
    );
  }

  /** Say what a wish waits for. @param {number} share of the encoder that has come */
  _wait(share) {
    const waits = this.wish !== null && !this.knows(null);
    const so_far = share > 0 ? ` (${Math.round(100 * share)} %)` : "";
    this.waiting = waits ? `The encoder is on its way${so_far}; x waits for it.` : "";
    this.changed();
  }

  /** Something was said that is to be seen. */
  changed() {}

  /** Fetch the pictures that nobody has asked for yet. @param {() => number} next the one wanted most; -1 for none */
  fetchOthers(next) {
    const { pictures } = this;
    pictures.fetchOthers(() => (pictures === this.pictures ? next() : -1)).catch(() => {}); // whoever needs one is told
  }

  /** Whether it goes on from before it was loaded anew, with an x of any kind. */
  get goesOn() {
    return false;
  }

  /** The page was away, and what it shows may have been changed elsewhere. @param {Data} _data */
  comeBack(_data) {
    this.away = false;
  }

  /** Show what the page asks for. The same data twice changes nothing. @param {Data} data */
  async update(data) {
    this.data = data;
    if (this.away) this.comeBack(data);
    const theme = themeOf(this.root);
    const models = data.models.map(({ name, model, map }) => [name, model, map]);
    const wanted = JSON.stringify([data.key, data.pictures, models, theme]);
    this.wanted = wanted;
    if (this.shown === wanted) return;
    try {
      const { pictures, loaded } = await this._load(data);
      if (this.wanted !== wanted || this.shown === wanted) return; // a newer call has it
      this.held = { pictures, loaded };
      this.vaes = loaded.map(({ vae }) => vae);
      this.encoders = Promise.all(loaded.map((one) => this._whole(one, data.root)));
      this.encoders.then(
        () => this._wait(0),
        (error) => this.fault(error.message),
      );
      this.take(data, pictures, loaded, theme);
      this.shown = wanted;
      this.fault("");
    } catch (error) {
      if (this.wanted === wanted) this.fault(error.message ?? String(error));
      return;
    }
    this.root.dataset.ready = "true";
    // In the order of use, for whoever has a slow line.
    this.encoders.then(() => this.offerMenu()).catch(() => {});
  }

  /** Links, lessons and the lecture hall's look, once there are encoders. */
  async offerMenu() {
    const { PageMenu } = await import("./page_menu.js");
    await this.encoders;
    this.menu ??= new PageMenu(this);
    await this.menu.begin();
    return this.menu;
  }

  /**
   * What is needed to show something. A page that begins has enough with a few images; later x may be any,
   * and the encoders are waited for.
   * @param {Data} data
   */
  async _load({ root, pictures, models, start, typical }) {
    const begins = !this.shown && !this.goesOn;
    const { loader } = this;
    const [found, ...loaded] = await Promise.all([
      loader.get("pictures", pictures, root),
      ...models.map(async (entry) => {
        const [vae, blob, first] = await Promise.all([
          loader.get("model", entry.model, root),
          loader.get("map", entry.map, root),
          begins ? loader.get("first", entry.first, root) : null,
        ]);
        if (!begins) await this._whole({ entry, vae }, root);
        return { entry, vae, blob, first };
      }),
    ]);
    for (const { vae, first } of loaded)
      if (first) {
        found.put(first);
        vae.takeHeads(first);
      }
    for (const one of loaded) if (!one.vae.knows(start.image)) await this._whole(one, root);
    const needed = [start.image, ...usualEnds(typical)].filter((n) => n < found.count);
    await Promise.all(needed.map((n) => found.ready(n)));
    return { pictures: found, loaded };
  }

  /** Resolves when a model has its encoder. @param {{entry: Entry, vae: Vae}} loaded @param {string} root */
  async _whole({ entry, vae }, root) {
    if (!vae.knows(null))
      await vae.takeEncoder(await this.loader.get("encoder", entry.encoder, root));
  }

  /** @param {string} sentence "" where nothing is wrong */
  fault(sentence) {
    const place = this.$(".fault");
    place.hidden = !sentence;
    write(place, sentence);
  }
}
