// The left column: x, its reconstruction, the typical images, q(z|x) in numbers.

import { html, paintDigit, set, signed, write, zName } from "../widgets/dom.js";

const SHOWN = 10;

export class InputPanel {
  /** @param {HTMLElement} root @param {(image: number) => void} choose */
  constructor(root, choose) {
    const find = (selector) => root.querySelector(selector);
    this.choose = choose;
    this.what = find(".quantity.x .what");
    this.seen = find("canvas.seen");
    this.recon = find("canvas.recon");
    this.undo = find(".undo");
    this.edit = find(".edit");
    this.typical = find(".typical");
    this.rows = find("table.posterior tbody");
  }

  /** @param {(number | null)[]} typical an image of each class @param {any} pictures */
  setTypical(typical, pictures) {
    const buttons = typical.flatMap((image, label) => {
      if (image === null) return [];
      const button = html(`<button type="button" data-image="${image}">
        <canvas class="digit" width="28" height="28"></canvas></button>`);
      button.title = pictures.classes[label];
      set(button, "aria-label", `typical image of class ${pictures.classes[label]}`);
      paintDigit(button.firstElementChild, pictures.get(image));
      button.addEventListener("click", () => this.choose(image));
      return [button];
    });
    this.typical.replaceChildren(...buttons);
  }

  /**
   * @param {{x: Float32Array, mean: Float32Array, image: number, name: string,
   *   pad: import("../widgets/drawing_pad.js").Pad, posterior: import("../model/vae.js").Posterior, dims: any[]}} shown
   */
  paint({ x, mean, image, name, pad, posterior, dims }) {
    pad.paint(x);
    paintDigit(this.seen, x);
    paintDigit(this.recon, mean);
    const words = pad.active ? "your drawing" : `image ${image}, class ${name}`;
    write(this.what, pad.empty ? "as before, until you draw" : words);
    set(this.seen, "aria-label", `x as the encoder sees it: ${words}`);
    set(this.recon, "aria-label", "its reconstruction, decoded from the mean of q(z|x)");
    this.undo.disabled = !pad.active || !pad.strokes.length;
    this.edit.disabled = pad.active;
    for (const button of this.typical.children)
      set(button, "aria-pressed", !pad.active && Number(button.dataset.image) === image);
    const line = ({ index, active }) => {
      const cells = [
        signed(posterior.mu[index]),
        posterior.std[index].toFixed(3),
        posterior.klPerDim[index].toFixed(2),
      ];
      const inside = cells.map((cell) => `<td>${cell}</td>`).join("");
      return `<tr${active ? "" : ' class="inactive"'}><th>${zName(index)}</th>${inside}</tr>`;
    };
    const more =
      dims.length > SHOWN ? `<tr><td colspan="4">and ${dims.length - SHOWN} more</td></tr>` : "";
    this.rows.innerHTML = dims.slice(0, SHOWN).map(line).join("") + more;
  }
}
