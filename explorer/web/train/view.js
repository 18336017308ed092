// The Train page: follows a training run, shows its latent space form, and replays it.

import { lessMotion, set, write } from "../widgets/dom.js";
import { keepOnPaper } from "../widgets/print.js";
import { waitForIntent } from "../widgets/range.js";
import { Curves } from "./curves.js";
import { Follower, Runs } from "./follower.js";
import { Gallery } from "./gallery.js";
import { momentAt, placeOf, stepAt } from "./moments.js";
import * as panel from "./panel.js";
import { Playback } from "./playback.js";
import { Recording } from "./recording.js";
import { Scatter } from "./scatter.js";
import { SnapshotSequence } from "./snapshots.js";
import { ACTIONS, alive, explanation, facts, stateWord } from "./words.js";

/**
 * @typedef {import("./follower.js").Run} Run
 * @typedef {import("./words.js").Action} Action
 * @typedef {{at: string, root: string, plotly: string, run: string, over: string | null,
 *   mayControl: boolean, refusal: string, colours: string[]}} TrainData the addresses of runs (`at`)
 *   and of plotly.js, relative to the app's root; the run to watch and the one whose curves are laid
 *   over it; whether the visitor may steer, and else why not; the classes' colours
 * @typedef {(name: "order" | "view", value: object) => void} Send tells the server
 */

const PATIENCE = 8000; // ms until an action that shows no effect can be tried again

class TrainView {
  /** @param {TrainData} data @param {Send} send */
  constructor(data, send) {
    this.data = data;
    this.send = send;
    this.parts = panel.build();
    this.root = this.parts.root;
    this.scatter = new Scatter(this.parts.scatter, this.parts.swatch, () => this.change());
    this.gallery = new Gallery(this.root);
    this.curves = new Curves(this.parts.curves, (epoch) => this.seek(epoch));
    this.runs = new Runs(`${this.base}runs`, () => this.list());
    /** The run that is watched. @type {Follower | null} */
    this.main = null;
    /** The run whose curves are laid over it. @type {Follower | null} */
    this.over = null;
    /** @type {SnapshotSequence | null} */
    this.snapshots = null;
    this.playback = new Playback();
    this.recording = new Recording(this);
    /** An action that was asked for, until it shows. @type {{state: string, until: number} | null} */
    this.pending = null;
    this.frame = 0; // the animation frame that was asked for
    /** The time of the last frame of a motion, in ms. @type {number | null} */
    this.before = null;
    waitForIntent(this.root);
    keepOnPaper(this.root, () => {
      this.redraw();
      this.paint(performance.now());
    });
    this.listen();
    this.watch(data.run, data.over);
    this.resume();
  }

  /** The address below which the runs are. */
  get base() {
    return new URL(`${this.data.at}/`, this.data.root).href;
  }

  listen() {
    const { parts } = this;
    const other = () => panel.chosen(parts.over);
    parts.run.addEventListener("change", () => this.choose(parts.run.value, other()));
    parts.over.addEventListener("change", () => this.choose(this.main?.name ?? "", other()));
    for (const button of parts.buttons)
      button.addEventListener("click", () =>
        this.ask(/** @type {Action} */ (button.dataset.action)),
      );
    parts.beta.addEventListener("change", () => this.changeBeta());
    parts.beta.addEventListener("blur", () => this.show());
    parts.time.addEventListener("input", () => {
      const known = this.snapshots?.known;
      if (!known?.length) return;
      this.playback.seek(known, stepAt(known, Number(parts.time.value)));
      this.change();
    });
    parts.play.addEventListener("click", () => this.play());
    parts.live.addEventListener("click", () => {
      this.playback.goLive();
      this.change();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.redraw());
  }

  /** Take the data of a later run of the page. @param {TrainData} data */
  update(data) {
    // Only another choice counts: the visitor may have chosen again while the page ran.
    const chosen = this.data.run !== data.run || this.data.over !== data.over;
    this.data = data;
    if (chosen) this.watch(data.run, data.over);
    this.resume();
  }

  resume() {
    this.runs.loop.start();
    this.main?.loop.start();
    this.over?.loop.start();
    this.main?.loop.hurry();
    this.snapshots?.load();
    this.show();
  }

  pause() {
    this.recording.giveUp();
    this.runs.loop.stop();
    this.main?.loop.stop();
    this.over?.loop.stop();
    cancelAnimationFrame(this.frame);
    this.frame = 0;
  }

  /** Watch runs that the visitor has chosen. @param {string} name @param {string | null} over */
  choose(name, over) {
    const other = over === name ? null : over;
    this.watch(name, other);
    this.send("view", { run: name, over: other });
  }

  /** @param {string} name @param {string | null} over */
  watch(name, over) {
    const url = (/** @type {string} */ run) => `${this.base}run/${encodeURIComponent(run)}`;
    if (name !== this.main?.name) {
      this.main?.loop.stop();
      this.snapshots?.close();
      this.playback = new Playback();
      this.pending = null;
      panel.clear(this.parts);
      this.curves.clear();
      this.main = new Follower(name, url(name), () => this.receive());
      this.snapshots = new SnapshotSequence(url(name), () => this.arrive());
      this.main.loop.start();
    }
    if (over !== (this.over?.name ?? null)) {
      this.over?.loop.stop();
      this.over = over ? new Follower(over, url(over), () => this.redraw()) : null;
      this.over?.loop.start();
      this.redraw();
    }
    this.list();
  }

  /** Offer the runs there are. */
  list() {
    if (!this.main) return;
    const { name, run } = this.main;
    // The news of the one that is watched are newer than the list.
    const list = this.runs.list.map((entry) =>
      entry.name === name && run ? { ...entry, state: run.state, order: run.order } : entry,
    );
    panel.fillRuns(this.parts.run, list, name);
    const others = list.filter((entry) => entry.name !== name);
    panel.fillRuns(this.parts.over, others, this.over?.name ?? null, "nothing");
  }

  /** There is news of the run. */
  receive() {
    const run = this.main?.run;
    if (run) this.snapshots?.update(run.snapshots, run.prior, run.id);
    if (run && this.root.dataset.ready === "false")
      write(
        this.parts.waiting,
        run.snapshots.length ? "loading …" : "waiting for the first snapshot …",
      );
    const { pending } = this;
    if (pending && (run?.state !== pending.state || performance.now() > pending.until))
      this.pending = null;
    this.show();
    this.list();
    this.redraw();
  }

  redraw() {
    const { main, over, data } = this;
    if (!main?.run) return;
    this.curves.draw({
      main: { run: main.run, steps: main.steps, epochs: main.epochs },
      over: over?.run ? { run: over.run, steps: over.steps, epochs: over.epochs } : null,
      overName: over?.name ?? null,
      url: new URL(data.plotly, data.root).href,
      revision: `${main.name}|${over?.name}`,
    });
    this.change();
  }

  /** Another snapshot is here. */
  arrive() {
    const { snapshots, playback } = this;
    if (!snapshots?.newest) return;
    playback.arrive(snapshots.known, snapshots.newest.step, performance.now());
    this.change();
  }

  /** Write the run's state, and offer the actions that it allows. */
  show() {
    const { main, parts } = this;
    if (!main) return;
    const { run } = main;
    write(parts.message, main.fault || (run ? explanation(run) : ""));
    parts.message.hidden = !parts.message.textContent;
    if (!run) return;
    const word = stateWord(run);
    if (parts.state.textContent !== word) {
      write(parts.state, word);
      parts.state.dataset.state = run.state;
      write(parts.announce, `${main.name}: ${word}`);
    }
    write(parts.facts, facts(main, run));
    this.showControls(run, main.last?.beta ?? run.beta);
    if (this.playback.step === null) panel.writeReadings(parts.readings, main, run, Infinity);
  }

  /** @param {Run} run @param {number} trained the β of the newest steps */
  showControls(run, trained) {
    const { parts, data } = this;
    for (const button of parts.buttons) {
      const action = /** @type {keyof typeof ACTIONS} */ (button.dataset.action);
      const refused = action !== "open" && !data.mayControl;
      button.hidden = !ACTIONS[action](run);
      button.disabled = refused || Boolean(this.pending);
      set(button, "title", refused ? data.refusal : "");
    }
    const { beta } = parts;
    beta.disabled = !alive(run) || !data.mayControl;
    set(
      beta,
      "title",
      data.mayControl ? "The weight of the KL term, from the next epoch on" : data.refusal,
    );
    if (document.activeElement === beta) return;
    const text = String(Number((run.asked_beta ?? trained).toPrecision(4)));
    if (beta.value !== text) beta.value = text;
  }

  /** Ask for another β; one that is not valid is explained in the box and put back. */
  changeBeta() {
    const { beta } = this.parts;
    if (beta.value === "") this.show();
    else if (beta.reportValidity()) this.ask("beta", Number(beta.value));
  }

  /** @param {Action} action @param {number} [beta] */
  ask(action, beta) {
    const run = this.main?.run;
    if (!this.main || !run) return;
    this.send("order", { run: this.main.name, action, ...(beta === undefined ? {} : { beta }) });
    if (["beta", "open", "manage"].includes(action)) return;
    this.pending = { state: run.state, until: performance.now() + PATIENCE };
    this.show();
    this.main.loop.hurry();
  }

  /** Show an epoch. @param {number} epoch with a fraction */
  seek(epoch) {
    if (!this.snapshots?.newest) return;
    this.playback.seek(this.snapshots.known, epoch * (this.main?.run?.batches ?? 1));
    this.change();
  }

  /** Play, or pause. */
  play() {
    if (!this.snapshots?.newest) return;
    if (this.playback.playing) this.playback.pause();
    else this.playback.play(this.snapshots.known);
    this.change();
  }

  change() {
    this.frame ||= requestAnimationFrame((now) => this.paint(now));
  }

  /** @param {number} now milliseconds */
  paint(now) {
    this.frame = 0;
    const { snapshots, parts, main, playback } = this;
    const seconds = Math.min(0.1, (now - (this.before ?? now)) / 1000);
    this.before = now;
    const { probe, prior, newest } = snapshots ?? {};
    if (!snapshots || !probe || !prior || !newest || !main?.run) return;
    const moving = playback.advance(snapshots.known, seconds, lessMotion());
    const { step } = playback;
    if (step === null) return;
    const moment = momentAt(snapshots.frames, step);
    const frame = moment.share > 0.999 ? moment.b : moment.a;
    const { colours } = this.data;
    const { classes, labels } = probe;
    this.scatter.draw({ axes: snapshots.axes, prior, classes, labels, colours }, moment);
    this.gallery.show(frame, probe);
    write(parts.count, labels.length.toLocaleString("en"));
    panel.writeLegend(parts.legend, classes, colours);
    panel.writeGridAxes(parts.gridAxes, frame);
    panel.writeReadings(parts.readings, main, main.run, playback.live ? Infinity : step);
    this.paintTimeline(snapshots.known, main.run, step);
    this.recording.offer();
    this.root.dataset.ready = "true";
    if (moving) this.change();
    else this.before = null;
  }

  /** @param {import("./moments.js").Known[]} known @param {Run} run @param {number} step */
  paintTimeline(known, run, step) {
    const { parts, playback } = this;
    const batches = Math.max(1, run.batches);
    const end = known.length - 1;
    parts.time.max = String(end);
    parts.time.disabled = parts.play.disabled = end < 1;
    parts.time.value = String(placeOf(known, step));
    panel.writeMarks(parts.epochs, known, batches);
    const epoch = step / batches;
    write(
      parts.when,
      `epoch ${epoch.toFixed(epoch < 10 ? 2 : 1)} · step ${Math.round(step).toLocaleString("en")}`,
    );
    write(parts.play, playback.playing ? "❚❚ Hold" : "▶ Replay");
    parts.live.hidden = playback.live || !["running", "paused", "new"].includes(run.state);
    this.curves.place(epoch);
  }
}

/** @type {TrainView | null} */
let view = null;

/**
 * Put the view of a run under an element, or give it new data. There is one a page.
 * @param {HTMLElement} parent
 * @param {TrainData} data
 * @param {(name: string, value: unknown) => void} setState
 * @param {(name: string, value: unknown) => void} trigger
 */
export function show(parent, data, setState, trigger) {
  /** @type {Send} */
  const send = (name, value) => (name === "order" ? trigger : setState)(name, value);
  if (view) {
    view.send = send;
    view.update(data);
  } else view = new TrainView(data, send);
  if (view.root.parentElement !== parent) parent.append(view.root);
  return view;
}
