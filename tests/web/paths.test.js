// Paths from a code to another one.

import { test } from "node:test";

import { spherical, straight } from "../../explorer/web/model/paths.js";
import { allNear, doubles, near } from "./near.js";

test("a straight path goes evenly from one end to the other", () => {
  allNear(straight(doubles([1, -2]), doubles([3, 2]), 0), [1, -2]);
  allNear(straight(doubles([1, -2]), doubles([3, 2]), 0.25), [1.5, -1]);
  allNear(straight(doubles([1, -2]), doubles([3, 2]), 1), [3, 2]);
});

test("a spherical path keeps the radius and its angle goes evenly", () => {
  const third = spherical(doubles([2, 0]), doubles([0, 2]), 1 / 3);
  allNear(third, [2 * Math.cos(Math.PI / 6), 2 * Math.sin(Math.PI / 6)]);
  allNear(spherical(doubles([2, 0]), doubles([0, 2]), 0), [2, 0]);
  allNear(spherical(doubles([2, 0]), doubles([0, 2]), 1), [0, 2]);
});

test("the distance from the centre goes evenly from one to the other", () => {
  const [x, y] = spherical(doubles([6, 5]), doubles([5, 8]), 0.5, 5);
  near(Math.hypot(x - 5, y - 5), 2);
  near(x, y);
});

test("codes in line with the centre are joined straight", () => {
  allNear(spherical(doubles([1, 1]), doubles([3, 3]), 0.5), [2, 2]);
  allNear(spherical(doubles([-1, 0]), doubles([1, 0]), 0.25), [-0.5, 0]);
  allNear(spherical(doubles([0, 0]), doubles([2, 4]), 0.5), [1, 2]);
  allNear(spherical(doubles([1, 2]), doubles([1, 2]), 0.5), [1, 2]);
});
