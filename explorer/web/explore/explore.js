// The Explore page: a session of one model, with a slider a dimension and panels for its terms.

import { FilmStrip } from "../session/film_strip.js";
import { Keeper } from "../session/keeper.js";
import { ModelView } from "../session/model_view.js";
import { noteOf } from "../session/notes.js";
import { Session } from "../session/session.js";
import { BETWEEN } from "../session/walk.js";
import { oneOf } from "../widgets/choice.js";
import { dimensionName, set, write } from "../widgets/dom.js";
import { paintImage } from "../widgets/image.js";
import { Formula } from "./formula.js";
import { Inset } from "./inset.js";
import { page } from "./layout.js";
import { paintPosterior } from "./posterior_table.js";
import { Sampler } from "./sampler.js";
import { Sliders } from "./sliders.js";
import { KlBars, Terms, Trace } from "./terms.js";
import { Tour } from "./tour.js";

const CALM = 700; // milliseconds after the first picture until the page moves by itself

class Explore extends Session {
  constructor() {
    super(page());
    this.view = new ModelView(this.$(".map"), this.mapListener, { legend: this.$(".legend") });
    this.scene = ""; // of model and images
    this.news = ""; // of x, until it is told
    /** The z that was drawn last, until the hand is told to let go. @type {Float32Array | null} */
    this.drawn = null;
    /** Whether its terms are still to come. */
    this.uncounted = false;
    this.film = new FilmStrip(this.$(".film"), (share) => {
      this.halt();
      this.go({ kind: "walk", share }, true);
    });
    this.film.setName("");
    this.sliders = new Sliders(this.$(".sliders"), {
      slide: (n, value) => this._slide(n, value),
      release: () => this.settle(),
      traverse: (dim) => {
        this.openTab(this.$("[data-tab=walk]"));
        this.walk.traverse(String(dim));
      },
    });
    this.formula = new Formula(this.root);
    this.terms = new Terms(this.$(".terms-host"));
    this.trace = new Trace(this.$(".trace"), () => this.change("tab"));
    this.klBars = new KlBars(this.$("[data-panel=kl]"));
    // Of a walk and of samples, one plays at a time.
    this.sampler = new Sampler(this.$("[data-panel=sample]"), {
      start: () => {
        this.walk.play(false);
        this.change("play");
      },
      stop: () => this.settle(),
      resized: () => this.change("tab"),
    });
    this.inset = new Inset(this.$(".map"), () => this.change("tab"));
    /** Comes after the page. @type {import("./by_terms.js").ByTerms | null} */
    this.byTerms = null;
    this.tour = new Tour(() => this.settle());
    this.openTab = oneOf(this.$(".tabs"), "aria-selected", (button) =>
      this._open(button.dataset.tab),
    );
    this.keeper = new Keeper(this, "explore", {
      read: () => this.tab,
      open: (tab) => {
        const button = this.$(`[role=tab][data-tab="${CSS.escape(tab)}"]`);
        if (button) this.openTab(button);
      },
    });
  }

  _open(tab) {
    /** @type {NodeListOf<HTMLElement>} */
    const panels = this.root.querySelectorAll("[data-panel]");
    for (const panel of panels) panel.hidden = panel.dataset.panel !== tab;
    if (tab !== "sample") this.sampler.run(false);
    this.change("film");
  }

  get tab() {
    return this.$('[role=tab][data-tab][aria-selected="true"]').dataset.tab;
  }

  get walkShown() {
    return this.tab === "walk";
  }

  viewOf() {
    return this.view;
  }

  async update(data) {
    write(this.$(".map-message"), data.message ?? "");
    await super.update(data);
    this.root.dataset.map = this.view.blob?.header.groups.length ? "there" : "none";
    if (this.view.z) this._nameDecoded();
  }

  /** Another model, or other images: z and x begin where the page says. A drawing outlives another checkpoint. */
  begin(images, models) {
    const { view, data } = this;
    const scene = data.key;
    if (this.byTerms) this.byTerms.setScene(data.terms ?? null, data.root);
    else this.encoders.then(() => this._offerTerms()).catch(() => {}); // without it there is no wall
    if (models) {
      this.sampler.setModel(view.vae);
      this.formula.setModel(view.vae);
      this.trace.unit = view.vae.likelihood.constant === null ? "" : "nats, ";
    }
    this.terms.setLikelihood(view.vae.likelihood, view.blob.header.level?.own ?? 100);
    if (scene === this.scene) return;
    this.scene = scene;
    this.report.known = "";
    this.root.dataset.dims = view.dims.length > 4 ? "many" : "few";
    this.root.dataset.encoder = view.vae.encodes ? "there" : "none";
    this.root.dataset.density = String(view.vae.hasPosterior);
    const own = view.vae.encodes ? "μ" : "code";
    write(this.$(".back"), `z ← ${own}`);
    write(this.$(".posterior b"), view.vae.hasPosterior ? "q(z|x)" : "code of x");
    if (!view.vae.encodes) this.openTab(this.$("[data-tab=walk]"));
    this.sliders.density = view.vae.hasPosterior;
    this.sliders.setDims(view.dims, view.coordinates);
    this.klBars.setDims(view.dims.filter(({ share }) => share === undefined));
    const continuous = view.dims.filter(({ choice }) => !choice);
    this.walk.setPaths([
      ...BETWEEN,
      ...continuous.map((dim) => ({
        value: String(dim.index),
        label: `traverse ${dimensionName(dim)}`,
        traverses: true,
      })),
    ]);
    this.trace.clear();
    const { image, z } = data.start;
    const drawn = (this.input.pad.active || this.input.taken) && !images;
    if (!drawn) this.input.pad.deactivate();
    this.setInput(drawn ? this.x : this.pictures.get(image), drawn ? this.image : image);
    if (!drawn && z) this.go({ kind: "code", z: Float32Array.from(z) });
    this.keeper.restore();
    if (data.alive) this._showAlive().catch(() => this.tour.stop());
    else this.tour.stop();
  }

  /** The wall, and the map's other colours. */
  async _offerTerms() {
    const { ByTerms } = await import("./by_terms.js");
    this.byTerms ??= new ByTerms(this, () => this.view);
    this.byTerms.setScene(this.data.terms ?? null, this.data.root);
  }

  /** Nobody has said what to show: the classes, one after the other. */
  async _showAlive() {
    const { view, pictures, tour } = this;
    if (!tour.prepare()) return;
    await new Promise((done) => setTimeout(done, CALM)); // the first picture is there before it moves
    if (tour.touched || pictures !== this.pictures) return tour.stop();
    if (view.vae.d === 2) this.showManifold(true);
    await Promise.all(this.typical.map((image) => pictures.ready(image)));
    if (!this.typical.every((image) => this.knows(image))) await this.encoders;
    if (pictures !== this.pictures) return tour.stop();
    tour.begin(
      this.typical.map((image) => ({ image, z: view.posteriorOf(pictures.get(image)).mu })),
    );
    this.change("play");
  }

  // --- what hands do ----------------------------------------------------------------------------

  halt() {
    super.halt();
    this.sampler?.run(false);
    this.drawn = null;
    this.uncounted = false;
  }

  setInput(x, image) {
    // The server knows of images only: a drawing keeps the number of the one before.
    super.setInput(x, image ?? this.image);
    this.sampler.reset();
  }

  /** Put z's place along a slider. @param {number} n its number @param {number} value */
  _slide(n, value) {
    this.halt();
    const z = this.view.z.slice();
    this.view.coordinates[n].write(z, value);
    this.go({ kind: "code", z });
  }

  traversal(view) {
    const n = view.dims.findIndex(({ index }) => String(index) === this.walk.path);
    if (n < 0) return null;
    const { index, low, high } = view.dims[n];
    return {
      dim: index,
      at: view.coordinates[n],
      value: (share) => low + share * (high - low),
      share: (value) => Math.min(1, (value - low) / (high - low)),
    };
  }

  get goesOn() {
    return this.keeper.waits;
  }

  get reported() {
    const z = [...this.view.z].map((v) => Number(v.toFixed(4)));
    return { key: this.data.key, image: this.image, z, drawn: this.keeper.drawn };
  }

  // --- a frame ----------------------------------------------------------------------------------

  /** @returns {import("../session/model_view.js").Where | null} */
  nextWhere(now) {
    if (this.uncounted) return null;
    const stop = this.tour.next(now);
    if (stop) {
      if (stop.image !== null) this.setInput(this.pictures.get(stop.image), stop.image);
      return { kind: "code", z: stop.z };
    }
    const z = this.sampler.next(now, this.view.vae, this.view.posterior);
    this.drawn = z ?? this.drawn;
    this.uncounted = Boolean(z);
    return z && { kind: "code", z };
  }

  paintPage(now, dirty) {
    const { view, walk } = this;
    const { vae, posterior } = view;
    const recon = view.own;
    const terms = { recon, kl: posterior.kl };
    if (dirty.has("z") || dirty.has("x") || dirty.has("picture")) {
      if (this.uncounted && view.current) {
        this.sampler.add(recon, vae.logRatio(view.z, posterior));
        this.uncounted = false;
      }
      if (view.picture) paintImage(this.$("canvas.x-hat"), view.picture, vae.shape);
      if (Number.isFinite(recon)) this.trace.add(now, terms);
      write(this.$(".pace"), view.decoder.pace);
    }
    if (dirty.has("x") || dirty.has("mean")) this._paintInput();
    if (dirty.has("x")) this.byTerms?.paintX();
    this.sliders.paint(view.z, posterior);
    const along = walk.playing ? this.traversal(view) : null;
    this.sliders.setPlaying(along ? along.dim : null);
    if (Number.isFinite(recon)) this.terms.paint(terms, view.over);
    this.formula.paint(view.over, posterior.kl);
    write(
      this.$(".map-note .text"),
      this.waiting ||
        this.lasso.text ||
        this._hint ||
        noteOf(view, this.mode, view.map.manifold.on),
    );
    this.$(".centre").hidden = !this.lasso.text;
    this.inset.paint(view, this.sampler.draws, this.colours);
    this._paintTab(dirty.has("film"));
    if (dirty.has("settle") || dirty.has("x") || (dirty.has("picture") && view.current))
      this._describe(terms);
    if (this.sampler.active || this.tour.active) this.change("play");
    else if (this.drawn && !this.uncounted) {
      this.drawn = null; // one draw is a release
      queueMicrotask(() => this.settle());
    }
  }

  get _hint() {
    if (this.tour.active) return "From class to class: touch anything, and z is yours.";
    return this.byTerms?.hint ?? "";
  }

  _paintInput() {
    const { vae, atMean } = this.view;
    const noun = vae.encodes ? "image" : "code";
    const words = this.input.paint(this.x, this.image, this.pictures, noun);
    this.news = `x: ${words}; `;
    const [seen, recon] = [this.$("canvas.seen"), this.$("canvas.recon")];
    paintImage(seen, this.x, this.pictures.shape);
    if (atMean) paintImage(recon, atMean, vae.shape);
    set(seen, "aria-label", `x as the encoder sees it: ${words}`);
    set(recon, "aria-label", "its reconstruction, decoded from the mean of q(z|x)");
    paintPosterior(this.$("table.posterior tbody"), this.view);
  }

  _paintTab(film) {
    const { tab, view, colours } = this;
    if (film) this.film.stale = true;
    if (tab === "trace") this.trace.paint(colours);
    else if (tab === "kl") this.klBars.paint(view.posterior.klPerDim);
    else if (tab === "sample") this.sampler.paint(colours, view.posterior.kl, view.over);
    else this.film.paint(view);
  }

  get _zInWords() {
    const shown = [...this.view.z].slice(0, 10);
    return shown.map((v) => v.toFixed(2)).join(", ");
  }

  /** x̂'s name: where it is from, and what a classifier sees in it where the server has said so of this z. */
  _nameDecoded() {
    const { words, z } = this.data.sees ?? { words: "", z: [] };
    const same = words && z.every((v, i) => Math.abs(v - this.view.z[i]) < 1e-3);
    const seen = same ? `; a classifier sees ${words}` : "";
    set(this.$("canvas.x-hat"), "aria-label", `x̂, decoded from z = (${this._zInWords})${seen}`);
  }

  _describe({ recon, kl }) {
    const z = this._zInWords;
    this._nameDecoded();
    const { encodes, hasPosterior } = this.view.vae;
    const terms = encodes ? `; reconstruction ${recon.toFixed(1)}` : "";
    write(
      this.$(".announce"),
      `${this.news}z = (${z})${terms}${hasPosterior ? `, KL ${kl.toFixed(2)} nats` : ""}`,
    );
    this.news = "";
  }
}

/** @type {Explore | null} */
let explore = null;

/**
 * Put the stage into `parent` and show `data`. There is one, however often this is called: what it shows
 * outlives its place on the page.
 * @param {HTMLElement} parent @param {any} data @param {(name: string, value: any) => void} send
 */
export function show(parent, data, send) {
  explore ??= new Explore();
  if (explore.root.parentElement !== parent) parent.append(explore.root);
  explore.report.send = (view) => send("view", view);
  explore.update(data);
  return explore;
}
