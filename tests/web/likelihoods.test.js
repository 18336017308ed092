// The reconstruction terms against values of NumPy's.

import { test } from "node:test";

import {
  LIKELIHOODS,
  asBernoulli,
  logHalfNormaliser,
  mean,
} from "../../explorer/web/model/likelihoods.js";
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

const VALUES = [
  [-30, 2.708050201102397, 0.033333333333239755],
  [-2, 0.27234146891183153, 0.3434823572503343],
  [-0.501, 0.020615794218054664, 0.45842361759607647],
  [-0.499, 0.02045386373854846, 0.45858822141539496],
  [-0.001, 8.333332847222257e-8, 0.49991666666805556],
  [0, 0.0, 0.5],
  [1e-7, 8.333333333333328e-16, 0.5000000083333334],
  [0.2, 0.00332557735806607, 0.5166555661269948],
  [0.5, 0.020534752627404635, 0.5414940825367983],
  [7, 1.2545867329319813, 0.8580555713960789],
];
/** @param {number} l */
const BCE_03 = (l) => Math.log1p(Math.exp(-Math.abs(l))) + Math.max(l, 0) - 0.3 * l;

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

test("the continuous Bernoulli's normaliser and mean, where series are used and beside them", () => {
  // log(h / tanh h) and (1 + coth h − 1/h) / 2 at h = l/2, to 40 digits, by mpmath.
  const name = "continuous-bernoulli";
  VALUES.forEach(([l, half, expected]) => {
    near(logHalfNormaliser(l), half, 1e-10);
    near(mean(doubles([l]), doubles([0]), name)[0], expected, 1e-10);
    near(LIKELIHOODS[name](doubles([l]), doubles([0.3]), null), BCE_03(l) - half, 1e-10);
  });
});

test("x̂ read as probabilities is the mean, not λ", () => {
  const p = mean(output.slice(), doubles([0, 0, 0]), "continuous-bernoulli");
  const expected = [...x].reduce(
    (sum, v, i) => sum - v * Math.log(p[i]) - (1 - v) * Math.log(1 - p[i]),
    0,
  );
  near(asBernoulli(output, x, "continuous-bernoulli"), expected, 1e-6);
  near(asBernoulli(output, x, "laplace"), BCE);
});
