// The buttons above a map: what a drag does, zoom, the picture to save, and back to μ.

import { savePicture } from "../map/picture.js";
import { oneOf } from "../widgets/choice.js";

/** Have the buttons of a session's page act. @param {import("./session.js").Session} session */
export function wireTools(session) {
  const click = (selector, act) => session.$(selector)?.addEventListener("click", act);
  click(".back", () => session.back());
  click(".manifold-switch", () => session.showManifold(!session.manifold));
  click(".centre", () => session.goToLasso());
  click(".zoom-in", () => session.first.map.zoom(0.75));
  click(".zoom-out", () => session.first.map.zoom(1 / 0.75));
  click(".whole", () => session.first.map.reset(true));
  click(".save", () => savePicture(session.first.map, `${session.first.name}-map.png`));
  const modes = oneOf(session.$(".switch"), "aria-checked", (button) =>
    session.setMode(button.dataset.mode),
  );
  modes(session.$("[data-mode=z]"));
}
