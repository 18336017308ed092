// What outlives a reload of the page: a drawing or a picture of one's own as x, z, the manifold, the walk's
// ends, the zoom, the classes that are hidden and the open panel. It stays in the tab; link.js puts the same
// behind the # of an address.

import { isRange } from "../map/map_window.js";

/**
 * @typedef {import("./session.js").Session} Session
 * @typedef {{strokes?: [number, number][][], base?: string | null, taken?: string}} KeptInput a drawing, or
 *   else a picture from a file
 * @typedef {{shape: string, search: string, x: KeptInput | null, manifold: boolean, path: string,
 *   tab: string | null, codes: Record<string, string>, share: number | null,
 *   windows: Record<string, number[]>, hidden: string[],
 *   lasso: {model: string, images: number[]} | null,
 *   marks: ({x: string, place: number[] | null, ends: Record<string, string>} | null)[]}} Kept `codes` are z and
 *   `ends` the walk's, by the address of their model, which changes with its weights; so are `windows`, the
 *   ranges of maps that a hand has zoomed; `share` is of the walk, where z is on it
 */

const MOST = 2 ** 21; // characters; a browser has room for some 5 million
export const POINTS = 50_000; // of a drawing
export const LOST =
  "x was a drawing or a picture of somebody's, which an address does not hold. You see an image of the data instead, and z at its code.";

/** Numbers as text. @param {Float32Array} values */
export function pack(values) {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192)
    text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(text);
}

/** Finite numbers, as many as there must be; null where the text is anything else. @param {unknown} text @param {number} count */
function unpack(text, count) {
  if (typeof text !== "string" || text.length > 6 * count + 8) return null;
  const values = new Float32Array(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
  return values.length === count && values.every(Number.isFinite) ? values : null;
}

/** @param {unknown} strokes */
function areStrokes(strokes) {
  if (!Array.isArray(strokes) || !strokes.every((stroke) => stroke.length > 0)) return false;
  const points = strokes.flat();
  return (
    points.length <= POINTS &&
    points.every((point) => point.length === 2 && point.every(Number.isFinite))
  );
}

/** An image's values from a text; null where it is none. @param {unknown} text @param {number} size */
function unpackImage(text, size) {
  return unpack(text, size)?.map((v) => Math.min(1, Math.max(0, v))) ?? null;
}

/** Keep a drawing in the tab, of a page that keeps no more; null where there is none. @param {string} page @param {Float32Array | null} x */
export function keepDrawing(page, x) {
  try {
    if (x) sessionStorage.setItem(`vae-kept-${page}`, pack(x));
    else sessionStorage.removeItem(`vae-kept-${page}`);
  } catch {
    // It has no room, or keeps nothing.
  }
}

/** The drawing that was kept, of so many values; null where there is none. @param {string} page @param {number} size */
export function keptDrawing(page, size) {
  try {
    return unpackImage(sessionStorage.getItem(`vae-kept-${page}`), size);
  } catch {
    return null;
  }
}

/** What a link carries behind its #: the address's own, or what the page was opened with where that is gone. @returns {string} */
export const carried = () =>
  new URLSearchParams((globalThis.openedWith ?? location.hash).slice(1)).get("view") ?? "";

/** x as it was made: strokes, or a picture. @param {{x: Float32Array, input: import("./input_panel.js").InputPanel}} page @returns {KeptInput} */
export function inputOf({ x, input: { pad } }) {
  if (!pad.active) return { taken: pack(x) };
  // Of an empty pad x is what was there before.
  if (pad.empty || pad.strokes.flat().length > POINTS) return { strokes: [], base: pack(x) };
  return { strokes: pad.strokes, base: pad.base && pack(pad.base) };
}

/** Make what was kept x's picture; null where it is none. @param {{input: import("./input_panel.js").InputPanel, pictures: import("../model/pictures.js").Pictures}} page @param {KeptInput | null} kept */
export function takeInput({ input, pictures }, kept) {
  const { size } = pictures.shape;
  if (kept?.taken) {
    const x = unpackImage(kept.taken, size);
    if (x) input.pad.deactivate();
    input.taken = x !== null;
    return x;
  }
  if (!kept || !areStrokes(kept.strokes)) return null;
  const base = kept.base ? unpackImage(kept.base, size) : null;
  if (!base && !kept.strokes.length) return null;
  input.pad.restore(base, kept.strokes);
  return input.pad.image();
}

export class Keeper {
  /**
   * @param {Session} session
   * @param {string} page its name
   * @param {{read: () => string, open: (tab: string) => void}} [panel] which panel is open, on pages that have some
   */
  constructor(session, page, panel) {
    this.session = session;
    this.key = `vae-kept-${page}`;
    this.panel = panel;
    this.restored = false;
    const keep = () => session.views.size && this.keep();
    addEventListener("pagehide", keep);
    document.addEventListener("visibilitychange", () => document.hidden && keep());
  }

  /** Whether there is something to go on with, of which x may be any. */
  get waits() {
    try {
      return !this.restored && sessionStorage.getItem(this.key) !== null;
    } catch {
      return false; // the browser keeps nothing for this page
    }
  }

  /** Whether x is none of the images. */
  get drawn() {
    const { pictures, x } = this.session;
    return Boolean(x) && pictures.numberOf(x) === undefined;
  }

  keep() {
    const all = this.record();
    for (const record of [all, { ...all, marks: [] }, { ...all, marks: [], x: null }]) {
      const text = JSON.stringify(record);
      if (text.length > MOST) continue;
      try {
        sessionStorage.setItem(this.key, text);
        return;
      } catch {
        // It has less room, or keeps nothing.
      }
    }
  }

  /** All that the address has no field for. @returns {Kept} */
  record() {
    const { session, panel } = this;
    const models = session.data.models;
    const byModel = (
      /** @type {(view: import("./model_view.js").ModelView) => Float32Array} */ of,
    ) =>
      Object.fromEntries(
        models.flatMap(({ name, model }) => {
          const code = session.views.has(name) ? of(session.views.get(name)) : null;
          return code ? [[model, pack(code)]] : [];
        }),
      );
    return {
      shape: String(session.pictures.shape),
      search: location.search + location.hash,
      x: this.drawn ? inputOf(session) : null,
      manifold: session.manifold,
      path: session.walk.path,
      tab: panel?.read() ?? null,
      codes: byModel((view) => view.z),
      share: session.where.kind === "walk" ? session.where.share : null,
      windows: Object.fromEntries(
        models.flatMap(({ name, model }) => {
          const { map } = session.views.get(name) ?? {};
          return map?.zoomed && map.window ? [[model, [...map.window.x, ...map.window.y]]] : [];
        }),
      ),
      hidden: [...(session.first?.map.hidden ?? [])],
      lasso: this._lasso(),
      marks: session.marks.map(
        (mark, k) =>
          mark && {
            x: pack(mark.x),
            place: mark.where.kind === "place" ? mark.where.t : null,
            ends: byModel((view) => view.ends[k]),
          },
      ),
    };
  }

  /** What is chosen on a map. @returns {Kept["lasso"]} */
  _lasso() {
    const { lasso, data } = this.session;
    const model = data.models.find(({ name }) => name === lasso.view?.name)?.model;
    return model === undefined ? null : { model, images: lasso.images };
  }

  /** Go on as before the page was loaded anew; once, when its first data are there. */
  restore() {
    if (this.restored) return;
    this.restored = true;
    const { session } = this;
    const told = session.data.drawn;
    let back = false;
    try {
      const kept = /** @type {Kept | null} */ (JSON.parse(sessionStorage.getItem(this.key)));
      if (kept && !session.data.alive && this._isSame(kept)) {
        back = this.apply(kept);
      }
    } catch {
      // Nothing is kept here, or it makes no sense.
    }
    if (told && !back && !carried()) this.sayLost();
    else if (told !== back) queueMicrotask(() => session.settle());
  }

  /** Show what was kept, or what a link carries. @param {Kept} kept @returns {boolean} whether x is what it was */
  apply(kept) {
    const back = this._restoreInput(kept);
    this._restoreOthers(kept);
    this._restoreMaps(kept);
    return back;
  }

  /** Whether it was kept of the view that is asked for: by a reload, or at this very address. @param {Kept} kept */
  _isSame(kept) {
    const [load] = /** @type {PerformanceNavigationTiming[]} */ (
      performance.getEntriesByType("navigation")
    );
    return (
      kept.shape === String(this.session.pictures.shape) &&
      (load?.type === "reload" || kept.search === location.search + location.hash)
    );
  }

  /** @param {Kept} kept @returns {boolean} whether x is what it was */
  _restoreInput({ x: input, codes }) {
    const { session } = this;
    const x = takeInput(session, input);
    const { where } = session;
    if (x) session.setInput(x, null);
    const [view, ...others] = session.views.values();
    const z = others.length ? null : unpack(codes[session.data.models[0].model], view.vae.d);
    // Several models have one place, which the address holds.
    if (where.kind === "code") session.go({ kind: "code", z: z ?? where.z });
    else if (x && where.kind === "place") session.go(where);
    return x !== null;
  }

  /** @param {Kept} kept */
  _restoreOthers({ manifold, path, tab, marks, share }) {
    const { session } = this;
    const { size } = session.pictures.shape;
    if (manifold === true) session.showManifold(true);
    if (session.walk.paths.some(({ value }) => value === path)) session.walk.select.value = path;
    if (typeof tab === "string") this.panel?.open(tab);
    marks.slice(0, 2).forEach((mark, k) => {
      const x = mark && unpackImage(mark.x, size);
      if (!x) return;
      const place = Array.isArray(mark.place) && mark.place.every(Number.isFinite);
      session.marks[k] = { x, where: place ? { kind: "place", t: mark.place } : { kind: "mu" } };
      for (const { name, model } of session.data.models) {
        const view = session.views.get(name);
        view.ends[k] = unpack(mark.ends[model], view.vae.d) ?? view.ends[k];
      }
    });
    const led = [...session.views.values()].every((view) => view.ends.every(Boolean));
    if (typeof share !== "number" || !(share >= 0 && share <= 1) || !led) return;
    session.lead();
    session.go({ kind: "walk", share });
  }

  /** Zoom, hidden classes, and what is chosen: of maps, which have their size a little later. @param {Kept} kept */
  _restoreMaps({ windows = {}, hidden = [], lasso = null }) {
    const { session } = this;
    const { models } = session.data;
    const viewAt = (path) => session.views.get(models.find(({ model }) => model === path)?.name);
    const wait = (tries = 0) => {
      const { map } = session.first;
      if (!map.window && tries < 60) return requestAnimationFrame(() => wait(tries + 1));
      for (const { model } of models) {
        const shown = viewAt(model)?.map;
        if (shown?.window && isRange(windows[model]))
          shown.showWindow(shown.window.over(windows[model]));
      }
      if (hidden.length) map.legend?.hide(hidden.map(String));
      const view = lasso && viewAt(lasso.model);
      if (view && Array.isArray(lasso.images))
        session.select(view, lasso.images.filter(Number.isInteger));
    };
    wait();
  }

  /** A link says that x was drawn, and the drawing is not here: z must not stay without it. */
  sayLost() {
    const { session } = this;
    session.go({ kind: "mu" });
    queueMicrotask(() => {
      session.fault(LOST); // after the page has said that all is well
      session.settle();
      session.root.addEventListener("pointerdown", () => session.fault(""), { once: true });
    });
  }
}
