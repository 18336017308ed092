import assert from "node:assert/strict";
import { test } from "node:test";

import { ImageShape } from "../../explorer/web/model/image_shape.js";

test("a shape knows its sides and how many values a picture has", () => {
  const shape = new ImageShape([3, 32, 48]);
  assert.deepEqual([shape.channels, shape.height, shape.width], [3, 32, 48]);
  assert.equal(shape.size, 4608);
  assert.equal(String(shape), "3×32×48");
});

test("shapes are equal by their sides, not by how many values they have", () => {
  const shape = new ImageShape([1, 28, 28]);
  assert.ok(shape.equals(new ImageShape([1, 28, 28])));
  assert.ok(!shape.equals(new ImageShape([1, 14, 56])));
  assert.ok(!shape.equals(new ImageShape([3, 28, 28])));
});
