// Paths between two codes: straight, and along a great circle.

/**
 * The point at share t of the straight line between codes.
 * @param {Float32Array} a (d,), at t = 0
 * @param {Float32Array} b (d,), at t = 1
 * @param {number} t in [0, 1]
 * @returns {Float32Array} (d,)
 */
export function straight(a, b, t) {
  return a.map((v, i) => v + t * (b[i] - v));
}

/**
 * The point at share t of the great circle from a to b around a centre (Shoemake 1985). Its distance
 * from the centre goes evenly from one to the other. Codes in line with the centre have no such
 * circle; they are joined straight.
 * @param {Float32Array} a (d,), at t = 0
 * @param {Float32Array} b (d,), at t = 1
 * @param {number} t in [0, 1]
 * @param {number} [centre] in each dimension
 * @returns {Float32Array} (d,)
 */
export function spherical(a, b, t, centre = 0) {
  const norm = (/** @type {Float32Array} */ v) => Math.hypot(...v.map((c) => c - centre));
  const [na, nb] = [norm(a), norm(b)];
  let dot = 0;
  a.forEach((v, i) => (dot += (v - centre) * (b[i] - centre)));
  const angle = Math.acos(Math.min(1, Math.max(-1, dot / (na * nb))));
  const sine = Math.sin(angle);
  if (!(sine > 1e-6)) return straight(a, b, t);
  const [fa, fb] = [Math.sin((1 - t) * angle) / sine, Math.sin(t * angle) / sine];
  const radius = na + t * (nb - na);
  return a.map(
    (v, i) => centre + radius * (fa * ((v - centre) / na) + fb * ((b[i] - centre) / nb)),
  );
}
