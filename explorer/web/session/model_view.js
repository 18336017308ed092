// One model of a session: its map, its z, its picture and its terms.

import { asBernoulli } from "../model/likelihoods.js";
import { labelsOf } from "../model/choices.js";
import { axis, coordinatesOf } from "../model/coordinates.js";
import { spherical, straight } from "../model/paths.js";
import { LatentMap } from "../map/latent_map.js";
import { contours, ellipse, nearest, viewOf } from "../map/projections.js";
import { Decoder } from "./decoder.js";

const DRAWS = 256; // of the reconstruction term's mean over q(z|x)
const STEPS = 40; // of a path on the map

/**
 * Where z is in all models of a session: at its own mean of q(z|x); at a place `t` of the prior, in
 * standard normal units; at a share of the walk; or at a code, which a single model has.
 * @typedef {{kind: "mu"} | {kind: "place", t: number[]} | {kind: "walk", share: number}
 *   | {kind: "code", z: Float32Array, at?: {xy: number[], code: number}}} Where
 */

/**
 * A path along what a slider moves, the `dim`-th dimension: the value there at a share of it, and back.
 * @typedef {{dim: number, at: import("../model/coordinates.js").Coordinate, value: (share: number) => number, share: (value: number) => number}} Traversal
 */

/**
 * What a session does with a hand on a model's map.
 * @typedef {object} Listener
 * @property {(view: ModelView, xy: number[]) => void} move
 * @property {() => void} release
 * @property {(image: number) => void} pick
 * @property {(view: ModelView, image: number | null, px: number[]) => void} hover
 * @property {(view: ModelView, images: number[]) => void} selected
 * @property {(view: ModelView, event: KeyboardEvent) => void} key
 * @property {(what: string) => void} changed something has come, or has another size
 */

export class ModelView {
  /**
   * @param {HTMLElement} host of the map
   * @param {Listener} listener
   * @param {{legend?: HTMLElement, small?: boolean}} options of the map
   */
  constructor(host, listener, options) {
    this.listener = listener;
    this.decoder = new Decoder((answer) => this._answered(answer));
    this.map = new LatentMap(
      host,
      {
        move: (xy) => listener.move(this, xy),
        release: listener.release,
        pick: listener.pick,
        hover: (image, px) => listener.hover(this, image, px),
        selected: (images) => listener.selected(this, images),
        key: (event) => listener.key(this, event),
        grid: (order) => this.decoder.send({ kind: "grid", ...order }),
        source: () => ({ z: this.z, shape: this.vae.shape, put: (z, xy) => this.put(z, xy) }),
        resized: () => listener.changed("map"),
      },
      options,
    );
    this.name = "";
    /** @type {import("../model/vae.js").Vae} */
    this.vae = null;
    /** @type {import("../model/blob_types.js").MapBlob} */
    this.blob = null;
    this.projection = null; // of the map; null where there is none
    /** In slider order. @type {import("../model/blob_types.js").Dimension[]} */
    this.dims = [];
    /** What their sliders move. @type {import("../model/coordinates.js").Coordinate[]} */
    this.coordinates = [];
    /** What the place under the prior is made of. @type {import("../model/coordinates.js").Coordinate[]} */
    this.along = [];
    /** The dimensions that the map shows, where it shows some. @type {number[]} */
    this.axes = [];
    this.pictures = null;
    /** @type {Float32Array} */
    this.x = null;
    /** @type {import("../model/vae.js").Posterior} */
    this.posterior = null;
    /** @type {Float32Array} */
    this.z = null;
    /** Where a hand has put the ring of a map without inverse. @type {{xy: number[], code: number} | null} */
    this.at = null;
    /** The mean of p(x|z), and that at the mean of q(z|x). @type {Float32Array | null} */
    this.picture = this.atMean = null;
    /** Whether picture and terms are those of this z: a slow one comes some frames later. */
    this.current = false;
    /** Terms of x at z: the model's own, and cross-entropy. */
    this.own = this.bce = NaN;
    /** The reconstruction term's mean over q(z|x). @type {import("../model/worker.js").ExpectAnswer | null} */
    this.over = null;
    this.order = 0; // counts x
    /** What the model is told of a drawing. @type {number[]} */
    this.labels = [];
    /** Codes of the walk's ends. @type {(Float32Array | null)[]} */
    this.ends = [null, null];
    /** The code at a share of the walk. @type {(share: number) => Float32Array} */
    this.walk = () => this.z;
    this.path = [];
    this.overlay = null;
    this.overlayOf = []; // what it was made of
  }

  // --- the model --------------------------------------------------------------------------------

  /** Show a model and a map of its codes; whether the model is another one. */
  take({ name, vae, blob, pictures, colours }) {
    const other = vae !== this.vae;
    if (other) {
      this.x = this.z = this.picture = this.atMean = null;
      this.own = this.bce = NaN;
      this.ends = [null, null];
    }
    const same = blob === this.blob;
    Object.assign(this, { name, vae, blob, pictures });
    if (!same) {
      this.projection = viewOf(blob);
      this.at = null;
    }
    this.dims = blob.header.dims;
    this.coordinates = coordinatesOf(blob);
    const { view } = blob.header;
    const axes = view.kind === "plane" ? view.axes : [0];
    const grid = blob.arrays.directions && view.kind !== "none";
    this.along = grid ? this.coordinates.slice(0, 2) : axes.map(axis);
    this.axes = grid ? [] : axes;
    this.map.take(blob, colours);
    return other;
  }

  /** Have a worker of its own for what takes longer than a frame. @param {string} worker @param {string} model addresses */
  work(worker, model) {
    this.decoder.use(this.vae, worker, model);
  }

  leave() {
    this.decoder.leave();
  }

  _answered(answer) {
    if (answer.kind === "grid") this.map.manifold.take(answer);
    else if (answer.kind === "expect" && answer.id === this.order) this.over = answer;
    this.listener.changed("worker");
  }

  /** q(z|x), with what the model is told of an image, or of a drawing. @param {Float32Array} x */
  posteriorOf(x) {
    const { vae, pictures } = this;
    const number = pictures.numberOf(x);
    if (!vae.encodes) return vae.known(number ?? 0);
    if (number === undefined) return vae.encode(x, this.labels);
    return vae.encode(x, labelsOf(vae, pictures, number), number);
  }

  /** Take x: q(z|x), its picture, and an order for the term's mean over it. @param {Float32Array} x */
  encode(x) {
    if (x === this.x) return;
    this.x = x;
    this.labels = this.z ? this.vae.labelsIn(this.z) : []; // those of a drawing are z's
    this.posterior = this.posteriorOf(x);
    this.over = null;
    this.order += 1;
    const { order, posterior } = this;
    this.decoder.decode("mean", { x, of: order, z: posterior.mu }, ({ output }) => {
      this.atMean = this.vae.mean(output, this.atMean ?? undefined);
      this.listener.changed("mean");
    });
    this.decoder.send({ kind: "expect", id: order, x, posterior, draws: DRAWS });
  }

  // --- where z is -------------------------------------------------------------------------------

  /** Put a code at a place of the map, or as near as the prior lets it. */
  put(z, xy) {
    this.projection.move(z, xy);
    this.vae.clampToSupport(z);
  }

  /** z, moved to a place of its map: a new code, and where the ring is if that has no inverse. */
  codeAt(xy) {
    const { projection, blob, dims } = this;
    const z = this.z.slice();
    if (!projection.invertible) {
      const { x, y, index } = blob.arrays;
      const code = nearest(x.length, 2, (i, j) => (j ? y[i] : x[i]), xy);
      return { z: this.codeOf(index[code], code), at: { xy, code } };
    }
    projection.move(z, xy);
    // Far beyond every code there is nothing to see, and no way back by hand.
    dims.forEach(({ low, high }, n) => {
      const [span, at] = [high - low, this.coordinates[n]];
      const value = at.read(z);
      if (value < low - span || value > high + span)
        at.write(z, Math.min(high + span, Math.max(low - span, value)));
    });
    return { z: this.vae.clampToSupport(z) };
  }

  /** The mean of q(z|x) of an image; as the map has it while the picture is on its way. @param {number} image @param {number} code its place among the map's */
  codeOf(image, code) {
    if (!this.vae.encodes) return this.vae.known(image).mu;
    if (this.pictures.has(image) && this.vae.knows(image))
      return this.posteriorOf(this.pictures.get(image)).mu;
    this.pictures.ready(image).catch(() => {}); // whoever needs it is told
    const { header, arrays } = this.blob;
    const { d } = this.vae;
    return Float32Array.from(
      arrays.codes.subarray(code * d, code * d + d),
      (v) => v * header.code_step,
    );
  }

  /** A code at a place under the prior; the dimensions that are not shown keep μ's. */
  codeUnderPrior(t, mu) {
    const z = Float32Array.from(mu);
    this.along.forEach((at, k) => {
      if (Number.isFinite(t[k])) at.write(z, this.vae.prior.fromStandardNormal(t[k]));
    });
    return this.vae.clampToSupport(z);
  }

  /** Where values of the shown dimensions, or z's, lie under the prior, in standard normal units. */
  underPrior(
    values = this.along.map((at) =>
      this.z ? at.read(this.z) : this.vae.prior.fromStandardNormal(0),
    ),
  ) {
    return values.map((value) => this.vae.prior.toStandardNormal(value));
  }

  /** How far out the map goes along its axis `k`, in standard normal units. */
  reach(k) {
    const { window } = this.map;
    if (!window || k >= this.along.length) return 0;
    return Math.max(...this.underPrior(k ? window.y : window.x).map(Math.abs));
  }

  /** Make a remembered place an end of the walk. */
  mark(k, { x, where }) {
    const { mu } = this.posteriorOf(x);
    this.ends[k] =
      where.kind === "place" ? this.codeUnderPrior(where.t, mu) : Float32Array.from(mu);
  }

  /** Lead the walk along a dimension, or from A to B. @param {string} path @param {Traversal | null} along */
  setPath(path, along) {
    const { prior } = this.vae;
    const [a, b] = this.ends;
    const from = Float32Array.from(this.z ?? this.posterior.mu);
    this.walk = (share) => {
      if (along) {
        const z = from.slice();
        along.at.write(z, along.value(share));
        return this.vae.clampToSupport(z);
      }
      const z = path === "spherical" ? spherical(a, b, share, prior.mean) : straight(a, b, share);
      return this.vae.clampToSupport(this.vae.chooseAs(z, share < 0.5 ? a : b));
    };
    this.path = Array.from({ length: STEPS }, (_, i) => this.walk(i / (STEPS - 1)));
  }

  /** Move z to where the session is. @param {Where} where */
  go(where) {
    const { posterior } = this;
    this.at = (where.kind === "code" && where.at) || null;
    if (where.kind === "place") this.z = this.codeUnderPrior(where.t, posterior.mu);
    else if (where.kind === "walk") this.z = this.walk(where.share);
    else this.z = Float32Array.from(where.kind === "code" ? where.z : posterior.mu);
  }

  /** Decode z, and take its terms: now, or some frames later. */
  decode() {
    const { vae, x, order } = this;
    this.current = false;
    const bernoulli = vae.likelihood.name === "bernoulli";
    this.decoder.decode("decode", { x, of: order, z: this.z }, ({ output, own, later, newest }) => {
      if (output) {
        this.picture = vae.mean(output, this.picture ?? undefined);
        this.bce = bernoulli ? own : asBernoulli(output, x, vae.likelihood.name);
      }
      this.own = own ?? this.own;
      this.current = newest && own !== undefined;
      if (later) this.listener.changed("picture");
    });
  }

  // --- the map ----------------------------------------------------------------------------------

  /** The place of z on the map; without an inverse that of the image that a hand took, or the nearest. */
  cursor() {
    const { projection, blob, z } = this;
    if (!projection || !z) return null;
    if (projection.invertible) return projection.project(z);
    const { x, y } = blob.arrays;
    const code = this.nearestCode();
    return [x[code], y[code]];
  }

  /** The code at the ring of a map without inverse. */
  nearestCode() {
    return this.at?.code ?? this.projection.at(this.z);
  }

  /** The image nearest to z on the map among those whose pictures are not here; -1 for none. */
  nearestMissing() {
    const { pictures, blob } = this;
    const { x, y, index } = blob.arrays;
    const at = this.cursor() ?? [0, 0];
    let [best, least] = [-1, Infinity];
    for (let i = 0; i < index.length; i++) {
      const distance = (x[i] - at[0]) ** 2 + (y[i] - at[1]) ** 2;
      if (distance < least && !pictures.has(index[i])) [best, least] = [index[i], distance];
    }
    return best;
  }

  /** Show or hide the manifold; whether this map can have one. @param {boolean} on */
  showManifold(on) {
    const { map } = this;
    const possible = Boolean(this.projection?.invertible);
    if (map.manifold.on !== (on && possible)) map.showManifold(on && possible);
    else if (map.manifold.on) map.refreshManifold();
    return possible;
  }

  /** Paint the ring, the ellipse of q(z|x), and the walk where it is shown. @param {boolean} walking @param {boolean} ends whether it has some */
  paintMap(walking, ends) {
    const { projection, posterior } = this;
    const parts = [projection, posterior, walking && this.path, walking && ends, ...this.ends];
    if (!this.overlay || parts.some((part, n) => part !== this.overlayOf[n])) {
      this.overlayOf = parts;
      const project = (code) => projection.project(code);
      const shown = Boolean(projection?.invertible);
      const centre = shown ? project(posterior.mu) : null;
      const walk = shown && walking;
      this.overlay = {
        centre,
        rings: shown ? [2, 1].map((s) => ellipse(centre, projection.covariance(posterior), s)) : [],
        prior: shown && this.vae.encodes ? contours(projection, this.vae.prior, this.vae.d) : [],
        path: walk ? this.path.map(project) : [],
        ends: walk && ends ? this.ends.map((code) => code && project(code)) : [],
      };
    }
    this.map.show(this.cursor(), this.overlay);
  }
}
