// The codes of the probe images over the prior, at any moment between two snapshots.

import { plotContext, watchSize, zName } from "./dom.js";

export class Scatter {
  /** @param {HTMLCanvasElement} canvas @param {() => void} resized */
  constructor(canvas, resized) {
    this.canvas = canvas;
    watchSize(canvas, resized);
  }

  /**
   * Codes move in straight lines from one snapshot to the next.
   * @param {{a: any, b: any, share: number}} moment @param {any} probe
   * @param {{mean: number, std: number}} prior @param {string[]} colours of the classes
   */
  draw({ a, b, share }, probe, prior, colours) {
    const { context, width, height } = plotContext(this.canvas);
    if (!width) return;
    const style = getComputedStyle(this.canvas);
    const [ink, faint, line, paper] = ["--ink", "--faint", "--line", "--paper"].map((name) =>
      this.colour(style, name),
    );
    const span = a.span + share * (b.span - a.span);
    const scale = Math.min(width, height) / 2 / span;
    const x = (value) => width / 2 + (value - prior.mean) * scale;
    const y = (value) => height / 2 - (value - prior.mean) * scale;
    this.rings(context, prior, { x, y, scale, width, height, line, faint }, a.axes);
    const { labels } = probe.arrays;
    const radius = Math.max(1.8, Math.min(width, height) / 190);
    const flat = a.axes.length < 2; // one dimension: all on a line
    const place = (frame, n, k) =>
      k && flat ? prior.mean : frame.codes[n * frame.d + frame.axes[Math.min(k, frame.axes.length - 1)]];
    context.globalAlpha = 0.8;
    for (let c = 0; c < probe.header.classes.length; c++) {
      context.fillStyle = colours[c % colours.length];
      context.beginPath();
      for (let n = 0; n < labels.length; n++) {
        if (labels[n] !== c) continue;
        const px = x(place(a, n, 0) + share * (place(b, n, 0) - place(a, n, 0)));
        const py = y(place(a, n, 1) + share * (place(b, n, 1) - place(a, n, 1)));
        context.moveTo(px + radius, py);
        context.arc(px, py, radius, 0, 6.2832);
      }
      context.fill();
    }
    context.globalAlpha = 1;
    this.names(context, { a, b, share }, probe.header.classes, { x, y, ink, paper, prior });
  }

  /** A custom property as a colour; light-dark() is resolved on a real property only. */
  colour(style, name) {
    this.swatch ??= this.canvas.parentElement.querySelector(".swatch");
    this.swatch.style.color = `var(${name})`;
    return getComputedStyle(this.swatch).color;
  }

  rings(context, prior, { x, y, scale, width, height, line, faint }, axes) {
    context.lineWidth = 1.2;
    context.strokeStyle = line;
    context.fillStyle = faint;
    context.font = "12px sans-serif";
    context.textAlign = "center";
    context.textBaseline = "top";
    for (const sigmas of [1, 2, 3]) {
      const radius = sigmas * prior.std * scale;
      context.beginPath();
      context.arc(x(prior.mean), y(prior.mean), radius, 0, 6.2832);
      context.stroke();
      context.fillText(sigmas === 3 ? "3σ of the prior" : `${sigmas}σ`, x(prior.mean), y(prior.mean) + radius + 2);
    }
    context.beginPath();
    context.moveTo(0, y(prior.mean));
    context.lineTo(width, y(prior.mean));
    context.moveTo(x(prior.mean), 0);
    context.lineTo(x(prior.mean), height);
    context.stroke();
    context.font = "15px sans-serif";
    context.textAlign = "right";
    context.textBaseline = "bottom";
    context.fillText(zName(axes[0]), width - 4, y(prior.mean) - 3);
    if (axes.length < 2) return;
    context.textAlign = "left";
    context.textBaseline = "top";
    context.fillText(zName(axes[1]), x(prior.mean) + 5, 3);
  }

  /** Each class's name at its middle, unless another one is written there already. */
  names(context, { a, b, share }, classes, { x, y, ink, paper, prior }) {
    context.font = "bold 17px sans-serif";
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.lineJoin = "round";
    const taken = [];
    classes.forEach((name, c) => {
      const [from, to] = [a.middles[c], b.middles[c]];
      if (!from || !to) return;
      const at = (k) => (from[k] === undefined ? prior.mean : from[k] + share * (to[k] - from[k]));
      const [px, py] = [x(at(0)), y(at(1))];
      if (taken.some(([tx, ty]) => Math.hypot(tx - px, ty - py) < 17)) return;
      taken.push([px, py]);
      context.lineWidth = 4;
      context.strokeStyle = paper;
      context.strokeText(name, px, py);
      context.fillStyle = ink;
      context.fillText(name, px, py);
    });
  }
}
