// Pictures on canvases, grey or RGB, of any shape.

import { context2d } from "./dom.js";

/** @typedef {import("../model/image_shape.js").ImageShape} ImageShape */

/** The pixels of each canvas that was painted before. @type {WeakMap<HTMLCanvasElement, ImageData>} */
const painted = new WeakMap();

/**
 * Paint a picture on a canvas, one pixel a pixel; the canvas takes the picture's size.
 * @param {HTMLCanvasElement} canvas
 * @param {ArrayLike<number>} values in [0, 1], (channels, height, width)
 * @param {ImageShape} shape
 */
export function paintImage(canvas, values, shape) {
  const { channels, height, width } = shape;
  let image = painted.get(canvas);
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  if (!image || image.width !== width || image.height !== height) {
    image = new ImageData(width, height);
    image.data.fill(255);
    painted.set(canvas, image);
  }
  const { data } = image;
  const plane = height * width;
  if (channels === 1)
    for (let i = 0, p = 0; i < plane; i++, p += 4)
      data[p] = data[p + 1] = data[p + 2] = 255 * values[i];
  else
    for (let i = 0, p = 0; i < plane; i++, p += 4)
      for (let c = 0; c < 3; c++) data[p + c] = 255 * values[c * plane + i];
  context2d(canvas).putImageData(image, 0, 0);
}

/**
 * Paint a decoded picture into a grid's: a grey one as ink, as opaque as the picture is light there, a
 * coloured one as it is.
 * @param {HTMLCanvasElement} grid
 * @param {Uint8Array} levels 0…255, (channels, height, width)
 * @param {ImageShape} shape
 * @param {string} ink as in #1d4ed8
 * @param {number} column
 * @param {number} row
 */
export function paintCell(grid, levels, shape, ink, column, row) {
  const { channels, height, width } = shape;
  const plane = height * width;
  const image = new ImageData(width, height);
  const [red, green, blue] = [1, 3, 5].map((i) => parseInt(ink.slice(i, i + 2), 16));
  const { data } = image;
  for (let i = 0, p = 0; i < plane; i++, p += 4) {
    const grey = channels === 1;
    data[p] = grey ? red : levels[i];
    data[p + 1] = grey ? green : levels[plane + i];
    data[p + 2] = grey ? blue : levels[2 * plane + i];
    data[p + 3] = grey ? levels[i] : 255;
  }
  context2d(grid).putImageData(image, column * width, row * height);
}

/**
 * Paint pictures in rows on a canvas, which takes their size; without pictures it is hidden.
 * @param {HTMLCanvasElement} canvas
 * @param {Uint8Array} levels 0…255, (n, channels, height, width)
 * @param {ImageShape} shape of a picture
 * @param {number} columns
 */
export function paintRows(canvas, levels, shape, columns) {
  const { channels, height, width, size } = shape;
  const count = levels.length / size;
  canvas.hidden = count === 0;
  if (!count) return;
  canvas.width = columns * width;
  canvas.height = Math.ceil(count / columns) * height;
  const image = new ImageData(canvas.width, canvas.height);
  const { data } = image;
  data.fill(255);
  const plane = height * width;
  for (let n = 0; n < count; n++) {
    const corner = Math.floor(n / columns) * height * canvas.width + (n % columns) * width;
    for (let i = 0; i < plane; i++) {
      const p = 4 * (corner + Math.floor(i / width) * canvas.width + (i % width));
      for (let c = 0; c < 3; c++) data[p + c] = levels[n * size + (c % channels) * plane + i];
    }
  }
  context2d(canvas).putImageData(image, 0, 0);
}
