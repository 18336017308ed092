// Mouse, pen and fingers on a map. A press moves z, pans or selects, as the mode says; two fingers zoom
// in every mode, the wheel too.

/** @typedef {import("./map_window.js").Point} Point */
/** @typedef {"z" | "pan" | "lasso"} Mode */

const CLICK = 4; // pixels a press may wander and still be a click
/** Pixels from a point that still mean it. @type {Record<string, number>} */
const REACH = { mouse: 12, pen: 14, touch: 22 };
const NOTCH = 0.0015; // of zoom, a unit of the wheel

/**
 * What a map does for a hand.
 * @typedef {object} Hand
 * @property {() => boolean} ready whether there is a map
 * @property {(pixel: Point) => void} move
 * @property {() => void} release
 * @property {(pixel: Point, reach: number) => number} pointAt the code there; -1 where there is none
 * @property {(code: number) => void} pick
 * @property {(code: number, pixel: Point) => void} hover
 * @property {(from: Point[], to: Point[]) => void} pinch
 * @property {(factor: number, pixel: Point) => void} zoom
 * @property {() => void} reset
 * @property {(line: Point[], done: boolean) => void} lasso
 */

export class Pointer {
  /** @param {HTMLElement} host @param {Hand} hand */
  constructor(host, hand) {
    this.host = host;
    this.hand = hand;
    /** @type {Mode} */
    this.mode = "z";
    /** @type {Map<number, Point>} */
    this.pressed = new Map();
    /** @type {{from: Point, last: Point, moved: boolean, pinched: boolean, kind: string, line: Point[]} | null} */
    this.drag = null;
    /** @type {DOMRect | null} */
    this.box = null;
    // A wheel that scrolls the page must not begin to zoom when the map comes under the pointer.
    this.armed = false;
    host.addEventListener("pointerdown", (event) => this._down(event));
    host.addEventListener("pointermove", (event) => this._move(event));
    host.addEventListener("pointerleave", () => hand.hover(-1, [0, 0]));
    for (const name of /** @type {const} */ (["pointerup", "pointercancel", "lostpointercapture"]))
      host.addEventListener(name, (event) => this._up(event));
    host.addEventListener("wheel", (event) => this._wheel(event), { passive: false });
    host.addEventListener("dblclick", () => hand.ready() && this.mode !== "z" && hand.reset());
    host.addEventListener("keydown", () => delete host.dataset.by);
    document.addEventListener("scroll", () => (this.armed = false), {
      capture: true,
      passive: true,
    });
  }

  /** Forget all that is pressed: the map left the page. */
  drop() {
    this.pressed.clear();
    this.drag = null;
  }

  /** @param {PointerEvent | WheelEvent} event @returns {Point} */
  _at(event) {
    // While something is pressed the page stands still, and asking again would cost a layout.
    if (!this.pressed.size || !this.box) this.box = this.host.getBoundingClientRect();
    return [event.clientX - this.box.left, event.clientY - this.box.top];
  }

  /** @param {PointerEvent} event */
  _down(event) {
    if (event.button || !this.hand.ready()) return;
    if (event.isPrimary) this.drop(); // an end that was never told
    this.host.dataset.by = "pointer"; // which needs no mark of the focus
    this.host.focus({ preventScroll: true });
    const at = this._at(event);
    this.pressed.set(event.pointerId, at);
    try {
      this.host.setPointerCapture(event.pointerId);
    } catch {
      // The pointer is gone already; its end has come or will not come.
    }
    event.preventDefault();
    if (this.pressed.size > 1) {
      if (this.drag) this.drag.pinched = true;
      return;
    }
    const kind = event.pointerType;
    this.drag = { from: at, last: at, moved: false, pinched: false, kind, line: [at] };
    this.hand.hover(-1, at);
    // The first of two fingers must not move z: wait until it is clear that there is one.
    if (this.mode === "z" && kind !== "touch") this.hand.move(at);
  }

  /** @param {PointerEvent} event */
  _move(event) {
    this.armed = true;
    const at = this._at(event);
    if (!this.pressed.has(event.pointerId)) {
      if (event.buttons || event.pointerType === "touch" || !this.hand.ready()) return;
      this.hand.hover(this.hand.pointAt(at, REACH.mouse), at);
      return;
    }
    const before = [...this.pressed.values()].slice(0, 2);
    this.pressed.set(event.pointerId, at);
    const { drag } = this;
    if (this.pressed.size >= 2) this.hand.pinch(before, [...this.pressed.values()].slice(0, 2));
    else if (drag && !drag.pinched) this._drag(drag, at);
  }

  /** @param {NonNullable<Pointer["drag"]>} drag @param {Point} at */
  _drag(drag, at) {
    if (Math.hypot(at[0] - drag.from[0], at[1] - drag.from[1]) > CLICK) drag.moved = true;
    if (this.mode === "pan") this.hand.pinch([drag.last], [at]);
    else if (this.mode === "lasso") {
      drag.line.push(at);
      this.hand.lasso(drag.line, false);
    } else if (drag.moved) this.hand.move(at);
    drag.last = at;
  }

  /** @param {PointerEvent} event */
  _up(event) {
    if (!this.pressed.delete(event.pointerId) || this.pressed.size) return;
    const { drag } = this;
    this.drag = null;
    if (!drag) return;
    if (this.mode === "lasso" && !drag.pinched) {
      this.hand.lasso(drag.moved ? drag.line : [], true);
      if (drag.moved) return;
    }
    const click = !drag.moved && !drag.pinched && event.type === "pointerup";
    const near = click ? this.hand.pointAt(drag.from, REACH[drag.kind] ?? REACH.mouse) : -1;
    if (near >= 0) {
      this.hand.pick(near);
      return;
    }
    if (click && drag.kind === "touch" && this.mode === "z") this.hand.move(drag.from);
    this.hand.release();
  }

  /** @param {WheelEvent} event */
  _wheel(event) {
    if (!this.armed || !this.hand.ready()) return;
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    this.hand.zoom(Math.exp(event.deltaY * lines * NOTCH), this._at(event));
  }
}
