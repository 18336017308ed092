// The Compare page's two sliders: where z is under the priors, in standard normal units.

import { set, signed, write } from "../widgets/dom.js";

const USUAL = 3; // how far they go where z is not farther out

export class CursorSliders {
  /**
   * @param {HTMLElement} root the page
   * @param {{move: (axis: number, value: number) => void, release: () => void}} listener
   */
  constructor(root, listener) {
    /** The input under the hand. @type {HTMLInputElement | null} */
    this.held = null;
    this.rows = ["across", "up"].map((name, axis) => {
      const row = root.querySelector(`.slider.${name}`);
      const input = row.querySelector("input");
      input.addEventListener("input", () => {
        this.held = input;
        listener.move(axis, Number(input.value));
      });
      input.addEventListener("change", () => {
        this.held = null;
        listener.release();
      });
      return { row, input, output: row.querySelector("output") };
    });
  }

  /**
   * @param {number[]} t the place @param {number} axes how many the models have
   * @param {string} whose the model whose place it is; "" where it is that of all
   */
  paint(t, axes, whose) {
    this.rows.forEach(({ row, input, output }, axis) => {
      const value = t[axis] ?? 0;
      /** @type {HTMLElement} */ (row).hidden = axes <= axis;
      if (input !== this.held) {
        set(input, "min", Math.min(-USUAL, Math.floor(value * 10) / 10));
        set(input, "max", Math.max(USUAL, Math.ceil(value * 10) / 10));
        if (Number(input.value) !== Number(value.toFixed(2))) input.value = value.toFixed(2);
      }
      const note = whose && `at ${whose}'s z`;
      row.classList.toggle("own", whose !== "");
      write(output, `${signed(value)} σ`);
      set(output, "title", note);
      const words = [`${value.toFixed(2)} standard deviations`, note].filter(Boolean).join(", ");
      set(input, "aria-valuetext", words);
    });
  }
}
