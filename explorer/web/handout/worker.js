// What a worker of a hand-out begins with: models come by message, as it can fetch nothing.

import { takeFrom } from "../model/blobs.js";

/** @type {Map<string, Uint8Array<ArrayBuffer>>} */
const given = new Map();

addEventListener("message", (/** @type {MessageEvent} */ event) => {
  if (!event.data.given) return;
  event.stopImmediatePropagation(); // it is no order
  given.set(event.data.url, event.data.given);
});

takeFrom(async (url) => {
  const bytes = given.get(url);
  return new Response(bytes ?? null, { status: bytes ? 200 : 404 });
});
