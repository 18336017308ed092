// Section 9: one x and one x̂ under four reconstruction terms, each with its constant; and what each says of a pixel.

import {
  crossEntropy,
  logHalfNormaliser,
  logitsOfMean,
  meanIsApart,
} from "../model/likelihoods.js";
import { html, write } from "../widgets/dom.js";
import { paintImage } from "../widgets/image.js";
import { Axes } from "./axes.js";
import { Section, numeral } from "./section.js";

const STEPS = 120; // of a curve
const HIGH = 5; // of the densities' axis

/**
 * What the decoder says of a pixel: x̂, its logit, and the logit that came out, which is another one where x̂ is the
 * mean of a continuous Bernoulli.
 * @typedef {{mean: number, logit: number, output: number}} Said
 */

/**
 * A pixel's −log density for each likelihood, nats: of a value v.
 * @typedef {{key: string, name: string, colour: "reconstruction" | "x_hat" | "kl" | "posterior", dash: number[],
 *   cost: (v: number, said: Said, s: number) => number, mass: string}} Row
 */

/** @type {Row[]} */
export const ROWS = [
  {
    key: "bce",
    name: "cross-entropy (Bernoulli)",
    colour: "reconstruction",
    dash: [],
    cost: (v, { logit }) => crossEntropy(logit, v),
    mass: "not 1",
  },
  {
    key: "cb",
    name: "continuous Bernoulli",
    colour: "x_hat",
    dash: [],
    cost: (v, { output }) => crossEntropy(output, v) - Math.LN2 - logHalfNormaliser(output),
    mass: "1",
  },
  {
    key: "gauss",
    name: "squared error (Gaussian)",
    colour: "kl",
    dash: [],
    cost: (v, { mean }, s) =>
      0.5 * ((v - mean) / s) ** 2 + Math.log(s) + 0.5 * Math.log(2 * Math.PI),
    mass: "1 on all numbers",
  },
  {
    key: "laplace",
    name: "absolute error (Laplace)",
    colour: "posterior",
    dash: [],
    cost: (v, { mean }, s) => (Math.abs(v - mean) * Math.SQRT2) / s + Math.log(Math.SQRT2 * s),
    mass: "1 on all numbers",
  },
];

export class Likelihoods extends Section {
  static label = "Likelihoods";
  title = "Which reconstruction?";
  planar = false;
  canvases = null;
  marks = null;
  said = null;
  body = null;
  slider = null;
  output = null;
  chart = null;
  pixel = null;
  mean = null;
  outputs = null;
  logits = null;

  get formula() {
    return {
      tex: String.raw`\begin{aligned}\sym{bce}{\q{reconstruction}{\text{BCE}}}&=-\textstyle\sum_i\big[x_i\log\hat x_i+(1-x_i)\log(1-\hat x_i)\big]\\ \sym{cb}{\q{x-hat}{\log p_{\mathcal{CB}}}}&=-\text{BCE}+\textstyle\sum_i\log C(\hat x_i)\\ \sym{gauss}{\q{kl}{\log\mathcal N}}&=-\tfrac{1}{2s^2}\lVert x-\hat x\rVert^2-\tfrac n2\log 2\pi s^2\\ \sym{laplace}{\q{posterior}{\log p_{\text{Laplace}}}}&=-\tfrac{1}{b}\lVert x-\hat x\rVert_1-n\log 2b\end{aligned}`,
      words:
        "cross-entropy, the continuous Bernoulli, the Gaussian and the Laplace density, with their constants",
    };
  }

  get prediction() {
    return {
      question:
        "Predict: a Bernoulli's cross-entropy is used on grey levels. Over all grey levels from 0 to 1, does its exp(−BCE) add up to 1?",
      options: ["yes", "no, to less", "no, to more"],
      answer: () =>
        "To less: to ½ where x̂ is ½, and to ever less towards 0 and 1. So BCE on grey levels is no likelihood, only a pseudo-likelihood; divided by what it adds up to, it is the continuous Bernoulli (Loaiza-Ganem & Cunningham 2019).",
    };
  }

  get text() {
    return [
      "Minimising a squared error is maximising a Gaussian likelihood, an absolute error a Laplace one. Their constants move no gradient, but log p(x) has them; their scale s weighs them against the KL, as β would. A density may exceed 1, and its −log be negative: a probability's cannot.",
      "So the cross-entropy's row cannot be held against the others: it is no density of grey levels. The other three are, and can be compared, though Gaussian and Laplace give some of their mass to values that no picture has. They also punish differently: cross-entropy minds a wrong certainty most, the squared error a wide miss, the absolute error all misses alike.",
    ];
  }

  get task() {
    return "Drag over the pictures: each pixel of x̂ makes its curves, and the value of x is marked on them.";
  }

  get meanings() {
    return {
      bce: "Cross-entropy, summed over the pixels: −log p(x|z) of a Bernoulli when x is black and white; on grey levels a pseudo-likelihood.",
      cb: `The continuous Bernoulli on [0, 1]: the same with its normaliser C(λ) = 2 artanh(1 − 2λ)/(1 − 2λ), and 2 at λ = ½. ${meanIsApart(this.page.vae.likelihood.name) ? "λ is what the decoder gives; x̂ is its mean, another number." : "Here x̂ is taken for λ, which is not its mean."}`,
      gauss: "A Gaussian about x̂ with standard deviation s: n is the number of values of x.",
      laplace: "A Laplace density about x̂: b = s/√2 gives it the same standard deviation.",
    };
  }

  build(scene) {
    const host = html(`<div class="likelihoods">
      <div class="two-pictures"><figure><figcaption class="quantity own-x"><b>x</b></figcaption><div class="picked"><canvas class="picture x"></canvas><i></i></div></figure>
      <figure><figcaption class="quantity x-hat"><b>x̂</b> from μ</figcaption><div class="picked"><canvas class="picture x-hat"></canvas><i></i></div></figure>
      <div class="pixel"><p class="said"></p><label>s <input type="range" min="-3.5" max="0.3" step="0.01" value="-1.6" aria-label="s, the standard deviation of Gaussian and Laplace"><output></output></label>
      <button type="button" class="best"title="The root of the mean squared error of x̂">Best s of the Gaussian</button></div></div>
      <table class="nats"><thead><tr><th>term</th><th>of this pixel</th><th>−log p(x|z), nats</th><th>adds up to</th></tr></thead><tbody></tbody></table></div>`);
    scene.append(host);
    const find = (selector) => /** @type {any} */ (host.querySelector(selector));
    this.canvases = [find("canvas.x"), find("canvas.x-hat")];
    this.marks = /** @type {HTMLElement[]} */ ([...host.querySelectorAll(".picked i")]);
    this.said = find(".said");
    this.body = find("tbody");
    this.slider = /** @type {HTMLInputElement} */ (find("input"));
    this.output = find("output");
    this.slider.addEventListener("input", () => this.page.change("numbers"));
    find(".best").addEventListener("click", () => this._best());
    for (const row of ROWS) {
      const line = html(
        "<table><tbody><tr><th></th><td></td><td></td><td></td></tr></tbody></table>",
      ).querySelector("tr");
      line.dataset.row = row.key;
      line.firstElementChild.textContent = row.name;
      line.lastElementChild.textContent = row.mass;
      this.body.append(line);
    }
    for (const canvas of this.canvases) this._listen(canvas);
    this.chart = new Axes(scene, "tall", () => this.page.change("size"));
    this.pixel = -1;
  }

  /** @param {HTMLCanvasElement} canvas */
  _listen(canvas) {
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-label", "Choose a pixel with the arrow keys");
    const pick = (/** @type {PointerEvent} */ event) => {
      const box = canvas.getBoundingClientRect();
      const { width, height } = this.page.vae.shape;
      const at = [
        Math.floor(((event.clientX - box.left) / box.width) * width),
        Math.floor(((event.clientY - box.top) / box.height) * height),
      ];
      this._pick(Math.min(width - 1, Math.max(0, at[0])), Math.min(height - 1, Math.max(0, at[1])));
    };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      pick(event);
    });
    canvas.addEventListener("pointermove", (event) => event.buttons && pick(event));
    canvas.addEventListener("keydown", (event) => {
      const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[
        event.key
      ];
      if (!way) return;
      event.preventDefault();
      event.stopPropagation();
      const { width, height } = this.page.vae.shape;
      const [x, y] = [this.pixel % width, Math.floor(this.pixel / width)];
      this._pick((x + way[0] + width) % width, (y + way[1] + height) % height);
    });
  }

  _pick(x, y) {
    this.pixel = y * this.page.vae.shape.width + x;
    this.page.change("numbers");
  }

  begin() {
    this.pixel = -1;
  }

  input() {
    const { vae, x, posterior } = this.page;
    this.outputs = vae.decode(posterior.mu).slice();
    this.mean = vae.mean(this.outputs).slice();
    this.logits = logitsOfMean(this.outputs, x.length, vae.likelihood.name);
    if (this.pixel >= 0) return;
    // One at the edge of the ink: where x and x̂ differ most.
    const { height, width } = vae.shape;
    let worst = 0;
    for (let i = 0; i < height * width; i++)
      if (Math.abs(x[i] - this.mean[i]) > Math.abs(x[worst] - this.mean[worst])) worst = i;
    this.pixel = worst;
  }

  /** Of a colour, what is looked at. */
  get part() {
    return this.page.vae.shape.channels > 1 ? ", its red" : "";
  }

  get s() {
    return Math.exp(Number(this.slider.value));
  }

  /** The s that makes x most likely under the Gaussian: the root of the mean squared error. */
  _best() {
    const { x } = this.page;
    const sum = x.reduce((total, v, i) => total + (v - this.mean[i]) ** 2, 0);
    this.slider.value = String(Math.log(Math.max(Math.sqrt(sum / x.length), 0.03)));
    this.page.change("numbers");
  }

  /** @param {number} i of a value @returns {Said} */
  _at(i) {
    return { mean: this.mean[i], logit: this.logits[i], output: this.outputs[i] };
  }

  paint() {
    const { page, s, pixel } = this;
    const { vae, x, theme } = page;
    const { width, height } = vae.shape;
    paintImage(this.canvases[0], x, vae.shape);
    paintImage(this.canvases[1], this.mean, vae.shape);
    for (const mark of this.marks) {
      mark.style.left = `${(100 * (pixel % width)) / width}%`;
      mark.style.top = `${(100 * Math.floor(pixel / width)) / height}%`;
      mark.style.width = `${100 / width}%`;
      mark.style.height = `${100 / height}%`;
    }
    const [v, said] = [x[pixel], this._at(pixel)];
    write(this.said, `this pixel${this.part}: x = ${numeral(v, 2)}, x̂ = ${numeral(said.mean, 2)}`);
    write(this.output, s.toFixed(2));
    ROWS.forEach((row, n) => {
      const cells = this.body.rows[n].cells;
      let sum = 0;
      for (let i = 0; i < x.length; i++) sum += row.cost(x[i], this._at(i), s);
      write(cells[1], numeral(row.cost(v, said, s), 2));
      write(cells[2], numeral(sum, 1));
      this.body.rows[n].style.setProperty("--own", theme[row.colour]);
      this.body.rows[n].dataset.lit = String(page.lit === row.key);
    });
    this._paintChart(theme, v, said, s);
  }

  _paintChart(theme, v, said, s) {
    const { chart } = this;
    const m = said.mean;
    const x = { low: 0, high: 1, title: `value of a pixel${this.part} where x̂ = ${numeral(m, 2)}` };
    if (!chart.begin(theme, x, { low: 0, high: HIGH, title: "density" })) return;
    for (const row of ROWS) {
      const points = Array.from({ length: STEPS + 1 }, (_, i) => {
        const at = i / STEPS;
        return /** @type {[number, number]} */ ([at, Math.exp(-row.cost(at, said, s))]);
      });
      chart.line(points, theme[row.colour], {
        dash: row.dash,
        width: this.page.lit === row.key ? 4 : 2.2,
      });
    }
    chart.up(v, theme.x, `x = ${numeral(v, 2)}`);
    chart.end();
    const area = areaOf((at) => Math.exp(-ROWS[0].cost(at, said, s)));
    write(this.body.rows[0].cells[3], `${numeral(area, 2)} here`);
    chart.describe(
      `Densities of a pixel's value where x̂ is ${numeral(m, 2)}; exp(−BCE) adds up to ${numeral(area, 2)}`,
    );
  }
}

/** The area below a function on [0, 1], by Simpson's rule. @param {(at: number) => number} f */
function areaOf(f) {
  let sum = f(0) + f(1);
  for (let i = 1; i < STEPS; i++) sum += (i % 2 ? 4 : 2) * f(i / STEPS);
  return sum / (3 * STEPS);
}
