// Reads the blobs that explorer/blobs.py writes (docs/FORMATS.md). A blob that is not whole is refused
// with a sentence.

/** @typedef {import("./blob_types.js").Blobs} Blobs */

const MAGIC = "VAES";
const VERSION = 1;
const PREAMBLE = 16;
const AGAIN = 400; // milliseconds until a blob that is being made is asked for again
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

/** @typedef {(url: string, signal?: AbortSignal) => Promise<Response>} Source of bytes */
/** @type {Source} */
let ask = (url, signal) => fetch(url, { credentials: "same-origin", signal });

/** Take blobs from elsewhere than the server. @param {Source} source */
export function takeFrom(source) {
  ask = source;
}

/** The sentence of whatever was thrown. @param {unknown} error */
export const messageOf = (error) => (error instanceof Error ? error.message : String(error));

/**
 * Fetch and read a blob.
 * @template {keyof Blobs} K
 * @param {string} url
 * @param {K} kind
 * @param {(share: number) => void} [progress] told how much of it has come, or is made
 * @param {AbortSignal} [signal] nobody wants it any more
 * @returns {Promise<Blobs[K]>}
 */
export const fetchBlob = async (url, kind, progress, signal) =>
  (await fetchWeighed(url, kind, progress, signal)).blob;

/**
 * The answer for a blob, as soon as it has been made.
 * @param {string} url @param {(share: number) => void} [progress] told how much of it is made @param {AbortSignal} [signal]
 */
async function made(url, progress, signal) {
  for (;;) {
    const answer = await ask(url, signal);
    const share = answer.headers.get("x-share");
    if (answer.status !== 503 || share === null) return answer;
    progress?.(Number(share));
    await new Promise((done) => setTimeout(done, AGAIN));
  }
}

/** The bytes of an answer. @param {Response} answer @param {(share: number) => void} [progress] @returns {Promise<ArrayBuffer>} */
async function bytesOf(answer, progress) {
  const length = Number(answer.headers.get("x-unpacked-length"));
  if (!progress || !answer.body || !length) return answer.arrayBuffer();
  const found = new Uint8Array(length);
  const reader = answer.body.getReader();
  let at = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return found.buffer.slice(0, at);
    found.set(value, at); // RangeError where there is more than was said
    at += value.length;
    progress(at / length);
  }
}

/**
 * The bytes of a file that the server makes when it is asked for, whatever is in them.
 * @param {string} url @param {(share: number) => void} progress told how much of it is made, or has come @param {AbortSignal} [signal]
 */
export async function fetchFile(url, progress, signal) {
  const answer = await made(url, progress, signal);
  if (answer.status === 422) throw new PayloadError(await answer.text()); // a sentence
  if (!answer.ok)
    throw new PayloadError(`The server did not make it (${answer.status}); its log says why.`);
  return bytesOf(answer, progress);
}

/**
 * Fetch and read a blob, and say how many bytes it took on its way.
 * @template {keyof Blobs} K
 * @param {string} url
 * @param {K} kind
 * @param {(share: number) => void} [progress]
 * @param {AbortSignal} [signal]
 * @returns {Promise<{blob: Blobs[K], wire: number}>}
 */
export async function fetchWeighed(url, kind, progress, signal) {
  const word = kind === "piece" ? "part of the pictures" : kind;
  let answer;
  try {
    answer = await made(url, progress, signal);
  } catch {
    throw new PayloadError(`The server cannot be reached for the ${word}; is it still running?`);
  }
  if (!answer.ok)
    throw new PayloadError(
      `The server has no such ${word} any more (${answer.status}); reload the page.`,
    );
  let buffer;
  try {
    buffer = await bytesOf(answer, progress);
  } catch {
    throw new PayloadError(`The ${word} arrived damaged or cut off; reload the page.`);
  }
  const wire = Number(answer.headers.get("content-length")) || buffer.byteLength;
  return { blob: read(buffer, kind), wire };
}
