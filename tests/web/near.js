// What the tests share. It is no test itself: its name does not end in .test.js.

import assert from "node:assert/strict";

/**
 * That numbers agree to a relative tolerance, or an absolute one below 1.
 * @param {number} found @param {number} expected @param {number} [tolerance] @param {string} [said]
 */
export function near(found, expected, tolerance = 1e-12, said = "") {
  const gap = Math.abs(found - expected);
  assert.ok(
    gap <= tolerance * Math.max(1, Math.abs(expected)),
    `${said} ${found}, and not ${expected}`,
  );
}

/**
 * Numbers in double precision where the modules have float32: what they compute is then compared with
 * known values closely, without float32's own rounding. @param {Iterable<number>} values
 */
export const doubles = (values) =>
  /** @type {Float32Array} */ (/** @type {unknown} */ (Float64Array.from(values)));

/** @param {ArrayLike<number>} found @param {number[]} expected @param {number} [tolerance] */
export function allNear(found, expected, tolerance = 1e-12) {
  assert.equal(found.length, expected.length);
  expected.forEach((value, i) => near(found[i], value, tolerance, `at ${i}:`));
}
