// The input x: the drawing pad, and a typical image of each class to begin with.

import { html, set, write } from "../widgets/dom.js";
import { Pad } from "../widgets/drawing_pad.js";
import { paintImage } from "../widgets/image.js";

export class InputPanel {
  /**
   * @param {HTMLElement} root the page
   * @param {{choose: (image: number) => void, drawing: () => void, drawn: () => void,
   *   x: () => Float32Array}} listener
   */
  constructor(root, listener) {
    const find = (selector) => root.querySelector(selector);
    this.listener = listener;
    this.pad = new Pad(find(".pad"), { changed: listener.drawing, done: listener.drawn });
    this.words = find(".quantity.x .what");
    this.undo = find(".undo");
    this.edit = find(".edit"); // not every page has it
    this.typical = find(".typical");
    this.undo.addEventListener("click", () => this.pad.undo());
    find(".clear").addEventListener("click", () => this.pad.clear());
    this.edit?.addEventListener("click", () => this.pad.edit(listener.x()));
  }

  /** @param {(number | null)[]} typical an image of each class @param {import("../model/pictures.js").Pictures} pictures */
  setTypical(typical, pictures) {
    this.pad.setSheet(pictures.sheet);
    const buttons = typical.flatMap((image, label) => {
      if (image === null) return [];
      const name = pictures.classes[label];
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
   * @param {import("../model/pictures.js").Pictures} pictures
   * @returns {string} what x is, in words
   */
  paint(x, image, pictures) {
    const { pad } = this;
    pad.paint(x);
    const drawn = image === null || pad.active;
    const words = drawn
      ? "your drawing"
      : `image ${image}, class ${pictures.classes[pictures.labels[image]]}`;
    write(this.words, pad.empty ? "as before, until you draw" : words);
    this.undo.disabled = !pad.active || !pad.strokes.length;
    if (this.edit) this.edit.disabled = pad.active;
    for (const button of this.typical.children)
      set(button, "aria-pressed", !drawn && Number(button.dataset.image) === image);
    return words;
  }
}
