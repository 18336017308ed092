// The snapshots of a run as a film: fetched one after the other, and shown at any moment between.

import { fetchBlob } from "./payload.js";

/**
 * What a snapshot shows.
 * @typedef {{step: number, version: string, codes: Float32Array, d: number, axes: number[],
 *   grid: Uint8Array, reconstructions: Uint8Array, span: number, middles: (number[] | null)[]}} Frame
 */

export class Film {
  /** @param {string} url the run's @param {() => void} changed called when there is another frame */
  constructor(url, changed) {
    this.url = url;
    this.changed = changed;
    this.known = []; // [step, version] of all snapshots there are
    /** @type {Frame[]} */
    this.frames = []; // those that are here, in order
    this.probe = null;
    this.busy = false;
    this.closed = false;
  }

  /** Take note of which snapshots there are, and fetch those that are not here. */
  update(known, prior) {
    this.prior = prior;
    const versions = new Map(known);
    if (this.frames.some((f) => versions.get(f.step) !== f.version))
      this.frames = this.frames.filter((f) => versions.get(f.step) === f.version);
    this.known = known;
    this.load();
  }

  close() {
    this.closed = true;
  }

  async load() {
    if (this.busy || this.closed) return;
    this.busy = true;
    try {
      for (let next; !this.closed && (next = this.missing()); ) await this.fetch(...next);
    } catch {
      // The next news ask again.
    }
    this.busy = false;
  }

  /** The newest snapshot first, for who has just come; then from the beginning. */
  missing() {
    const here = new Set(this.frames.map((f) => f.step));
    const last = this.known[this.known.length - 1];
    if (last && !here.has(last[0])) return last;
    return this.known.find(([step]) => !here.has(step));
  }

  async fetch(step, version) {
    this.probe ??= await fetchBlob(`${this.url}/probe`, "probe");
    const { header, arrays } = await fetchBlob(`${this.url}/snapshot/${step}?v=${version}`, "snapshot");
    if (this.closed) return;
    const { labels } = this.probe.arrays;
    const d = arrays.codes.length / labels.length;
    const frame = { step, version, d, axes: header.axes, ...arrays };
    frame.span = this.span(frame);
    frame.middles = this.probe.header.classes.map((_, c) => middle(frame, labels, c));
    const at = this.frames.findIndex((f) => f.step > step);
    this.frames.splice(at < 0 ? this.frames.length : at, 0, frame);
    this.changed();
  }

  /** How far from the prior's mean a frame reaches, but for its outermost codes. */
  span({ codes, d, axes }) {
    const far = [];
    for (const axis of axes)
      for (let i = axis; i < codes.length; i += d) far.push(Math.abs(codes[i] - this.prior.mean));
    far.sort((a, b) => a - b);
    return Math.max(3.3 * this.prior.std, 1.08 * far[Math.floor(0.995 * (far.length - 1))]);
  }

  /** The frames on both sides of a step, and how far it is from the first to the second. */
  around(step) {
    const { frames } = this;
    let j = frames.findIndex((f) => f.step >= step);
    if (j < 0) j = frames.length - 1;
    const i = frames[j].step > step && j > 0 ? j - 1 : j;
    const [a, b] = [frames[i], frames[j]];
    const share = a === b ? 0 : (step - a.step) / (b.step - a.step);
    return { a, b, share };
  }

  /** The step at a place of the time slider, which gives every snapshot the same room. */
  stepAt(place) {
    const { known } = this;
    const i = Math.max(0, Math.min(known.length - 1, Math.floor(place)));
    const j = Math.min(known.length - 1, i + 1);
    return known[i][0] + (place - i) * (known[j][0] - known[i][0]);
  }

  /** The place of a step on the time slider. */
  placeOf(step) {
    const { known } = this;
    const j = known.findIndex(([s]) => s >= step);
    if (j < 0) return known.length - 1;
    if (j === 0) return 0;
    const [s0, s1] = [known[j - 1][0], known[j][0]];
    return j - 1 + (step - s0) / (s1 - s0);
  }
}

/** Where the middle of a class lies, coordinate by coordinate; null where it has no image. */
function middle({ codes, d, axes }, labels, label) {
  const found = axes.map(() => []);
  labels.forEach((l, n) => {
    if (l === label) axes.forEach((axis, k) => found[k].push(codes[n * d + axis]));
  });
  if (!found[0].length) return null;
  return found.map((values) => values.sort((a, b) => a - b)[values.length >> 1]);
}
