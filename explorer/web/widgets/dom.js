// Small help with the page's elements and with drawing.

const SVG = "http://www.w3.org/2000/svg";

/** An element from its HTML. @returns {HTMLElement} */
export function html(text) {
  const holder = document.createElement("template");
  holder.innerHTML = text.trim();
  return holder.content.firstElementChild;
}

/** Write text where it differs: a write that changes nothing still costs a layout. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Set an attribute where it differs. */
export function set(element, name, value) {
  const text = String(value);
  if (element.getAttribute(name) !== text) element.setAttribute(name, text);
}

export function svg(parent, name, attributes = {}) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  parent.append(element);
  return element;
}

/**
 * The 2D context of a small canvas. Kept in main memory: a canvas on the graphics processor is a
 * layer of its own, and twenty of them cost more to put together than all that is drawn here.
 * @param {HTMLCanvasElement} canvas
 */
export const context2d = (canvas) => canvas.getContext("2d", { willReadFrequently: true });

/** Paint values in [0, 1] on a 28×28 canvas, white on black as MNIST is. */
export function paintDigit(canvas, values) {
  let image = canvas.image;
  if (!image) {
    canvas.context = context2d(canvas);
    image = canvas.image = canvas.context.createImageData(28, 28);
    image.data.fill(255);
  }
  const { data } = image;
  for (let i = 0, p = 0; i < 784; i++, p += 4) data[p] = data[p + 1] = data[p + 2] = 255 * values[i];
  canvas.context.putImageData(image, 0, 0);
}

/**
 * Paint a decoded digit into a grid's picture: ink as opaque as the digit is light there.
 * @param {HTMLCanvasElement} picture @param {Uint8Array} levels 0…255, (784,)
 * @param {string} ink as in #1d4ed8 @param {number} column @param {number} row
 */
export function paintInk(picture, levels, ink, column, row) {
  const context = context2d(picture);
  const image = context.createImageData(28, 28);
  const colour = [1, 3, 5].map((i) => parseInt(ink.slice(i, i + 2), 16));
  for (let i = 0; i < 784; i++) {
    image.data.set(colour, 4 * i);
    image.data[4 * i + 3] = levels[i];
  }
  context.putImageData(image, column * 28, row * 28);
}

const SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉";

/** The name of a latent dimension; `index` counts from 0, the name from 1. */
export const zName = (index) => "z" + String(index + 1).replace(/\d/g, (n) => SUBSCRIPTS[n]);

/** A number with its sign and two digits; what rounds to nothing has no sign. */
export function signed(value, digits = 2) {
  const text = Math.abs(value).toFixed(digits);
  if (Number(text) === 0) return text;
  return (value < 0 ? "−" : "+") + text;
}

/** Know a canvas's size without asking for a layout in each frame. @param {() => void} changed */
export function watchSize(canvas, changed) {
  canvas.box = [0, 0];
  new ResizeObserver(([entry]) => {
    canvas.box = [entry.contentRect.width, entry.contentRect.height];
    changed();
  }).observe(canvas);
}

/** A watched canvas, cleared and fitted to the screen's own pixels; its context in CSS pixels. */
export function plotContext(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = canvas.box;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const context = context2d(canvas);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

/** Whether the visitor asked the system for less motion. */
export const lessMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** A round number of at most `value`: 1, 2 or 5 times a power of ten. */
export function round125(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  const lead = value / power;
  return power * (lead >= 5 ? 5 : lead >= 2 ? 2 : 1);
}
