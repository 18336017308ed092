// The film of a walk: the map with its ring, and x̂ beside it.

import { SCALE, pictureOf } from "../map/picture.js";
import { context2d } from "../widgets/dom.js";
import { paintImage } from "../widgets/image.js";

const HIGH = 720; // pixels

/**
 * Draws a walk: the map as it is, the ring where z is, and x̂.
 * @param {import("./model_view.js").ModelView} view @returns {import("../widgets/recorder.js").Painter}
 */
export function walkPainter(view) {
  const canvas = document.createElement("canvas");
  const { map, vae, projection } = view;
  const { window, colours } = map;
  const cursor = map.cursor;
  map.cursor = null;
  const still = pictureOf(map);
  map.cursor = cursor;
  if (!still || !window) throw new Error("there is no map to show");
  const c = context2d(canvas);
  const scale = HIGH / still.height;
  const across = Math.round(still.width * scale);
  const side = Math.min(HIGH, Math.round((HIGH * vae.shape.width) / vae.shape.height));
  canvas.width = 2 * Math.round((across + side) / 2); // encoders take even numbers
  canvas.height = HIGH;
  const picture = document.createElement("canvas");
  const perPixel = SCALE * scale;
  const paint = (/** @type {number} */ share) => {
    const z = view.walk(share);
    c.fillStyle = colours.paper;
    c.fillRect(0, 0, canvas.width, HIGH);
    c.drawImage(still, 0, 0, across, HIGH);
    paintImage(picture, vae.mean(vae.decode(z)), vae.shape);
    const high = Math.round((side * vae.shape.height) / vae.shape.width);
    c.imageSmoothingEnabled = false;
    c.drawImage(picture, across, (HIGH - high) / 2, side, high);
    c.imageSmoothingEnabled = true;
    if (!projection?.invertible) return;
    const [x, y] = window.inside(window.pixel(projection.project(z)));
    for (const [colour, line] of /** @type {[string, number][]} */ ([
      [colours.paper, 8],
      [colours.z, 4],
    ])) {
      c.strokeStyle = colour;
      c.lineWidth = line * perPixel;
      c.beginPath();
      c.arc(x * perPixel, y * perPixel, 13 * perPixel, 0, 2 * Math.PI);
      c.stroke();
    }
  };
  return { canvas, paint };
}
