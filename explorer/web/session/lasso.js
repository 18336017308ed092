// Images chosen together on one map, and told apart from the others on every map of the session.

import { lassoOf } from "./notes.js";

/** @typedef {import("./model_view.js").ModelView} ModelView */

export class Lasso {
  constructor() {
    /** The map's view that they were chosen on. @type {ModelView | null} */
    this.view = null;
    /** How many of each class, in words; "" where nothing is chosen. */
    this.text = "";
    /** The middle of their places on that map. @type {number[]} */
    this.centre = [0, 0];
  }

  /** @param {ModelView | null} view @param {number[]} images @param {Iterable<ModelView>} views all of the session's */
  choose(view, images, views) {
    const chosen = new Set(images);
    const found = view && lassoOf(chosen, view.blob);
    this.view = found ? view : null;
    this.text = found?.text ?? "";
    if (found) this.centre = found.centre;
    for (const one of views) if (one.map.chosen.size || chosen.size) one.map.select(chosen);
  }
}
