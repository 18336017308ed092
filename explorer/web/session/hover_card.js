// The card beside the pointer: the image of the nearest code, and its reconstruction.

import { write } from "../widgets/dom.js";
import { paintImage } from "../widgets/image.js";

/** Pixels between the pointer and the card: to its right, above it, and below where there is no room. */
const [RIGHT, ABOVE, BELOW] = [16, 12, 16];

export class HoverCard {
  /** @param {HTMLElement} root the page, which holds the card */
  constructor(root) {
    this.root = root;
    /** @type {HTMLElement} */
    this.card = root.querySelector(".tip");
    this.canvases = this.card.querySelectorAll("canvas");
    this.words = this.card.querySelector("p");
    /** The image that it shows or will; −1 for none. */
    this.image = -1;
  }

  hide() {
    this.card.hidden = true;
    this.image = -1;
  }

  /**
   * @param {number} image @param {ArrayLike<number>} at pixels of the view's map
   * @param {import("./model_view.js").ModelView} view @param {import("../model/pictures.js").Pictures} pictures
   */
  show(image, at, view, pictures) {
    this.image = image;
    if (!view.vae.knows(image)) {
      this.card.hidden = true; // the encoder is on its way
      return;
    }
    if (!pictures.has(image)) {
      this.card.hidden = true;
      pictures.ready(image).then(
        () => this.image === image && this.show(image, at, view, pictures),
        () => {},
      );
      return;
    }
    const { vae, decoder, map } = view;
    const x = pictures.get(image);
    const posterior = vae.encodes ? view.posteriorOf(x) : vae.known(image);
    decoder.decode("hover", { x, of: 0, z: posterior.mu }, ({ output, own }) => {
      if (this.image !== image) return; // the pointer has gone on
      paintImage(this.canvases[0], x, pictures.shape);
      this.canvases[1].hidden = !vae.encodes; // a decoder's pictures are what it makes of its codes
      paintImage(this.canvases[1], vae.mean(output), vae.shape);
      write(this.words, this._words(image, view, pictures, own, posterior.kl));
      this._place(at, map.host);
    });
  }

  /** @param {number} image @param {import("./model_view.js").ModelView} view @param {import("../model/pictures.js").Pictures} pictures @param {number} own its term @param {number} kl in nats */
  _words(image, { vae }, { classes, labels }, own, kl) {
    if (!vae.encodes) return `code ${image}`;
    const many = classes.length > 1 ? `, class ${classes[labels[image]]}` : "";
    const unit = vae.likelihood.constant === null ? "" : " nats";
    const terms = `reconstruction ${own.toFixed(1)}`;
    if (!vae.prior.hasDensity) return `image ${image}${many} · ${terms}`;
    return `image ${image}${many} · at its μ: ${terms}, KL ${kl.toFixed(2)}${unit}`;
  }

  /** Show it beside the pointer. @param {ArrayLike<number>} at pixels of `host` @param {HTMLElement} host */
  _place(at, host) {
    this.card.hidden = false;
    const map = host.getBoundingClientRect();
    const base = this.root.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = this.card;
    const left = map.left - base.left + at[0] + RIGHT;
    const top = map.top - base.top + at[1] - height - ABOVE;
    const right = base.width - width - 4;
    this.card.style.left = `${left > right ? Math.max(4, left - width - 2 * RIGHT) : left}px`;
    this.card.style.top = `${top < 4 ? top + height + ABOVE + BELOW : top}px`;
  }
}
