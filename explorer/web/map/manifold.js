// The decoded picture of every place, behind the codes. A worker decodes; until it has, the old grid is
// moved along with the map.

import { context2d } from "../widgets/dom.js";
import { paintCell } from "../widgets/image.js";

/** @typedef {import("./map_window.js").MapWindow} MapWindow */
/** @typedef {import("../model/image_shape.js").ImageShape} ImageShape */

const MOST = [80, 60]; // columns and rows
const REST = 120; // ms after the last change, so that a wheel does not order at every notch

/**
 * Where a grid lies on the map, and its pictures.
 * @typedef {{id: number, x: number, y: number, size: number[], columns: number, rows: number,
 *   shape: ImageShape, picture: HTMLCanvasElement}} Grid
 */

/**
 * What a grid is made of: its codes' other dimensions, and how a code is put at a place.
 * @typedef {{z: Float32Array, put: (code: Float32Array, place: number[]) => void, shape: ImageShape}} Source
 */

export class Manifold {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {number} cell pixels of the screen that a picture is wide, about
   * @param {(order: {id: number, z: Float32Array}) => void} order asks the worker
   */
  constructor(canvas, cell, order) {
    this.canvas = canvas;
    this.cell = cell;
    this.order = order;
    this.on = false;
    this.ink = "#000000";
    this.id = 0;
    this.timer = 0;
    /** What is painted. @type {Grid | null} */
    this.grid = null;
    /** What the worker is at. @type {Grid | null} */
    this.next = null;
    /** @type {MapWindow | null} */
    this.window = null;
  }

  /** @param {boolean} on */
  show(on) {
    this.on = on;
    this.canvas.hidden = !on;
    if (!on) this.forget();
  }

  forget() {
    clearTimeout(this.timer);
    this.grid = this.next = null;
    this.paint();
  }

  /** Order a grid for what is shown, a moment after the last change. @param {() => Source} source */
  askSoon(source) {
    if (!this.on) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(source()), REST);
  }

  /** @param {Source} source */
  ask({ z, put, shape }) {
    const { window } = this;
    if (!this.on || !window) return;
    // Cells lie on a lattice of the map's, so that a pan keeps most of them in place.
    const size = [1, shape.height / shape.width].map((v) => v * this.cell * window.unit);
    const [[x0, x1], [y0, y1]] = [window.x, window.y];
    const first = [Math.floor(x0 / size[0]), Math.floor(y0 / size[1])];
    const columns = Math.min(MOST[0], Math.ceil(x1 / size[0]) - first[0]);
    const rows = Math.min(MOST[1], Math.ceil(y1 / size[1]) - first[1]);
    if (!(columns > 0 && rows > 0)) return;
    const d = z.length;
    const codes = new Float32Array(columns * rows * d);
    for (let r = 0; r < rows; r++)
      for (let c = 0; c < columns; c++) {
        const code = codes.subarray((r * columns + c) * d, (r * columns + c + 1) * d);
        code.set(z);
        put(code, [(first[0] + c + 0.5) * size[0], (first[1] + r + 0.5) * size[1]]);
      }
    const picture = document.createElement("canvas");
    picture.width = columns * shape.width;
    picture.height = rows * shape.height;
    this.id += 1;
    const [x, y] = [first[0] * size[0], first[1] * size[1]];
    this.next = { id: this.id, x, y, size, columns, rows, shape, picture };
    this.order({ id: this.id, z: codes });
  }

  /** Pictures from the worker; of an older order they are too late. @param {{id: number, first: number, levels: Uint8Array[], last: boolean}} answer */
  take({ id, first, levels, last }) {
    const { next } = this;
    if (!next || id !== next.id) return;
    levels.forEach((level, k) => {
      const n = first + k;
      const row = next.rows - 1 - Math.floor(n / next.columns);
      paintCell(next.picture, level, next.shape, this.ink, n % next.columns, row);
    });
    if (!this.grid || last) {
      this.grid = next;
      if (last) this.next = null;
    }
    this.paint();
  }

  /** Put the newest grid where the map is now. */
  paint() {
    const { canvas, window: shown } = this;
    if (!shown || !this.on) return;
    const ratio = globalThis.devicePixelRatio || 1;
    canvas.width = Math.round(shown.width * ratio);
    canvas.height = Math.round(shown.height * ratio);
    const context = context2d(canvas);
    context.scale(ratio, ratio);
    this.paintOn(context, this.ink);
  }

  /** Paint the newest grid on a canvas over the map. @param {CanvasRenderingContext2D} c @param {string} ink of the theme that it is for */
  paintOn(c, ink) {
    const { grid, window: shown } = this;
    if (!grid || !shown) return;
    const [left, top] = shown.pixel([grid.x, grid.y + grid.rows * grid.size[1]]);
    const [width, height] = [grid.columns * grid.size[0], grid.rows * grid.size[1]];
    const picture = ink === this.ink ? grid.picture : inked(grid, ink);
    c.imageSmoothingEnabled = false;
    c.drawImage(picture, left, top, width / shown.unit, height / shown.unit);
  }
}

/** A grid of grey pictures in another ink. @param {Grid} grid @param {string} ink */
function inked({ picture, shape }, ink) {
  if (shape.channels > 1) return picture;
  const canvas = document.createElement("canvas");
  canvas.width = picture.width;
  canvas.height = picture.height;
  const c = context2d(canvas);
  c.drawImage(picture, 0, 0);
  c.globalCompositeOperation = "source-in";
  c.fillStyle = ink;
  c.fillRect(0, 0, canvas.width, canvas.height);
  return canvas;
}
