// Section 5: reconstruction and KL, term by term; what β does; rate and distortion of the checkpoints here.

import { html, write, zName } from "../widgets/dom.js";
import { Axes } from "./axes.js";
import { Section, numeral } from "./section.js";

const BETAS = [0.01, 100]; // of the slider, its ends
const ROWS = 10;

export class TwoTerms extends Section {
  static label = "Two terms";
  title = "Reconstruction and KL";
  planar = false;
  expected = null;
  error = null;
  q = null;
  host = null;
  values = null;
  cost = null;
  bars = null;
  table = null;
  slider = null;
  output = null;
  note = null;
  chart = null;

  /** Whether it was trained with a distance: no p(x|z) belongs to it. */
  get distance() {
    return this.page.vae.likelihood.constant === null;
  }

  get formula() {
    const cost = this.distance ? String.raw`d(x,\hat x)` : String.raw`-\log p_\theta(x\mid z)`;
    return {
      tex: String.raw`\begin{gathered}\text{loss}=\sym{reconstruction}{\q{reconstruction}{\mathbb E_{q}\!\left[${cost}\right]}}+\sym{beta}{\beta}\;\sym{kl}{\q{kl}{\mathrm{KL}\!\left(q_\phi(z\mid x)\,\|\,p(z)\right)}}\\[3pt] ${this.closedForm}\end{gathered}`,
      words:
        "the loss is the reconstruction term plus beta times the KL divergence of q from the prior",
    };
  }

  get closedForm() {
    const { prior } = this.page.vae;
    if (prior.low > -Infinity)
      return String.raw`\begin{aligned}\sym{closed}{\q{kl}{\mathrm{KL}}}=\textstyle\sum_j\big[&(a_j-a)\,\psi(a_j)-\log\Gamma(a_j)+\log\Gamma(a)\\&+a\log\tfrac{b_j}{b}+a_j\tfrac{b-b_j}{b_j}\big]\end{aligned}`;
    if (prior.mean === 0 && prior.std === 1)
      return String.raw`\sym{closed}{\q{kl}{\mathrm{KL}}}=\tfrac12\sum_j\left(\mu_j^2+\sigma_j^2-1-\log\sigma_j^2\right)`;
    return String.raw`\sym{closed}{\q{kl}{\mathrm{KL}}}=\tfrac12\sum_j\left(\tfrac{(\mu_j-m)^2+\sigma_j^2}{s^2}-1-\log\tfrac{\sigma_j^2}{s^2}\right)`;
  }

  get _closed() {
    const { prior } = this.page.vae;
    if (prior.low > -Infinity)
      return "The KL of Gamma(a_j, b_j), shape and rate, from the prior Gamma(a, b); ψ is the derivative of log Γ.";
    return prior.mean === 0 && prior.std === 1
      ? "Appendix B of the paper has it with the other sign."
      : "As in appendix B of the paper, which has m = 0 and s = 1: here the prior is N(m, s²).";
  }

  get withNumbers() {
    if (!this.page.bounded) return null;
    return {
      tex: String.raw`-\text{ELBO}=\num{total}=\q{reconstruction}{\num{recon}}+\q{kl}{\num{kl}}\ \text{nats}`,
      words: "the same in numbers, nats",
    };
  }

  get prediction() {
    return {
      question:
        "Predict: the KL counts β times as much. With a large β, the best q for this x becomes …",
      options: ["narrower", "wider, nearer to the prior", "the same"],
      answer: () =>
        `Wider, and nearer to the prior: each nat of KL, the rate, must save more than β nats of reconstruction, the distortion. With β → 0, q shrinks to a point, as in an autoencoder.${this.page.refusal ? "" : " Try it with the slider."}`,
    };
  }

  get text() {
    return [
      this.distance
        ? "Two terms, but no bound: how far x̂ is from x by a distance that no p(x|z) belongs to, and how many nats z costs beyond what the prior says. Only the KL has a closed form, and is in nats."
        : "The same bound, split otherwise: how many nats the picture costs when z is known, and how many z costs beyond what the prior says. The KL has a closed form; the reconstruction is an average over q, here of 512 draws.",
      "Each checkpoint is a point: rate across, distortion up (Alemi et al. 2018). Farther down is a sharper picture, farther left a cheaper code; along the dashed lines −ELBO is the same.",
    ];
  }

  get task() {
    return `Choose another x: which dimension costs how much?${this.page.refusal ? "" : " Then pull β to 100."}`;
  }

  get meanings() {
    return {
      reconstruction: this.distance
        ? `The reconstruction term: the mean over q of a distance, ${this.page.vae.likelihood.title}.`
        : "The reconstruction term: minus the mean of log p(x|z) over q. Not of p(z|x), and not of p(x) itself.",
      kl: "The KL divergence of q from the prior, in closed form: how many nats more z tells than the prior did.",
      beta: "The weight of the KL: with 1 the loss is −ELBO (Higgins et al. 2017 take more).",
      closed: this._closed,
    };
  }

  build(scene) {
    const host = html(`<div class="two-terms">
      <div class="term-bars">
        <div class="term reconstruction"><span class="name">Reconstruction E<sub>q</sub>[<span class="cost"></span>]</span><span class="value"></span><div class="track"><i class="bar reconstruction"></i></div></div>
        <div class="term kl"><span class="name">KL(q ‖ p(z))</span><span class="value"></span><div class="track"><i class="bar kl"></i></div></div>
      </div>
      <table class="kl-table"><thead></thead><tbody></tbody></table>
      <label class="beta">β <input type="range" min="${Math.log(BETAS[0])}" max="${Math.log(BETAS[1])}" step="0.01" value="0" aria-label="β, the weight of the KL"><output></output></label>
      <p class="note beta-note"></p></div>`);
    scene.append(host);
    const find = (selector) => /** @type {any} */ (host.querySelector(selector));
    this.host = host;
    this.values = [find(".term.reconstruction .value"), find(".term.kl .value")];
    this.cost = find(".cost");
    this.bars = [find("i.bar.reconstruction"), find("i.bar.kl")];
    this.table = find("table");
    this.slider = /** @type {HTMLInputElement} */ (find("input"));
    this.output = find("output");
    this.note = find(".beta-note");
    this.slider.addEventListener("input", () => this._weigh());
    this.chart = new Axes(scene, "tall", () => this.page.change("size"));
  }

  begin() {
    this.slider.value = "0";
    const planar = !this.page.refusal;
    this.slider.closest("label").hidden = this.note.hidden = !planar;
  }

  input() {
    this.q = this.page.posterior;
    this.expected = null;
    this.slider.value = "0";
    this._measure(this.q);
  }

  get beta() {
    return Math.exp(Number(this.slider.value));
  }

  /** E_q[−log p(x|z)] of a q. @param {import("../model/vae.js").Posterior} q */
  _measure(q) {
    const { page } = this;
    const { x, exact } = page;
    if (!exact) return;
    exact.expected(x, q).then(
      (found) => {
        if (!found || page.x !== x || this.q !== q) return;
        this.expected = -found.mean;
        this.error = found.error;
        page.change("numbers");
      },
      (error) => page.fault(error.message),
    );
  }

  /** The q that is best for this x with another β: from the last one on, and from the encoder's. */
  async _weigh() {
    const { page, beta, q } = this;
    const { x, exact } = page;
    if (page.refusal) return;
    page.change("numbers");
    try {
      let best = null;
      for (const start of q === page.posterior ? [q] : [q, page.posterior]) {
        const found = await exact.climb(x, start, { beta, steps: 30 });
        if (!found || page.x !== x || page.section !== this) return;
        if (best && best.elbo >= found.elbo) continue;
        best = found;
        this.q = page.qOf(found.q.mu, found.q.std);
        this._measure(this.q);
        page.change("numbers");
      }
    } catch (error) {
      page.fault(error.message);
    }
  }

  paint() {
    const { page, q } = this;
    const { vae, theme } = page;
    const own = q === page.posterior;
    const recon = this.expected;
    const level = page.blob.header.level?.own ?? 100;
    const end = Math.max(1.6 * Math.abs(level), 40);
    const fine = this.error !== null && this.error < 0.1 ? 2 : 1;
    const error = this.error ? ` ± ${numeral(this.error, fine)}` : "";
    const absent = page.bounded
      ? "…"
      : this.distance
        ? "none: trained with a distance"
        : "not computed here";
    write(this.cost, this.distance ? "d(x, x̂)" : "−log p(x|z)");
    write(this.values[0], recon === null ? absent : `${numeral(recon, fine)}${error} nats`);
    write(this.values[1], `${numeral(q.kl, 2)} nats`);
    this.bars[0].style.width = `${Math.min(100, Math.max(0, (100 * (recon ?? 0)) / end))}%`;
    this.bars[1].style.width = `${Math.min(100, (100 * q.kl) / end)}%`;
    this.number("recon", recon, 1);
    this.number("kl", q.kl, 2);
    this.number("total", recon === null ? null : recon + q.kl, 1);
    write(this.output, this.beta < 10 ? this.beta.toPrecision(2) : this.beta.toFixed(0));
    write(
      this.note,
      own
        ? "The encoder's q, trained with the β of this model. Move β: q becomes the best one for this x under it."
        : `The best q found for this x under β = ${this.beta.toPrecision(2)}: σ = ${numeral(q.std[0], 3)} and ${numeral(q.std[1], 3)}.`,
    );
    this._paintTable(vae, q);
    this._paintRates(theme, q, recon);
  }

  _paintTable({ prior }, q) {
    const gamma = prior.low > -Infinity;
    const head = gamma
      ? ["", "mean", "σ", "KL"]
      : prior.mean === 0 && prior.std === 1
        ? ["", "μ²", "σ²", "−1 − log σ²", "half their sum: KL"]
        : ["", "(μ−m)²/s²", "σ²/s²", "−1 − log σ²/s²", "half their sum: KL"];
    const order = Array.from(q.mu.keys()).sort((a, b) => q.klPerDim[b] - q.klPerDim[a]);
    const rows = order.slice(0, ROWS).map((j) => {
      const ratio = (q.std[j] / prior.std) ** 2;
      const cells = gamma
        ? [q.mu[j], q.std[j]]
        : [((q.mu[j] - prior.mean) / prior.std) ** 2, ratio, -1 - Math.log(ratio)];
      return [zName(j), ...cells.map((v) => numeral(v, 3)), numeral(q.klPerDim[j], 3)];
    });
    fill(this.table.tHead, [head], "th");
    fill(this.table.tBodies[0], rows, "td");
  }

  _paintRates(theme, q, recon) {
    const { chart, page } = this;
    const rates = page.data.rates ?? [];
    const [rate, low, most] = [30, 60, 220];
    const beyond = rates.filter((row) => row.rate > rate || row.distortion > most);
    const x = { low: 0, high: rate, title: "rate: KL, nats" };
    if (
      !chart.begin(theme, x, { low, high: most, title: "distortion on MNIST: cross-entropy, nats" })
    )
      return;
    for (let total = 80; total < most + rate; total += 20)
      chart.line(
        [
          [0, total],
          [rate, total - rate],
        ],
        theme.grid,
        { dash: [4, 4], width: 1 },
      );
    for (const row of rates) {
      const here = row.name === page.vae.name;
      chart.point([row.rate, row.distortion], here ? theme.z : theme.ink, here ? 6 : 4, !here);
    }
    const off = beyond.map(({ name }) => name).join(", ");
    if (off) chart.word([rate, most], `beyond: ${off}`, theme.ink, "right", 10);
    const own = recon !== null && page.vae.likelihood.name === "bernoulli";
    for (const row of named(
      rates.filter((one) => !beyond.includes(one)),
      chart,
      own ? [[chart.px(q.kl) - 90, chart.py(recon)]] : [],
    ))
      chart.word(
        [row.rate, row.distortion],
        row.name,
        row.name === page.vae.name ? theme.z : theme.ink,
        "left",
        4,
        8,
      );
    if (own) {
      chart.point([q.kl, recon], theme.x, 6);
      chart.word([q.kl, recon], "this x", theme.x, "right", 4, -10);
    }
    chart.end();
    chart.describe(
      `Rate and distortion of ${rates.length} checkpoints${recon === null ? "" : `; this x: ${numeral(q.kl, 1)} and ${numeral(recon, 1)} nats`}`,
    );
  }
}

/**
 * Those whose names have room beside what is taken, in pixels.
 * @param {{name: string, rate: number, distortion: number}[]} rates @param {Axes} chart @param {[number, number][]} [taken]
 */
function named(rates, chart, taken = []) {
  return rates.filter(({ rate, distortion }) => {
    const [x, y] = [chart.px(rate), chart.py(distortion)];
    if (taken.some(([a, b]) => Math.abs(a - x) < 110 && Math.abs(b - y) < 15)) return false;
    taken.push([x, y]);
    return true;
  });
}

/** @param {HTMLElement} part of a table @param {string[][]} rows @param {"td" | "th"} kind */
function fill(part, rows, kind) {
  const text = JSON.stringify(rows);
  if (part.dataset.rows === text) return;
  part.dataset.rows = text;
  part.replaceChildren(
    ...rows.map((cells) => {
      const row = document.createElement("tr");
      row.append(
        ...cells.map((cell, n) => {
          const place = document.createElement(n === 0 ? "th" : kind);
          place.textContent = cell;
          return place;
        }),
      );
      return row;
    }),
  );
}
