// The terms over the epochs, and the KL of each dimension as a heat map; drawn by plotly.

import { write, zName } from "../widgets/dom.js";
import { loadPlotly } from "../widgets/plotly.js";

const MOST = 700; // points of a curve
const COLUMNS = 200; // of the heat map
const PANELS = [
  { term: "reconstruction", colour: "reconstruction" },
  { term: "kl", colour: "kl" },
  { term: "total", colour: "ink" },
];

/** What the terms of a run are called. @param {{formula: string, constant: number | null}} likelihood */
export function titles({ formula, constant }) {
  return {
    reconstruction: constant === 0 ? "reconstruction" : formula,
    kl: "KL",
    total: constant === 0 ? "−ELBO" : "their sum",
  };
}

const sum = (values) => values.reduce((a, b) => a + b, 0);
const trainTerms = {
  reconstruction: (r) => r.train_reconstruction,
  kl: (r) => sum(r.train_kl_per_dim),
  total: (r) => r.train_reconstruction + sum(r.train_kl_per_dim),
};
const testTerms = {
  reconstruction: (r) => r.test_reconstruction,
  kl: (r) => r.test_kl,
  total: (r) => r.test_reconstruction + r.test_kl,
};

/** Every so many-th record, the newest one among them. */
function thin(records, most) {
  const stride = Math.ceil(records.length / most);
  return stride < 2 ? records : records.filter((_, i) => (records.length - 1 - i) % stride === 0);
}

export class Curves {
  /** @param {HTMLElement} host @param {(epoch: number) => void} seek a hand points at an epoch */
  constructor(host, seek) {
    this.host = host;
    this.plot = host.querySelector(".plot");
    this.line = host.querySelector(".moment");
    this.seek = seek;
    this.drawing = false;
    this.drawn = false;
    this.again = null;
  }

  /** The colours of the theme, from the page's own style. */
  colours() {
    const swatch = this.host.querySelector(".swatch");
    const found = {};
    for (const name of ["ink", "faint", "line", "paper", "reconstruction", "kl"]) {
      swatch.style.color = `var(--${name})`;
      found[name] = getComputedStyle(swatch).color;
    }
    return found;
  }

  /**
   * Draw what two followers have; while plotly draws, the newest order waits.
   * @param {import("./follow.js").Follower} main
   * @param {import("./follow.js").Follower | null} over laid over it, in grey
   */
  async draw(main, over, url, revision) {
    if (this.drawing) {
      this.again = [main, over, url, revision];
      return;
    }
    this.drawing = true;
    try {
      const plotly = await loadPlotly(url);
      const [traces, layout] = this.figure(main, over, revision);
      write(
        this.host.querySelector(".key"),
        `${main.run.likelihood.constant === null ? "" : "nats "}per image · solid: test · dotted: train${over ? ` · grey: ${over.name}` : ""}`,
      );
      await plotly.react(this.plot, traces, layout, { displayModeBar: false, responsive: true });
      if (!this.drawn) this.listen();
      this.drawn = true;
      this.plot.style.visibility = "";
      this.host.querySelector(".without").textContent = "";
      this.place(this.epoch);
    } catch (error) {
      this.host.querySelector(".without").textContent = error.message;
    }
    this.drawing = false;
    const next = this.again;
    this.again = null;
    if (next) this.draw(...next);
  }

  /** Show nothing until there is something of another run. */
  clear() {
    this.again = null;
    this.plot.style.visibility = "hidden";
    this.line.hidden = true;
    write(this.host.querySelector(".key"), "");
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

  figure(main, over, revision) {
    const colours = this.colours();
    const d = main.run.latent_dim;
    const heat = Math.min(0.34, 0.1 + 0.022 * d);
    const gap = 0.075;
    const tall = (1 - heat - 3 * gap) / 3;
    const layout = {
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: colours.ink, size: 13 },
      margin: { l: 46, r: 40, t: 22, b: 44 },
      showlegend: false,
      hovermode: "closest",
      hoverlabel: { bgcolor: colours.paper, font: { size: 13, color: colours.ink } },
      dragmode: "zoom",
      uirevision: revision,
      annotations: [],
    };
    const end = Math.max(0.5, ...[main, over].map((f) => f?.last?.epoch ?? 0));
    layout.xaxis = {
      range: [0, end],
      anchor: "y4",
      title: { text: "epoch", standoff: 8, font: { size: 13 } },
      gridcolor: colours.line,
      zeroline: false,
    };
    const traces = [];
    const names = titles(main.run.likelihood);
    if (names.total === "−ELBO") names.total += " = their sum";
    PANELS.forEach(({ term, colour }, n) => {
      const title = names[term];
      const axis = n ? `y${n + 1}` : "y";
      const top = 1 - n * (tall + gap);
      layout[n ? `yaxis${n + 1}` : "yaxis"] = {
        domain: [top - tall, top],
        range: range(main, over, term),
        gridcolor: colours.line,
        zeroline: false,
        nticks: 4,
        tickfont: { size: 12 },
      };
      layout.annotations.push(caption(title, top, colours[colour]));
      const sources = over ? [[over, colours.faint, 1.5], [main, colours[colour], 2.2]] : [[main, colours[colour], 2.2]];
      for (const [follower, ink, width] of sources)
        traces.push(...lines(follower, term, axis, ink, width));
    });
    traces.push(this.beta(main, colours));
    layout.yaxis5 = {
      overlaying: "y2",
      side: "right",
      range: [0, 1.2 * Math.max(1e-6, ...main.steps.map((r) => r.beta))],
      showgrid: false,
      zeroline: false,
      tickmode: "auto",
      nticks: 3,
      showticklabels: main.steps.length > 0,
      tickfont: { size: 12, color: colours.faint },
    };
    layout.annotations.push(note("dashed: β", layout.yaxis2.domain[1], colours.faint));
    const every = Math.ceil(d / 12);
    const ticks = Array.from({ length: d }, (_, i) => i).filter((i) => i % every === 0);
    layout.yaxis4 = {
      domain: [0, heat],
      autorange: "reversed",
      tickmode: "array",
      tickvals: ticks,
      ticktext: ticks.map(zName),
      tickfont: { size: d > 6 ? 10 : 12 },
      showgrid: false,
      zeroline: false,
    };
    layout.annotations.push(caption("KL of each dimension", heat, colours.kl));
    traces.push(this.heat(main, d, colours));
    return [traces, layout];
  }

  beta(main, colours) {
    const records = thin(main.steps, MOST);
    return {
      name: "β",
      x: records.map((r) => r.epoch),
      y: records.map((r) => r.beta),
      yaxis: "y5",
      mode: "lines",
      line: { color: colours.faint, width: 1.2, dash: "dash", shape: "hv" },
      hovertemplate: "epoch %{x:.2f}: β %{y:.3g}<extra></extra>",
    };
  }

  heat(main, d, colours) {
    const { steps } = main;
    const each = Math.max(1, Math.ceil(steps.length / COLUMNS));
    const x = [0];
    const z = Array.from({ length: d }, () => []);
    for (let i = 0; i < steps.length; i += each) {
      const part = steps.slice(i, i + each);
      x.push(part[part.length - 1].epoch);
      for (let k = 0; k < d; k++) z[k].push(sum(part.map((r) => r.train_kl_per_dim[k])) / part.length);
    }
    return {
      type: "heatmap",
      x,
      y: Array.from({ length: d }, (_, i) => i),
      z,
      yaxis: "y4",
      zmin: 0,
      zmax: Math.max(0.1, share(z.flat(), 0.98)),
      colorscale: [
        [0, colours.paper],
        [1, colours.kl],
      ],
      colorbar: {
        thickness: 8,
        len: Math.min(0.34, 0.1 + 0.022 * d),
        y: 0,
        yanchor: "bottom",
        x: 1.005,
        outlinewidth: 0,
        nticks: 4,
        tickfont: { size: 11 },
      },
      customdata: Array.from({ length: d }, (_, i) => z[i].map(() => zName(i))),
      hovertemplate: "%{customdata} at epoch %{x:.2f}: %{z:.2f} nats<extra></extra>",
    };
  }

  /** Put the line of the moment that is shown. @param {number | null} epoch */
  place(epoch) {
    this.epoch = epoch;
    const axis = this.plot._fullLayout?.xaxis;
    const size = this.plot._fullLayout?._size;
    if (!axis || epoch === null || epoch === undefined) {
      this.line.hidden = true;
      return;
    }
    const at = axis.d2p(epoch);
    this.line.hidden = at < -1 || at > axis._length + 1;
    this.line.style.transform = `translateX(${axis._offset + at}px)`;
    this.line.style.top = `${size.t}px`;
    this.line.style.bottom = `${size.b}px`;
  }
}

const caption = (text, y, color) => ({
  text,
  x: 0,
  y,
  xref: "paper",
  yref: "paper",
  xanchor: "left",
  yanchor: "bottom",
  showarrow: false,
  font: { size: 14, color },
});

const note = (text, y, color) => ({
  ...caption(text, y, color),
  x: 1,
  xanchor: "right",
  font: { size: 12, color },
});

function lines(follower, term, yaxis, color, width) {
  const train = thin(follower.steps, MOST);
  const test = thin(follower.epochs, MOST);
  const { likelihood } = follower.run;
  const what = titles(likelihood)[term];
  const unit = likelihood.constant === null && term !== "kl" ? "" : " nats";
  const line = (name, records, value, more) => ({
    name,
    x: records.map((r) => r.epoch),
    y: records.map(value),
    yaxis,
    mode: name === "test" && records.length < 3 ? "lines+markers" : "lines",
    line: { color, width, ...more },
    hovertemplate: `${what}, ${name}, epoch %{x:.2f}: %{y:.2f}${unit}<extra></extra>`,
  });
  return [
    line("train", train, trainTerms[term], { dash: "dot", width: width - 0.6 }),
    line("test", test, testTerms[term], {}),
  ];
}

/** The value that a share of all lies below. */
function share(values, part) {
  const sorted = Float64Array.from(values).sort();
  return sorted.length ? sorted[Math.floor(part * (sorted.length - 1))] : 0;
}

/** What a curve spans, but for a few values far above the others. @returns {[number, number]} */
function extent(follower, term) {
  // The first steps are hundreds of nats above all that is to be seen.
  const from = Math.min(1, 0.08 * follower.last.epoch);
  const values = [
    ...follower.steps.filter((r) => r.epoch >= from).map(trainTerms[term]),
    ...follower.epochs.map(testTerms[term]),
  ].filter(Number.isFinite);
  if (!values.length) return [0, 1];
  const [low, most, high] = [share(values, 0), share(values, 0.95), share(values, 1)];
  return [low, high - most < 2 * (most - low) ? high : most];
}

/** The range of a panel: the run's own, and of the other one's as much as leaves it readable. */
function range(main, over, term) {
  if (!main.last) return [0, 1];
  let [low, high] = extent(main, term);
  if (over?.last) {
    const [other, top] = extent(over, term);
    const room = 2 * (high - low) || 1;
    low = Math.min(low, Math.max(other, low - room));
    high = Math.max(high, Math.min(top, high + room));
  }
  const margin = 0.06 * (high - low) || 1;
  return [low - margin, high + margin];
}
