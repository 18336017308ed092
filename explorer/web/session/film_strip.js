// A walk laid out as pictures, from its beginning to its end; a press on one goes there.

import { html, set } from "../widgets/dom.js";
import { paintImage } from "../widgets/image.js";

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
    this.canvases.forEach((canvas, i) => {
      const { vae } = view;
      paintImage(canvas, vae.mean(vae.decode(view.walk(i / (FRAMES - 1)))), vae.shape);
    });
  }
}
