// What is decoded in a frame, what in a worker, and whose answer counts.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { Decoder } from "../../explorer/web/session/decoder.js";

/** @type {FakeWorker[]} */
let workers = [];

class FakeWorker {
  constructor() {
    /** @type {any[]} */
    this.sent = [];
    this.onmessage = (/** @type {{data: any}} */ _event) => {};
    workers.push(this);
  }

  /** @param {any} message */
  postMessage(message) {
    this.sent.push(message);
  }

  /** @param {any} data */
  answer(data) {
    this.onmessage({ data });
  }
}

afterEach(() => {
  workers = [];
});

/** A decoder of a model that takes so long, its worker, and what came that nobody waited for. @param {number} decodeMs @param {number} [termMs] */
function decoder(decodeMs, termMs = 0) {
  /** @type {any} */ (globalThis).Worker = FakeWorker;
  const vae = /** @type {import("../../explorer/web/model/vae.js").Vae} */ (
    /** @type {unknown} */ ({
      decodeMs,
      termMs,
      decode: (/** @type {Float32Array} */ z) => z.map((v) => 2 * v),
      reconstruction: (/** @type {Float32Array} */ output) => output[0] + 1,
    })
  );
  /** @type {any[]} */
  const others = [];
  const made = new Decoder((answer) => others.push(answer));
  made.use(vae, "worker.js", "blob");
  return { made, others, worker: workers[0], vae };
}

/** @param {number} value */
const order = (value) => ({ x: Float32Array.of(0), of: 1, z: Float32Array.of(value) });
/** @param {any} found */
const seen = ({ output, own, later, newest }) => [output?.[0], own, later, newest];

test("a decode that fits into a frame is there on return", () => {
  const { made, worker } = decoder(3.9);
  /** @type {any[]} */
  const found = [];
  made.decode("decode", order(4), (given) => found.push(seen(given)));
  assert.deepEqual(found, [[8, 9, false, true]]);
  assert.deepEqual(worker.sent, [{ model: "blob" }]);
  assert.equal(made.pace, "");
});

test("one that does not is the worker's; older answers are shown, and only the last is current", () => {
  const { made, worker } = decoder(7);
  /** @type {any[]} */
  const found = [];
  for (const z of [1, 2, 3]) made.decode("decode", order(z), (given) => found.push(seen(given)));
  assert.deepEqual(found, []);
  const [, first, , last] = worker.sent;
  worker.answer({ kind: "decode", id: first.id, output: [10], own: 5, ms: 8.04 });
  worker.answer({ kind: "decode", id: last.id, output: [30], own: 6, ms: 9 });
  assert.deepEqual(found, [
    [10, 5, true, false],
    [30, 6, true, true],
  ]);
  assert.equal(made.pace, "8.0 ms a picture");
});

test("answers of the model before go to nobody", () => {
  const { made, worker, vae } = decoder(7);
  /** @type {any[]} */
  const found = [];
  made.decode("decode", order(1), (given) => found.push(seen(given)));
  made.use(Object.create(vae), "worker.js", "other");
  made.decode("decode", order(2), (given) => found.push(seen(given)));
  worker.answer({ kind: "decode", id: worker.sent[1].id, output: [1], own: 1, ms: 1 });
  assert.deepEqual(found, []);
  worker.answer({ kind: "decode", id: worker.sent[3].id, output: [2], own: 2, ms: 1 });
  assert.deepEqual(found, [[2, 2, true, true]]);
});

test("a term that takes longer than a frame comes after its picture", () => {
  const { made, worker } = decoder(1, 9);
  /** @type {any[]} */
  const found = [];
  made.decode("decode", order(4), (given) => found.push(seen(given)));
  assert.deepEqual(found, [[8, undefined, false, true]]);
  worker.answer({ kind: "term", id: worker.sent[1].id, own: 7 });
  assert.deepEqual(found[1], [undefined, 7, true, true]);
});

test("a film's pictures count only where no newer film was asked for; other answers go on", () => {
  const { made, worker, others } = decoder(7);
  /** @type {any[]} */
  const found = [];
  made.film(Float32Array.of(1), (first) => found.push(first));
  made.film(Float32Array.of(2), (first) => found.push(first + 10));
  const [, old, newer] = worker.sent;
  worker.answer({ kind: "film", id: old.id, first: 0, levels: [] });
  worker.answer({ kind: "film", id: newer.id, first: 0, levels: [] });
  assert.deepEqual(found, [10]);
  worker.answer({ kind: "grid", id: 1 });
  assert.deepEqual(others, [{ kind: "grid", id: 1 }]);
});

test("without a worker everything is decoded in the frame", () => {
  const { made } = decoder(70);
  made.worker = null;
  assert.equal(made.slow, false);
  /** @type {any[]} */
  const found = [];
  made.decode("mean", order(1), (given) => found.push(seen(given)));
  assert.deepEqual(found, [[2, undefined, false, true]]);
});
