// Where a map's codes are: which is nearest to a place, and whose lie within a line.

import { within } from "./map_window.js";

/** @typedef {import("./map_window.js").Point} Point */
/** @typedef {import("../model/blob_types.js").MapBlob} MapBlob */

/** The code nearest to a place, of classes that are not hidden; -1 where none is within reach. @param {MapBlob} blob @param {Set<string>} hidden @param {ArrayLike<number>} place @param {number} reach */
export function nearestCode({ header, arrays }, hidden, place, reach) {
  let least = reach ** 2;
  let best = -1;
  for (const { name, points } of header.groups) {
    if (hidden.has(name)) continue;
    for (let i = points[0]; i < points[1]; i++) {
      const distance = (arrays.x[i] - place[0]) ** 2 + (arrays.y[i] - place[1]) ** 2;
      if (distance < least) {
        least = distance;
        best = i;
      }
    }
  }
  return best;
}

/** The images whose codes lie within a line, of classes that are not hidden. @param {MapBlob} blob @param {Set<string>} hidden @param {Point[]} line @returns {number[]} */
export function imagesWithin({ header, arrays }, hidden, line) {
  const { x, y, index } = arrays;
  /** @type {number[]} */
  const found = [];
  for (const { name, points } of header.groups)
    if (!hidden.has(name))
      for (let i = points[0]; i < points[1]; i++)
        if (within([x[i], y[i]], line)) found.push(index[i]);
  return found;
}
