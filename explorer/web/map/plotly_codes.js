// The codes of a map by plotly's WebGL scatter: many points, moved and zoomed in a frame. Axes, names
// and hands are the map's own, so that plotly can take over without a jump.

import { FAINT } from "./colouring.js";
import { dotOf, drawOrder, groupsOf } from "./painter.js";

/** @typedef {import("./map_window.js").MapWindow} MapWindow */
/** @typedef {import("./canvas_codes.js").Codes} Codes */
/** @typedef {import("./canvas_codes.js").Renderer} Renderer */

const BARE = { visible: false, fixedrange: true };

/** @implements {Renderer} */
export class PlotlyCodes {
  /** @param {HTMLElement} plot where plotly draws @param {any} plotly */
  constructor(plot, plotly) {
    this.plot = plot;
    this.plotly = plotly;
    /** @type {Codes | null} */
    this.codes = null;
    /** @type {MapWindow | null} */
    this.window = null;
    /** Whether plotly is at work; the newest order waits. */
    this.busy = false;
    this.asked = false;
    this.anew = false;
  }

  /** @param {Codes} codes @param {MapWindow} window */
  draw(codes, window) {
    this.asked = true;
    const again =
      codes !== this.codes ||
      window.width !== this.window?.width ||
      window.height !== this.window.height;
    this.codes = codes;
    this.window = window;
    this.anew ||= again;
    return this.busy ? undefined : this._work();
  }

  async _work() {
    this.busy = true;
    try {
      while (this.asked && this.window && this.codes) {
        this.asked = false;
        const { x, y } = this.window;
        if (this.anew) {
          this.anew = false;
          await this.plotly.react(this.plot, tracesOf(this.codes), layoutOf(this.window), {
            staticPlot: true,
          });
        } else
          await this.plotly.relayout(this.plot, { "xaxis.range": [...x], "yaxis.range": [...y] });
      }
    } finally {
      this.busy = false;
    }
  }

  /** Whether it could draw: without WebGL plotly says so in its own words, in place of the codes. */
  get drawn() {
    return !this.plot.querySelector(".no-webgl");
  }

  remove() {
    this.plotly.purge(this.plot);
  }
}

/** @param {MapWindow} window */
const layoutOf = ({ width, height, x, y }) => ({
  width,
  height,
  margin: { l: 0, r: 0, t: 0, b: 0 },
  paper_bgcolor: "rgba(0,0,0,0)",
  plot_bgcolor: "rgba(0,0,0,0)",
  showlegend: false,
  hovermode: false,
  xaxis: { ...BARE, range: [...x] },
  yaxis: { ...BARE, range: [...y] },
});

/** One WebGL trace: the codes in the order of drawing, each with its colour. @param {Codes} codes */
function tracesOf({ groups, x, y, hidden, chosen, opacity, small, shading }) {
  const dot = dotOf(x.length);
  const size = small ? Math.max(2, 0.7 * dot.size) : dot.size;
  const group = groupsOf(groups, x.length);
  const off = groups.map(({ name }) => hidden.has(name));
  const colourOf = (/** @type {number} */ i) =>
    shading ? (shading.ramp[shading.shades[i]] ?? FAINT) : groups[group[i]].colour;
  const order = drawOrder(x.length).filter((i) => !off[group[i]]);
  /** @type {number[]} */
  const selected = [];
  if (chosen) order.forEach((i, place) => chosen[i] && selected.push(place));
  const trace = {
    type: "scattergl",
    mode: "markers",
    x: Float32Array.from(order, (i) => x[i]),
    y: Float32Array.from(order, (i) => y[i]),
    hoverinfo: "skip",
    marker: {
      color: Array.from(order, colourOf),
      size,
      opacity: dot.opacity * opacity,
      line: { width: 0 },
    },
    unselected: { marker: { opacity: 0.2 * dot.opacity * opacity } },
    selectedpoints: chosen ? selected : null,
  };
  return order.length ? [trace] : [];
}
