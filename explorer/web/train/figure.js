// The figure of a run's terms: curves over the epochs, and the KL of each dimension as a heat map; as
// traces and layout of plotly's. Pure.

import { zName } from "../widgets/dom.js";
import { FAMILY } from "../widgets/type.js";
import { everyNth } from "./records.js";
import { titles } from "./words.js";

/**
 * @typedef {import("./records.js").StepRecord} StepRecord
 * @typedef {import("./records.js").EpochRecord} EpochRecord
 * @typedef {import("../widgets/plotly.js").Options} Options
 * @typedef {{run: import("./follower.js").Run, steps: StepRecord[], epochs: EpochRecord[]}} Source the
 *   run and its records, in order
 * @typedef {"reconstruction" | "kl" | "total"} Term
 * @typedef {{ink: string, faint: string, line: string, paper: string, reconstruction: string,
 *   kl: string}} Colours
 */

const MOST = 700; // points of a curve
const COLUMNS = 200; // of the heat map
const GAP = 0.075; // between panels, as a share of the height
/** From the top. @type {{term: Term, colour: "reconstruction" | "kl" | "ink"}[]} */
const PANELS = [
  { term: "reconstruction", colour: "reconstruction" },
  { term: "kl", colour: "kl" },
  { term: "total", colour: "ink" },
];

/** @param {number[]} values */
const sum = (values) => values.reduce((a, b) => a + b, 0);

/** In nats an image. @type {Record<Term, (r: StepRecord) => number>} */
const trainTerms = {
  reconstruction: (r) => r.train_reconstruction,
  kl: (r) => sum(r.train_kl_per_dim),
  total: (r) => r.train_reconstruction + sum(r.train_kl_per_dim),
};
/** @type {Record<Term, (r: EpochRecord) => number>} */
const testTerms = {
  reconstruction: (r) => r.test_reconstruction,
  kl: (r) => r.test_kl,
  total: (r) => r.test_reconstruction + r.test_kl,
};

/**
 * The height of the heat map, as a share of the figure's.
 * @param {number} d latent dimensions
 */
const heatHeight = (d) => Math.min(0.34, 0.1 + 0.022 * d);

/**
 * @param {Source} main
 * @param {Source | null} over laid over it, in grey
 * @param {string} revision the same as long as a zoom is to stay
 * @param {Colours} colours
 * @returns {{traces: Options[], layout: Options}}
 */
export function figure(main, over, revision, colours) {
  const d = main.run.latent_dim;
  const heat = heatHeight(d);
  const tall = (1 - heat - 3 * GAP) / 3;
  /** @type {Options[]} */
  const annotations = [];
  /** @type {Options[]} */
  const traces = [];
  const layout = { ...base(main, over, revision, colours), annotations };
  const names = titles(main.run.likelihood);
  PANELS.forEach(({ term, colour }, n) => {
    const axis = n ? `y${n + 1}` : "y";
    const top = 1 - n * (tall + GAP);
    Object.assign(layout, {
      [n ? `yaxis${n + 1}` : "yaxis"]: termAxis(main, over, term, [top - tall, top], colours),
    });
    const sameAs = term === "total" && names.total === "−ELBO" ? " = their sum" : "";
    annotations.push(caption(names[term] + sameAs, top, colours[colour]));
    if (over) traces.push(...lines(over, term, axis, colours.faint, 1.5));
    traces.push(...lines(main, term, axis, colours[colour], 2.2));
  });
  traces.push(betaLine(main, colours));
  Object.assign(layout, { yaxis5: betaAxis(main, colours), yaxis4: heatAxis(d) });
  annotations.push(note("dashed: β", 1 - tall - GAP, colours.faint));
  annotations.push(caption("KL of each dimension", heat, colours.kl));
  traces.push(heatMap(main, d, colours));
  return { traces, layout };
}

/** @param {Source} main @param {Source | null} over @param {string} revision @param {Colours} colours */
function base(main, over, revision, colours) {
  const ends = [main, over].map((source) => source?.steps[source.steps.length - 1]?.epoch ?? 0);
  return {
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: FAMILY, color: colours.ink, size: 13 },
    margin: { l: 46, r: 40, t: 22, b: 44 },
    showlegend: false,
    hovermode: "closest",
    hoverlabel: { bgcolor: colours.paper, font: { size: 13, color: colours.ink } },
    dragmode: "zoom",
    uirevision: revision,
    xaxis: {
      range: [0, Math.max(0.5, ...ends)],
      anchor: "y4",
      title: { text: "epoch", standoff: 8, font: { size: 13 } },
      gridcolor: colours.line,
      zeroline: false,
    },
  };
}

/** @param {Source} main @param {Source | null} over @param {Term} term @param {number[]} domain @param {Colours} colours */
const termAxis = (main, over, term, domain, colours) => ({
  domain,
  range: range(main, over, term),
  gridcolor: colours.line,
  zeroline: false,
  nticks: 4,
  tickfont: { size: 12 },
});

/** @param {Source} main @param {Colours} colours */
const betaAxis = (main, colours) => ({
  overlaying: "y2",
  side: "right",
  range: [0, 1.2 * Math.max(1e-6, ...main.steps.map((r) => r.beta))],
  showgrid: false,
  zeroline: false,
  tickmode: "auto",
  nticks: 3,
  showticklabels: main.steps.length > 0,
  tickfont: { size: 12, color: colours.faint },
});

/** @param {number} d */
function heatAxis(d) {
  const every = Math.ceil(d / 12);
  const ticks = Array.from({ length: d }, (_, i) => i).filter((i) => i % every === 0);
  return {
    domain: [0, heatHeight(d)],
    autorange: "reversed",
    tickmode: "array",
    tickvals: ticks,
    ticktext: ticks.map(zName),
    tickfont: { size: d > 6 ? 10 : 12 },
    showgrid: false,
    zeroline: false,
  };
}

/** @param {Source} main @param {Colours} colours */
function betaLine(main, colours) {
  const records = everyNth(main.steps, MOST);
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

/**
 * Means of the KL over equal numbers of records.
 * @param {StepRecord[]} steps
 * @param {number} d
 * @param {number} [columns] at most
 * @returns {{edges: number[], means: number[][]}} epochs from 0 on, one more than columns; a row a
 *   dimension, in nats
 */
export function heatColumns(steps, d, columns = COLUMNS) {
  const each = Math.max(1, Math.ceil(steps.length / columns));
  const edges = [0];
  /** @type {number[][]} */
  const means = Array.from({ length: d }, () => []);
  for (let i = 0; i < steps.length; i += each) {
    const part = steps.slice(i, i + each);
    edges.push(part[part.length - 1].epoch);
    for (let k = 0; k < d; k++)
      means[k].push(sum(part.map((r) => r.train_kl_per_dim[k])) / part.length);
  }
  return { edges, means };
}

/** @param {Source} main @param {number} d @param {Colours} colours */
function heatMap({ steps }, d, colours) {
  const { edges, means } = heatColumns(steps, d);
  return {
    type: "heatmap",
    x: edges,
    y: Array.from({ length: d }, (_, i) => i),
    z: means,
    yaxis: "y4",
    zmin: 0,
    zmax: Math.max(0.1, quantile(means.flat(), 0.98)),
    colorscale: [
      [0, colours.paper],
      [1, colours.kl],
    ],
    colorbar: {
      thickness: 8,
      len: heatHeight(d),
      y: 0,
      yanchor: "bottom",
      x: 1.005,
      outlinewidth: 0,
      nticks: 4,
      tickfont: { size: 11 },
    },
    customdata: means.map((row, i) => row.map(() => zName(i))),
    hovertemplate: "%{customdata} at epoch %{x:.2f}: %{z:.2f} nats<extra></extra>",
  };
}

/** @param {string} text @param {number} y @param {string} color */
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

/** @param {string} text @param {number} y @param {string} color */
const note = (text, y, color) => ({
  ...caption(text, y, color),
  x: 1,
  xanchor: "right",
  font: { size: 12, color },
});

/**
 * The curves of a term: of the training images dotted, of the test images solid.
 * @param {Source} source
 * @param {Term} term
 * @param {string} yaxis
 * @param {string} color
 * @param {number} width
 */
function lines({ run, steps, epochs }, term, yaxis, color, width) {
  const train = everyNth(steps, MOST);
  const test = everyNth(epochs, MOST);
  const title = titles(run.likelihood)[term];
  const unit = run.likelihood.constant === null && term !== "kl" ? "" : " nats";
  const shared = (/** @type {string} */ name) => ({
    name,
    yaxis,
    hovertemplate: `${title}, ${name}, epoch %{x:.2f}: %{y:.2f}${unit}<extra></extra>`,
  });
  return [
    {
      ...shared("train"),
      x: train.map((r) => r.epoch),
      y: train.map(trainTerms[term]),
      mode: "lines",
      line: { color, width: width - 0.6, dash: "dot" },
    },
    {
      ...shared("test"),
      x: test.map((r) => r.epoch),
      y: test.map(testTerms[term]),
      mode: test.length < 3 ? "lines+markers" : "lines",
      line: { color, width },
    },
  ];
}

/** The value that a share of all lies below. @param {number[]} values @param {number} share */
function quantile(values, share) {
  const sorted = Float64Array.from(values).sort();
  return sorted.length ? sorted[Math.floor(share * (sorted.length - 1))] : 0;
}

/** The span of a curve, but for a few values far above the others. @param {Source} source @param {Term} term */
function extent({ steps, epochs }, term) {
  // The first steps are hundreds of nats above all that is to be seen.
  const from = Math.min(1, 0.08 * steps[steps.length - 1].epoch);
  const values = [
    ...steps.filter((r) => r.epoch >= from).map(trainTerms[term]),
    ...epochs.map(testTerms[term]),
  ].filter(Number.isFinite);
  if (!values.length) return [0, 1];
  const [low, most, high] = [quantile(values, 0), quantile(values, 0.95), quantile(values, 1)];
  return [low, high - most < 2 * (most - low) ? high : most];
}

/**
 * The range of a panel: the run's own, and of the other one's as much as leaves it readable.
 * @param {Source} main
 * @param {Source | null} over
 * @param {Term} term
 * @returns {[number, number]}
 */
export function range(main, over, term) {
  if (!main.steps.length) return [0, 1];
  let [low, high] = extent(main, term);
  if (over?.steps.length) {
    const [other, top] = extent(over, term);
    const room = 2 * (high - low) || 1;
    low = Math.min(low, Math.max(other, low - room));
    high = Math.max(high, Math.min(top, high + room));
  }
  const margin = 0.06 * (high - low) || 1;
  return [low - margin, high + margin];
}
