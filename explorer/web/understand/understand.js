// The Understand page: a walk through the theory of Kingma & Welling (2014), each step with the numbers of the
// model on show and of the x that was chosen or drawn.

import { ExactWorker } from "../session/exact_worker.js";
import { InputPanel } from "../session/input_panel.js";
import { LOST, keptDrawing, keepDrawing } from "../session/keeper.js";
import { LoadedPage } from "../session/loaded_page.js";
import { Report } from "../session/report.js";
import { set, write } from "../widgets/dom.js";
import { loadKatex } from "../widgets/math.js";
import { Symbols } from "../session/symbols.js";
import { Aggregate } from "./aggregate.js";
import { Bounds } from "./bounds.js";
import { Gradients } from "./gradients.js";
import { Identity } from "./identity.js";
import { Integral } from "./integral.js";
import { page } from "./layout.js";
import { Likelihoods } from "./likelihoods.js";
import { PosteriorSection } from "./posterior.js";
import { Steps } from "./steps.js";
import { Generative } from "./generative.js";
import { Story } from "./story.js";
import { TwoTerms } from "./terms.js";
import { numeral, refusalOf } from "./section.js";

/** @typedef {import("./section.js").Section} Section */
/** @typedef {import("../model/vae.js").Posterior} Posterior */
/** @typedef {import("../model/exact.js").Evidence} Evidence */

const SECTIONS = [
  Generative,
  Integral,
  PosteriorSection,
  Identity,
  TwoTerms,
  Gradients,
  Bounds,
  Aggregate,
  Likelihoods,
];

export class Understand extends LoadedPage {
  blob = null;
  exact = null;
  constructor() {
    super(page(SECTIONS.map(({ label }) => label)));
    /** @type {Section[]} */
    this.sections = SECTIONS.map((Kind) => new Kind(this));
    this.report = new Report();
    /** @type {Section} */
    this.section = null;
    /** @type {Float32Array} */
    this.x = null;
    /** The number of the image that x is, or was before it was drawn. */
    this.image = 0;
    /** q(z|x), the encoder's. @type {Posterior} */
    this.posterior = null;
    /** Where the ring is, in all sections. @type {Float32Array} */
    this.z = null;
    /** log p(x) and p(z|x) of x; null while they are computed. @type {Evidence | null} */
    this.evidence = null;
    this.asked = null; // the x of which they have been asked
    /** @type {Record<string, string>} */
    this.theme = {};
    /** @type {Set<string>} */
    this.dirty = new Set();
    this.frame = 0;
    this.scene = "";
    this.restored = false;
    this.input = new InputPanel(this.root, {
      choose: (image) => this.choose(image),
      drawing: () => this._draw(),
      drawn: () => this.settle(),
      taken: (x) => this.whenThere(null, () => this.setInput(x, null, true)),
      fault: (sentence) => this.fault(sentence),
      x: () => this.x,
    });
    this.symbols = new Symbols(this.root, () => this.change("symbol"));
    this.story = new Story(this);
    this.steps = new Steps(this.root, (n) => this.show(n));
    addEventListener(
      "pagehide",
      () => this.x && keepDrawing("understand", this.drawn ? this.x : null),
    );
  }

  // --- the page ---------------------------------------------------------------------------------

  get vae() {
    return this.vaes[0];
  }

  /** Why log p(x) cannot be computed by quadrature; "" where it can. */
  get refusal() {
    return refusalOf(this.vae);
  }

  /** Whether there is a bound on log p(x) at all. */
  get bounded() {
    const { likelihood, hasPosterior, prior } = this.vae;
    return likelihood.constant !== null && hasPosterior && !prior.choices?.length;
  }

  take(data, pictures, loaded, theme) {
    this.root.dataset.theme = theme;
    const [{ entry, blob }] = loaded;
    const others = pictures !== this.pictures;
    this.pictures = pictures;
    this.blob = blob;
    this.theme = blob.header.themes[theme];
    if (others) this.input.setTypical(data.typical, pictures);
    const scene = `${data.key} ${entry.model}`;
    if (scene !== this.scene) {
      this.scene = scene;
      this.exact?.close();
      this.exact = this.bounded
        ? new ExactWorker(
            new URL(data.worker, data.root).href,
            new URL(entry.model, data.root).href,
            (sentence) => this.fault(sentence),
          )
        : null;
      this.asked = this.evidence = null;
      this.z = null;
      const drawn = !others && this.input.pad.active;
      this._first(data, drawn);
    }
    loadKatex(new URL(data.katex, data.root).href).then(
      (katex) => this.story.use(katex),
      (error) => this.fault(error.message),
    );
    this.steps.open((data.start.section ?? 1) - 1);
    this.change("theme").change("x");
    const fetch = () => this.fetchOthers(() => this._missing());
    if (others) this.encoders.then(fetch, () => {});
  }

  _first(data, drawn) {
    if (drawn) return this.setInput(this.x, this.image, true);
    const kept = this.restored ? null : keptDrawing("understand", this.pictures.shape.size);
    this.restored = true;
    const { image } = data.start;
    this.image = image;
    this.setInput(this.pictures.get(image), image);
    if (!data.drawn) return;
    if (kept) {
      this.input.taken = true;
      this.setInput(kept, null, true);
    } else queueMicrotask(() => this.fault(LOST)); // after the page has said that all is well
  }

  get goesOn() {
    return !this.restored && Boolean(this.data.drawn);
  }

  _missing() {
    const { pictures } = this;
    for (let n = 0; n < pictures.count; n++) if (!pictures.has(n)) return n;
    return -1;
  }

  comeBack(data) {
    super.comeBack(data);
    if (data.start.image !== this.image && !this.drawn) this.scene = this.shown = "";
    else if (this.section) this._begin();
  }

  /** Whether x is none of the images. */
  get drawn() {
    return Boolean(this.x) && this.pictures.numberOf(this.x) === undefined;
  }

  // --- sections ---------------------------------------------------------------------------------

  show(n) {
    const next = this.sections[n];
    if (!next || !this.x || next === this.section) return;
    this.section?.leave();
    this.section = next;
    this.root.dataset.section = String(n + 1);
    this._begin();
    this.settle();
  }

  /** The section begins, with this model. */
  _begin() {
    const { section } = this;
    this.story.show(section);
    section.start();
    this._ask();
    this.change("x");
  }

  // --- x ----------------------------------------------------------------------------------------

  choose(image) {
    this.input.pad.deactivate();
    this.input.taken = false;
    this.whenThere(image, () => this.setInput(this.pictures.get(image), image, true));
  }

  _draw() {
    const { pad } = this.input;
    if (!pad.empty) this.whenThere(null, () => this.setInput(pad.image(), null));
    this.change("x");
  }

  /** @param {Float32Array} x @param {number | null} image @param {boolean} [done] whether the hand lets go with it */
  setInput(x, image, done = false) {
    this.x = x;
    this.image = image ?? this.image;
    this.posterior = this.vae.encode(x, this.vae.labelsIn(new Float32Array(this.vae.d)), image);
    this.z = this.posterior.mu.slice();
    this.evidence = null;
    if (this.section && !this.section.refusal) this.section.input();
    this._ask();
    this.change("x");
    if (done) this.settle();
  }

  /** Have log p(x) and p(z|x) computed where the section shows them. */
  _ask() {
    const { section, x, exact } = this;
    if (!section?.exact || !exact || this.refusal) return;
    if (this.evidence) return section.found();
    if (this.asked === x) return;
    this.asked = x;
    this._work(0);
    exact
      .evidence(x, (share) => this.asked === x && this._work(share))
      .then(
        (found) => {
          if (!found || x !== this.x) return;
          this.evidence = found;
          this._work(1);
          this.section.found();
          this.change("evidence");
        },
        (error) => this.fault(error.message),
      );
  }

  /** How much of log p(x) is done. @param {number} share */
  _work(share) {
    this.root.dataset.exact = share < 1 ? "working" : "there";
    write(
      this.$(".working"),
      share < 1 ? `Computing log p(x) over the whole plane … ${Math.round(100 * share)} %` : "",
    );
  }

  /** x̂ at z, and log p(x|z). @param {Float32Array} z @returns {{picture: Float32Array, log: number}} */
  decode(z) {
    const { vae } = this;
    const output = vae.decode(z);
    const log = -vae.reconstruction(output, this.x) - (vae.likelihood.constant ?? 0);
    return { picture: vae.mean(output), log };
  }

  /** A q of the model's family with a mean and a standard deviation in each dimension. @param {ArrayLike<number>} mean @param {ArrayLike<number>} std @returns {Posterior} */
  qOf(mean, std) {
    const { prior } = this.vae;
    const found = prior.withMoments(Float32Array.from(mean), Float32Array.from(std));
    const klPerDim = prior.kl(found);
    return { ...found, klPerDim, kl: klPerDim.reduce((a, b) => a + b, 0) };
  }

  // --- a frame ----------------------------------------------------------------------------------

  settle() {
    this.report.update({
      key: this.data.key,
      image: this.image,
      section: this.sections.indexOf(this.section) + 1,
      drawn: this.drawn,
    });
  }

  changed() {
    if (this.section) this.change("note");
  }

  change(what) {
    this.dirty.add(what);
    this.frame ||= requestAnimationFrame((now) => this._paint(now));
    return this;
  }

  _paint(now) {
    this.frame = 0;
    const { dirty, section } = this;
    this.dirty = new Set();
    if (!section || !this.x) return;
    if (dirty.has("x") || dirty.has("theme")) this._paintInput();
    if (!section.refusal) section.paint(now, dirty);
    this.story.paint(dirty);
  }

  _paintInput() {
    const words = this.input.paint(this.x, this.drawn ? null : this.image, this.pictures);
    const { mu, std } = this.posterior;
    const list = (values, digits) => [...values].slice(0, 4).map((v) => numeral(v, digits));
    const more = mu.length > 4 ? ", …" : "";
    write(
      this.$(".code"),
      `μ = (${list(mu, 2).join(", ")}${more})` +
        (this.vae.hasPosterior ? `  σ = (${list(std, 3).join(", ")}${more})` : ""),
    );
    write(this.$(".announce"), `x: ${words}${this.waiting ? `. ${this.waiting}` : ""}`);
  }

  /** The symbol that is asked about, in the text or in the picture. */
  get lit() {
    return this.root.dataset.symbol ?? null;
  }

  /** A part of the picture is under the pointer: its symbols stand out. @param {string | null} key */
  light(key) {
    if ((this.root.dataset.lit ?? null) === key) return;
    if (key) this.root.dataset.lit = key;
    else delete this.root.dataset.lit;
    for (const symbol of this.root.querySelectorAll("[data-symbol]"))
      set(symbol, "data-lit", symbol.getAttribute("data-symbol") === key);
  }

  pause() {
    this.away = true;
    this.section?.leave();
    this.report.send = () => {};
  }
}

/** @type {Understand | null} */
let understand = null;

/**
 * Put the walk into `parent` and show `data`.
 * @param {HTMLElement} parent @param {any} data @param {(name: string, value: any) => void} send
 */
export function show(parent, data, send) {
  understand ??= new Understand();
  if (understand.root.parentElement !== parent) parent.append(understand.root);
  understand.report.send = (view) => send("view", view);
  understand.update(data);
  return understand;
}
