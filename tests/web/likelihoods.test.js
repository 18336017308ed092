// The reconstruction terms against values of NumPy's.

import { test } from "node:test";

import { LIKELIHOODS, mean } from "../../explorer/web/model/likelihoods.js";
import { allNear, doubles, near } from "./near.js";

const output = doubles([-2, 0.5, 40]);
const x = doubles([0, 0.25, 1]);
const BCE = 0.9760049952230792;
const SQUARED = 0.15293529001794384;
const features = /** @type {import("../../explorer/web/model/features.js").Features} */ (
  /** @type {Partial<import("../../explorer/web/model/features.js").Features>} */ ({
    weight: 0.5,
    distance: () => 3,
  })
);

test("the terms of plain outputs", () => {
  near(LIKELIHOODS.bernoulli(output, x, null), BCE);
  near(LIKELIHOODS.gaussian(output, x, null), SQUARED);
  near(LIKELIHOODS.laplace(output, x, null), 0.49166225322397217);
});

test("a logit that is far out costs what it is wrong by, and is no infinity", () => {
  near(LIKELIHOODS.bernoulli(doubles([800]), doubles([0]), null), 800);
  near(LIKELIHOODS.bernoulli(doubles([-800]), doubles([1]), null), 800);
});

test("a learned variance stands behind the pixels, within its range", () => {
  const term = LIKELIHOODS["gaussian-learned"];
  near(term(doubles([...output, 0.7]), x, null), 0.5 * (3 * 0.7 + SQUARED * Math.exp(-0.7)));
  near(term(doubles([...output, 99]), x, null), 0.5 * (3 * 4 + SQUARED * Math.exp(-4)));
  near(term(doubles([...output, -99]), x, null), 0.5 * (3 * -12 + SQUARED * Math.exp(12)));
});

test("a perceptual term is the features', alone or added by its weight", () => {
  near(LIKELIHOODS.perceptual(output, x, features), 3);
  near(LIKELIHOODS["perceptual-bce"](output, x, features), BCE + 1.5);
  near(LIKELIHOODS["perceptual-mse"](output, x, features), SQUARED + 1.5);
});

test("the mean is the sigmoid of the pixels, without what stands behind them", () => {
  allNear(mean(doubles([0, Math.log(3), -1000, 5]), doubles([0, 0, 0])), [0.5, 0.75, 0]);
});
