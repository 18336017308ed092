// Where names are written among others on a canvas.

const SHIFTS = [0, -0.5, 0.5, -1, 1, -1.6, 1.6]; // up and down from a name's place, in its type's size

const LONGEST = 16; // signs of a name; a longer one is cut

/** @typedef {{text: string, x: number, y: number}} Name in pixels */

/**
 * Places of names (middles, in pixels) where none covers another: at their own, or right above or below;
 * those that find no room are left out. One whose place is on the canvas is on it whole.
 * @param {{measureText: (text: string) => {width: number}}} context whose font is the names'
 * @param {Name[]} names the first ones choose first
 * @param {number} size of the type, in pixels
 * @param {{width: number, height: number}} canvas
 */
export function placeNames(context, names, size, { width, height }) {
  /** @type {(Name & {half: number})[]} */
  const placed = [];
  for (const { text: name, x, y } of names) {
    const text = name.length > LONGEST ? `${name.slice(0, LONGEST - 1)}…` : name;
    const half = context.measureText(text).width / 2 + 3;
    const on = x >= 0 && x <= width && y >= 0 && y <= height;
    const within = (
      /** @type {number} */ v,
      /** @type {number} */ edge,
      /** @type {number} */ end,
    ) => (on && end >= 2 * edge ? Math.min(Math.max(v, edge), end - edge) : v);
    const across = within(x, half, width);
    const free = (/** @type {number} */ at) =>
      placed.every((o) => Math.abs(o.x - across) >= o.half + half || Math.abs(o.y - at) >= size);
    const at = SHIFTS.map((shift) => within(y + shift * size, size / 2, height)).find(free);
    if (at !== undefined) placed.push({ text, x: across, y: at, half });
  }
  return placed;
}
