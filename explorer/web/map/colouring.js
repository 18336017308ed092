// The codes of a map coloured by a number of each image: steps of viridis (van der Walt & Smith 2015), which
// are evenly apart to all eyes. On white paper it ends before its palest, on dark it begins behind its darkest.

const VIRIDIS = [
  "#440154",
  "#482878",
  "#3e4989",
  "#31688e",
  "#26828e",
  "#1f9e89",
  "#35b779",
  "#6ece58",
  "#b5de2b",
  "#fde725",
];
const STEPS = 24;
const ENDS = { light: [0, 0.9], dark: [0.2, 1] };
export const UNKNOWN = 255; // the shade of an image whose number has not come
export const FAINT = "#8a8f98"; // and its colour

/**
 * Shades of codes in the order of a map's arrays, each a step of `ramp`.
 * @typedef {{shades: Uint8Array, ramp: string[], bar: [string, number, number]}} Shading `bar` has the number's
 *   name, and what the ends of the ramp stand for
 */

/** A colour of viridis. @param {number} share from 0, dark, to 1, light @returns {[number, number, number]} */
export function viridis(share) {
  const at = Math.min(1, Math.max(0, share)) * (VIRIDIS.length - 1);
  const n = Math.min(VIRIDIS.length - 2, Math.floor(at));
  const part = (/** @type {string} */ colour, /** @type {number} */ k) =>
    parseInt(colour.slice(1 + 2 * k, 3 + 2 * k), 16);
  const mixed = [0, 1, 2].map((k) => {
    const a = part(VIRIDIS[n], k);
    return Math.round(a + (at - n) * (part(VIRIDIS[n + 1], k) - a));
  });
  return [mixed[0], mixed[1], mixed[2]];
}

/** The steps of colour, dark where low. @param {"light" | "dark"} theme */
export function rampOf(theme) {
  const [from, to] = ENDS[theme];
  return Array.from({ length: STEPS }, (_, n) => {
    const rgb = viridis(from + ((to - from) * n) / (STEPS - 1));
    return "#" + rgb.map((v) => v.toString(16).padStart(2, "0")).join("");
  });
}

/**
 * The step of a number between two ends; what lies beyond has the end's. Where steps are even in the number's
 * logarithm, the ends are positive.
 * @param {number} value @param {number} low @param {number} high @param {boolean} [logs]
 */
export function stepOf(value, low, high, logs = false) {
  if (Number.isNaN(value)) return UNKNOWN;
  const share = logs
    ? Math.log(Math.max(value, low) / low) / Math.log(high / low)
    : (value - low) / Math.max(high - low, 1e-12);
  return Math.min(STEPS - 1, Math.max(0, Math.floor(share * STEPS)));
}

/**
 * @param {Float32Array} values of images @param {Uint32Array} index the image of each code
 * @param {string} name @param {[number, number]} ends @param {"light" | "dark"} theme
 * @param {boolean} [logs] whether the steps are even in the number's logarithm
 * @returns {Shading}
 */
export function shadingOf(values, index, name, [low, high], theme, logs = false) {
  const shades = Uint8Array.from(index, (image) => stepOf(values[image], low, high, logs));
  return { shades, ramp: rampOf(theme), bar: [name, low, high] };
}
