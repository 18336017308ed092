// A section of the walk: its text, its formula, its picture, and what its symbols are. The page calls it.

/**
 * A formula in TeX with the macros of widgets/math.js, and in words.
 * @typedef {{tex: string, words: string}} Formula
 *
 * What is asked before the answer shows: the options, and the answer when there is one, given the one that
 * was chosen (−1 for none).
 * @typedef {{question: string, options: string[], answer: (chosen: number) => string}} Prediction
 *
 * @typedef {import("./understand.js").Understand} Page
 */

export class Section {
  /** Its name in the line of sections. */
  static label = "";
  title = "";
  /** Whether it takes two latent dimensions with densities. */
  planar = true;
  /** Whether it shows p(z|x), log p(x) or what follows from them. */
  exact = false;

  /** @param {Page} page */
  constructor(page) {
    this.page = page;
    /** The option that was chosen; −1 for "show it"; null before. @type {number | null} */
    this.chosen = null;
    /** Where the numbers of the formulas stand. @type {Record<string, HTMLElement[]>} */
    this.numbers = {};
  }

  /** Why it is not shown for this model; "" where it is. */
  get refusal() {
    return this.planar ? this.page.refusal : "";
  }

  /** Whether prior and q are normal distributions. */
  get gaussian() {
    return this.page.vae.prior.drawn === "ε";
  }

  /** What the prior's dashed lines are. */
  get dashed() {
    return `The dashed lines hold 39 % and 86 % of it, ${this.gaussian ? "those of one and two standard deviations" : "as much as one and two standard deviations of a normal distribution do"}.`;
  }

  /** It is shown, or the model is another one. */
  start() {
    if (this.refusal) return;
    this.begin();
    this.input();
  }

  /** @returns {Formula} */
  get formula() {
    throw new Error("a section has a formula");
  }

  /** The same with its numbers; null where there is none. @returns {Formula | null} */
  get withNumbers() {
    return null;
  }

  /** @returns {Prediction} */
  get prediction() {
    throw new Error("a section has something to predict");
  }

  /** Paragraphs. @returns {string[]} */
  get text() {
    return [];
  }

  get task() {
    return "";
  }

  /** What its symbols mean, by their keys. @returns {Record<string, string>} */
  get meanings() {
    return {};
  }

  /** Make its elements, once. @param {HTMLElement} _scene */
  build(_scene) {}

  /** Before the first x of a model. */
  begin() {}

  /** x is another one. */
  input() {}

  /** log p(x) and p(z|x) of x have come. */
  found() {}

  /** The prediction has been made. */
  answered() {}

  /** It is no longer shown. */
  leave() {}

  /** @param {number} _now @param {Set<string>} _dirty */
  paint(_now, _dirty) {}

  /** Write a number into the formulas, with its sign as mathematics has it. @param {string} key @param {number | null | undefined} value @param {number} [digits] */
  number(key, value, digits = 2) {
    const there = value !== null && value !== undefined && Number.isFinite(value);
    this.words(key, there ? numeral(value, digits) : "…");
  }

  /** @param {string} key @param {string} text */
  words(key, text) {
    for (const place of this.numbers[key] ?? [])
      if (place.textContent !== text) place.textContent = text;
  }
}

/** @param {number} value @param {number} digits */
export function numeral(value, digits) {
  const text = Math.abs(value).toFixed(digits);
  return (value < 0 && Number(text) !== 0 ? "−" : "") + text;
}

/** Why log p(x) of a model is no integral over a plane; "" where it is one. @param {import("../model/vae.js").Vae} vae */
export function refusalOf({ name, d, likelihood, hasPosterior, prior }) {
  if (likelihood.constant === null)
    return `${name} was trained with a distance (${likelihood.title}): no p(x|z) belongs to it, so there is no log p(x) and no bound.`;
  if (!hasPosterior) return `The codes of ${name} are points: there is no q(z|x).`;
  if (prior.choices?.length)
    return `${name} has labels or categories beside z, and log p(x) is not computed here for those.`;
  if (d !== 2)
    return `log p(x) is an integral over all z. With two latent dimensions it can be computed on the plane; ${name} has ${d}: a grid over ${d < 2 ? "one is not made here" : "so many has too many places"}.`;
  return "";
}

/** What is known of a model's gap over many images, as a paragraph. @param {import("../session/loaded_page.js").Data["gaps"]} gaps @returns {string[]} */
export function gapsInWords(gaps) {
  if (!gaps) return [];
  const nats = ([mean, error]) => `${mean.toFixed(2)} ± ${error.toFixed(2)}`;
  const now = `Over ${gaps.images.toLocaleString("en")} test images this encoder's gap is ${nats(gaps.gap)} nats on the average.`;
  if (!gaps.before) return [now];
  return [
    `${now} With the encoder that was trained along with the same decoder it was ${nats(gaps.before)}, most of it amortisation.`,
  ];
}
