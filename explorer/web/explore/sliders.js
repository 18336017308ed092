// One native range input a latent dimension, those that carry most information first; and the choices.

import { brief, dimensionName, html, set, signed, write } from "../widgets/dom.js";
import { OptionsRow } from "../widgets/options_row.js";

const SHOWN = 10;

export class Sliders {
  /**
   * @param {HTMLElement} host
   * @param {{slide: (n: number, value: number) => void, release: () => void,
   *          traverse: (dim: number) => void}} listener of the n-th slider
   */
  constructor(host, listener) {
    this.host = host;
    this.listener = listener;
    this.rows = [];
    /** The choices' rows. @type {{row: OptionsRow, dim: import("../model/blob_types.js").Dimension}[]} */
    this.choices = [];
    /** Whether there is a KL. */
    this.density = true;
    /** The dimension that is being traversed. @type {number | null} */
    this.playing = null;
    /** What was painted last. @type {Float32Array} */
    this.z = null;
    /** @type {import("../model/vae.js").Posterior} */
    this.posterior = null;
  }

  /**
   * @param {import("../model/blob_types.js").Dimension[]} dims
   * @param {import("../model/coordinates.js").Coordinate[]} coordinates what each of them moves
   */
  setDims(dims, coordinates) {
    this.playing = null;
    const ranges = dims.flatMap((dim, n) => (dim.choice ? [] : [n]));
    this.rows = ranges.map((n, place) => this._range(dims[n], coordinates[n], n, place));
    this.choices = dims.flatMap((dim, n) => {
      if (!dim.choice) return [];
      const row = new OptionsRow(dim.choice, (option) => {
        this.listener.slide(n, option);
        this.listener.release();
      });
      return [{ row, dim }];
    });
    this._arrange();
  }

  /** @param {import("../model/blob_types.js").Dimension} dim @param {import("../model/coordinates.js").Coordinate} at @param {number} n @param {number} place in the list */
  _range(dim, at, n, place) {
    const name = dimensionName(dim);
    const about =
      dim.share === undefined
        ? `KL of this x in this dimension; its mean over all images is ${dim.kl.toFixed(2)} nats`
        : `this principal component has ${(100 * dim.share).toFixed(1)} % of the codes' variance`;
    const root = html(`
      <div class="slider${dim.active ? "" : " inactive"}">
        <label for="slider-${dim.index}"><b>${name}</b> <output></output></label>
        <span class="kl" title="${about}"></span>
        <button type="button" class="play" aria-pressed="false" aria-label="Traverse ${name}" title="Traverse ${name}">▸</button>
        <div class="range"><i class="band"></i><i class="mu"></i>
          <input type="range" id="slider-${dim.index}" step="0.01" aria-label="${name}"></div>
      </div>`);
    root.hidden = place >= SHOWN;
    const input = root.querySelector("input");
    const find = (selector) => root.querySelector(selector);
    const [value, kl, band, mu] = ["output", ".kl", ".band", ".mu"].map(find);
    const { low, high } = dim;
    const row = { root, dim, at, input, value, kl, band, mu, low, high, shown: NaN, held: false };
    input.addEventListener("input", () => {
      row.held = true;
      this.listener.slide(n, Number(input.value));
    });
    input.addEventListener("change", () => {
      row.held = false;
      this.listener.release();
    });
    this._typed(
      value,
      () => at.read(this.z),
      dim,
      (to) => this.listener.slide(n, to),
    );
    find(".play").addEventListener("click", () => this.listener.traverse(dim.index));
    return row;
  }

  /**
   * Have a number typed where it is read.
   * @param {HTMLElement} output @param {() => number} read @param {{low: number, high: number}} range
   * @param {(value: number) => void} take
   */
  _typed(output, read, { low, high }, take) {
    output.tabIndex = 0;
    set(output, "role", "button");
    output.title = "Type a number";
    const type = (/** @type {Event} */ event) => {
      event.preventDefault(); // the label would go to its slider
      const field = /** @type {HTMLInputElement} */ (
        html('<input type="number" class="typed" step="any">')
      );
      set(field, "aria-label", output.closest("label")?.querySelector("b")?.textContent ?? "");
      field.value = read().toFixed(2);
      let open = true;
      const close = (/** @type {boolean} */ keep) => {
        if (!open) return; // to take the field away blurs it
        open = false;
        const value = Number(field.value);
        const said = field.value.trim() !== "" && field.value !== read().toFixed(2);
        field.remove();
        output.hidden = false;
        if (!keep || !said || !Number.isFinite(value)) return;
        const span = high - low;
        take(Math.min(high + span, Math.max(low - span, value)));
        this.listener.release();
      };
      field.addEventListener("blur", () => close(true));
      field.addEventListener("keydown", (key) => {
        if (key.key !== "Enter" && key.key !== "Escape") return;
        close(key.key === "Enter");
        output.focus();
      });
      output.hidden = true;
      output.after(field);
      field.select();
    };
    output.addEventListener("click", type);
    output.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") type(event);
    });
  }

  /** Put the rows on the page; beyond the first ones where they are asked for. */
  _arrange() {
    const count = this.rows.length;
    const parts = this.rows.map((row) => row.root);
    if (count > SHOWN) {
      const more = html('<button type="button" class="more" aria-expanded="false"></button>');
      const noun = this.rows[0].dim.share === undefined ? "dimensions" : "components";
      const label = (open) => (open ? `Only the first ${SHOWN} ${noun}` : `All ${count} ${noun}`);
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
    const rows = Math.min(3, Math.ceil(Math.min(count, SHOWN) / 5)) + this.choices.length;
    this.host.dataset.rows = String(rows);
    this.host.style.setProperty("--columns", String(Math.min(5, count)));
    this.host.replaceChildren(...parts, ...this.choices.map(({ row }) => row.root));
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
    const { mu, std, klPerDim } = posterior;
    for (const { row, dim } of this.choices) {
      const place = dim.index - (z.length - this.choices.length);
      const chances = posterior.chances?.[place] ?? null;
      const kl = chances ? `KL ${klPerDim[dim.index].toFixed(2)}` : "given";
      row.paint(z[dim.index], mu[dim.index], chances, kl);
    }
    for (const row of this.rows) {
      if (row.root.hidden) continue;
      const { dim, at, input } = row;
      const value = at.read(z);
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
      write(row.kl, this._note(dim, klPerDim));
      const share = (v) => Math.min(1, Math.max(0, (v - row.low) / (row.high - row.low)));
      const [middle, sigma] = [at.read(mu), at.spread(std)];
      const [a, m, b] = [-1, 0, 1].map((s) => share(middle + s * sigma));
      const key = `${a}|${m}|${b}`;
      if (row.key === key) continue;
      row.key = key;
      row.band.style.setProperty("--from", a);
      row.band.style.setProperty("--to", b);
      row.mu.style.setProperty("--from", m);
    }
  }

  /** What stands beside a slider. @param {import("../model/blob_types.js").Dimension} dim @param {Float32Array} klPerDim */
  _note({ index, active, share }, klPerDim) {
    if (share !== undefined) return `${(100 * share).toFixed(0)} %`;
    if (!this.density) return "";
    return active ? `KL ${brief(klPerDim[index], 2)}` : "inactive";
  }
}
