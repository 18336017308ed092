// A map's grid, codes, names, and what lies over them: on canvases, all but the codes as SVG too. Lengths
// in CSS pixels.

import { context2d } from "../widgets/dom.js";
import { placeNames } from "../widgets/names.js";
import { font, typeScale } from "../widgets/type.js";
import { FAINT } from "./colouring.js";
import { Dots } from "./dots.js";
import { ticks } from "./map_window.js";

/** @typedef {import("./map_window.js").MapWindow} MapWindow */
/** @typedef {import("./map_window.js").Point} Point */
/** @typedef {CanvasRenderingContext2D} Context */
/** @typedef {Context | import("./svg_context.js").SvgContext} Pen what draws lines and words */

/**
 * A class of images on the map: codes from `points[0]` to `points[1]`, and where its name is written.
 * @typedef {{name: string, colour: string, points: [number, number], label: Point | null}} Group
 */

/**
 * Codes and how they are drawn; a new object where anything in it changed.
 * @typedef {object} Codes
 * @property {Group[]} groups
 * @property {Float32Array} x
 * @property {Float32Array} y
 * @property {Set<string>} hidden names of classes that are not shown
 * @property {Uint8Array | null} chosen a flag a code, where some are selected
 * @property {number} opacity 1, or less over a manifold
 * @property {import("./colouring.js").Shading | null} [shading] what colours them, where it is not their class
 * @property {boolean} small whether the map is one of several
 */

/**
 * What lies over the codes, in the map's units: the ellipses of q(z|x) at two and one standard deviation,
 * its mean, a path and its ends, and the code that the pointer rests on.
 * @typedef {object} Overlay
 * @property {ArrayLike<number>[][]} rings
 * @property {ArrayLike<number>[][]} [prior] contours of p(z), the innermost first
 * @property {ArrayLike<number> | null} centre
 * @property {ArrayLike<number>[]} path
 * @property {(ArrayLike<number> | null)[]} ends
 */

const GAP = 110; // pixels between lines of the grid, about

/** Diameter in pixels and opacity of a code's dot, by how many there are. @param {number} n */
export function dotOf(n) {
  const [size, opacity] = n > 30_000 ? [2.5, 0.5] : n > 6000 ? [4, 0.6] : [5, 0.7];
  return { size: size * typeScale(), opacity };
}

/**
 * The order in which n codes are drawn: by steps of the golden section, so that those that lie together, a
 * class's, come far apart, and no class covers another.
 * @param {number} n @returns {Uint32Array}
 */
export function drawOrder(n) {
  const divides = (/** @type {number} */ a, /** @type {number} */ b) => {
    while (b) [a, b] = [b, a % b];
    return a > 1;
  };
  let step = Math.max(1, Math.round(0.618034 * n));
  while (divides(n, step)) step += 1;
  return Uint32Array.from({ length: n }, (_, k) => (k * step) % n);
}

/** The number of each code's group, (n,). @param {Group[]} groups @param {number} n */
export function groupsOf(groups, n) {
  const found = new Uint32Array(n);
  groups.forEach(({ points }, k) => found.fill(k, ...points));
  return found;
}

/**
 * Lines at round values, and their numbers along the edges.
 * @param {Pen} c @param {MapWindow} window @param {Record<string, string>} colours
 */
export function paintGrid(c, window, colours) {
  const { width, height } = window;
  c.strokeStyle = colours.grid;
  c.lineWidth = 1;
  c.beginPath();
  for (const v of ticks(window.x, GAP * window.unit)) {
    const px = Math.round(window.pixel([v, 0])[0]) + 0.5;
    c.moveTo(px, 0);
    c.lineTo(px, height);
  }
  for (const v of ticks(window.y, GAP * window.unit)) {
    const py = Math.round(window.pixel([0, v])[1]) + 0.5;
    c.moveTo(0, py);
    c.lineTo(width, py);
  }
  c.stroke();
}

/** Diameter of the dots of codes, in pixels. @param {Codes} codes */
const diameterOf = ({ x, small }) => {
  const { size } = dotOf(x.length);
  return small ? Math.max(2, 0.7 * size) : size;
};

/**
 * Draw the dots that are in the window, in `drawOrder`.
 * @param {MapWindow} window @param {Codes} codes
 * @param {(x: number, y: number, radius: number, colour: string, opacity: number) => void} draw
 */
export function eachDot(window, codes, draw) {
  const { groups, x, y, hidden, chosen, opacity, shading } = codes;
  const radius = diameterOf(codes) / 2;
  const whole = dotOf(x.length).opacity * opacity;
  const colours = groups.map(({ name, colour }) => (hidden.has(name) ? "" : colour));
  const group = groupsOf(groups, x.length);
  const edge = radius + 1;
  for (const i of drawOrder(x.length)) {
    const own = colours[group[i]];
    const px = window.width / 2 + (x[i] - window.middle[0]) / window.unit;
    const py = window.height / 2 - (y[i] - window.middle[1]) / window.unit;
    const off = px < -edge || py < -edge || px > window.width + edge || py > window.height + edge;
    if (!own || off) continue;
    const colour = shading ? (shading.ramp[shading.shades[i]] ?? FAINT) : own;
    draw(px, py, radius, colour, chosen && !chosen[i] ? 0.2 * whole : whole);
  }
}

/** What dots are put together on, kept: a new one in each frame of a pan would be 600 MB a second on a large
 * screen. @type {{dots: Dots, image: ImageData, canvas: HTMLCanvasElement} | null} */
let sheet = null;

/** @param {number} width @param {number} height in its own pixels */
function emptySheet(width, height) {
  if (sheet?.dots.width === width && sheet.dots.height === height) {
    sheet.dots.clear();
    return sheet;
  }
  const dots = new Dots(width, height);
  const canvas = sheet?.canvas ?? document.createElement("canvas");
  Object.assign(canvas, { width, height });
  sheet = { dots, canvas, image: new ImageData(dots.data, width, height) };
  return sheet;
}

/** The dots of all classes. @param {Context} c @param {MapWindow} window @param {Codes} codes */
export function paintCodes(c, window, codes) {
  const ratio = c.getTransform().a;
  const [width, height] = [window.width, window.height].map((side) => Math.ceil(side * ratio));
  const { dots, image, canvas } = emptySheet(width, height);
  eachDot(window, codes, (x, y, radius, colour, opacity) =>
    dots.add(x * ratio, y * ratio, radius * ratio, colour, opacity),
  );
  context2d(canvas).putImageData(image, 0, 0);
  c.drawImage(canvas, 0, 0, width / ratio, height / ratio);
}

/**
 * The grid, and the axes' numbers and names, on a ground of their own over a manifold. All of it lies
 * below the codes: letters in every corner of the layer above would be put together in each frame.
 * @param {Pen} c
 * @param {MapWindow} window
 * @param {Record<string, string>} colours
 * @param {string[] | null} titles of the axes; null where they mean nothing
 * @param {boolean} grounded whether each needs a ground
 */
export function paintAxes(c, window, colours, titles, grounded) {
  if (!titles) return;
  c.globalAlpha = grounded ? 0.35 : 1;
  paintGrid(c, window, colours);
  c.globalAlpha = 1;
  const { width, height } = window;
  const write = grounded ? boxed(c, colours.paper) : halo(c, colours.paper, 4);
  const label = (/** @type {number} */ v) => String(v).replace("-", "−");
  c.textBaseline = "alphabetic";
  c.fillStyle = colours.ink;
  c.textAlign = "center";
  c.font = font(15, "bold");
  const free = width - c.measureText(`${titles[0]} →`).width - 15;
  c.font = font(13);
  for (const v of ticks(window.x, GAP * window.unit)) {
    const [px] = window.pixel([v, 0]);
    if (px > 24 && px + c.measureText(label(v)).width / 2 < free) write(label(v), px, height - 5);
  }
  c.textAlign = "left";
  for (const v of ticks(window.y, GAP * window.unit)) {
    const [, py] = window.pixel([0, v]);
    if (py > 30 && py < height - 20) write(label(v), 4, py + 4);
  }
  c.font = font(15, "bold");
  c.fillStyle = colours.z;
  c.textAlign = "right";
  write(`${titles[0]} →`, width - 5, height - 5);
  c.textAlign = "left";
  write(`↑ ${titles[1]}`, 4, 16);
}

/** Each class's name where it is dense, if there is room; the names that are written whole. @param {Pen} c @param {MapWindow} window
 * @param {Record<string, string>} colours @param {Group[]} groups @param {Set<string>} hidden @param {number} size of the type, where a rem is 16 pixels */
export function paintNames(c, window, colours, groups, hidden, size) {
  const write = halo(c, colours.paper, 4);
  const high = size * typeScale();
  c.font = font(size, "bold");
  c.textAlign = "center";
  c.textBaseline = "middle";
  c.fillStyle = colours.ink;
  const names = groups.flatMap(({ name, label }) => {
    if (!label || hidden.has(name)) return [];
    const [x, y] = window.pixel(label);
    const foot = window.height - 20 - high / 2; // the axis' numbers are below
    return [{ text: name, x, y: y > window.height ? y : Math.min(y, foot) }];
  });
  const placed = placeNames(c, names, high, window);
  for (const { text, x, y } of placed) write(text, x, y);
  return new Set(placed.map(({ text }) => text));
}

/** Whether a ring is wider and higher than the map, which it would fill with its colour.
 * @param {ArrayLike<number>[]} ring @param {MapWindow} window */
const covers = (ring, { x, y }) =>
  [x, y].every(([low, high], k) => {
    const values = ring.map((point) => point[k]);
    return Math.min(...values) < low && Math.max(...values) > high;
  });

/** @param {Pen} c @param {MapWindow} window @param {Record<string, string>} colours @param {Overlay} overlay */
export function paintOverlay(c, window, colours, { rings, prior = [], centre, path, ends }) {
  const trace = (/** @type {ArrayLike<number>[]} */ points) => {
    c.beginPath();
    for (const point of points) c.lineTo(...window.pixel(point));
  };
  paintPrior(c, window, colours, prior, trace);
  c.strokeStyle = c.fillStyle = colours.posterior;
  c.lineWidth = 2;
  rings.forEach((ring, n) => {
    trace(ring);
    c.closePath();
    c.globalAlpha = n ? 0.4 : 0.22;
    if (!covers(ring, window)) c.fill();
    c.globalAlpha = 0.85;
    c.stroke();
  });
  c.globalAlpha = 1;
  if (centre) {
    const [x, y] = window.pixel(centre);
    c.beginPath();
    c.moveTo(x - 5, y);
    c.lineTo(x + 5, y);
    c.moveTo(x, y - 5);
    c.lineTo(x, y + 5);
    c.stroke();
  }
  trace(path); // on a ground of its own, to be seen among dots of any colour
  c.strokeStyle = colours.paper;
  c.globalAlpha = 0.6;
  c.lineWidth = 4.5;
  c.stroke();
  c.globalAlpha = 1;
  c.strokeStyle = colours.z;
  c.lineWidth = 2.5;
  c.setLineDash([6, 4]);
  c.stroke();
  c.setLineDash([]);
  const write = halo(c, colours.paper, 5);
  c.font = font(17, "bold");
  c.textAlign = "center";
  c.textBaseline = "middle";
  c.fillStyle = colours.z;
  ends.forEach((end, k) => end && write("AB"[k], ...window.pixel(end)));
}

const SMALL = 220; // pixels of height of a map that has little room

/** Contours of the prior, named below the outer one. @param {Pen} c @param {MapWindow} window @param {Record<string, string>} colours @param {ArrayLike<number>[][]} prior @param {(line: ArrayLike<number>[]) => void} trace */
function paintPrior(c, window, colours, prior, trace) {
  if (!prior.length) return;
  c.strokeStyle = c.fillStyle = colours.ink;
  c.lineWidth = 1.25;
  c.globalAlpha = 0.8;
  c.setLineDash([5, 4]);
  for (const ring of prior) {
    trace([...ring, ring[0]]);
    c.stroke();
  }
  c.setLineDash([]);
  c.globalAlpha = 1;
  if (window.height < SMALL) return; // its name would lie on the axes' numbers
  const points = prior[prior.length - 1].map((point) => window.pixel(point));
  const [x, y] = points.reduce((best, point) => (point[1] > best[1] ? point : best));
  c.font = font(12);
  c.textAlign = "center";
  c.textBaseline = "middle";
  halo(c, colours.paper, 3)(`p(z): ${prior.map((_, n) => `${n + 1}σ`).join(", ")}`, x, y + 11);
}

/** The line of a lasso. @param {Pen} c @param {Record<string, string>} colours @param {ArrayLike<number>[]} line in pixels */
export function paintLasso(c, colours, line) {
  c.beginPath();
  for (const [x, y] of /** @type {Point[]} */ (line)) c.lineTo(x, y);
  c.closePath();
  c.globalAlpha = 0.12;
  c.fillStyle = colours.z;
  c.fill();
  c.globalAlpha = 1;
  c.setLineDash([4, 3]);
  c.lineWidth = 1.5;
  c.strokeStyle = colours.ink;
  c.stroke();
  c.setLineDash([]);
}

/** A writer whose letters have an edge of the paper's colour. @param {Pen} c @param {string} paper @param {number} edge */
function halo(c, paper, edge) {
  return (/** @type {string} */ text, /** @type {number} */ x, /** @type {number} */ y) => {
    c.lineWidth = edge;
    c.lineJoin = "round";
    c.strokeStyle = paper;
    c.strokeText(text, x, y);
    c.fillText(text, x, y);
  };
}

/** A writer whose text stands on a ground of the paper's colour. @param {Pen} c @param {string} paper */
function boxed(c, paper) {
  return (/** @type {string} */ text, /** @type {number} */ x, /** @type {number} */ y) => {
    const m = c.measureText(text);
    const [left, up, down] = [
      m.actualBoundingBoxLeft,
      m.actualBoundingBoxAscent,
      m.actualBoundingBoxDescent,
    ];
    const ink = /** @type {string} */ (c.fillStyle);
    c.fillStyle = paper;
    c.fillRect(x - left - 3, y - up - 3, m.width + 6, up + down + 6);
    c.fillStyle = ink;
    c.fillText(text, x, y);
  };
}
