// Blobs of maps, for tests. It is no test itself: its name does not end in .test.js.

/**
 * @typedef {import("../../explorer/web/model/blob_types.js").MapHeader} MapHeader
 * @typedef {import("../../explorer/web/model/blob_types.js").MapArrays} MapArrays
 */

/**
 * The blob of a map of no classes and no codes, but for what is given.
 * @param {Partial<MapHeader>} [header]
 * @param {Partial<MapArrays>} [arrays]
 * @returns {import("../../explorer/web/model/blob_types.js").MapBlob}
 */
export const mapBlob = (header = {}, arrays = {}) => ({
  header: {
    kind: "map",
    view: { kind: "none" },
    axis_titles: null,
    groups: [],
    bounds: {
      all: [
        [0, 1],
        [0, 1],
      ],
      core: [
        [0, 1],
        [0, 1],
      ],
    },
    anchored: false,
    revision: "",
    themes: { light: {}, dark: {} },
    dims: [],
    ...header,
  },
  arrays: { x: new Float32Array(), y: new Float32Array(), index: new Uint32Array(), ...arrays },
});
