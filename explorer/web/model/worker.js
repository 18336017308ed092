// Work that takes more than a frame: the decoded grid, the mean of the reconstruction term over q(z|x),
// and, for some models beside each other, that term itself. The newest order of each kind wins; an
// older one is dropped between two pieces.

import { fetchBlob } from "./blobs.js";
import { Running, normals, seeded } from "./random.js";
import { Vae } from "./vae.js";

/**
 * @typedef {import("./families.js").FamilyPosterior} FamilyPosterior
 * @typedef {{kind: "grid", id: number, z: Float32Array}} GridOrder codes (n, d), to be decoded in order
 * @typedef {{kind: "expect", id: number, x: Float32Array, posterior: FamilyPosterior, draws: number}}
 *   ExpectOrder the mean of the reconstruction term of x over q(z|x), by so many draws
 * @typedef {{kind: "term", of: number, x: Float32Array, z: Float32Array}} TermOrder the reconstruction
 *   term of x, which `of` numbers, at z
 * @typedef {GridOrder | ExpectOrder | TermOrder} Order
 * @typedef {{model: string}} Address of the model's blob
 *
 * @typedef {{kind: "grid", id: number, first: number, levels: Uint8Array[], last: boolean}} GridAnswer
 *   pictures (c·h·w,) with levels 0…255 from the code `first` on
 * @typedef {{kind: "expect", id: number, n: number, mean: number, error: number, last: boolean}}
 *   ExpectAnswer after n draws, with the standard error
 * @typedef {{kind: "term", value: number}} TermAnswer
 * @typedef {GridAnswer | ExpectAnswer | TermAnswer} Answer
 */

const PIECE_MS = 12;

let url = "";
/** @type {Promise<Vae> | null} */
let vae = null;
/** A piece of each order's work until a time in ms; whether that was the last one. @type {Map<string, (model: Vae, until: number) => boolean>} */
const orders = new Map();
let busy = false;
const { port1, port2 } = new MessageChannel();
port1.onmessage = work;

/** @param {Answer} answer */
const send = (answer) => postMessage(answer);

onmessage = (/** @type {MessageEvent<Order | Address>} */ { data }) => {
  if ("model" in data) {
    if (data.model === url) return;
    url = data.model;
    orders.clear();
    vae = fetchBlob(url, "model").then((blob) => new Vae(blob));
    vae.catch(() => {}); // the page has met the same fault and says so
    return;
  }
  orders.set(data.kind, begin(data));
  if (!busy) {
    busy = true;
    port2.postMessage(0);
  }
};

/** @param {Order} order */
function begin(order) {
  switch (order.kind) {
    case "grid":
      return grid(order);
    case "expect":
      return expect(order);
    case "term":
      return term(order);
  }
}

/**
 * Decode codes one after the other.
 * @param {GridOrder} order
 * @returns {(model: Vae, until: number) => boolean}
 */
function grid({ id, z }) {
  let next = 0;
  return (model, until) => {
    const { d, shape } = model;
    const count = z.length / d;
    const first = next;
    const values = new Float32Array(shape.size);
    /** @type {Uint8Array[]} */
    const levels = [];
    for (; next < count && performance.now() < until; next++) {
      model.mean(model.decode(z.subarray(next * d, (next + 1) * d)), values);
      const picture = new Uint8Array(shape.size);
      for (let i = 0; i < picture.length; i++) picture[i] = 255 * values[i] + 0.5;
      levels.push(picture);
    }
    send({ kind: "grid", id, first, levels, last: next >= count });
    return next >= count;
  };
}

/**
 * −E_q log p(x|z) by draws of z; the same image gets the same draws.
 * @param {ExpectOrder} order
 * @returns {(model: Vae, until: number) => boolean}
 */
function expect({ id, x, posterior, draws }) {
  const sum = new Running();
  const normal = normals(seeded(1));
  return (model, until) => {
    while (sum.n < draws && performance.now() < until)
      sum.add(model.reconstruction(model.decode(model.sample(posterior, normal)), x));
    const { n, mean, error } = sum;
    send({ kind: "expect", id, n, mean, error, last: n >= draws });
    return n >= draws;
  };
}

/** The last x of a term, kept since the features of one and the same array are known. */
let input = { id: -1, x: /** @type {Float32Array} */ (new Float32Array()) };

/**
 * @param {TermOrder} order
 * @returns {(model: Vae) => boolean}
 */
function term({ x, of, z }) {
  return (model) => {
    if (input.id !== of) input = { id: of, x };
    send({ kind: "term", value: model.reconstruction(model.decode(z), input.x) });
    return true;
  };
}

async function work() {
  const asked = url;
  let model;
  try {
    model = await vae;
  } catch {
    if (asked === url) {
      orders.clear();
      url = ""; // the page's next message tries again
    }
  }
  if (model && asked === url)
    for (const [kind, piece] of [...orders]) {
      const finished = piece(model, performance.now() + PIECE_MS);
      if (finished && orders.get(kind) === piece) orders.delete(kind);
    }
  busy = orders.size > 0;
  if (busy) port2.postMessage(0);
}
