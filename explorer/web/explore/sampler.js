// Draws z ~ q(z|x) again and again: the one-sample terms, and their mean on its way to the exact one.

import { html, lessMotion, plotContext, signed, watchSize, write } from "../widgets/dom.js";
import { font, typeScale } from "../widgets/type.js";
import { Running, normals } from "../model/random.js";

const SLOW = 600; // milliseconds between two draws for those who asked for less motion
const KEPT = 4096;
const KEPT_DRAWS = 1000;

/**
 * The ε of a draw z = μ + σ·ε, in words; "" of another family.
 * @param {Float32Array} z @param {import("../model/vae.js").Posterior} posterior @param {import("../model/vae.js").Vae} vae
 */
function noiseOf(z, { mu, std }, vae) {
  if (vae.prior.drawn !== "ε") return "";
  const d = vae.d - (vae.prior.choices?.length ?? 0);
  const values = Array.from(z.subarray(0, Math.min(d, 4)), (v, i) => signed((v - mu[i]) / std[i]));
  return `ε = (${values.join(", ")}${d > 4 ? ", …" : ""}). `;
}

export class Sampler {
  /** @param {HTMLElement} host @param {{start: () => void, stop: () => void, resized: () => void}} listener */
  constructor(host, listener) {
    this.root = html(`
      <div class="sampler">
        <div class="buttons">
          <button type="button" class="draw">Draw</button>
          <button type="button" class="go" aria-pressed="false">Keep drawing</button>
          <button type="button" class="reset">Start again</button>
        </div>
        <canvas class="plot-kl" role="img"></canvas>
        <canvas class="plot-reconstruction" role="img"></canvas>
        <p class="note said"></p>
      </div>`);
    host.append(this.root);
    const find = (name) => this.root.querySelector(name);
    for (const canvas of this.root.querySelectorAll("canvas")) watchSize(canvas, listener.resized);
    this.canvases = { kl: find(".plot-kl"), reconstruction: find(".plot-reconstruction") };
    this.goButton = find(".go");
    this.said = find(".said");
    this.first = this.term = this.unit = "";
    this.listener = listener;
    this.normal = normals();
    this.wanted = 0; // draws asked for one at a time
    this.running = false;
    this.due = 0;
    this.sums = { kl: new Running(), reconstruction: new Running() };
    /** The newest draws of z. @type {Float32Array[]} */
    this.draws = [];
    /** The newest ε, in words. */
    this.noise = "";
    /** The means after n draws. @type {{n: number, kl: number, reconstruction: number}[]} */
    this.curve = [];
    find(".draw").addEventListener("click", () => {
      this.wanted += 1;
      this.listener.start();
    });
    this.goButton.addEventListener("click", () => this.run(!this.running));
    find(".reset").addEventListener("click", () => {
      this.reset();
      this.listener.start();
    });
  }

  /** What a draw is, and what its terms are. @param {import("../model/vae.js").Vae} vae */
  setModel({ prior, likelihood }) {
    write(this.root.querySelector(".draw"), `Draw ${prior.drawn}`);
    this.first = `${prior.draw}: each draw is one sample of both terms.`;
    this.term = likelihood.constant === 0 ? "−log p(x|z)" : likelihood.formula;
    this.unit = likelihood.constant === null ? "" : " nats";
    this.reset();
  }

  get active() {
    return this.running || this.wanted > 0;
  }

  run(on) {
    if (this.running === on) return;
    this.running = on;
    this.goButton.setAttribute("aria-pressed", String(on));
    write(this.goButton, on ? "Stop" : "Keep drawing");
    if (on) this.listener.start();
    else this.listener.stop();
  }

  /** Forget the draws: x or the model is another one. */
  reset() {
    this.sums = { kl: new Running(), reconstruction: new Running() };
    this.curve = [];
    this.draws = [];
    this.noise = "";
    write(this.said, this.first);
  }

  /** A new z, where one is due. @returns {Float32Array | null} */
  next(now, vae, posterior) {
    if (this.wanted > 0) this.wanted -= 1;
    else if (!this.running || now < this.due) return null;
    this.due = lessMotion() ? now + SLOW : 0;
    const z = vae.sample(posterior, this.normal);
    this.draws.push(z);
    if (this.draws.length > 2 * KEPT_DRAWS) this.draws.splice(0, KEPT_DRAWS);
    this.noise = noiseOf(z, posterior, vae);
    return z;
  }

  /** Take the terms of a draw. */
  add(recon, logRatio) {
    const { kl, reconstruction } = this.sums;
    reconstruction.add(recon);
    kl.add(logRatio);
    const point = { n: kl.n, kl: kl.mean, reconstruction: reconstruction.mean };
    this.curve.push(point);
    // A long run is thinned, not cut: its beginning is what there is to see.
    if (this.curve.length > KEPT) this.curve = this.curve.filter((_, i) => i % 2 || i < 64);
  }

  /**
   * @param {Record<string, string>} theme
   * @param {number} exactKl the closed form
   * @param {{mean: number, error: number, n: number} | null} over from the worker's many draws
   */
  paint(theme, exactKl, over) {
    const { kl, reconstruction } = this.sums;
    this._plot(this.canvases.kl, theme, "kl", theme.kl, exactKl, "closed form", "mean KL sample");
    this._plot(
      this.canvases.reconstruction,
      theme,
      "reconstruction",
      theme.reconstruction,
      over?.mean,
      over ? `${over.n} other draws` : "",
      "mean reconstruction",
    );
    if (!kl.n) return;
    const pm = (r, digits) =>
      `${r.mean.toFixed(digits)}${r.n > 1 ? ` ± ${r.error.toFixed(digits)}` : ""}`;
    write(
      this.said,
      `${this.noise}n = ${kl.n.toLocaleString("en")}: log q(z|x) − log p(z) averages ${pm(kl, 2)} → KL ` +
        `${exactKl.toFixed(2)}; ${this.term} ${pm(reconstruction, 1)}${this.unit}.`,
    );
  }

  _plot(canvas, theme, what, colour, target, targetName, title) {
    const { context: c, width, height } = plotContext(canvas);
    if (!width) return;
    c.font = font(12);
    const values = this.curve.map((p) => p[what]).filter(Number.isFinite);
    if (target !== undefined) values.push(target);
    if (!values.length) return;
    const sum = this.sums[what];
    const reach = Number.isFinite(sum.error) ? 4 * sum.error : 1;
    const last = sum.n ? sum.mean : target;
    // The first draws may be far out; the scale is made for where the mean is going.
    let low = Math.min(last - reach, target ?? last);
    let high = Math.max(last + reach, target ?? last);
    const spread = Math.max(high - low, 0.02 * Math.abs(last), 0.05);
    low -= 0.15 * spread;
    high += 0.15 * spread;
    const n = Math.max(2, sum.n);
    const x = (k) => 6 + (Math.log(k) / Math.log(n)) * (width - 12);
    const y = (v) => height - 4 - ((v - low) / (high - low)) * (height - 22);
    if (target !== undefined) {
      c.setLineDash([5, 4]);
      c.strokeStyle = theme.ink;
      c.beginPath();
      c.moveTo(6, y(target));
      c.lineTo(width - 6, y(target));
      c.stroke();
      c.setLineDash([]);
    }
    c.save();
    c.beginPath();
    c.rect(0, 18, width, height - 18);
    c.clip();
    c.strokeStyle = colour;
    c.lineWidth = 2;
    c.beginPath();
    this.curve.forEach((p) => c.lineTo(x(p.n), y(p[what])));
    c.stroke();
    c.restore();
    c.fillStyle = colour;
    c.fillText(title, 6, 12);
    c.fillStyle = theme.ink;
    c.font = font(10);
    const digits = high - low < 2 ? 2 : 1;
    c.fillText(high.toFixed(digits), 6, 26);
    if (height > 26 + 14 * typeScale()) c.fillText(low.toFixed(digits), 6, height - 4);
    c.font = font(12);
    c.textAlign = "right";
    if (target !== undefined)
      c.fillText(`${targetName} ${target.toFixed(what === "kl" ? 2 : 1)}`, width - 6, 12);
    c.textAlign = "left";
    canvas.setAttribute("aria-label", `${title} over ${sum.n} draws`);
  }
}
