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
    this.wanted = -1; // the image, once its picture is here
  }

  hide() {
    this.wanted = -1;
    this.card.hidden = true;
  }

  /**
   * @param {number} image @param {ArrayLike<number>} at pixels of `host` @param {HTMLElement} host
   * @param {import("../model/vae.js").Vae} vae @param {import("../model/pictures.js").Pictures} pictures
   */
  show(image, at, host, vae, pictures) {
    this.wanted = image;
    if (!pictures.has(image)) {
      this.card.hidden = true;
      pictures.ready(image).then(
        () => this.wanted === image && this.show(image, at, host, vae, pictures),
        () => {},
      );
      return;
    }
    const x = pictures.get(image);
    const posterior = vae.encode(x);
    const output = vae.decode(posterior.mu);
    const recon = vae.reconstruction(output, x);
    paintImage(this.canvases[0], x, pictures.shape);
    paintImage(this.canvases[1], vae.mean(output), vae.shape);
    write(
      this.words,
      `image ${image}, class ${pictures.classes[pictures.labels[image]]} · at its μ: ` +
        `reconstruction ${recon.toFixed(1)}, KL ${posterior.kl.toFixed(2)}` +
        (vae.likelihood.constant === null ? "" : " nats"),
    );
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
