// The terms of x at z, in nats: numbers, bars, the KL of each dimension, a trace over time.

import {
  brief,
  html,
  plotContext,
  round125,
  set,
  watchSize,
  write,
  dimensionName,
} from "../widgets/dom.js";

const SECONDS = 8;
const LARGE = new Intl.NumberFormat("en", { notation: "compact" }); // 1.2M

const row = (kind, name, note) => `
  <div class="term ${kind}">
    <span class="name">${name}</span><span class="value"></span>
    <div class="track"><i class="bar reconstruction"></i><i class="bar kl"></i><b class="tick" title="mean over z ~ q(z|x)"></b></div>
    <span class="note">${note}</span>
  </div>`;

export class Terms {
  /** @param {HTMLElement} host */
  constructor(host) {
    this.root = html(`
      <div class="terms" role="group" aria-label="terms of x at this z, in nats">
        ${row("reconstruction", "Reconstruction", "−log p(x|z) at this z")}
        ${row("kl", "KL", "KL(q(z|x) ‖ p(z)), exact")}
        ${row("sum", "Their sum", "")}
      </div>`);
    host.append(this.root);
    this.parts = {};
    for (const kind of ["reconstruction", "kl", "sum"]) {
      const line = this.root.querySelector(`.term.${kind}`);
      const find = (what) => line.querySelector(what);
      this.parts[kind] = {
        value: find(".value"),
        first: find(".bar.reconstruction"),
        second: find(".bar.kl"),
        tick: find(".tick"),
        note: find(".note"),
      };
    }
    this.scale = 1;
    /** Of the likelihood. @type {number | null} */
    this.constant = 0;
  }

  /** What the reconstruction term is. @param {import("../model/vae.js").Vae["likelihood"]} likelihood */
  setLikelihood({ formula, constant }) {
    this.constant = constant;
    const words =
      constant === 0
        ? "−log p(x|z) at this z"
        : constant === null
          ? `${formula}: a distance, no likelihood`
          : `${formula}; with ${constant.toFixed(1)}, −log p(x|z)`;
    write(this.parts.reconstruction.note, words);
    set(this.root, "aria-label", `terms of x at this z${constant === null ? "" : ", in nats"}`);
  }

  /**
   * @param {{recon: number, kl: number}} now at this z, nats
   * @param {{n: number, mean: number, error: number} | null} over −E_q log p(x|z), from the worker
   */
  paint({ recon, kl }, over) {
    const { reconstruction, kl: klPart, sum } = this.parts;
    // One scale for all bars. It follows x, not z, so that a bar's length can be compared over a
    // drag; only a reconstruction that leaves the scale stretches it.
    const usual = over ? 1.6 * (over.mean + kl) : recon + kl;
    const stretched = Math.max(usual, recon + kl, kl, 1); // a density may be above 1
    const step = round125(stretched / 4);
    this.scale = over && stretched === usual ? usual : Math.ceil(stretched / step) * step;
    const width = (value) => `${Math.max(0, (100 * value) / this.scale).toFixed(2)}%`;
    write(reconstruction.value, brief(recon, 1));
    write(klPart.value, brief(kl, 2));
    write(sum.value, brief(recon + kl, 1));
    reconstruction.first.style.width = sum.first.style.width = width(recon);
    klPart.second.style.width = width(kl);
    sum.second.style.width = width(recon < 0 ? recon + kl : kl);
    const ticks = [
      [klPart.tick, null],
      [reconstruction.tick, over?.mean],
      [sum.tick, over && over.mean + kl],
    ];
    for (const [tick, value] of ticks) {
      tick.hidden = value === undefined || value === null;
      if (!tick.hidden) tick.style.left = width(value);
    }
    const claimed = this.constant !== null;
    const mean = over && brief(over.mean + kl + (this.constant ?? 0), 1);
    if (over)
      write(
        sum.note,
        `over q(z|x): ${claimed ? "−ELBO " : ""}${mean} ± ${brief(over.error, 1)} (${over.n} draws)`,
      );
    else
      write(
        sum.note,
        claimed ? "its mean over z ~ q(z|x) gives −ELBO" : "no −ELBO: the first is a distance",
      );
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
    const left = 34;
    const bottom = height - 16;
    const top = Math.max(...this.samples.map((s) => s.recon + s.kl), 50) * 1.08;
    const low = Math.min(...this.samples.map((s) => s.recon), 0) * 1.08; // a density may be above 1
    const y = (v) => bottom - ((v - low) / (top - low)) * (bottom - 4);
    const x = (t) => width - 4 - ((this.clock - t) / SECONDS) * (width - 4 - left);
    c.font = "12px sans-serif";
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
    if (this.samples.length < 2) {
      c.fillText("move z: the terms of each place", (left + width) / 2, height / 2);
      return;
    }
    const area = (low, high, colour) => {
      c.beginPath();
      this.samples.forEach((s) => c.lineTo(x(s.t), y(high(s))));
      [...this.samples].reverse().forEach((s) => c.lineTo(x(s.t), y(low(s))));
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
