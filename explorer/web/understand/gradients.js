// Section 6: two estimators of the gradient of an expectation, and the reparameterisation.

import { html, write } from "../widgets/dom.js";
import { normals, seeded } from "../model/random.js";
import { Axes, histogram } from "./axes.js";
import { planeOf } from "./picture.js";
import { channelsOf } from "./plane.js";
import { room } from "../widgets/type.js";
import { Section, numeral } from "./section.js";

const POINTS = 150; // draws in the two planes
const REPEATS = 300;
const BINS = 41;
const REACH = 3.2;

/** @param {Float32Array} values */
function momentsOf(values) {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (values.length - 1);
  return { mean, variance };
}

export class Gradients extends Section {
  static label = "Gradients";
  title = "Why not simply differentiate?";
  noise = null;
  seed = null;
  q = null;
  found_ = null;
  points = null;
  left = null;
  right = null;
  chart = null;
  select = null;

  get refusal() {
    if (super.refusal || this.gaussian) return super.refusal;
    return "A Gamma's draws are no μ + σ·ε. They are differentiated through their distribution function (implicit reparameterisation, Figurnov et al. 2018), and there is no ε to show.";
  }

  get formula() {
    return {
      tex: String.raw`\begin{aligned}\nabla_{\mu}\,\mathbb E_{\q{posterior}{q_\phi}}\!\left[\sym{f}{\q{reconstruction}{f(z)}}\right]&=\sym{score}{\q{kl}{\mathbb E_{q_\phi}\!\left[f(z)\,\nabla_{\mu}\log q_\phi(z)\right]}}\\&=\sym{path}{\q{x-hat}{\mathbb E_{\varepsilon}\!\left[\nabla_{z}f(z)\right]}},\quad \sym{noise}{z=\mu+\sigma\,\varepsilon}\end{aligned}`,
      words:
        "the gradient of an expectation over q: by the score function, or by the reparameterisation z is mu plus sigma times epsilon",
    };
  }

  get withNumbers() {
    return {
      tex: String.raw`\frac{\operatorname{Var}\q{kl}{\text{score}}}{\operatorname{Var}\q{x-hat}{\text{path}}}=\num{ratio}\qquad \tfrac{\partial}{\partial\mu_1}\mathbb E_q[f]=\num{exact}`,
      words: "the ratio of the two variances, and the gradient itself",
    };
  }

  get prediction() {
    return {
      question:
        "Predict: both estimates are right on average. Which one scatters more, from draw to draw?",
      options: ["the score function's", "the reparameterised one", "both alike"],
      answer: () => {
        const { ratio } = this;
        if (!ratio) return "It is being computed …";
        return `Here the score function's has ${ratio >= 10 ? Math.round(ratio).toLocaleString("en") : ratio.toPrecision(2)} times the variance: it knows f(z) only as a number, and multiplies all of it with a random factor. The reparameterised one knows which way f rises.`;
      },
    };
  }

  get text() {
    return [
      "The ELBO is an expectation over q, and q's own density depends on φ: the gradient cannot simply be taken inside. The score-function estimator weighs each draw's f(z) by how its log density changes. It works for any f, but scatters widely.",
      "The trick: let ε ~ N(0, 1) carry all the chance, and make z = μ + σ·ε of it. Then φ stands inside f, and the gradient goes through z. Both planes hold the same draws, coloured by f: E over z equals E over ε (the law of the unconscious statistician).",
    ];
  }

  get task() {
    return "Drag μ on the right plane, or its edge for σ: the ε on the left stay where they are.";
  }

  get meanings() {
    return {
      f: "f(z) = log p(x|z): what is averaged. The fuller a point's colour, the higher its f.",
      score:
        "The score-function estimator (REINFORCE, Williams 1992): f(z) times the gradient of log q at z; section 2.2 of the paper. Here without a baseline: a well-chosen constant taken off f would lower its variance, and leave its mean.",
      path: "The reparameterised estimator (Kingma & Welling 2014): the gradient of f at z = μ + σ·ε, with respect to z and so to μ.",
      noise: "ε ~ N(0, 1) in each dimension. The same ε give other z when μ and σ change.",
    };
  }

  build(scene) {
    const planes = html('<div class="pair"></div>');
    scene.append(planes);
    this.left = planeOf(planes, this.page, "The noise ε");
    this.right = planeOf(planes, this.page, "z = μ + σ·ε");
    this.chart = new Axes(scene, "wide", () => this.page.change("size"));
    const foot =
      html(`<div class="foot-row"><label>draws an estimate <select aria-label="draws an estimate">
      ${[1, 4, 16].map((n) => `<option value="${n}">${n}</option>`).join("")}</select></label>
      <button type="button" class="again">New ε</button><button type="button" class="encoder">The encoder's q</button></div>`);
    scene.append(foot);
    this.select = /** @type {HTMLSelectElement} */ (foot.querySelector("select"));
    this.select.addEventListener("change", () => this._estimate());
    foot.querySelector(".again").addEventListener("click", () => this._again());
    foot.querySelector(".encoder").addEventListener("click", () => this._set(this.page.posterior));
    this.seed = 1;
    this.right.handles = [
      {
        key: "posterior",
        name: "μ of q",
        free: true,
        colour: "posterior",
        at: () => this.q.mu,
        move: (z) => this._drag(z, this.q.std),
        release: () => this._estimate(),
      },
      {
        key: "posterior",
        name: "σ of q",
        small: true,
        colour: "posterior",
        at: () => [this.q.mu[0] + this.q.std[0], this.q.mu[1] + this.q.std[1]],
        move: (z) =>
          this._drag(
            this.q.mu,
            [0, 1].map((k) => Math.max(0.004, z[k] - this.q.mu[k])),
          ),
        release: () => this._estimate(),
      },
    ];
  }

  begin() {
    this.right.least = this.page.vae.prior.low;
    this.left.show({ low: [-REACH, -REACH], high: [REACH, REACH] });
    this._draw();
  }

  input() {
    this._set(this.page.posterior);
    const { mu, std } = this.q;
    const side = 8 * Math.max(std[0], std[1]);
    this.right.show({
      low: [0, 1].map((k) => mu[k] - side / 2),
      high: [0, 1].map((k) => mu[k] + side / 2),
    });
  }

  _draw() {
    const normal = normals(seeded(this.seed));
    this.noise = Array.from({ length: POINTS }, () => [normal(), normal()]);
  }

  _again() {
    this.seed += 1;
    this._draw();
    this._estimate();
    this.page.change("numbers");
  }

  _set(q) {
    this.q = q;
    this._estimate();
    this.page.change("numbers");
  }

  _drag(mu, std) {
    this.q = this.page.qOf(mu, std);
    this._estimate();
    this.page.change("numbers");
  }

  /** Whether q is made of ε: a Gamma's draws are not. */
  _estimate() {
    const { page, q, seed } = this;
    if (page.refusal || !this.gaussian || !page.exact) return;
    const { x } = page;
    const draws = Number(this.select.value);
    page.exact.gradients(x, q, { repeats: REPEATS, draws, seed }).then(
      (found) => {
        if (!found || page.x !== x) return;
        this.found_ = found;
        page.change("numbers");
      },
      (error) => page.fault(error.message),
    );
  }

  get ratio() {
    const { found_: found } = this;
    if (!found) return 0;
    return momentsOf(found.score).variance / momentsOf(found.path).variance;
  }

  /** The z of each ε, and f there. */
  _points() {
    const { page, q } = this;
    const { vae, x } = page;
    const constant = vae.likelihood.constant ?? 0;
    const zs = this.noise.map((noise) => [0, 1].map((k) => q.mu[k] + q.std[k] * noise[k]));
    const logs = [];
    for (let first = 0; first < zs.length; first += vae.batch) {
      const some = zs.slice(first, first + vae.batch);
      const outputs = vae.decodeMany(Float32Array.from(some.flat()), some.length);
      for (const output of outputs) logs.push(-vae.reconstruction(output, x) - constant);
    }
    const sorted = [...logs].sort((a, b) => a - b);
    const [low, high] = [sorted[Math.floor(0.1 * logs.length)], sorted.at(-1)];
    return { zs, shares: logs.map((v) => Math.min(1, Math.max(0, (v - low) / (high - low || 1)))) };
  }

  paint(_now, dirty) {
    const { page, left, right, q } = this;
    const { theme } = page;
    if (dirty.has("x") || dirty.has("numbers") || !this.points) this.points = this._points();
    const { zs, shares } = this.points;
    const [from, to] = [theme.grid, theme.reconstruction].map(channelsOf);
    const colours = shares.map((s) => {
      const mixed = from.map((v, k) => Math.round(v + s * (to[k] - v)));
      return `rgb(${mixed.join(",")})`;
    });
    for (const [plane, places] of /** @type {const} */ ([
      [left, this.noise],
      [right, zs],
    ])) {
      if (!plane.begin(theme, page.lit)) continue;
      if (plane === left) plane.ellipses([0, 0], [1, 1], theme.ink, "noise");
      else plane.ellipses(q.mu, q.std, theme.posterior, "posterior");
      places.forEach((place, n) => plane.dots([place], colours[n], 7, 1));
      plane.end();
    }
    left.say("ε ~ N(0, I)");
    right.say("z = μ + σ·ε, coloured by log p(x|z)");
    this._paintChart(theme);
    const { ratio } = this;
    if (ratio < 10) this.number("ratio", ratio || null, 1);
    else this.words("ratio", Math.round(ratio).toLocaleString("en"));
    this.number("exact", this.found_?.exact, 1);
  }

  _paintChart(theme) {
    const { chart, found_: found } = this;
    if (!found) return;
    const [score, path] = [found.score, found.path].map(momentsOf);
    const reach = 3 * Math.sqrt(Math.max(score.variance, path.variance)) || 1;
    const [low, high] = [found.exact - reach, found.exact + reach];
    const counts = [found.score, found.path].map((values) => histogram(values, low, high, BINS));
    const most = Math.max(...counts.map((c) => Math.max(...c)));
    const root = counts.map((c) => c.map(Math.sqrt)); // few at the sides are seen beside many in the middle
    const x = { low, high, title: `estimates of ∂/∂μ₁ E_q[log p(x|z)], ${REPEATS} each` };
    if (!chart.begin(theme, x, { low: 0, high: 1.1 * Math.sqrt(most), title: "√ count" })) return;
    const step = (high - low) / BINS;
    chart.bars(root[0], low, step, theme.kl);
    chart.bars(root[1], low, step, theme.x_hat);
    chart.up(found.exact, theme.ink, "exact");
    const deviation = (m) => numeral(Math.sqrt(m.variance), 1);
    chart.word(
      [low, 1.1 * Math.sqrt(most)],
      `score ± ${deviation(score)}`,
      theme.kl,
      "left",
      12,
      6,
    );
    chart.word(
      [low, 1.1 * Math.sqrt(most)],
      `path ± ${deviation(path)}`,
      theme.x_hat,
      "left",
      12 + 17 * room(),
      6,
    );
    chart.end();
    chart.describe(
      `Two histograms: standard deviation ${deviation(score)} by the score function, ${deviation(path)} by reparameterisation`,
    );
    write(this.page.$(".announce"), "");
  }
}
