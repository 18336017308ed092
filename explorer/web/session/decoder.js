// Decodes for a model's view: in the frame where that fits into it, else in the model's worker, which
// knows the newest order of each kind alone.

/** @typedef {import("../model/vae.js").Vae} Vae */
/** @typedef {import("../model/worker.js").Order} Order */
/** @typedef {import("../model/worker.js").Answer} Answer */

/**
 * What a decode gives: the decoder's output, to be read at once; the model's own term of x, as soon as it
 * is there; whether that is after the call; and whether nothing newer has been asked for since.
 * @typedef {{output?: Float32Array, own?: number, later: boolean, newest: boolean}} Decoded
 */

/** Milliseconds that a decode, or a term that goes through a classifier, may take in a frame. */
export const FRAME_MS = 4;

/** Kinds of which an older answer is better than none: while a hand moves, each is older than the hand. */
const IN_MOTION = new Set(["decode", "mean", "term"]);

export class Decoder {
  /** @param {(answer: Answer) => void} answered what no decode waits for */
  constructor(answered) {
    this.answered = answered;
    /** @type {Vae | null} */
    this.vae = null;
    /** @type {Worker | null} */
    this.worker = null;
    /** Counts orders. */
    this.id = 0;
    /** The last order to the model before. */
    this.before = 0;
    /** Whoever waits, by the kind of the order. @type {Map<string, {id: number, take: (answer: any) => void}>} */
    this.waiting = new Map();
    /** How long a decode in the worker takes, in ms: the least of those so far; 0 before there is one. */
    this.ms = 0;
  }

  /**
   * Decode with a model from now on.
   * @param {Vae} vae @param {string} worker @param {string} model addresses
   */
  use(vae, worker, model) {
    if (vae !== this.vae) {
      this.ms = 0;
      this.before = this.id;
      this.waiting.clear();
    }
    this.vae = vae;
    if (!this.worker) {
      try {
        this.worker = new Worker(worker, { type: "module" });
        this.worker.onmessage = ({ data }) => this._answered(data);
      } catch {
        this.worker = null; // the page works without; only means and manifolds are missing
      }
    }
    this.worker?.postMessage({ model });
  }

  leave() {
    this.worker?.terminate();
    this.worker = null;
  }

  /** Whether a decode takes longer than a frame has for it. */
  get slow() {
    return Boolean(this.worker && this.vae && this.vae.decodeMs > FRAME_MS);
  }

  /** How long a slow decode takes, in words; "" before one is known, and where it is in the frame. */
  get pace() {
    if (!this.slow || !this.ms) return "";
    return `${this.ms < 10 ? this.ms.toFixed(1) : Math.round(this.ms)} ms a picture`;
  }

  /** Hand the worker an order that nobody waits for here. @param {Order} order */
  send(order) {
    this.worker?.postMessage(order);
  }

  /**
   * Hand it an order, whose answers go to `take`; those of an older order of its kind go to nobody.
   * @param {any} order without its number @param {(answer: any) => void} take
   */
  ask(order, take) {
    this.id += 1;
    this.waiting.set(order.kind, { id: this.id, take });
    this.worker?.postMessage({ ...order, id: this.id });
  }

  /**
   * Decode z, and take the model's own term of x there. Where both fit into a frame, `take` has been called
   * on return.
   * @param {"decode" | "hover" | "mean"} kind
   * @param {{x: Float32Array, of: number, z: Float32Array}} order x, which `of` numbers, and z
   * @param {(found: Decoded) => void} take
   */
  decode(kind, order, take) {
    const { vae } = this;
    if (!vae) return;
    if (this.slow) {
      this.ask({ kind, ...order }, ({ output, own, ms, newest }) => {
        this.ms = this.ms ? Math.min(this.ms, ms) : ms;
        take({ output, own, later: true, newest });
      });
      return;
    }
    const output = vae.decode(order.z);
    const now = { output, later: false, newest: true };
    if (kind === "mean") take(now);
    else if (kind === "decode" && this.worker && vae.termMs > FRAME_MS) {
      take(now);
      this.ask({ kind: "term", ...order }, ({ own, newest }) => take({ own, later: true, newest }));
    } else take({ ...now, own: vae.reconstruction(output, order.x) });
  }

  /**
   * Pictures of codes (n, d), with levels 0…255, from the worker. There is none: nothing comes.
   * @param {Float32Array} z @param {(first: number, levels: Uint8Array[]) => void} take some, from the code `first` on
   */
  film(z, take) {
    this.ask({ kind: "film", z }, ({ first, levels }) => take(first, levels));
  }

  /**
   * Pictures of many codes, as `film`; without a worker they are decoded here.
   * @param {Float32Array} z @param {(first: number, levels: Uint8Array[]) => void} take
   */
  many(z, take) {
    if (this.worker) {
      this.ask({ kind: "wall", z }, ({ first, levels }) => take(first, levels));
      return;
    }
    const { vae } = this;
    const levels = Array.from({ length: z.length / vae.d }, (_, n) =>
      Uint8Array.from(
        vae.mean(vae.decode(z.subarray(n * vae.d, (n + 1) * vae.d))),
        (v) => 255 * v + 0.5,
      ),
    );
    take(0, levels);
  }

  /** @param {Answer} answer */
  _answered(answer) {
    const waiting = this.waiting.get(answer.kind);
    if (!waiting) this.answered(answer);
    else if (waiting.id === answer.id) waiting.take({ ...answer, newest: true });
    else if (IN_MOTION.has(answer.kind) && answer.id > this.before)
      waiting.take({ ...answer, newest: false });
  }
}
