// Follows training runs: asks for what has come since, and keeps the records that count.

import { counted, epochsOf, imagesPerSecond, secondsLeft, stepsOf, thinned } from "./records.js";

/**
 * @typedef {import("./records.js").StepRecord} StepRecord
 * @typedef {import("./records.js").EpochRecord} EpochRecord
 * @typedef {import("./records.js").RunRecord} RunRecord
 * @typedef {import("./records.js").Rewind} Rewind
 *
 * @typedef {{
 *   id: string, state: string, message: string, checkpoint: string | null, order: string,
 *   steps: number, batches: number, saved: number, epochs: number,
 *   beta: number, asked_beta: number | null,
 *   preset: string, data: string, seed: number, latent_dim: number, prior_name: string,
 *   prior: import("../model/blob_types.js").PriorHeader,
 *   likelihood: import("../model/blob_types.js").LikelihoodHeader,
 *   snapshots: [step: number, version: string][], place: number, anew: boolean,
 * }} Run the server's newest answer about a run: its state and its settings. `batches` are the steps of an
 *   epoch, `saved` the step of its newest saved state, `place` the bytes of its log that were read, and
 *   `anew` says that records that came before do not count
 * @typedef {{name: string, state: string, what?: string, order?: string}} RunEntry of a list of runs
 */

const MOST = 3000; // step records held; more cannot be told apart on a screen
/** Milliseconds between two questions, by the run's state. @type {Record<string, number>} */
const DELAY = { running: 400, new: 400, paused: 800 };
const RARELY = 2000;
const TIMEOUT = 10_000;
const UNREACHABLE = "The server cannot be reached; the training goes on by itself. Trying again …";

/** Asks again and again while it is started; an answer that comes after a stop is dropped. */
class Loop {
  /** @param {(signal: AbortSignal) => Promise<number>} turn one question; when to ask next, in ms */
  constructor(turn) {
    this.turn = turn;
    /** @type {AbortController | null} */
    this.abort = null;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.asking = false;
  }

  get started() {
    return this.abort !== null;
  }

  start() {
    if (this.abort) return;
    this.abort = new AbortController();
    this.run(this.abort.signal);
  }

  stop() {
    this.abort?.abort();
    this.abort = null;
    clearTimeout(this.timer);
  }

  /** Ask at once, because something was done. */
  hurry() {
    if (!this.abort || this.asking) return;
    clearTimeout(this.timer);
    this.run(this.abort.signal);
  }

  /** @param {AbortSignal} signal */
  async run(signal) {
    this.asking = true;
    const delay = await this.turn(AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT)]));
    if (signal.aborted) return;
    this.asking = false;
    this.timer = setTimeout(() => this.run(signal), delay);
  }
}

/** A run, followed: the server's newest word of it, and its records that count. */
export class Follower {
  /**
   * @param {string} name the run's
   * @param {string} url of its news
   * @param {() => void} changed called when there is news
   */
  constructor(name, url, changed) {
    this.name = name;
    this.url = url;
    this.changed = changed;
    /** @type {Run | null} */
    this.run = null;
    this.fault = "";
    this.place = 0;
    /** @type {RunRecord[]} */
    this.records = [];
    /** @type {StepRecord[]} */
    this.steps = [];
    /** @type {EpochRecord[]} */
    this.epochs = [];
    this.loop = new Loop((signal) => this.ask(signal));
  }

  /** @param {AbortSignal} signal @returns {Promise<number>} when to ask next, in ms */
  async ask(signal) {
    let delay = RARELY;
    try {
      const query = `place=${this.place}&id=${this.run?.id ?? ""}`;
      const answer = await fetch(`${this.url}?${query}`, { cache: "no-store", signal });
      if (answer.status === 404) throw new Error((await answer.text()).trim());
      if (!answer.ok) throw new Error(`The server answers ${answer.status}.`);
      const { lines, ...run } = await answer.json();
      this.fault = "";
      this.receive(lines, run);
      delay = DELAY[run.state] ?? RARELY;
    } catch (error) {
      const unheard = error instanceof TypeError || error instanceof DOMException;
      this.fault = unheard || !(error instanceof Error) ? UNREACHABLE : error.message;
    }
    if (!this.loop.started) return delay;
    this.changed();
    return document.hidden ? RARELY : delay;
  }

  /** @param {(RunRecord | Rewind)[]} lines since `place` @param {Run} run */
  receive(lines, run) {
    this.run = run;
    this.place = run.place;
    if (!run.anew && !lines.length) return;
    const records = counted([...(run.anew ? [] : this.records), ...lines]);
    const epochs = epochsOf(records);
    const full = records.length - epochs.length > MOST;
    this.records = full ? thinned(records, epochs.length + MOST / 2) : records;
    this.steps = stepsOf(this.records);
    this.epochs = epochs;
  }

  /** The newest record of the steps. */
  get last() {
    return this.steps.length ? this.steps[this.steps.length - 1] : undefined;
  }

  /** Images a second, of late. */
  get rate() {
    return imagesPerSecond(this.steps);
  }

  /** Seconds that are left; null where that cannot be said. */
  get left() {
    return this.run?.state === "running" ? secondsLeft(this.steps, this.run.steps) : null;
  }
}

/** The list of all runs, asked for now and then. */
export class Runs {
  /** @param {string} url @param {() => void} changed */
  constructor(url, changed) {
    /** @type {RunEntry[]} */
    this.list = [];
    this.loop = new Loop(async (signal) => {
      try {
        const answer = await fetch(url, { cache: "no-store", signal });
        if (answer.ok) this.list = await answer.json();
      } catch {
        // The follower of a run says that the server is gone.
      }
      if (this.loop.started) changed();
      return document.hidden ? 8000 : 2500;
    });
  }
}
