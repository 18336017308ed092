// The snapshots of a run as a film: fetched one after the other, and shown at any moment between.

import { fetchBlob } from "../model/blobs.js";

/**
 * What a snapshot shows.
 * @typedef {{step: number, version: string, codes: Float32Array, d: number, axes: number[],
 *   grid: Uint8Array, reconstructions: Uint8Array, span: number, middles: (number[] | null)[]}} Frame
 * (`axes` are those of its grid; span and middles are of the film's own.)
 */

export class Film {
  /** @param {string} url the run's @param {() => void} changed called when there is another frame */
  constructor(url, changed) {
    this.url = url;
    this.changed = changed;
    this.known = []; // [step, version] of all snapshots there are
    /** @type {Frame[]} */
    this.frames = []; // those that are here, in order
    this.axes = []; // of the map: those of the newest frame, so that they do not change on the way
    this.failed = new Set(); // what cannot be had, as step and version
    this.probe = null;
    this.busy = false;
    this.closed = false;
  }

  /** Take note of which snapshots there are, and fetch those that are not here. */
  update(known, prior, id) {
    Object.assign(this, { prior, id });
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
      for (let next; !this.closed && (next = this.missing()); )
        try {
          await this.fetch(...next);
        } catch {
          if (!this.probe) break; // the next news ask again
          this.failed.add(String(next)); // one that is damaged must not keep the others away
        }
    } catch {
      // The next news ask again.
    }
    this.busy = false;
  }

  /** The newest snapshot first, for who has just come; then from the beginning. */
  missing() {
    const here = new Set(this.frames.map((f) => f.step));
    const wanted = (entry) => entry && !here.has(entry[0]) && !this.failed.has(String(entry));
    const last = this.known[this.known.length - 1];
    return wanted(last) ? last : this.known.find(wanted);
  }

  async fetch(step, version) {
    this.probe ??= await fetchBlob(`${this.url}/probe?v=${this.id}`, "probe");
    const { header, arrays } = await fetchBlob(`${this.url}/snapshot/${step}?v=${version}`, "snapshot");
    if (this.closed) return;
    const d = arrays.codes.length / this.probe.arrays.labels.length;
    const frame = { step, version, d, axes: header.axes, ...arrays };
    const at = this.frames.findIndex((f) => f.step > step);
    this.frames.splice(at < 0 ? this.frames.length : at, 0, frame);
    const { axes } = this.frames[this.frames.length - 1];
    const turned = String(axes) !== String(this.axes);
    this.axes = axes;
    for (const f of turned ? this.frames : [frame]) this.measure(f);
    this.changed();
  }

  measure(frame) {
    const { labels } = this.probe.arrays;
    frame.span = this.span(frame);
    frame.middles = this.probe.header.classes.map((_, c) => middle(frame, this.axes, labels, c));
  }

  /** How far a frame reaches from its middle, but for its outermost codes. */
  span({ codes, d }) {
    const { family, mean, std } = this.prior;
    const positive = family === "gamma"; // from 0 on, and not around the mean
    const far = [];
    for (const axis of this.axes)
      for (let i = axis; i < codes.length; i += d) far.push(positive ? codes[i] : Math.abs(codes[i] - mean));
    far.sort((a, b) => a - b);
    const most = 1.08 * far[Math.floor(0.995 * (far.length - 1))];
    return positive ? Math.max(mean + 2 * std, most) / 1.9 : Math.max(3.3 * std, most);
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
function middle({ codes, d }, axes, labels, label) {
  const found = axes.map(() => []);
  labels.forEach((l, n) => {
    if (l === label) axes.forEach((axis, k) => found[k].push(codes[n * d + axis]));
  });
  if (!found[0].length) return null;
  return found.map((values) => values.sort((a, b) => a - b)[values.length >> 1]);
}
