// The front end of the widget in a notebook (anywidget): a hand-out in a frame, whose view and the widget's traits are
// kept the same. It stands alone: a notebook is given its text.

/** @typedef {{get(name: string): any, set(name: string, value: any): void, save_changes(): void, on(event: string, act: () => void): void, off(event: string, act: () => void): void}} Model */

const PARTS = ["z", "image", "selected", "walk"];

/** @param {{model: Model, el: HTMLElement}} place */
function render({ model, el }) {
  const frame = document.createElement("iframe");
  const page = new Blob([model.get("page")], { type: "text/html" });
  frame.src = URL.createObjectURL(page);
  frame.title = "VAE Latent Explorer";
  frame.allow = "fullscreen";
  frame.style.cssText = `width: 100%; height: ${model.get("height")}px; border: 0; border-radius: 8px;`;
  el.append(frame);
  /** What both sides know, as text. @type {Record<string, string>} */
  const known = {};
  let there = false;

  /** Ask the frame for what the traits say and it does not know. */
  const ask = () => {
    if (!there) return;
    /** @type {Record<string, unknown>} */
    const set = {};
    for (const part of PARTS) {
      const value = model.get(part);
      const text = JSON.stringify(value);
      if (
        text === known[part] ||
        value === null ||
        (Array.isArray(value) && !value.length && !(part in known))
      )
        continue;
      known[part] = text;
      set[part] = value;
    }
    if (Object.keys(set).length) frame.contentWindow?.postMessage({ vae: 1, set }, "*");
  };

  /** @param {MessageEvent} event */
  const hear = ({ source, data }) => {
    if (source !== frame.contentWindow || data?.vae !== 1) return;
    const first = !there;
    there = true;
    if (first) ask(); // what was set before it was there
    for (const part of PARTS) {
      const text = JSON.stringify(data[part]);
      if (first && part in known) continue;
      known[part] = text;
      if (text !== JSON.stringify(model.get(part))) model.set(part, data[part]);
    }
    model.save_changes();
  };

  addEventListener("message", hear);
  for (const part of PARTS) model.on(`change:${part}`, ask);
  return () => {
    removeEventListener("message", hear);
    for (const part of PARTS) model.off(`change:${part}`, ask);
    URL.revokeObjectURL(frame.src);
  };
}

export default { render };
