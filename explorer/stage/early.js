// Loads plotly.js and the stage's modules while the server still loads the model.

import { loadPlotly } from "./plotly.js";
import "./stage.js";

export function show(_parent, data) {
  // What goes wrong here is met again, and told, where it is needed.
  loadPlotly(new URL(data.plotly, data.root).href).catch(() => {});
}
