// An archive, read back by its directory.

import assert from "node:assert/strict";
import { test } from "node:test";

import { crc32 } from "../../explorer/web/model/blobs.js";
import { zip } from "../../explorer/web/model/zip.js";

test("an archive's directory leads to each file, whole and under its name", async () => {
  const files = [
    { name: "3/0007.png", content: Uint8Array.from([1, 2, 3, 250]) },
    { name: "größe 2/1.png", content: new Uint8Array(1000).fill(7) },
    { name: "empty", content: new Uint8Array(0) },
  ];
  const bytes = new Uint8Array(await zip(files).arrayBuffer());
  const view = new DataView(bytes.buffer);
  const end = bytes.length - 22;
  assert.equal(view.getUint32(end, true), 0x06054b50);
  assert.equal(view.getUint16(end + 10, true), files.length);
  let at = view.getUint32(end + 16, true);
  assert.equal(at + view.getUint32(end + 12, true), end);
  for (const { name, content } of files) {
    assert.equal(view.getUint32(at, true), 0x02014b50);
    const [sum, size, title] = [16, 24, 28].map((n) => view.getUint32(at + n, true) >>> 0);
    const length = title & 0xffff;
    assert.equal(new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + length)), name);
    const local = view.getUint32(at + 42, true);
    assert.equal(view.getUint32(local, true), 0x04034b50);
    const from = local + 30 + view.getUint16(local + 26, true);
    assert.deepEqual(bytes.slice(from, from + size), content);
    assert.equal(sum, crc32(content));
    at += 46 + length;
  }
});
