// Work that takes more than a frame: decoded grids and films, the mean of the reconstruction term over
// q(z|x), for some models that term or a decode itself, and exact quantities. The newest order of each kind
// wins; an older one is dropped between two pieces.

import { fetchBlob, messageOf } from "./blobs.js";
import { PIECE_MS, Pace } from "./pace.js";
import { Running, normals, seeded } from "./random.js";
import { Vae } from "./vae.js";

/**
 * @typedef {import("./exact_orders.js").ExactOrder} ExactOrder
 * @typedef {import("./families.js").FamilyPosterior} FamilyPosterior
 * @typedef {{kind: "grid" | "film" | "wall", id: number, z: Float32Array}} PicturesOrder codes (n, d), to be decoded
 *   in order
 * @typedef {{kind: "expect", id: number, x: Float32Array, posterior: FamilyPosterior, draws: number}}
 *   ExpectOrder the mean of the reconstruction term of x over q(z|x), by so many draws
 * @typedef {{kind: "term", id: number, x: Float32Array, of: number, z: Float32Array}} TermOrder the
 *   reconstruction term of x, which `of` numbers, at z
 * @typedef {{kind: "decode" | "hover" | "mean", id: number, x: Float32Array, of: number,
 *   z: Float32Array}} DecodeOrder the output of the decoder at z, and that term
 * @typedef {PicturesOrder | ExpectOrder | TermOrder | DecodeOrder | ExactOrder} Order
 * @typedef {{model: string}} Address of the model's blob
 *
 * @typedef {{kind: "grid" | "film" | "wall", id: number, first: number, levels: Uint8Array[], last: boolean}}
 *   PicturesAnswer pictures (c·h·w,) with levels 0…255 from the code `first` on
 * @typedef {{kind: "expect", id: number, n: number, mean: number, error: number, last: boolean}}
 *   ExpectAnswer after n draws, with the standard error
 * @typedef {{kind: "term", id: number, own: number}} TermAnswer
 * @typedef {{kind: "decode" | "hover" | "mean", id: number, output: Float32Array, own: number,
 *   ms: number}} DecodeAnswer also how long the decode took
 * @typedef {PicturesAnswer | ExpectAnswer | TermAnswer | DecodeAnswer} Answer what a decoder waits for
 *
 * @typedef {(model: Vae, until: number) => boolean} Piece some of an order's work, until a time in ms;
 *   whether that was the last of it
 */

const URGENT = new Set(["decode", "mean", "hover", "term", "split"]);

/**
 * Orders that another module works on.
 * @typedef {{knows: (kind: string) => boolean, begin: (order: any, send: (answer: any) => void) => Piece}} Orders
 */
/** @type {Orders | null} */
let added = null;

/** Work on another module's orders too. @param {Orders} orders */
export function add(orders) {
  added = orders;
}

let url = "";
/** @type {Promise<Vae> | null} */
let vae = null;
/** @type {Map<string, Piece>} */
const orders = new Map();
let pace = new Pace();
let busy = false;
const { port1, port2 } = new MessageChannel();
port1.onmessage = work;

/** @param {Answer | import("./exact_orders.js").ExactAnswer} answer */
const send = (answer) => postMessage(answer);

onmessage = (/** @type {MessageEvent<Order | Address>} */ { data }) => {
  if ("model" in data) {
    if (data.model === url) return;
    url = data.model;
    orders.clear();
    pace = new Pace();
    vae = fetchBlob(url, "model").then(Vae.of);
    vae.catch(() => {}); // the page has met the same fault and says so
    return;
  }
  orders.set(data.kind, begin(data));
  if (!busy) {
    busy = true;
    port2.postMessage(0);
  }
};

/** @param {Order} order @returns {Piece} */
function begin(order) {
  if (added?.knows(order.kind)) return added.begin(order, send);
  return ownPiece(/** @type {Exclude<Order, ExactOrder>} */ (order));
}

/** @param {Exclude<Order, ExactOrder>} order @returns {Piece} */
function ownPiece(order) {
  switch (order.kind) {
    case "grid":
    case "film":
    case "wall":
      return pictures(order);
    case "expect":
      return expect(order);
    case "term":
      return term(order);
    default:
      return decode(order);
  }
}

/**
 * Decode codes, some at a time.
 * @param {PicturesOrder} order
 * @returns {Piece}
 */
function pictures({ kind, id, z }) {
  let next = 0;
  return (model, until) => {
    const { d, shape } = model;
    const count = z.length / d;
    const first = next;
    const values = new Float32Array(shape.size);
    /** @type {Uint8Array[]} */
    const levels = [];
    next += pace.piece(model, count - first, until, (done, n) => {
      const at = first + done;
      for (const output of model.decodeMany(z.subarray(at * d, (at + n) * d), n)) {
        model.mean(output, values);
        const picture = new Uint8Array(shape.size);
        for (let i = 0; i < picture.length; i++) picture[i] = 255 * values[i] + 0.5;
        levels.push(picture);
      }
    });
    send({ kind, id, first, levels, last: next >= count });
    return next >= count;
  };
}

/**
 * −E_q log p(x|z) by draws of z; the same image gets the same draws.
 * @param {ExpectOrder} order
 * @returns {Piece}
 */
function expect({ id, x, posterior, draws }) {
  const sum = new Running();
  const normal = normals(seeded(1));
  return (model, until) => {
    pace.piece(model, draws - sum.n, until, (_, n) => {
      const z = new Float32Array(n * model.d);
      for (let i = 0; i < n; i++) z.set(model.sample(posterior, normal), i * model.d);
      for (const output of model.decodeMany(z, n)) sum.add(model.reconstruction(output, x));
    });
    const { n, mean, error } = sum;
    send({ kind: "expect", id, n, mean, error, last: n >= draws });
    return n >= draws;
  };
}

/** The last x of a term, kept since the features of one and the same array are known. */
let input = { of: -1, x: /** @type {Float32Array} */ (new Float32Array()) };

/** @param {number} of @param {Float32Array} x */
function known(of, x) {
  if (input.of !== of) input = { of, x };
  return input.x;
}

/**
 * @param {TermOrder} order
 * @returns {Piece}
 */
function term({ id, x, of, z }) {
  return (model) => {
    send({ kind: "term", id, own: model.reconstruction(model.decode(z), known(of, x)) });
    return true;
  };
}

/**
 * @param {DecodeOrder} order
 * @returns {Piece}
 */
function decode({ kind, id, x, of, z }) {
  return (model) => {
    const began = performance.now();
    const output = model.decode(z).slice();
    const ms = performance.now() - began;
    const own = model.reconstruction(output, kind === "hover" ? x : known(of, x));
    send({ kind, id, output, own, ms });
    return true;
  };
}

async function work() {
  const asked = url;
  let model;
  try {
    model = await vae;
  } catch (error) {
    if (asked === url) {
      // Who asks another module's orders has not met this fault itself.
      if (added) send({ kind: "fault", id: 0, fault: messageOf(error) });
      orders.clear();
      url = ""; // the page's next message tries again
    }
  }
  // What a hand waits for comes before what takes its time.
  const urgent = [...orders].filter(([kind]) => URGENT.has(kind));
  if (model && asked === url)
    for (const [kind, piece] of urgent.length ? urgent : [...orders]) {
      const finished = piece(model, performance.now() + PIECE_MS);
      if (finished && orders.get(kind) === piece) orders.delete(kind);
    }
  busy = orders.size > 0;
  if (busy) port2.postMessage(0);
}
