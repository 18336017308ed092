// A plain plotly chart, drawn by the same plotly.js as the map, and only once it is scrolled to.

import { loadPlotly, themeOf } from "./plotly.js";

const charts = new WeakMap();

class Chart {
  constructor(parent) {
    this.root = document.createElement("div");
    this.root.className = "stage-chart";
    parent.append(this.root);
    this.seen = false;
    new IntersectionObserver((entries, observer) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      observer.disconnect();
      this.seen = true;
      this.draw();
    }).observe(this.root);
  }

  async draw() {
    if (!this.seen || !this.data) return;
    const { data } = this;
    const theme = themeOf(this.root);
    if (this.drawn === data.figures[theme]) return;
    try {
      const plotly = await loadPlotly(new URL(data.plotly, data.root).href);
      if (data !== this.data) return this.draw();
      const { data: traces, layout } = JSON.parse(data.figures[theme]);
      await plotly.react(this.root, traces, layout, { displayModeBar: false, responsive: true });
      this.drawn = data.figures[theme];
    } catch (error) {
      this.root.textContent = error.message;
    }
  }
}

export function show(parent, data) {
  let chart = charts.get(parent);
  if (!chart) charts.set(parent, (chart = new Chart(parent)));
  chart.data = data;
  chart.draw();
  return chart;
}
