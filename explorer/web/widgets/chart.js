// A plain plotly chart, drawn by the same plotly.js as a run's curves, and only once it is scrolled to.

import { themeOf } from "./dom.js";
import { loadPlotly } from "./plotly.js";

/**
 * @typedef {{plotly: string, root: string, figures: Record<"light" | "dark", string>}} ChartData where
 *   plotly.js is, relative to the app's root, and a figure's JSON for each theme
 */

/** @type {WeakMap<HTMLElement, Chart>} */
const charts = new WeakMap();

const WAIT = 200; // ms
const SEEN = "0px 0px -60px"; // more than a margin of it

/** Whether what the page is for is on the screen, or will not come. */
const pictureIsThere = () => document.querySelector('.stage[data-ready="true"], .stage-fault');

class Chart {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.root = document.createElement("div");
    this.root.className = "stage-chart";
    parent.append(this.root);
    this.seen = false;
    /** @type {ChartData | null} */
    this.data = null;
    this.drawn = ""; // the figure that is on the screen
    const observer = new IntersectionObserver(
      (entries) => {
        if (!entries.some((entry) => entry.isIntersecting)) return;
        observer.disconnect();
        this.seen = true;
        this.draw();
      },
      { rootMargin: SEEN },
    );
    // Until then the page grows: what is seen now may lie far below.
    const begin = () => {
      if (pictureIsThere()) observer.observe(this.root);
      else setTimeout(begin, WAIT);
    };
    begin();
  }

  /** @returns {Promise<void>} */
  async draw() {
    const { data } = this;
    if (!this.seen || !data) return;
    const theme = themeOf(this.root);
    const figure = data.figures[theme];
    if (this.drawn === figure) return;
    try {
      const plotly = await loadPlotly(new URL(data.plotly, data.root).href);
      if (data !== this.data) return this.draw();
      const { data: traces, layout } = JSON.parse(figure);
      await plotly.react(this.root, traces, layout, { displayModeBar: false, responsive: true });
      this.drawn = figure;
      this.root.dataset.theme = theme; // paper is told by style.css
    } catch (error) {
      this.root.textContent = error instanceof Error ? error.message : String(error);
    }
  }
}

/**
 * Put a chart under an element, or draw other data in it.
 * @param {HTMLElement} parent
 * @param {ChartData} data
 */
export function show(parent, data) {
  let chart = charts.get(parent);
  if (!chart) charts.set(parent, (chart = new Chart(parent)));
  chart.data = data;
  chart.draw();
  return chart;
}
