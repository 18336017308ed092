// The place of a walk that plays, from frame to frame.

import { lessMotion } from "./dom.js";

const SLOW_STEPS = 8; // of a path, for those who asked for less motion
const SLOWEST = 0.5; // seconds that each of them takes at least

export class Playhead {
  constructor() {
    this.forward = true;
    this.ended = false;
    this.last = 0; // the time of the last frame in ms; 0 before the first
  }

  begin() {
    this.forward = true;
    this.ended = false;
    this.last = 0;
  }

  /**
   * The share of the path at this frame.
   * @param {number} now milliseconds
   * @param {number} share at the last frame
   * @param {number} seconds from end to end
   * @param {boolean} back whether it turns round at the ends
   * @returns {number} in [0, 1]
   */
  next(now, share, seconds, back) {
    this.last ||= now;
    let elapsed = (now - this.last) / 1000;
    if (lessMotion()) {
      const step = seconds / SLOW_STEPS;
      if (elapsed < Math.max(SLOWEST, step)) return share;
      elapsed = step;
    }
    this.last = now;
    const next = share + ((this.forward ? 1 : -1) * elapsed) / seconds;
    if (next >= 0 && next <= 1) return next;
    const end = next > 1 ? 1 : 0;
    this.ended = !back;
    this.forward = end === 0;
    return back ? Math.min(1, Math.max(0, 2 * end - next)) : end;
  }
}
