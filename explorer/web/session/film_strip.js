// A walk laid out as pictures, from its beginning to its end; a press on one goes there.

import { html, set } from "../widgets/dom.js";
import { paintImage } from "../widgets/image.js";
import { FRAME_MS } from "./decoder.js";

const FRAMES = 8;

export class FilmStrip {
  /** @param {HTMLElement} host @param {(share: number) => void} go */
  constructor(host, go) {
    this.host = host;
    this.stale = true;
    for (let i = 0; i < FRAMES; i++) {
      const button = html('<button type="button"><canvas class="picture"></canvas></button>');
      button.addEventListener("click", () => go(i / (FRAMES - 1)));
      host.append(button);
    }
    this.canvases = host.querySelectorAll("canvas");
  }

  /** @param {string} whose begins the name of each picture */
  setName(whose) {
    set(this.host, "aria-label", `${whose}filmstrip of the walk`);
    [...this.host.children].forEach((button, i) =>
      set(
        button,
        "aria-label",
        `${whose}go to ${Math.round((100 * i) / (FRAMES - 1))} % of the walk`,
      ),
    );
  }

  /** Paint it where it can be seen and has changed. @param {import("./model_view.js").ModelView} view */
  paint(view) {
    if (!this.stale || !this.host.clientWidth) return;
    this.stale = false;
    const { vae, decoder } = view;
    const codes = Array.from(this.canvases, (_, i) => view.walk(i / (FRAMES - 1)));
    if (!decoder.worker || FRAMES * vae.decodeMs <= FRAME_MS) {
      codes.forEach((z, i) => paintImage(this.canvases[i], vae.mean(vae.decode(z)), vae.shape));
      return;
    }
    const all = new Float32Array(FRAMES * vae.d);
    codes.forEach((z, i) => all.set(z, i * vae.d));
    decoder.film(all, (first, levels) =>
      levels.forEach((level, k) => {
        const values = Float32Array.from(level, (v) => v / 255);
        paintImage(this.canvases[first + k], values, vae.shape);
      }),
    );
  }
}
