// The drawing pad: strokes of a mouse, a pen or a finger become an image as MNIST's were made: the
// ink fitted into a box of 20×20, its centre of mass in the middle of 28×28 (LeCun et al. 1998).
// Strokes on top of an image stay where they are: the image has been fitted already.

import { context2d, paintDigit } from "./dom.js";

const SIZE = 280; // the pad's own units; ten to a pixel of the image
const PEN = 22;
const BOX = 20;

/** A canvas of the pad's size to measure on. */
function sheet() {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIZE;
  const context = context2d(canvas);
  context.lineCap = context.lineJoin = "round";
  return context;
}

function trace(context, strokes, width, map = (p) => p) {
  context.lineWidth = width;
  for (const stroke of strokes) {
    context.beginPath();
    stroke.forEach((p, i) => context[i ? "lineTo" : "moveTo"](...map(p)));
    const [x, y] = map(stroke.at(-1));
    context.lineTo(x + 0.01, y); // a tap is a dot
    context.stroke();
  }
}

/** Means over squares of ten by ten of a sheet's red channel, in [0, 1]. */
function shrink(context, out = new Float32Array(784)) {
  const { data } = context.getImageData(0, 0, SIZE, SIZE);
  out.fill(0);
  for (let y = 0; y < SIZE; y++) {
    const row = 28 * Math.floor(y / 10);
    for (let x = 0, p = 4 * SIZE * y; x < SIZE; x++, p += 4)
      out[row + Math.floor(x / 10)] += data[p] / 25500;
  }
  return out;
}

/** The shift, in whole pixels, that brings an image's centre of mass to the middle. */
export function centring(image) {
  let [mass, sx, sy] = [0, 0, 0];
  for (let i = 0; i < 784; i++) {
    mass += image[i];
    sx += image[i] * ((i % 28) + 0.5);
    sy += image[i] * (Math.floor(i / 28) + 0.5);
  }
  return mass ? [Math.round(14 - sx / mass), Math.round(14 - sy / mass)] : [0, 0];
}

function shifted(image, [dx, dy]) {
  const out = new Float32Array(784);
  for (let y = 0; y < 28; y++)
    for (let x = 0; x < 28; x++) {
      const [u, v] = [x - dx, y - dy];
      if (u >= 0 && u < 28 && v >= 0 && v < 28) out[28 * y + x] = image[28 * v + u];
    }
  return out;
}

export class Pad {
  /** @param {HTMLCanvasElement} canvas @param {{changed: () => void, done: () => void}} listener */
  constructor(canvas, listener) {
    this.canvas = canvas;
    this.listener = listener;
    this.context = context2d(canvas);
    this.context.lineCap = this.context.lineJoin = "round";
    this._raw = sheet();
    this._fit = sheet();
    this._small = document.createElement("canvas");
    this._small.width = this._small.height = 28;
    this.strokes = [];
    this.base = null; // an image that the drawing goes on from
    this.active = false; // whether x is this drawing
    this.pen = null;
    canvas.addEventListener("pointerdown", (e) => this._down(e));
    canvas.addEventListener("pointermove", (e) => this._move(e));
    for (const name of ["pointerup", "pointercancel", "lostpointercapture"])
      canvas.addEventListener(name, (e) => this._up(e));
    for (const name of ["touchstart", "touchmove"])
      canvas.addEventListener(name, (e) => e.preventDefault(), { passive: false });
  }

  _at(event) {
    const box = this.canvas.getBoundingClientRect();
    return [
      ((event.clientX - box.left) / box.width) * SIZE,
      ((event.clientY - box.top) / box.height) * SIZE,
    ];
  }

  _down(event) {
    if (event.button || this.pen !== null) return;
    event.preventDefault();
    if (!this.active) this._start(null);
    this.pen = event.pointerId;
    try {
      this.canvas.setPointerCapture(event.pointerId);
    } catch {
      // A pointer that is gone already.
    }
    this.strokes.push([this._at(event)]);
    this.listener.changed();
  }

  _move(event) {
    if (event.pointerId !== this.pen) return;
    const stroke = this.strokes.at(-1);
    if (!stroke) return;
    const between = event.getCoalescedEvents?.() ?? [];
    for (const e of between.length ? between : [event]) stroke.push(this._at(e));
    this.listener.changed();
  }

  _up(event) {
    if (event.pointerId !== this.pen) return;
    this.pen = null;
    this.listener.done();
  }

  _start(base) {
    this.pen = null; // a stroke that is under way belongs to the drawing before
    this.active = true;
    this.base = base;
    this.strokes = [];
  }

  /** Go on drawing from an image (784,). */
  edit(image) {
    this._start(image.slice());
    this._done();
  }

  undo() {
    this.pen = null;
    this.strokes.pop();
    this._done();
  }

  clear() {
    this._start(null);
    this._done();
  }

  _done() {
    this.listener.changed();
    this.listener.done();
  }

  /** The drawing is no longer x: an image was chosen. */
  leave() {
    this.pen = null;
    this.active = false;
    this.base = null;
    this.strokes = [];
  }

  /** Whether this is a drawing with nothing on it: no x. */
  get empty() {
    return this.active && !this.base && !this.strokes.length;
  }

  /** The drawing as an image (784,) with values in [0, 1], fitted and centred as MNIST's are. */
  image() {
    const { strokes, base } = this;
    if (!strokes.length) return base ? base.slice() : new Float32Array(784);
    return base ? this._drawOn(base) : this._fitStrokes();
  }

  /** Strokes alone are drawn again at their new size, so that the pen keeps its width. */
  _fitStrokes() {
    const points = this.strokes.flat();
    const [xs, ys] = [points.map((p) => p[0]), points.map((p) => p[1])];
    const [left, top] = [Math.min(...xs), Math.min(...ys)];
    const span = Math.max(Math.max(...xs) - left, Math.max(...ys) - top, 40);
    const scale = (10 * BOX - PEN) / span;
    const middle = [(left + Math.max(...xs)) / 2, (top + Math.max(...ys)) / 2];
    const fit = this._blank(this._fit);
    trace(fit, this.strokes, PEN, ([x, y]) => [
      SIZE / 2 + (x - middle[0]) * scale,
      SIZE / 2 + (y - middle[1]) * scale,
    ]);
    const image = shrink(fit);
    return shifted(image, centring(image));
  }

  /** An image with strokes on it has its size and place already. */
  _drawOn(base) {
    const raw = this._blank(this._raw);
    this._put(raw, base);
    trace(raw, this.strokes, PEN);
    return shrink(raw);
  }

  _blank(context) {
    context.fillStyle = "#000";
    context.fillRect(0, 0, SIZE, SIZE);
    context.strokeStyle = "#fff";
    return context;
  }

  _put(context, image) {
    paintDigit(this._small, image);
    context.drawImage(this._small, 0, 0, SIZE, SIZE);
  }

  /** Paint the pad: the strokes as they were drawn, or the image that is x. */
  paint(x) {
    const { context } = this;
    this._blank(context);
    if (this.active) {
      if (this.base) this._put(context, this.base);
      trace(context, this.strokes, PEN);
      if (this.empty) {
        context.font = "28px sans-serif";
        context.textAlign = "center";
        context.fillStyle = "#9aa5b8";
        context.fillText("draw a digit", SIZE / 2, SIZE / 2 + 9);
      }
      return;
    }
    context.imageSmoothingEnabled = false;
    this._put(context, x);
    context.imageSmoothingEnabled = true;
  }
}
