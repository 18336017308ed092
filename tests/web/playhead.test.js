// A walk's clock, without a page: only what the visitor asked of motion comes from one.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Playhead } from "../../explorer/web/widgets/playhead.js";
import { near } from "./near.js";

/** @param {boolean} less whether less motion was asked for */
const motion = (less) => Object.assign(globalThis, { matchMedia: () => ({ matches: less }) });

/** A playhead that has begun, at 1,000 ms. */
function begun() {
  const head = new Playhead();
  head.begin();
  assert.equal(head.next(1000, 0, 4, true), 0);
  return head;
}

beforeEach(() => motion(false));

test("the share goes by the clock, however long a frame is", () => {
  const head = begun();
  near(head.next(1100, 0, 4, true), 0.025);
  near(head.next(3000, 0.025, 4, true), 0.5);
  assert.equal(head.ended, false);
});

test("it turns round at both ends and loses no time there", () => {
  const head = begun();
  near(head.next(1400, 0.95, 4, true), 0.95);
  assert.equal(head.forward, false);
  near(head.next(1800, 0.95, 4, true), 0.85);
  near(head.next(2200, 0.05, 4, true), 0.05);
  assert.equal(head.forward, true);
  assert.equal(head.ended, false);
});

test("without a way back it ends at the end, exactly", () => {
  const head = begun();
  assert.equal(head.next(1400, 0.95, 4, false), 1);
  assert.equal(head.ended, true);
});

test("one that is unlooped on its way back ends at A", () => {
  const head = begun();
  head.next(1400, 0.95, 4, true);
  assert.equal(head.next(1800, 0.05, 4, false), 0);
  assert.equal(head.ended, true);
});

test("a frame longer than the whole path stays on it", () => {
  const head = begun();
  const share = head.next(60_000, 0.5, 1, true);
  assert.ok(share >= 0 && share <= 1, String(share));
});

test("less motion is few steps, each of them half a second at least", () => {
  motion(true);
  const head = begun();
  assert.equal(head.next(1400, 0, 2, true), 0);
  near(head.next(1500, 0, 2, true), 1 / 8);
  assert.equal(head.next(1900, 1 / 8, 2, true), 1 / 8);
  near(head.next(2000, 1 / 8, 2, true), 2 / 8);
});
