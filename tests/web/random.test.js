// Random numbers and moments.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Running, normals, seeded } from "../../explorer/web/model/random.js";

test("a seed repeats its numbers, which are uniform in [0, 1)", () => {
  const [a, b, other] = [seeded(7), seeded(7), seeded(8)];
  const numbers = Array.from({ length: 20_000 }, a);
  assert.deepEqual(numbers.slice(0, 100), Array.from({ length: 100 }, b));
  assert.notEqual(numbers[0], other());
  assert.ok(numbers.every((u) => u >= 0 && u < 1));
  for (let tenth = 0; tenth < 10; tenth++) {
    const share = numbers.filter((u) => Math.floor(10 * u) === tenth).length / numbers.length;
    assert.ok(Math.abs(share - 0.1) < 0.01, `${tenth}: ${share}`);
  }
});

test("normal numbers have the moments of N(0, 1), and do not hang together", () => {
  const normal = normals(seeded(1));
  const [first, second, fourth, lag] = [new Running(), new Running(), new Running(), new Running()];
  for (let i = 0, before = 0; i < 100_000; i++) {
    const value = normal();
    first.add(value);
    second.add(value ** 2);
    fourth.add(value ** 4);
    lag.add(value * before);
    before = value;
  }
  for (const { moment, exact } of [
    { moment: first, exact: 0 },
    { moment: second, exact: 1 },
    { moment: fourth, exact: 3 },
    { moment: lag, exact: 0 },
  ])
    assert.ok(Math.abs(moment.mean - exact) < 4 * moment.error, `${moment.mean} is not ${exact}`);
});

test("a running mean and its standard error are those of all numbers, also far from zero", () => {
  const running = new Running();
  assert.equal(running.error, Infinity);
  const values = [1, 2, 4, 9].map((v) => v + 1e9);
  values.forEach((v) => running.add(v));
  assert.equal(running.mean, 1e9 + 4);
  const variance = [9, 4, 0, 25].reduce((a, b) => a + b) / 3;
  assert.ok(Math.abs(running.error - Math.sqrt(variance / 4)) < 1e-6);
});
