// What several sections have: x̂ beside the plane, heat from log densities, the codes of the images.

import { html, set, write } from "../widgets/dom.js";
import { paintImage } from "../widgets/image.js";
import { PlanePicture } from "./plane.js";

/** @typedef {import("./understand.js").Understand} Page */

/** x̂ at z, large, with a line below it. */
export class Decoded {
  /** @param {HTMLElement} host */
  constructor(host) {
    this.root = html(
      '<figure class="decoded"><figcaption class="quantity x-hat"><b>x̂</b> <span class="what"></span></figcaption><canvas class="picture x-hat" role="img"></canvas><p class="below"></p></figure>',
    );
    host.append(this.root);
    this.canvas = /** @type {HTMLCanvasElement} */ (this.root.querySelector("canvas"));
    this.below = /** @type {HTMLElement} */ (this.root.querySelector(".below"));
  }

  /** @param {ArrayLike<number>} picture @param {import("../model/image_shape.js").ImageShape} shape @param {ArrayLike<number>} z @param {string} below */
  paint(picture, shape, z, below) {
    paintImage(this.canvas, picture, shape);
    const at = [...Array.from(z).slice(0, 4)].map((v) => v.toFixed(2).replace("-", "−"));
    set(this.canvas, "aria-label", `x̂, decoded from z = (${at.join(", ")})`);
    write(this.below, below);
  }
}

/**
 * A plane that answers the page: its symbols, and its size.
 * @param {HTMLElement} host @param {Page} page @param {string} label
 */
export const planeOf = (host, page, label) =>
  new PlanePicture(host, label, {
    changed: () => page.change("size"),
    lit: (key) => page.light(key),
  });

/**
 * A plane with the ring of z on it, and x̂ beside it.
 * @param {HTMLElement} scene @param {Page} page @param {string} label
 * @param {{small?: boolean, moved?: () => void}} [ring] how it looks; told when a hand moves it
 */
export function planeWithPicture(scene, page, label, { small = false, moved } = {}) {
  const plane = planeOf(scene, page, label);
  const side = html('<div class="side"></div>');
  scene.append(side);
  const move = (/** @type {ArrayLike<number>} */ z) => {
    moved?.();
    page.z = Float32Array.from(z);
    page.change("z");
  };
  plane.handles = [{ key: "z", name: "z", free: true, small, colour: "z", at: () => page.z, move }];
  return { plane, side, decoded: new Decoded(side) };
}

/** Pictures in a row, small. */
export class Strip {
  /** @param {HTMLElement} host @param {string} label @param {(n: number) => void} [chosen] */
  constructor(host, label, chosen) {
    this.root = html('<div class="strip" role="group"></div>');
    set(this.root, "aria-label", label);
    host.append(this.root);
    this.chosen = chosen;
  }

  /** @param {ArrayLike<number>[]} pictures @param {import("../model/image_shape.js").ImageShape} shape @param {string[]} names */
  paint(pictures, shape, names) {
    while (this.root.children.length > pictures.length) this.root.lastElementChild?.remove();
    pictures.forEach((picture, n) => {
      let button = this.root.children[n];
      if (!button) {
        button = html(
          '<button type="button"><canvas class="picture"></canvas><span></span></button>',
        );
        button.addEventListener("click", () => this.chosen?.(n));
        this.root.append(button);
      }
      paintImage(/** @type {HTMLCanvasElement} */ (button.firstElementChild), picture, shape);
      write(/** @type {Element} */ (button.lastElementChild), names[n] ?? "");
      set(button, "aria-label", names[n] ?? `picture ${n + 1}`);
    });
  }
}

/**
 * Heat of a log density: 1 at its highest, 0 where it is so many nats below.
 * @param {Float32Array} logs @param {number} nats @param {number} [top] its highest value
 */
export function heatOf(logs, nats, top = logs.reduce((a, b) => Math.max(a, b), -Infinity)) {
  return logs.map((v) => Math.max(0, 1 + (v - top) / nats));
}

/** A density as heat: its square root, so that what is faint is seen. @param {Float32Array} logs */
export function densityHeat(logs) {
  const top = logs.reduce((a, b) => Math.max(a, b), -Infinity);
  return logs.map((v) => Math.sqrt(Math.exp(v - top)));
}

/**
 * The centres of n × n cells of a box, rows from the top.
 * @param {{low: ArrayLike<number>, high: ArrayLike<number>}} box @param {number} n
 * @param {(z0: number, z1: number) => number} value
 */
export function fieldOf({ low, high }, n, value) {
  const out = new Float32Array(n * n);
  const side = [0, 1].map((k) => (high[k] - low[k]) / n);
  for (let row = 0; row < n; row++)
    for (let column = 0; column < n; column++)
      out[row * n + column] = value(
        low[0] + (column + 0.5) * side[0],
        high[1] - (row + 0.5) * side[1],
      );
  return out;
}

/** log p(z) in two dimensions, from log q − log p at a posterior that is known. @param {Page} page @returns {(z0: number, z1: number) => number} */
export function logPrior({ vae }) {
  const { prior } = vae;
  return (z0, z1) => prior.logPrior(Float32Array.of(z0, z1));
}

/** What the plane shows of the prior: its middle part, and the codes. @param {Page} page @returns {{low: number[], high: number[]}} */
export function priorBox({ vae, blob }) {
  const { prior } = vae;
  const [low, high] = [-3.2, 3.2].map((t) => prior.fromStandardNormal(t));
  const core = blob?.header.bounds?.core;
  const span = (k) => {
    const [least, most] = core?.[k] ?? [low, high];
    const least_ = prior.low > -Infinity ? prior.low : Math.max(Math.min(low, least), low - 1);
    return [
      least_,
      prior.low > -Infinity ? Math.min(high, 1.2 * most) : Math.min(Math.max(high, most), high + 1),
    ];
  };
  const [x, y] = [span(0), span(1)];
  return { low: [x[0], y[0]], high: [x[1], y[1]] };
}

/** The codes of the images on the plane, a colour a class. @param {import("./plane.js").PlanePicture} plane @param {Page} page @param {number} [opacity] */
export function paintCodes(plane, { blob }, opacity = 0.35) {
  const { x, y } = blob.arrays;
  for (const { colour, points } of blob.header.groups) {
    const places = [];
    const step = Math.max(1, Math.floor(x.length / 2500));
    for (let i = points[0]; i < points[1]; i += step) places.push([x[i], y[i]]);
    plane.dots(places, colour, 3, opacity);
  }
}

/** The class that most of the k nearest codes are of; "" where there are none. @param {Page} page @param {ArrayLike<number>} z @param {number} k */
export function classAt({ blob }, z, k = 25) {
  const { x, y } = blob.arrays;
  const distance = (i) => (x[i] - z[0]) ** 2 + (y[i] - z[1]) ** 2;
  const nearest = Array.from(x.keys())
    .sort((a, b) => distance(a) - distance(b))
    .slice(0, k);
  const counts = blob.header.groups.map(
    ({ points }) => nearest.filter((i) => i >= points[0] && i < points[1]).length,
  );
  const best = counts.indexOf(Math.max(...counts));
  return blob.header.groups[best]?.name ?? "";
}
