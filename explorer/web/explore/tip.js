// What a pointer rests on: the image of the nearest point, and its reconstruction.

import { paintDigit, write } from "../widgets/dom.js";

export class Tip {
  constructor(root) {
    this.root = root;
    this.tip = root.querySelector(".tip");
    this.canvases = this.tip.querySelectorAll("canvas");
    this.words = this.tip.querySelector("p");
  }

  hide() {
    this.tip.hidden = true;
  }

  /** @param {number} image @param {number[]} at pixels of `host` @param {HTMLElement} host */
  show(image, at, host, vae, pictures) {
    const x = pictures.get(image);
    const posterior = vae.encode(x);
    const logits = vae.decode(posterior.mu);
    const recon = vae.reconstruction(logits, x);
    paintDigit(this.canvases[0], x);
    paintDigit(this.canvases[1], vae.mean(logits));
    write(
      this.words,
      `image ${image}, class ${pictures.classes[pictures.labels[image]]} · at its μ: ` +
        `reconstruction ${recon.toFixed(1)}, KL ${posterior.kl.toFixed(2)}` +
        (vae.likelihood.constant === null ? "" : " nats"),
    );
    this.tip.hidden = false;
    const map = host.getBoundingClientRect();
    const base = this.root.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = this.tip;
    const left = map.left - base.left + at[0] + 16;
    const top = map.top - base.top + at[1] - height - 12;
    const right = base.width - width - 4;
    this.tip.style.left = `${left > right ? Math.max(4, left - width - 32) : left}px`;
    this.tip.style.top = `${top < 4 ? top + height + 28 : top}px`;
  }
}
