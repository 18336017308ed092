// The decoded grid behind the map. A worker decodes; until it has, the old grid is moved along.

import { context2d, paintInk } from "../widgets/dom.js";

const CELL = 34; // pixels of the screen, about

export class Manifold {
  /**
   * @param {import("./plotly_map.js").LatentMap} map
   * @param {(z: Float32Array, columns: number, rows: number) => void} order tells the worker
   */
  constructor(map, order) {
    this.map = map;
    this.order = order;
    this.on = false;
    this.grid = null; // what is painted: its place on the map and its picture
    this.next = null; // what the worker is at
    this.id = 0;
    this.timer = 0;
  }

  show(on) {
    this.on = on;
    this.map.host.classList.toggle("with-manifold", on);
    if (!on) this.forget();
  }

  forget() {
    this.grid = this.next = null;
    this.paint();
  }

  /**
   * Order a grid for what is shown.
   * @param {(z: Float32Array, xy: number[]) => void} move puts a code at a place of the map
   * @param {Float32Array} z the code whose other dimensions the grid keeps
   */
  ask(move, z) {
    if (!this.on || !this.map.ready) return;
    const w = this.map.window();
    const unit = (w.x[1] - w.x[0]) / w.width;
    // Cells lie on a lattice of the map's, so that a pan keeps most of them in place.
    const size = CELL * unit;
    const [c0, c1] = w.x.map((v) => v / size);
    const [r0, r1] = w.y.map((v) => v / size);
    const first = [Math.floor(c0), Math.floor(r0)];
    const columns = Math.min(80, Math.ceil(c1) - first[0]);
    const rows = Math.min(60, Math.ceil(r1) - first[1]);
    if (!(columns > 0 && rows > 0)) return;
    const d = z.length;
    const codes = new Float32Array(columns * rows * d);
    for (let r = 0; r < rows; r++)
      for (let c = 0; c < columns; c++) {
        const code = codes.subarray((r * columns + c) * d, (r * columns + c + 1) * d);
        code.set(z);
        move(code, [(first[0] + c + 0.5) * size, (first[1] + r + 0.5) * size]);
      }
    const picture = document.createElement("canvas");
    picture.width = columns * 28;
    picture.height = rows * 28;
    this.id += 1;
    this.next = { id: this.id, x: first[0] * size, y: first[1] * size, size, columns, rows, picture };
    this.order({ kind: "grid", id: this.id, z: codes });
  }

  /** A moment after the last change, so that a wheel does not order at every notch. */
  askSoon(move, z) {
    if (!this.on) return;
    this.paint();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(move, z()), 120);
  }

  /** Pictures from the worker. */
  take({ id, first, levels, last }) {
    const { next } = this;
    if (!next || id !== next.id) return;
    levels.forEach((level, k) => {
      const n = first + k;
      const row = next.rows - 1 - Math.floor(n / next.columns);
      paintInk(next.picture, level, this.map.theme.ink, n % next.columns, row);
    });
    if (!this.grid || last) {
      this.grid = next;
      if (last) this.next = null;
    }
    this.paint();
  }

  /** Put the newest grid where the map is now. */
  paint() {
    const { paper } = this.map;
    const { grid } = this;
    if (!this.map.ready || !this.on || !grid) {
      paper.hidden = true;
      return;
    }
    paper.hidden = false;
    const w = this.map.window();
    Object.assign(paper.style, {
      left: `${w.left}px`,
      top: `${w.top}px`,
      width: `${w.width}px`,
      height: `${w.height}px`,
    });
    const ratio = window.devicePixelRatio || 1;
    paper.width = Math.round(w.width * ratio);
    paper.height = Math.round(w.height * ratio);
    const scale = paper.width / (w.x[1] - w.x[0]);
    const context = context2d(paper);
    const top = grid.y + grid.rows * grid.size;
    context.drawImage(
      grid.picture,
      (grid.x - w.x[0]) * scale,
      (w.y[1] - top) * scale,
      grid.columns * grid.size * scale,
      grid.rows * grid.size * scale,
    );
  }
}
