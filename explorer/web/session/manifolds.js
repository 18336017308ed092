// The switch that shows decoded pictures behind the codes.

/** Offer the manifold where some map has an inverse, and show it where it is wanted. @param {HTMLButtonElement} button @param {Iterable<import("./model_view.js").ModelView>} views @param {boolean} on */
export function offerManifolds(button, views, on) {
  const possible = Array.from(views, (view) => view.showManifold(on));
  button.disabled = !possible.includes(true);
  button.title = button.disabled
    ? "This map has no inverse, so there is no picture for each of its places"
    : "The decoded picture of every place, as the map's background";
}
