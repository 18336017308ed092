// Section 3: the true posterior p(z|x), and the encoder's q(z|x) over it.

import { html, write } from "../widgets/dom.js";
import { Strip, densityHeat, planeWithPicture } from "./picture.js";
import { Section, numeral } from "./section.js";

export const CELLS = 72;
const SEARCHED = 400; // images
const SHOWN = 8;

/** A box around p(z|x) and two standard deviations of a q. @param {import("../model/exact.js").Evidence} evidence @param {{mu: ArrayLike<number>, std: ArrayLike<number>}} q */
export function boxAround({ low, high }, { mu, std }) {
  const box = {
    low: [0, 1].map((k) => Math.min(low[k], mu[k] - 2.2 * std[k])),
    high: [0, 1].map((k) => Math.max(high[k], mu[k] + 2.2 * std[k])),
  };
  // Square, so that the plane is filled.
  const side = Math.max(box.high[0] - box.low[0], box.high[1] - box.low[1]) * 1.25;
  const middle = [0, 1].map((k) => (box.low[k] + box.high[k]) / 2);
  return {
    low: middle.map((m) => m - side / 2),
    high: middle.map((m) => m + side / 2),
  };
}

/** p(z|x) on a box, as heat: log p(x|z) + log p(z). @param {import("./understand.js").Understand} page @param {{low: number[], high: number[]}} box @param {Float32Array} field log p(x|z) */
export function posteriorHeat({ vae }, box, field) {
  const z = new Float32Array(2);
  const side = [0, 1].map((k) => (box.high[k] - box.low[k]) / CELLS);
  const logs = field.map((v, i) => {
    z[0] = box.low[0] + ((i % CELLS) + 0.5) * side[0];
    z[1] = box.high[1] - (Math.floor(i / CELLS) + 0.5) * side[1];
    return z[0] <= vae.prior.low || z[1] <= vae.prior.low ? -Infinity : v + vae.prior.logPrior(z);
  });
  return densityHeat(logs);
}

export class PosteriorSection extends Section {
  static label = "Posterior";
  title = "The encoder's answer";
  exact = true;
  plane = null;
  decoded = null;
  findButton = null;
  progress = null;
  strip = null;
  bad = null;
  box = null;
  heat = null;
  gap = null;
  modes = null;

  get formula() {
    return {
      tex: String.raw`\begin{gathered}\sym{true}{p_\theta(z\mid x)}=\frac{p_\theta(x\mid z)\,p(z)}{\sym{evidence}{p_\theta(x)}}\\[4pt] \sym{posterior}{\q{posterior}{q_\phi(z\mid x)}}=${this.family}\approx \sym{true}{p_\theta(z\mid x)}\end{gathered}`,
      words:
        "the true posterior by Bayes' rule, and q of z given x, a normal distribution, near it",
    };
  }

  get family() {
    return this.gaussian
      ? String.raw`\mathcal N(\mu,\operatorname{diag}\sigma^2)`
      : String.raw`\textstyle\prod_j\mathrm{Gamma}(a_j, b_j)`;
  }

  get withNumbers() {
    return {
      tex: String.raw`\sym{gap}{\q{posterior}{\mathrm{KL}\!\left(q_\phi(z\mid x)\,\|\,p_\theta(z\mid x)\right)}}=\num{gap}\ \text{nats}`,
      words: "the KL divergence of q from the true posterior, in nats",
    };
  }

  get prediction() {
    return {
      question: "Predict: which codes could have made this x? What shape will p(z|x) have?",
      options: ["a round bell", "a tilted or bent one", "several humps"],
      answer: () => this._answer(),
    };
  }

  _answer() {
    const { evidence } = this.page;
    if (!evidence) return "It is being computed …";
    const [xx, xy, yy] = evidence.covariance;
    const correlation = xy / Math.sqrt(xx * yy);
    const { modes } = this;
    if (!modes) return "It is being computed …";
    const humps = modes > 1 ? `${modes} humps` : "one hump";
    return `Look at the grey heat: ${humps}, with a correlation of ${numeral(correlation, 2)} between z₁ and z₂. The encoder's q can have none, as its two dimensions are independent, and it has one hump, whatever p(z|x) looks like.`;
  }

  get text() {
    return [
      `Turned round by Bayes' rule, the story says which codes could have made this x: the true posterior p(z|x). It needs p(x), which usually cannot be had. So the encoder is trained to say at once where p(z|x) is, ${this.gaussian ? "by a normal distribution with a mean μ and a standard deviation σ" : "by a Gamma distribution with a shape a and a rate b"} in each dimension.`,
      "Here both can be seen. The grey heat is p(z|x), computed on the plane; the violet ellipses are one and two standard deviations of the encoder's q. How far apart they are is KL(q(z|x) ‖ p(z|x)), in nats: 0 where they agree.",
    ];
  }

  get task() {
    return "Find images that no q of this family fits: what is unclear about these pictures? Then draw one yourself.";
  }

  get meanings() {
    return {
      true: "The true posterior: which codes could have made x, and how likely each is. The grey heat.",
      posterior:
        "q(z|x), the approximate posterior: the encoder's answer. φ are the encoder's weights. The violet ellipses.",
      evidence: "p(x), the evidence, which makes p(z|x) add up to 1. Section 2 computed it.",
      gap: "How far q is from p(z|x), in nats: by quadrature over q. It is never negative, and it is not symmetric: where q is and p is not costs much.",
    };
  }

  build(scene) {
    const { plane, decoded } = planeWithPicture(
      scene,
      this.page,
      "The true posterior p(z|x), and q(z|x) over it",
      { small: true },
    );
    this.plane = plane;
    this.decoded = decoded;
    const foot = html(
      '<div class="foot-row"><button type="button" class="find">Find images that q fits badly</button> <span class="progress"></span></div>',
    );
    scene.append(foot);
    this.findButton = /** @type {HTMLButtonElement} */ (foot.querySelector("button"));
    this.progress = foot.querySelector("span");
    this.findButton.addEventListener("click", () => this._find());
    this.strip = new Strip(scene, "Images whose p(z|x) is wide, or has several humps", (n) => {
      const one = this.bad[n];
      if (one !== undefined) this.page.choose(one.index);
    });
    /** @type {{index: number, modes: number}[]} */
    this.bad = [];
  }

  begin() {
    this.heat = this.box = null;
    this.bad = [];
    this.strip?.paint([], this.page.vae.shape, []);
    write(this.progress, "");
    if (this.plane) this.plane.least = this.page.vae.prior.low;
  }

  input() {
    this.heat = this.gap = null;
    this.modes = this.bad.find(({ index }) => index === this.page.image)?.modes;
  }

  found() {
    const { page } = this;
    const { x, exact, evidence, posterior } = page;
    const mine = () => page.x === x && page.section === this;
    this.box = boxAround(evidence, posterior);
    this.plane.show(this.box);
    // A ring that was left elsewhere would be out of sight.
    if ([0, 1].some((k) => page.z[k] < this.box.low[k] || page.z[k] > this.box.high[k]))
      page.z = posterior.mu.slice();
    exact.split(x, posterior, true).then((found) => {
      if (!found || !mine()) return;
      this.gap = found.gap;
      page.change("numbers");
    });
    const { box } = this;
    exact.field(x, { ...box, n: CELLS }).then((field) => {
      if (!field || !mine() || box !== this.box) return;
      this.heat = posteriorHeat(page, box, field);
      page.change("field");
    });
    exact.modes(x).then(
      (modes) => {
        if (!modes || !mine()) return;
        this.modes = modes;
        page.change("numbers");
      },
      (error) => page.fault(error.message),
    );
  }

  /** Among the images whose pictures are here. */
  async _find() {
    const { page } = this;
    const { pictures, exact } = page;
    const numbers = [];
    for (let n = 0; n < pictures.count && numbers.length < SEARCHED; n++)
      if (pictures.has(n)) numbers.push(n);
    this.findButton.disabled = true;
    try {
      const found = await exact.search(
        numbers.map((n) => pictures.get(n)),
        (share) => write(this.progress, `${Math.round(100 * share)} % of ${numbers.length} images`),
      );
      if (!found) return write(this.progress, "");
      this.bad = found
        .slice(0, SHOWN)
        .map(({ index, modes }) => ({ index: numbers[index], modes }));
      const names = this.bad.map(({ modes }) => (modes > 1 ? `${modes} humps` : "wide"));
      this.strip.paint(
        this.bad.map(({ index }) => pictures.get(index)),
        page.vae.shape,
        names,
      );
      write(this.progress, `The worst of ${numbers.length} images. Press one.`);
    } catch (error) {
      page.fault(error.message);
    } finally {
      this.findButton.disabled = false;
    }
  }

  paint() {
    const { page, plane, heat, box } = this;
    const { z, theme, posterior, evidence } = page;
    const { picture, log } = page.decode(z);
    const prior = page.vae.prior;
    const truth = evidence ? log + prior.logPrior(z) - evidence.logP : null;
    const q = prior.logPosterior(z, posterior);
    this.decoded.paint(
      picture,
      page.vae.shape,
      z,
      `at z: log p(z|x) = ${truth === null ? "…" : numeral(truth, 1)}, log q(z|x) = ${numeral(q, 1)}`,
    );
    if (!box) {
      const { mu, std } = posterior;
      plane.show({
        low: [0, 1].map((k) => mu[k] - 6 * std[k]),
        high: [0, 1].map((k) => mu[k] + 6 * std[k]),
      });
    }
    if (plane.begin(theme, page.lit)) {
      if (heat) plane.heat(heat, CELLS, box, theme.ink, "true");
      plane.prior(prior);
      plane.ellipses(posterior.mu, posterior.std, theme.posterior, "posterior");
      plane.end();
    }
    plane.say(heat ? "Grey: p(z|x). Violet: q(z|x), one and two σ." : "");
    this.number("gap", this.gap, 2);
  }
}
