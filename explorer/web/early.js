// Loads plotly.js and the page's modules while the server still gathers what they will show.

import { loadPlotly } from "./widgets/plotly.js";

/**
 * @param {HTMLElement} _parent
 * @param {{plotly: string, main: string, root: string}} data paths, relative to the app's root
 */
export function show(_parent, data) {
  // A fault here is met again, and shown, where the module is needed.
  loadPlotly(new URL(data.plotly, data.root).href).catch(() => {});
  import(new URL(data.main, data.root).href).catch(() => {});
}
