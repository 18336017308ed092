// Reads the blobs that explorer/blobs.py writes (docs/FORMATS.md). A blob that is not whole is refused
// with a sentence.

import { ImageShape } from "./image_shape.js";

/** @typedef {import("./blob_types.js").Blobs} Blobs */

const MAGIC = "VAES";
const VERSION = 1;
const PREAMBLE = 16;
const TYPES = { u1: Uint8Array, i2: Int16Array, u4: Uint32Array, f4: Float32Array };

/** A fault, as a sentence for the reader of the screen. */
export class PayloadError extends Error {}

/** Of the CRC, for one to four bytes at a time. @type {Uint32Array[]} */
const tables = [];

function fillTables() {
  for (let k = 0; k < 4; k++) tables.push(new Uint32Array(256));
  for (let n = 0; n < 256; n++) {
    let c = n;
    for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
    tables[0][n] = c;
  }
  for (let n = 0; n < 256; n++)
    for (let k = 1; k < 4; k++) {
      const c = tables[k - 1][n];
      tables[k][n] = tables[0][c & 255] ^ (c >>> 8);
    }
}

/** CRC-32 (ISO 3309), four bytes at a time. @param {Uint8Array} bytes */
export function crc32(bytes) {
  if (!tables.length) fillTables();
  const [t0, t1, t2, t3] = tables;
  let c = 0xffffffff;
  let i = 0;
  for (const end = bytes.length - 3; i < end; i += 4) {
    c ^= bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24);
    c = t3[c & 255] ^ t2[(c >>> 8) & 255] ^ t1[(c >>> 16) & 255] ^ t0[c >>> 24];
  }
  for (; i < bytes.length; i++) c = t0[(c ^ bytes[i]) & 255] ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}

/**
 * The header and the arrays of a blob.
 * @template {keyof Blobs} K
 * @param {ArrayBuffer} buffer
 * @param {K} kind that the blob must have
 * @returns {Blobs[K]}
 */
export function read(buffer, kind) {
  if (buffer.byteLength < PREAMBLE)
    throw new PayloadError(
      `What arrived is cut off after ${buffer.byteLength} bytes; reload the page.`,
    );
  const view = new DataView(buffer);
  const magic = String.fromCharCode(...new Uint8Array(buffer, 0, 4));
  if (magic !== MAGIC)
    throw new PayloadError("What arrived is no data of the explorer's; reload the page.");
  const version = view.getUint32(4, true);
  if (version !== VERSION)
    throw new PayloadError(
      `What arrived has version ${version} and this page reads ${VERSION}; reload the page.`,
    );
  const length = view.getUint32(8, true);
  if (crc32(new Uint8Array(buffer, PREAMBLE)) !== view.getUint32(12, true))
    throw new PayloadError("What arrived is damaged: its checksum does not fit. Reload the page.");
  try {
    return unpack(buffer, length, kind);
  } catch (error) {
    throw new PayloadError(`What arrived makes no sense (${messageOf(error)}); reload the page.`);
  }
}

/**
 * @template {keyof Blobs} K
 * @param {ArrayBuffer} buffer
 * @param {number} length of its header
 * @param {K} kind
 * @returns {Blobs[K]}
 */
function unpack(buffer, length, kind) {
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, PREAMBLE, length)));
  if (header.kind !== kind) throw new Error(`it is a ${header.kind}, not a ${kind}`);
  /** @type {[string, {type: keyof typeof TYPES, shape: number[], offset: number}][]} */
  const table = Object.entries(header.arrays);
  const arrays = Object.fromEntries(
    table.map(([name, { type, shape, offset }]) => {
      const count = shape.reduce((a, b) => a * b, 1);
      return [name, new TYPES[type](buffer, PREAMBLE + length + offset, count)];
    }),
  );
  return /** @type {Blobs[K]} */ (/** @type {unknown} */ ({ header, arrays }));
}

/** The sentence of whatever was thrown. @param {unknown} error */
export const messageOf = (error) => (error instanceof Error ? error.message : String(error));

/**
 * Fetch and read a blob.
 * @template {keyof Blobs} K
 * @param {string} url
 * @param {K} kind
 * @returns {Promise<Blobs[K]>}
 */
export async function fetchBlob(url, kind) {
  let answer;
  try {
    answer = await fetch(url, { credentials: "same-origin" });
  } catch {
    throw new PayloadError(`The server cannot be reached for the ${kind}; is it still running?`);
  }
  if (!answer.ok)
    throw new PayloadError(
      `The server has no such ${kind} any more (${answer.status}); reload the page.`,
    );
  let buffer;
  try {
    buffer = await answer.arrayBuffer();
  } catch {
    throw new PayloadError(`The ${kind} arrived damaged or cut off; reload the page.`);
  }
  return read(buffer, kind);
}

/** The images of a data set, unpacked one at a time. */
export class Pictures {
  /** @param {import("./blob_types.js").PicturesBlob} blob */
  constructor({ header, arrays }) {
    this.count = header.images;
    this.classes = header.classes;
    this.shape = new ImageShape(header.shape);
    /** How it is drawn on: the box that ink is fitted into, and the pen, in pixels of a picture. */
    this.sheet = { shape: this.shape, box: header.ink_box, pen: header.pen };
    this.labels = arrays.labels;
    this.lit = arrays.lit;
    this.levels = arrays.levels;
    /** The bytes of a picture in `lit`. */
    this.bytes = Math.ceil(this.shape.size / 8);
    /** Where each picture's levels begin. */
    this.starts = new Uint32Array(this.count + 1);
    if (this.lit.length !== this.count * this.bytes) throw new PayloadError(MISFIT);
    const ones = new Uint8Array(256);
    for (let i = 1; i < 256; i++) ones[i] = (i & 1) + ones[i >> 1];
    for (let n = 0, at = 0; n < this.count; n++) {
      let sum = 0;
      for (const end = at + this.bytes; at < end; at++) sum += ones[this.lit[at]];
      this.starts[n + 1] = this.starts[n] + sum;
    }
    if (this.starts[this.count] !== this.levels.length) throw new PayloadError(MISFIT);
  }

  /**
   * Image `n` as values in [0, 1].
   * @param {number} n
   * @param {Float32Array} out (c·h·w,)
   */
  get(n, out = new Float32Array(this.shape.size)) {
    const { size } = this.shape;
    let level = this.starts[n];
    const first = n * this.bytes;
    for (let i = 0; i < size; i++)
      out[i] = (this.lit[first + (i >> 3)] >> (i & 7)) & 1 ? this.levels[level++] / 255 : 0;
    return out;
  }
}

const MISFIT = "The pictures do not fit their own index; reload the page.";
