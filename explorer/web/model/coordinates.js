// What a slider moves: a number of a code or, of a latent grid, its place along a direction.

/**
 * @typedef {{read: (z: ArrayLike<number>) => number, write: (z: Float32Array, value: number) => void,
 *   spread: (std: ArrayLike<number>) => number}} Coordinate its value in a code, that put into one in
 *   place, and its standard deviation under q(z|x)
 */

/** A number of a code. @param {number} index @returns {Coordinate} */
export const axis = (index) => ({
  read: (z) => z[index],
  write: (z, value) => (z[index] = value),
  spread: (std) => std[index],
});

/**
 * The place of a code along a direction of unit length, from a centre; what lies across stays.
 * @param {number} index @param {Float32Array} vector (d,) @param {Float32Array} centre (d,)
 * @returns {Coordinate}
 */
function along(index, vector, centre) {
  const read = (/** @type {ArrayLike<number>} */ z) => {
    let sum = 0;
    for (let i = 0; i < vector.length; i++) sum += vector[i] * (z[i] - centre[i]);
    return sum;
  };
  return {
    read,
    write(z, value) {
      const step = value - read(z);
      for (let i = 0; i < vector.length; i++) z[i] += step * vector[i];
    },
    spread: (std) => Math.sqrt(vector.reduce((sum, v, i) => sum + (v * std[i]) ** 2, 0)),
  };
}

/** A coordinate a slider, in the order of the map's dimensions. @param {import("./blob_types.js").MapBlob} blob @returns {Coordinate[]} */
export function coordinatesOf({ header, arrays: { directions, centre } }) {
  return header.dims.map(({ index }) => {
    if (!directions || !centre) return axis(index);
    const d = centre.length;
    return along(index, directions.subarray(index * d, (index + 1) * d), centre);
  });
}
