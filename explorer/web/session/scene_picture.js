// The picture beside a text as it is on the screen, twice as fine: its canvases, painted anew, and over them the
// words and boxes of the page.

import { context2d, setDetail } from "../widgets/dom.js";

const DETAIL = 2; // pixels for each on the screen
const MARGIN = 12; // of the screen's pixels
const SPARED = "button, select, input, [aria-hidden=true] *, .katex-mathml, [hidden]";
const BESIDE_CONTROLS = ":has(> :is(input, button, select))";

/** A painted frame, and one that is on the screen. */
const frame = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));

/** @param {CanvasRenderingContext2D} c @param {Element} element @param {DOMRect} box */
function boxOf(c, element, box) {
  const style = getComputedStyle(element);
  c.globalAlpha = Number(style.opacity);
  c.fillStyle = style.backgroundColor;
  c.fillRect(box.x, box.y, box.width, box.height);
  if (element instanceof HTMLCanvasElement && element.width && element.height) {
    c.imageSmoothingEnabled = style.imageRendering !== "pixelated";
    c.drawImage(element, box.x, box.y, box.width, box.height);
  }
  for (const [width, colour] of [
    [parseFloat(style.borderTopWidth), style.borderTopColor],
    [style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth), style.outlineColor],
  ]) {
    if (!width) continue;
    c.lineWidth = Number(width);
    c.strokeStyle = String(colour);
    c.strokeRect(box.x, box.y, box.width, box.height);
  }
  c.globalAlpha = 1;
}

/** Each word where it stands. @param {CanvasRenderingContext2D} c @param {Text} text */
function wordsOf(c, text) {
  const style = getComputedStyle(/** @type {Element} */ (text.parentElement));
  c.font = `${style.fontStyle} ${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
  c.fillStyle = style.color;
  c.textBaseline = "alphabetic";
  const range = document.createRange();
  for (const { 0: word, index } of text.data.matchAll(/\S+/g)) {
    range.setStart(text, index);
    range.setEnd(text, index + word.length);
    const { x, y, width, height } = range.getBoundingClientRect();
    if (!width) continue;
    const { fontBoundingBoxAscent: up, fontBoundingBoxDescent: down } = c.measureText(word);
    c.fillText(word, x, y + (height + up - down) / 2);
  }
}

/** Whether a text stands beside something to press or to move. @param {Element} element @param {Element} host */
const namesControl = (element, host) =>
  [element, element.parentElement].some((e) => e !== host && e?.matches(BESIDE_CONTROLS));

/**
 * What stands in an element, as a picture.
 * @param {HTMLElement} host @param {string} paper its colour behind all
 */
function compose(host, paper) {
  const canvas = document.createElement("canvas");
  const frameBox = host.getBoundingClientRect();
  canvas.width = Math.round(DETAIL * (frameBox.width + 2 * MARGIN));
  canvas.height = Math.round(DETAIL * (frameBox.height + 2 * MARGIN));
  const c = context2d(canvas);
  c.fillStyle = paper;
  c.fillRect(0, 0, canvas.width, canvas.height);
  const [left, top] = [frameBox.x - MARGIN, frameBox.y - MARGIN];
  c.setTransform(DETAIL, 0, 0, DETAIL, -DETAIL * left, -DETAIL * top);
  const walk = document.createTreeWalker(host, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode;
    const element = node instanceof Element ? node : node.parentElement;
    if (!element || element.closest(SPARED) || !element.checkVisibility()) continue;
    if (node instanceof Text) namesControl(element, host) || wordsOf(c, node);
    else boxOf(c, element, element.getBoundingClientRect());
  }
  return canvas;
}

/**
 * The picture of what stands in an element whose page paints anew when it is told that a size has changed.
 * @param {{change: (what: string) => unknown}} page @param {HTMLElement} host
 */
export async function scenePicture(page, host) {
  setDetail(DETAIL);
  try {
    page.change("size");
    await frame();
    return compose(host, getComputedStyle(document.body).backgroundColor);
  } finally {
    setDetail(1);
    page.change("size");
  }
}
