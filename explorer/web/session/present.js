// The look for a lecture hall: full screen, type that grows with the window, nothing but the page, and a trail behind
// the pointer, which is small on a wall.

import { lessMotion } from "../widgets/dom.js";
import { rescale } from "../widgets/type.js";
import { putInAddress } from "./page_menu.js";

const TRAIL = 500; // milliseconds
const WIDTH = 14; // pixels of the trail where it begins

/** A trail behind the pointer. */
class PointerTrail {
  constructor() {
    this.canvas = document.createElement("canvas");
    this.canvas.className = "pointer-trail";
    this.canvas.setAttribute("aria-hidden", "true");
    /** @type {{x: number, y: number, at: number}[]} */
    this.points = [];
    this.frame = 0;
    this.move = (/** @type {PointerEvent} */ event) => {
      this.points.push({ x: event.clientX, y: event.clientY, at: performance.now() });
      this.frame ||= requestAnimationFrame((now) => this.paint(now));
    };
    document.body.append(this.canvas);
    addEventListener("pointermove", this.move, { passive: true });
  }

  /** @param {number} now */
  paint(now) {
    const { canvas } = this;
    this.frame = 0;
    if (canvas.width !== innerWidth || canvas.height !== innerHeight) {
      canvas.width = innerWidth;
      canvas.height = innerHeight;
    }
    const context = canvas.getContext("2d");
    if (!context) return;
    context.clearRect(0, 0, canvas.width, canvas.height);
    this.points = this.points.filter(({ at }) => now - at < TRAIL);
    context.lineCap = "round";
    context.strokeStyle = "#f59e0b";
    this.points.forEach((point, n) => {
      const before = this.points[n - 1];
      if (!before) return;
      const share = 1 - (now - point.at) / TRAIL;
      context.globalAlpha = 0.75 * share;
      context.lineWidth = 2 + WIDTH * share;
      context.beginPath();
      context.moveTo(before.x, before.y);
      context.lineTo(point.x, point.y);
      context.stroke();
    });
    if (this.points.length) this.frame = requestAnimationFrame((time) => this.paint(time));
  }

  remove() {
    removeEventListener("pointermove", this.move);
    cancelAnimationFrame(this.frame);
    this.canvas.remove();
  }
}

export class Presenter {
  /** @param {import("./page_menu.js").PageMenu} menu */
  constructor(menu) {
    this.menu = menu;
    this.on = false;
    /** @type {PointerTrail | null} */
    this.trail = null;
    document.addEventListener("fullscreenchange", () => {
      if (!document.fullscreenElement && this.on && this.full) this.toggle();
      this.full = Boolean(document.fullscreenElement);
    });
    this.full = false;
  }

  toggle() {
    this.on = !this.on;
    const { documentElement } = document;
    if (this.on) documentElement.dataset.present = "1";
    else delete documentElement.dataset.present;
    putInAddress({ present: this.on ? 1 : null });
    rescale();
    const button = this.menu.button("present");
    button.setAttribute("aria-pressed", String(this.on));
    button.textContent = this.on ? "Leave" : "Present";
    // A browser goes to full screen for a hand only; with a link the window stays as it is.
    if (this.on && navigator.userActivation?.isActive)
      documentElement.requestFullscreen?.().catch(() => {});
    if (!this.on && document.fullscreenElement) document.exitFullscreen().catch(() => {});
    if (this.on && !lessMotion()) this.trail = new PointerTrail();
    else {
      this.trail?.remove();
      this.trail = null;
    }
    dispatchEvent(new Event("resize"));
    this.menu.page.recolour();
  }
}
