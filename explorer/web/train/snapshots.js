// The snapshots of a run, fetched one after the other.

import { fetchBlob } from "../model/blobs.js";
import { ImageShape } from "../model/image_shape.js";
import { medianOf, spanOf } from "./moments.js";

/**
 * @typedef {import("../model/blob_types.js").PriorHeader} PriorHeader
 * @typedef {import("./moments.js").Known} Known
 * @typedef {{step: number, version: string, codes: Float32Array, d: number, axes: number[],
 *   grid: Uint8Array, reconstructions: Uint8Array, span: number, medians: (number[] | null)[]}} Frame
 *   a snapshot: `axes` are those of its grid; half the width of its codes and the medians of its
 *   classes are in the axes of the whole sequence
 * @typedef {{classes: string[], labels: Uint8Array, images: Uint8Array, shape: ImageShape}} Probe of
 *   all snapshots: the classes, labels (n,) of the codes' images, and those images (k, c·h·w) that
 *   are reconstructed
 */

export class SnapshotSequence {
  /** @param {string} url the run's @param {() => void} changed called when there is another frame */
  constructor(url, changed) {
    this.url = url;
    this.changed = changed;
    this.id = ""; // the run's
    /** @type {PriorHeader | null} */
    this.prior = null;
    /** All snapshots there are. @type {Known[]} */
    this.known = [];
    /** Those that are here, in order. @type {Frame[]} */
    this.frames = [];
    /** Of the map: those of the newest frame, so that they do not change on the way. @type {number[]} */
    this.axes = [];
    /** Those that cannot be had, as step and version. @type {Set<string>} */
    this.failed = new Set();
    /** @type {Probe | null} */
    this.probe = null;
    this.busy = false;
    this.closed = false;
  }

  /** @returns {Frame | undefined} */
  get newest() {
    return this.frames[this.frames.length - 1];
  }

  /**
   * Take note of the snapshots there are, and fetch those that are not here.
   * @param {Known[]} known
   * @param {PriorHeader} prior
   * @param {string} id the run's
   */
  update(known, prior, id) {
    this.prior = prior;
    this.id = id;
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
    for (let next; !this.closed && (next = this.missing());)
      try {
        await this.fetch(next[0], next[1]);
      } catch {
        if (!this.probe) break; // the run's next news ask again
        this.failed.add(String(next)); // one that is damaged must not keep the others away
      }
    this.busy = false;
  }

  /** The newest snapshot first, for who has just come; then from the beginning. */
  missing() {
    const here = new Set(this.frames.map((f) => f.step));
    const wanted = (/** @type {Known | undefined} */ entry) =>
      entry && !here.has(entry[0]) && !this.failed.has(String(entry));
    const last = this.known[this.known.length - 1];
    return wanted(last) ? last : this.known.find(wanted);
  }

  /** @param {number} step @param {string} version */
  async fetch(step, version) {
    this.probe ??= await this.fetchProbe();
    const blob = await fetchBlob(`${this.url}/snapshot/${step}?v=${version}`, "snapshot");
    if (!this.closed) this.insert(step, version, blob, this.probe);
  }

  /** @returns {Promise<Probe>} */
  async fetchProbe() {
    const { header, arrays } = await fetchBlob(`${this.url}/probe?v=${this.id}`, "probe");
    return { classes: header.classes, ...arrays, shape: new ImageShape(header.shape) };
  }

  /**
   * Put a snapshot in its place.
   * @param {number} step
   * @param {string} version
   * @param {import("../model/blob_types.js").SnapshotBlob} blob
   * @param {Probe} probe
   */
  insert(step, version, { header, arrays }, probe) {
    const d = arrays.codes.length / probe.labels.length;
    /** @type {Frame} */
    const frame = { step, version, d, axes: header.axes, ...arrays, span: 0, medians: [] };
    const at = this.frames.findIndex((f) => f.step > step);
    this.frames.splice(at < 0 ? this.frames.length : at, 0, frame);
    const { axes } = this.frames[this.frames.length - 1];
    const turned = String(axes) !== String(this.axes);
    this.axes = axes;
    for (const f of turned ? this.frames : [frame]) this.measure(f, probe);
    this.changed();
  }

  /** @param {Frame} frame @param {Probe} probe */
  measure(frame, { labels, classes }) {
    const { codes, d } = frame;
    if (this.prior) frame.span = spanOf(codes, d, this.axes, this.prior);
    frame.medians = classes.map((_, label) => medianOf(codes, d, this.axes, labels, label));
  }
}
