// The arithmetic of following a run: its records, its pace, the moment that is shown, its words.

import assert from "node:assert/strict";
import { test } from "node:test";

import { figure, heatColumns, range } from "../../explorer/web/train/figure.js";
import { Follower } from "../../explorer/web/train/follower.js";
import { Playback } from "../../explorer/web/train/playback.js";
import {
  everyNth,
  imagesPerSecond,
  newestUntil,
  secondsLeft,
} from "../../explorer/web/train/records.js";
import { ACTIONS, readings, stateWord } from "../../explorer/web/train/words.js";

/**
 * @typedef {import("../../explorer/web/train/records.js").StepRecord} StepRecord
 * @typedef {import("../../explorer/web/train/records.js").EpochRecord} EpochRecord
 * @typedef {import("../../explorer/web/train/follower.js").Run} Run
 */

/** @param {number} n @param {Partial<StepRecord>} more @returns {StepRecord} */
const step = (n, more = {}) => ({
  kind: "step",
  step: n,
  epoch: n / 10,
  beta: 1,
  learning_rate: 1e-3,
  train_reconstruction: 200 - n,
  train_kl_per_dim: [1, 2],
  images_per_second: 100,
  at: n / 10,
  ...more,
});
/** @param {number} n @returns {EpochRecord} */
const epoch = (n) => ({
  kind: "epoch",
  step: 10 * n,
  epoch: n,
  test_reconstruction: 150,
  test_kl: 4,
});
/** @param {Partial<Run>} more @returns {Run} */
const run = (more = {}) => ({
  id: "id",
  state: "running",
  order: "run",
  message: "",
  saved: 0,
  steps: 1000,
  batches: 10,
  epochs: 100,
  beta: 1,
  asked_beta: null,
  preset: "plain",
  data: "mnist",
  seed: 0,
  latent_dim: 2,
  prior_name: "normal",
  prior: { family: "gaussian", mean: 0, std: 1, low: null, log_var: [-30, 10] },
  snapshots: [],
  place: 7,
  anew: false,
  checkpoint: null,
  likelihood: {
    ...{ name: "bernoulli", title: "", formula: "BCE", constant: 0, unit: "nats", total: "−ELBO" },
  },
  ...more,
});

test("a follower keeps the records that count, and forgets those of a run that is another", () => {
  const follower = new Follower("a", "", () => {});
  follower.receive([step(5), step(10), epoch(1), step(15)], run({ anew: true }));
  follower.receive([{ kind: "rewind", step: 7 }, step(9)], run({ place: 9 }));
  assert.deepEqual(
    follower.steps.map((r) => r.step),
    [5, 9],
  );
  assert.deepEqual(follower.epochs, []);
  assert.equal(follower.place, 9);
  follower.receive([step(1)], run({ anew: true }));
  assert.deepEqual(
    follower.steps.map((r) => r.step),
    [1],
  );
});

test("a long run's steps are thinned, its epochs and its newest step are not", () => {
  const follower = new Follower("a", "", () => {});
  for (let n = 1; n <= 400; n++)
    follower.receive(
      [...Array.from({ length: 10 }, (_, i) => step(10 * n - 9 + i)), epoch(n)],
      run(),
    );
  assert.equal(follower.epochs.length, 400);
  assert.ok(follower.steps.length >= 1500 && follower.steps.length <= 3000);
  assert.equal(follower.last.step, 4000);
  const gaps = follower.steps.slice(1).map((r, i) => r.step - follower.steps[i].step);
  assert.ok(Math.max(...gaps) <= 6);
});

test("the rate weighs records by their length, and the time that is left knows of pauses", () => {
  const steps = [
    step(0),
    step(10, { images_per_second: 100 }),
    step(40, { images_per_second: 300 }),
  ];
  assert.equal(imagesPerSecond(steps), 40 / (10 / 100 + 30 / 300));
  assert.equal(imagesPerSecond([]), 0);
  const paused = [
    step(0, { at: 0 }),
    step(10, { at: 1 }),
    step(20, { at: 60 }),
    step(40, { at: 62 }),
  ];
  assert.equal(secondsLeft(paused, 100), 60 / (20 / 2)); // as fast as since the pause
  assert.equal(secondsLeft([step(3)], 100), null);
});

test("records are found by step, and every so many-th ends at the newest", () => {
  const records = [2, 4, 6, 8, 10].map((n) => step(n));
  assert.deepEqual(
    [1, 4, 5, 99].map((n) => newestUntil(records, n)?.step),
    [undefined, 4, 4, 10],
  );
  assert.deepEqual(
    everyNth(records, 3).map((r) => r.step),
    [2, 6, 10],
  );
  assert.equal(everyNth(records, 5), records);
});

/** @type {import("../../explorer/web/train/moments.js").Known[]} */
const KNOWN = [
  [0, "a"],
  [10, "b"],
  [20, "c"],
  [100, "d"],
];

test("a live view moves on to each new snapshot in about the time between two", () => {
  const playback = new Playback();
  playback.arrive(KNOWN.slice(0, 3), 10, 0);
  assert.equal(playback.step, 10);
  playback.arrive(KNOWN.slice(0, 3), 20, 2000);
  assert.equal(playback.advance(KNOWN, 1, false), true);
  assert.equal(playback.step, 15);
  assert.equal(playback.advance(KNOWN, 1, false), false);
  assert.equal(playback.step, 20);
  playback.arrive(KNOWN, 100, 4000);
  assert.equal(playback.advance(KNOWN, 0.01, true), false); // for those who asked for less motion
  assert.equal(playback.step, 100);
});

test("a replay begins anew at the end, gives every snapshot the same time, and then is live", () => {
  const playback = new Playback();
  playback.arrive(KNOWN, 100, 0);
  playback.seek(KNOWN, 1e9);
  assert.deepEqual([playback.step, playback.live], [100, false]);
  assert.equal(playback.advance(KNOWN, 1, false), false); // neither live nor playing
  playback.play(KNOWN);
  assert.equal(playback.step, 0);
  playback.advance(KNOWN, 1 / 9, false);
  assert.ok(Math.abs(playback.step - 10) < 1e-9);
  playback.pause();
  playback.play(KNOWN);
  assert.ok(Math.abs(playback.step - 10) < 1e-9); // it goes on
  assert.equal(playback.advance(KNOWN, 1, false), false);
  assert.deepEqual([playback.step, playback.live, playback.playing], [100, true, false]);
});

test("a run offers what its state allows, and says what was asked of it", () => {
  const offered = (/** @type {Partial<Run>} */ more) =>
    Object.entries(ACTIONS)
      .filter(([, there]) => there(run(more)))
      .map(([action]) => action)
      .filter((action) => action !== "manage"); // which is always there
  assert.ok(ACTIONS.manage(run({ state: "failed" })));
  assert.deepEqual(offered({}), ["pause", "stop"]);
  assert.deepEqual(offered({ state: "paused", order: "pause" }), ["go on", "stop"]);
  assert.deepEqual(offered({ state: "interrupted", saved: 5 }), ["go on", "finish"]);
  assert.deepEqual(offered({ state: "done", checkpoint: "a" }), ["open"]);
  assert.equal(stateWord(run({ order: "pause" })), "pausing");
});

test("the readings are those of the moment: before the first epoch nothing is measured", () => {
  const follower = new Follower("a", "", () => {});
  follower.receive([step(5, { beta: 2 }), epoch(1), step(15)], run({ anew: true }));
  const [reconstruction, kl, total, weight] = readings(follower, run(), 9);
  assert.deepEqual([reconstruction.value, reconstruction.small], ["–", "train 195.00"]);
  assert.deepEqual([kl.small, total.small], ["train 3.00", "train 198.00"]);
  assert.deepEqual([weight.value, weight.small], ["2", "loss 201.00"]);
  const later = readings(follower, run(), 15);
  assert.deepEqual(
    later.map((r) => r.value),
    ["150.00", "4.00", "154.00", "1"],
  );
});

test("the figure has two curves a term, β, and a row of the heat map for each dimension", () => {
  const source = { run: run(), steps: [step(5), step(10), step(15)], epochs: [epoch(1)] };
  const colours = { ink: "i", faint: "f", line: "l", paper: "p", reconstruction: "r", kl: "k" };
  const { traces, layout } = figure(source, source, "", colours);
  assert.equal(traces.length, 6 + 6 + 1 + 1);
  const total = traces.find((t) => t.name === "train" && t.yaxis === "y3");
  assert.deepEqual(total?.y, [198, 193, 188]);
  const heat = /** @type {number[][]} */ (traces.at(-1)?.z);
  assert.equal(heat.length, 2);
  assert.deepEqual(/** @type {{range: number[]}} */ (layout.xaxis).range, [0, 1.5]);
  const { edges, means } = heatColumns(source.steps, 2, 2);
  assert.deepEqual(edges, [0, 1, 1.5]);
  assert.deepEqual(means, [
    [1, 1],
    [2, 2],
  ]);
});

test("a curve far from the run's own does not make its panel unreadable", () => {
  const flat = (/** @type {number} */ level) => ({
    run: run(),
    steps: [step(1, { train_reconstruction: level }), step(2, { train_reconstruction: level + 1 })],
    epochs: [],
  });
  const [low, high] = range(flat(100), flat(5000), "reconstruction");
  assert.ok(low < 100 && high > 101 && high < 110);
  assert.deepEqual(range({ run: run(), steps: [], epochs: [] }, null, "kl"), [0, 1]);
});
