// One native range input a latent dimension, those that carry most information first.

import { brief, html, set, signed, write, zName } from "../widgets/dom.js";

const SHOWN = 10;

export class Sliders {
  /**
   * @param {HTMLElement} host
   * @param {{slide: (dim: number, value: number) => void, release: () => void,
   *          traverse: (dim: number) => void}} listener
   */
  constructor(host, listener) {
    this.host = host;
    this.listener = listener;
    this.rows = [];
    /** The dimension that is being traversed. @type {number | null} */
    this.playing = null;
    /** What was painted last. @type {Float32Array} */
    this.z = null;
    /** @type {import("../model/vae.js").Posterior} */
    this.posterior = null;
  }

  /** @param {{index: number, kl: number, active: boolean, low: number, high: number}[]} dims */
  setDims(dims) {
    this.playing = null;
    this.rows = dims.map((dim, place) => {
      const name = zName(dim.index);
      const root = html(`
        <div class="slider${dim.active ? "" : " inactive"}">
          <label for="slider-${dim.index}"><b>${name}</b> <output></output></label>
          <span class="kl" title="KL of this x in this dimension; its mean over all images is ${dim.kl.toFixed(2)} nats"></span>
          <button type="button" class="play" aria-pressed="false" aria-label="Traverse ${name}" title="Traverse ${name}">▸</button>
          <div class="range"><i class="band"></i><i class="mu"></i>
            <input type="range" id="slider-${dim.index}" step="0.01" aria-label="${name}"></div>
        </div>`);
      root.hidden = place >= SHOWN;
      const input = root.querySelector("input");
      input.addEventListener("input", () => {
        row.held = true;
        this.listener.slide(dim.index, Number(input.value));
      });
      input.addEventListener("change", () => {
        row.held = false;
        this.listener.release();
      });
      root
        .querySelector(".play")
        .addEventListener("click", () => this.listener.traverse(dim.index));
      const row = {
        root,
        dim,
        input,
        value: root.querySelector("output"),
        kl: root.querySelector(".kl"),
        band: root.querySelector(".band"),
        mu: root.querySelector(".mu"),
        low: dim.low,
        high: dim.high,
        shown: NaN,
        held: false,
      };
      return row;
    });
    const parts = this.rows.map((row) => row.root);
    if (dims.length > SHOWN) {
      const more = html('<button type="button" class="more" aria-expanded="false"></button>');
      const label = (open) =>
        open ? `Only the first ${SHOWN} dimensions` : `All ${dims.length} dimensions`;
      more.textContent = label(false);
      more.addEventListener("click", () => {
        const open = more.getAttribute("aria-expanded") !== "true";
        set(more, "aria-expanded", open);
        more.textContent = label(open);
        this.rows.forEach((row, place) => (row.root.hidden = place >= SHOWN && !open));
        this.paint();
      });
      parts.push(more);
    }
    const rows = Math.min(3, Math.ceil(Math.min(dims.length, SHOWN) / 5));
    this.host.dataset.rows = String(rows);
    this.host.style.setProperty("--columns", String(Math.min(5, dims.length)));
    this.host.replaceChildren(...parts);
  }

  /** Which dimension is being traversed, if one is. @param {number | null} dim */
  setPlaying(dim) {
    if (dim === this.playing) return;
    this.playing = dim;
    for (const { root, dim: own } of this.rows) {
      const button = root.querySelector(".play");
      set(button, "aria-pressed", own.index === dim);
      write(button, own.index === dim ? "■" : "▸");
    }
  }

  /** @param {Float32Array} z @param {import("../model/vae.js").Posterior} posterior */
  paint(z = this.z, posterior = this.posterior) {
    this.z = z;
    this.posterior = posterior;
    for (const row of this.rows) {
      if (row.root.hidden) continue;
      const { dim, input } = row;
      const value = z[dim.index];
      if (value !== row.shown) {
        row.shown = value;
        if (!row.held) {
          // z may be taken beyond every code; its slider goes with it, there and back.
          row.low = Math.min(dim.low, Math.floor(value * 10) / 10);
          row.high = Math.max(dim.high, Math.ceil(value * 10) / 10);
          set(input, "min", row.low);
          set(input, "max", row.high);
        }
        const text = value.toFixed(2);
        if (Number(input.value) !== Number(text)) input.value = text;
        write(row.value, signed(value));
        set(input, "aria-valuetext", text);
      }
      const { mu, std, klPerDim } = posterior;
      const nats = klPerDim[dim.index];
      write(row.kl, dim.active ? `KL ${brief(nats, 2)}` : "inactive");
      const share = (v) => Math.min(1, Math.max(0, (v - row.low) / (row.high - row.low)));
      const [a, m, b] = [-1, 0, 1].map((s) => share(mu[dim.index] + s * std[dim.index]));
      const key = `${a}|${m}|${b}`;
      if (row.key === key) continue;
      row.key = key;
      row.band.style.setProperty("--from", a);
      row.band.style.setProperty("--to", b);
      row.mu.style.setProperty("--from", m);
    }
  }
}
