// The input x: the drawing pad, a picture from a file, and a typical image of each class to begin with.

import { html, set, write } from "../widgets/dom.js";
import { hearPictures, pictureOf } from "../widgets/picture_file.js";
import { Pad } from "../widgets/drawing_pad.js";
import { paintImage } from "../widgets/image.js";

export class InputPanel {
  /**
   * @param {HTMLElement} root the page
   * @param {{choose: (image: number) => void, drawing: () => void, drawn: () => void,
   *   taken: (x: Float32Array) => void, fault: (sentence: string) => void, x: () => Float32Array}} listener
   */
  constructor(root, listener) {
    const find = (selector) => root.querySelector(selector);
    this.listener = listener;
    this.pad = new Pad(find(".pad"), { changed: listener.drawing, done: listener.drawn });
    this.words = find(".quantity.x .what");
    this.undo = find(".undo");
    this.edit = find(".edit"); // not every page has it
    this.clear = find(".clear");
    this.taken = false; // whether x is a picture from a file
    hearPictures(root, find(".file"), (file) => this._take(file));
    this.typical = find(".typical");
    this.undo.addEventListener("click", () => this.pad.undo());
    this.clear.addEventListener("click", () => this.pad.clear());
    this.edit?.addEventListener("click", () => this.pad.edit(listener.x()));
  }

  /** Make a file x. @param {Blob} file */
  async _take(file) {
    try {
      const x = await pictureOf(file, this.pad.sheet);
      this.pad.deactivate();
      this.taken = true;
      this.listener.taken(x);
      this.listener.fault("");
    } catch (error) {
      this.listener.fault(error.message ?? String(error));
    }
  }

  /** @param {(number | null)[]} typical an image of each class @param {import("../model/pictures.js").Pictures} pictures */
  setTypical(typical, pictures) {
    this.pad.setSheet(pictures.sheet);
    this.taken = false;
    for (const button of [this.undo, this.clear, this.edit])
      if (button) button.hidden = !this.pad.drawable;
    const buttons = typical.flatMap((image) => {
      if (image === null) return [];
      const name = pictures.classes[pictures.labels[image]];
      const button = html(
        `<button type="button" data-image="${image}"><canvas class="picture"></canvas></button>`,
      );
      button.title = name;
      set(button, "aria-label", `typical image of class ${name}`);
      const canvas = button.querySelector("canvas");
      const paint = () => paintImage(canvas, pictures.get(image), pictures.shape);
      if (pictures.has(image)) paint();
      else pictures.ready(image).then(paint, () => {});
      button.addEventListener("click", () => this.listener.choose(image));
      return [button];
    });
    this.typical.replaceChildren(...buttons);
  }

  /**
   * @param {Float32Array} x @param {number | null} image its number; null where it is drawn
   * @param {import("../model/pictures.js").Pictures} pictures @param {string} [noun] what the number counts
   * @returns {string} what x is, in words
   */
  paint(x, image, pictures, noun = "image") {
    const { pad } = this;
    pad.paint(x);
    if (pad.active) this.taken = false;
    const several = pictures.classes.length > 1;
    const drawn = image === null || pad.active || this.taken;
    const words = drawn
      ? `your ${this.taken ? "picture" : "drawing"}`
      : `${noun} ${image}${several ? `, class ${pictures.classes[pictures.labels[image]]}` : ""}`;
    write(this.words, pad.empty ? "as before, until you draw" : words);
    this.undo.disabled = !pad.active || !pad.strokes.length;
    if (this.edit) this.edit.disabled = pad.active;
    for (const button of this.typical.children)
      set(button, "aria-pressed", !drawn && Number(button.dataset.image) === image);
    return words;
  }
}
