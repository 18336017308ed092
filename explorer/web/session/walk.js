// A walk's controls: its path and ends, and the share of it that z has gone; played there and back.
// Where it leads in a latent space, each model's view knows.

import { set, write } from "../widgets/dom.js";
import { Playhead } from "../widgets/playhead.js";

const SECONDS = 4; // from end to end, unless told otherwise

/** A row of the list of paths; `traverses` where it leads along one dimension. @typedef {{value: string, label: string, traverses: boolean}} Path */

/** Between the two ends. @type {Path[]} */
export const BETWEEN = [
  { value: "straight", label: "A to B, straight", traverses: false },
  { value: "spherical", label: "A to B, spherical", traverses: false },
];

export class Walk {
  /**
   * @param {HTMLElement} root the page
   * @param {{mark: (k: number) => void, go: (share: number) => void, begin: () => void,
   *   stop: () => void, changed: () => void}} listener
   */
  constructor(root, listener) {
    const find = (selector) => root.querySelector(selector);
    this.listener = listener;
    this.select = find(".path");
    this.share = find(".share");
    this.button = find(".go");
    this.loop = find(".loop"); // not every page has these two
    this.seconds = find(".seconds");
    this.playing = false;
    this.head = new Playhead();
    /** @type {Path[]} */
    this.paths = [];
    [".mark-a", ".mark-b"].forEach((name, k) =>
      find(name).addEventListener("click", () => listener.mark(k)),
    );
    this.button.addEventListener("click", () => this.play(!this.playing));
    this.share.addEventListener("input", () => {
      this.play(false);
      listener.go(Number(this.share.value));
    });
    this.share.addEventListener("change", () => listener.stop());
    this.select.addEventListener("change", () => listener.changed());
  }

  /** @param {Path[]} paths */
  setPaths(paths) {
    const before = this.select.value;
    this.paths = paths;
    this.select.replaceChildren(...paths.map(({ value, label }) => new Option(label, value)));
    if (paths.some(({ value }) => value === before)) this.select.value = before;
  }

  /** The chosen path. @returns {string} */
  get path() {
    return this.select.value;
  }

  /** Whether it is a traversal, which departs from wherever z is, and not one from A to B. */
  get traverses() {
    return this.paths.find(({ value }) => value === this.path)?.traverses ?? false;
  }

  /** An end was set: it is seen on a path between ends. */
  marked() {
    if (this.traverses) this.select.value = BETWEEN[0].value;
  }

  /** Play a path from where z is on it; stop where it is playing already. @param {string} path */
  traverse(path) {
    const same = this.playing && this.path === path;
    this.play(false);
    this.select.value = path;
    this.listener.changed();
    if (!same) this.play(true);
  }

  /** @param {boolean} on */
  play(on) {
    if (on === this.playing) return;
    this.playing = on;
    this.head.begin();
    set(this.button, "aria-pressed", on);
    write(this.button, on ? "Stop" : "Play");
    if (on) this.listener.begin();
    else this.listener.stop();
  }

  /** The share of the path in this frame. @param {number} now @param {number} share at the last one */
  next(now, share) {
    const seconds = Math.min(30, Math.max(1, Number(this.seconds?.value) || SECONDS));
    return this.head.next(now, share, seconds, this.loop?.checked ?? true);
  }

  /** @param {number} share where z is on the path; 0 where it is not on it */
  paint(share) {
    const text = share.toFixed(3);
    if (Number(this.share.value) !== Number(text)) this.share.value = text;
  }
}
