// A picture from a file, the clipboard or the camera, fitted to the shape of a data set's pictures.

import { context2d } from "./dom.js";

/** @typedef {import("./drawing_pad.js").Sheet} Sheet */

const MOST_BYTES = 50e6;
const BRIGHT = 0.5; // mean level above which ink is taken to be dark

/**
 * The picture as values in [0, 1]: cut about its middle to the shape's aspect, and grey where the shape is.
 * Where a data set's ink is light on black and the picture is bright, as paper is, it is inverted.
 * @param {Blob} file @param {Sheet} sheet
 * @returns {Promise<Float32Array>} (c·h·w,)
 */
export async function pictureOf(file, { shape, box }) {
  if (file.size > MOST_BYTES)
    throw new Error(`The picture has ${Math.round(file.size / 1e6)} MB; 50 MB are the most.`);
  let picture;
  try {
    picture = await createImageBitmap(file);
  } catch {
    const what = file instanceof File && file.name ? `“${file.name.slice(0, 60)}”` : "The file";
    throw new Error(
      `${what} is no picture that this browser can read; choose a JPEG, PNG or WebP file.`,
    );
  }
  const { channels, height, width } = shape;
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  const context = context2d(canvas);
  context.fillStyle = box ? "#000" : "#fff"; // behind what is transparent
  context.fillRect(0, 0, width, height);
  const scale = Math.max(width / picture.width, height / picture.height);
  const small = await createImageBitmap(picture, {
    resizeWidth: Math.max(width, Math.round(picture.width * scale)),
    resizeHeight: Math.max(height, Math.round(picture.height * scale)),
    resizeQuality: "high",
  });
  context.drawImage(
    small,
    Math.round((width - small.width) / 2),
    Math.round((height - small.height) / 2),
  );
  picture.close();
  small.close();
  const values = valuesOf(context.getImageData(0, 0, width, height).data, channels);
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  return box && mean > BRIGHT ? values.map((v) => 1 - v) : values;
}

/**
 * @param {ArrayLike<number>} rgba levels of pixels
 * @param {number} channels 1: their luma (Rec. 601, as Pillow has it)
 * @returns {Float32Array} channels first, in [0, 1]
 */
export function valuesOf(rgba, channels) {
  const plane = rgba.length / 4;
  const out = new Float32Array(channels * plane);
  for (let i = 0, p = 0; i < plane; i++, p += 4)
    if (channels === 1)
      out[i] = (0.299 * rgba[p] + 0.587 * rgba[p + 1] + 0.114 * rgba[p + 2]) / 255;
    else for (let c = 0; c < 3; c++) out[c * plane + i] = rgba[p + c] / 255;
  return out;
}

/**
 * Hear of pictures: chosen by a button, dropped on the page, pasted.
 * @param {HTMLElement} root the page @param {HTMLElement} button
 * @param {(file: Blob) => void} take
 */
export function hearPictures(root, button, take) {
  const chooser = document.createElement("input");
  chooser.type = "file";
  chooser.accept = "image/*"; // a phone offers its camera too
  chooser.hidden = true;
  button.after(chooser);
  button.addEventListener("click", () => chooser.click());
  const first = (/** @type {FileList | undefined | null} */ files) => {
    if (files?.length) take(files[0]);
  };
  chooser.addEventListener("change", () => {
    first(chooser.files);
    chooser.value = ""; // the same file again is another choice
  });
  root.addEventListener("dragover", (event) => {
    if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
  });
  root.addEventListener("drop", (event) => {
    if (!event.dataTransfer?.files.length) return;
    event.preventDefault();
    first(event.dataTransfer.files);
  });
  document.addEventListener("paste", (event) => {
    if (root.isConnected && event.clipboardData?.files.length) first(event.clipboardData.files);
  });
}
