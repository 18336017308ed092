// Hands on a plane: the pointer takes the nearest handle, or brings the free one; arrow keys move the active one.

/** @typedef {import("./plane.js").PlanePicture} PlanePicture */

const GRAB = 24; // pixels from a handle at which it is taken
const STEP = 0.02; // of the window, an arrow key's

/** @param {PlanePicture} plane */
export function listen(plane) {
  const { canvas } = plane;
  const from = (/** @type {PointerEvent} */ event) => {
    const box = canvas.getBoundingClientRect();
    return /** @type {const} */ ([event.clientX - box.left, event.clientY - box.top]);
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button || !plane.scale) return;
    const taken = near(plane, ...from(event));
    const free = plane.handles.findIndex((handle) => handle.free);
    if (taken < 0 && free < 0) return;
    plane.active = taken < 0 ? free : taken;
    plane.held = true;
    canvas.setPointerCapture(event.pointerId);
    if (taken < 0) move(plane, from(event));
  });
  canvas.addEventListener("pointermove", (event) => {
    if (plane.held) move(plane, from(event));
    else if (event.pointerType === "mouse" && plane.scale)
      plane.listener.lit?.(plane.handles[near(plane, ...from(event))]?.key ?? null);
  });
  canvas.addEventListener("pointerleave", () => plane.held || plane.listener.lit?.(null));
  const drop = () => {
    if (!plane.held) return;
    plane.held = false;
    plane.handles[plane.active]?.release?.();
  };
  for (const name of ["pointerup", "pointercancel", "lostpointercapture"])
    canvas.addEventListener(name, drop);
  canvas.addEventListener("keydown", (event) => key(plane, event));
}

/** The handle at a pixel; −1 for none. @param {PlanePicture} plane @param {number} x @param {number} y */
function near(plane, x, y) {
  let [best, least] = [-1, GRAB];
  plane.handles.forEach((handle, n) => {
    const [hx, hy] = plane.at(handle.at());
    const distance = Math.hypot(hx - x, hy - y);
    if (distance < least) [best, least] = [n, distance];
  });
  return best;
}

/** @param {PlanePicture} plane @param {readonly [number, number]} pixel */
function move(plane, [x, y]) {
  const { width, height } = plane;
  plane.handles[plane.active]?.move(
    plane.place(
      Math.min(width, Math.max(plane.margin, x)),
      Math.min(height - plane.margin, Math.max(0, y)),
    ),
  );
}

/** @param {PlanePicture} plane @param {KeyboardEvent} event */
function key(plane, event) {
  const handle = plane.handles[plane.active] ?? plane.handles[0];
  if (!handle) return;
  if (event.key === "Enter" && plane.handles.length > 1) {
    plane.active = (plane.active + 1) % plane.handles.length;
    plane.listener.changed();
    return;
  }
  const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[
    event.key
  ];
  if (!way) return;
  event.preventDefault();
  event.stopPropagation();
  const { low, high } = plane.view;
  const step = (high[0] - low[0]) * (event.shiftKey ? STEP / 5 : STEP);
  const at = handle.at();
  const to = (/** @type {0 | 1} */ k) => Math.max(plane.least, at[k] + way[k] * step);
  handle.move([to(0), to(1)]);
  handle.release?.();
}
