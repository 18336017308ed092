// Mouse, pen and fingers on the map. A press moves z, pans or selects, as the mode says; two fingers
// zoom in every mode.

const CLICK = 4; // pixels a press may wander and still be a click
const REACH = { mouse: 12, pen: 14, touch: 22 }; // pixels from a point that still mean it

export class Hands {
  /**
   * @param {HTMLElement} host
   * @param {{ready: () => boolean, mode: () => string, place: (px: number[]) => number[],
   *   pointAt: (px: number[], reach: number) => number, hover: (n: number, px?: number[]) => void,
   *   pinch: (from: number[][], to: number[][]) => void, move: (xy: number[]) => void,
   *   pick: (n: number) => void, release: () => void}} map
   */
  constructor(host, map) {
    this.host = host;
    this.map = map;
    this.pointers = new Map();
    this.drag = null;
    const capture = { capture: true, passive: false };
    // In plotly's drag layer a press means pan; what is ours must not reach it.
    for (const name of ["mousedown", "touchstart", "touchmove"])
      host.addEventListener(name, (event) => this._swallow(event), capture);
    host.addEventListener("pointerdown", (event) => this._down(event), capture);
    host.addEventListener("pointermove", (event) => this._move(event));
    host.addEventListener("pointerleave", () => map.hover(-1));
    // A wheel that scrolls the page must not begin to zoom when the map comes under the pointer.
    this.armed = false;
    host.addEventListener("pointermove", () => (this.armed = true));
    document.addEventListener("scroll", () => (this.armed = false), { capture: true, passive: true });
    host.addEventListener("wheel", (e) => this.armed || e.stopPropagation(), { capture: true });
    host.addEventListener("keydown", () => delete host.dataset.by);
    for (const name of ["pointerup", "pointercancel", "lostpointercapture"])
      host.addEventListener(name, (event) => this._up(event));
  }

  /** Forget all that is pressed: the map left the page. */
  drop() {
    this.pointers.clear();
    this.drag = null;
  }

  _onPlot(event) {
    return this.map.ready() && Boolean(event.target.closest?.(".nsewdrag"));
  }

  _ours(event) {
    const touch = event.pointerType === "touch" || event.type.startsWith("touch");
    const mode = this.map.mode();
    return this._onPlot(event) && (mode === "z" || (touch && mode === "pan"));
  }

  _swallow(event) {
    if (!this._ours(event) || event.button) return;
    event.stopPropagation();
    event.preventDefault(); // a finger on the map moves z, not the page
  }

  _at(event) {
    // While something is pressed the page stands still, and asking again would cost a layout.
    const box =
      (this.pointers.size && this.box) || (this.box = this.host.getBoundingClientRect());
    return [event.clientX - box.left, event.clientY - box.top];
  }

  _down(event) {
    if (!this._ours(event) || event.button) return;
    if (event.isPrimary) this.drop(); // an end that was never told
    this.host.dataset.by = "pointer"; // which needs no mark of the focus
    this.host.focus({ preventScroll: true });
    const at = this._at(event);
    this.pointers.set(event.pointerId, at);
    try {
      this.host.setPointerCapture(event.pointerId);
    } catch {
      // The pointer is gone already; its end has come or will not come.
    }
    const touch = event.pointerType === "touch";
    if (this.pointers.size === 1) {
      this.drag = { from: at, last: at, moved: false, kind: event.pointerType, pinched: false };
      this.map.hover(-1);
      // The first of two fingers must not move z: wait until it is clear that there is one.
      if (this.map.mode() === "z" && !touch) this.map.move(this.map.place(at));
    } else if (this.drag) {
      this.drag.pinched = true;
    }
    event.stopPropagation();
  }

  _move(event) {
    const at = this._at(event);
    if (!this.pointers.has(event.pointerId)) {
      if (event.buttons || event.pointerType === "touch") return;
      this.map.hover(this._onPlot(event) ? this.map.pointAt(at, REACH.mouse) : -1, at);
      return;
    }
    const before = [...this.pointers.values()].slice(0, 2);
    this.pointers.set(event.pointerId, at);
    const { drag } = this;
    if (this.pointers.size >= 2) {
      this.map.pinch(before, [...this.pointers.values()].slice(0, 2));
    } else if (drag && !drag.pinched) {
      if (Math.hypot(at[0] - drag.from[0], at[1] - drag.from[1]) > CLICK) drag.moved = true;
      if (this.map.mode() !== "z") this.map.pinch([drag.last], [at]);
      else if (drag.moved) this.map.move(this.map.place(at));
      drag.last = at;
    }
  }

  _up(event) {
    if (!this.pointers.delete(event.pointerId) || this.pointers.size) return;
    const { drag } = this;
    this.drag = null;
    const click = drag && !drag.moved && !drag.pinched && event.type === "pointerup";
    const near = click ? this.map.pointAt(drag.from, REACH[drag.kind] ?? REACH.mouse) : -1;
    if (near >= 0) {
      this.map.pick(near);
      return;
    }
    if (click && drag.kind === "touch" && this.map.mode() === "z")
      this.map.move(this.map.place(drag.from));
    this.map.release();
  }
}
