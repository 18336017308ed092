// Pictures and codes of images as files: PNG, a ZIP of many, CSV.

import { zip } from "../model/zip.js";
import { paintImage } from "../widgets/image.js";

/** @typedef {import("../model/pictures.js").Pictures} Pictures */
/** Told how many images are done; false gives it up. @typedef {(done: number) => boolean} Told */

const PAUSE = 30; // images between looks at what else the page has to do

/** @param {HTMLCanvasElement} canvas @returns {Promise<Blob>} */
export const pngOf = (canvas) =>
  new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("the picture is too large")))),
  );

/** A picture as PNG. @param {ArrayLike<number>} values @param {import("../model/image_shape.js").ImageShape} shape @param {number} [factor] */
export function pictureAsPng(values, shape, factor = 1) {
  const small = document.createElement("canvas");
  paintImage(small, values, shape);
  if (factor === 1) return pngOf(small);
  const large = document.createElement("canvas");
  large.width = factor * shape.width;
  large.height = factor * shape.height;
  const c = /** @type {CanvasRenderingContext2D} */ (large.getContext("2d"));
  c.imageSmoothingEnabled = false;
  c.drawImage(small, 0, 0, large.width, large.height);
  return pngOf(large);
}

const SPECIAL = ['"', ",", "\n", "\r"]; // in a CSV (RFC 4180)

/** A field of a CSV. @param {string | number} value */
const field = (value) => {
  const text = String(value);
  return SPECIAL.some((sign) => text.includes(sign)) ? `"${text.replaceAll('"', '""')}"` : text;
};

/**
 * Do something with each image, whose pictures are fetched; whether it was not given up.
 * @param {Pictures} pictures @param {number[]} images @param {(image: number) => Promise<void> | void} act @param {Told} told
 */
async function each(pictures, images, act, told) {
  for (const [n, image] of images.entries()) {
    await pictures.ready(image);
    await act(image);
    if (n % PAUSE) continue;
    if (!told(n)) return false;
    await new Promise((resolve) => setTimeout(resolve));
  }
  return true;
}

/**
 * Means and standard deviations of q(z|x) as a table; null where it was given up.
 * @param {import("./model_view.js").ModelView} view @param {Pictures} pictures @param {number[]} images @param {Told} told
 */
export async function codesOf(view, pictures, images, told) {
  const { d } = view.vae;
  const names = (/** @type {string} */ of) => Array.from({ length: d }, (_, i) => `${of}_${i + 1}`);
  const rows = [["image", "class", ...names("mu"), ...names("std")].join(",")];
  const add = (/** @type {number} */ image) => {
    const { mu, std } = view.posteriorOf(pictures.get(image));
    const className = pictures.classes[pictures.labels[image]];
    const numbers = [...mu, ...(std ?? new Float32Array(d))].map((v) => Number(v.toPrecision(7)));
    rows.push([image, className, ...numbers].map(field).join(","));
  };
  if (!(await each(pictures, images, add, told))) return null;
  return new Blob([rows.join("\r\n") + "\r\n"], { type: "text/csv" });
}

/** Images as PNGs in folders of their classes; null where it was given up. @param {Pictures} pictures @param {number[]} images @param {Told} told */
export async function picturesOf(pictures, images, told) {
  /** @type {import("../model/zip.js").File[]} */
  const files = [];
  const digits = String(pictures.count).length;
  const add = async (/** @type {number} */ image) => {
    const content = await pictureAsPng(pictures.get(image), pictures.shape);
    const className = pictures.classes[pictures.labels[image]].replace(/[^\p{L}\p{N}_-]/gu, "_");
    const name = `${className}/${String(image).padStart(digits, "0")}.png`;
    files.push({ name, content: new Uint8Array(await content.arrayBuffer()) });
  };
  return (await each(pictures, images, add, told)) ? zip(files) : null;
}
