// The arithmetic of a run's snapshots: moments between two of them, their places on the time slider,
// and how far their codes reach. Pure.

/**
 * @typedef {import("../model/blob_types.js").PriorHeader} PriorHeader
 * @typedef {[step: number, version: string]} Known a snapshot that there is
 */

/**
 * The snapshots on both sides of a step, and the share of the way from the first to the second.
 * @template {{step: number}} F
 * @param {F[]} frames in order, at least one
 * @param {number} step
 * @returns {{a: F, b: F, share: number}}
 */
export function momentAt(frames, step) {
  let j = frames.findIndex((frame) => frame.step >= step);
  if (j < 0) j = frames.length - 1;
  const i = frames[j].step > step && j > 0 ? j - 1 : j;
  const [a, b] = [frames[i], frames[j]];
  const share = a === b ? 0 : (step - a.step) / (b.step - a.step);
  return { a, b, share };
}

/**
 * The step at a place of the time slider, which gives every snapshot the same room.
 * @param {Known[]} known in order, at least one
 * @param {number} place from 0 to known.length − 1
 */
export function stepAt(known, place) {
  const i = Math.max(0, Math.min(known.length - 1, Math.floor(place)));
  const j = Math.min(known.length - 1, i + 1);
  return known[i][0] + (place - i) * (known[j][0] - known[i][0]);
}

/** The place of a step on the time slider. @param {Known[]} known @param {number} step */
export function placeOf(known, step) {
  const j = known.findIndex(([s]) => s >= step);
  if (j < 0) return known.length - 1;
  if (j === 0) return 0;
  const [s0, s1] = [known[j - 1][0], known[j][0]];
  return j - 1 + (step - s0) / (s1 - s0);
}

/**
 * Half the width of the part of latent space that shows nearly all codes, and the prior.
 * @param {Float32Array} codes (n, d)
 * @param {number} d
 * @param {number[]} axes that are shown
 * @param {PriorHeader} prior
 */
export function spanOf(codes, d, axes, { low, mean, std }) {
  const positive = low === 0; // from 0 on, and not around the mean
  const distances = [];
  for (const axis of axes)
    for (let i = axis; i < codes.length; i += d)
      distances.push(positive ? codes[i] : Math.abs(codes[i] - mean));
  distances.sort((a, b) => a - b);
  const most = 1.08 * distances[Math.floor(0.995 * (distances.length - 1))];
  return positive ? Math.max(mean + 2 * std, most) / 1.9 : Math.max(3.3 * std, most);
}

/**
 * The median code of a class in each of the axes; null where it has no image.
 * @param {Float32Array} codes (n, d)
 * @param {number} d
 * @param {number[]} axes
 * @param {Uint8Array} labels (n,)
 * @param {number} label
 */
export function medianOf(codes, d, axes, labels, label) {
  /** @type {number[][]} */
  const found = axes.map(() => []);
  labels.forEach((l, n) => {
    if (l === label) axes.forEach((axis, k) => found[k].push(codes[n * d + axis]));
  });
  if (!found[0].length) return null;
  return found.map((values) => values.sort((a, b) => a - b)[values.length >> 1]);
}
