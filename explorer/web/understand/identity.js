// Section 4: log p(x) = ELBO + KL(q ‖ p(z|x)), with a q that a hand makes, and the climb to the best one.

import { html, plotContext, set, watchSize, write } from "../widgets/dom.js";
import { font } from "../widgets/type.js";
import { CELLS, boxAround, posteriorHeat } from "./posterior.js";
import { planeOf } from "./picture.js";
import { Section, gapsInWords, numeral } from "./section.js";

const LEAST = 0.004; // of a standard deviation, as a share of the window
const SETTLE = 160; // milliseconds after the hand rests until the split is computed finely

export class Identity extends Section {
  static label = "Identity";
  title = "The identity";
  exact = true;
  box = null;
  heat = null;
  q = null;
  best = null;
  encoders = null;
  split = null;
  resting = null;
  kept = null;
  plane = null;
  bar = null;
  gaps = null;
  optimise = null;

  get formula() {
    return {
      tex: String.raw`\begin{aligned}\sym{evidence}{\log p_\theta(x)}=&\underbrace{\mathbb E_{\q{posterior}{q}}\!\left[\q{reconstruction}{\log p_\theta(x\mid z)}\right]-\q{kl}{\mathrm{KL}(q\,\|\,p(z))}}_{\textstyle\sym{elbo}{\text{ELBO}}}\\&+\sym{gap}{\q{posterior}{\mathrm{KL}\!\left(q\,\|\,p_\theta(z\mid x)\right)}}\end{aligned}`,
      words: "log p of x is the ELBO plus the KL divergence of q from the true posterior",
    };
  }

  get withNumbers() {
    return {
      tex: String.raw`\num{exact}\;\;\overset{?}{=}\;\;\num{elbo}\;+\;\q{posterior}{\num{gap}}\;=\;\num{sum}`,
      words: "the same in numbers, nats",
    };
  }

  get prediction() {
    return {
      question: "Predict: if you drag q away from p(z|x), what happens to ELBO + KL(q ‖ p(z|x))?",
      options: ["it rises", "it falls", "nothing"],
      answer: () =>
        "Nothing: q does not occur in log p(x). What the gap gains, the ELBO loses, nat for nat. So whoever raises the ELBO in q brings q nearer to p(z|x), without ever knowing p(z|x).",
    };
  }

  get text() {
    return [
      "For any q, log p(x) splits into the ELBO (ℒ in the paper, whose equations 1 and 3 these are), which needs no p(z|x), and the gap, which is never negative. That is why the ELBO is a lower bound. Training raises it in θ too; here θ stays.",
      `Optimise climbs the ELBO in ${this.gaussian ? "μ and σ" : "a and b"} for this x alone. What the encoder's q loses against the best ${this.gaussian ? "Gaussian" : "Gamma q"} is the amortisation gap; what that still loses is the approximation gap (Cremer, Li & Duvenaud 2018).`,
      ...gapsInWords(this.page.data.gaps),
    ];
  }

  get task() {
    return "Drag the ellipse, and its edges for σ. Then press Optimise.";
  }

  get meanings() {
    return {
      evidence: "log p(x): it stands still, whatever q is.",
      elbo: "The evidence lower bound of this q: E_q[log p(x|z)] by quadrature over q, minus the KL to the prior in closed form.",
      gap: "KL(q ‖ p(z|x)), by quadrature over q. At 0, q would be p(z|x).",
    };
  }

  build(scene) {
    this.plane = planeOf(scene, this.page, "p(z|x), and a q that you make");
    const bar = html(
      '<div class="identity-bar"><canvas role="img" aria-label="ELBO and gap, which add up to log p(x)"></canvas></div>',
    );
    scene.append(bar);
    this.bar = /** @type {HTMLCanvasElement} */ (bar.querySelector("canvas"));
    watchSize(this.bar, () => this.page.change("size"));
    const foot = html(`<div class="foot-row">
      <button type="button" class="encoder">The encoder's q</button>
      <button type="button" class="prior">q = prior</button>
      <button type="button" class="optimise">Optimise</button>
      <span class="gaps"></span></div>`);
    scene.append(foot);
    const find = (name) => /** @type {HTMLElement} */ (foot.querySelector(name));
    find(".encoder").addEventListener("click", () => this._set(this.page.posterior));
    find(".prior").addEventListener("click", () => this._setPrior());
    find(".optimise").addEventListener("click", () => this._climb());
    this.gaps = find(".gaps");
    this.optimise = find(".optimise");
    this.resting = 0;
    const edge = (k, name) => ({
      key: "posterior",
      name,
      small: true,
      colour: "posterior",
      at: () => {
        const at = Array.from(this.q.mu);
        at[k] += 2 * this.q.std[k]; // on the outer ellipse, apart from the mean
        return at;
      },
      move: (z) => {
        const std = Array.from(this.q.std);
        std[k] = Math.max(this._least, Math.abs(z[k] - this.q.mu[k]) / 2);
        this._drag(this.q.mu, std);
      },
      release: () => this._rest(),
    });
    this.plane.handles = [
      {
        key: "posterior",
        name: "the mean of q",
        free: true,
        colour: "posterior",
        at: () => this.q.mu,
        move: (z) => this._drag(z, this.q.std),
        release: () => this._rest(),
      },
      edge(0, "σ₁ of q"),
      edge(1, "σ₂ of q"),
    ];
  }

  get _least() {
    const { low, high } = this.plane.box;
    return LEAST * (high[0] - low[0]);
  }

  begin() {
    this.heat = this.box = null;
    if (this.plane) this.plane.least = Math.max(this.page.vae.prior.low, -1e9);
  }

  input() {
    this.q = this.page.posterior;
    this.split = this.encoders = this.best = this.heat = null;
  }

  found() {
    const { page } = this;
    const { x, exact, evidence, posterior } = page;
    this.box = boxAround(evidence, posterior);
    this.plane.show(this.box);
    const { box } = this;
    exact.split(x, posterior, true).then((found) => {
      if (!found || page.x !== x) return;
      this.encoders = found;
      if (this.q === posterior) this.split = found;
      page.change("numbers");
    });
    exact.field(x, { ...box, n: CELLS }).then((field) => {
      if (!field || page.x !== x || box !== this.box) return;
      this.heat = posteriorHeat(page, box, field);
      page.change("field");
    });
  }

  /** @param {import("../model/vae.js").Posterior} q */
  _set(q) {
    this.q = q;
    this._ask(true);
    this.page.change("numbers");
  }

  /** The whole prior as q: the KL to it is 0. */
  _setPrior() {
    const { prior } = this.page.vae;
    const all = (v) => [v, v];
    this.plane.show({
      low: all(prior.fromStandardNormal(-2.6)),
      high: all(prior.fromStandardNormal(2.6)),
    });
    this.box = null;
    this._set(this.page.qOf(all(prior.mean), all(prior.std)));
  }

  /** @param {ArrayLike<number>} mu @param {ArrayLike<number>} std */
  _drag(mu, std) {
    const { low } = this.page.vae.prior;
    const mean = Array.from(mu, (m) => (low > -Infinity ? Math.max(m, low + this._least) : m));
    this.q = this.page.qOf(mean, std);
    this._ask(false);
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this._rest(), SETTLE);
    this.page.change("numbers");
  }

  _rest() {
    clearTimeout(this.resting);
    this._ask(true);
  }

  /** @param {boolean} fine */
  _ask(fine) {
    const { page, q } = this;
    const { x, exact, evidence } = page;
    if (!evidence) return;
    exact.split(x, q, fine).then(
      (found) => {
        if (!found || page.x !== x) return;
        if (!fine || this.q === q) this.split = found;
        if (q === page.posterior) this.encoders = found;
        page.change("numbers");
      },
      (error) => page.fault(error.message),
    );
  }

  /** Climb from this q, from the encoder's, and from one with the moments of p(z|x): a climb may end on a lower hump. */
  async _climb() {
    const { page, q } = this;
    const { x, exact, evidence } = page;
    if (!evidence) return;
    set(this.optimise, "aria-pressed", true);
    try {
      const found = await exact.climb(x, q, {}, (step) => {
        if (page.x !== x) return;
        this.q = this._whole(step.q);
        this.split = this._splitOf(step.elbo, this.q.kl);
        page.change("numbers");
      });
      if (!found || page.x !== x) return;
      const { mean, covariance } = evidence;
      const std = [covariance[0], covariance[2]].map(Math.sqrt);
      let best = found;
      for (const start of [page.posterior, page.qOf(mean, std)]) {
        const other = start === q ? found : await exact.climb(x, start);
        if (!other || page.x !== x) return;
        if (other.elbo > best.elbo) best = other;
      }
      this.q = this._whole(best.q);
      this.best = best.elbo;
      if (!this.box) {
        this.box = boxAround(evidence, page.posterior);
        this.plane.show(this.box);
      }
      this._ask(true);
    } catch (error) {
      page.fault(error.message);
    } finally {
      set(this.optimise, "aria-pressed", false);
    }
  }

  /** A q of the worker's with its KL. @param {import("../model/families.js").FamilyPosterior} q */
  _whole({ mu, std }) {
    return this.page.qOf(mu, std);
  }

  /** While it climbs: the gap is what the ELBO leaves. @param {number} elbo @param {number} kl */
  _splitOf(elbo, kl) {
    const { logP } = this.page.evidence;
    return { elbo, gap: logP - elbo, expected: elbo + kl, kl, error: 0 };
  }

  paint() {
    const { page, plane, q, heat, split } = this;
    const { theme, evidence, vae } = page;
    if (!evidence && !this.box) {
      const { mu, std } = q;
      plane.show({
        low: [0, 1].map((k) => mu[k] - 6 * std[k]),
        high: [0, 1].map((k) => mu[k] + 6 * std[k]),
      });
    }
    if (plane.begin(theme, page.lit)) {
      if (heat && this._heatBox) plane.heat(heat, CELLS, this._heatBox, theme.ink, "true");
      plane.prior(vae.prior);
      plane.ellipses(q.mu, q.std, theme.posterior, "posterior");
      plane.end();
    }
    plane.say("Grey: p(z|x). Violet: your q.");
    this.number("exact", evidence?.logP, 2);
    this.number("elbo", split?.elbo, 2);
    this.number("gap", split?.gap, 2);
    this.number("sum", split ? split.elbo + split.gap : null, 2);
    this._paintBar(theme);
    this._sayGaps();
  }

  /** The box of the heat map, also while another one is in view. */
  get _heatBox() {
    if (this.box) this.kept = this.box;
    return this.kept;
  }

  _sayGaps() {
    const { evidence } = this.page;
    const { encoders, best } = this;
    if (!evidence || best === null || !encoders) return write(this.gaps, "");
    write(
      this.gaps,
      `Amortisation gap ${numeral(Math.max(0, best - encoders.elbo), 2)}, approximation gap ${numeral(Math.max(0, evidence.logP - best), 2)} nats`,
    );
  }

  /** A line of nats: log p(x) stands still on it, and the ELBO ends where the gap begins. */
  _paintBar(theme) {
    const { evidence } = this.page;
    const { split } = this;
    const { context: c, width, height } = plotContext(this.bar);
    if (!width || !evidence) return;
    const { logP } = evidence;
    const elbo = split?.elbo ?? logP;
    const reach =
      [10, 30, 100, 300, 1000, 3000, 1e4, 1e5, 1e6].find((r) => logP - elbo < 0.9 * r) ?? 1e7;
    const x = (/** @type {number} */ v) => 8 + (1 - (logP - v) / reach) * (width - 90);
    const [top, tall] = [22, height - 44];
    c.fillStyle = theme.kl;
    c.globalAlpha = 0.25;
    c.fillRect(0, top, x(elbo), tall);
    c.globalAlpha = 1;
    c.fillStyle = theme.posterior;
    c.fillRect(x(elbo), top, x(logP) - x(elbo), tall);
    c.strokeStyle = theme.paper;
    c.lineWidth = 3;
    c.save();
    c.beginPath();
    c.rect(x(elbo), top, x(logP) - x(elbo), tall);
    c.clip();
    for (let s = x(elbo) - tall; s < x(logP); s += 9) {
      c.beginPath();
      c.moveTo(s, top + tall);
      c.lineTo(s + tall, top);
      c.stroke();
    }
    c.restore();
    c.fillStyle = theme.ink;
    c.fillRect(x(logP) - 1.5, top - 8, 3, tall + 16);
    c.font = font(13, "600");
    c.fillText(`ELBO ${numeral(elbo, 2)}`, 10, top + tall / 2 + 5);
    c.textAlign = "right";
    c.fillText(`log p(x) = ${numeral(logP, 2)} nats`, width - 6, 14);
    c.fillStyle = theme.posterior;
    const gap = split?.gap ?? 0;
    c.fillText(`gap ${numeral(gap, 2)}`, width - 6, height - 6);
    c.textAlign = "left";
    c.fillStyle = theme.ink;
    c.globalAlpha = 0.7;
    c.font = font(11);
    c.fillText(`← ${reach.toLocaleString("en")} nats below log p(x)`, 8, height - 6);
    c.globalAlpha = 1;
    set(
      this.bar,
      "aria-label",
      `ELBO ${numeral(elbo, 2)} and gap ${numeral(gap, 2)} add up to log p(x), ${numeral(logP, 2)} nats`,
    );
  }
}
