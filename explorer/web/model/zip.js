// Files as one ZIP archive, stored as they are: pictures are packed already. Source of the layout: PKWARE's
// APPNOTE.TXT 6.3, sections 4.3.7 (local headers), 4.3.12 (the directory) and 4.3.16 (its end).

import { crc32 } from "./blobs.js";

/** @typedef {{name: string, content: Uint8Array<ArrayBuffer>}} File */

const UTF8 = 0x0800; // of names
const DAY = 0x5a21; // 2025-01-01: the same files are the same archive
const LIMIT = 2 ** 32 - 2 ** 20;

/** Numbers of 2 or 4 bytes, the lowest first. @param {[value: number, bytes: 2 | 4][]} numbers */
function packed(numbers) {
  const bytes = new Uint8Array(numbers.reduce((sum, [, size]) => sum + size, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [value, size] of numbers) {
    if (size === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += size;
  }
  return bytes;
}

/** An archive of files. @param {File[]} files at most 65,535 @returns {Blob} */
export function zip(files) {
  if (files.length > 65_535) throw new Error(`${files.length} files are too many for an archive`);
  /** @type {Uint8Array<ArrayBuffer>[]} */
  const parts = [];
  /** @type {Uint8Array<ArrayBuffer>[]} */
  const directory = [];
  let offset = 0;
  for (const { name, content } of files) {
    const title = new TextEncoder().encode(name);
    /** @type {[number, 2 | 4][]} */
    const facts = [
      [20, 2], // the version that is needed
      [UTF8, 2],
      [0, 2], // stored
      [0, 2],
      [DAY, 2],
      [crc32(content), 4],
      [content.length, 4],
      [content.length, 4],
      [title.length, 2],
      [0, 2],
    ];
    parts.push(packed([[0x04034b50, 4], ...facts]), title, content);
    directory.push(
      packed([[0x02014b50, 4], [20, 2], ...facts, [0, 2], [0, 2], [0, 2], [0, 4], [offset, 4]]),
      title,
    );
    offset += 30 + title.length + content.length;
    if (offset > LIMIT) throw new Error("the pictures are too large for an archive");
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  const end = packed([
    [0x06054b50, 4],
    [0, 2],
    [0, 2],
    [files.length, 2],
    [files.length, 2],
    [size, 4],
    [offset, 4],
    [0, 2],
  ]);
  return new Blob([...parts, ...directory, end], { type: "application/zip" });
}
