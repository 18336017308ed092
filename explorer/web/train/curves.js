// Draws the figure of a run's terms with plotly, and over it the line of the moment that is shown.

import { find, write } from "../widgets/dom.js";
import { loadPlotly } from "../widgets/plotly.js";
import { figure } from "./figure.js";

/**
 * @typedef {import("../widgets/plotly.js").PlotlyElement} PlotlyElement
 * @typedef {{main: import("./figure.js").Source, over: import("./figure.js").Source | null,
 *   overName: string | null, url: string, revision: string}} Order the runs to draw, the other one's
 *   name, where plotly.js is, and what a zoom stays with
 */

export class Curves {
  /** @param {HTMLElement} host @param {(epoch: number) => void} seek called when an epoch is clicked */
  constructor(host, seek) {
    this.plot = /** @type {PlotlyElement} */ (find(host, ".plot"));
    this.line = find(host, ".moment");
    this.key = find(host, ".key");
    this.fault = find(host, ".plot-fault");
    this.swatch = find(host, ".swatch");
    this.seek = seek;
    this.drawing = false;
    this.drawn = false;
    /** The order that waits while plotly draws. @type {Order | null} */
    this.next = null;
    /** The epoch of the line. @type {number | null} */
    this.epoch = null;
  }

  /** The colours of the theme, from the page's own style. */
  colours() {
    const colour = (/** @type {string} */ name) => {
      this.swatch.style.color = `var(--${name})`;
      return getComputedStyle(this.swatch).color;
    };
    return {
      ink: colour("ink"),
      faint: colour("faint"),
      line: colour("line"),
      paper: colour("paper"),
      reconstruction: colour("reconstruction"),
      kl: colour("kl"),
    };
  }

  /** Draw; while plotly is at it, the newest order waits. @param {Order} order */
  async draw(order) {
    if (this.drawing) {
      this.next = order;
      return;
    }
    this.drawing = true;
    try {
      await this.react(order);
      write(this.fault, "");
    } catch (error) {
      write(this.fault, error instanceof Error ? error.message : String(error));
    }
    this.drawing = false;
    const { next } = this;
    this.next = null;
    if (next) this.draw(next);
  }

  /** @param {Order} order */
  async react({ main, over, overName, url, revision }) {
    const plotly = await loadPlotly(url);
    const { traces, layout } = figure(main, over, revision, this.colours());
    const unit = main.run.likelihood.constant === null ? "" : "nats ";
    write(
      this.key,
      `${unit}per image · solid: test · dotted: train${over ? ` · grey: ${overName}` : ""}`,
    );
    await plotly.react(this.plot, traces, layout, { displayModeBar: false, responsive: true });
    if (!this.drawn) this.listen();
    this.drawn = true;
    this.plot.style.visibility = "";
    this.place(this.epoch);
  }

  /** Show nothing until there is something of another run. */
  clear() {
    this.next = null;
    this.plot.style.visibility = "hidden";
    this.line.hidden = true;
    write(this.key, "");
  }

  listen() {
    this.plot.on("plotly_relayout", () => this.place(this.epoch));
    this.plot.on("plotly_click", (event) => this.seek(event.points[0].x));
    new ResizeObserver(async () => {
      const plotly = await loadPlotly("");
      if (this.plot.offsetWidth && this.plot.offsetHeight) await plotly.Plots.resize(this.plot);
      this.place(this.epoch);
    }).observe(this.plot);
  }

  /** Put the line of the moment that is shown. @param {number | null} epoch */
  place(epoch) {
    this.epoch = epoch;
    const full = this.plot._fullLayout;
    if (!full?.xaxis || epoch === null) {
      this.line.hidden = true;
      return;
    }
    const at = full.xaxis.d2p(epoch);
    this.line.hidden = at < -1 || at > full.xaxis._length + 1;
    this.line.style.transform = `translateX(${full.xaxis._offset + at}px)`;
    this.line.style.top = `${full._size.t}px`;
    this.line.style.bottom = `${full._size.b}px`;
  }
}
