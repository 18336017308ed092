// Exact quantities of a model with two latent dimensions, and their estimates, from a worker of their own.
// The newest call of each kind wins: one that was overtaken gives null.

/**
 * @typedef {import("../model/families.js").FamilyPosterior} FamilyPosterior
 * @typedef {(share: number) => void} Progress told how much is done, from 0 to 1
 * @typedef {{q: FamilyPosterior, elbo: number, n: number}} Step of a climb
 * @typedef {{progress?: Progress, step?: (step: Step) => void}} Listeners
 */

/** @template T @typedef {Promise<T | null>} Answered null: a newer call of that kind was made, or it was closed */

export class ExactWorker {
  /**
   * @param {string} worker @param {string} model addresses of the worker's module, and of the model's blob
   * @param {(sentence: string) => void} [fault] told why there is nothing, once
   */
  constructor(worker, model, fault) {
    this.model = model;
    this.fault = fault;
    /** Counts calls. */
    this.id = 0;
    /** The newest call of each kind. @type {Map<string, {id: number, resolve: (value: any) => void, reject: (error: Error) => void} & Listeners>} */
    this.waiting = new Map();
    this.worker = new Worker(worker, { type: "module" });
    this.worker.onmessage = ({ data }) => this._answered(data);
    this.worker.onerror = () => this._failed("The worker that computes exactly did not start.");
    this.worker.postMessage({ model });
  }

  /** End the worker; whoever waits gets null. */
  close() {
    this.worker.terminate();
    for (const { resolve } of this.waiting.values()) resolve(null);
    this.waiting.clear();
  }

  /** log p(x) and p(z|x) of an image. @param {Float32Array} x (c·h·w,) @param {Progress} [progress] @returns {Answered<import("../model/exact.js").Evidence>} */
  evidence(x, progress) {
    return this._ask("evidence", { x }, { progress });
  }

  /** log p(x|z) in the middle of n×n cells, rows from the top down (n·n,). @param {Float32Array} x @param {import("../model/exact.js").Box} box @param {Progress} [progress] @returns {Answered<Float32Array>} */
  field(x, box, progress) {
    return this._ask("field", { x, box }, { progress });
  }

  /** ELBO and gap of any q. @param {Float32Array} x @param {FamilyPosterior} q @param {boolean} [fine] @returns {Answered<import("../model/variational.js").Split>} */
  split(x, q, fine = false) {
    return this._ask("split", { x, q, fine });
  }

  /** The best q, from a q on. @param {Float32Array} x @param {FamilyPosterior} q @param {{beta?: number, steps?: number}} [options] @param {(step: Step) => void} [step] @returns {Answered<{q: FamilyPosterior, elbo: number}>} */
  climb(x, q, options = {}, step) {
    return this._ask("climb", { x, q, options }, { step });
  }

  /** The separated maxima of p(z|x). @param {Float32Array} x @returns {Answered<number>} */
  modes(x) {
    return this._ask("modes", { x });
  }

  /** log p(x|z) of k draws from the prior (k,), others with another seed. @param {Float32Array} x @param {number} k @param {number} [seed] @returns {Answered<Float32Array>} */
  naive(x, k, seed) {
    return this._ask("naive", { x, k, seed });
  }

  /** Logs of the importance weights of k draws from q (k,). @param {Float32Array} x @param {FamilyPosterior} q @param {number} k @param {Progress} [progress] @returns {Answered<Float32Array>} */
  importance(x, q, k, progress) {
    return this._ask("importance", { x, q, k }, { progress });
  }

  /** E_q[log p(x|z)] by k draws, with its standard error. @param {Float32Array} x @param {FamilyPosterior} q @param {number} [k] @returns {Answered<{mean: number, error: number}>} */
  expected(x, q, k = 512) {
    return this._ask("expected", { x, q, k });
  }

  /** Two estimators of a derivative of E_q[log p(x|z)]. @param {Float32Array} x @param {FamilyPosterior} q @param {{repeats: number, draws?: number, seed?: number}} options @param {Progress} [progress] @returns {Answered<import("../model/estimators.js").Gradients>} */
  gradients(x, q, options, progress) {
    return this._ask("gradients", { x, q, options }, { progress });
  }

  /** Images by how badly a Gaussian fits, worst first. @param {Float32Array[]} images @param {Progress} [progress] @returns {Answered<import("../model/modes.js").Fit[]>} */
  search(images, progress) {
    return this._ask("search", { images }, { progress });
  }

  /**
   * @param {import("../model/exact_orders.js").ExactOrder["kind"]} kind @param {object} order
   * @param {Listeners} [listeners] @returns {Promise<any>}
   */
  _ask(kind, order, listeners = {}) {
    this.id += 1;
    const { id } = this;
    this.waiting.get(kind)?.resolve(null);
    return new Promise((resolve, reject) => {
      this.waiting.set(kind, { id, resolve, reject, ...listeners });
      this.worker.postMessage({ model: this.model }); // fetched again, if that failed
      this.worker.postMessage({ kind, id, ...order });
    });
  }

  /** @param {import("../model/exact_orders.js").ExactAnswer} answer */
  _answered({ kind, id, share, step, value, fault }) {
    if (kind === "fault" && fault) this._failed(fault);
    const call = this.waiting.get(kind);
    if (!call || call.id !== id) return;
    if (share !== undefined) call.progress?.(share);
    else if (step) call.step?.(step);
    else {
      this.waiting.delete(kind);
      if (fault) call.reject(new Error(fault));
      else call.resolve(value);
    }
  }

  /** Of the worker or the model: all calls. @param {string} sentence */
  _failed(sentence) {
    const calls = [...this.waiting.values()];
    this.waiting.clear();
    for (const { reject } of calls) reject(new Error(sentence));
    this.fault?.(sentence);
  }
}
