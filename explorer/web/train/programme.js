// What the theatre writes: its elements, the words for a run's states, and its numbers.

import { titles } from "./curves.js";
import { set, write, zName } from "../widgets/dom.js";

export const build = `
<div class="stage theatre" data-ready="false">
  <header class="bar">
    <label class="pick">Run <select class="run"></select></label>
    <span class="state" data-state=""></span>
    <span class="deeds">
      <button type="button" data-deed="pause">Pause</button>
      <button type="button" data-deed="go on">Go on</button>
      <button type="button" data-deed="stop">Stop and keep</button>
      <button type="button" data-deed="finish">Keep what was saved</button>
      <button type="button" data-deed="open" class="primary">Open in Explore</button>
    </span>
    <label class="weigh">β <input class="beta" type="number" min="0" max="1000000" step="any" inputmode="decimal"></label>
    <label class="pick">Lay over it <select class="over"></select></label>
  </header>
  <p class="facts"></p>
  <p class="why" role="alert" hidden></p>
  <section class="curves">
    <p class="readings"></p>
    <p class="key note"></p>
    <div class="plot-host"><div class="plot"></div><div class="moment" hidden></div><p class="without"></p></div>
    <i class="swatch" hidden></i>
  </section>
  <section class="space">
    <p class="quantity posterior"><b>q(z|x)</b> means μ of 1,000 images <span class="legend"></span></p>
    <div class="scatter-host"><canvas class="scatter" role="img" aria-label="The latent space: codes of 1,000 images, coloured by class, over the prior"></canvas><i class="swatch" hidden></i><p class="waiting"></p></div>
  </section>
  <section class="decodings">
    <p class="quantity x-hat"><b>x̂</b> <span class="over-what"></span></p>
    <canvas class="grid digit" width="420" height="420" role="img" aria-label="A grid of decoded pictures"></canvas>
    <p class="quantity x"><b>x</b> and <b class="hat">x̂</b> below it</p>
    <div class="pairs" role="img" aria-label="Images, and below each its reconstruction">
      <canvas class="digit seen" width="224" height="28"></canvas><canvas class="digit recon" width="224" height="28"></canvas>
      <canvas class="digit seen" width="224" height="28"></canvas><canvas class="digit recon" width="224" height="28"></canvas>
    </div>
  </section>
  <footer class="reel">
    <button type="button" class="play">▶ Replay</button>
    <div class="way"><input type="range" class="time" min="0" max="0" step="any" value="0" aria-label="The moment of the run that is shown" disabled><div class="epochs" aria-hidden="true"></div></div>
    <span class="when"></span>
    <button type="button" class="live" hidden>Live</button>
  </footer>
  <p class="announce" aria-live="polite"></p>
</div>`;

/** A run's states, a word for each. */
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

/** The word for what a run is doing. */
export function word(run) {
  if (run.state === "running" && run.order === "pause") return "pausing";
  if (["running", "paused"].includes(run.state) && run.order === "stop") return "stopping";
  return STATES[run.state] ?? run.state;
}

/** What to say of a run's state, where there is something to say. */
export function why(run) {
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

const rests = (run) => ["stopped", "interrupted", "failed"].includes(run.state);

/** What can be done with a run, and when. */
export const DEEDS = {
  pause: { when: (run) => run.state === "running" && run.order === "run" },
  "go on": { when: (run) => run.state === "paused" || run.state === "kept" || rests(run) },
  stop: { when: (run) => ["running", "paused"].includes(run.state) && run.order !== "stop" },
  finish: { when: (run) => rests(run) && run.saved > 0 },
  open: { when: (run) => Boolean(run.checkpoint) && (run.state === "done" || run.state === "kept") },
};

/** The chosen option's run; null where none is. */
export const chosen = (select) => select.value || null;

/** Have a select offer runs, unless it does already: a list that is open must not be changed. */
export function fillRuns(select, list, name, none = "") {
  const names = list.some((r) => r.name === name) || !name ? list : [{ name, state: "new" }, ...list];
  const options = names.map((r) => [r.name, [r.name, word(r), r.what].filter(Boolean).join(" · ")]);
  if (none) options.unshift(["", none]);
  const key = JSON.stringify(options);
  if (select.key !== key) {
    select.key = key;
    select.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
  }
  if (select.value !== (name ?? "")) select.value = name ?? "";
}

function duration(seconds) {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

/** The β that was asked for, until it is there. */
function comes(run, last) {
  const there = run.asked_beta === null || run.asked_beta === last.beta;
  const ends = !["running", "paused"].includes(run.state);
  return there || ends ? "" : `, ${run.asked_beta} from the next epoch on`;
}

/** Where the run is, how fast, and what it is. @param {import("./follow.js").Follower} follower */
export function facts(place, follower) {
  const { run, last } = follower;
  const words = [];
  if (last) {
    words.push(`epoch ${last.epoch.toFixed(1)} of ${run.epochs}`);
    words.push(`step ${last.step.toLocaleString("en")} of ${run.steps.toLocaleString("en")}`);
    if (run.state === "running") words.push(`${Math.round(follower.rate).toLocaleString("en")} images/s`);
    const { left } = follower;
    if (left !== null) words.push(`${duration(left)} left`);
    words.push(`learning rate ${Number(last.learning_rate.toPrecision(2))}`);
    words.push(`β ${Number(last.beta.toPrecision(3))}${comes(run, last)}`);
  }
  words.push(`${run.preset}: ${run.latent_dim}-D, ${run.prior_name}, ${run.likelihood.name}, ${run.data}, seed ${run.seed}`);
  write(place, words.join(" · "));
}

/** The newest of records, in order, that is not beyond a step. */
function until(records, step) {
  let [low, high] = [0, records.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (records[middle].step <= step) low = middle + 1;
    else high = middle;
  }
  return records[low - 1];
}

const CELLS = ["reconstruction", "kl", "total", "weight"];

/**
 * The terms at a moment: of the test images as they were measured last, and of the newest steps.
 * @param {import("./follow.js").Follower} follower @param {number} step
 */
export function readings(place, follower, step) {
  if (!place.children.length)
    for (const name of CELLS) {
      const cell = document.createElement("span");
      cell.className = name;
      cell.innerHTML = "<span></span> <b></b><small></small>";
      place.append(cell);
    }
  const names = { ...titles(follower.run.likelihood), weight: "β" };
  CELLS.forEach((name, n) => write(place.children[n].firstElementChild, names[name]));
  const test = until(follower.epochs, step);
  const last = until(follower.steps, step);
  const kl = last?.train_kl_per_dim.reduce((a, b) => a + b, 0);
  const number = (value) =>
    value === undefined ? "–" : Math.abs(value) < 1e5 ? value.toFixed(2) : value.toExponential(1);
  const terms = [
    [test?.test_reconstruction, last?.train_reconstruction],
    [test?.test_kl, kl],
    [test && test.test_reconstruction + test.test_kl, last && last.train_reconstruction + kl],
  ];
  terms.forEach(([tested, trained], n) => {
    const cell = place.children[n];
    write(cell.querySelector("b"), number(tested));
    write(cell.querySelector("small"), `${test ? "test · " : ""}train ${number(trained)}`);
    set(cell, "title", test ? `of the test images, after epoch ${test.epoch}` : "");
  });
  const cell = place.children[3];
  write(cell.querySelector("b"), last ? String(Number(last.beta.toPrecision(3))) : "–");
  const weighed = last && last.beta !== 1;
  write(cell.querySelector("small"), weighed ? `loss ${number(last.train_reconstruction + last.beta * kl)}` : "");
  set(cell, "title", "The weight of the KL term. What is trained on is reconstruction + β · KL.");
}

/** The classes and their colours. */
export function legend(place, classes, colours) {
  const key = classes.join("\n");
  if (place.key === key) return;
  place.key = key;
  place.replaceChildren(
    ...classes.map((name, c) => {
      const entry = document.createElement("span");
      entry.textContent = name;
      entry.style.setProperty("--dot", colours[c % colours.length]);
      return entry;
    }),
  );
}

/** Over which dimensions a frame's grid is decoded. */
export function grid(place, frame) {
  const names = frame.axes.map(zName);
  const text = names.length > 1 ? `over ${names.join(", ")}: 2 % to 98 % of the prior` : `along ${names[0]}, as one reads`;
  write(place, text);
  set(place, "title", frame.d > 2 ? "All other dimensions are at the prior's middle." : "");
}

const EPOCHS = [0, 0.1, 0.3, 1, 2, 3, 5, 10, 20, 30, 50, 100, 150, 200, 300, 500, 1000, 2000, 5000];

/** Marks below the time slider, which gives every snapshot the same room. */
export function ticks(place, film, batches) {
  const end = film.known.length - 1;
  const key = `${end} ${batches} ${film.known[end]}`;
  if (place.key === key) return;
  place.key = key;
  const marks = [];
  let before = -1;
  for (const epoch of EPOCHS) {
    const at = film.placeOf(epoch * batches) / end;
    if (epoch * batches > film.known[end][0] || !(at - before > 0.07)) continue;
    before = at;
    const mark = document.createElement("span");
    mark.textContent = String(epoch);
    mark.style.left = `${100 * at}%`;
    marks.push(mark);
  }
  place.replaceChildren(...marks);
}
