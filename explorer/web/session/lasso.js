// Images chosen together on one map, and told apart from the others on every map of the session.

import { lassoOf } from "./notes.js";

/** @typedef {import("./model_view.js").ModelView} ModelView */

const MS = 60; // for the mean of codes

/**
 * The mean of the means of q(z|x) of images, evenly of as many as there is time for.
 * @param {ModelView} view @param {number[]} images
 */
function meanCode(view, images) {
  const mean = new Float32Array(view.vae.d);
  const end = performance.now() + MS;
  const here = images.filter((image) => view.pictures.has(image) && view.vae.knows(image));
  let n = 0;
  for (let stride = 64; stride >= 1 && performance.now() < end; stride >>= 1)
    for (
      let i = stride === 64 ? 0 : stride;
      i < here.length;
      i += stride === 64 ? 64 : 2 * stride
    ) {
      if (n && performance.now() >= end) break;
      const { mu } = view.posteriorOf(view.pictures.get(here[i]));
      n += 1;
      for (let j = 0; j < mean.length; j++) mean[j] += (mu[j] - mean[j]) / n;
    }
  if (!n) return null;
  return view.vae.clampToSupport(view.vae.chooseAs(mean, view.z)); // options have no mean
}

export class Lasso {
  constructor() {
    /** The map's view that they were chosen on. @type {ModelView | null} */
    this.view = null;
    /** How many of each class, in words; "" where nothing is chosen. */
    this.text = "";
    /** The middle of their places on that map. @type {number[]} */
    this.centre = [0, 0];
    /** @type {number[]} */
    this.images = [];
  }

  /** @param {ModelView | null} view @param {number[]} images @param {Iterable<ModelView>} views all of the session's */
  choose(view, images, views) {
    const chosen = new Set(images);
    const found = view && lassoOf(chosen, view.blob);
    this.view = found ? view : null;
    this.text = found?.text ?? "";
    this.images = images;
    if (found) this.centre = found.centre;
    for (const one of views) if (one.map.chosen.size || chosen.size) one.map.select(chosen);
  }

  /**
   * Where z goes that is asked to their middle: the mean of their codes, which is not the code at the
   * mean of their places; for several models the place.
   * @param {(view: ModelView, xy: number[]) => import("./model_view.js").Where} whereAt
   */
  goal(whereAt) {
    const view = /** @type {ModelView} */ (this.view);
    const where = whereAt(view, this.centre);
    if (where.kind !== "code") return where;
    const z = meanCode(view, this.images);
    return z ? { kind: where.kind, z } : where;
  }
}
