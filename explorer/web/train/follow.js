// Follows training runs: asks for what has come since, and keeps the records that count.

const MOST = 3000; // step records held; more cannot be told apart on a screen
const DELAY = { running: 400, new: 400, paused: 800 };
const TIMEOUT = 10_000;
const UNREACHABLE = "The server cannot be reached; the training goes on by itself. Trying again …";

/**
 * @typedef {{step: number, epoch: number, beta: number, learning_rate: number, at: number,
 *   train_reconstruction: number, train_kl_per_dim: number[], images_per_second: number}} StepRecord
 */

/** Asks again and again while it is started; what comes too late for a stop is dropped. */
class Loop {
  /** @param {(signal: AbortSignal) => Promise<number>} turn one question; when to ask next, in ms */
  constructor(turn) {
    Object.assign(this, { turn, abort: null, wait: 0, asking: false });
  }

  start() {
    if (this.abort) return;
    this.abort = new AbortController();
    this.run(this.abort.signal);
  }

  stop() {
    this.abort?.abort();
    this.abort = null;
    clearTimeout(this.wait);
  }

  /** Ask at once, because something was done. */
  hurry() {
    if (!this.abort || this.asking) return;
    clearTimeout(this.wait);
    this.run(this.abort.signal);
  }

  async run(signal) {
    this.asking = true;
    const delay = await this.turn(AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT)]));
    if (signal.aborted) return;
    this.asking = false;
    this.wait = setTimeout(() => this.run(signal), delay);
  }
}

/** At most so many of the records, at even distances, the newest among them. */
function even(records, most) {
  const last = records[records.length - 1];
  const gap = (last.step - records[0].step) / (most - 1);
  let due = records[0].step;
  return records.filter((record) => {
    if (record !== last && record.step < due) return false;
    due = Math.max(due + gap, record.step);
    return true;
  });
}

export class Follower {
  /**
   * @param {string} name the run's @param {string} url where its news are
   * @param {(follower: Follower) => void} changed called when there is news
   */
  constructor(name, url, changed) {
    Object.assign(this, { name, url, changed });
    this.run = null; // the newest answer but for its records
    this.fault = "";
    this.forget();
    this.loop = new Loop((signal) => this.ask(signal));
  }

  forget() {
    this.place = 0;
    /** @type {StepRecord[]} */
    this.steps = [];
    this.epochs = [];
  }

  async ask(signal) {
    let delay = 2000;
    try {
      const query = `place=${this.place}&id=${this.run?.id ?? ""}`;
      const answer = await fetch(`${this.url}?${query}`, { cache: "no-store", signal });
      if (answer.status === 404) throw new Error((await answer.text()).trim());
      if (!answer.ok) throw new Error(`The server answers ${answer.status}.`);
      const { lines, ...run } = await answer.json();
      this.fault = "";
      this.take(lines, run);
      delay = DELAY[run.state] ?? 2000;
    } catch (error) {
      const unheard = error instanceof TypeError || error instanceof DOMException;
      this.fault = unheard ? UNREACHABLE : error.message;
    }
    if (!this.loop.abort) return delay;
    this.changed(this);
    return document.hidden ? 2000 : delay;
  }

  take(lines, run) {
    if (run.anew) this.forget();
    this.run = run;
    this.place = run.place;
    for (const line of lines) {
      if (line.kind === "rewind") {
        for (const kept of [this.steps, this.epochs])
          while (kept.length && kept[kept.length - 1].step > line.step) kept.pop();
      } else (line.kind === "step" ? this.steps : this.epochs).push(line);
    }
    if (this.steps.length > MOST) this.steps = even(this.steps, MOST / 2);
  }

  /** The newest record of the steps. @returns {StepRecord | undefined} */
  get last() {
    return this.steps[this.steps.length - 1];
  }

  /** Images a second over the last few records, each as long as it was. */
  get rate() {
    const records = this.steps.slice(-9);
    let [steps, time] = [0, 0];
    for (let i = 1; i < records.length; i++) {
      const count = records[i].step - records[i - 1].step;
      steps += count;
      time += count / records[i].images_per_second;
    }
    return time ? steps / time : (records[0]?.images_per_second ?? 0);
  }

  /** Seconds that are left at the pace of the last ten; null where there is none. */
  get left() {
    const { last, run, steps } = this;
    if (!last || !run?.steps || run.state !== "running") return null;
    let i = steps.length - 1;
    while (i > 0 && last.at - steps[i - 1].at < 10 && steps[i].at - steps[i - 1].at < 5) i--;
    const pace = (last.step - steps[i].step) / (last.at - steps[i].at);
    return pace > 0 ? (run.steps - last.step) / pace : null;
  }
}

/** The runs there are, asked for now and then. */
export class Runs {
  constructor(url, changed) {
    this.list = [];
    this.loop = new Loop(async (signal) => {
      try {
        const answer = await fetch(url, { cache: "no-store", signal });
        if (answer.ok) this.list = await answer.json();
      } catch {
        // Who follows a run says that the server is gone.
      }
      if (this.loop.abort) changed();
      return document.hidden ? 8000 : 2500;
    });
  }
}
