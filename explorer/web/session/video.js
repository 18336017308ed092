// A film of a walk by the browser's own encoder: the map with its ring, and x̂ beside it.

import { SCALE, pictureOf } from "../map/picture.js";
import { context2d } from "../widgets/dom.js";
import { paintImage } from "../widgets/image.js";

const TYPES = ["video/mp4;codecs=avc1.42E01F", "video/webm;codecs=vp9", "video/webm"];
const RATE = 30; // frames a second
const BITS = 6e6; // a second
const HIGH = 720; // pixels

/** The kind of film that this browser makes; "" for none. */
export function filmType() {
  const there =
    typeof MediaRecorder === "function" && "captureStream" in HTMLCanvasElement.prototype;
  return there ? (TYPES.find((type) => MediaRecorder.isTypeSupported(type)) ?? "") : "";
}

/** The ending of a film's file. @param {string} type */
export const endingOf = (type) => (type.startsWith("video/mp4") ? "mp4" : "webm");

/**
 * Draws a frame: the map as it is, the ring where z is, and x̂.
 * @param {import("./model_view.js").ModelView} view @param {HTMLCanvasElement} canvas
 */
function painterOf(view, canvas) {
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
  return (/** @type {Float32Array} */ z) => {
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
}

/**
 * Record a walk from end to end, in the time that it takes; null where it was given up.
 * @param {import("./model_view.js").ModelView} view
 * @param {number} seconds
 * @param {string} type of the film
 * @param {(share: number) => boolean} goesOn is told how far it is; false gives it up
 * @returns {Promise<Blob | null>}
 */
export async function record(view, seconds, type, goesOn) {
  const canvas = document.createElement("canvas");
  const paint = painterOf(view, canvas);
  paint(view.walk(0));
  const stream = canvas.captureStream(RATE);
  const recorder = new MediaRecorder(stream, { mimeType: type, videoBitsPerSecond: BITS });
  /** @type {Blob[]} */
  const parts = [];
  recorder.ondataavailable = ({ data }) => parts.push(data);
  const done = new Promise((resolve, reject) => {
    recorder.onstop = resolve;
    recorder.onerror = () => reject(new Error("the browser's encoder gave up"));
  });
  recorder.start();
  const begin = performance.now();
  let going = true;
  for (let share = 0; share < 1 && going;) {
    await new Promise((resolve) => setTimeout(resolve, 1000 / RATE)); // frames stop where a tab is hidden
    share = Math.min(1, (performance.now() - begin) / (1000 * seconds));
    paint(view.walk(share));
    going = goesOn(share);
  }
  recorder.stop();
  await done;
  for (const track of stream.getTracks()) track.stop();
  return going ? new Blob(parts, { type: type.split(";")[0] }) : null;
}
