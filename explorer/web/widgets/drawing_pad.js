// The drawing pad: strokes of a mouse, a pen or a finger become an image. Where the data are framed as
// MNIST's are, strokes are fitted into a box and their centre of mass goes to the middle (LeCun et al.
// 1998). Strokes on top of an image stay where they are: the image has been framed already.

import { ImageShape } from "../model/image_shape.js";
import { context2d } from "./dom.js";
import { paintImage } from "./image.js";
import { FAMILY } from "./type.js";

/**
 * @typedef {{shape: ImageShape, box?: number | null, pen?: number}} Sheet the shape of an image; the
 *   side of the box that ink is fitted into, and the pen's width, both in pixels of the image
 * @typedef {[number, number]} Point x and y in the pad's own units
 */

/** MNIST's frame: ink in a box of 20×20. @type {Sheet} */
export const MNIST_SHEET = { shape: new ImageShape(), box: 20, pen: 2.2 };

const SIDE = 280; // of the pad, in its own units, about
const PEN = 0.08; // of an image's smaller side, where a sheet has no pen

/** Give a canvas its size, and with it a white, round pen. @param {HTMLCanvasElement} canvas @param {number} width @param {number} height */
function setSize(canvas, width, height) {
  canvas.width = width;
  canvas.height = height;
  const context = context2d(canvas);
  context.lineCap = context.lineJoin = "round";
  context.strokeStyle = "#fff";
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Point[][]} strokes
 * @param {number} width
 * @param {(point: Point) => Point} [map] where a point goes
 */
function trace(context, strokes, width, map = (point) => point) {
  context.lineWidth = width;
  for (const stroke of strokes) {
    context.beginPath();
    stroke.forEach((point, i) => {
      const [x, y] = map(point);
      if (i) context.lineTo(x, y);
      else context.moveTo(x, y);
    });
    const [x, y] = map(stroke[stroke.length - 1]);
    context.lineTo(x + 0.01, y); // a tap is a dot
    context.stroke();
  }
}

/**
 * Means over squares of a sheet's pixels.
 * @param {CanvasRenderingContext2D} context
 * @param {ImageShape} shape
 * @param {number} unit the side of a square
 * @returns {Float32Array} (c·h·w,), values in [0, 1]
 */
function shrink(context, { channels, height, width, size }, unit) {
  const { data } = context.getImageData(0, 0, width * unit, height * unit);
  const out = new Float32Array(size);
  const share = 1 / (255 * unit * unit);
  for (let c = 0; c < channels; c++)
    for (let y = 0, p = c; y < height * unit; y++) {
      const row = (c * height + Math.floor(y / unit)) * width;
      for (let x = 0; x < width * unit; x++, p += 4)
        out[row + Math.floor(x / unit)] += data[p] * share;
    }
  return out;
}

/**
 * The shift, in whole pixels, that brings a grey image's centre of mass to the middle.
 * @param {Float32Array} image (h·w,)
 * @param {ImageShape} [shape]
 * @returns {[number, number]} right and down
 */
export function centring(image, { height, width } = new ImageShape()) {
  let [mass, sx, sy] = [0, 0, 0];
  for (let i = 0; i < height * width; i++) {
    mass += image[i];
    sx += image[i] * ((i % width) + 0.5);
    sy += image[i] * (Math.floor(i / width) + 0.5);
  }
  return mass ? [Math.round(width / 2 - sx / mass), Math.round(height / 2 - sy / mass)] : [0, 0];
}

/**
 * @param {Float32Array} image (c·h·w,)
 * @param {ImageShape} shape
 * @param {[number, number]} shift right and down
 */
function shifted(image, { channels, height, width, size }, [dx, dy]) {
  const out = new Float32Array(size);
  for (let c = 0; c < channels; c++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const [u, v] = [x - dx, y - dy];
        if (u >= 0 && u < width && v >= 0 && v < height)
          out[(c * height + y) * width + x] = image[(c * height + v) * width + u];
      }
  return out;
}

export class Pad {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {{changed: () => void, done: () => void}} listener
   * @param {Sheet} [sheet]
   */
  constructor(canvas, listener, sheet = MNIST_SHEET) {
    this.canvas = canvas;
    this.listener = listener;
    this.context = context2d(canvas);
    this._ink = context2d(document.createElement("canvas")); // where a drawing becomes an image
    this._small = document.createElement("canvas"); // an image, one pixel a pixel
    /** @type {Point[][]} */
    this.strokes = [];
    /** The image (c·h·w,) that the drawing goes on from. @type {Float32Array | null} */
    this.base = null;
    this.active = false; // whether x is this drawing
    /** The pointer that draws. @type {number | null} */
    this.pen = null;
    this.sheet = sheet;
    this.unit = 1; // of the pad's own, to a pixel of the image
    this.setSheet(sheet);
    canvas.addEventListener("pointerdown", (e) => this._down(e));
    canvas.addEventListener("pointermove", (e) => this._move(e));
    canvas.addEventListener("pointerup", (e) => this._up(e));
    canvas.addEventListener("pointercancel", (e) => this._up(e));
    canvas.addEventListener("lostpointercapture", (e) => this._up(e));
    canvas.addEventListener("touchstart", (e) => e.preventDefault(), { passive: false });
    canvas.addEventListener("touchmove", (e) => e.preventDefault(), { passive: false });
  }

  /** Take images of another shape; a drawing that is there ends. @param {Sheet} sheet */
  setSheet(sheet) {
    const { height, width } = sheet.shape;
    if (this.active && !sheet.shape.equals(this.sheet.shape)) this.deactivate();
    this.sheet = sheet;
    this.unit = Math.max(1, Math.round(SIDE / Math.max(height, width)));
    for (const canvas of [this.canvas, this._ink.canvas])
      setSize(canvas, width * this.unit, height * this.unit);
    this.canvas.style.aspectRatio = `${width} / ${height}`;
  }

  /** Whether such pictures are drawn: a pen has one colour. */
  get drawable() {
    return this.sheet.shape.channels === 1;
  }

  /** The pen's width in the pad's own units. */
  get penWidth() {
    const { shape, pen } = this.sheet;
    return this.unit * (pen ?? Math.max(1, PEN * Math.min(shape.height, shape.width)));
  }

  /** @param {PointerEvent} event @returns {Point} */
  _point(event) {
    const box = this.canvas.getBoundingClientRect();
    return [
      ((event.clientX - box.left) / box.width) * this.canvas.width,
      ((event.clientY - box.top) / box.height) * this.canvas.height,
    ];
  }

  /** @param {PointerEvent} event */
  _down(event) {
    if (event.button || this.pen !== null || !this.drawable) return;
    event.preventDefault();
    if (!this.active) this._start(null);
    this.pen = event.pointerId;
    try {
      this.canvas.setPointerCapture(event.pointerId);
    } catch {
      // A pointer that is gone already.
    }
    this.strokes.push([this._point(event)]);
    this.listener.changed();
  }

  /** @param {PointerEvent} event */
  _move(event) {
    if (event.pointerId !== this.pen) return;
    const stroke = this.strokes[this.strokes.length - 1];
    if (!stroke) return;
    const between = event.getCoalescedEvents?.() ?? [];
    for (const e of between.length ? between : [event]) stroke.push(this._point(e));
    this.listener.changed();
  }

  /** @param {PointerEvent} event */
  _up(event) {
    if (event.pointerId !== this.pen) return;
    this.pen = null;
    this.listener.done();
  }

  /** @param {Float32Array | null} base */
  _start(base) {
    this.pen = null; // a stroke that is under way belongs to the drawing before
    this.active = true;
    this.base = base;
    this.strokes = [];
  }

  /** Go on drawing from an image. @param {Float32Array} image (c·h·w,) */
  edit(image) {
    this._start(image.slice());
    this._done();
  }

  /** Go on with a drawing that was made before. @param {Float32Array | null} base @param {Point[][]} strokes */
  restore(base, strokes) {
    this._start(base);
    this.strokes = strokes;
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
  deactivate() {
    this.pen = null;
    this.active = false;
    this.base = null;
    this.strokes = [];
  }

  /** Whether this is a drawing with nothing on it: no x. */
  get empty() {
    return this.active && !this.base && !this.strokes.length;
  }

  /** The drawing as an image (c·h·w,) with values in [0, 1], framed as the data are. */
  image() {
    const { strokes, base, sheet } = this;
    if (!strokes.length) return base ? base.slice() : new Float32Array(sheet.shape.size);
    return sheet.box && !base ? this._fitStrokes(sheet.box) : this._drawOn(base);
  }

  /** Strokes alone are drawn again at their new size, so that the pen keeps its width. @param {number} box */
  _fitStrokes(box) {
    const { shape } = this.sheet;
    const { unit, penWidth } = this;
    const points = this.strokes.flat();
    const [xs, ys] = [points.map((p) => p[0]), points.map((p) => p[1])];
    const [left, top] = [Math.min(...xs), Math.min(...ys)];
    const [right, bottom] = [Math.max(...xs), Math.max(...ys)];
    const span = Math.max(right - left, bottom - top, 4 * unit);
    const scale = (unit * box - penWidth) / span;
    const context = this._blank(this._ink);
    const { width, height } = context.canvas;
    trace(context, this.strokes, penWidth, ([x, y]) => [
      width / 2 + (x - (left + right) / 2) * scale,
      height / 2 + (y - (top + bottom) / 2) * scale,
    ]);
    const image = shrink(context, shape, unit);
    return shifted(image, shape, centring(image, shape));
  }

  /** Strokes where they are, on an image or on black. @param {Float32Array | null} base */
  _drawOn(base) {
    const context = this._blank(this._ink);
    if (base) this._drawImage(context, base);
    trace(context, this.strokes, this.penWidth);
    return shrink(context, this.sheet.shape, this.unit);
  }

  /** @param {CanvasRenderingContext2D} context */
  _blank(context) {
    context.fillStyle = "#000";
    context.fillRect(0, 0, context.canvas.width, context.canvas.height);
    return context;
  }

  /** @param {CanvasRenderingContext2D} context @param {Float32Array} image (c·h·w,) */
  _drawImage(context, image) {
    paintImage(this._small, image, this.sheet.shape);
    context.drawImage(this._small, 0, 0, context.canvas.width, context.canvas.height);
  }

  /** Paint the pad: the strokes as they were drawn, or the image that is x. @param {Float32Array} x (c·h·w,) */
  paint(x) {
    const { context } = this;
    this._blank(context);
    if (this.active) {
      if (this.base) this._drawImage(context, this.base);
      trace(context, this.strokes, this.penWidth);
      if (this.empty) this._invite();
      return;
    }
    context.imageSmoothingEnabled = false;
    this._drawImage(context, x);
    context.imageSmoothingEnabled = true;
  }

  _invite() {
    const { context, canvas } = this;
    const size = canvas.height / 10;
    context.font = `${size}px ${FAMILY}`;
    context.textAlign = "center";
    context.fillStyle = "#9aa5b8";
    context.fillText("draw here", canvas.width / 2, canvas.height / 2 + size / 3);
  }
}
