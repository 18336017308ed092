// A page's data: blobs fetched and unpacked, the newest of what was asked for shown.

import { fetchWeighed } from "../model/blobs.js";
import { Loader } from "../model/loader.js";
import { Pictures } from "../model/pictures.js";
import { Vae } from "../model/vae.js";
import { write } from "../widgets/dom.js";
import { loadPlotly, themeOf } from "../widgets/plotly.js";

/** @typedef {import("../model/blob_types.js").MapBlob} MapBlob */

/**
 * A model on the page: its name, a note on what it is, and the paths of its blobs.
 * @typedef {{name: string, note: string, model: string, map: string}} Entry
 */

/**
 * What the page says: paths relative to `root`, the models, and where to begin.
 * @typedef {object} Data
 * @property {string} root
 * @property {string} worker
 * @property {string} plotly
 * @property {string} key of the images, or of these and the model
 * @property {string} pictures
 * @property {Entry[]} models
 * @property {(number | null)[]} typical an image of each class
 * @property {{image: number, z?: number[], place?: number[] | null}} start
 * @property {string} [message] written over the map
 * @property {boolean} [alive] whether nobody has said yet what to show
 * @property {boolean} [drawn] whether x is said to be none of the images
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
    /** @type {Data} */
    this.data = null;
    this.wanted = ""; // what was asked for
    this.shown = ""; // and what is there
    /** @type {Pictures} */
    this.pictures = null;
    /** What waits for a picture. @type {(() => void) | null} */
    this.wish = null;
    this.away = false; // whether the page is not on the screen
    this.loader = new Loader({
      model: (blob) => Vae.of(blob),
      pictures: (blob, from) =>
        new Pictures(blob, (path) => fetchWeighed(new URL(path, from).href, "piece")),
      map: (blob) => blob,
    });
  }

  /** @param {string} selector @returns {any} */
  $(selector) {
    return this.root.querySelector(selector);
  }

  /** Show what has come. @param {Data} _data @param {Pictures} _pictures @param {Loaded[]} _loaded @param {"light" | "dark"} _theme */
  take(_data, _pictures, _loaded, _theme) {}

  /** Do something with an image, now or when its picture has come; the newest wish alone. @param {number} image @param {() => void} act */
  whenThere(image, act) {
    const { pictures } = this;
    this.wish = act;
    if (pictures.has(image)) return act();
    pictures.ready(image).then(
      () => this.wish === act && this.pictures === pictures && act(),
      (error) => this.fault(error.message),
    );
  }

  /** Fetch the pictures that nobody has asked for yet. @param {() => number} next the one wanted most; -1 for none */
  fetchOthers(next) {
    const { pictures } = this;
    this.wish = null;
    pictures.fetchOthers(() => (pictures === this.pictures ? next() : -1)).catch(() => {}); // whoever needs one is told
  }

  /** The page was away, and what it shows may have been changed elsewhere. @param {Data} _data */
  comeBack(_data) {
    this.away = false;
  }

  /** The map that plotly shall draw as soon as it is there. @returns {import("../map/latent_map.js").LatentMap | null} */
  get plotlysMap() {
    return null;
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
      this.take(data, pictures, loaded, theme);
      this.shown = wanted;
      this.fault("");
    } catch (error) {
      if (this.wanted === wanted) this.fault(error.message ?? String(error));
      return;
    }
    this.root.dataset.ready = "true";
    if (this.plotlysMap) this._fetchPlotly(data);
  }

  /** @param {Data} data */
  async _load({ root, pictures, models, start, typical }) {
    const [found, ...loaded] = await Promise.all([
      this.loader.get("pictures", pictures, root).then(async (made) => {
        const first = [start.image, ...usualEnds(typical)].filter((n) => n < made.count);
        await Promise.all(first.map((n) => made.ready(n)));
        return made;
      }),
      ...models.map(async (entry) => ({
        entry,
        vae: await this.loader.get("model", entry.model, root),
        blob: await this.loader.get("map", entry.map, root),
      })),
    ]);
    return { pictures: found, loaded };
  }

  /** Plotly comes when there is nothing else to do; without it the map stays as it is. @param {Data} data */
  _fetchPlotly(data) {
    const load = () =>
      loadPlotly(new URL(data.plotly, data.root).href)
        .then((plotly) => this.plotlysMap?.usePlotly(plotly))
        .catch(() => {}); // the page's other charts say so
    if (globalThis.requestIdleCallback) requestIdleCallback(load, { timeout: 3000 });
    else setTimeout(load, 500);
  }

  /** @param {string} sentence "" where nothing is wrong */
  fault(sentence) {
    const place = this.$(".fault");
    place.hidden = !sentence;
    write(place, sentence);
  }
}
