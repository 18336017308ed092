// The moment of a run that is shown: live, at a step that was chosen, or playing. Pure.

import { placeOf, stepAt } from "./moments.js";

/** @typedef {import("./moments.js").Known} Known */

const PLAY = 9; // snapshots a second
const SLOWEST = 6; // seconds that codes take to move on to a new snapshot, at most
const QUICKEST = 0.3;

export class Playback {
  constructor() {
    this.live = true;
    this.playing = false;
    /** The step that is shown. @type {number | null} */
    this.step = null;
    /** The step of the newest snapshot that is here. @type {number | null} */
    this.newest = null;
    this.arrivedAt = 0; // when it came, in ms
    this.pace = 1; // places of the time slider a second, while live
  }

  /**
   * A snapshot is here. In a live view the codes move on to the newest, and take about as long as the
   * next one will let us wait.
   * @param {Known[]} known all snapshots
   * @param {number} newest the step of the newest that is here
   * @param {number} now milliseconds
   */
  arrive(known, newest, now) {
    this.step ??= newest;
    if (newest === this.newest) return;
    const wait = Math.max(QUICKEST, Math.min(SLOWEST, (now - this.arrivedAt) / 1000));
    this.pace = Math.max(0.1, (placeOf(known, newest) - placeOf(known, this.step)) / wait);
    this.newest = newest;
    this.arrivedAt = now;
  }

  /** Show a step. @param {Known[]} known @param {number} step */
  seek(known, step) {
    this.playing = false;
    this.live = false;
    this.step = Math.max(0, Math.min(step, known[known.length - 1][0]));
  }

  /** Play from the step that is shown, or from the beginning where that is the end. @param {Known[]} known */
  play(known) {
    this.playing = true;
    const atEnd = this.step === null || placeOf(known, this.step) >= known.length - 1 - 0.01;
    if (this.live || atEnd) this.step = stepAt(known, 0);
    this.live = false;
  }

  pause() {
    this.playing = false;
  }

  goLive() {
    this.playing = false;
    this.live = true;
  }

  /**
   * Move on.
   * @param {Known[]} known all snapshots
   * @param {number} seconds since the last call
   * @param {boolean} jump to a new snapshot, not on to it in steps
   * @returns {boolean} whether there is more to come
   */
  advance(known, seconds, jump) {
    if (this.step === null) return false;
    if (this.playing) {
      const end = known.length - 1;
      const place = Math.min(end, placeOf(known, this.step) + PLAY * seconds);
      this.step = stepAt(known, place);
      if (place >= end) this.goLive();
      return this.playing;
    }
    if (!this.live || this.newest === null) return false;
    if (this.newest <= this.step || jump) {
      this.step = this.newest;
      return false;
    }
    const from = placeOf(known, this.step);
    const to = placeOf(known, this.newest);
    const place = Math.min(to, from + this.pace * seconds);
    this.step = to - from < 0.005 ? this.newest : stepAt(known, place);
    return this.step < this.newest;
  }
}
