// Blobs that are unpacked, the last few of each kind, so that going back costs nothing.

import { fetchBlob } from "./blobs.js";

const KEPT = 5;

export class Loader {
  /** @param {Record<string, (blob: any) => any>} makers what to make of a blob of each kind */
  constructor(makers) {
    this.makers = makers;
    this.kinds = new Map(Object.keys(makers).map((kind) => [kind, new Map()]));
  }

  /** What the blob at a path holds, as the maker of its kind makes it. @returns {Promise<any>} */
  get(kind, path, root) {
    const held = this.kinds.get(kind);
    const made = held.get(path) ?? fetchBlob(new URL(path, root).href, kind).then(this.makers[kind]);
    held.delete(path);
    held.set(path, made); // the newest comes last
    made.catch(() => held.delete(path)); // whoever asks next tries again
    if (held.size > KEPT) held.delete(held.keys().next().value);
    return made;
  }
}
