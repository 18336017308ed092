// The words for a run: its state, what can be done with it, where it is, and its terms. Pure.

import { brief } from "../widgets/dom.js";
import { newestUntil } from "./records.js";

/**
 * @typedef {import("./follower.js").Run} Run
 * @typedef {import("./follower.js").Follower} Follower
 * @typedef {"pause" | "go on" | "stop" | "finish" | "beta" | "open" | "manage"} Action that can be asked for
 */

/** @type {Record<string, string>} */
const STATES = {
  new: "starting",
  running: "training",
  paused: "paused",
  stopped: "stopped",
  kept: "stopped and kept",
  done: "done",
  failed: "failed",
  interrupted: "interrupted",
};

/** Whether a run's process is there. @param {{state: string}} run */
export const alive = ({ state }) => state === "running" || state === "paused";

/** Whether a run can go on from what was saved. @param {Run} run */
const rests = ({ state }) => ["stopped", "interrupted", "failed"].includes(state);

/** The word for a run's state. @param {{state: string, order?: string}} run */
export function stateWord({ state, order }) {
  if (state === "running" && order === "pause") return "pausing";
  if (alive({ state }) && order === "stop") return "stopping";
  return STATES[state] ?? state;
}

/** The reason for a run's state, where there is something to say. @param {Run} run */
export function explanation(run) {
  if (run.state === "running") return "";
  if (run.message) return run.message;
  if (!["interrupted", "stopped"].includes(run.state)) return "";
  const epoch = run.saved / Math.max(1, run.batches);
  const on = run.saved
    ? `It can go on from its last saved step, ${run.saved.toLocaleString("en")} (epoch ${epoch.toFixed(1)}).`
    : "Nothing was saved yet; going on begins it anew.";
  if (run.state === "stopped") return on;
  const again = run.saved ? " What came after that is trained again, to the same weights." : "";
  return `Its process ended without a word (it was killed, or the machine went down). ${on}${again}`;
}

/** Whether each of a run's buttons is there. @type {Record<Exclude<Action, "beta">, (run: Run) => boolean>} */
export const ACTIONS = {
  pause: (run) => run.state === "running" && run.order === "run",
  "go on": (run) => run.state === "paused" || run.state === "kept" || rests(run),
  stop: (run) => alive(run) && run.order !== "stop",
  finish: (run) => rests(run) && run.saved > 0,
  open: (run) => Boolean(run.checkpoint) && (run.state === "done" || run.state === "kept"),
  manage: () => true,
};

/** The names of a run's terms. @param {{formula: string, constant: number | null}} likelihood */
export function titles({ formula, constant }) {
  return {
    reconstruction: constant === 0 ? "reconstruction" : formula,
    kl: "KL",
    total: constant === 0 ? "−ELBO" : "their sum",
  };
}

/** @param {number} seconds */
export function duration(seconds) {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

/** The β that was asked for, until it is there. @param {Run} run @param {number} beta of the newest steps */
function comingBeta(run, beta) {
  const there = run.asked_beta === null || run.asked_beta === beta;
  return there || !alive(run) ? "" : `, ${run.asked_beta} from the next epoch on`;
}

/** The place and the pace of a run, and its settings. @param {Follower} follower @param {Run} run */
export function facts({ last, rate, left }, run) {
  const words = [];
  if (last) {
    words.push(`epoch ${last.epoch.toFixed(1)} of ${run.epochs}`);
    words.push(`step ${last.step.toLocaleString("en")} of ${run.steps.toLocaleString("en")}`);
    if (run.state === "running") words.push(`${Math.round(rate).toLocaleString("en")} images/s`);
    if (left !== null) words.push(`${duration(left)} left`);
    words.push(`learning rate ${Number(last.learning_rate.toPrecision(2))}`);
    words.push(`β ${Number(last.beta.toPrecision(3))}${comingBeta(run, last.beta)}`);
  }
  const { preset, latent_dim, prior_name, likelihood, data, seed } = run;
  words.push(
    `${preset}: ${latent_dim}-D, ${prior_name}, ${likelihood.name}, ${data}, seed ${seed}`,
  );
  return words.join(" · ");
}

/** @param {number | undefined} value */
const number = (value) => (value === undefined ? "–" : brief(value, 2));

/**
 * The terms at a moment: of the test images as they were measured last, and of the newest steps.
 * @param {Follower} follower
 * @param {Run} run
 * @param {number} step
 * @returns {{name: string, title: string, value: string, small: string, hint: string}[]}
 */
export function readings({ epochs, steps }, run, step) {
  const names = titles(run.likelihood);
  const test = newestUntil(epochs, step);
  const train = newestUntil(steps, step);
  const kl = train ? train.train_kl_per_dim.reduce((a, b) => a + b, 0) : 0;
  const hint = test ? `of the test images, after epoch ${test.epoch}` : "";
  /** @type {(name: keyof typeof names, tested?: number, trained?: number) => ReturnType<typeof readings>[0]} */
  const reading = (name, tested, trained) => ({
    name,
    title: name === "reconstruction" ? name : names[name], // a formula stands over its curve
    value: number(tested),
    small: `${test ? "test · " : ""}train ${number(trained)}`,
    hint,
  });
  const weighted =
    train && train.beta !== 1 ? train.train_reconstruction + train.beta * kl : undefined;
  return [
    reading("reconstruction", test?.test_reconstruction, train?.train_reconstruction),
    reading("kl", test?.test_kl, train && kl),
    reading(
      "total",
      test && test.test_reconstruction + test.test_kl,
      train && train.train_reconstruction + kl,
    ),
    {
      name: "weight",
      title: "β",
      value: train ? String(Number(train.beta.toPrecision(3))) : "–",
      small: weighted === undefined ? "" : `loss ${number(weighted)}`,
      hint: "The weight of the KL term. What is trained on is reconstruction + β · KL.",
    },
  ];
}
