// Orders to a worker for exact quantities and their estimates, worked on in pieces.

import { messageOf } from "./blobs.js";
import { expected, gradients, importance, naive } from "./estimators.js";
import { LatentPlane } from "./exact.js";
import { modes, search } from "./modes.js";
import { climb, split } from "./variational.js";

/**
 * @typedef {import("./exact.js").Box} Box
 * @typedef {import("./families.js").FamilyPosterior} FamilyPosterior
 * @typedef {import("./log_likelihood.js").ExactModel} ExactModel
 * @typedef {{id: number, x: Float32Array}} Asked
 * @typedef {Asked & {q: FamilyPosterior}} AskedOfQ
 * @typedef {(Asked & {kind: "evidence" | "modes"}) | (Asked & {kind: "field", box: Box}) | (Asked & {kind: "naive", k: number, seed?: number}) |
 *   (AskedOfQ & {kind: "split", fine: boolean}) | (AskedOfQ & {kind: "importance" | "expected", k: number}) |
 *   (AskedOfQ & {kind: "climb", options: {beta?: number, steps?: number}}) |
 *   (AskedOfQ & {kind: "gradients", options: {repeats: number, draws?: number, seed?: number}}) |
 *   {kind: "search", id: number, images: Float32Array[]}} ExactOrder
 * @typedef {{kind: string, id: number, share?: number, step?: {q: FamilyPosterior, elbo: number, n: number},
 *   value?: unknown, fault?: string}} ExactAnswer how much is done, a step of a climb, what was asked for,
 *   or a sentence that says why it cannot be had
 */

/** @type {WeakMap<ExactModel, LatentPlane>} */
const planes = new WeakMap();

/** @param {ExactModel} model */
function planeOf(model) {
  const plane = planes.get(model) ?? new LatentPlane(model);
  planes.set(model, plane);
  return plane;
}

/**
 * What each kind of order does.
 * @type {{[K in ExactOrder["kind"]]: (model: ExactModel, order: Extract<ExactOrder, {kind: K}>,
 *   tell: (step: {q: FamilyPosterior, elbo: number, n: number}) => void) => Generator<number, unknown, void>}}
 */
const WORKS = {
  evidence: (model, { x }) => planeOf(model).evidence(x),
  field: (model, { x, box }) => planeOf(model).field(x, box),
  split: (model, { x, q, fine }) => split(planeOf(model), x, q, fine),
  climb: (model, { x, q, options }, tell) => climb(planeOf(model), x, q, options, tell),
  modes: (model, { x }) => modes(planeOf(model), x),
  naive: (model, { x, k, seed }) => naive(planeOf(model), x, k, seed),
  importance: (model, { x, q, k }) => importance(model, x, q, k),
  expected: (model, { x, q, k }) => expected(model, x, q, k),
  gradients: (model, { x, q, options }) => gradients(planeOf(model), x, q, options),
  search: (model, { images }) => search(planeOf(model), images),
};

/** Whether an order of a kind is one of these. @param {string} kind @returns {kind is ExactOrder["kind"]} */
export const isExact = (kind) => Object.hasOwn(WORKS, kind);

/**
 * An order as a piece of work.
 * @param {ExactOrder} order @param {(answer: ExactAnswer) => void} send
 * @returns {(model: ExactModel, until: number) => boolean} works until a time in ms; whether that was the last of it
 */
export function exactPiece(order, send) {
  const { kind, id } = order;
  /** @type {Generator<number, unknown, void> | null} */
  let work = null;
  return (model, until) => {
    try {
      const make = /** @type {(...all: any[]) => Generator<number, unknown, void>} */ (WORKS[kind]);
      work ??= make(model, order, (/** @type {any} */ step) => send({ kind, id, step }));
      let { done, value } = work.next();
      while (!done && performance.now() < until) ({ done, value } = work.next());
      if (done) send({ kind, id, value });
      else send({ kind, id, share: /** @type {number} */ (value) });
      return Boolean(done);
    } catch (error) {
      send({ kind, id, fault: messageOf(error) });
      return true;
    }
  };
}
