// Sliders under a finger: a scroll of the page that begins on one leaves it where it is.

const WANDER = 8; // pixels until one can tell where a finger is going

/**
 * A finger on a slider.
 * @typedef {{input: HTMLInputElement, before: string, wanted: string | null, x: number, y: number, id: number,
 *   goes: "?" | "along" | "away"}} Touch `before` is the value that it found, `wanted` the one that the
 *   browser gave the slider before one could tell where the finger goes
 */

/** Tell the slider's listeners of a value, as the browser does. @param {HTMLInputElement} input @param {string} value */
function give(input, value) {
  input.value = value;
  input.dispatchEvent(new Event("input", { bubbles: true }));
}

/**
 * Have all sliders below an element wait until a finger goes along them: the browser moves them at once, and
 * does not take it back where it then scrolls. A tap still moves them.
 * @param {HTMLElement} root
 */
export function waitForIntent(root) {
  /** @type {Touch | null} */
  let touch = null;
  const own = (/** @type {Event} */ event) => touch !== null && event.target === touch.input;

  root.addEventListener(
    "pointerdown",
    (event) => {
      const input = event.target;
      touch = null;
      if (event.pointerType !== "touch" || !(input instanceof HTMLInputElement)) return;
      if (input.type !== "range") return;
      const { clientX: x, clientY: y, pointerId: id } = event;
      touch = { input, before: input.value, wanted: null, x, y, id, goes: "?" };
    },
    true,
  );
  root.addEventListener(
    "pointermove",
    (event) => {
      if (!touch || event.pointerId !== touch.id || touch.goes !== "?") return;
      const [across, down] = [Math.abs(event.clientX - touch.x), Math.abs(event.clientY - touch.y)];
      if (Math.max(across, down) < WANDER) return;
      touch.goes = across > down ? "along" : "away";
    },
    true,
  );
  root.addEventListener(
    "pointercancel",
    (event) => {
      if (!touch || event.pointerId !== touch.id) return;
      if (touch.goes === "?") touch.goes = "away"; // the browser scrolls
    },
    true,
  );
  root.addEventListener(
    "pointerup",
    (event) => {
      if (!touch || event.pointerId !== touch.id || touch.goes !== "?") return;
      touch.goes = "along"; // a tap
      if (touch.wanted !== null) give(touch.input, touch.wanted);
    },
    true,
  );
  for (const name of ["input", "change"])
    root.addEventListener(
      name,
      (event) => {
        if (!touch || !own(event) || touch.goes === "along") return;
        event.stopImmediatePropagation();
        if (touch.goes === "?") touch.wanted = touch.input.value;
        touch.input.value = touch.before;
      },
      true,
    );
}
