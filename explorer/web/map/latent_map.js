// A map of a latent space: the codes of images under a projection, and what lies over them. Its window,
// its hands and its names are here.

import { html, plotContext, set, sizeOf, watchSize } from "../widgets/dom.js";
import { Legend } from "./legend.js";
import { imagesWithin, nearestCode } from "./codes.js";
import { Manifold } from "./manifold.js";
import { MapWindow } from "./map_window.js";
import * as painter from "./painter.js";
import { SvgContext } from "./svg_context.js";
import { Pointer } from "./pointer.js";

/** @typedef {import("./map_window.js").Point} Point */
/** @typedef {import("../model/blob_types.js").MapBlob} MapBlob */

/**
 * Hears what hands do, in the map's units.
 * @typedef {object} Listener
 * @property {(place: Point) => void} move
 * @property {() => void} release
 * @property {(image: number) => void} pick
 * @property {(image: number | null, pixel: Point) => void} hover
 * @property {(images: number[]) => void} selected
 * @property {(event: KeyboardEvent) => void} key
 * @property {(order: {id: number, z: Float32Array}) => void} grid a manifold to decode
 * @property {() => import("./manifold.js").Source} source what a manifold is made of
 * @property {() => void} resized the map can be painted anew
 */

/** @type {Set<string>} */
const NONE = new Set();
/** @type {painter.Overlay} */
const NOTHING = { rings: [], centre: null, path: [], ends: [] };

export class LatentMap {
  /**
   * @param {HTMLElement} host
   * @param {Listener} listener
   * @param {{legend?: HTMLElement | null, small?: boolean}} [options] where the classes are listed; and
   *   whether the map is one of several: smaller dots
   */
  constructor(host, listener, { legend = null, small = false } = {}) {
    this.host = host;
    this.listener = listener;
    this.small = small;
    const layer = (/** @type {string} */ name) =>
      /** @type {HTMLCanvasElement} */ (
        html(`<canvas class="${name}" aria-hidden="true"></canvas>`)
      );
    this.paper = layer("manifold");
    this.base = new SvgContext("base");
    this.dots = layer("codes");
    this.over = new SvgContext("over");
    // Moved by its transform alone, the ring is painted once and never again.
    this.ring = html('<i class="cursor" aria-hidden="true" hidden></i>');
    host.append(this.paper, this.base.svg, this.dots, this.over.svg, this.ring);
    this.paper.hidden = true;
    watchSize(this.dots, () => this._resized());
    /** @type {MapBlob | null} */
    this.blob = null;
    /** @type {MapWindow | null} */
    this.window = null;
    /** @type {Record<string, string>} */
    this.colours = {};
    this.revision = "";
    this.zoomed = false; // by a hand
    this.all = false; // whether the codes that lie farthest out are fitted in, too
    /** @type {painter.Codes | null} */
    this.codes = null;
    /** @type {import("./colouring.js").Shading | null} */
    this.shading = null;
    this.overlay = NOTHING;
    /** @type {ArrayLike<number> | null} */
    this.cursor = null;
    this.near = -1; // the code that the pointer rests on
    /** The line of a lasso, in pixels. @type {Point[]} */
    this.line = [];
    /** @type {Set<number>} */
    this.chosen = new Set();
    this.frame = 0;
    /** What has to be painted in the next frame. @type {Set<"base" | "over">} */
    this.stale = new Set();
    this.manifold = new Manifold(this.paper, small ? 26 : 34, listener.grid);
    this.legend = legend && new Legend(legend, () => this._recode());
    this.pointer = new Pointer(host, this._hand());
    host.addEventListener("keydown", listener.key);
  }

  /** Names of the classes that are not on the map. */
  get hidden() {
    return this.legend?.hidden ?? NONE;
  }

  get ready() {
    return Boolean(this.window && this.blob?.header.groups.length);
  }

  /** @returns {import("./pointer.js").Hand} */
  _hand() {
    const { listener } = this;
    const image = (/** @type {number} */ code) => this.blob?.arrays.index[code] ?? -1;
    return {
      ready: () => this.ready,
      move: (pixel) => this.window && listener.move(this.window.place(this.window.inside(pixel))),
      release: listener.release,
      pointAt: (pixel, reach) => this.pointAt(pixel, reach),
      pick: (code) => listener.pick(image(code)),
      hover: (code, pixel) => {
        if (code === this.near) return;
        this.near = code;
        this._repaint("over");
        listener.hover(code < 0 ? null : image(code), pixel);
      },
      pinch: (from, to) => this.showWindow(this.window?.pinched(from, to)),
      zoom: (factor, pixel) => this.showWindow(this.window?.zoomed(factor, pixel)),
      reset: () => this.reset(),
      lasso: (line, done) => {
        this.line = done ? [] : line;
        if (done) listener.selected(this.imagesWithin(line));
        this._repaint("over");
      },
    };
  }

  // --- what is shown ----------------------------------------------------------------------------

  /**
   * Show a map's blob. The same revision keeps zoom and hidden classes.
   * @param {MapBlob} blob @param {Record<string, string>} colours of the theme
   */
  take(blob, colours) {
    if (blob === this.blob && colours === this.colours) return;
    const { header } = blob;
    if (header.revision !== this.revision) {
      this.revision = header.revision;
      this.zoomed = this.all = false;
      this.manifold.forget();
      this.show(null, NOTHING);
      this.near = -1;
    }
    this.blob = blob;
    this.colours = colours;
    this.manifold.ink = colours.ink;
    this.shade(null);
    this._resized();
  }

  /** Colour the codes of the map's blob by something else than their classes, or by these again. @param {import("./colouring.js").Shading | null} shading */
  shade(shading) {
    if (!this.blob) return;
    const { header } = this.blob;
    this.shading = shading;
    if (shading) this.legend?.showRamp(shading);
    else this.legend?.show(header.groups, header.bar);
    this._recode();
  }

  /**
   * Put the ring and what lies over the codes; the same objects again cost nothing.
   * @param {ArrayLike<number> | null} cursor in the map's units @param {painter.Overlay} overlay
   */
  show(cursor, overlay) {
    this.cursor = cursor;
    if (overlay !== this.overlay) {
      this.overlay = overlay;
      this._repaint("over");
    }
    this._placeRing();
  }

  /** Images that are told apart from the others; none where all are alike. @param {Set<number>} images */
  select(images) {
    this.chosen = images;
    this._recode();
  }

  /** @param {import("./pointer.js").Mode} mode */
  setMode(mode) {
    this.pointer.mode = mode;
    this.host.dataset.mode = mode;
  }

  /** @param {boolean} on */
  showManifold(on) {
    this.manifold.show(on);
    this._recode();
    if (on) this.manifold.ask(this.listener.source());
  }

  /** Dimensions that are not on the map changed, so the manifold did. */
  refreshManifold() {
    this.manifold.askSoon(this.listener.source);
  }

  /** Show all codes but the few farthest out; on a wish for all these too, unless they were there. */
  reset(all = false) {
    this.all = all && (this.zoomed || !this.all);
    this.zoomed = false;
    this.showWindow(this._whole(), false);
  }

  /** Zoom about the middle. @param {number} factor */
  zoom(factor) {
    const { window } = this;
    if (window) this.showWindow(window.zoomed(factor, [window.width / 2, window.height / 2]));
  }

  // --- places -----------------------------------------------------------------------------------

  /** The shown code nearest to a pixel; -1 where none is near. @param {ArrayLike<number>} pixel @param {number} reach in pixels */
  pointAt(pixel, reach) {
    if (!this.ready || !this.blob || !this.window) return -1;
    const place = this.window.place(pixel);
    return nearestCode(this.blob, this.hidden, place, reach * this.window.unit);
  }

  /** The shown images within a line of pixels. @param {Point[]} line @returns {number[]} */
  imagesWithin(line) {
    const { blob, window } = this;
    if (!blob || !window || line.length < 3) return [];
    const polygon = line.map((pixel) => window.place(pixel));
    return imagesWithin(blob, this.hidden, polygon);
  }

  // --- painting ---------------------------------------------------------------------------------

  _whole() {
    const [width, height] = sizeOf(this.dots);
    if (!this.blob || !width || !height) return null;
    const { bounds, anchored } = this.blob.header;
    const all = MapWindow.fit(bounds.all, width, height, anchored);
    return this.all ? all : MapWindow.fit(bounds.core, width, height, anchored, all.unit);
  }

  _resized() {
    const [width, height] = sizeOf(this.dots);
    if (!this.blob || !width || !height) return;
    const { window } = this;
    if (!window || !this.zoomed) this.showWindow(this._whole(), false);
    else this.showWindow(window.resized(width, height));
  }

  /** Show another part of the map. @param {MapWindow | null | undefined} window @param {boolean} [byHand] */
  showWindow(window, byHand = true) {
    if (!window) return;
    if (byHand) this.zoomed = true;
    this.window = this.manifold.window = window;
    this.host.dataset.window = [...window.x, ...window.y].join();
    this._repaint("base");
    this._repaint("over");
    this.manifold.paint();
    this.manifold.askSoon(this.listener.source);
    this._placeRing();
    this.listener.resized();
  }

  /** What is drawn of the codes changed. */
  _recode() {
    if (!this.blob) return;
    const { header, arrays } = this.blob;
    /** @type {Uint8Array | null} */
    let chosen = null;
    if (this.chosen.size)
      chosen = Uint8Array.from(arrays.index, (image) => Number(this.chosen.has(image)));
    this.codes = {
      groups: header.groups,
      x: arrays.x,
      y: arrays.y,
      hidden: this.hidden,
      shading: this.shading,
      chosen,
      opacity: this.manifold.on ? 0.45 : 1,
      small: this.small,
    };
    this._repaint("base");
    this._repaint("over");
  }

  /** @param {"base" | "over"} what */
  _repaint(what) {
    this.stale.add(what);
    this.frame ||= requestAnimationFrame(() => this.paint());
  }

  /** Paint what is stale, now. */
  paint() {
    if (this.frame) cancelAnimationFrame(this.frame);
    this.frame = 0;
    const { window, codes, stale } = this;
    if (!window || !codes || !this.blob || !stale.size) return;
    this.stale = new Set();
    if (stale.has("base")) {
      const c = this.base.begin(window);
      painter.paintAxes(c, window, this.colours, this.blob.header.axis_titles, this.manifold.on);
      c.end();
      painter.paintCodes(plotContext(this.dots).context, window, codes);
    }
    if (stale.has("over")) this._paintOver(window, codes);
  }

  /** @param {MapWindow} window @param {painter.Codes} codes */
  _paintOver(window, codes) {
    const c = this.over.begin(window);
    const { colours, blob } = this;
    const size = this.small ? 17 : 19;
    const written = painter.paintNames(c, window, colours, codes.groups, codes.hidden, size);
    if (!this.zoomed) this.legend?.leave(written);
    painter.paintOverlay(c, window, colours, this.overlay);
    if (this.line.length > 2) painter.paintLasso(c, colours, this.line);
    if (this.near >= 0 && blob) {
      c.strokeStyle = colours.ink;
      c.lineWidth = 2;
      c.beginPath();
      c.arc(...window.pixel([blob.arrays.x[this.near], blob.arrays.y[this.near]]), 7);
      c.stroke();
    }
    c.end();
  }

  /** The ring; at the edge nearest to a place that is beyond it, it is dotted. */
  _placeRing() {
    const { ring, window, cursor } = this;
    const there = Boolean(window && cursor);
    if (ring.hidden === there) ring.hidden = !there;
    if (!window || !cursor) return;
    const at = window.pixel(cursor);
    const inside = window.inside(at);
    set(ring, "class", inside.some((v, k) => v !== at[k]) ? "cursor beyond" : "cursor");
    ring.style.transform = `translate(${inside[0].toFixed(1)}px, ${inside[1].toFixed(1)}px)`;
  }
}
