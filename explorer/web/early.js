// Loads plotly.js and the page's modules while the server still gathers what they will show.

import { loadPlotly } from "./widgets/plotly.js";

export function show(_parent, data) {
  // What goes wrong here is met again, and told, where it is needed.
  loadPlotly(new URL(data.plotly, data.root).href).catch(() => {});
  import(new URL(data.main, data.root).href).catch(() => {});
}
