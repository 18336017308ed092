// Section 7: L_k against k, from the ELBO to log p(x).

import { boundsOf } from "../model/estimators.js";
import { html, write } from "../widgets/dom.js";
import { Axes } from "./axes.js";
import { Section, numeral } from "./section.js";

const MOST = 13; // as a power of two: 8,192 draws

export class Bounds extends Section {
  static label = "Bounds";
  title = "From bound to likelihood";
  planar = false;
  exact = true;
  chart = null;
  slider = null;
  output = null;
  progress = null;
  bounds = null;

  get refusal() {
    return this.page.bounded ? "" : this.page.refusal;
  }

  get formula() {
    return {
      tex: String.raw`\begin{gathered}\sym{lk}{\q{kl}{\mathcal L_k}}=\mathbb E_{z_i\sim \q{posterior}{q}}\!\left[\log\frac1k\sum_{i=1}^{k}\sym{weight}{\frac{p_\theta(x,z_i)}{\q{posterior}{q_\phi(z_i\mid x)}}}\right]\\ \text{ELBO}=\mathcal L_1\le\mathcal L_k\le\sym{evidence}{\log p_\theta(x)}\end{gathered}`,
      words:
        "L k is the expectation of the log of the mean of k importance weights; it rises from the ELBO to log p of x",
    };
  }

  get withNumbers() {
    return {
      tex:
        String.raw`\mathcal L_{\num{k}}=\num{value}\ \text{nats}` +
        (this.page.refusal ? "" : String.raw`\qquad \log p_\theta(x)=\num{exact}`),
      words: "L k in nats, and log p of x where it is known",
    };
  }

  get prediction() {
    return {
      question: "Predict: with more and more draws k, L_k goes to …",
      options: ["the ELBO", "log p(x)", "0"],
      answer: () =>
        "log p(x): the mean of the weights goes to p(x) itself. Before that the logarithm makes it too low, the more so the farther q is from p(z|x) (Burda, Grosse & Salakhutdinov 2016).",
    };
  }

  get text() {
    return [
      "Draws from the prior hardly ever hit (section 2). Draws from q do, when each is weighed by how much more the model likes it than q does. With one draw that is the ELBO; with many it is nearly log p(x).",
      this.page.refusal
        ? `${this.page.vae.name} has ${this.page.vae.d} latent dimensions: log p(x) itself cannot be computed here, and L_k is what there is.`
        : "The dashed line is log p(x), by quadrature. Where q misses a part of p(z|x), L_k stays below it for long: a large k does not mend a bad q soon.",
    ];
  }

  get task() {
    return "Choose an x that q fits badly (section 3 finds some): how many draws does L_k take?";
  }

  get meanings() {
    return {
      lk: "The importance-weighted bound with k draws, a mean over disjoint groups of draws; the band is its standard error.",
      weight:
        "An importance weight. Its mean over q is p(x), for any q that is nowhere 0 where p(z|x) is not.",
      evidence: "log p(x): the limit.",
    };
  }

  build(scene) {
    this.chart = new Axes(scene, "full", () => this.page.change("size"));
    const foot =
      html(`<div class="foot-row"><label class="k">k <input type="range" min="0" max="${MOST}" step="1" value="4" aria-label="k, the number of draws from q"><output></output></label>
      <span class="progress"></span></div>`);
    scene.append(foot);
    this.slider = /** @type {HTMLInputElement} */ (foot.querySelector("input"));
    this.output = foot.querySelector("output");
    this.progress = foot.querySelector(".progress");
    this.slider.addEventListener("input", () => this.page.change("k"));
  }

  begin() {
    this.bounds = null;
  }

  input() {
    const { page } = this;
    const { x, exact, posterior } = page;
    this.bounds = null;
    if (!exact) return;
    const told = (share) =>
      page.x === x &&
      write(this.progress, share < 1 ? `drawing … ${Math.round(100 * share)} %` : "");
    exact.importance(x, posterior, 2 ** MOST, told).then(
      (logs) => {
        if (!logs || page.x !== x) return;
        this.bounds = boundsOf(logs);
        told(1);
        page.change("k");
      },
      (error) => page.fault(error.message),
    );
  }

  paint() {
    const { page, chart, bounds } = this;
    const { theme, evidence } = page;
    const at = Math.min(Number(this.slider.value), (bounds?.length ?? 1) - 1);
    const chosen = bounds?.[at];
    this.words("k", (2 ** Number(this.slider.value)).toLocaleString("en"));
    write(this.output, (2 ** Number(this.slider.value)).toLocaleString("en"));
    this.number("value", chosen?.value, 2);
    this.number("exact", evidence?.logP, 2);
    const values = bounds?.map(({ value }) => value) ?? [-100];
    const end = evidence?.logP ?? values.at(-1);
    const span = Math.max(end - values[0], 0.1);
    const x = { low: 1, high: 2 ** MOST, log: true, title: "k, draws from q(z|x)" };
    const y = { low: values[0] - 0.15 * span, high: end + 0.2 * span, title: "nats" };
    if (!chart.begin(theme, x, y)) return;
    if (bounds) {
      chart.band(
        bounds
          .filter(({ error }) => error !== null)
          .map(({ k, value, error }) => [k, value - error, value + error]),
        theme.kl,
      );
      chart.line(
        bounds.map(({ k, value }) => [k, value]),
        theme.kl,
      );
      chart.across(values[0], theme.kl, "ELBO", [2, 4]);
      chart.point([chosen.k, chosen.value], theme.kl, 6);
    }
    if (evidence) chart.across(evidence.logP, theme.ink, "log p(x)");
    chart.end();
    chart.describe(
      chosen
        ? `L with ${chosen.k} draws is ${numeral(chosen.value, 2)} nats`
        : "L_k is being computed",
    );
  }
}
