// Codes decoded some at a time, in pieces that end in time.

/** @typedef {import("./vae.js").Vae} Vae */

export const PIECE_MS = 12;

export class Pace {
  constructor() {
    /** How long a code took last, with all that was made of it, in ms; 0 before the first. */
    this.ms = 0;
  }

  /**
   * A piece of work on codes: batches one after the other, as many as fit into the time.
   * @param {Pick<Vae, "batch" | "decodeMs">} model @param {number} count of codes that are left
   * @param {number} until in ms @param {(first: number, n: number) => void} act on n of them
   * @returns {number} how many were done, at least one
   */
  piece(model, count, until, act) {
    let done = 0;
    for (let now = performance.now(); done < count;) {
      const fitting = Math.floor((until - now) / (this.ms || model.decodeMs));
      if (done && fitting < 1) break;
      const n = Math.max(1, Math.min(model.batch, count - done, fitting));
      act(done, n);
      done += n;
      const then = performance.now();
      this.ms = Math.max((then - now) / n, 0.001);
      now = then;
    }
    return done;
  }
}
