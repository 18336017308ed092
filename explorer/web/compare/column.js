// A model's column on the Compare page: its map, its picture and its terms.

import { FilmStrip } from "../session/film_strip.js";
import { ModelView } from "../session/model_view.js";
import { brief, set, signed, write, zName } from "../widgets/dom.js";
import { paintImage } from "../widgets/image.js";
import { column } from "./layout.js";

const DASHES = ["", "7 4", "2 3", "10 3 2 3"];

export class Column {
  /** @param {any} listener of the view @param {(share: number) => void} go along the walk */
  constructor(listener, go) {
    this.root = column();
    this.view = new ModelView(this.$(".map"), listener, { small: true });
    this.film = new FilmStrip(this.$(".film"), go);
    this.note = "";
  }

  $(selector) {
    return this.root.querySelector(selector);
  }

  /** Write whose column it is. @param {{name: string, note: string}} entry @param {number} n */
  label({ name, note }, n) {
    write(this.$(".name"), name);
    this.note = note;
    write(this.$("header .note"), note);
    set(this.$("header"), "title", `${name}: ${note}`);
    set(this.$(".dash path"), "stroke-dasharray", DASHES[n]);
    set(
      this.view.map.host,
      "aria-label",
      `Map of ${name}. Arrow keys move z in every model, with Shift in fine steps; Enter chooses the nearest image; Home takes each z to its μ.`,
    );
    set(this.root, "data-name", name);
    set(this.root, "aria-label", name);
    this.film.setName(`${name}: `);
  }

  /** Write what the model was trained with. */
  describe() {
    const { likelihood, d } = this.view.vae;
    const { formula, constant } = likelihood;
    this.$(".term.own").classList.toggle("same", constant === 0); // it keeps its line: columns align
    write(this.$(".term.own .name"), formula);
    const trained = "What this model was trained with";
    const words =
      constant === null
        ? `${trained}: a distance, no likelihood`
        : `${trained}; with ${constant.toFixed(1)} it is −log p(x|z) in nats`;
    set(this.$(".term.own"), "title", words);
    this.root.dataset.density = String(this.view.vae.prior.hasDensity);
    write(this.$(".map-message"), d < 2 ? "one latent dimension: no map" : "");
  }

  /** What cross-entropy and KL usually add up to: one scale for the bars of all models. */
  get usual() {
    return this.view.blob.header.level?.bernoulli ?? 100;
  }

  /** @param {number} scale of the bars, in nats @param {boolean} film whether the walk is another one */
  paint(scale, film) {
    const { view } = this;
    const { posterior, vae, along, axes, z, bce } = view;
    if (view.picture) paintImage(this.$("canvas.x-hat"), view.picture, vae.shape);
    const { pace } = view.decoder;
    write(this.$("header .note"), pace ? `${this.note} · ${pace}` : this.note);
    const width = (value) => `${Math.min(100, Math.max(0, (100 * value) / scale)).toFixed(2)}%`;
    const term = (name, value, digits) =>
      write(this.$(`.term.${name} .value`), Number.isFinite(value) ? brief(value, digits) : "");
    term("reconstruction", bce, 1);
    term("kl", vae.prior.hasDensity ? posterior.kl : NaN, 2);
    term("own", view.own, 1);
    this.$(".bar.reconstruction").style.width = width(bce || 0);
    this.$(".bar.kl").style.width = width(posterior.kl);
    const names = along.map((_, k) => (axes.length ? zName(axes[k]) : `PC ${k + 1}`));
    const values = along.map((at) => at.read(z));
    write(this.$(".at"), names.map((name, k) => `${name} ${signed(values[k])}`).join("  "));
    write(this.$(".bound"), this._bound());
    const place = names.map((name, k) => `${name} = ${values[k].toFixed(2)}`).join(", ");
    set(this.$("canvas.x-hat"), "aria-label", `x̂, decoded from ${place}`);
    if (film) this.film.stale = true;
    this.film.paint(view);
  }

  /** The −ELBO of x, where the model has one. */
  _bound() {
    const { over, posterior, vae } = this.view;
    const { constant, title } = vae.likelihood;
    if (!vae.prior.hasDensity) return "no −ELBO: a code is a point";
    if (constant === null) return "no −ELBO: trained with a distance";
    if (!over || over.n < 2) return "";
    const whose = constant === 0 ? "" : `, ${title.split(/[ ,(]/)[0]}:`;
    const total = over.mean + posterior.kl + constant;
    return `−ELBO of x${whose} ${brief(total, 1)} ± ${brief(over.error, 1)}`;
  }
}
