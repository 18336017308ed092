// What a step of a lesson shows, put on the page: all of it, whatever a hand has done before.

/**
 * The fields of a step's view, as explorer/lessons/lesson.py has them.
 * @typedef {object} View
 * @property {number} [image]
 * @property {number[]} [z]
 * @property {number} [section]
 * @property {boolean} [manifold]
 * @property {string} [panel]
 * @property {string} [path]
 * @property {[number, number]} [marks]
 * @property {number} [share]
 * @property {boolean} [play]
 * @property {string[]} [classes] those that are on the map; none for all
 * @property {number[]} [zoom]
 * @property {boolean} [predict]
 */

/** What a lesson begins with. @type {View} */
const USUAL = { manifold: false, panel: "trace", classes: [], path: "straight" };

/** The view of the n-th step, counted from 0: what it says over what those before it said. @param {{view?: View}[]} steps @param {number} n @returns {View} */
export function viewAt(steps, n) {
  let all = { ...USUAL };
  for (const { view = {} } of steps.slice(0, n + 1)) {
    if (view.image !== undefined) all = { ...all, z: undefined, share: undefined };
    if (view.z !== undefined) all.share = undefined;
    if (view.share !== undefined) all.z = undefined;
    all = { ...all, zoom: undefined, play: undefined, predict: undefined, ...view };
  }
  return all;
}

/** @param {any} page @param {number} image */
async function take(page, image) {
  await page.encoders;
  await page.pictures.ready(image);
  page.input.pad.deactivate();
  page.input.taken = false;
  page.setInput(page.pictures.get(image), image);
}

/** @param {any} page @param {View} view */
async function showWalk(page, { path, marks, share, play }) {
  if (path) {
    const value = /^z\d+$/.test(path) ? String(Number(path.slice(1)) - 1) : path;
    if (page.walk.paths.some((one) => one.value === value)) page.walk.select.value = value;
  }
  if (marks)
    for (const [k, image] of marks.entries()) {
      await page.pictures.ready(image);
      page.marks[k] = { x: page.pictures.get(image), where: { kind: "mu" } };
      for (const view of page.views.values()) view.mark(k, page.marks[k]);
    }
  page.change("film");
  if (share === undefined && !play) return;
  page.lead();
  if (share !== undefined) page.go({ kind: "walk", share });
  if (play) page.walk.play(true);
}

/** @param {any} page @param {View} view */
async function showSession(page, view) {
  page.halt();
  page.tour?.stop();
  page.showManifold(view.manifold === true);
  const tab = page.$(`[role=tab][data-tab="${view.panel}"]`);
  if (tab && page.tab !== view.panel) page.openTab(tab);
  if (view.image !== undefined) await take(page, view.image);
  if (view.z) page.go({ kind: "code", z: Float32Array.from(view.z) });
  await showWalk(page, view);
  const { map } = page.first;
  const { classes = [] } = view;
  const names = map.legend?.groups.map((group) => group.name) ?? [];
  map.legend?.hide(classes.length ? names.filter((name) => !classes.includes(name)) : []);
  if (view.zoom) map.showWindow(map.window.over(view.zoom));
  else if (map.zoomed) map.reset();
  if (!view.play) page.settle();
}

/** @param {any} page @param {View} view */
async function showSection(page, view) {
  if (view.section) page.steps.open(view.section - 1);
  if (view.image !== undefined && (view.image !== page.image || page.drawn))
    await take(page, view.image);
  const options = page.root.querySelectorAll(".predict .options button");
  if (view.predict && page.section?.chosen === null) options[options.length - 1]?.click();
  page.settle();
}

/** Show a step's whole view. @param {any} page @param {View} view */
export async function showView(page, view) {
  if (page.walk) await showSession(page, view);
  else await showSection(page, view);
}

/** What has to be done before a lesson goes on: what the page is like, to see whether that changes. @type {Record<string, (page: any) => unknown>} */
export const MARKS = {
  z: (page) => [...(page.first?.z ?? page.z)].map((v) => v.toFixed(2)).join(),
  x: (page) => [...page.x].reduce((sum, v, i) => sum + v * (i + 1), 0),
  draw: (page) => (page.drawn || page.keeper?.drawn) && page.x,
  play: (page) =>
    Boolean(page.walk?.playing || page.root.querySelector(".play[aria-pressed=true]")),
  predict: (page) => page.section?.chosen,
  map: (page) => page.first?.blob.header.revision,
  manifold: (page) => page.manifold,
  panel: (page) => page.tab,
  mark: (page) => page.marks?.map((mark) => mark?.where),
};

/** What has to be done, in words. @type {Record<string, string>} */
export const DEEDS = {
  z: "move z",
  x: "take another x",
  draw: "draw an x",
  play: "press Play",
  answer: "choose an answer",
  predict: "choose an answer",
  map: "switch the map",
  manifold: "press Manifold",
  panel: "open another panel",
  mark: "set a mark",
};
