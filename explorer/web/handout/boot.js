// The first script of a hand-out: takes its packs as they arrive, and runs the modules that are in them. Browsers
// load neither modules nor workers that import some from a file, so that modules are functions here
// (explorer/handout/bundle.py). A worker begins with the first part of this too.

/**
 * @typedef {(path: string) => any} Need gives the exports of a module
 * @typedef {(exports: object, need: Need, later: (path: string) => Promise<any>) => void} Make runs a module
 */

{
  /** @type {Map<string, Make>} */
  const makers = new Map();
  /** @type {Map<string, object>} */
  const made = new Map();
  /** @type {Map<string, ((value?: any) => void)[]>} */
  const waiting = new Map();

  /** A module that has come. @param {string} path @param {Make} make */
  globalThis.define = (path, make) => {
    makers.set(path, make);
    for (const resolve of waiting.get(path) ?? []) resolve();
    waiting.delete(path);
  };

  /** @type {Need} */
  globalThis.need = (path) => {
    const there = made.get(path);
    if (there) return there;
    const make = makers.get(path);
    if (!make) throw new Error(`The module ${path} is not in this file.`);
    const exports = {};
    made.set(path, exports);
    make(exports, globalThis.need, globalThis.later);
    return exports;
  };

  /** A module's exports, once it has come. @param {string} path */
  globalThis.later = async (path) => {
    if (!makers.has(path))
      await new Promise((resolve) => waiting.set(path, [...(waiting.get(path) ?? []), resolve]));
    return globalThis.need(path);
  };
}
