// Sentences about a map: what a drag does there, what is not what it seems, what a lasso holds.

import { zName } from "../widgets/dom.js";

const REACH = 4; // standard deviations: of a thousand draws in ten dimensions, one lies farther out

/** Whether z is among the draws of q(z|x), of which the decoder saw many. @param {import("./model_view.js").ModelView} view */
function isDraw({ posterior, vae, z }) {
  if (!vae.hasPosterior || !posterior) return false;
  return posterior.mu.every((mu, i) => Math.abs(z[i] - mu) <= REACH * posterior.std[i]);
}

/**
 * Whether no image has its code near z: on a plane by the nearest place, else beyond all in a dimension that
 * says something; in one that says nothing, draws lie as the prior does.
 * @param {import("./model_view.js").ModelView} view
 */
function farFromAll(view) {
  const { blob, z, vae, dims, coordinates, projection } = view;
  if (isDraw(view)) return false;
  const { x, y } = blob.arrays;
  if (vae.d === 2 && projection.invertible) {
    const [a, b] = projection.project(z);
    const reach = (0.4 * vae.prior.std) ** 2;
    for (let i = 0; i < x.length; i++) if ((x[i] - a) ** 2 + (y[i] - b) ** 2 < reach) return false;
    return x.length > 0;
  }
  return dims.some(({ low, high, choice, active }, n) => {
    const value = coordinates[n].read(z);
    const more = !active && vae.hasPosterior ? REACH * vae.prior.std : 0;
    return !choice && (value < low - more || value > high + more);
  });
}

/**
 * @param {import("./model_view.js").ModelView} view @param {string} mode of a drag @param {boolean} manifold
 * @returns {string} the sentence under the map
 */
export function noteOf(view, mode, manifold) {
  const { projection, blob, z } = view;
  const dims = view.dims.filter(({ choice }) => !choice);
  if (!projection) return "";
  if (mode === "pan") return "A drag moves the map, the wheel or two fingers zoom; z stays.";
  if (mode === "lasso") return "Draw around points to count the images in there.";
  if (!projection.invertible) {
    const code = view.nearestCode();
    const distance = view.at ? 0 : projection.distance(z, code);
    const away = distance ? `, whose code is nearest to z (${distance.toFixed(2)} away)` : "";
    return `${projection.title} has no inverse: a drag gives z the code of the nearest image. The ring is at image ${blob.arrays.index[code]}${away}.`;
  }
  if (z && farFromAll(view))
    return "No image has its code near here: the decoder was never taught what belongs to this z.";
  if (manifold && dims.length > 2)
    return `Behind the points: what is decoded with the other ${dims.length - 2} dimensions as z has them.`;
  const note = projection.note?.(z);
  if (note) return note;
  const lost = dims.filter((d) => !d.active && view.axes.includes(d.index));
  if (lost.length) {
    const names = lost.map((d) => zName(d.index)).join(" and ");
    if (!view.vae.hasPosterior) return `${names} inactive: all codes are about the same there.`;
    return `${names} inactive: there q(z|x) is about the same, whatever x is.`;
  }
  if (dims.length > 2)
    return `Two of ${dims.length} dimensions: a drag moves z in these and leaves the others.`;
  return "Drag on the map or a slider: x̂ and its terms follow. A click on a point makes it x.";
}

/** The images in a lasso: how many of each class, and their centre on the map. @param {Set<number>} images @param {import("../model/blob_types.js").MapBlob} blob */
export function lassoOf(images, { header, arrays }) {
  if (!images.size) return null;
  const counts = [];
  const centre = [0, 0];
  for (const { name, points } of header.groups) {
    let n = 0;
    for (let i = points[0]; i < points[1]; i++)
      if (images.has(arrays.index[i])) {
        n += 1;
        centre[0] += arrays.x[i] / images.size;
        centre[1] += arrays.y[i] / images.size;
      }
    if (n) counts.push([name, n]);
  }
  const noun = images.size === 1 ? "image" : "images";
  const many = `${images.size.toLocaleString("en")} ${noun}`;
  if (header.groups.length < 2) return { centre, text: `${many}.` };
  const words = counts.sort((a, b) => b[1] - a[1]).map(([name, n]) => `${name} ×${n}`);
  return { centre, text: `${many}: ${words.join(", ")}.` };
}
