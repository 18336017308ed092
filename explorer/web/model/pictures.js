// The images of a data set, which come in pieces: what is needed now first, the others beside it.

import { PayloadError } from "./blobs.js";
import { ImageShape } from "./image_shape.js";

/** @typedef {import("./blob_types.js").PieceBlob} PieceBlob */
/** @typedef {{bytes: number, get: (n: number, out: Float32Array) => void}} Piece reads its n-th image */

const MOST_BYTES = 96 * 2 ** 20; // kept, unpacked
const MOST_WIRE = 12 * 2 ** 20; // fetched before anybody asked
const MISFIT = "The pictures do not fit their own index; reload the page.";

/**
 * Bits that say which values are not 0, and these values.
 * @param {import("./blob_types.js").PieceArrays} arrays @param {number} count @param {ImageShape} shape
 * @returns {Piece}
 */
function sparse({ lit, levels }, count, { size }) {
  const stride = Math.ceil(size / 8);
  if (!lit || !levels || lit.length !== count * stride) throw new PayloadError(MISFIT);
  const ones = new Uint8Array(256);
  for (let i = 1; i < 256; i++) ones[i] = (i & 1) + ones[i >> 1];
  const starts = new Uint32Array(count + 1);
  for (let n = 0, at = 0; n < count; n++) {
    let sum = 0;
    for (const end = at + stride; at < end; at++) sum += ones[lit[at]];
    starts[n + 1] = starts[n] + sum;
  }
  if (starts[count] !== levels.length) throw new PayloadError(MISFIT);
  return {
    bytes: lit.length + levels.length,
    get(n, out) {
      let level = starts[n];
      const first = n * stride;
      for (let i = 0; i < size; i++)
        out[i] = (lit[first + (i >> 3)] >> (i & 7)) & 1 ? levels[level++] / 255 : 0;
    },
  };
}

/**
 * Rows of images in one picture.
 * @param {{width: number, height: number, data: Uint8ClampedArray}} sheet RGBA
 * @param {number} columns @param {number} count @param {ImageShape} shape
 * @returns {Piece}
 */
export function atlas(sheet, columns, count, { channels, height, width }) {
  if (sheet.width !== columns * width || sheet.height !== Math.ceil(count / columns) * height)
    throw new PayloadError(MISFIT);
  const { data } = sheet;
  return {
    bytes: data.length,
    get(n, out) {
      const corner = Math.floor(n / columns) * height * sheet.width + (n % columns) * width;
      for (let c = 0, i = 0; c < channels; c++)
        for (let y = 0; y < height; y++)
          for (let x = 0, p = 4 * (corner + y * sheet.width) + c; x < width; x++, p += 4)
            out[i++] = data[p] / 255;
    },
  };
}

/** The pixels of a WebP picture, as they were packed. @param {Uint8Array} bytes */
async function pixels(bytes) {
  const picture = await createImageBitmap(new Blob([bytes.slice()], { type: "image/webp" }), {
    colorSpaceConversion: "none",
    premultiplyAlpha: "none",
  });
  const { width, height } = picture;
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  if (!context) throw new PayloadError("This browser gives no canvas to read pictures with.");
  context.drawImage(picture, 0, 0);
  picture.close();
  return context.getImageData(0, 0, width, height);
}

/** @param {PieceBlob} blob @param {ImageShape} shape @returns {Promise<Piece>} */
async function unpack({ header, arrays }, shape) {
  if (header.packing === "sparse") return sparse(arrays, header.count, shape);
  if (header.packing !== "webp" || !arrays.atlas || !header.columns) throw new PayloadError(MISFIT);
  return atlas(await pixels(arrays.atlas), header.columns, header.count, shape);
}

export class Pictures {
  /**
   * @param {import("./blob_types.js").PicturesBlob} blob
   * @param {(path: string) => Promise<{blob: PieceBlob, wire: number}>} fetchPiece a piece, and the bytes it
   *   took on its way
   */
  constructor({ header, arrays }, fetchPiece) {
    this.count = header.images;
    this.classes = header.classes;
    this.shape = new ImageShape(header.shape);
    /** How it is drawn on: the box that ink is fitted into, and the pen, in pixels of a picture. */
    this.sheet = { shape: this.shape, box: header.ink_box, pen: header.pen };
    this.labels = arrays.labels;
    this.perPiece = header.per_piece;
    this.path = header.pieces;
    this.fetchPiece = fetchPiece;
    /** Those that are here, the least recently used first. @type {Map<number, Piece>} */
    this.pieces = new Map();
    /** Single images that came before their piece, with levels 0…255. @type {Map<number, Uint8Array>} */
    this.few = new Map();
    /** Those on their way. @type {Map<number, Promise<void>>} */
    this.coming = new Map();
    this.bytes = 0;
    this.wire = 0; // bytes that came
    /** Which images those that were given out are. @type {WeakMap<Float32Array, number>} */
    this.numbers = new WeakMap();
    if (this.labels.length !== this.count) throw new PayloadError(MISFIT);
  }

  /** Whether image `n` is here. @param {number} n */
  has(n) {
    return this.few.has(n) || this.pieces.has(Math.floor(n / this.perPiece));
  }

  /** Take the images that a page shows first. @param {import("./blob_types.js").FirstBlob} blob */
  put({ header: { images }, arrays: { levels } }) {
    const { size } = this.shape;
    if (levels.length !== images.length * size) throw new PayloadError(MISFIT);
    images.forEach((n, k) => this.few.set(n, levels.subarray(k * size, (k + 1) * size)));
  }

  /** Resolves when image `n` is here. @param {number} n @returns {Promise<void>} */
  ready(n) {
    const number = Math.floor(n / this.perPiece);
    if (this.has(n)) return Promise.resolve();
    const coming = this.coming.get(number) ?? this._fetch(number);
    this.coming.set(number, coming);
    return coming;
  }

  /** @param {number} number */
  async _fetch(number) {
    try {
      const { blob, wire } = await this.fetchPiece(`${this.path}${number}`);
      if (blob.header.first !== number * this.perPiece) throw new PayloadError(MISFIT);
      const piece = await unpack(blob, this.shape);
      this.pieces.set(number, piece);
      this.bytes += piece.bytes;
      this.wire += wire;
      for (const [oldest, { bytes }] of this.pieces) {
        if (this.bytes <= MOST_BYTES || oldest === number) break;
        this.pieces.delete(oldest);
        this.bytes -= bytes;
      }
    } finally {
      this.coming.delete(number);
    }
  }

  /**
   * Fetch the others, one piece after the other, as long as little has come.
   * @param {() => number} next the image wanted most among those that are not here; -1 for none
   */
  async fetchOthers(next) {
    while (this.wire < MOST_WIRE && this.bytes < MOST_BYTES / 2) {
      const n = next();
      if (n < 0) return;
      await this.ready(n);
    }
  }

  /**
   * Image `n`, which must be here, as values in [0, 1].
   * @param {number} n
   * @param {Float32Array} out (c·h·w,)
   */
  get(n, out = new Float32Array(this.shape.size)) {
    const number = Math.floor(n / this.perPiece);
    const piece = this.pieces.get(number);
    const alone = this.few.get(n);
    this.numbers.set(out, n);
    if (alone) {
      for (let i = 0; i < alone.length; i++) out[i] = alone[i] / 255;
      return out;
    }
    if (!piece) throw new PayloadError(`The picture of image ${n} is not here yet.`);
    this.pieces.delete(number);
    this.pieces.set(number, piece); // the newest comes last
    piece.get(n - number * this.perPiece, out);
    return out;
  }

  /** The number of an image that `get` gave; undefined for any other x. @param {Float32Array} x */
  numberOf(x) {
    return this.numbers.get(x);
  }
}
