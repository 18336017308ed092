// The bound on log p(x) in symbols, its numbers, and what each symbol means: what holds for a model, and no
// more. Knows nothing of the screen.

import { brief } from "../widgets/dom.js";

/** @typedef {import("../model/vae.js").Vae} Vae */

/**
 * A part of a formula: what is written, the symbol that explains it, the quantity whose colour it has, and
 * the number that it is.
 * @typedef {{text: string, symbol?: string, colour?: string, number?: "mean" | "kl" | "sum"}} Part
 */

/**
 * What can be said of a model: a bound on log p(x); two terms, of which one is a distance; a code that is
 * a point; or a decoder alone.
 * @param {Vae} vae @returns {"bound" | "distance" | "point" | "decoder"}
 */
export function kindOf({ encodes, hasPosterior, likelihood }) {
  if (!encodes) return "decoder";
  if (!hasPosterior) return "point";
  return likelihood.constant === null ? "distance" : "bound";
}

const RECONSTRUCTION = "reconstruction";

/** How the quantities are written: with the label that a model is given. @param {Vae} vae */
function namesOf({ given }) {
  const [y, yAlone] = given ? [", y", "|y"] : ["", ""];
  return {
    evidence: `log p(x${yAlone})`,
    log: `log p(x|z${y})`,
    posterior: `q(z|x${y})`,
    prior: "p(z)",
  };
}

/** @param {Vae} vae @returns {Part[]} */
function klOf(vae) {
  const { posterior, prior } = namesOf(vae);
  return [
    { text: "KL", symbol: "kl", colour: "kl" },
    { text: "(" },
    { text: posterior, symbol: "posterior", colour: "posterior" },
    { text: "‖" },
    { text: prior, symbol: "prior" },
    { text: ")" },
  ];
}

/** What the terms of x are parts of. @param {Vae} vae @returns {{symbols: Part[], numbers: Part[]}} */
export function formulaOf(vae) {
  const kind = kindOf(vae);
  const { evidence, log } = namesOf(vae);
  const mean = { text: "E_q", symbol: "expectation", colour: RECONSTRUCTION };
  if (kind === "bound")
    return {
      symbols: [
        { text: evidence, symbol: "evidence" },
        { text: "≥", symbol: "bound" },
        mean,
        { text: "[" },
        { text: log, symbol: "likelihood", colour: RECONSTRUCTION },
        { text: "] −" },
        ...klOf(vae),
      ],
      numbers: [
        { text: "=" },
        { text: "", number: "mean", colour: RECONSTRUCTION },
        { text: "−" },
        { text: "", number: "kl", colour: "kl" },
        { text: "=" },
        { text: "", number: "sum", symbol: "bound" },
      ],
    };
  if (kind === "distance")
    return {
      symbols: [
        mean,
        { text: "[" },
        { text: vae.likelihood.formula, symbol: "likelihood", colour: RECONSTRUCTION },
        { text: "] =" },
        { text: "", number: "mean", colour: RECONSTRUCTION },
        { text: "," },
        ...klOf(vae),
        { text: "=" },
        { text: "", number: "kl", colour: "kl" },
      ],
      numbers: [
        { text: "a distance:" },
        { text: "no bound", symbol: "bound" },
        { text: "on" },
        { text: "log p(x)", symbol: "evidence" },
      ],
    };
  const [symbols, without] =
    kind === "point"
      ? [[{ text: "x̂ = decoder(encoder(x))" }], "a code is a point: no q(z|x), no KL,"]
      : [[{ text: "x̂ = decoder(z)" }], "without an encoder: no q(z|x), no KL,"];
  return {
    symbols,
    numbers: [
      { text: without },
      { text: "no bound", symbol: "bound" },
      { text: "on" },
      { text: "log p(x)", symbol: "evidence" },
    ],
  };
}

/**
 * The formula's numbers, in the digits of the terms beside it; the constant that a density's term leaves
 * out is in them.
 * @param {{n: number, mean: number, error: number} | null} over the term's mean over q(z|x)
 * @param {number} kl @param {number | null} constant of the likelihood; null for a distance
 */
export function numbersOf(over, kl, constant) {
  const error = over && over.n > 1 ? ` ± ${brief(over.error, 1)}` : "";
  if (constant === null)
    return { mean: over ? brief(over.mean, 1) + error : "…", kl: brief(kl, 2), sum: "" };
  return {
    mean: over ? brief(-(over.mean + constant), 1) : "…",
    kl: brief(kl, 2),
    sum: over ? `${brief(-(over.mean + kl + constant), 1)}${error} nats` : "…",
  };
}

/** How the line over the columns is written. @param {Vae} vae */
export function chainOf(vae) {
  const { posterior, log } = namesOf(vae);
  const kind = kindOf(vae);
  const normal = vae.prior.drawn === "ε";
  return {
    encoder: kind === "point" ? "" : posterior.replace("q(", "q_φ("),
    decoder: kind === "bound" ? log.replace("log p(", "p_θ(") : "g_θ(z)",
    code: !vae.hasPosterior ? "" : normal ? "= μ + σ" : "~ q",
    noise: vae.hasPosterior && normal,
  };
}

/** What each symbol is, in a sentence or two. @param {Vae} vae @returns {Record<string, string>} */
export function meanings(vae) {
  const kind = kindOf(vae);
  const { likelihood, d, shape, given } = vae;
  const claimed = kind === "bound";
  const family = vae.prior.drawn === "ε" ? "a normal distribution" : "a distribution";
  const label = given ? " y is the label that the model is given." : "";
  const pseudo =
    likelihood.name === "bernoulli"
      ? " With grey levels as its data, a Bernoulli makes it a pseudo-likelihood."
      : "";
  const why = {
    bound: "",
    distance: `${likelihood.title} measures how far x̂ is from x. No p(x|z) belongs to it, so there is no bound to claim.`,
    point: "A bound needs a distribution q(z|x). Here a code is a point.",
    decoder: "A bound needs q(z|x), which an encoder would give. Here there is none.",
  }[kind];
  return {
    x: `The input: a picture of ${shape.size.toLocaleString("en")} values between 0 and 1. What stands to the right follows from it, until z is moved.`,
    posterior: `q(z|x), the approximate posterior: what the encoder makes of x, ${family} with mean μ and standard deviation σ in each of ${d} dimensions.${claimed ? " It stands for p(z|x), which no formula gives." : ""}${label}`,
    noise:
      "The noise of a draw: ε ~ N(0, 1) in each dimension. z = μ + σ·ε is a draw from q(z|x) through which gradients reach μ and σ: the reparameterisation trick. The Sample tab draws it.",
    z: `The latent code: ${d} numbers.${vae.hasPosterior ? " Training draws it from q(z|x)." : ""} Here it is where the ring is, and your hand moves it.`,
    decoder: claimed
      ? `The decoder gives p(x|z), how probable each picture is under z. x̂ is its mean.${label}`
      : "The decoder: x̂ = g(z).",
    likelihood: claimed
      ? `How probable x is under p(x|z): minus the reconstruction term, ${likelihood.title}${likelihood.constant ? ", and minus its constant" : ""}.`
      : `The reconstruction term: ${likelihood.title}.`,
    "x-hat": `${claimed ? "The mean of p(x|z):" : "The picture"} ${claimed ? "what" : "that"} the decoder makes of z, wherever the ring is.`,
    evidence: claimed
      ? `The evidence: the log probability of x under the whole model, every z of the prior taken together. No formula gives it.${pseudo}`
      : "The log probability of x under a whole model, p(x|z) and p(z) together.",
    bound: claimed
      ? "The evidence lower bound (ELBO): log p(x) is at least this. What is missing is KL(q(z|x) ‖ p(z|x)). Training raises it; −ELBO is it as a cost."
      : why,
    expectation:
      "The mean over z drawn from q(z|x). It is estimated from draws, so it has a standard error. It is of x alone; the ring is one z.",
    kl: "How far q(z|x) is from the prior, in nats: what x tells about z. It is exact, and z does not move it.",
    prior: `The prior: where z is expected before x is seen, with mean ${brief(vae.prior.mean, 1)} and standard deviation ${brief(vae.prior.std, 1)} in each dimension. Dashed on the map, where the map can show it.`,
  };
}
