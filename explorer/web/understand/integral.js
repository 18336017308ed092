// Section 2: log p(x|z) over the plane, how little of the prior matters, and the naive estimate.

import { html, write } from "../widgets/dom.js";
import { Axes } from "./axes.js";
import { heatOf, priorBox, planeWithPicture } from "./picture.js";
import { Section, numeral } from "./section.js";

const CELLS = 160;
const SEEN = 150; // nats below the highest, of what is shown of log p(x|z)
const MOST = 12; // as a power of two: 4,096 draws

/** log of the mean of the first k exponentials, for each k. @param {Float32Array} logs */
function runningMeans(logs) {
  const out = new Float64Array(logs.length);
  let [top, sum] = [-Infinity, 0];
  logs.forEach((v, k) => {
    if (v > top) [sum, top] = [sum * Math.exp(top - v) + 1, v];
    else sum += Math.exp(v - top);
    out[k] = top + Math.log(sum / (k + 1));
  });
  return out;
}

/** Half a side more on each side of a box. @param {{low: number[], high: number[]}} box @param {number} least of a coordinate */
function around({ low, high }, least) {
  const half = low.map((v, k) => 0.5 * (high[k] - v));
  return {
    low: low.map((v, k) => Math.max(least, v - half[k])),
    high: high.map((v, k) => v + half[k]),
  };
}

export class Integral extends Section {
  static label = "log p(x)";
  title = "Why log p(x) is hard";
  exact = true;
  decoded = null;
  slider = null;
  output = null;
  chart = null;
  box = null;
  field = null;
  heat = null;
  means = null;
  seed = 1;
  plane = null;

  get formula() {
    return {
      tex: String.raw`\begin{aligned}\sym{evidence}{\log p_\theta(x)}&=\log\!\int \sym{likelihood}{\q{reconstruction}{p_\theta(x\mid z)}}\;\sym{prior}{p(z)}\,dz\\&\approx\sym{naive}{\log\frac1k\sum_{i=1}^{k}\q{reconstruction}{p_\theta(x\mid z_i)}},\quad z_i\sim p(z)\end{aligned}`,
      words:
        "log p of x is about the log of the mean of p of x given z over k draws from the prior",
    };
  }

  get withNumbers() {
    return {
      tex: String.raw`\log p_\theta(x)=\num{exact},\quad k=\num{k}:\ \q{reconstruction}{\num{estimate}}`,
      words: "the exact value and the estimate, in nats",
    };
  }

  get prediction() {
    return {
      question:
        "Predict: of 1,000 codes drawn from the prior, how many matter to this x, that is, lie in the region that makes up 99 % of its p(x)?",
      options: ["about 500", "about 50", "about 5", "fewer than one"],
      answer: () => {
        const share = this.page.evidence?.share;
        if (share === undefined) return "It is being computed …";
        const many = 1000 * share;
        const count = many < 10 ? many.toPrecision(2) : Math.round(many).toLocaleString("en");
        const one = Math.round(1 / share).toLocaleString("en");
        return `${count} of 1,000: the region that explains this x holds one part in ${one} of the prior. All other draws add next to nothing, and with few draws the estimate is far too low.`;
      },
    };
  }

  get text() {
    return [
      "Each place of the plane is coloured by log p(x|z): how well its picture explains this x. Only a small spot does. The integral adds up what that spot contributes, which draws from the prior hardly ever hit.",
      "The exact value comes from a grid that is refined where p(x|z) is large. In ten dimensions its first 96 places along an axis would be 10²⁰ in all: hence the encoder.",
    ];
  }

  get task() {
    return "Drag the ring into the spot and out of it. Then raise k, and draw again: how far does the estimate jump?";
  }

  get meanings() {
    return {
      evidence:
        "log p(x), the evidence: here by quadrature over the plane, right to far less than 0.01 nats.",
      prior: `p(z), the prior: each place counts as much as it. ${this.dashed}`,
      likelihood: "p(x|z) of this x, as a function of z: the heat on the plane.",
      naive:
        "Plain Monte Carlo: draw k codes from the prior, and average p(x|z). It is right on average, but its logarithm is too low until some draw hits the spot.",
    };
  }

  build(scene) {
    const { plane, decoded } = planeWithPicture(
      scene,
      this.page,
      "log p(x|z) over the latent plane",
    );
    this.plane = plane;
    this.decoded = decoded;
    const foot =
      html(`<div class="foot-row"><label class="k">k <input type="range" min="0" max="${MOST}" step="0.01" value="6" aria-label="k, the number of draws from the prior"><output></output></label>
      <button type="button" class="again">Draw again</button></div>`);
    this.slider = /** @type {HTMLInputElement} */ (foot.querySelector("input"));
    this.output = foot.querySelector("output");
    this.slider.addEventListener("input", () => this.page.change("k"));
    foot.querySelector("button").addEventListener("click", () => {
      this.seed += 1;
      this._draw();
    });
    this.chart = new Axes(scene, "wide", () => this.page.change("size"));
    scene.append(foot);
  }

  begin() {
    const box = priorBox(this.page);
    this.plane.show(box);
    this.plane.least = this.page.vae.prior.low;
    this.box = around(box, this.plane.least); // the plane is wider than what it must show
    this.field = this.heat = this.means = null;
  }

  input() {
    const { page, box } = this;
    if (page.refusal) return;
    const { x, exact } = page;
    const mine = () => page.x === x && page.section === this;
    exact.field(x, { ...box, n: CELLS }).then(
      (field) => {
        if (!field || !mine()) return;
        this.heat = heatOf(field, SEEN);
        page.change("field");
      },
      (error) => page.fault(error.message),
    );
    this._draw();
  }

  /** The estimates from draws of their own for each seed. */
  _draw() {
    const { page } = this;
    const { x, exact } = page;
    if (page.refusal || !exact) return;
    exact.naive(x, 2 ** MOST, this.seed).then(
      (logs) => {
        if (!logs || page.x !== x || page.section !== this) return;
        this.means = runningMeans(logs);
        page.change("k");
      },
      (error) => page.fault(error.message),
    );
  }

  get k() {
    return Math.round(2 ** Number(this.slider.value));
  }

  paint() {
    const { page, plane, heat } = this;
    const { z, theme, evidence } = page;
    const { picture, log } = page.decode(z);
    this.decoded.paint(picture, page.vae.shape, z, `log p(x|z) = ${numeral(log, 1)} nats`);
    if (plane.begin(theme, page.lit)) {
      if (heat) plane.heat(heat, CELLS, this.box, theme.reconstruction, "likelihood");
      plane.prior(page.vae.prior);
      plane.end();
    }
    plane.say(heat ? `Full colour: the best place. None: ${SEEN} nats below it.` : "");
    this._paintChart(theme, evidence);
    const estimate = this.means?.[Math.min(this.k, this.means.length) - 1];
    write(this.output, this.k.toLocaleString("en"));
    this.number("exact", evidence?.logP, 1);
    this.words("k", this.k.toLocaleString("en"));
    this.number("estimate", estimate, 1);
  }

  _paintChart(theme, evidence) {
    const { chart, means, k } = this;
    const n = 2 ** MOST;
    const end = evidence?.logP ?? means?.at(-1) ?? -100;
    const low =
      Math.floor((means ? Math.max(Math.min(means[7], end), end - 150) : end - 100) / 10) * 10;
    const x = { low: 1, high: n, log: true, title: "k, draws from the prior" };
    if (!chart.begin(theme, x, { low, high: end + 8, title: "nats" })) return;
    if (means) {
      const points = [];
      for (let i = 1; i <= n; i = Math.max(i + 1, Math.round(i * 1.03)))
        points.push([i, means[i - 1]]);
      chart.line(
        points.filter(([i]) => i <= k),
        theme.reconstruction,
      );
      chart.line(
        points.filter(([i]) => i >= k),
        theme.reconstruction,
        { width: 1, dash: [2, 3] },
      );
      chart.point([k, means[k - 1]], theme.reconstruction, 5);
    }
    if (evidence) chart.across(evidence.logP, theme.ink, "log p(x)");
    chart.end();
    const at = means ? numeral(means[k - 1], 1) : "not known yet";
    chart.describe(`The estimate of log p(x) from ${k} draws of the prior: ${at} nats`);
  }
}
