// Work that takes more than a frame: the decoded grid, the mean of the reconstruction term over q(z|x),
// and, for some models beside each other, that term itself. The newest order of each kind wins; an older one is dropped between two pieces.

import { fetchBlob } from "./blobs.js";
import { Running, Vae, normals, seeded } from "./vae.js";

const PIECE_MS = 12;

let url = "";
let vae = null; // a promise
const orders = new Map();
let busy = false;
const { port1, port2 } = new MessageChannel();
port1.onmessage = work;

onmessage = ({ data }) => {
  if (data.model !== undefined) {
    if (data.model !== url) {
      url = data.model;
      orders.clear();
      vae = fetchBlob(url, "model").then((blob) => new Vae(blob));
      vae.catch(() => {}); // the page has met the same fault and says so
    }
    return;
  }
  orders.set(data.kind, { ...data, at: 0 });
  if (!busy) {
    busy = true;
    port2.postMessage(0);
  }
};

/** Decode rows of `z` (n, d) one after the other; grey levels (k, 784) of those done now. */
function grid(model, order, until) {
  const { d } = model;
  const n = order.z.length / d;
  const first = order.at;
  const done = [];
  while (order.at < n && performance.now() < until) {
    const z = order.z.subarray(order.at * d, (order.at + 1) * d);
    const logits = model.decode(z);
    const levels = new Uint8Array(784);
    for (let i = 0; i < 784; i++) levels[i] = 255 / (1 + Math.exp(-logits[i])) + 0.5;
    done.push(levels);
    order.at += 1;
  }
  postMessage({ kind: "grid", id: order.id, first, levels: done, last: order.at >= n });
  return order.at >= n;
}

/** −E_q log p(x|z) by draws of z; the same image gets the same draws. */
function expect(model, order, until) {
  const { x, posterior, id, draws } = order;
  order.sum ??= new Running();
  order.normal ??= normals(seeded(1));
  while (order.sum.n < draws && performance.now() < until)
    order.sum.add(model.reconstruction(model.decode(model.sample(posterior, order.normal)), x));
  const { n, mean, error } = order.sum;
  postMessage({ kind: "expect", id, n, mean, error, last: n >= draws });
  return n >= draws;
}

let input = { id: -1, x: null }; // kept, since the features of one and the same x are known

/** The reconstruction term of x, which `of` numbers, at z. */
function term(model, { x, of, z }) {
  if (input.id !== of) input = { id: of, x };
  postMessage({ kind: "term", value: model.reconstruction(model.decode(z), input.x) });
  return true;
}

const KINDS = { term, grid, expect };

async function work() {
  const asked = url;
  let model;
  try {
    model = await vae;
  } catch {
    if (asked === url) {
      orders.clear();
      url = ""; // the next page's word tries again
    }
  }
  if (model && asked === url) {
    for (const [kind, order] of [...orders]) {
      const finished = KINDS[kind](model, order, performance.now() + PIECE_MS);
      if (finished && orders.get(kind) === order) orders.delete(kind);
    }
  }
  busy = orders.size > 0;
  if (busy) port2.postMessage(0);
}
