// Convolutions as windows. Along each axis an output is a sum over taps at whole distances from where
// its window begins; a transposed convolution of stride s, or one behind an enlargement by s, is s such
// convolutions of stride 1, each with a part of the kernel (or sums of parts of it).

/**
 * @typedef {{first: number, count: number, spread: number, step: number, taps: Map<number, number[]>}}
 *   Phase outputs first, first + spread, … (so many) along an axis; the window of the n-th begins at
 *   n · step of the input, and has at each distance a sum of places of the kernel
 * @typedef {{kernel: number, stride: number, padding: number, dilation: number, factor: number}} Axis
 *   `factor`: of an enlargement by repetition before a convolution of stride 1
 */

/**
 * @param {number} first @param {number} size of the output @param {number} spread @param {number} step
 * @returns {Phase}
 */
const phase = (first, size, spread, step) => ({
  first,
  count: Math.max(0, Math.ceil((size - first) / spread)),
  spread,
  step,
  taps: new Map(),
});

/** @param {Phase} phase @param {number} distance @param {number} place of the kernel */
function add({ taps }, distance, place) {
  const there = taps.get(distance);
  if (there) there.push(place);
  else taps.set(distance, [place]);
}

/**
 * A convolution along an axis, from `size` numbers to `out`.
 * @param {Axis} axis @param {number} size @param {number} out
 */
function convolution({ kernel, stride, padding, dilation, factor }, size, out) {
  const phases = Array.from({ length: factor }, (_, a) => phase(a, out, factor, stride));
  phases.forEach((made, a) => {
    for (let u = 0; u < kernel; u++)
      add(made, Math.floor((a - padding + u * dilation) / factor), u);
  });
  return phases;
}

/**
 * A transposed convolution along an axis, from `size` numbers to `out`.
 * @param {Axis} axis @param {number} size @param {number} out
 */
function transposed({ kernel, stride, padding, dilation }, size, out) {
  const phases = Array.from({ length: stride }, (_, a) => phase(a, out, stride, 1));
  phases.forEach((made, a) => {
    for (let u = 0; u < kernel; u++) {
      const distance = (a + padding - u * dilation) / stride;
      if (Number.isInteger(distance)) add(made, distance, u);
    }
  });
  return phases;
}

/**
 * A phase an output, where the input is a single number: all but one tap would meet zeros.
 * @param {Phase} of
 */
const taken = (of) =>
  Array.from({ length: of.count }, (_, n) => {
    const made = phase(of.first + n * of.spread, of.first + n * of.spread + 1, 1, 1);
    for (const u of of.taps.get(-n * of.step) ?? []) add(made, 0, u);
    return made;
  });

/**
 * The phases of a convolution along an axis, without taps that meet the margin alone.
 * @param {Axis} axis @param {number} size of the input @param {number} out @param {boolean} backwards
 */
export function phasesOf(axis, size, out, backwards) {
  const phases = (backwards ? transposed : convolution)(axis, size, out).filter((p) => p.count);
  if (size === 1) return phases.flatMap(taken);
  for (const { taps, count, step } of phases)
    for (const distance of [...taps.keys()]) {
      const last = distance + (count - 1) * step;
      const meets = Math.ceil(-distance / step) * step + distance;
      if (last < 0 || Math.max(distance, meets) >= size) taps.delete(distance);
    }
  return phases;
}

/**
 * How far windows reach beyond an axis, before its first number and behind its last.
 * @param {Phase[]} phases @param {number} size @returns {[number, number]}
 */
export function reach(phases, size) {
  let [before, behind] = [0, 0];
  for (const { taps, count, step } of phases)
    for (const distance of taps.keys()) {
      before = Math.max(before, -distance);
      behind = Math.max(behind, distance + (count - 1) * step - (size - 1));
    }
  return [before, behind];
}
