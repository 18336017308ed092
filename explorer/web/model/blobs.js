// Reads the blobs that payload.py writes (docs/FORMATS.md). A blob that is not whole is refused with
// a sentence.

const MAGIC = "VAES";
const VERSION = 1;
const PREAMBLE = 16;
const TYPES = { u1: Uint8Array, i2: Int16Array, u4: Uint32Array, f4: Float32Array };

/** What went wrong, as a sentence for the reader of the screen. */
export class PayloadError extends Error {}

let table = null;

/** CRC-32 (ISO 3309), four bytes at a time. @param {Uint8Array} bytes */
export function crc32(bytes) {
  if (!table) {
    table = Array.from({ length: 4 }, () => new Uint32Array(256));
    for (let n = 0; n < 256; n++) {
      let c = n;
      for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
      table[0][n] = c;
    }
    for (let n = 0; n < 256; n++)
      for (let k = 1; k < 4; k++) {
        const c = table[k - 1][n];
        table[k][n] = table[0][c & 255] ^ (c >>> 8);
      }
  }
  const [t0, t1, t2, t3] = table;
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
 * @param {ArrayBuffer} buffer
 * @param {string} kind what the blob must be: model, pictures or map
 * @returns {{header: any, arrays: Record<string, any>}}
 */
export function read(buffer, kind) {
  if (buffer.byteLength < PREAMBLE)
    throw new PayloadError(`What arrived is cut off after ${buffer.byteLength} bytes; reload the page.`);
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
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, PREAMBLE, length)));
    if (header.kind !== kind) throw new Error(`it is a ${header.kind}, not a ${kind}`);
    const arrays = {};
    for (const [name, { type, shape, offset }] of Object.entries(header.arrays)) {
      const count = shape.reduce((a, b) => a * b, 1);
      arrays[name] = new TYPES[type](buffer, PREAMBLE + length + offset, count);
    }
    return { header, arrays };
  } catch (error) {
    throw new PayloadError(`What arrived makes no sense (${error.message}); reload the page.`);
  }
}

/** Fetch and read a blob. @param {string} url @param {string} kind */
export async function fetchBlob(url, kind) {
  let answer;
  try {
    answer = await fetch(url, { credentials: "same-origin" });
  } catch {
    throw new PayloadError(`The server cannot be reached for the ${kind}; is it still running?`);
  }
  if (!answer.ok)
    throw new PayloadError(`The server has no such ${kind} any more (${answer.status}); reload the page.`);
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
  constructor({ header, arrays }) {
    this.count = header.images;
    this.classes = header.classes;
    this.labels = arrays.labels;
    this.bytes = arrays.lit.length / Math.max(1, this.count);
    this.lit = arrays.lit;
    this.levels = arrays.levels;
    const ones = new Uint8Array(256);
    for (let i = 1; i < 256; i++) ones[i] = (i & 1) + ones[i >> 1];
    this.starts = new Uint32Array(this.count + 1);
    for (let n = 0, at = 0; n < this.count; n++) {
      let sum = 0;
      for (const end = at + this.bytes; at < end; at++) sum += ones[this.lit[at]];
      this.starts[n + 1] = this.starts[n] + sum;
    }
    if (this.starts[this.count] !== this.levels.length)
      throw new PayloadError("The pictures do not fit their own index; reload the page.");
  }

  /** Image `n` as values in [0, 1]. @param {number} n @param {Float32Array} out (784,) */
  get(n, out = new Float32Array(784)) {
    let level = this.starts[n];
    const first = n * this.bytes;
    for (let i = 0; i < 784; i++)
      out[i] = (this.lit[first + (i >> 3)] >> (i & 7)) & 1 ? this.levels[level++] / 255 : 0;
    return out;
  }
}
