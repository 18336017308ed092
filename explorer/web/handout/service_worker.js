// Keeps the files of a hand-out's folder, so that its page opens without a network. `FILES` and `VERSION` are
// written before it.

/** @type {any} */
const worker = self;

worker.addEventListener("install", (event) => {
  event.waitUntil(
    caches
      .open(worker.VERSION)
      .then((cache) =>
        cache.addAll(worker.FILES.map((file) => new Request(file, { cache: "reload" }))),
      )
      .then(() => worker.skipWaiting()),
  );
});

worker.addEventListener("activate", (event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) =>
        Promise.all(
          names
            .filter((name) => name.startsWith("vae-handout-") && name !== worker.VERSION)
            .map((name) => caches.delete(name)),
        ),
      )
      .then(() => worker.clients.claim()),
  );
});

worker.addEventListener("fetch", (event) => {
  event.respondWith(
    caches
      .match(event.request, { ignoreSearch: true })
      .then((kept) => kept ?? fetch(event.request)),
  );
});
