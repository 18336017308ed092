// A hand-out in a frame of another page, as of a notebook: its view is read and set by messages. What is told has
// `vae: 1` and the parts of the view; what is asked has the parts in `set`.

/**
 * @typedef {import("../session/session.js").Session & {tour?: {active: boolean, stop: () => void}}} Session
 * @typedef {{z?: number[], image?: number, selected?: number[], walk?: number[][]}} Wish
 * @typedef {{z: number[], image: number | null, selected: number[], walk: number[][]}} View `walk`: the codes of its
 *   ends; `image` null where x is none of the images
 */

const REST = 60; // milliseconds between reports, at least
const MOST = 1e6;

/** @param {unknown} value @param {number} count @returns {value is number[]} */
const areNumbers = (value, count) =>
  Array.isArray(value) &&
  value.length === count &&
  value.every((v) => typeof v === "number" && Math.abs(v) <= MOST);

export class Remote {
  /** @param {() => Session | null} session that is shown, where it is Explore's */
  constructor(session) {
    this.session = session;
    this.timer = 0;
    this.known = "";
    addEventListener("message", ({ source, data }) => {
      if (source === parent && data?.vae === 1 && data.set) this._apply(data.set);
    });
  }

  /** Hear of what changes in the session that is shown now. */
  listen() {
    const session = this.session();
    if (!session) return;
    session.observer = () => {
      this.timer ||= setTimeout(() => this._tell(), REST);
    };
    session.observer();
  }

  _tell() {
    this.timer = 0;
    const session = this.session();
    const view = session?.first;
    if (!session || !view?.z) return;
    if (this.known && session.tour?.active) return; // it moves by itself: nobody has said so
    /** @type {View} */
    const told = {
      z: [...view.z],
      image: session.pictures.numberOf(session.x) ?? null,
      selected: session.lasso.view ? session.lasso.images : [],
      walk: view.ends.map((code) => (code ? [...code] : [])),
    };
    const text = JSON.stringify(told);
    if (text === this.known) return;
    this.known = text;
    parent.postMessage({ vae: 1, ...told }, "*");
  }

  /** @param {Wish} wish */
  _apply({ z, image, selected, walk }) {
    const session = this.session();
    const view = session?.first;
    if (!session || !view?.z) return;
    session.tour?.stop();
    const { d } = view.vae;
    const { count } = session.pictures;
    const isImage = (/** @type {unknown} */ n) =>
      typeof n === "number" && Number.isInteger(n) && n >= 0 && n < count;
    if (Array.isArray(walk) && walk.length === 2 && walk.every((code) => areNumbers(code, d)))
      this._setWalk(session, walk);
    if (Array.isArray(selected) && selected.every(isImage))
      session.select(selected.length ? view : null, selected);
    if (isImage(image) && image !== session.pictures.numberOf(session.x))
      session.choose(/** @type {number} */ (image));
    if (areNumbers(z, d)) {
      session.halt();
      session.go({ kind: "code", z: view.vae.clampToSupport(Float32Array.from(z)) }, true);
    }
    session.change("note");
  }

  /** @param {Session} session @param {number[][]} walk codes of its ends */
  _setWalk(session, walk) {
    session.halt();
    for (const view of session.views.values())
      view.ends = walk.map((code) => view.vae.clampToSupport(Float32Array.from(code)));
    session.walk.marked();
    session.change("film");
  }
}
