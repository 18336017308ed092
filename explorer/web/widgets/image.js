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
  if (!image || image.width !== width || image.height !== height) {
    canvas.width = width;
    canvas.height = height;
    image = new ImageData(width, height);
    image.data.fill(255);
    painted.set(canvas, image);
  }
  const { data } = image;
  const plane = height * width;
  if (channels === 1)
    for (let i = 0, p = 0; i < plane; i++, p += 4) data[p] = data[p + 1] = data[p + 2] = 255 * values[i];
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
  const colour = [1, 3, 5].map((i) => parseInt(ink.slice(i, i + 2), 16));
  for (let i = 0; i < plane; i++)
    if (channels === 1) image.data.set([...colour, levels[i]], 4 * i);
    else image.data.set([levels[i], levels[plane + i], levels[2 * plane + i], 255], 4 * i);
  context2d(grid).putImageData(image, column * width, row * height);
}
