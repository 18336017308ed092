// The elements of the Train page, and their content.

import { find, html, set, write, zName } from "../widgets/dom.js";
import { placeOf } from "./moments.js";
import { readings, stateWord } from "./words.js";

/**
 * @typedef {import("./follower.js").Run} Run
 * @typedef {import("./follower.js").RunEntry} RunEntry
 * @typedef {ReturnType<typeof build>} Parts
 */

const MARKUP = `
<div class="stage train" data-ready="false">
  <header class="bar">
    <label class="pick">Run <select class="run"></select></label>
    <span class="state" data-state=""></span>
    <span class="actions">
      <button type="button" data-action="pause">Pause</button>
      <button type="button" data-action="go on">Go on</button>
      <button type="button" data-action="stop">Stop and keep</button>
      <button type="button" data-action="finish">Keep what was saved</button>
      <button type="button" data-action="open" class="primary">Open in Explore</button>
      <button type="button" data-action="manage" title="Rename, duplicate or delete this run">More …</button>
    </span>
    <label class="beta-box">β <input class="beta" type="number" min="0" max="1000000" step="any" inputmode="decimal"></label>
    <label class="pick">Lay over it <select class="over"></select></label>
  </header>
  <p class="facts"></p>
  <p class="message" role="alert" hidden></p>
  <section class="curves">
    <p class="readings"></p>
    <p class="key note"></p>
    <div class="plot-host"><div class="plot"></div><div class="moment" hidden></div><p class="plot-fault"></p></div>
    <i class="swatch" hidden></i>
  </section>
  <section class="space">
    <p class="quantity posterior"><b>q(z|x)</b> means μ of <span class="count"></span> images <span class="legend"></span></p>
    <div class="scatter-host"><canvas class="scatter" role="img" aria-label="The latent space: codes of images, coloured by class, over the prior"></canvas><i class="swatch" hidden></i><p class="waiting"></p></div>
  </section>
  <section class="decodings">
    <p class="quantity x-hat"><b>x̂</b> <span class="grid-axes"></span></p>
    <canvas class="grid picture" role="img" aria-label="A grid of decoded pictures"></canvas>
    <p class="quantity x"><b>x</b> and <b class="hat">x̂</b> below it</p>
    <div class="pairs" role="img" aria-label="Images, and below each its reconstruction">
      <canvas class="picture seen"></canvas><canvas class="picture recon"></canvas>
      <canvas class="picture seen"></canvas><canvas class="picture recon"></canvas>
    </div>
  </section>
  <footer class="timeline">
    <button type="button" class="play">▶ Replay</button>
    <div class="way"><input type="range" class="time" min="0" max="0" step="any" value="0" aria-label="The moment of the run that is shown" disabled><div class="epochs" aria-hidden="true"></div></div>
    <span class="when"></span>
    <button type="button" class="live" hidden>Live</button>
    <button type="button" class="film-run" aria-pressed="false" title="Record the replay as a film" disabled>Film</button>
  </footer>
  <p class="filmed note" role="status" hidden></p>
  <p class="announce" aria-live="polite"></p>
</div>`;

/** The page's elements. */
export function build() {
  const root = html(MARKUP);
  return {
    root,
    run: find(root, "select.run", HTMLSelectElement),
    over: find(root, "select.over", HTMLSelectElement),
    state: find(root, ".state"),
    buttons: [...root.querySelectorAll("[data-action]")].map(
      (button) => /** @type {HTMLButtonElement} */ (button),
    ),
    beta: find(root, "input.beta", HTMLInputElement),
    facts: find(root, ".facts"),
    message: find(root, ".message"),
    curves: find(root, ".curves"),
    readings: find(root, ".readings"),
    count: find(root, ".count"),
    legend: find(root, ".legend"),
    scatter: find(root, "canvas.scatter", HTMLCanvasElement),
    swatch: find(root, ".scatter-host .swatch"),
    waiting: find(root, ".waiting"),
    gridAxes: find(root, ".grid-axes"),
    play: find(root, ".play", HTMLButtonElement),
    time: find(root, ".time", HTMLInputElement),
    epochs: find(root, ".epochs"),
    when: find(root, ".when"),
    live: find(root, ".live"),
    film: find(root, ".film-run", HTMLButtonElement),
    filmed: find(root, ".filmed"),
    announce: find(root, ".announce"),
  };
}

/** The content that was put in an element last, as a text. @type {WeakMap<Element, string>} */
const contents = new WeakMap();

/** Whether an element is to have another content than before. @param {Element} element @param {string} content */
function changes(element, content) {
  if (contents.get(element) === content) return false;
  contents.set(element, content);
  return true;
}

/** Take away what was written of a run. @param {Parts} parts */
export function clear(parts) {
  parts.root.dataset.ready = "false";
  for (const element of [parts.state, parts.facts, parts.message, parts.when]) write(element, "");
  for (const element of [parts.legend, parts.readings, parts.epochs]) {
    element.replaceChildren();
    contents.delete(element);
  }
  parts.message.hidden = parts.filmed.hidden = true;
  parts.beta.value = "";
  for (const control of [parts.beta, parts.time, parts.play, parts.film]) control.disabled = true;
  for (const button of parts.buttons) button.hidden = true;
  write(parts.waiting, "loading …");
}

/** The run of the chosen option; null where none is chosen. @param {HTMLSelectElement} select */
export const chosen = (select) => select.value || null;

/**
 * Have a select offer runs, unless it does already: a list that is open must not be changed.
 * @param {HTMLSelectElement} select
 * @param {RunEntry[]} list
 * @param {string | null} name the chosen one
 * @param {string} [none] the words for choosing none
 */
export function fillRuns(select, list, name, none = "") {
  const there = !name || list.some((run) => run.name === name);
  const runs = there ? list : [{ name, state: "new" }, ...list];
  const options = runs.map((run) => [
    run.name,
    [run.name, stateWord(run), run.what].filter(Boolean).join(" · "),
  ]);
  if (none) options.unshift(["", none]);
  if (changes(select, JSON.stringify(options)))
    select.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
  if (select.value !== (name ?? "")) select.value = name ?? "";
}

/**
 * Write the terms at a moment.
 * @param {HTMLElement} place
 * @param {import("./follower.js").Follower} follower
 * @param {Run} run
 * @param {number} step
 */
export function writeReadings(place, follower, run, step) {
  const all = readings(follower, run, step);
  if (!place.children.length)
    place.append(
      ...all.map(({ name }) =>
        html(`<span class="${name}"><span></span> <b></b><small></small></span>`),
      ),
    );
  all.forEach(({ title, value, small, hint }, n) => {
    const cell = place.children[n];
    write(find(cell, "span"), title);
    write(find(cell, "b"), value);
    write(find(cell, "small"), small);
    set(cell, "title", hint);
  });
}

/** Write the classes and their colours. @param {HTMLElement} place @param {string[]} classes @param {string[]} colours */
export function writeLegend(place, classes, colours) {
  if (!changes(place, classes.join("\n"))) return;
  place.replaceChildren(
    ...classes.slice(0, colours.length).map((name, c) => {
      const entry = document.createElement("span");
      entry.textContent = name;
      entry.style.setProperty("--dot", colours[c]);
      return entry;
    }),
  );
  const others = classes.length - colours.length;
  if (others > 0) place.append(`and ${others} more`);
}

/** Write over which dimensions a grid is decoded. @param {HTMLElement} place @param {{axes: number[], d: number}} frame */
export function writeGridAxes(place, { axes, d }) {
  const names = axes.map(zName);
  const text =
    names.length > 1
      ? `over ${names.join(", ")}: 2 % to 98 % of the prior`
      : `along ${names[0]}, as one reads`;
  write(place, text);
  set(place, "title", d > 2 ? "All other dimensions are at the prior's middle." : "");
}

const EPOCHS = [0, 0.1, 0.3, 1, 2, 3, 5, 10, 20, 30, 50, 100, 150, 200, 300, 500, 1000, 2000, 5000];

/**
 * The marks below the time slider, which gives every snapshot the same room.
 * @param {import("./moments.js").Known[]} known
 * @param {number} batches an epoch
 * @returns {{epoch: number, share: number}[]} where along the slider
 */
export function marks(known, batches) {
  const end = known.length - 1;
  const found = [];
  let before = -1;
  for (const epoch of EPOCHS) {
    const share = placeOf(known, epoch * batches) / end;
    if (epoch * batches > known[end][0] || !(share - before > 0.07)) continue;
    before = share;
    found.push({ epoch, share });
  }
  return found;
}

/** @param {HTMLElement} place @param {import("./moments.js").Known[]} known @param {number} batches */
export function writeMarks(place, known, batches) {
  const end = known.length - 1;
  if (!changes(place, `${end} ${batches} ${known[end]}`)) return;
  place.replaceChildren(
    ...marks(known, batches).map(({ epoch, share }) => {
      const mark = document.createElement("span");
      mark.textContent = String(epoch);
      mark.style.left = `${100 * share}%`;
      return mark;
    }),
  );
}
