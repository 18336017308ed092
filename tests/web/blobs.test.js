// Blobs built by hand, as docs/FORMATS.md has them; and that one which is not whole is refused.

import assert from "node:assert/strict";
import { test } from "node:test";

import { PayloadError, crc32, read } from "../../explorer/web/model/blobs.js";

const encode = (/** @type {string} */ text) => new TextEncoder().encode(text);

/** A blob of a header as text and the bytes of its arrays. @param {string} text @param {Uint8Array} data */
function blob(text, data) {
  // The arrays begin at a multiple of eight, so that a view of any type may stand there.
  const header = encode(text.padEnd(Math.ceil(text.length / 8) * 8));
  const buffer = new ArrayBuffer(16 + header.length + data.length);
  const bytes = new Uint8Array(buffer);
  bytes.set(encode("VAES"));
  bytes.set(header, 16);
  bytes.set(data, 16 + header.length);
  const view = new DataView(buffer);
  view.setUint32(4, 1, true);
  view.setUint32(8, header.length, true);
  view.setUint32(12, crc32(bytes.subarray(16)), true);
  return buffer;
}

const DATA = new Uint8Array(20);
new Float32Array(DATA.buffer, 0, 3).set([0.5, -1, 2]);
new Int16Array(DATA.buffer, 12, 2).set([-300, 7]);
DATA.set([1, 2, 255], 16);
const HEADER = {
  kind: "map",
  said: "μ",
  arrays: {
    x: { type: "f4", shape: [3], offset: 0 },
    codes: { type: "i2", shape: [1, 2], offset: 12 },
    labels: { type: "u1", shape: [3], offset: 16 },
  },
};
// "μ" is two bytes: escaped, so that the header is as long in bytes as in characters.
const TEXT = JSON.stringify(HEADER).replace("μ", "\\u03bc");
const whole = () => blob(TEXT, DATA);

test("crc32 has its known values, at every length beside a multiple of four", () => {
  assert.equal(crc32(encode("123456789")), 0xcbf43926);
  assert.equal(crc32(encode("")), 0);
  assert.equal(crc32(encode("a")), 0xe8b7be43);
  assert.equal(crc32(encode("abc")), 0x352441c2);
  assert.equal(crc32(new Uint8Array(32)), 0x190a55ad);
  assert.equal(crc32(new Uint8Array(32).fill(255)), 0xff6cab0b);
});

test("a blob is read as it was written", () => {
  const { header, arrays } = read(whole(), "map");
  assert.equal(/** @type {{said?: string}} */ (header).said, "μ");
  assert.deepEqual(arrays.x, Float32Array.of(0.5, -1, 2));
  assert.deepEqual(arrays.codes, Int16Array.of(-300, 7));
  const { labels } = /** @type {{labels?: Uint8Array}} */ (arrays);
  assert.deepEqual(labels, Uint8Array.of(1, 2, 255));
});

test("any single damaged byte after the preamble is noticed", () => {
  for (let at = 16; at < whole().byteLength; at++) {
    const buffer = whole();
    new Uint8Array(buffer)[at] ^= 0x10;
    assert.throws(() => read(buffer, "map"), /checksum does not fit/, `byte ${at}`);
  }
});

test("what is cut off, no blob, or of another version is refused in a sentence", () => {
  const refused = (/** @type {ArrayBuffer} */ buffer, /** @type {RegExp} */ said) =>
    assert.throws(
      () => read(buffer, "map"),
      (error) => error instanceof PayloadError && said.test(error.message),
    );
  refused(whole().slice(0, 10), /cut off after 10 bytes/);
  refused(whole().slice(0, -1), /checksum does not fit/);
  const page = whole();
  new Uint8Array(page).set(encode("<htm"));
  refused(page, /no data of the explorer's/);
  const later = whole();
  new DataView(later).setUint32(4, 2, true);
  refused(later, /has version 2 and this page reads 1/);
});

test("a whole blob that makes no sense is refused in a sentence", () => {
  assert.throws(() => read(whole(), "model"), /it is a map, not a model/);
  assert.throws(() => read(blob("{ this is no JSON", DATA), "map"), PayloadError);
  const beyond = { kind: "map", arrays: { x: { type: "f4", shape: [99], offset: 0 } } };
  assert.throws(() => read(blob(JSON.stringify(beyond), DATA), "map"), PayloadError);
  const unknown = { kind: "map", arrays: { x: { type: "f8", shape: [1], offset: 0 } } };
  assert.throws(() => read(blob(JSON.stringify(unknown), DATA), "map"), PayloadError);
});
