// What the theatre writes: its elements, the words for a run's states, and its numbers.

import { write } from "./dom.js";

export const build = `
<div class="stage theatre" data-ready="false">
  <header class="bar">
    <label class="pick">Run <select class="run"></select></label>
    <span class="state" data-state=""></span>
    <span class="deeds">
      <button type="button" data-deed="pause">Pause</button>
      <button type="button" data-deed="go on">Go on</button>
      <button type="button" data-deed="stop">Stop and keep</button>
      <button type="button" data-deed="finish">Keep what there is</button>
      <button type="button" data-deed="open" class="primary">Open in Explore</button>
    </span>
    <label class="weigh">β <input class="beta" type="number" min="0" max="1000000" step="any" inputmode="decimal"></label>
    <label class="pick">Lay over it <select class="over"></select></label>
  </header>
  <p class="facts"></p>
  <p class="why" role="alert" hidden></p>
  <section class="curves">
    <p class="readings"></p>
    <div class="plot-host"><div class="plot"></div><div class="moment" hidden></div><p class="without"></p></div>
    <i class="swatch" hidden></i>
  </section>
  <section class="space">
    <p class="quantity posterior"><b>q(z|x)</b> the means μ of 1,000 images</p>
    <div class="scatter-host"><canvas class="scatter" role="img" aria-label="The latent space: codes of 1,000 images, coloured by class, over the prior"></canvas><i class="swatch" hidden></i><p class="waiting">waiting for the first snapshot …</p></div>
  </section>
  <section class="decodings">
    <p class="quantity x-hat"><b>x̂</b> decoded over the prior, 2 % to 98 %</p>
    <canvas class="grid digit" width="420" height="420" role="img" aria-label="A grid of decoded pictures"></canvas>
    <p class="quantity x"><b>x</b> and <b class="hat">x̂</b> below it</p>
    <div class="pairs" role="img" aria-label="Images, and below each its reconstruction">
      <canvas class="digit seen" width="224" height="28"></canvas><canvas class="digit recon" width="224" height="28"></canvas>
      <canvas class="digit seen" width="224" height="28"></canvas><canvas class="digit recon" width="224" height="28"></canvas>
    </div>
  </section>
  <footer class="reel">
    <button type="button" class="play">▶ Replay</button>
    <input type="range" class="time" min="0" max="0" step="any" value="0" aria-label="The moment of the run that is shown" disabled>
    <span class="when"></span>
    <button type="button" class="live" hidden>Live</button>
  </footer>
  <p class="announce" aria-live="polite"></p>
</div>`;

/** A run's states: a word for each, and what to say of those that need it. */
export const STATES = {
  new: { word: "starting", why: "" },
  running: { word: "training" },
  paused: { word: "paused" },
  stopped: { word: "stopped", why: "It was stopped and its state saved; it can go on." },
  kept: { word: "stopped and kept" },
  done: { word: "done" },
  failed: { word: "failed" },
  interrupted: {
    word: "interrupted",
    why: "Its process ended without a word (it was killed, or the machine went down). It can go on from its last saved step.",
  },
};

const rests = (run) => ["stopped", "interrupted", "failed"].includes(run.state);

/** What can be done with a run, and when. */
export const DEEDS = {
  pause: { when: (run) => run.state === "running" && run.order !== "stop" },
  "go on": { when: (run) => run.state === "paused" || run.state === "kept" || rests(run) },
  stop: { when: (run) => run.state === "running" || run.state === "paused" },
  finish: { when: (run) => rests(run) && run.snapshots.length > 1 },
  open: { when: (run) => Boolean(run.checkpoint) && (run.state === "done" || run.state === "kept") },
};

/** The chosen option's run; null where none is. */
export const chosen = (select) => select.value || null;

/** Have a select offer runs, unless it does already: a list that is open must not be changed. */
export function fillRuns(select, list, name, none = "") {
  const names = list.some((r) => r.name === name) || !name ? list : [{ name, state: "new" }, ...list];
  const options = names.map((r) => [r.name, `${r.name} · ${STATES[r.state].word}`]);
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

/** Where the run is, how fast, and what it is. @param {import("./follow.js").Follower} follower */
export function facts(place, follower) {
  const { run, last } = follower;
  const words = [];
  if (last) {
    words.push(`epoch ${last.epoch.toFixed(1)} of ${run.epochs}`);
    words.push(`step ${last.step.toLocaleString("en")} of ${run.steps.toLocaleString("en")}`);
    if (run.state === "running") words.push(`${Math.round(last.images_per_second).toLocaleString("en")} images/s`);
    const { left } = follower;
    if (left !== null) words.push(`${duration(left)} left`);
    words.push(`learning rate ${last.learning_rate.toPrecision(2)}`);
  }
  if (run.asked_beta !== null && last && run.asked_beta !== last.beta && run.state !== "done")
    words.push(`β ${last.beta.toPrecision(3)}, ${run.asked_beta} from the next epoch on`);
  else if (last) words.push(`β ${Number(last.beta.toPrecision(3))}`);
  words.push(`${run.preset}: ${run.latent_dim}-D, ${run.likelihood}, ${run.data}, seed ${run.seed}`);
  write(place, words.join(" · "));
}

/** The newest terms, test and train. */
export function readings(place, follower) {
  const test = follower.epochs[follower.epochs.length - 1];
  const { last } = follower;
  const kl = last?.train_kl_per_dim.reduce((a, b) => a + b, 0);
  const number = (value) => (value === undefined ? "–" : value.toFixed(2));
  const cells = [
    ["reconstruction", test?.test_reconstruction, last?.train_reconstruction],
    ["kl", test?.test_kl, kl],
    ["sum", test && test.test_reconstruction + test.test_kl, last && last.train_reconstruction + kl],
  ];
  const titles = { reconstruction: "reconstruction", kl: "KL", sum: "−ELBO" };
  if (!place.children.length)
    for (const [name] of cells) {
      const cell = document.createElement("span");
      cell.className = name;
      cell.innerHTML = `${titles[name]} <b></b><small></small>`;
      place.append(cell);
    }
  cells.forEach(([, tested, trained], n) => {
    write(place.children[n].querySelector("b"), number(tested));
    write(place.children[n].querySelector("small"), `train ${number(trained)}`);
  });
}
