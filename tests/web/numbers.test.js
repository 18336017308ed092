// Numbers as the pages write them.

import assert from "node:assert/strict";
import { test } from "node:test";

import { brief } from "../../explorer/web/widgets/dom.js";

test("a number has decimals while they tell something, and the sign minus", () => {
  /** @type {[number, number, string][]} */
  const cases = [
    [466.04, 1, "466.0"],
    [-118.66, 1, "−118.7"],
    [-0.001, 2, "0.00"],
    [11008.74, 2, "11009"],
    [1072680.2, 1, "1.07e6"],
    [-79942114, 1, "−7.99e7"],
  ];
  for (const [value, digits, text] of cases) assert.equal(brief(value, digits), text);
});
