// Section 8: the aggregate posterior Σ q(z|x)/N against the prior, and the holes between them.

import { html, write } from "../widgets/dom.js";
import { fieldOf, priorBox, planeWithPicture } from "./picture.js";
import { Section, numeral } from "./section.js";

const CELLS = 110;
const IMAGES = 1500;
const PIECE_MS = 8;
// Of the prior's σ, by which each q is widened: some images stand for many more (see docs/LOG.md).
const WIDENED = 0.06;
const HOLE = 0.1; // of the prior's density: less is a hole

/**
 * Σ q(z|x)/N on cells of a box, each q a little widened, added up a posterior at a time where it is.
 */
export class Density {
  /** @param {{low: number[], high: number[]}} box @param {number} n cells along a side */
  constructor(box, n) {
    this.box = box;
    this.n = n;
    this.side = [0, 1].map((k) => (box.high[k] - box.low[k]) / n);
    this.sum = new Float64Array(n * n);
    this.count = 0;
  }

  /** @param {import("../model/families.js").LatentFamily} prior @param {import("../model/families.js").FamilyPosterior} q */
  add(prior, q) {
    const { box, n, side } = this;
    this.count += 1;
    const std = [0, 1].map((k) =>
      Math.max(Math.hypot(q.std[k], WIDENED * prior.std), 0.6 * side[k]),
    ); // no narrower than a cell shows
    const wide = prior.withMoments(q.mu, Float32Array.from(std));
    const range = (k) =>
      [-4, 4].map((s) =>
        Math.min(n - 1, Math.max(0, Math.floor((q.mu[k] + s * std[k] - box.low[k]) / side[k]))),
      );
    const [left, right] = range(0);
    const [bottom, top] = range(1);
    const z = new Float32Array(2);
    for (let j = bottom; j <= top; j++)
      for (let i = left; i <= right; i++) {
        z[0] = box.low[0] + (i + 0.5) * side[0];
        z[1] = box.low[1] + (j + 0.5) * side[1];
        this.sum[(n - 1 - j) * n + i] += Math.exp(prior.logPosterior(z, wide));
      }
  }

  /** @param {ArrayLike<number>} z */
  at(z) {
    const { box, n, side, sum, count } = this;
    const [i, j] = [0, 1].map((k) => Math.floor((z[k] - box.low[k]) / side[k]));
    if (i < 0 || j < 0 || i >= n || j >= n) return 0;
    return sum[(n - 1 - j) * n + i] / count;
  }
}

export class Aggregate extends Section {
  static label = "Aggregate";
  title = "Prior and aggregate posterior";
  plane = null;
  decoded = null;
  mode = null;
  progress = null;
  box = null;
  density = null;
  heats = null;
  holes = null;
  next = null;
  hole = null;
  run = null;
  places = null;

  get formula() {
    return {
      tex: String.raw`\sym{aggregate}{\q{posterior}{q(z)}}=\frac1N\sum_{n=1}^{N} q_\phi(z\mid x_n)\quad\text{against}\quad \sym{prior}{p(z)}`,
      words:
        "the aggregate posterior q of z, the mean of all q of z given x, against the prior p of z",
    };
  }

  get withNumbers() {
    return {
      tex: String.raw`\q{z}{\text{at }z}:\ \ \q{posterior}{q(z)}=\num{q},\ \ p(z)=\num{p},\ \ \tfrac{q(z)}{p(z)}=\num{ratio}`,
      words: "both densities at z",
    };
  }

  get prediction() {
    return {
      question:
        "Predict: which share of the prior lies in holes, where the images' codes have less than a tenth of its density?",
      options: ["about 1 %", "about 10 %", "about 30 %"],
      answer: () => {
        const { holes } = this;
        if (holes === null) return "It is being computed …";
        return `${(100 * holes).toFixed(holes < 0.1 ? 1 : 0)} %, as ${this.density.count.toLocaleString("en")} images tell: they stand for many more, so each q is widened by ${WIDENED} of the prior's σ. A sample that falls into a hole is a code that next to no image taught the decoder: take the ring there and look.`;
      },
    };
  }

  get text() {
    return [
      "Training compares each q(z|x) with the prior, one at a time. Samples come from the prior; what the decoder knows, from where codes are: the mean of all q(z|x), the aggregate posterior.",
      "Where the prior has mass and the aggregate posterior has none is a hole: its pictures are of no class, or of two at once. The mean of the KL over all x is the mutual information of x and z plus KL(q(z) ‖ p(z)) (Hoffman & Johnson 2016): only the latter closes holes.",
    ];
  }

  get task() {
    return "Press a hole. Then drag the ring far outside: what does the decoder do where nothing ever was?";
  }

  get meanings() {
    return {
      aggregate:
        "The aggregate posterior q(z): where the codes of the images are, all of them together. Violet; estimated from some of them.",
      prior:
        "The prior p(z), from which samples are drawn. Dashed, and in “holes” the heat that is not covered.",
    };
  }

  build(scene) {
    const { plane, decoded } = planeWithPicture(
      scene,
      this.page,
      "The aggregate posterior against the prior",
    );
    this.plane = plane;
    this.decoded = decoded;
    const foot =
      html(`<div class="foot-row"><span class="switch" role="group" aria-label="What is shown">
      <button type="button" data-show="both" aria-pressed="true">q(z)</button><button type="button" data-show="holes" aria-pressed="false">Holes</button></span>
      <button type="button" class="hole">z to a hole</button> <span class="progress"></span></div>`);
    scene.append(foot);
    this.mode = "both";
    const buttons = /** @type {NodeListOf<HTMLElement>} */ (foot.querySelectorAll("[data-show]"));
    for (const button of buttons)
      button.addEventListener("click", () => {
        this.mode = button.dataset.show;
        for (const one of buttons) one.setAttribute("aria-pressed", String(one === button));
        this.page.change("numbers");
      });
    this.progress = foot.querySelector(".progress");
    foot.querySelector(".hole").addEventListener("click", () => this._toHole());
  }

  begin() {
    const { page } = this;
    this.box = priorBox(page);
    this.plane.show(this.box);
    this.plane.least = page.vae.prior.low;
    this.density = new Density(this.box, CELLS);
    this.heats = null;
    this.holes = null;
    this.next = 0;
    this.hole = 0;
    this.run = {}; // who counts
    this._count(this.run);
  }

  leave() {
    this.run = null;
  }

  /** Encode images, some at a time, and add their posteriors up. @param {object} run */
  async _count(run) {
    const { page, density } = this;
    const { pictures, vae } = page;
    await page.encoders;
    const labels = vae.labelsIn(new Float32Array(vae.d));
    while (this.run === run && density.count < Math.min(IMAGES, pictures.count)) {
      const until = performance.now() + PIECE_MS;
      let waits = true;
      for (; this.next < pictures.count && performance.now() < until; this.next++) {
        if (!pictures.has(this.next)) break;
        density.add(vae.prior, vae.encode(pictures.get(this.next), labels, this.next));
        waits = false;
        if (density.count >= IMAGES) break;
      }
      if (this.next >= pictures.count) break;
      if (density.count % 100 < 8 || density.count >= IMAGES) this._look();
      await new Promise((done) => setTimeout(done, waits ? 120 : 0));
    }
    if (this.run === run) this._look();
  }

  /** The heat maps of what has been counted so far. */
  _look() {
    const { page, density, box } = this;
    if (!density.count) return;
    const { prior } = page.vae;
    const z = new Float32Array(2);
    const own = fieldOf(box, CELLS, (a, b) => {
      z[0] = a;
      z[1] = b;
      return Math.exp(prior.logPrior(z));
    });
    const shares = density.sum.map((v) => v / density.count);
    const top = shares
      .slice()
      .sort()
      .at(-Math.ceil(0.005 * shares.length));
    const both = Float32Array.from(shares, (v) => Math.sqrt(Math.min(1, v / top)));
    const most = own.reduce((a, b) => Math.max(a, b), 0);
    const empty = own.map((p, i) => (shares[i] < HOLE * p ? Math.sqrt(p / most) : 0));
    let [mass, all] = [0, 0];
    own.forEach((p, i) => {
      all += p;
      if (shares[i] < HOLE * p) mass += p;
    });
    this.heats = { both, holes: empty };
    this.holes = mass / all;
    // The middles of holes: the emptiest places of the densest prior, apart from each other.
    const order = Array.from(own.keys()).sort((a, b) => empty[b] - empty[a]);
    /** @type {number[][]} */
    const found = [];
    for (const i of order.slice(0, 3000)) {
      if (!empty[i]) break;
      const place = this._placeOf(i);
      if (found.every((other) => Math.hypot(other[0] - place[0], other[1] - place[1]) > 0.5))
        found.push(place);
      if (found.length === 12) break;
    }
    this.places = found;
    page.change("numbers");
  }

  /** @param {number} i a cell */
  _placeOf(i) {
    const { box, density } = this;
    return [
      box.low[0] + ((i % CELLS) + 0.5) * density.side[0],
      box.high[1] - (Math.floor(i / CELLS) + 0.5) * density.side[1],
    ];
  }

  _toHole() {
    const { places, page } = this;
    if (!places?.length) return;
    page.z = Float32Array.from(places[this.hole++ % places.length]);
    page.change("z");
  }

  paint() {
    const { page, plane, heats, density } = this;
    const { z, theme, vae } = page;
    const { picture } = page.decode(z);
    this.decoded.paint(picture, vae.shape, z, "what the decoder makes of it");
    if (plane.begin(theme, page.lit)) {
      if (heats)
        plane.heat(
          heats[this.mode],
          CELLS,
          this.box,
          this.mode === "both" ? theme.posterior : theme.x,
          this.mode === "both" ? "aggregate" : "prior",
        );
      plane.prior(vae.prior);
      plane.end();
    }
    plane.say(
      this.mode === "both"
        ? "Violet: q(z). Dashed: 39 % and 86 % of the prior."
        : "Heat: p(z) where q(z) is less than a tenth of it.",
    );
    const count = density.count.toLocaleString("en");
    write(this.progress, `${count} images`);
    const p = Math.exp(vae.prior.logPrior(z));
    const q = density.count ? density.at(z) : null;
    this.number("q", q, 3);
    this.number("p", p, 3);
    this.number("ratio", q === null ? null : q / p, 2);
    write(page.$(".announce"), `q(z) = ${numeral(q ?? 0, 3)}, p(z) = ${numeral(p, 3)}`);
  }
}
