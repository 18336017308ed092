// The latent families against known values: of SciPy's functions, and of integrals by quadrature.

import assert from "node:assert/strict";
import { test } from "node:test";

import { FAMILIES, digamma, logGamma } from "../../explorer/web/model/families.js";
import { allNear, doubles, near } from "./near.js";

const gaussian = new FAMILIES.gaussian({
  family: "gaussian",
  mean: 1,
  std: 2,
  low: null,
  log_var: [-8, 4],
});
const gamma = new FAMILIES.gamma({
  family: "gamma",
  shape: 2,
  rate: 1,
  bounds: [0.01, 100],
  low: 0,
  mean: 2,
  std: Math.SQRT2,
  quantiles: { values: [0.5, 1, 2, 4], first: -1, step: 1 },
});

/** A posterior of Gammas. @param {number[]} a shapes @param {number[]} b rates */
const gammas = (a, b) => ({
  shape: doubles(a),
  rate: doubles(b),
  mu: doubles(a.map((v, i) => v / b[i])),
  std: doubles(a.map((v, i) => Math.sqrt(v) / b[i])),
});

test("logGamma and digamma have their known values", () => {
  for (const [x, logarithm, derivative] of [
    [0.001, 6.907178885383853, -1000.5755719318103],
    [0.1, 2.252712651734206, -10.423754940411076],
    [0.5, 0.5723649429247, -1.9635100260214235],
    [1, 0, -0.5772156649015329],
    [1.5, -0.12078223763524526, 0.03648997397857652],
    [2, 0, 0.42278433509846713],
    [3.7, 1.428072326665388, 1.1671535393615113],
    [10, 12.801827480081469, 2.251752589066721],
    [123.4, 469.3360974421906, 4.8113737751162775],
  ]) {
    near(logGamma(x), logarithm, 1e-12, `logGamma(${x}):`);
    near(digamma(x), derivative, 1e-9, `digamma(${x}):`);
  }
});

test("a Gaussian's posterior is the encoder's output, with log σ² within its range", () => {
  const { mu, logVar, std } = gaussian.posterior(doubles([0.5, -2, -20, 0.4]), 2);
  allNear(mu, [0.5, -2]);
  allNear(logVar, [-8, 0.4]);
  allNear(std, [Math.exp(-4), Math.exp(0.2)]);
});

test("a Gaussian's KL and log ratio are those of the integral", () => {
  const q = gaussian.posterior(doubles([0.5, -2, -1, 0.4]), 2);
  allNear(gaussian.kl(q), [0.7703821107063757, 1.3046252677651042], 1e-9);
  near(gaussian.logRatio(doubles([0.3, 0.3]), q), 1.2000315439907643 - 1.2185993412043206);
  const prior = gaussian.posterior(doubles([1, 2 * Math.log(2)]), 1);
  near(gaussian.kl(prior)[0], 0);
  near(gaussian.logRatio(doubles([-3]), prior), 0);
});

test("a Gaussian's places in standard units lead there and back", () => {
  near(gaussian.fromStandardNormal(1.5), 4);
  near(gaussian.toStandardNormal(4), 1.5);
  const q = gaussian.posterior(doubles([1, 2, 2 * Math.log(3), -2 * Math.log(2)]), 2);
  allNear(
    gaussian.sample(q, () => 2),
    [7, 3],
  );
});

test("a Gamma's posterior stays within its bounds", () => {
  const { shape, rate, mu, std } = gamma.posterior(doubles([Math.log(3), 99, Math.log(2), -99]), 2);
  allNear(shape, [3, 100]);
  allNear(rate, [2, 0.01]);
  allNear(mu, [1.5, 10_000]);
  allNear(std, [Math.sqrt(3) / 2, 1000]);
});

test("a Gamma's KL and log ratio are those of the integral", () => {
  const q = gammas([3, 0.7], [2, 1.5]);
  allNear(gamma.kl(q), [0.11593151567184226, 1.9027602561598178], 1e-7);
  near(gamma.logRatio(doubles([1.3, 1.3]), q), 0.3486586255873817 - 0.9681152146636695, 1e-9);
  near(gamma.kl(gammas([2], [1]))[0], 0);
});

test("a Gamma's places go by its table, and on beyond both of its ends", () => {
  near(gamma.fromStandardNormal(0), 1);
  near(gamma.fromStandardNormal(0.5), 1.5);
  near(gamma.fromStandardNormal(3), 6);
  assert.ok(gamma.fromStandardNormal(-50) > 0, "z is positive");
  near(gamma.toStandardNormal(1.5), 0.5);
  near(gamma.toStandardNormal(6), 3);
  near(gamma.toStandardNormal(0), -1);
});

test("samples of a Gamma have its mean and standard deviation", () => {
  // A generator with a seed (mulberry32), so that this test is the same at every run.
  let state = 7;
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  for (const [a, b] of [
    [3, 2],
    [0.5, 1],
  ]) {
    const draws = Array.from({ length: 20_000 }, () => gamma.sample(gammas([a], [b]), normal)[0]);
    const mean = draws.reduce((sum, v) => sum + v) / draws.length;
    const variance = draws.reduce((sum, v) => sum + (v - mean) ** 2, 0) / draws.length;
    assert.ok(Math.min(...draws) > 0);
    near(mean, a / b, 0.03, "mean:");
    near(Math.sqrt(variance), Math.sqrt(a) / b, 0.03, "standard deviation:");
  }
});
