// A map as a picture to keep: what is on the screen, twice as fine.

import * as painter from "./painter.js";

const SCALE = 2;

/** @param {import("./latent_map.js").LatentMap} map @returns {HTMLCanvasElement | null} null where there is no map */
export function pictureOf(map) {
  const { window, codes, blob, colours } = map;
  if (!window || !codes || !blob) return null;
  const canvas = document.createElement("canvas");
  canvas.width = window.width * SCALE;
  canvas.height = window.height * SCALE;
  const c = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  c.scale(SCALE, SCALE);
  c.fillStyle = colours.paper;
  c.fillRect(0, 0, window.width, window.height);
  if (map.manifold.on) c.drawImage(map.paper, 0, 0, window.width, window.height);
  const titles = blob.header.axis_titles;
  painter.paintAxes(c, window, colours, titles, map.manifold.on);
  painter.paintCodes(c, window, codes);
  painter.paintNames(c, window, colours, codes.groups, codes.hidden, 19);
  painter.paintOverlay(c, window, colours, map.overlay);
  if (map.cursor) {
    c.lineWidth = 4;
    c.strokeStyle = colours.z;
    c.beginPath();
    c.arc(...window.pixel(map.cursor), 13, 0, 2 * Math.PI);
    c.stroke();
  }
  return canvas;
}

/** Have the browser save a map. @param {import("./latent_map.js").LatentMap} map @param {string} name of the file */
export function savePicture(map, name) {
  const link = document.createElement("a");
  link.download = name;
  link.href = pictureOf(map)?.toDataURL() ?? "";
  if (link.href) link.click();
}
