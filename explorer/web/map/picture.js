// A map as a picture to keep, with all that is on it and its legend: twice as fine, or as SVG.

import { context2d } from "../widgets/dom.js";
import { font, typeScale } from "../widgets/type.js";
import * as painter from "./painter.js";
import { SvgContext } from "./svg_context.js";

/** @typedef {import("./latent_map.js").LatentMap} LatentMap */
/** @typedef {Record<string, string>} Colours of a theme */
/** What the picture's parts need. @typedef {{map: LatentMap, colours: Colours, width: number, height: number}} Sheet */

export const SCALE = 2; // pixels of a picture for one of the screen
const ROW = 22; // pixels of a class in the legend, where a rem is 16
const BESIDE = 52; // pixels of a legend beside its longest name
const RAMP = [18, 150]; // width and height of a bar of colours
const RING = 13; // radius in pixels
const DIGITS = 4; // of a bar's ends

/** Where a map is shown. @param {LatentMap} map @param {Colours} colours @returns {Sheet | null} */
function sheetOf(map, colours) {
  const { window, codes, blob } = map;
  if (!window || !codes || !blob) return null;
  const bar = map.shading?.bar ?? blob.header.bar;
  const names = bar ? [bar[0], "−0.0000"] : legendOf(map).map(({ name }) => name);
  const ruler = new SvgContext("ruler");
  ruler.font = font(15);
  const widest = Math.max(...names.map((name) => ruler.measureText(name).width));
  const beside = names.length ? Math.ceil(widest + BESIDE * typeScale()) : 0;
  return { map, colours, width: window.width + beside, height: window.height };
}

/** The classes that a legend must tell: those on the map, but for a single one. @param {LatentMap} map */
function legendOf({ codes, shading, blob }) {
  if (!codes || shading || blob?.header.bar || codes.groups.length < 2) return [];
  return codes.groups.filter(({ name }) => !codes.hidden.has(name));
}

/** @param {painter.Pen} c @param {Sheet} sheet */
function paintOver(c, { map, colours, width }) {
  const { window, codes } = map;
  if (!window || !codes) return;
  painter.paintNames(c, window, colours, codes.groups, codes.hidden, map.small ? 17 : 19);
  painter.paintOverlay(c, window, colours, map.overlay);
  if (map.cursor) {
    const at = window.pixel(map.cursor);
    const inside = window.inside(at);
    const beyond = inside.some((v, k) => v !== at[k]);
    for (const [edge, line] of [
      [colours.paper, 8],
      [colours.z, 4],
    ]) {
      c.strokeStyle = String(edge);
      c.lineWidth = Number(line);
      c.setLineDash(beyond && edge === colours.z ? [3, 4] : []);
      c.beginPath();
      c.arc(...inside, RING, 0, 2 * Math.PI);
      c.stroke();
    }
    c.setLineDash([]);
  }
  if (width <= window.width) return;
  c.fillStyle = colours.paper; // names may lie over the edge
  c.fillRect(window.width, 0, width - window.width, window.height);
  paintLegend(c, map, colours);
}

/** @param {painter.Pen} c @param {LatentMap} map @param {Colours} colours */
function paintLegend(c, map, colours) {
  const { window, shading, blob } = map;
  if (!window || !blob) return;
  const left = window.width + 14;
  const row = ROW * typeScale();
  const bar = shading?.bar ?? blob.header.bar;
  const ramp = shading?.ramp ?? blob.header.groups.map(({ colour }) => colour);
  c.font = font(15);
  c.textAlign = "left";
  c.textBaseline = "middle";
  if (bar) return paintRamp(c, bar, ramp, left, colours);
  const fit = Math.floor((window.height - 10) / row);
  const all = legendOf(map);
  all.slice(0, fit).forEach(({ name, colour }, n) => {
    const y = 16 + n * row;
    c.fillStyle = colour;
    c.beginPath();
    c.arc(left + 6, y, 6, 0, 2 * Math.PI);
    c.fill();
    c.fillStyle = colours.ink;
    c.fillText(n === fit - 1 && all.length > fit ? `${all.length - n} more` : name, left + 20, y);
  });
}

/** @param {painter.Pen} c @param {[string, number, number]} bar @param {string[]} ramp dark where low @param {number} left @param {Colours} colours */
function paintRamp(c, [name, low, high], ramp, left, colours) {
  const step = RAMP[1] / ramp.length;
  ramp.forEach((colour, n) => {
    c.fillStyle = colour;
    c.fillRect(left, 50 + (ramp.length - 1 - n) * step, RAMP[0], step + 0.5);
  });
  const number = (/** @type {number} */ v) =>
    String(Number(v.toPrecision(DIGITS))).replace("-", "−");
  c.fillStyle = colours.ink;
  c.fillText(name, left, 18);
  c.fillText(number(high), left + RAMP[0] + 8, 54);
  c.fillText(number(low), left + RAMP[0] + 8, 46 + RAMP[1]);
}

/**
 * A map as a canvas, `SCALE` of its pixels for one of the screen's; null where there is none.
 * @param {LatentMap} map @param {Colours} [colours] of another theme
 */
export function pictureOf(map, colours = map.colours) {
  const sheet = sheetOf(map, colours);
  const { window, codes, blob } = map;
  if (!sheet || !window || !codes || !blob) return null;
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(sheet.width * SCALE);
  canvas.height = Math.round(sheet.height * SCALE);
  const c = context2d(canvas);
  c.scale(SCALE, SCALE);
  c.fillStyle = colours.paper;
  c.fillRect(0, 0, sheet.width, sheet.height);
  const { manifold } = map;
  if (manifold.on) manifold.paintOn(c, colours.ink);
  painter.paintAxes(c, window, colours, blob.header.axis_titles, manifold.on);
  painter.paintCodes(c, window, codes);
  paintOver(c, sheet);
  return canvas;
}

/** A map as the text of an SVG; null where there is none. @param {LatentMap} map @param {Colours} [colours] of another theme */
export function svgOf(map, colours = map.colours) {
  const sheet = sheetOf(map, colours);
  const { window, codes, blob } = map;
  if (!sheet || !window || !codes || !blob) return null;
  const pen = new SvgContext("map").begin(sheet);
  pen.fillStyle = colours.paper;
  pen.fillRect(0, 0, sheet.width, sheet.height);
  const { manifold } = map;
  if (manifold.on) {
    const canvas = document.createElement("canvas");
    canvas.width = window.width * SCALE;
    canvas.height = window.height * SCALE;
    const c = context2d(canvas);
    c.scale(SCALE, SCALE);
    manifold.paintOn(c, colours.ink);
    pen.addImage(canvas.toDataURL(), window.width, window.height);
  }
  painter.paintAxes(pen, window, colours, blob.header.axis_titles, manifold.on);
  painter.eachDot(window, codes, (x, y, radius, colour, opacity) => {
    pen.globalAlpha = opacity;
    pen.fillStyle = colour;
    pen.beginPath();
    pen.arc(x, y, radius);
    pen.fill();
  });
  pen.globalAlpha = 1;
  paintOver(pen, sheet);
  pen.end();
  pen.svg.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  pen.svg.setAttribute("viewBox", `0 0 ${sheet.width} ${sheet.height}`);
  return new XMLSerializer().serializeToString(pen.svg);
}
