// Follows a training run: asks for what its log has had since, and keeps the records that count.

const MOST = 6000; // step records held; more cannot be told apart on a screen

const DELAY = { running: 400, new: 400, paused: 800 };

/**
 * @typedef {{step: number, epoch: number, beta: number, learning_rate: number, at: number,
 *   train_reconstruction: number, train_kl_per_dim: number[], images_per_second: number}} StepRecord
 */

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
    this.wait = 0;
    this.halted = true;
  }

  forget() {
    this.place = 0;
    /** @type {StepRecord[]} */
    this.steps = [];
    this.epochs = [];
  }

  start() {
    if (!this.halted) return;
    this.halted = false;
    this.ask();
  }

  stop() {
    this.halted = true;
    clearTimeout(this.wait);
  }

  /** Ask at once, because something was done. */
  hurry() {
    if (this.halted || this.asking) return;
    clearTimeout(this.wait);
    this.ask();
  }

  async ask() {
    this.asking = true;
    let delay = 2000;
    try {
      const answer = await fetch(`${this.url}?place=${this.place}`, { cache: "no-store" });
      if (answer.status === 404) throw new Error((await answer.text()).trim());
      if (!answer.ok) throw new Error(`The server answers ${answer.status}.`);
      const { lines, ...run } = await answer.json();
      this.fault = "";
      this.take(lines, run);
      delay = DELAY[run.state] ?? 2000;
    } catch (error) {
      this.fault =
        error instanceof TypeError
          ? "The server cannot be reached; the training goes on by itself. Trying again …"
          : error.message;
    }
    this.asking = false;
    if (this.halted) return;
    this.changed(this);
    this.wait = setTimeout(() => this.ask(), document.hidden ? 2000 : delay);
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
    if (this.steps.length > MOST) {
      const half = this.steps.length >> 1;
      this.steps = this.steps.filter((_, i) => i >= half || i % 2 === 0);
    }
  }

  /** The newest record of the steps. @returns {StepRecord | undefined} */
  get last() {
    return this.steps[this.steps.length - 1];
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
    Object.assign(this, { url, changed, list: [], wait: 0, halted: true });
  }

  start() {
    if (!this.halted) return;
    this.halted = false;
    this.ask();
  }

  stop() {
    this.halted = true;
    clearTimeout(this.wait);
  }

  async ask() {
    try {
      const answer = await fetch(this.url, { cache: "no-store" });
      if (answer.ok) {
        this.list = await answer.json();
        if (!this.halted) this.changed();
      }
    } catch {
      // Who follows a run says that the server is gone.
    }
    if (!this.halted) this.wait = setTimeout(() => this.ask(), document.hidden ? 8000 : 2500);
  }
}
