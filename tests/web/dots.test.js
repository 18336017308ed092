// Discs on pixels: how much of each they cover, where, and what lies over what.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Dots } from "../../explorer/web/map/dots.js";

/** Opacity from 0 to 1 of all pixels, its sum and its middle. @param {Dots} dots */
function opacity({ data, width, height }) {
  let [sum, x, y] = [0, 0, 0];
  for (let k = 0; k < width * height; k++) {
    const own = data[4 * k + 3] / 255;
    sum += own;
    x += own * ((k % width) + 0.5);
    y += own * (Math.floor(k / width) + 0.5);
  }
  return { sum, middle: [x / sum, y / sum] };
}

test("a disc covers its area, about its middle, wherever within a pixel that is", () => {
  for (const radius of [1.5, 2.5, 5, 12.3])
    for (let k = 0; k < 40; k++) {
      const [x, y] = [30 + 0.37 * k, 31 + 0.23 * k];
      const dots = new Dots(80, 70);
      dots.add(x, y, radius, "#123456", 1);
      const { sum, middle } = opacity(dots);
      const area = Math.PI * (radius ** 2 + 1 / 12); // its edge fades over a pixel
      assert.ok(Math.abs(sum / area - 1) < 0.03, `${radius}: ${sum}`);
      assert.ok(Math.hypot(middle[0] - x, middle[1] - y) < 0.25, `${middle} for ${x}, ${y}`);
    }
});

test("a disc has its colour and opacity, and lies over what was there before", () => {
  const dots = new Dots(20, 20);
  const middle = () => [...dots.data.subarray(4 * (10 * 20 + 10), 4 * (10 * 20 + 10) + 4)];
  dots.add(10.5, 10.5, 4, "#c81e0a", 0.5);
  assert.deepEqual(middle(), [200, 30, 10, 128]);
  dots.add(10.5, 10.5, 4, "#0064ff", 0.25);
  // over: opacity b + a(1 − b), colours by their shares of it.
  const [a, b] = [128 / 255, 0.25];
  const both = b + a * (1 - b);
  const expected = [200, 30, 10].map((v, k) => ([0, 100, 255][k] * b + v * a * (1 - b)) / both);
  for (const [k, v] of [...expected, 255 * both].entries())
    assert.ok(Math.abs(middle()[k] - v) <= 1, `${middle()}`);
});

test("a disc over an edge is cut there, and one that is beyond it leaves no trace", () => {
  const dots = new Dots(30, 20);
  for (const [x, y] of [
    [0, 10],
    [30, 10],
    [15, 0],
    [15, 20],
  ])
    dots.add(x, y, 4, "#ffffff", 1);
  const half = (Math.PI * 16) / 2;
  const { sum, middle } = opacity(dots);
  assert.ok(Math.abs(sum / (4 * half) - 1) < 0.06, `${sum}`);
  assert.ok(Math.hypot(middle[0] - 15, middle[1] - 10) < 0.3, `${middle}`);
  const before = dots.data.slice();
  for (const [x, y] of [
    [-9, 5],
    [40, 5],
    [5, -9],
    [5, 31],
  ])
    dots.add(x, y, 4, "#ffffff", 1);
  assert.deepEqual(dots.data, before);
});
