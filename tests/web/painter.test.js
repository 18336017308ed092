// What is painted of a map, and where; a stub stands for the 2D context.

import assert from "node:assert/strict";
import { test } from "node:test";

import { MapWindow } from "../../explorer/web/map/map_window.js";
import * as painter from "../../explorer/web/map/painter.js";

/**
 * @typedef {{act: string, arguments: unknown[], alpha: number, fill: string, stroke: string}} Mark
 *   a call of a context's, and how it was set then
 */

/** A context that remembers what was called, with which opacity and colours. */
function context() {
  /** @type {Mark[]} */
  const marks = [];
  const state = { globalAlpha: 1, fillStyle: "#000", strokeStyle: "#000" };
  const made = new Proxy(/** @type {Record<string, any>} */ (state), {
    get: (_, name) => {
      if (name in state) return state[/** @type {keyof typeof state} */ (name)];
      if (name === "measureText")
        return (/** @type {string} */ text) => ({ width: 8 * text.length });
      return (/** @type {unknown[]} */ ...given) => {
        const { globalAlpha: alpha, fillStyle: fill, strokeStyle: stroke } = state;
        marks.push({ act: String(name), arguments: given, alpha, fill, stroke });
      };
    },
  });
  const of = (/** @type {string} */ act) => marks.filter((mark) => mark.act === act);
  return { c: /** @type {CanvasRenderingContext2D} */ (/** @type {unknown} */ (made)), of };
}

// A pixel is half a unit: x from −50 to 50, y from −25 to 25.
const WINDOW = new MapWindow(200, 100, [0, 0], 0.5);
/** @type {import("../../explorer/web/map/painter.js").Group[]} */
const GROUPS = [
  { name: "cat", colour: "#aa0000", points: [0, 2], label: [10, 5] },
  { name: "dog", colour: "#0000aa", points: [2, 5], label: [-30, -20] },
];
const CODES = {
  groups: GROUPS,
  x: Float32Array.of(0, 10, -50, 49, 400),
  y: Float32Array.of(0, 5, 25, -24, 0),
  hidden: /** @type {Set<string>} */ (new Set()),
  chosen: /** @type {Uint8Array | null} */ (null),
  opacity: 1,
  small: false,
};

/** The dots that are painted: their colours, middles and opacities. @param {Partial<typeof CODES>} [more] */
function dots(more = {}, window = WINDOW) {
  /** @type {{colour: string, middle: number[], alpha: number}[]} */
  const found = [];
  painter.eachDot(window, { ...CODES, ...more }, (x, y, _, colour, alpha) => {
    const middle = [x, y].map((v) => Number(v.toFixed(6)));
    found.push({ colour, middle, alpha });
  });
  return found;
}

test("each code's dot is where the window says, in its class's colour; far ones are left out", () => {
  assert.deepEqual(
    dots().map(({ colour, middle }) => [colour, ...middle]),
    [
      ["#aa0000", 100, 50],
      ["#0000aa", 198, 98], // the fourth code: no class is drawn as a whole over another
      ["#aa0000", 120, 40],
      ["#0000aa", 0, 0],
    ],
  );
});

test("codes are drawn in an order in which every class comes as often as it is large", () => {
  for (const n of [1, 2, 10, 5000, 60_000])
    assert.deepEqual(
      [...painter.drawOrder(n)].sort((a, b) => a - b),
      [...Array(n).keys()],
    );
  const [n, classes] = [5000, 10];
  const order = painter.drawOrder(n);
  for (let from = 0; from < n; from += 250) {
    const counts = new Array(classes).fill(0);
    for (const i of order.subarray(from, from + 250)) counts[Math.floor((i * classes) / n)] += 1;
    for (const count of counts) assert.ok(Math.abs(count - 25) <= 4, `${counts}`);
  }
});

test("the dots go along with a window that is panned", () => {
  const middles = dots({}, WINDOW.panned(10, -20)).map(({ middle }) => middle);
  assert.deepEqual(middles, [
    [110, 30],
    [130, 20],
  ]);
});

test("the dots of a class that is hidden are not painted", () => {
  const colours = dots({ hidden: new Set(["cat"]) }).map(({ colour }) => colour);
  assert.deepEqual(colours, ["#0000aa", "#0000aa"]);
  assert.deepEqual(dots({ hidden: new Set(["cat", "dog"]) }), []);
});

test("codes that were not chosen are a fifth as strong, over a manifold all are weaker", () => {
  const [full] = dots().map(({ alpha }) => alpha);
  const chosen = Uint8Array.of(1, 0, 0, 1, 0);
  const shares = (/** @type {Partial<typeof CODES>} */ more) =>
    dots(more).map(({ alpha }) => Number((alpha / full).toFixed(6)));
  assert.deepEqual(shares({ chosen }), [1, 1, 0.2, 0.2]);
  assert.deepEqual(shares({ chosen, opacity: 0.5 }), [0.5, 0.5, 0.1, 0.1]);
});

test("more codes have smaller and fainter dots", () => {
  const sizes = [10, 10_000, 60_000].map(painter.dotOf);
  for (const [k, more] of sizes.slice(1).entries())
    assert.ok(more.size < sizes[k].size && more.opacity < sizes[k].opacity);
});

test("a class's name is written at its place, a long one cut, a hidden one not", () => {
  const { c, of } = context();
  const groups = [
    ...GROUPS,
    { ...GROUPS[0], name: "nameless", label: null },
    { ...GROUPS[0], name: "a name of twenty-five signs", label: GROUPS[1].label },
  ];
  painter.paintNames(c, WINDOW, { ink: "#111", paper: "#fff" }, groups, new Set(["dog"]), 17);
  assert.deepEqual(
    of("fillText").map((mark) => mark.arguments),
    [
      ["cat", 120, 40],
      ["a name of twent…", 67, 71.5], // whole, though its place is near the edge
    ],
  );
});

test("no name covers another: what has no room at its place is above, below, or left out", () => {
  const { c, of } = context();
  const groups = Array.from({ length: 9 }, (_, n) => ({ ...GROUPS[0], name: `cat ${n}` }));
  const beside = { ...GROUPS[0], name: "far", label: /** @type {[number, number]} */ ([40, 5]) };
  painter.paintNames(c, WINDOW, { ink: "#111", paper: "#fff" }, [...groups, beside], new Set(), 10);
  const places = of("fillText").map(({ arguments: [text, x, y] }) => [text, x, y]);
  assert.deepEqual(places, [
    ["cat 0", 120, 40],
    ["cat 1", 120, 30],
    ["cat 2", 120, 50],
    ["far", 180, 40],
  ]);
});

test("the grid's lines are at round values, on the screen's own pixels", () => {
  const { c, of } = context();
  painter.paintGrid(c, WINDOW, { grid: "#ccc" });
  // 110 pixels are 55 units: a line at every multiple of 50.
  assert.deepEqual(
    of("moveTo").map((mark) => mark.arguments),
    [
      [0.5, 0],
      [100.5, 0],
      [200.5, 0],
      [0, 50.5],
    ],
  );
  assert.equal(of("stroke")[0].stroke, "#ccc");
});

test("what lies over the codes is where the window says: μ's cross, the walk, and its ends", () => {
  const { c, of } = context();
  const colours = { posterior: "#0a0", z: "#00f", paper: "#fff" };
  painter.paintOverlay(c, WINDOW, colours, {
    rings: [],
    centre: [10, 5],
    path: [
      [0, 0],
      [10, -5],
    ],
    ends: [null, [10, -5]],
  });
  assert.deepEqual(
    of("moveTo").map((mark) => mark.arguments),
    [
      [115, 40],
      [120, 35],
    ],
  );
  assert.deepEqual(
    of("lineTo")
      .slice(-2)
      .map((mark) => mark.arguments),
    [
      [100, 50],
      [120, 60],
    ],
  );
  const [letter] = of("fillText");
  assert.deepEqual([letter.fill, ...letter.arguments], ["#00f", "B", 120, 60]);
});

test("axes that mean nothing have no numbers, others have those of the window", () => {
  const [none, some] = [context(), context()];
  const colours = { ink: "#111", paper: "#fff", z: "#00f" };
  painter.paintAxes(none.c, WINDOW, colours, null, false);
  assert.deepEqual(none.of("fillText"), []);
  painter.paintAxes(some.c, WINDOW, colours, ["z₁", "z₂"], false);
  const written = some.of("fillText").map(({ arguments: [text, x, y] }) => [text, x, y]);
  assert.deepEqual(written, [
    ["0", 100, 95], // across: −50 and 50 are too near to the edges
    ["0", 4, 54], // upwards
    ["z₁ →", 195, 95],
    ["↑ z₂", 4, 16],
  ]);
});
