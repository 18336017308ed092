// The part of a map that is shown: what keeps its place when it is fitted, moved and zoomed.

import assert from "node:assert/strict";
import { test } from "node:test";

import { MapWindow, ticks, within } from "../../explorer/web/map/map_window.js";
import { allNear, near } from "./near.js";

/** @typedef {import("../../explorer/web/map/map_window.js").Point} Point */

/** Four units across and two upwards. @type {[Point, Point]} */
const BOUNDS = [
  [-1, 3],
  [10, 12],
];
/** On a map of 200×400 pixels: 0.02 units a pixel, as the four units across want. */
const fitted = () => MapWindow.fit(BOUNDS, 200, 400);

test("a fitted window shows all of the bounds, with what is left over on both sides", () => {
  const { unit, x, y } = fitted();
  near(unit, 0.02);
  allNear(x, [-1, 3]);
  allNear(y, [7, 15]); // 400 pixels are eight units about 11
  const wide = MapWindow.fit(BOUNDS, 800, 100);
  allNear(wide.y, [10, 12]);
  allNear(wide.x, [-7, 9]);
});

test("an anchored window keeps the lower ends, and has its room beyond the upper ones", () => {
  const { x, y } = MapWindow.fit(BOUNDS, 200, 400, true);
  allNear(x, [-1, 3]);
  allNear(y, [10, 18]);
});

test("bounds without a width are shown all the same", () => {
  /** @type {Point} */
  const five = [5, 5];
  const { unit, middle } = MapWindow.fit([five, five], 200, 400);
  assert.equal(unit, 1);
  assert.deepEqual([...middle], [5, 5]);
});

test("pixels go down from the upper left corner, places go up", () => {
  const window = fitted();
  allNear(window.pixel([-1, 15]), [0, 0]);
  allNear(window.pixel([3, 7]), [200, 400]);
  allNear(window.place([150, 100]), [2, 13]);
  allNear(window.inside([-3, 401]), [0, 400]);
  allNear(window.inside([7, 8]), [7, 8]);
});

test("a zoom about a pixel keeps the place there, in and out", () => {
  const window = fitted();
  for (const factor of [0.8, 1.25]) {
    const zoomed = window.zoomed(factor, [150, 100]);
    near(zoomed.unit, 0.02 * factor);
    allNear(zoomed.pixel([2, 13]), [150, 100], 1e-9);
    allNear(zoomed.pixel([2 - 0.02 * factor, 13]), [149, 100], 1e-9);
  }
});

test("one turn of a wheel zooms so far only, and many end at the limits", () => {
  const window = fitted();
  near(window.zoomed(0.01, [0, 0]).unit, 0.02 * 0.67);
  near(window.zoomed(100, [0, 0]).unit, 0.02 * 1.5);
  let [close, far] = [window, window];
  for (let n = 0; n < 40; n++) {
    close = close.zoomed(0.7, [20, 30]);
    far = far.zoomed(1.4, [20, 30]);
  }
  near(close.unit, 0.02 / 1000);
  near(far.unit, 0.02 * 8);
  const place = window.place([20, 30]);
  allNear(close.pixel(place), [20, 30], 1e-6);
  allNear(far.pixel(place), [20, 30], 1e-6);
});

test("a pan takes the map along with the hand, and the window that was panned stays as it is", () => {
  const window = fitted();
  const panned = window.panned(30, -50);
  allNear(panned.pixel([2, 13]), [180, 50]);
  near(panned.unit, window.unit);
  allNear(window.pixel([2, 13]), [150, 100]);
});

test("a pinch keeps under both fingers what lay under them", () => {
  const window = fitted();
  /** @type {[Point, Point]} */
  const from = [
    [50, 100],
    [100, 100],
  ];
  /** Apart by 60 pixels instead of 50, and elsewhere. @type {[Point, Point]} */
  const to = [
    [80, 140],
    [140, 140],
  ];
  const pinched = window.pinched(from, to);
  near(pinched.unit, (0.02 * 50) / 60);
  from.forEach((finger, k) => allNear(pinched.pixel(window.place(finger)), [...to[k]], 1e-9));
});

test("one finger that drags only pans, and fingers at one spot do no harm", () => {
  const window = fitted();
  const dragged = window.pinched([[50, 100]], [[80, 140]]);
  near(dragged.unit, window.unit);
  allNear(dragged.middle, [...window.panned(30, 40).middle]);
  /** @type {[Point, Point]} */
  const apart = [
    [50, 100],
    [60, 100],
  ];
  /** @type {[Point, Point]} */
  const together = [
    [50, 100],
    [50, 100],
  ];
  for (const from of [apart, together]) {
    const { unit, middle } = window.pinched(from, together);
    assert.ok([unit, ...middle].every(Number.isFinite));
  }
});

test("another size of the map keeps its middle and all that was shown", () => {
  const window = fitted().resized(400, 400);
  allNear(window.middle, [1, 11]);
  near(window.unit, 0.02); // upwards nothing changed, and nothing may be lost there
  allNear(window.y, [7, 15]);
  const half = fitted().resized(100, 200);
  allNear(half.x, [-1, 3]);
  allNear(half.y, [7, 15]);
  let out = half;
  for (let n = 0; n < 40; n++) out = out.zoomed(1.5, [0, 0]);
  near(out.unit, 8 * half.unit); // what a hand can zoom out goes with the size
});

test("ticks are round, within the range, and at most the gap apart", () => {
  assert.deepEqual(ticks([-1, 1], 0.6), [-1, -0.5, 0, 0.5, 1]);
  assert.deepEqual(ticks([0.05, 0.35], 0.1), [0.1, 0.2, 0.3]); // and not 0.30000000000000004
  assert.deepEqual(ticks([7, 44], 30), [20, 40]);
  assert.deepEqual(ticks([1.2, 1.8], 5), []);
});

test("within a polygon is within, also where it turns inwards", () => {
  // A U: open at the top between 1 and 2.
  const u = [
    [0, 0],
    [3, 0],
    [3, 3],
    [2, 3],
    [2, 1],
    [1, 1],
    [1, 3],
    [0, 3],
  ];
  for (const turned of [u, [...u].reverse()]) {
    assert.ok(within([0.5, 2], turned));
    assert.ok(within([2.5, 2], turned));
    assert.ok(within([1.5, 0.5], turned));
    assert.ok(!within([1.5, 2], turned), "in the opening");
    for (const outside of [
      [-1, 2],
      [4, 2],
      [1.5, -1],
      [0.5, 4],
    ])
      assert.ok(!within(outside, turned), String(outside));
  }
});
