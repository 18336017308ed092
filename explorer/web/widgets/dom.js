// Small help with the page's elements and with drawing.

const SVG = "http://www.w3.org/2000/svg";

/** An element from its HTML. @param {string} text @returns {HTMLElement} */
export function html(text) {
  const holder = document.createElement("template");
  holder.innerHTML = text.trim();
  const element = holder.content.firstElementChild;
  if (!(element instanceof HTMLElement)) throw new Error("no element in the HTML");
  return element;
}

/**
 * The first element of a selector; where there is none, or one of another kind, an error.
 * @template {Element} [E=HTMLElement]
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => E} [kind] its class
 * @returns {E}
 */
export function find(root, selector, kind) {
  const element = root.querySelector(selector);
  if (!(element instanceof (kind ?? HTMLElement))) throw new Error(`no element ${selector}`);
  return /** @type {E} */ (element);
}

/** Write text where it differs: a write that changes nothing still costs a layout. @param {Element} element @param {string} text */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Set an attribute where it differs. @param {Element} element @param {string} name @param {string | number | boolean} value */
export function set(element, name, value) {
  const text = String(value);
  if (element.getAttribute(name) !== text) element.setAttribute(name, text);
}

/**
 * A new SVG element at the end of another one.
 * @template {keyof SVGElementTagNameMap} K
 * @param {Element} parent
 * @param {K} name
 * @param {Record<string, string | number>} [attributes]
 */
export function svg(parent, name, attributes = {}) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  parent.append(element);
  return element;
}

/**
 * The 2D context of a small canvas. Kept in main memory: a canvas on the graphics processor is a
 * layer of its own, and twenty of them cost more to put together than all that is drawn here.
 * @param {HTMLCanvasElement} canvas
 */
export function context2d(canvas) {
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("This browser has no 2D canvas.");
  return context;
}

const SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉";

/** The name of a latent dimension. @param {number} index from 0; the name counts from 1 */
export const zName = (index) =>
  "z" + String(index + 1).replace(/\d/g, (n) => SUBSCRIPTS[Number(n)]);

/** The name of what a slider moves. @param {import("../model/blob_types.js").Dimension} dim */
export function dimensionName({ index, choice, share }) {
  if (choice) return choice.name;
  return share === undefined ? zName(index) : `PC ${index + 1}`;
}

/** A number with its sign; one that rounds to zero has none. @param {number} value @param {number} [digits] */
export function signed(value, digits = 2) {
  const text = Math.abs(value).toFixed(digits);
  if (Number(text) === 0) return text;
  return (value < 0 ? "−" : "+") + text;
}

/**
 * A number in as few signs as tell it: of large ones no decimals, of very large ones the power of ten.
 * @param {number} value @param {number} digits behind the point
 */
export function brief(value, digits) {
  const size = Math.abs(value);
  const text =
    size >= 1e6 ? size.toExponential(2).replace("+", "") : size.toFixed(size >= 1e4 ? 0 : digits);
  return (value < 0 && Number(text) ? "−" : "") + text;
}

/** Width and height of watched canvases, in CSS pixels. @type {WeakMap<HTMLCanvasElement, [number, number]>} */
const sizes = new WeakMap();

/** The size of a watched canvas in CSS pixels: width, height. @param {HTMLCanvasElement} canvas */
export const sizeOf = (canvas) => sizes.get(canvas) ?? [0, 0];

/**
 * Know a canvas's size without asking for a layout in each frame.
 * @param {HTMLCanvasElement} canvas
 * @param {() => void} changed
 */
export function watchSize(canvas, changed) {
  sizes.set(canvas, [0, 0]);
  new ResizeObserver(([entry]) => {
    sizes.set(canvas, [entry.contentRect.width, entry.contentRect.height]);
    changed();
  }).observe(canvas);
}

/** Pixels of a plot for each of the screen's. */
let detail = 1;

/** Have plots that are painted from now on be finer than the screen, for a picture to keep. @param {number} factor */
export function setDetail(factor) {
  detail = factor;
}

/**
 * A watched canvas, cleared and fitted to the screen's own pixels; its context in CSS pixels.
 * @param {HTMLCanvasElement} canvas
 */
export function plotContext(canvas) {
  const ratio = detail * (window.devicePixelRatio || 1);
  const [width, height] = sizeOf(canvas);
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const context = context2d(canvas);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

/** The theme of an element, as its style sheets have it. @param {Element} element @returns {"light" | "dark"} */
export function themeOf(element) {
  const scheme = getComputedStyle(element).colorScheme;
  if (scheme.includes("dark") && !scheme.includes("light")) return "dark";
  if (scheme === "normal" || (scheme.includes("dark") && scheme.includes("light")))
    return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  return "light";
}

/** Whether the visitor asked the system for less motion. */
export const lessMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** A round number of at most `value`: 1, 2 or 5 times a power of ten. @param {number} value above 0 */
export function round125(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  const lead = value / power;
  return power * (lead >= 5 ? 5 : lead >= 2 ? 2 : 1);
}

/** The end of bars that usually are about as long as a level: a round number above. @param {number} level */
export function barEnd(level) {
  const step = round125(Math.max(level, 1) / 2);
  return step * Math.ceil((1.6 * Math.max(level, 1)) / step);
}
