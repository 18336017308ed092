// What the map of any model of a session does to the session: hands and keys.

/** @typedef {import("./session.js").Session} Session */
/** @typedef {import("./model_view.js").ModelView} ModelView */

const REST = 350; // milliseconds after the last key press until the server is told
/** @type {Record<string, [number, number]>} */
const STEPS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

/** @param {Session} session @returns {import("./model_view.js").Listener} */
export const mapListener = (session) => ({
  move: (view, xy) => {
    session.halt();
    session.go(session.whereAt(view, xy));
  },
  release: () => session.settle(),
  pick: (image) => session.choose(image),
  hover: (view, image, px) => {
    if (image === null) session.hover.hide();
    else session.hover.show(image, px, view, session.pictures);
  },
  selected: (view, images) => session.select(view, images),
  key: (view, event) => press(session, view, event),
  changed: (what) => session.change(what),
});

/** Arrows move z, Enter chooses the nearest image, Home takes z to μ. @param {Session} session @param {ModelView} view @param {KeyboardEvent} event */
function press(session, view, event) {
  const step = STEPS[event.key];
  const { map } = view;
  if (event.target !== map.host || !map.ready) return;
  if (step) {
    const [low, high] = map.window.x;
    const size = (high - low) * (event.shiftKey ? 0.001 : 0.01);
    const at = view.at?.xy ?? view.cursor();
    session.halt();
    session.go(session.whereAt(view, [at[0] + step[0] * size, at[1] + step[1] * size]));
    session.settling = setTimeout(() => session.settle(), REST);
  } else if (event.key === "Enter") {
    const near = map.pointAt(map.window.pixel(view.cursor()), 1e4);
    if (near >= 0) session.choose(view.blob.arrays.index[near]);
  } else if (event.key === "Home") session.back();
  else return;
  event.preventDefault();
}
