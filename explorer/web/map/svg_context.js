// What painter.js draws, as SVG: the part of a canvas's context that lines and words need. A canvas above
// the codes would be put together anew in each frame, empty or not; of an SVG only what is there.

import { context2d } from "../widgets/dom.js";

const NAMESPACE = "http://www.w3.org/2000/svg";
const ANCHORS = { left: "start", center: "middle", right: "end", start: "start", end: "end" };

/** Where letters are measured. @type {CanvasRenderingContext2D | null} */
let ruler = null;

const round = (/** @type {number} */ v) => Math.round(100 * v) / 100;

export class SvgContext {
  /** @param {string} name of the SVG's class */
  constructor(name) {
    this.svg = document.createElementNS(NAMESPACE, "svg");
    this.svg.setAttribute("class", name);
    this.svg.setAttribute("aria-hidden", "true");
    this.font = "10px sans-serif";
    /** @type {keyof typeof ANCHORS} */
    this.textAlign = "start";
    /** @type {string} */
    this.textBaseline = "alphabetic";
    this.fillStyle = "#000";
    this.strokeStyle = "#000";
    this.lineWidth = 1;
    this.lineJoin = "miter";
    this.globalAlpha = 1;
    /** @type {number[]} */
    this.dashes = [];
    this.path = "";
    /** What is drawn since `begin`, put into the page at `end`. @type {SVGElement[]} */
    this.drawn = [];
  }

  /** @param {{width: number, height: number}} size in CSS pixels */
  begin({ width, height }) {
    // In pixels, not per cent: a layout of the page would paint all letters again.
    this.svg.setAttribute("width", String(width));
    this.svg.setAttribute("height", String(height));
    this.drawn = [];
    return this;
  }

  end() {
    this.svg.replaceChildren(...this.drawn);
  }

  beginPath() {
    this.path = "";
  }

  /** @param {number} x @param {number} y */
  moveTo(x, y) {
    this.path += `M${round(x)} ${round(y)}`;
  }

  /** @param {number} x @param {number} y */
  lineTo(x, y) {
    this.path += `${this.path ? "L" : "M"}${round(x)} ${round(y)}`;
  }

  closePath() {
    if (this.path) this.path += "Z";
  }

  /** A whole circle; nothing here draws less. @param {number} x @param {number} y @param {number} radius */
  arc(x, y, radius) {
    const r = round(radius);
    this.path += `M${round(x - r)} ${round(y)}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0Z`;
  }

  /** @param {number[]} dashes */
  setLineDash(dashes) {
    this.dashes = dashes;
  }

  fill() {
    this._add("path", { d: this.path, fill: this.fillStyle });
  }

  stroke() {
    this._add("path", { d: this.path, fill: "none", ...this._line() });
  }

  /** @param {number} x @param {number} y @param {number} width @param {number} height */
  fillRect(x, y, width, height) {
    this._add("rect", { x, y, width, height, fill: this.fillStyle });
  }

  /** A picture over all of it. @param {string} href @param {number} width @param {number} height */
  addImage(href, width, height) {
    this._add("image", { href, x: 0, y: 0, width, height });
  }

  /** @param {string} text @param {number} x @param {number} y */
  fillText(text, x, y) {
    this._write(text, x, y, { fill: this.fillStyle });
  }

  /** @param {string} text @param {number} x @param {number} y */
  strokeText(text, x, y) {
    this._write(text, x, y, { fill: "none", ...this._line() });
  }

  /** @param {string} text */
  measureText(text) {
    ruler ??= context2d(document.createElement("canvas"));
    const { font, textAlign, textBaseline } = this;
    Object.assign(ruler, { font, textAlign, textBaseline });
    return ruler.measureText(text);
  }

  /** @returns {Record<string, string | number>} */
  _line() {
    return {
      stroke: this.strokeStyle,
      "stroke-width": this.lineWidth,
      "stroke-linejoin": this.lineJoin,
      ...(this.dashes.length ? { "stroke-dasharray": this.dashes.join(" ") } : {}),
    };
  }

  /** @param {string} text @param {number} x @param {number} y @param {Record<string, string | number>} look */
  _write(text, x, y, look) {
    const anchor = { "text-anchor": ANCHORS[this.textAlign] };
    const place = { x: round(x), y: round(y), style: `font: ${this.font}` };
    const element = this._add("text", { ...place, ...anchor, ...look });
    if (this.textBaseline === "middle") element.setAttribute("dominant-baseline", "central");
    element.textContent = text;
  }

  /** @param {string} name @param {Record<string, string | number>} look */
  _add(name, look) {
    const element = /** @type {SVGElement} */ (document.createElementNS(NAMESPACE, name));
    for (const [attribute, value] of Object.entries(look))
      element.setAttribute(attribute, String(value));
    if (this.globalAlpha < 1) element.setAttribute("opacity", String(this.globalAlpha));
    this.drawn.push(element);
    return element;
  }
}
