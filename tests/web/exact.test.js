// Exact quantities against closed forms: of a linear-Gaussian VAE (Tipping & Bishop 1999), and a Gamma's
// against a fine grid.

import assert from "node:assert/strict";
import { test } from "node:test";

import { exactPiece } from "../../explorer/web/model/exact_orders.js";
import {
  boundsOf,
  gradients,
  importance,
  naive,
  runningEstimate,
} from "../../explorer/web/model/estimators.js";
import { LatentPlane } from "../../explorer/web/model/exact.js";
import { FAMILIES } from "../../explorer/web/model/families.js";
import { modes, modesOf, search } from "../../explorer/web/model/modes.js";
import {
  gaussHermite,
  gaussLaguerre,
  logSumExp,
  trapezoid,
} from "../../explorer/web/model/quadrature.js";
import { climb, split } from "../../explorer/web/model/variational.js";
import { allNear, near } from "./near.js";

const NOISE = 0.4; // standard deviation of the linear model's noise
const W = [
  [0.5, 0.2],
  [-0.3, 0.6],
  [0.8, 0.1],
]; // of its decoder, a row a value
const B = [0.1, 0.4, -0.2];
const PRIOR = { mean: 1, std: 2 };
const X = Float32Array.of(0.9, 0.2, 0.6);

/** All pieces of some work. @template T @param {Generator<number, T, void>} work @returns {T} */
function done(work) {
  for (;;) {
    const piece = work.next();
    if (piece.done) return piece.value;
    const share = /** @type {number} */ (piece.value);
    assert.ok(share >= 0 && share <= 1, `a share of ${share}`);
  }
}

/** A model of two latent dimensions, of functions. @param {any} parts @returns {any} */
function model({ prior, output, term, ...more }) {
  const made = {
    d: 2,
    prior,
    shape: { size: 3 },
    batch: 5,
    decodeMs: 0.01,
    likelihood: { name: "made", constant: 0 },
    decodes: 0,
    decodeMany(/** @type {Float32Array} */ z, /** @type {number} */ n) {
      made.decodes += n;
      return Array.from({ length: n }, (_, i) => Float32Array.from(output(z[2 * i], z[2 * i + 1])));
    },
    reconstruction: term,
    ...more,
  };
  return made;
}

/** The linear model. */
const linear = () =>
  model({
    prior: new FAMILIES.gaussian({
      family: "gaussian",
      ...PRIOR,
      low: null,
      log_var: [-30, 10],
    }),
    output: (/** @type {number} */ a, /** @type {number} */ b) =>
      W.map(([v, w], i) => v * a + w * b + B[i]),
    term: (/** @type {Float32Array} */ out, /** @type {Float32Array} */ x) =>
      x.reduce((sum, v, i) => sum + (v - out[i]) ** 2, 0) / (2 * NOISE ** 2),
    likelihood: { name: "linear", constant: 1.5 * Math.log(2 * Math.PI * NOISE ** 2) },
  });

/** Precision (xx, xy, yy), mean and log p(x) of the linear model, by completing the square. */
function closedForm() {
  const [p, q, r] = [
    [0, 0],
    [0, 1],
    [1, 1],
  ].map(([i, j]) => W.reduce((sum, row) => sum + row[i] * row[j], 0) / NOISE ** 2);
  const [xx, xy, yy] = [p + 1 / PRIOR.std ** 2, q, r + 1 / PRIOR.std ** 2];
  const h = [0, 1].map(
    (j) =>
      W.reduce((sum, row, i) => sum + row[j] * (X[i] - B[i]), 0) / NOISE ** 2 +
      PRIOR.mean / PRIOR.std ** 2,
  );
  const determinant = xx * yy - xy * xy;
  const mean = [(yy * h[0] - xy * h[1]) / determinant, (xx * h[1] - xy * h[0]) / determinant];
  // log p(x, z) at the mean, and the Gaussian integral around it.
  const rest = W.reduce(
    (sum, [v, w], i) => sum + (X[i] - B[i] - v * mean[0] - w * mean[1]) ** 2,
    0,
  );
  const away = mean.reduce((sum, v) => sum + ((v - PRIOR.mean) / PRIOR.std) ** 2, 0);
  const logJoint =
    -rest / (2 * NOISE ** 2) -
    1.5 * Math.log(2 * Math.PI * NOISE ** 2) -
    0.5 * away -
    Math.log(2 * Math.PI * PRIOR.std ** 2);
  const logP = logJoint + Math.log(2 * Math.PI) - 0.5 * Math.log(determinant);
  const covariance = [yy / determinant, -xy / determinant, xx / determinant];
  return { logP, mean, covariance, precision: [xx, xy, yy], determinant };
}

/** KL of N(mu, diag(std²)) to the linear model's posterior. @param {number[]} mu @param {number[]} std */
function klTo(mu, std) {
  const { mean, precision, determinant } = closedForm();
  const [xx, xy, yy] = precision;
  const [a, b] = mu.map((v, i) => v - mean[i]);
  const trace = xx * std[0] ** 2 + yy * std[1] ** 2;
  const square = xx * a * a + 2 * xy * a * b + yy * b * b;
  return 0.5 * (trace + square - 2 - Math.log(determinant) - 2 * Math.log(std[0] * std[1]));
}

/** @param {any} vae @param {number[]} mu @param {number[]} std */
const gaussian = (vae, mu, std) =>
  vae.prior.withMoments(Float32Array.from(mu), Float32Array.from(std));

test("Gauss rules are exact for polynomials, and the trapezoid rule for a smooth density", () => {
  const h = gaussHermite(9);
  const e = (/** @type {any} */ { nodes, weights }, /** @type {(v: number) => number} */ of) =>
    weights.reduce(
      (/** @type {number} */ sum, /** @type {number} */ w, /** @type {number} */ i) =>
        sum + w * of(nodes[i]),
      0,
    );
  for (const [power, moment] of [
    [0, 1],
    [1, 0],
    [2, 1],
    [4, 3],
    [16, 2027025],
  ])
    near(
      e(h, (v) => v ** power),
      moment,
      1e-10,
      `Hermite ${power}:`,
    );
  for (const shape of [0.3, 2.5, 700]) {
    const g = gaussLaguerre(6, shape);
    near(
      e(g, () => 1),
      1,
      1e-12,
    );
    near(
      e(g, (v) => v),
      shape,
      1e-10,
    );
    near(
      e(g, (v) => v ** 3),
      shape * (shape + 1) * (shape + 2),
      1e-10,
    );
  }
  const t = trapezoid((u) => -0.5 * u * u, -6, 6, 25);
  near(
    e(t, (v) => Math.cos(v)),
    Math.exp(-0.5),
    1e-8,
  );
  near(logSumExp([-1000, -1000]), -1000 + Math.log(2));
  assert.equal(logSumExp([]), -Infinity);
});

test("log p(x) and p(z|x) of a linear model are its closed forms", () => {
  const { logP, mean, covariance, determinant } = closedForm();
  const plane = new LatentPlane(linear());
  const found = done(plane.evidence(X));
  near(found.logP, logP, 1e-6, "log p(x):");
  assert.ok(found.error < 2e-3);
  allNear(found.mean, mean, 1e-5);
  allNear(found.covariance, covariance, 1e-5);
  near(
    found.mass.reduce((a, b) => a + b, 0),
    1,
    1e-5,
  );
  assert.equal(found.nodes.length, 2 * found.mass.length);
  // The box holds almost all of both marginals, and is no wider than ten of their deviations.
  found.low.forEach((low, axis) => {
    const width = Math.sqrt(covariance[2 * axis]);
    assert.ok(mean[axis] - low > 4 * width && mean[axis] - low < 7 * width, `${low}`);
    assert.ok(found.high[axis] - mean[axis] > 4 * width);
  });
  // 99 % of a plane's Gaussian lie within a radius of √(2 log 100): where the likelihood is far
  // narrower than the prior, the prior's mass there is its density times the area.
  const area = (Math.PI * 2 * Math.log(100)) / Math.sqrt(determinant);
  const away = mean.reduce((sum, v) => sum + ((v - PRIOR.mean) / PRIOR.std) ** 2, 0);
  const share = (area * Math.exp(-0.5 * away)) / (2 * Math.PI * PRIOR.std ** 2);
  near(found.share, share, 0.06, "share:");
});

test("what is known of an x is not decoded again", () => {
  const vae = linear();
  const plane = new LatentPlane(vae);
  done(plane.evidence(X));
  const before = vae.decodes;
  done(plane.evidence(X.slice()));
  assert.equal(vae.decodes, before);
  const other = done(plane.evidence(Float32Array.of(0, 0, 1)));
  assert.equal(vae.decodes - before, other.decodes);
  assert.ok(other.decodes > 0);
});

test("ELBO and gap of any q are a linear model's closed forms, live and finely", () => {
  const { logP } = closedForm();
  const vae = linear();
  const plane = new LatentPlane(vae);
  for (const [mu, std] of [
    [
      [0.3, 1.2],
      [0.6, 1.2],
    ],
    [
      [1, 0],
      [0.03, 0.05],
    ],
    [
      [0.8, 0.5],
      [0.2, 0.4],
    ],
    [
      [-9, 12],
      [0.2, 0.3],
    ],
  ]) {
    const q = gaussian(vae, mu, std);
    const gap = klTo(mu, std);
    for (const fine of [false, true]) {
      const found = done(split(plane, X, q, fine));
      near(found.gap, gap, 2e-4, `${mu}, ${std}, ${fine}: gap`);
      near(found.elbo, logP - gap, 2e-4, `${mu}, ${std}, ${fine}: ELBO`);
      near(found.elbo, found.expected - found.kl, 1e-9);
      if (fine) assert.ok(/** @type {number} */ (found.error) < 5e-3, `${found.error}`);
      else assert.equal(found.error, null);
    }
  }
});

test("a hand's split decodes few codes", () => {
  const vae = linear();
  const plane = new LatentPlane(vae);
  done(plane.evidence(X));
  for (const [std, most] of [
    [0.05, 81],
    [0.25, 144],
    [1.5, 0],
  ]) {
    const before = vae.decodes;
    done(split(plane, X, gaussian(vae, [1, 1], [std, std]), false));
    assert.ok(vae.decodes - before <= most, `${vae.decodes - before} for ${std}`);
  }
});

test("the climb ends at a linear model's best q, and each step rises", () => {
  // Bishop (2006), equation 10.12: the posterior's mean, the inverse of its precision's diagonal.
  const { logP, mean, precision } = closedForm();
  const vae = linear();
  const plane = new LatentPlane(vae);
  const best = [precision[0], precision[2]].map((v) => 1 / Math.sqrt(v));
  for (const [mu, std] of [
    [
      [-3, 4],
      [1, 0.1],
    ],
    [
      [1, 1],
      [0.01, 2],
    ],
  ]) {
    /** @type {number[]} */
    const elbos = [];
    const { q, elbo } = done(
      climb(plane, X, gaussian(vae, mu, std), {}, (step) => elbos.push(step.elbo)),
    );
    assert.ok(elbos.length > 0 && elbos.every((v, i) => !i || v > elbos[i - 1]), `${elbos}`);
    near(elbo, logP - klTo(mean, best), 2e-4, "ELBO:");
    allNear(q.mu, mean, 0.01);
    allNear(q.std, best, 0.01);
  }
});

test("with β the climb ends where the precision of the likelihood counts 1/β", () => {
  const vae = linear();
  const plane = new LatentPlane(vae);
  const beta = 4;
  const { q } = done(climb(plane, X, gaussian(vae, [1, 1], [0.5, 0.5]), { beta }));
  const { precision } = closedForm();
  const own = 1 / PRIOR.std ** 2;
  const expected = [precision[0], precision[2]].map((v) => 1 / Math.sqrt((v - own) / beta + own));
  allNear(q.std, expected, 0.01);
});

test("importance weights and their bounds rise to log p(x)", () => {
  const { logP } = closedForm();
  const vae = linear();
  const plane = new LatentPlane(vae);
  const [mu, std] = [
    [0.6, 0.9],
    [0.5, 0.6],
  ];
  const q = gaussian(vae, mu, std);
  const found = boundsOf(done(importance(plane.model, X, q, 8192)));
  assert.deepEqual(
    found.map(({ k }) => k),
    Array.from({ length: 14 }, (_, i) => 2 ** i),
  );
  const [first] = found;
  near(
    first.value,
    logP - klTo(mu, std),
    4 * /** @type {number} */ (first.error),
    "L₁ is the ELBO:",
  );
  const last = found[found.length - 1];
  assert.equal(last.error, null);
  near(last.value, logP, 0.05, "the last:");
  found.slice(1, -1).forEach(({ value, error }, i) => {
    const slack = 3 * /** @type {number} */ (error + /** @type {number} */ (found[i].error));
    assert.ok(value > found[i].value - slack && value < logP + slack);
  });
});

test("the bounds and the running estimate are what their formulas say", () => {
  const logs = [-1, -3, -1002, -1000];
  const found = boundsOf(logs);
  near(found[0].value, -501.5);
  const pairs = [
    Math.log((Math.exp(-1) + Math.exp(-3)) / 2),
    -1000 + Math.log((1 + Math.exp(-2)) / 2),
  ];
  near(found[1].value, (pairs[0] + pairs[1]) / 2, 1e-12);
  near(/** @type {number} */ (found[1].error), Math.abs(pairs[0] - pairs[1]) / 2, 1e-12);
  const running = runningEstimate(logs);
  near(running[0], -1);
  near(running[1], pairs[0], 1e-12);
  near(running[3], pairs[0] - Math.log(2), 1e-12);
});

test("naive Monte Carlo's mean is p(x), and another x decodes nothing", () => {
  const { logP } = closedForm();
  const vae = linear();
  const plane = new LatentPlane(vae);
  const logs = done(naive(plane, X, 4096));
  const weights = Float64Array.from(logs, (v) => Math.exp(v - logP));
  const mean = weights.reduce((a, b) => a + b) / weights.length;
  const spread = weights.reduce((sum, w) => sum + (w - mean) ** 2, 0) / weights.length;
  near(mean, 1, 4 * Math.sqrt(spread / weights.length), "p̂(x)/p(x):");
  near(runningEstimate(logs)[4095], logP + Math.log(mean), 1e-5);
  const before = vae.decodes;
  done(naive(plane, Float32Array.of(0, 1, 0), 4000));
  assert.equal(vae.decodes, before);
  const more = done(naive(plane, X, 4100));
  assert.equal(vae.decodes, before + 4);
  assert.deepEqual(more.subarray(0, 4096), logs);
});

test("both gradient estimators have the exact mean, and the score function's varies more", () => {
  const vae = linear();
  const plane = new LatentPlane(vae);
  const [mu, std] = [
    [0.2, 0.9],
    [0.3, 0.2],
  ];
  const q = gaussian(vae, mu, std);
  const found = done(gradients(plane, X, q, { repeats: 4000, draws: 2, seed: 5 }));
  // E_q[log p(x|z)] is quadratic in μ: its derivative is that of log p(x|z) at the mean.
  const exact =
    W.reduce((sum, [v, w], i) => sum + v * (X[i] - B[i] - v * mu[0] - w * mu[1]), 0) / NOISE ** 2;
  near(found.exact, exact, 1e-4, "exact:");
  const [score, path] = [found.score, found.path].map((all) => {
    const mean = all.reduce((a, b) => a + b) / all.length;
    const variance = all.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (all.length - 1);
    near(mean, exact, 4 * Math.sqrt(variance / all.length), "an estimator's mean:");
    return variance;
  });
  assert.ok(score > 5 * path, `${score} and ${path}`);
  // ∂/∂z of a quadratic is linear in z: its variance under q, of two draws.
  const [hx, hy] = [0, 1].map((j) => W.reduce((sum, row) => sum + row[0] * row[j], 0) / NOISE ** 2);
  near(path, ((hx * std[0]) ** 2 + (hy * std[1]) ** 2) / 2, 0.1, "variance:");
});

const SHAPES = { family: "gamma", shape: 2, rate: 1, low: 0, mean: 2, std: Math.SQRT2 };

/** A model of positive codes with two modes. @param {number} [shape] of its prior */
const positive = (shape = 2) =>
  model({
    prior: new FAMILIES.gamma({
      ...SHAPES,
      shape,
      mean: shape,
      std: Math.sqrt(shape),
      bounds: [1e-3, 1e4],
      quantiles: { values: [0.5, 1, 2, 4], first: -1, step: 1 },
    }),
    output: (/** @type {number} */ a, /** @type {number} */ b) => [Math.sin(a), a * b, b],
    term: (/** @type {Float32Array} */ out, /** @type {Float32Array} */ x) =>
      x.reduce((sum, v, i) => sum + 8 * (v - out[i]) ** 2, 0),
  });

/** A mean over the positive plane of exp(logs), by midpoints in √z: log. @param {(a: number, b: number) => number} logs */
function fineGrid(logs) {
  const [n, end] = [1200, 5];
  const h = end / n;
  const rows = new Float64Array(n);
  const row = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    const a = (i + 0.5) * h;
    for (let j = 0; j < n; j++) {
      const b = (j + 0.5) * h;
      row[j] = logs(a * a, b * b) + Math.log(4 * a * b * h * h);
    }
    rows[i] = logSumExp(row);
  }
  return logSumExp(rows);
}

for (const shape of [2, 0.7])
  test(`a Gamma's quantities are those of a fine grid, with a prior of shape ${shape}`, () => {
    const vae = positive(shape);
    const plane = new LatentPlane(vae);
    const x = Float32Array.of(0.8, 1.1, 0.7);
    const logJoint = (/** @type {number} */ a, /** @type {number} */ b) =>
      vae.prior.logPrior(Float64Array.of(a, b)) -
      vae.reconstruction(vae.decodeMany([a, b], 1)[0], x);
    const logP = fineGrid(logJoint);
    near(done(plane.evidence(x)).logP, logP, 1e-4, "log p(x):");
    const q = vae.prior.withParameters(Float32Array.of(3, 1.4), Float32Array.of(2, 1.7));
    // Σ q·log(q/p) = Σ exp(log q + log |…|): by its positive and its negative part.
    const apart = (/** @type {number} */ sign) =>
      Math.exp(
        fineGrid((a, b) => {
          const logQ = vae.prior.logPosterior(Float64Array.of(a, b), q);
          return logQ + Math.log(Math.max(1e-300, sign * (logQ - logJoint(a, b))));
        }),
      );
    const gap = apart(1) - apart(-1) + logP;
    for (const fine of [false, true]) {
      const found = done(split(plane, x, q, fine));
      near(found.gap, gap, fine ? 2e-3 : 0.02, "gap:");
      near(found.elbo + found.gap, logP, fine ? 3e-3 : 0.01, "the identity:");
    }
  });

test("a Gamma's climb stops where its parameters cannot be bettered", () => {
  const vae = positive();
  const plane = new LatentPlane(vae);
  const x = Float32Array.of(0.8, 1.1, 0.7);
  const start = vae.prior.withParameters(Float32Array.of(2, 2), Float32Array.of(1, 1));
  const { q, elbo } = done(climb(plane, x, start, {}));
  const { logP } = done(plane.evidence(x));
  const before = done(split(plane, x, start, true)).elbo;
  assert.ok(elbo <= logP + 1e-3 && elbo > before + 1, `${before} to ${elbo}, below ${logP}`);
  for (const [a, b] of [
    [1.05, 1],
    [1, 1.05],
    [0.95, 0.95],
    [1.05, 1.05],
  ]) {
    const near = vae.prior.withParameters(
      q.shape?.map((v) => v * a),
      q.rate?.map((v) => v * b),
    );
    assert.ok(done(split(plane, x, near, true)).elbo < elbo + 1e-3, `${a}, ${b}`);
  }
});

test("a Gamma's gradients are by the log of its mean, and agree", () => {
  const vae = positive();
  const plane = new LatentPlane(vae);
  const x = Float32Array.of(0.8, 1.1, 0.7);
  const q = (/** @type {number} */ by) =>
    vae.prior.withParameters(Float32Array.of(30, 20), Float32Array.of(30 / by, 25));
  const found = done(gradients(plane, x, q(1), { repeats: 6000 }));
  assert.equal(found.of, "log E[z₁]");
  const h = 1e-2;
  const [less, more] = [-h, h].map((by) => done(split(plane, x, q(Math.exp(by)), true)).expected);
  near(found.exact, (more - less) / (2 * h), 0.02, "exact:");
  for (const all of [found.score, found.path]) {
    const mean = all.reduce((a, b) => a + b) / all.length;
    const variance = all.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (all.length - 1);
    near(mean, found.exact, 4 * Math.sqrt(variance / all.length), "an estimator's mean:");
  }
});

test("a field is log p(x|z) at the middles of its cells, from the top down", () => {
  const vae = linear();
  const plane = new LatentPlane(vae);
  const logs = (/** @type {number} */ a, /** @type {number} */ b) =>
    -vae.reconstruction(vae.decodeMany([a, b], 1)[0], X) - vae.likelihood.constant;
  const found = done(plane.field(X, { low: [0, 0], high: [0.4, 0.8], n: 4 }));
  near(found[0], logs(0.05, 0.7), 1e-5);
  near(found[7], logs(0.35, 0.5), 1e-5);
  // Of about the coarse lattice's fineness: nothing is decoded but that lattice.
  done(plane.ready());
  const before = vae.decodes;
  const wide = done(plane.field(X, { low: [-7, -7], high: [9, 9], n: 64 }));
  assert.equal(vae.decodes, before);
  // Another x on the same field neither.
  done(plane.field(Float32Array.of(0, 0, 0), { low: [0, 0], high: [0.4, 0.8], n: 4 }));
  assert.equal(vae.decodes, before);
  near(wide[64 * 31 + 40], logs(-7 + 40.5 / 4, 9 - 31.5 / 4), 0.01);
});

test("modes are maxima that a valley separates", () => {
  const n = 40;
  const lattice = (/** @type {[number, number, number][]} */ peaks) =>
    Float64Array.from({ length: n * n }, (_, k) =>
      logSumExp(
        peaks.map(([a, b, h]) => h - 0.5 * ((Math.floor(k / n) - a) ** 2 + ((k % n) - b) ** 2)),
      ),
    );
  assert.equal(modesOf(lattice([[10, 10, 0]]), n), 1);
  assert.equal(
    modesOf(
      lattice([
        [10, 10, 0],
        [20, 12, -2],
        [30, 35, -9],
      ]),
      n,
    ),
    2,
  );
  assert.equal(
    modesOf(
      lattice([
        [10, 10, 0],
        [13, 10, 0],
      ]),
      n,
    ),
    1,
    "a shallow valley",
  );
});

test("the image whose posterior has two modes comes first", () => {
  const vae = model({
    prior: linear().prior,
    output: (/** @type {number} */ a, /** @type {number} */ b) => [a * a, b, 0],
    term: (/** @type {Float32Array} */ out, /** @type {Float32Array} */ x) =>
      x.reduce((sum, v, i) => sum + 4 * (v - out[i]) ** 2, 0),
  });
  const found = done(
    search(new LatentPlane(vae), [Float32Array.of(0, 1, 0), Float32Array.of(4, 1, 0)]),
  );
  assert.deepEqual(
    found.map(({ index, modes }) => [index, modes]),
    [
      [1, 2],
      [0, 1],
    ],
  );
  assert.ok(found[0].spread > found[1].spread);
});

test("a ridge narrower than the coarse lattice is one mode", () => {
  const vae = model({
    prior: linear().prior,
    output: (/** @type {number} */ a, /** @type {number} */ b) => [40 * (a - 0.83 * b), b / 4, 0],
    term: (/** @type {Float32Array} */ out, /** @type {Float32Array} */ x) =>
      x.reduce((sum, v, i) => sum + 4 * (v - out[i]) ** 2, 0),
  });
  const plane = new LatentPlane(vae);
  const x = Float32Array.of(0, 0.1, 0);
  done(plane.ready());
  const coarse = plane.coarse(x).map((v, k) => v + plane.logPrior[k]);
  assert.ok(modesOf(coarse, plane.n) > 1, "on the coarse lattice it seems several");
  assert.equal(done(modes(plane, x)), 1);
  assert.equal(done(search(plane, [x]))[0].modes, 1);
});

test("naive draws are others with another seed, and the same with the same", () => {
  const plane = new LatentPlane(linear());
  const x = Float32Array.of(0, 1, 0);
  const [a, b, c] = [1, 2, 1].map((seed) => done(naive(plane, x, 4096, seed)));
  assert.deepEqual(a, c);
  assert.ok(a.filter((v, i) => v !== b[i]).length > 4000);
});

test("a model that has no log p(x) over a plane is refused with a sentence", () => {
  assert.throws(
    () => new LatentPlane({ ...linear(), d: 10 }),
    /this model has 10 latent dimensions/,
  );
  const distance = { ...linear(), likelihood: { name: "perceptual", constant: null } };
  assert.throws(() => new LatentPlane(distance), /trained with a distance, or has no prior/);
  const point = new FAMILIES.point({ family: "point", mean: 0, std: 1, low: null });
  assert.throws(() => new LatentPlane({ ...linear(), prior: point }), /has no prior/);
});

test("an order is worked on in pieces, and a fault is an answer", () => {
  /** @type {any[]} */
  const answers = [];
  const vae = linear();
  const piece = exactPiece({ kind: "evidence", id: 7, x: X }, (answer) => answers.push(answer));
  let pieces = 1;
  while (!piece(vae, 0)) pieces += 1;
  assert.ok(pieces > 20);
  assert.equal(answers.length, pieces);
  assert.ok(answers[5].share > answers[4].share);
  near(answers[pieces - 1].value.logP, closedForm().logP, 1e-6);
  const refused = exactPiece({ kind: "evidence", id: 8, x: X }, (answer) => answers.push(answer));
  assert.ok(refused({ ...vae, d: 3 }, Infinity));
  assert.match(answers[pieces].fault, /3 latent dimensions/);
});
