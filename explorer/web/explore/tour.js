// The first seconds of a visit: a slow walk from class to class, until somebody touches anything.

import { lessMotion } from "../widgets/dom.js";

const DWELL = 1100; // milliseconds at a code
const GLIDE = 1700; // and on the way to the next one
const SEEN = "vae-tour"; // in the session's storage: once a visit
const TOUCHES = ["pointerdown", "keydown", "wheel", "touchstart"];

/** The images' codes in an order in which each is near the one before. @param {{image: number, z: Float32Array}[]} stops */
function inOrder(stops) {
  const [first, ...left] = stops;
  const found = [first];
  const distance = (/** @type {Float32Array} */ a, /** @type {Float32Array} */ b) =>
    a.reduce((sum, v, i) => sum + (v - b[i]) ** 2, 0);
  while (left.length) {
    const { z } = found[found.length - 1];
    const nearest = left.reduce(
      (best, stop, n) => (distance(stop.z, z) < distance(left[best].z, z) ? n : best),
      0,
    );
    found.push(...left.splice(nearest, 1));
  }
  return found;
}

/** Whether this visit has seen it; a browser that keeps nothing sees it at each visit. */
function seen() {
  try {
    const before = sessionStorage.getItem(SEEN) !== null;
    sessionStorage.setItem(SEEN, "1");
    return before;
  } catch {
    return false;
  }
}

export class Tour {
  /** @param {() => void} stopped a hand has come */
  constructor(stopped) {
    this.stopped = stopped;
    /** @type {{image: number, z: Float32Array}[]} */
    this.stops = [];
    this.at = 0; // the stop that z was at last
    this.since = 0; // when it came there
    this.touched = true; // or nobody minds
    this._touched = () => this.stop();
  }

  /** Whether it moves. */
  get active() {
    return this.stops.length > 0;
  }

  /** Get ready, where nobody has seen it and nobody minds; whether it may begin. */
  prepare() {
    if (lessMotion() || seen()) return false;
    this.touched = false;
    for (const kind of TOUCHES) addEventListener(kind, this._touched, { capture: true });
    return true;
  }

  /** Begin, unless a hand has come meanwhile. @param {{image: number, z: Float32Array}[]} stops */
  begin(stops) {
    if (this.touched || stops.length < 2) return;
    this.stops = inOrder(stops);
    this.at = this.since = 0;
  }

  stop() {
    const moved = this.active;
    this.touched = true;
    this.stops = [];
    for (const kind of TOUCHES) removeEventListener(kind, this._touched, { capture: true });
    if (moved) this.stopped();
  }

  /**
   * Where z is in this frame, and the image that has been reached with it.
   * @param {number} now in milliseconds
   * @returns {{z: Float32Array, image: number | null} | null}
   */
  next(now) {
    if (!this.active) return null;
    this.since ||= now;
    const time = now - this.since - DWELL;
    const from = this.stops[this.at];
    const to = this.stops[(this.at + 1) % this.stops.length];
    if (time >= GLIDE) {
      this.at = (this.at + 1) % this.stops.length;
      this.since = now;
      return { z: to.z, image: to.image };
    }
    const t = Math.max(0, time / GLIDE);
    const share = t * t * (3 - 2 * t);
    return { z: from.z.map((v, i) => v + share * (to.z[i] - v)), image: null };
  }
}
