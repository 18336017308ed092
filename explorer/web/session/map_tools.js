// The buttons above a map: what a drag does, zoom, what is saved, and back to μ.

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
  click(".save", async () => {
    try {
      await (await session.offerMenu()).openFiles();
    } catch (error) {
      session.fault(`What saves could not be loaded (${error.message}); try again.`);
    }
  });
  const modes = oneOf(session.$(".switch"), "aria-checked", (button) =>
    session.setMode(button.dataset.mode),
  );
  modes(session.$("[data-mode=z]"));
}
