// Section 1: a code from the prior, and what the decoder makes of it.

import { write } from "../widgets/dom.js";
import { normals } from "../model/random.js";
import { Strip, classAt, paintCodes, priorBox, planeWithPicture } from "./picture.js";
import { Section, numeral } from "./section.js";
import { html, lessMotion } from "../widgets/dom.js";

const KEPT = 8; // samples that stay in view
const WALK_MS = 2600;

export class Generative extends Section {
  static label = "Story";
  title = "How a picture comes about";
  kept = null;
  normal = null;
  walk = null;
  plane = null;
  decoded = null;
  strip = null;

  get formula() {
    return {
      tex: String.raw`\begin{gathered}\sym{prior}{p(z)}=${this.priorTex}\qquad \sym{likelihood}{\q{reconstruction}{p_\theta(x\mid z)}}\\[2pt] \sym{evidence}{p_\theta(x)}=\int \sym{likelihood}{\q{reconstruction}{p_\theta(x\mid z)}}\;\sym{prior}{p(z)}\;dz\end{gathered}`,
      words: "p of x is the integral over z of p of x given z times p of z",
    };
  }

  get priorTex() {
    const { prior } = this.page.vae;
    if (prior.low > -Infinity) return String.raw`\mathrm{Gamma}`;
    const variance = prior.std ** 2;
    return prior.mean === 0 && Math.abs(variance - 1) < 1e-6
      ? String.raw`\mathcal N(0, I)`
      : String.raw`\mathcal N(${prior.mean}, ${Number(variance.toFixed(2))}\,I)`;
  }

  get withNumbers() {
    return {
      tex: String.raw`\q{z}{z=(\num{z1},\ \num{z2})}\qquad \log p(z)=\num{prior}\ \text{nats}`,
      words: "z and log p of z, in numbers",
    };
  }

  get prediction() {
    const { names } = this;
    return {
      question: `Predict: on a straight line from the code of a ${names[0]} to that of a ${names[1]}, what lies halfway?`,
      options: this.page.pictures.classes.slice(0, 10),
      answer: (chosen) => {
        const { name } = this.halfway;
        const said = this.page.pictures.classes[chosen];
        const right = chosen < 0 ? "" : said === name ? "Yes. " : `Not ${said}. `;
        return `${right}Most codes around the middle are of class ${name}. Look at the pictures below: the decoder gives each place one, also where no image has its code.`;
      },
    };
  }

  get text() {
    return [
      "The model tells a story of how pictures come about. First a code z is drawn from the prior p(z), which knows nothing of pictures. Then the decoder turns z into p(x|z), a distribution over pictures; x̂ is its mean.",
      "p(x) is how probable a picture is when every z is taken into account, each as much as the prior holds it possible. Two dimensions are few for handwriting, but they fit on a plane, and on a plane everything can be computed and seen.",
    ];
  }

  get task() {
    return "Drag the ring, or draw some z from the prior: which of them could be images of the data?";
  }

  get meanings() {
    return {
      prior: `The prior p(z): where codes come from before any picture is seen. ${this.dashed}`,
      likelihood: `p(x|z), the likelihood of z: the decoder's distribution over pictures. Each value of a picture has its own (${this.page.vae.likelihood.title}), given z. θ are the decoder's weights.`,
      evidence:
        "The evidence, or marginal likelihood: p(x|z) averaged over the prior. No formula gives this integral; section 2 computes it.",
    };
  }

  build(scene) {
    const { plane, side, decoded } = planeWithPicture(
      scene,
      this.page,
      "The latent plane with the prior",
      { moved: () => (this.walk = 0) },
    );
    this.plane = plane;
    this.decoded = decoded;
    const buttons = html(
      '<div class="buttons"><button type="button" class="draw">Draw z ~ p(z)</button></div>',
    );
    side.append(buttons);
    buttons.querySelector("button").addEventListener("click", () => this._draw());
    this.strip = new Strip(scene, "What was drawn, or lies on the way", (n) => {
      const z = this.kept[n];
      if (z) this._go(z);
    });
    /** @type {ArrayLike<number>[]} */
    this.kept = [];
    this.normal = normals();
    this.walk = 0;
  }

  begin() {
    this.kept = [];
    this.walk = 0;
    this.plane.show(priorBox(this.page));
    this.plane.least = this.page.vae.prior.low;
    if (this.chosen !== null) this._showWay();
  }

  get names() {
    const { classes } = this.page.pictures;
    const [a, b] = this.ends;
    return [classes[this.page.pictures.labels[a]], classes[this.page.pictures.labels[b]]];
  }

  /** Two images: a 4 and a 7 where there are ten classes. */
  get ends() {
    const typical = this.page.data.typical.filter((image) => image !== null);
    return typical.length > 7 ? [typical[4], typical[7]] : [typical[0], typical.at(-1)];
  }

  get way() {
    const codes = this.ends.map((image) => this._codeOf(image));
    return (share) => [0, 1].map((k) => (1 - share) * codes[0][k] + share * codes[1][k]);
  }

  /** @param {number} image */
  _codeOf(image) {
    const { x, y, index } = this.page.blob.arrays;
    const at = index.indexOf(image);
    return [x[Math.max(0, at)], y[Math.max(0, at)]];
  }

  get halfway() {
    const z = this.way(0.5);
    return { z, name: classAt(this.page, z) };
  }

  answered() {
    this._showWay();
    this.walk = lessMotion() ? 0 : performance.now();
    if (!this.walk) this._go(this.way(0.5));
    this.page.change("walk");
  }

  _showWay() {
    this.kept = Array.from({ length: KEPT }, (_, n) => this.way(n / (KEPT - 1)));
    this._paintStrip();
  }

  /** @param {ArrayLike<number>} z */
  _go(z) {
    this.page.z = Float32Array.from(z);
    this.page.change("z");
  }

  _draw() {
    this.walk = 0;
    const { prior } = this.page.vae;
    const z = Float32Array.from({ length: 2 }, () => prior.fromStandardNormal(this.normal()));
    this.kept = [...this.kept.slice(-(KEPT - 1)), z];
    this._go(z);
    this._paintStrip();
  }

  _paintStrip() {
    const { page } = this;
    const pictures = this.kept.map((z) => page.vae.mean(page.vae.decode(Float32Array.from(z))));
    this.strip.paint(
      pictures,
      page.vae.shape,
      this.kept.map(() => ""),
    );
  }

  paint(now) {
    const { page, plane } = this;
    if (this.walk) {
      const share = Math.min(1, (now - this.walk) / WALK_MS);
      this._go(this.way(share < 0.75 ? share / 1.5 : 0.5)); // to the middle, and it stays there
      if (share >= 1) this.walk = 0;
    }
    const { z, theme } = page;
    const { picture } = page.decode(z);
    this.decoded.paint(picture, page.vae.shape, z, "the mean of p(x|z)");
    if (!plane.begin(theme, page.lit)) return;
    if (this.chosen !== null) {
      paintCodes(plane, page);
      plane.path([this.way(0), this.way(1)], theme.z);
    }
    plane.prior(page.vae.prior);
    plane.dots(this.kept, theme.z, 7, 0.9);
    plane.end();
    const log = page.vae.prior.logPrior(z);
    this.number("z1", z[0]);
    this.number("z2", z[1]);
    this.number("prior", log);
    const codes = this.chosen === null ? "" : " Dots: the images' codes, a colour a class.";
    plane.say(`Dashed: they hold 39 % and 86 % of the prior.${codes}`);
    write(page.$(".announce"), `z = (${numeral(z[0], 2)}, ${numeral(z[1], 2)})`);
    if (this.walk) page.change("walk");
  }
}
