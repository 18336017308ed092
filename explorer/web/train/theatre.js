// The theatre: follows a training run, shows its latent space form, and replays it.

import { Curves } from "./curves.js";
import { html, lessMotion, set, write } from "../widgets/dom.js";
import { Film } from "./film.js";
import { Follower, Runs } from "./follow.js";
import { Gallery } from "./gallery.js";
import { Scatter } from "./scatter.js";
import * as programme from "./programme.js";

const { DEEDS, chosen } = programme;

const PLAY = 9; // snapshots a second
const SLOWEST = 6; // seconds that codes take to move on to a new snapshot, at most
const PATIENCE = 8000; // ms until a deed that shows no effect can be tried again

class Theatre {
  constructor() {
    this.root = html(programme.build);
    const find = (selector) => this.root.querySelector(selector);
    this.part = Object.fromEntries(
      [
        ...["state", "facts", "why", "run", "over", "time", "epochs", "when", "play", "live", "beta"],
        ...["announce", "readings", "legend", "over-what", "waiting"],
      ].map((name) => [name, find(`.${name}`)]),
    );
    this.buttons = [...this.root.querySelectorAll("[data-deed]")];
    this.scatter = new Scatter(find("canvas.scatter"), () => this.change());
    this.gallery = new Gallery(this.root);
    this.curves = new Curves(find(".curves"), (epoch) => this.seek(epoch * (this.main?.run?.batches ?? 1)));
    this.main = this.over = this.film = null;
    this.live = true;
    this.playing = false;
    this.at = null; // the step that is shown
    this.pending = null; // a deed that was asked for, until it shows
    this.frame = 0;
    this.newest = null; // the step of the newest snapshot that is here
    this.arrivedAt = 0;
    this.pace = 1; // places of the time slider a second
    this.wire();
  }

  wire() {
    const { part } = this;
    part.run.addEventListener("change", () => this.choose(chosen(part.run), chosen(part.over)));
    part.over.addEventListener("change", () => this.choose(this.name, chosen(part.over)));
    for (const button of this.buttons) button.addEventListener("click", () => this.ask(button.dataset.deed));
    part.beta.addEventListener("change", () => this.weigh());
    part.beta.addEventListener("blur", () => this.show());
    part.time.addEventListener("input", () => {
      if (!this.film.known.length) return;
      this.playing = false;
      this.live = false;
      this.at = this.film.stepAt(Number(part.time.value));
      this.change();
    });
    part.play.addEventListener("click", () => this.play(!this.playing));
    part.live.addEventListener("click", () => {
      this.playing = false;
      this.live = true;
      this.change();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.redraw());
  }

  /** What the page says: once at the start, and at each of its later runs. */
  update(data) {
    const first = !this.data;
    const base = new URL(`${data.at}/`, data.root).href;
    const told = this.data && this.data.run === data.run && this.data.over === data.over;
    this.data = { ...data, base };
    this.runs ??= new Runs(`${base}runs`, () => this.list());
    this.runs.loop.start();
    // A hand may have chosen another run since the page was told of the last one.
    if (first || !told) this.watch(data.run, data.over);
    this.main?.loop.start();
    this.over?.loop.start();
    this.main?.loop.hurry();
    this.film?.load();
    this.show();
  }

  pause() {
    this.runs?.loop.stop();
    this.main?.loop.stop();
    this.over?.loop.stop();
    cancelAnimationFrame(this.frame);
    this.frame = 0;
  }

  choose(name, over) {
    if (over === name) over = null;
    this.watch(name, over);
    this.tell("view", { run: name, over });
  }

  watch(name, over) {
    const { base } = this.data;
    const url = (n) => `${base}run/${encodeURIComponent(n)}`;
    if (name !== this.name) {
      this.main?.loop.stop();
      this.film?.close();
      Object.assign(this, { name, live: true, playing: false, at: null, pending: null, newest: null });
      this.clear();
      this.main = new Follower(name, url(name), () => this.news());
      this.film = new Film(url(name), () => this.arrived());
      this.main.loop.start();
    }
    if (over !== this.overName) {
      this.over?.loop.stop();
      this.overName = over;
      this.over = over ? new Follower(over, url(over), () => this.redraw()) : null;
      this.over?.loop.start();
      this.redraw();
    }
    this.list();
  }

  /** Show nothing of a run that is not watched any more. */
  clear() {
    const { part } = this;
    this.root.dataset.ready = "false";
    for (const place of ["state", "facts", "why", "when", "legend"]) write(part[place], "");
    part.legend.key = "";
    part.why.hidden = true;
    part.readings.replaceChildren();
    part.epochs.replaceChildren();
    part.beta.value = "";
    for (const control of [part.beta, part.time, part.play]) control.disabled = true;
    for (const button of this.buttons) button.hidden = true;
    write(part.waiting, "loading …");
    this.curves.clear();
  }

  list() {
    const { run } = this.main;
    // What is known of the one that is watched is newer than the list.
    const list = this.runs.list.map((r) => (r.name === this.name && run ? { ...r, ...run, name: r.name } : r));
    programme.fillRuns(this.part.run, list, this.name);
    programme.fillRuns(this.part.over, list.filter((r) => r.name !== this.name), this.overName, "nothing");
  }

  news() {
    const { run } = this.main;
    if (run) this.film.update(run.snapshots, run.prior, run.id);
    if (run && this.root.dataset.ready === "false")
      write(this.part.waiting, run.snapshots.length ? "loading …" : "waiting for the first snapshot …");
    if (this.pending && (this.pending.shown(run) || performance.now() > this.pending.until)) this.pending = null;
    this.show();
    this.list();
    this.redraw();
  }

  redraw() {
    if (!this.main?.run) return;
    const over = this.over?.run ? this.over : null;
    this.curves.draw(this.main, over, new URL(this.data.plotly, this.data.root).href, `${this.name}|${this.overName}`);
    this.change();
  }

  /** Another frame is here. In a live view the codes now move on to it. */
  arrived() {
    const { frames } = this.film;
    const newest = frames[frames.length - 1].step;
    if (this.at === null) this.at = newest;
    if (newest !== this.newest) {
      // The codes take about as long to move on as the next snapshot will let us wait.
      const now = performance.now();
      const wait = Math.max(0.3, Math.min(SLOWEST, (now - this.arrivedAt) / 1000));
      this.pace = Math.max(0.1, (this.film.placeOf(newest) - this.film.placeOf(this.at)) / wait);
      Object.assign(this, { newest, arrivedAt: now });
    }
    this.root.dataset.ready = "true";
    this.change();
  }

  /** Write what the run is doing, and offer what can be done. */
  show() {
    const { main, part, data } = this;
    const { run } = main;
    write(part.why, main.fault || (run ? programme.why(run) : ""));
    part.why.hidden = !part.why.textContent;
    if (!run) return;
    const word = programme.word(run);
    if (part.state.textContent !== word) {
      write(part.state, word);
      part.state.dataset.state = run.state;
      write(part.announce, `${this.name}: ${word}`);
    }
    programme.facts(part.facts, main);
    for (const button of this.buttons) {
      const { deed } = button.dataset;
      const refused = deed !== "open" && !data.mayControl;
      button.hidden = !DEEDS[deed].when(run);
      button.disabled = refused || Boolean(this.pending);
      set(button, "title", refused ? data.refusal : "");
    }
    const alive = run.state === "running" || run.state === "paused";
    part.beta.disabled = !alive || !data.mayControl;
    set(part.beta, "title", data.mayControl ? "The weight of the KL term, from the next epoch on" : data.refusal);
    if (document.activeElement !== part.beta) {
      const beta = run.asked_beta ?? main.last?.beta ?? run.beta;
      const text = String(Number(beta.toPrecision(4)));
      if (part.beta.value !== text) part.beta.value = text;
    }
    if (this.at === null) programme.readings(part.readings, main, Infinity);
  }

  /** Ask for another β; one that is none is told in the box and put back. */
  weigh() {
    const { beta } = this.part;
    if (beta.value !== "" && beta.reportValidity()) this.ask("beta", { beta: Number(beta.value) });
    else if (beta.value === "") this.show();
  }

  ask(deed, more = {}) {
    if (!this.main?.run) return;
    this.tell("order", { run: this.name, deed, ...more });
    if (deed === "beta" || deed === "open") return;
    const before = this.main.run.state;
    this.pending = { shown: (run) => run.state !== before, until: performance.now() + PATIENCE };
    this.show();
    this.main.loop.hurry();
  }

  seek(step) {
    if (!this.film?.frames.length) return;
    this.playing = false;
    this.live = false;
    this.at = Math.max(0, Math.min(step, this.film.known[this.film.known.length - 1][0]));
    this.change();
  }

  play(on) {
    const { film } = this;
    if (!film?.frames.length) return;
    this.playing = on;
    if (on) {
      const end = film.known.length - 1;
      if (this.live || film.placeOf(this.at) >= end - 0.01) this.at = film.stepAt(0);
      this.live = false;
    }
    this.change();
  }

  change() {
    this.frame ||= requestAnimationFrame((now) => this.paint(now));
  }

  paint(now) {
    this.frame = 0;
    const { film, part, main } = this;
    const seconds = Math.min(0.1, (now - (this.before ?? now)) / 1000);
    this.before = now;
    if (!film?.frames.length || !main?.run || this.at === null) return;
    const moving = this.advance(seconds);
    const { batches } = main.run;
    const moment = film.around(this.at);
    const frame = moment.share > 0.999 ? moment.b : moment.a;
    this.scatter.draw(film, moment, this.data.colours);
    this.gallery.show(frame, film.probe);
    programme.legend(part.legend, film.probe.header.classes, this.data.colours);
    programme.grid(part["over-what"], frame);
    programme.readings(part.readings, main, this.live ? Infinity : this.at);
    const end = film.known.length - 1;
    part.time.max = String(end);
    part.time.disabled = part.play.disabled = end < 1;
    part.time.value = String(film.placeOf(this.at));
    programme.ticks(part.epochs, film, Math.max(1, batches));
    const epoch = this.at / Math.max(1, batches);
    write(part.when, `epoch ${epoch.toFixed(epoch < 10 ? 2 : 1)} · step ${Math.round(this.at).toLocaleString("en")}`);
    write(part.play, this.playing ? "❚❚ Hold" : "▶ Replay");
    part.live.hidden = this.live || !["running", "paused", "new"].includes(main.run.state);
    this.curves.place(epoch);
    if (moving) this.change();
    else this.before = undefined;
  }

  /** Move on by so many seconds; whether there is more to come. */
  advance(seconds) {
    const { film } = this;
    if (this.playing) {
      const end = film.known.length - 1;
      const place = Math.min(end, film.placeOf(this.at) + PLAY * seconds);
      this.at = film.stepAt(place);
      if (place >= end) {
        this.playing = false;
        this.live = true;
      }
      return this.playing;
    }
    if (!this.live) return false;
    const target = film.frames[film.frames.length - 1].step;
    if (target <= this.at || lessMotion()) {
      this.at = target;
      return false;
    }
    const from = film.placeOf(this.at);
    const to = film.placeOf(target);
    this.at = to - from < 0.005 ? target : film.stepAt(Math.min(to, from + this.pace * seconds));
    return this.at < target;
  }
}

let theatre = null;

/**
 * Put the theatre under an element, or tell it what the page now says. There is one a page.
 * @param {HTMLElement} parent @param {any} data
 * @param {(name: string, value: any) => void} state @param {(name: string, value: any) => void} trigger
 */
export function show(parent, data, state, trigger) {
  theatre ??= new Theatre();
  if (theatre.root.parentElement !== parent) parent.append(theatre.root);
  theatre.tell = (name, value) => (name === "order" ? trigger : state)(name, value);
  theatre.update(data);
  return theatre;
}
