// The sentence under the map: what a drag does here, and what is not what it seems.

import { zName } from "../widgets/dom.js";

/**
 * @param {{kind: string, mode: string, manifold: boolean, view: any, z: Float32Array, dims: any[],
 *   image: number, distance: number}} scene `image` is the one at the ring of a map that has only
 *   images, and `distance` how far its code is from z
 */
export function noteOf({ kind, mode, manifold, view, z, dims, image, distance }) {
  if (mode === "pan") return "A drag moves the map, the wheel or two fingers zoom; z stays.";
  if (mode === "lasso") return "Draw around points to count the images in there.";
  if (kind === "t-sne") {
    const away = distance ? `, whose code is nearest to z (${distance.toFixed(2)} away)` : "";
    return `t-SNE has no inverse: a drag gives z the code of the nearest image. The ring is at image ${image}${away}.`;
  }
  if (manifold && dims.length > 2)
    return `Behind the points: what is decoded with the other ${dims.length - 2} dimensions as z has them.`;
  if (kind === "pca")
    return (
      `The ring is z's shadow: z lies ${view.residual(z).toFixed(2)} latent units off this plane, ` +
      "and a drag keeps that."
    );
  const lost = dims.filter((d) => !d.active && [view.i, view.j].includes(d.index));
  if (lost.length)
    return `${lost.map((d) => zName(d.index)).join(" and ")} inactive: there q(z|x) is the prior, whatever x is.`;
  if (dims.length > 2)
    return `Two of ${dims.length} dimensions: a drag moves z in these and leaves the others.`;
  return "Drag on the map or a slider: x̂ and its terms follow. A click on a point makes it x.";
}

/** The images in a lasso: how many of each class, and their centre on the map. */
export function lassoOf(places, traces) {
  if (!places.length) return null;
  const counts = new Map();
  const centre = [0, 0];
  for (const [trace, x, y] of places) {
    const { name } = traces[trace];
    counts.set(name, (counts.get(name) ?? 0) + 1);
    centre[0] += x / places.length;
    centre[1] += y / places.length;
  }
  const most = [...counts].sort((a, b) => b[1] - a[1]);
  const words = most.map(([name, n]) => `${name} ×${n}`).join(", ");
  return { centre, text: `${places.length.toLocaleString("en")} images: ${words}.` };
}
