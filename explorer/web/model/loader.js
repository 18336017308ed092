// Unpacked blobs, the last few of each kind, so that going back costs nothing.

import { fetchBlob } from "./blobs.js";

/** @typedef {import("./blob_types.js").Blobs} Blobs */

const KEPT = 5;

/**
 * @template {{[K in keyof Blobs]?: (blob: Blobs[K], root: string) => unknown}} Makers
 */
export class Loader {
  /**
   * @param {Makers} makers of an object from a blob, by its kind
   * @param {(kind: string, share: number) => void} [progress] told how much of a blob has come
   */
  constructor(makers, progress) {
    this.makers = makers;
    this.progress = progress;
    /** @type {Map<string, Map<string, Promise<unknown>>>} */
    this.kinds = new Map(Object.keys(makers).map((kind) => [kind, new Map()]));
  }

  /**
   * The object that the maker of its kind makes, now or later, of the blob at a path.
   * @template {keyof Makers & keyof Blobs} K
   * @param {K} kind
   * @param {string} path
   * @param {string} root that the path is relative to
   * @returns {Promise<Makers[K] extends (blob: any, root: string) => infer Made ? Awaited<Made> : never>}
   */
  get(kind, path, root) {
    const held = this.kinds.get(kind);
    const maker = /** @type {((blob: Blobs[K], root: string) => unknown) | undefined} */ (
      this.makers[kind]
    );
    if (!held || !maker) throw new Error(`a blob of kind ${kind}`);
    const { progress } = this;
    const told = progress && ((/** @type {number} */ share) => progress(kind, share));
    const made =
      held.get(path) ??
      fetchBlob(new URL(path, root).href, kind, told).then((blob) => maker(blob, root));
    held.delete(path);
    held.set(path, made); // the newest comes last
    made.catch(() => held.delete(path)); // whoever asks next tries again
    for (const oldest of held.keys()) {
      if (held.size <= KEPT) break;
      held.delete(oldest);
    }
    return /** @type {Promise<any>} */ (made);
  }
}
