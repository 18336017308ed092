// A page's data: blobs fetched and unpacked, the newest of what was asked for shown.

import { Pictures } from "../model/blobs.js";
import { Loader } from "../model/loader.js";
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
 * @property {number} [furthest] of a place under a prior, in standard normal units
 */

/** A model that is there. @typedef {{entry: Entry, vae: Vae, blob: MapBlob}} Loaded */

export class LoadedPage {
  /** @param {HTMLElement} root the page's elements */
  constructor(root) {
    this.root = root;
    /** @type {Data} */
    this.data = null;
    this.wanted = ""; // what was asked for
    this.shown = ""; // and what is there
    this.away = false; // whether the page is not on the screen
    this.loader = new Loader({
      model: (blob) => new Vae(blob),
      pictures: (blob) => new Pictures(blob),
      map: (blob) => blob,
    });
  }

  /** @param {string} selector @returns {any} */
  $(selector) {
    return this.root.querySelector(selector);
  }

  /** Show what has come. @param {Data} _data @param {Pictures} _pictures @param {Loaded[]} _loaded @param {"light" | "dark"} _theme */
  take(_data, _pictures, _loaded, _theme) {}

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
  async _load({ root, pictures, models }) {
    const [found, ...loaded] = await Promise.all([
      this.loader.get("pictures", pictures, root),
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
