// What the Explore page says of a model in symbols: the bound where there is one, and nothing more elsewhere.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  chainOf,
  formulaOf,
  kindOf,
  meanings,
  numbersOf,
} from "../../explorer/web/explore/bound.js";

/** A VAE, as far as its formula goes. @param {object} [more] */
const vae = (more = {}) =>
  /** @type {import("../../explorer/web/model/vae.js").Vae} */ (
    /** @type {unknown} */ ({
      encodes: true,
      hasPosterior: true,
      given: 0,
      d: 2,
      shape: { size: 784 },
      prior: { drawn: "ε", mean: 0, std: 1 },
      likelihood: { name: "bernoulli", title: "Bernoulli", formula: "BCE(x̂, x)", constant: 0 },
      ...more,
    })
  );
const DISTANCE = { name: "perceptual", title: "Perceptual", formula: "d(x̂, x)", constant: null };

/** @param {import("../../explorer/web/model/vae.js").Vae} model */
const text = (model) => {
  const { symbols, numbers } = formulaOf(model);
  return [...symbols, ...numbers]
    .map((part) => part.text || `<${part.number}>`)
    .join(" ")
    .replace(/([([]) | (?=[)\]])/g, "$1");
};

test("the bound of a VAE, and with the label of a conditional one", () => {
  assert.equal(
    text(vae()),
    "log p(x) ≥ E_q [log p(x|z)] − KL (q(z|x) ‖ p(z)) = <mean> − <kl> = <sum>",
  );
  assert.match(
    text(vae({ given: 1 })),
    /^log p\(x\|y\) ≥ E_q \[log p\(x\|z, y\)\] − KL \(q\(z\|x, y\)/,
  );
});

test("no bound is written for a distance, a code that is a point, or a decoder alone", () => {
  const models = {
    distance: vae({ likelihood: DISTANCE }),
    point: vae({ hasPosterior: false, prior: { drawn: "z", mean: 0, std: 1 } }),
    decoder: vae({ encodes: false, hasPosterior: false }),
  };
  for (const [kind, model] of Object.entries(models)) {
    assert.equal(kindOf(model), kind);
    assert.doesNotMatch(text(model), /≥|<sum>/);
    assert.match(text(model), /no bound on log p\(x\)/);
    assert.equal(chainOf(model).decoder, "g_θ(z)", "no p(x|z) either");
    assert.doesNotMatch(Object.values(meanings(model)).join(" "), /ELBO|evidence/i);
  }
  assert.match(text(models.distance), /^E_q \[d\(x̂, x\)\] = <mean> , KL/);
  assert.doesNotMatch(text(models.point) + text(models.decoder), /<|E_q/);
});

test("every symbol of a formula and of the line has a meaning", () => {
  for (const model of [vae(), vae({ likelihood: DISTANCE }), vae({ encodes: false })]) {
    const { symbols, numbers } = formulaOf(model);
    const keys = [...symbols, ...numbers].flatMap(({ symbol }) => symbol ?? []);
    const said = meanings(model);
    for (const key of [...keys, "x", "posterior", "noise", "z", "decoder", "x-hat"])
      assert.ok(said[key]?.length > 20, key);
  }
});

test("the numbers are the terms', as parts of the bound: with the constant, and the other sign", () => {
  const over = { n: 256, mean: 23.46, error: 0.12 };
  assert.deepEqual(numbersOf(over, 4.391, 448.7), {
    mean: "−472.2",
    kl: "4.39",
    sum: "−476.6 ± 0.1 nats",
  });
  assert.equal(numbersOf({ ...over, mean: -900.04 }, 4.391, 448.7).mean, "451.3"); // a density above 1
  assert.deepEqual(numbersOf(over, 4.391, null), { mean: "23.5 ± 0.1", kl: "4.39", sum: "" });
  assert.deepEqual(numbersOf(null, 4.391, 0), { mean: "…", kl: "4.39", sum: "…" });
});
