// Other images through the same model: histograms of a term beside that of its own.

import { known, meanOf } from "../model/terms.js";
import { brief, html, set, svg, write } from "../widgets/dom.js";

/** @typedef {import("../model/terms.js").TermName} TermName @typedef {import("../model/terms.js").Values} Values */

const MARKUP = `<div class="beside-part" hidden>
  <div class="buttons">
    <label>Beside these <select class="other"></select></label>
    <label>by <select class="quantity"></select></label>
  </div>
  <figure><svg class="histograms" role="img"></svg></figure>
  <table class="sets"><thead><tr><th>images</th><th>how many</th><th class="first"></th><th class="second"></th><th>less than the median of these</th></tr></thead><tbody></tbody></table>
  <p class="note wait"></p>
  <p class="note lesson"></p>
</div>`;
const BINS = 44;
/** @param {number} value */
const inWords = (value) => (Number.isNaN(value) ? "…" : brief(value, 1));
const LESSON =
  "A likelihood does not say whether a picture is like those that a model was made from: what is simpler can be likelier than its own (Nalisnick et al. 2019, “Do deep generative models know what they don’t know?”). Compare the same images without greys, which no model here has seen, with the same mirrored.";

/** Shares of values in bins from `low` to `high`; what lies beyond is in the last ones. @param {Float32Array} values @param {number} low @param {number} high */
export function histogram(values, low, high) {
  const bins = new Array(BINS).fill(0);
  for (const v of values) {
    const n = Math.floor(((v - low) / (high - low)) * BINS);
    bins[Math.min(BINS - 1, Math.max(0, n))] += 1 / values.length;
  }
  return bins;
}

export class Beside {
  /** @param {HTMLElement} host @param {import("./by_terms.js").ByTerms} by */
  constructor(host, by) {
    this.by = by;
    this.root = html(MARKUP);
    host.append(this.root);
    const find = (selector) => this.root.querySelector(selector);
    this.other = find(".other");
    this.quantity = find(".quantity");
    this.plot = find("svg");
    this.body = find("tbody");
    this.wait = find(".wait");
    write(find(".lesson"), LESSON);
    /** @type {Values | null} */
    this.values = null;
    this.asked = -1;
    this.stopping = new AbortController();
    this.other.addEventListener("change", () => this.paint());
    this.quantity.addEventListener("change", () => this.paint());
  }

  setScene() {
    const { facts, terms } = this.by.terms;
    const offered = terms.filter(({ name }) => name === "total" || name === "evidence");
    this.quantity.replaceChildren(...offered.map(({ name, title }) => new Option(title, name)));
    const before = this.other.value;
    this.other.replaceChildren(
      ...facts.beside.map(({ title, number }) => new Option(title, String(number))),
    );
    if (before) this.other.value = before;
    if (!this.other.value && facts.beside.length) this.other.selectedIndex = 0;
    this.values = null;
    this.asked = -1;
  }

  async _fetch(number) {
    this.stopping.abort();
    this.stopping = new AbortController();
    const { signal } = this.stopping;
    const { terms } = this.by;
    this.asked = number;
    this.values = null;
    write(this.wait, "Their terms are being computed.");
    try {
      const found = await terms.besides(
        number,
        (share) =>
          write(this.wait, `Their terms are being computed: ${Math.floor(100 * share)} %.`),
        signal,
      );
      if (signal.aborted || terms !== this.by.terms) return;
      this.values = found;
      write(this.wait, "");
      this.paint();
    } catch (error) {
      if (!signal.aborted) write(this.wait, error.message);
    }
  }

  paint() {
    const { terms } = this.by;
    const number = Number(this.other.value);
    if (number !== this.asked) this._fetch(number);
    const name = /** @type {TermName} */ (this.quantity.value);
    const own = known(terms.values[name]);
    const other = known(this.values?.[name] ?? new Float32Array(0));
    const sets = [
      { title: "these", values: own, all: terms.values, n: own.length },
      {
        title: this.other.selectedOptions[0]?.text ?? "",
        values: other,
        all: this.values,
        n: other.length,
      },
    ].filter(({ n }) => n);
    this._table(sets, own);
    this._draw(sets, terms.terms.find((term) => term.name === name).title);
  }

  _table(sets, own) {
    const offered = [...this.quantity.options].map(({ value, text }) => [value, text]);
    [".first", ".second"].forEach((selector, n) => {
      const head = /** @type {HTMLElement} */ (this.root.querySelector(selector));
      head.hidden = !offered[n];
      write(head, offered[n] ? `mean ${offered[n][1]}` : "");
    });
    const median = own.slice().sort()[Math.floor(own.length / 2)];
    this.body.replaceChildren(
      ...sets.map(({ title, values, all, n }) => {
        const row = document.createElement("tr");
        const likelier = values.filter((v) => v < median).length / n;
        const cells = [
          title,
          n.toLocaleString("en"),
          ...offered.map(([value]) => inWords(meanOf(known(all[value])))),
          `${(100 * likelier).toFixed(0)} %`,
        ];
        row.append(
          ...cells.map((text, k) => {
            const cell = document.createElement(k ? "td" : "th");
            cell.textContent = text;
            return cell;
          }),
        );
        return row;
      }),
    );
  }

  _draw(sets, title) {
    const { plot } = this;
    const [width, height, foot] = [plot.clientWidth || 720, 240, 40];
    plot.replaceChildren();
    set(plot, "viewBox", `0 0 ${width} ${height}`);
    if (!sets.length) return;
    const ends = sets.map(({ values }) => {
      const sorted = values.slice().sort();
      return [0.002, 0.998].map((share) => sorted[Math.round(share * (sorted.length - 1))]);
    });
    const low = Math.min(...ends.map(([first]) => first));
    const high = Math.max(...ends.map(([, last]) => last), low + 1);
    const shares = sets.map(({ values }) => histogram(values, low, high));
    const most = Math.max(...shares.flat());
    const step = width / BINS;
    shares.forEach((bins, k) => {
      const line = bins
        .map((share, n) => {
          const y = (height - foot) * (1 - (0.96 * share) / most);
          return `L${n * step} ${y.toFixed(1)}H${(n + 1) * step}`;
        })
        .join("");
      const base = height - foot;
      svg(plot, "path", { d: `M0 ${base}${line}V${base}Z`, class: k ? "other" : "own" });
    });
    for (const share of [0, 0.25, 0.5, 0.75, 1]) {
      const text = svg(plot, "text", {
        x: Math.min(width - 2, Math.max(2, share * width)),
        y: height - foot + 16,
        "text-anchor": share === 0 ? "start" : share === 1 ? "end" : "middle",
      });
      text.textContent = brief(low + share * (high - low), 0);
    }
    const name = svg(plot, "text", { x: width / 2, y: height - 4, "text-anchor": "middle" });
    name.textContent = `${title}, ${this.by.terms.facts.unit} an image: less is likelier`;
    set(
      plot,
      "aria-label",
      `Histograms of ${title}: ${sets.map((one) => one.title).join(" and ")}`,
    );
  }
}
