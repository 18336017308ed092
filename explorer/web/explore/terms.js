// The terms of x at z, in nats: numbers, bars, the KL of each dimension, a trace over time.

import {
  barEnd,
  brief,
  html,
  plotContext,
  round125,
  set,
  watchSize,
  write,
  dimensionName,
} from "../widgets/dom.js";
import { font, typeScale } from "../widgets/type.js";

const SECONDS = 8;
const LARGE = new Intl.NumberFormat("en", { notation: "compact" }); // 1.2M

const row = (kind, name, formula) => `
  <div class="term ${kind}">
    <span class="name">${name} <i>${formula}</i></span><span class="value"></span>
    <div class="track"><i class="bar reconstruction"></i><i class="bar kl"></i></div>
  </div>`;

export class Terms {
  /** @param {HTMLElement} host */
  constructor(host) {
    this.root = html(`
      <div class="terms" role="group" aria-label="terms of x, in nats">
        ${row("reconstruction", "At this z", "−log p(x|z)")}
        <p class="of">This x, over z ~ q(z|x)</p>
        ${row("mean", "Reconstruction", "E[−log p(x|z)]")}
        ${row("kl", "KL", "KL(q(z|x) ‖ p(z))")}
        ${row("sum", "−ELBO", "their sum")}
        <p class="note"></p>
      </div>`);
    host.append(this.root);
    const find = (selector) => this.root.querySelector(selector);
    this.note = find(".note");
    this.parts = {};
    for (const kind of ["reconstruction", "mean", "kl", "sum"]) {
      const line = find(`.term.${kind}`);
      this.parts[kind] = {
        line,
        value: line.querySelector(".value"),
        formula: line.querySelector(".name i"),
        first: line.querySelector(".bar.reconstruction"),
        second: line.querySelector(".bar.kl"),
      };
    }
    find(".term.kl").title = "Exact. It is of x alone: q(z|x) does not change where z moves.";
    /** Where the bars end: one number a model, so that they can be compared. */
    this.end = 1;
    /** Of the likelihood. @type {number | null} */
    this.constant = 0;
    this.unit = "nats";
  }

  /**
   * What the terms are, and how long they usually are.
   * @param {import("../model/vae.js").Vae["likelihood"]} likelihood @param {number} level what they add up to
   */
  setLikelihood({ formula, constant, unit }, level) {
    this.constant = constant;
    this.unit = unit;
    this.end = barEnd(level);
    const { reconstruction, mean, sum } = this.parts;
    const plain = constant === 0;
    write(reconstruction.formula, plain ? "−log p(x|z)" : formula);
    write(mean.formula, plain ? "E[−log p(x|z)]" : `E[${formula}]`);
    const more = constant ? ` ${constant < 0 ? "−" : "+"} ${brief(Math.abs(constant), 1)}` : "";
    write(sum.formula, constant === null ? "no likelihood" : `their sum${more}`);
    const said = constant === null ? "" : ", in nats";
    set(this.root, "aria-label", `terms of x${said}`);
    const end = brief(this.end, 0);
    write(this.note, `Bars end at ${end} ${unit}. The KL is of x alone: z does not move it.`);
  }

  /**
   * @param {{recon: number, kl: number}} now at this z, in the likelihood's unit and in nats
   * @param {{n: number, mean: number, error: number, last: boolean} | null} over the term's mean over q(z|x)
   */
  paint({ recon, kl }, over) {
    const { reconstruction, mean, kl: klPart, sum } = this.parts;
    const width = (/** @type {number} */ value) =>
      `${Math.min(100, Math.max(0, (100 * value) / this.end)).toFixed(2)}%`;
    const claimed = this.constant !== null;
    write(reconstruction.value, brief(recon, 1));
    reconstruction.first.style.width = width(recon);
    reconstruction.first.parentElement.dataset.beyond = String(recon > this.end);
    write(klPart.value, brief(kl, 2));
    klPart.second.style.width = width(kl);
    const total = over ? over.mean + kl : NaN;
    const error = over && over.n > 1 ? ` ± ${brief(over.error, 1)}` : "";
    write(mean.value, over ? `${brief(over.mean, 1)}${error}` : "…");
    const draws = over ? `${over.n} draws` : "draws";
    set(mean.line, "title", `The mean over ${draws} of z from q(z|x), with its standard error.`);
    set(mean.line, "aria-busy", !over?.last); // more draws are on their way
    mean.first.style.width = width(over ? over.mean : 0);
    write(sum.value, !claimed ? "none" : over ? `${brief(total + this.constant, 1)}${error}` : "…");
    sum.first.style.width = width(over && claimed ? Math.min(over.mean, total) : 0);
    sum.second.style.width = width(over && claimed ? (over.mean < 0 ? total : kl) : 0);
  }
}

/** The KL of each dimension, of this x and its mean over all images. */
export class KlBars {
  constructor(host) {
    this.root = html('<div class="kl-bars" role="img"></div>');
    host.append(this.root);
    this.rows = [];
    /** @type {import("../model/blob_types.js").Dimension[]} */
    this.dims = [];
    this.top = 0.1; // the scale's, in nats
  }

  /** @param {import("../model/blob_types.js").Dimension[]} dims in slider order */
  setDims(dims) {
    this.dims = dims.slice(0, 10);
    this.top = Math.max(...dims.map((d) => d.kl), 0.1);
    this.root.replaceChildren(
      html(
        `<p class="note">nats of this x; the mark: mean over all images${
          dims.length > 10 ? `; the first 10 of ${dims.length}` : ""
        }</p>`,
      ),
      ...this.dims.map((d) =>
        html(`<div class="kl-bar${d.active ? "" : " inactive"}"><b></b>
          <div class="track"><i class="bar kl"></i><b class="tick"></b></div><span></span></div>`),
      ),
    );
    this.rows = [...this.root.querySelectorAll(".kl-bar")].map((line, n) => ({
      name: (line.querySelector("b").textContent = dimensionName(this.dims[n])),
      bar: line.querySelector(".bar"),
      tick: line.querySelector(".tick"),
      value: line.querySelector("span"),
    }));
  }

  paint(klPerDim) {
    const top = Math.max(this.top * 1.6, ...this.dims.map((d) => klPerDim[d.index]));
    this.dims.forEach((d, i) => {
      const { bar, tick, value } = this.rows[i];
      bar.style.width = `${(100 * klPerDim[d.index]) / top}%`;
      tick.style.left = `${(100 * d.kl) / top}%`;
      write(value, brief(klPerDim[d.index], 2));
    });
    const said = this.dims.map((d) => `${dimensionName(d)} ${klPerDim[d.index].toFixed(2)}`);
    set(this.root, "aria-label", `KL in nats: ${said.join(", ")}`);
  }
}

/** The terms over the last seconds in which something moved. */
export class Trace {
  /** @param {HTMLCanvasElement} canvas @param {() => void} resized */
  constructor(canvas, resized) {
    this.canvas = canvas;
    watchSize(canvas, resized);
    this.samples = [];
    this.unit = "nats, ";
    this.clock = 0; // seconds of movement; stands still while nothing moves
    this.last = 0;
  }

  clear() {
    this.samples = [];
  }

  /** @param {number} now in milliseconds */
  add(now, { recon, kl }) {
    this.clock += Math.min(0.1, (now - this.last) / 1000);
    this.last = now;
    this.samples.push({ t: this.clock, recon, kl });
    while (this.samples[0].t < this.clock - SECONDS) this.samples.shift();
  }

  /** @param {Record<string, string>} theme colours */
  paint(theme) {
    const { context: c, width, height } = plotContext(this.canvas);
    if (!width) return;
    const left = 34 * typeScale();
    const bottom = height - 16 * typeScale();
    const top = Math.max(...this.samples.map((s) => s.recon + s.kl), 50) * 1.08;
    const low = Math.min(...this.samples.map((s) => s.recon), 0) * 1.08; // a density may be above 1
    const y = (v) => bottom - ((v - low) / (top - low)) * (bottom - 4);
    const x = (t) => width - 4 - ((this.clock - t) / SECONDS) * (width - 4 - left);
    c.font = font(12);
    c.fillStyle = theme.ink;
    c.strokeStyle = theme.grid;
    c.textAlign = "right";
    const step = round125((top - low) / 2.5);
    for (let v = Math.ceil(low / step) * step; v < top; v += step) {
      c.beginPath();
      c.moveTo(left, y(v));
      c.lineTo(width, y(v));
      c.stroke();
      c.fillText(LARGE.format(v + 0).replace("-", "−"), left - 5, y(v) + 4);
    }
    c.textAlign = "center";
    c.fillText(
      `${this.unit}over the last ${SECONDS} s of movement`,
      (left + width) / 2,
      height - 3,
    );
    const [first] = this.samples;
    if (!first) return;
    if (x(first.t) > width - 9) {
      c.fillText("move z: the terms of each place", (left + width) / 2, height / 2);
    }
    const from = Math.min(x(first.t), width - 9); // where z is now, though nothing has moved
    const area = (low, high, colour) => {
      c.beginPath();
      c.lineTo(from, y(high(first)));
      this.samples.forEach((s) => c.lineTo(x(s.t), y(high(s))));
      [...this.samples].reverse().forEach((s) => c.lineTo(x(s.t), y(low(s))));
      c.lineTo(from, y(low(first)));
      c.fillStyle = colour;
      c.fill();
    };
    area(
      () => 0,
      (s) => s.recon,
      theme.reconstruction,
    );
    area(
      (s) => s.recon,
      (s) => s.recon + s.kl,
      theme.kl,
    );
  }
}
