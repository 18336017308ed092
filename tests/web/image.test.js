// Pictures on canvases, and the frame of drawings; a stub stands for the canvas.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ImageShape } from "../../explorer/web/model/image_shape.js";
import { centring } from "../../explorer/web/widgets/drawing_pad.js";
import { paintCell, paintImage, paintRows } from "../../explorer/web/widgets/image.js";

Object.assign(globalThis, {
  ImageData: class {
    /** @param {number} width @param {number} height */
    constructor(width, height) {
      this.width = width;
      this.height = height;
      this.data = new Uint8ClampedArray(4 * width * height);
    }
  },
});

/** A canvas that remembers what was put on it, and where. */
function canvas() {
  /** @type {{pixels: number[], x: number, y: number, image: ImageData}[]} */
  const put = [];
  const context = {
    putImageData: (
      /** @type {ImageData} */ image,
      /** @type {number} */ x,
      /** @type {number} */ y,
    ) => put.push({ pixels: [...image.data], x, y, image }),
  };
  const made = { width: 300, height: 150, hidden: false, put, getContext: () => context };
  return /** @type {HTMLCanvasElement & {put: typeof put}} */ (/** @type {unknown} */ (made));
}

const GREY = new ImageShape([1, 1, 2]);
const COLOUR = new ImageShape([3, 1, 2]);

test("a grey picture is painted white on black, a coloured one channel by channel", () => {
  const [grey, colour] = [canvas(), canvas()];
  paintImage(grey, [0, 1], GREY);
  assert.deepEqual([grey.width, grey.height], [2, 1]);
  assert.deepEqual(grey.put[0].pixels, [0, 0, 0, 255, 255, 255, 255, 255]);
  paintImage(colour, [1, 0, 0, 1, 0.2, 0.4], COLOUR);
  assert.deepEqual(colour.put[0].pixels, [255, 0, 51, 255, 0, 255, 102, 255]);
});

test("a canvas keeps its pixels from picture to picture, and takes another shape's size", () => {
  const place = canvas();
  paintImage(place, [0, 1], GREY);
  paintImage(place, [1, 0], GREY);
  assert.equal(place.put[0].image, place.put[1].image);
  paintImage(place, [0, 0, 0, 0, 0, 1], new ImageShape([1, 3, 2]));
  assert.deepEqual([place.width, place.height], [2, 3]);
  assert.equal(place.put[2].pixels.length, 24);
});

test("in a grid grey is opacity of the ink, colours are themselves, and each cell has its place", () => {
  const grid = canvas();
  paintCell(grid, Uint8Array.of(0, 200), GREY, "#1d4ed8", 3, 2);
  assert.deepEqual(grid.put[0].pixels, [0x1d, 0x4e, 0xd8, 0, 0x1d, 0x4e, 0xd8, 200]);
  assert.deepEqual([grid.put[0].x, grid.put[0].y], [6, 2]);
  paintCell(grid, Uint8Array.of(1, 2, 3, 4, 5, 6), COLOUR, "#1d4ed8", 0, 0);
  assert.deepEqual(grid.put[1].pixels, [1, 3, 5, 255, 2, 4, 6, 255]);
});

test("rows hold pictures beside and below each other, and nothing is hidden", () => {
  const place = canvas();
  paintRows(place, Uint8Array.of(1, 2, 3, 4, 5, 6), GREY, 2);
  assert.deepEqual([place.width, place.height], [4, 2]);
  const reds = place.put[0].pixels.filter((_, i) => i % 4 === 0);
  assert.deepEqual(reds, [1, 2, 3, 4, 5, 6, 255, 255]);
  paintRows(place, Uint8Array.of(1, 2, 3, 4, 5, 6), COLOUR, 1);
  assert.deepEqual(place.put[1].pixels, [1, 3, 5, 255, 2, 4, 6, 255]);
  paintRows(place, new Uint8Array(), GREY, 2);
  assert.equal(place.hidden, true);
});

test("centring brings the centre of mass to the middle of a sheet of any proportions", () => {
  const shape = new ImageShape([1, 4, 10]);
  const image = new Float32Array(shape.size);
  assert.deepEqual(centring(image, shape), [0, 0]); // nothing to centre
  image[10 * 0 + 1] = 0.5; // its centre is (1.5, 0.5), the middle (5, 2)
  assert.ok(Math.abs(centring(image, shape)[0] - 3.5) <= 0.5);
  assert.ok(Math.abs(centring(image, shape)[1] - 1.5) <= 0.5);
  image[10 * 0 + 1] = 0;
  image[10 * 1 + 4] = image[10 * 2 + 5] = 1;
  assert.deepEqual(centring(image, shape), [0, 0]);
});
