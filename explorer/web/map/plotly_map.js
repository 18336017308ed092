// The map: a plotly figure from Python, and over it what moves. Reports what a hand does to it.

import { html, set, svg, write } from "../widgets/dom.js";
import { Hands } from "./pointer.js";

const CONFIG = {
  scrollZoom: true,
  displaylogo: false,
  displayModeBar: true,
  doubleClick: "reset",
  modeBarButtonsToRemove: ["zoom2d", "pan2d", "select2d", "lasso2d", "autoScale2d", "sendChartToCloud"],
};
const NARROW = 480; // pixels of width below which the legend goes above the map

/**
 * @typedef {{move: (xy: number[]) => void, release: () => void, pick: (n: number) => void,
 *   hover: (n: number | null, px: number[]) => void, window: () => void,
 *   selected: (places: number[][]) => void, key: (event: KeyboardEvent) => void}} Listener
 */

export class LatentMap {
  /** @param {HTMLElement} host @param {Listener} listener */
  constructor(host, listener) {
    this.host = host;
    this.listener = listener;
    this.mode = "z";
    this.paper = html('<canvas class="manifold" aria-hidden="true"></canvas>');
    this.plot = html('<div class="plot"></div>');
    this.over = svg(host, "svg", { class: "over", "aria-hidden": "true" });
    host.prepend(this.paper, this.plot);
    this._shapes();
    this.hands = new Hands(host, {
      ready: () => this.ready,
      mode: () => this.mode,
      place: (px) => this.place(px),
      pointAt: (px, reach) => this.pointAt(px, reach),
      hover: (n, px) => this._hover(n, px),
      pinch: (from, to) => this._pinch(from, to),
      move: listener.move,
      pick: (n) => listener.pick(this.blob.arrays.index[n]),
      release: listener.release,
    });
    host.addEventListener("keydown", listener.key);
    new ResizeObserver(() => this._resized()).observe(host);
  }

  get ready() {
    return Boolean(this.plot._fullLayout?.xaxis?.d2p && this.blob?.header.traces.length);
  }

  /** Draw a map's blob in a theme. The same revision keeps zoom and hidden classes. */
  async draw(plotly, blob, theme) {
    const { header, arrays } = blob;
    const first = !this.plotly;
    this.plotly = plotly;
    this.blob = blob;
    this.theme = header.themes[theme];
    const traces = header.traces.map(({ points: [start, stop], ...trace }) => ({
      ...trace,
      x: arrays.x.subarray(start, stop),
      y: arrays.y.subarray(start, stop),
    }));
    const layout = structuredClone(header.layouts[theme]);
    layout.dragmode = this._dragmode();
    Object.assign(layout.legend, this._legend());
    if (layout.uirevision !== this.revision) {
      this.zoomed = false;
      this.unselect();
    }
    if (this.zoomed) {
      // What a hand has set stays to the last digit, whatever else the new figure changes.
      const { xaxis, yaxis } = this.plot._fullLayout;
      layout.xaxis.range = [...xaxis.range];
      layout.yaxis.range = [...yaxis.range];
    }
    this.revision = layout.uirevision;
    await plotly.react(this.plot, traces, layout, CONFIG);
    if (first) {
      for (const event of ["plotly_afterplot", "plotly_relayouting", "plotly_relayout"])
        this.plot.on(event, () => this._moved());
      this.plot.on("plotly_relayout", (change) => {
        if (Object.keys(change).some((name) => name.includes("axis.range"))) this.zoomed = true;
      });
      this.plot.on("plotly_restyle", () => this._nameShown());
      this.plot.on("plotly_selected", (event) => this._selected(event));
      this.plot.on("plotly_deselect", () => this.listener.selected([]));
    }
    this._nameShown();
    for (const button of this.plot.querySelectorAll(".modebar-btn"))
      set(button, "aria-label", button.dataset.title ?? "");
    this._moved();
  }

  /** Where the legend goes: beside the map, or above it where the map is narrow. */
  _legend() {
    this.narrow = this.host.clientWidth < NARROW;
    if (!this.narrow) return { orientation: "v", x: 1, y: 0, entrywidth: 0 };
    const short = this.blob.header.traces.every((trace) => trace.name.length < 3);
    return { orientation: "h", x: 0, y: 1, entrywidth: short ? 16 : 0 };
  }

  _resized() {
    const { clientWidth: width, clientHeight: height } = this.host;
    if (!this.ready || !width || !height) return;
    if (this.narrow === width < NARROW) this.plotly.Plots.resize(this.plot);
    else this.plotly.relayout(this.plot, { legend: { ...this.plot.layout.legend, ...this._legend() } });
  }

  _moved() {
    this.paint();
    this.listener.window();
  }

  /** A class that the legend hides takes its name off the map. */
  _nameShown() {
    const change = {};
    (this.plot.layout.annotations ?? []).forEach((name, i) => {
      const trace = this.plot._fullData.find((t) => `<b>${t.name}</b>` === name.text);
      const visible = trace?.visible === true;
      if ((name.visible ?? true) !== visible) change[`annotations[${i}].visible`] = visible;
    });
    if (Object.keys(change).length) this.plotly.relayout(this.plot, change);
  }

  _selected(event) {
    if (!event) return;
    this.listener.selected(event.points.map((p) => [p.curveNumber, p.x, p.y]));
  }

  _dragmode() {
    return this.mode === "lasso" ? "lasso" : "pan";
  }

  /** What a drag does: `z` moves the cursor, `pan` the map, `lasso` selects. */
  setMode(mode) {
    this.mode = mode;
    this.host.dataset.mode = mode;
    if (!this.ready) return;
    if (mode !== "lasso") this.unselect();
    this.plotly.relayout(this.plot, { dragmode: this._dragmode() });
  }

  /** Take the lasso off. */
  unselect() {
    if (!this.plot.layout?.selections?.length) return;
    this.plotly.restyle(this.plot, { selectedpoints: [null] });
    this.plotly.relayout(this.plot, { selections: [] });
    this.listener.selected([]);
  }

  // --- places -----------------------------------------------------------------------------------

  /** Where a place of the map lies in the host, in pixels. */
  pixel([x, y]) {
    const { xaxis, yaxis } = this.plot._fullLayout;
    return [xaxis._offset + xaxis.d2p(x), yaxis._offset + yaxis.d2p(y)];
  }

  /** The place of the map at a pixel of the host, inside of what is shown. */
  place([px, py]) {
    const { xaxis, yaxis } = this.plot._fullLayout;
    const inside = (p, axis) => Math.min(axis._length, Math.max(0, p - axis._offset));
    return [xaxis.p2d(inside(px, xaxis)), yaxis.p2d(inside(py, yaxis))];
  }

  /** What is shown: ranges in the map's units, and the box in pixels of the host. */
  window() {
    const { xaxis, yaxis } = this.plot._fullLayout;
    return {
      x: [...xaxis.range],
      y: [...yaxis.range],
      left: xaxis._offset,
      top: yaxis._offset,
      width: xaxis._length,
      height: yaxis._length,
    };
  }

  /** The shown point nearest to a pixel, as its place in the figure, or -1 where none is near. */
  pointAt([px, py], reach) {
    const { arrays, header } = this.blob;
    const { xaxis, yaxis } = this.plot._fullLayout;
    const [x, y] = [xaxis.p2d(px - xaxis._offset), yaxis.p2d(py - yaxis._offset)];
    const scale = Math.abs(xaxis.p2d(1) - xaxis.p2d(0));
    let least = (reach * scale) ** 2;
    let best = -1;
    header.traces.forEach(({ points: [start, stop] }, t) => {
      if (this.plot._fullData[t]?.visible !== true) return;
      for (let i = start; i < stop; i++) {
        const distance = (arrays.x[i] - x) ** 2 + (arrays.y[i] - y) ** 2;
        if (distance < least) {
          least = distance;
          best = i;
        }
      }
    });
    return best;
  }

  // --- what moves -------------------------------------------------------------------------------

  _shapes() {
    const clip = svg(this.over, "clipPath", { id: `clip-${Math.random().toString(36).slice(2)}` });
    this.clip = svg(clip, "rect");
    const layer = svg(this.over, "g", { "clip-path": `url(#${clip.id})` });
    const shape = (name, kind) => svg(layer, name, { class: kind });
    this.shapes = {
      two: shape("polygon", "ring two"),
      one: shape("polygon", "ring one"),
      mean: shape("path", "mean"),
      path: shape("polyline", "path"),
      a: shape("text", "mark"),
      b: shape("text", "mark"),
      near: shape("circle", "near"),
    };
    // Moved by its transform alone, the ring is painted once and never again.
    this.ring = html('<div class="cursor" aria-hidden="true"></div>');
    this.host.append(this.ring);
    set(this.shapes.near, "r", 7);
    write(this.shapes.a, "A");
    write(this.shapes.b, "B");
    this.clear();
  }

  /** Nothing lies over the map. */
  clear() {
    this.scene = { cursor: null, rings: [], centre: null, path: [], marks: [null, null], near: -1 };
  }

  /** Paint the scene, or the last one again; the same scene paints the same picture. */
  paint(scene = this.scene) {
    this.scene = scene;
    if (!this.ready) return;
    const { left, top, width, height } = this.window();
    for (const [name, value] of Object.entries({ x: left, y: top, width, height }))
      set(this.clip, name, value);
    const { two, one, mean, path, a, b, near } = this.shapes;
    const points = (list) => list.map((p) => this.pixel(p).map((v) => v.toFixed(1)).join()).join(" ");
    const show = (shape, visible) => set(shape, "visibility", visible ? "visible" : "hidden");
    const at = (shape, place) => {
      show(shape, Boolean(place));
      if (!place) return;
      const [x, y] = this.pixel(place);
      const [nx, ny] = shape.tagName === "text" ? ["x", "y"] : ["cx", "cy"];
      set(shape, nx, x.toFixed(2));
      set(shape, ny, y.toFixed(2));
    };
    const [outer, inner] = scene.rings;
    show(two, outer);
    show(one, inner);
    if (outer) set(two, "points", points(outer));
    if (inner) set(one, "points", points(inner));
    show(mean, scene.centre);
    if (scene.centre) {
      const [x, y] = this.pixel(scene.centre);
      set(mean, "d", `M${x - 5},${y}h10M${x},${y - 5}v10`);
    }
    show(path, scene.path.length > 1);
    if (scene.path.length > 1) set(path, "points", points(scene.path));
    at(a, scene.marks[0]);
    at(b, scene.marks[1]);
    const [cx, cy] = scene.cursor ? this.pixel(scene.cursor) : [-1, -1];
    const inside = cx >= left - 1 && cx <= left + width + 1 && cy >= top - 1 && cy <= top + height + 1;
    this.ring.style.transform = `translate(${cx.toFixed(2)}px, ${cy.toFixed(2)}px)`;
    this.ring.style.visibility = inside ? "visible" : "hidden";
    const { x, y } = this.blob.arrays;
    at(near, scene.near >= 0 && scene.near < x.length ? [x[scene.near], y[scene.near]] : null);
  }

  // --- hands ------------------------------------------------------------------------------------

  _hover(near, at) {
    if (near < 0 && this.scene.near < 0) return;
    this.scene.near = near;
    this.paint();
    this.listener.hover(near < 0 ? null : this.blob.arrays.index[near], at);
  }

  /** Fingers moved from pixels to pixels: what was under them stays under them. */
  _pinch(from, to) {
    const w = this.window();
    if (this.wanted) [w.x, w.y] = Object.values(this.wanted); // not painted yet
    const middle = (list) => list.reduce((s, p) => [s[0] + p[0] / list.length, s[1] + p[1] / list.length], [0, 0]);
    const gap = (list) => (list.length < 2 ? 1 : Math.hypot(list[0][0] - list[1][0], list[0][1] - list[1][1]));
    const zoom = Math.min(1.5, Math.max(0.67, gap(from) / Math.max(1, gap(to))));
    const [fx, fy] = middle(from);
    const [tx, ty] = middle(to);
    const unit = (w.x[1] - w.x[0]) / w.width;
    const x0 = w.x[0] + (fx - w.left - (tx - w.left) * zoom) * unit;
    const y1 = w.y[1] - (fy - w.top - (ty - w.top) * zoom) * unit;
    this._zoomTo({
      "xaxis.range": [x0, x0 + w.width * unit * zoom],
      "yaxis.range": [y1 - w.height * unit * zoom, y1],
    });
  }

  /** One relayout a frame, the newest. */
  _zoomTo(ranges) {
    const asked = Boolean(this.wanted);
    this.wanted = ranges;
    if (asked) return;
    requestAnimationFrame(() => {
      const { wanted } = this;
      this.wanted = null;
      this.plotly.relayout(this.plot, wanted);
    });
  }
}
