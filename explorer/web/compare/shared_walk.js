// The walk of the Compare page: one path, played and scrubbed in every model at once. Where it goes
// in a model's own latent space, its column knows.

import { set, write } from "../widgets/dom.js";
import { Playhead } from "../widgets/playhead.js";

const SECONDS = 4; // from end to end

export class SharedWalk {
  /**
   * @param {HTMLElement} root the page
   * @param {{mark: (k: number) => void, go: (share: number) => void, begin: () => void,
   *   stop: () => void, changed: () => void}} listener
   */
  constructor(root, listener) {
    this.listener = listener;
    const find = (selector) => root.querySelector(selector);
    this.select = find(".path");
    this.share = find(".share");
    this.button = find(".go");
    this.playing = false;
    this.head = new Playhead();
    [".mark-a", ".mark-b"].forEach((name, k) => find(name).addEventListener("click", () => listener.mark(k)));
    this.button.addEventListener("click", () => this.play(!this.playing));
    this.share.addEventListener("input", () => {
      this.play(false);
      listener.go(Number(this.share.value));
    });
    this.share.addEventListener("change", () => listener.stop());
    this.select.addEventListener("change", () => listener.changed());
  }

  /** straight, spherical, across or up. */
  get path() {
    return this.select.value;
  }

  /** Whether the path is a traversal, which departs from wherever z is, and not one from A to B. */
  get traverses() {
    return this.path === "across" || this.path === "up";
  }

  /** A mark was set: it is seen on a path between marks. */
  marked() {
    if (this.traverses) this.select.value = "straight";
  }

  play(on) {
    if (on === this.playing) return;
    this.playing = on;
    this.head.begin();
    set(this.button, "aria-pressed", on);
    write(this.button, on ? "Stop" : "Play");
    if (on) this.listener.begin();
    else this.listener.stop();
  }

  /** The share of the path in this frame, there and back. @param {number} now @param {number} share */
  next(now, share) {
    return this.head.next(now, share, SECONDS, true);
  }

  /** @param {number} share where z is on the path; 0 where it is not on it */
  paint(share) {
    const text = share.toFixed(3);
    if (Number(this.share.value) !== Number(text)) this.share.value = text;
  }
}
