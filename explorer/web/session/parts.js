// The parts of a page by the names that lessons and links have for them: what stands out, and what is hidden.

/** Where a part is. @type {Record<string, string>} */
export const PARTS = {
  x: ".stage .input .pad, .stage .input > .xs",
  pad: ".stage .pad",
  pen: ".stage .pen",
  typical: ".stage .typical",
  posterior: ".stage table.posterior, .stage .heading:has(.posterior), .understand .code",
  map: ".stage .map",
  legend: ".stage .legend",
  tools: ".stage .tools",
  manifold: ".stage .manifold-switch",
  sliders: ".stage .sliders, .compare .slider",
  "x-hat": ".stage canvas.x-hat",
  terms: ".stage .terms-host, .compare .numbers",
  tabs: ".stage .output > .tabs",
  panel: ".stage .output > .panels",
  walk: ".stage [data-panel=walk], .stage .walk-controls",
  formula: ".stage .formula, .understand .mathematics",
  chain: ".stage .chain",
  options: ".st-key-controls, .host-controls",
  story: ".stage .story",
  question: ".stage .predict",
  picture: ".stage .picture-side",
  steps: ".stage .steps",
  numbers: ".understand .mathematics.numbers",
  table: ".stage-chart, [data-testid=stDataFrame], [data-testid=stExpander]",
};

/** Of links: groups of parts that are hidden together. @type {Record<string, string[]>} */
const GROUPS = { panels: ["tabs", "panel", "walk"], menu: ["menu"] };

const sheet = new CSSStyleSheet();

/** Hide parts of the page, and no others. @param {string[]} names @returns {string[]} those that there are not */
export function hideParts(names) {
  const all = names.flatMap((name) => GROUPS[name] ?? [name]);
  const places = all.flatMap((name) => (name === "menu" ? [".page-menu"] : (PARTS[name] ?? [])));
  sheet.replaceSync(places.length ? `:is(${places.join(", ")}) { display: none !important; }` : "");
  if (!document.adoptedStyleSheets.includes(sheet)) document.adoptedStyleSheets.push(sheet);
  document.documentElement.dataset.hides = all.join(" ");
  return all.filter((name) => name !== "menu" && !(name in PARTS));
}

/** Names that a link may hide. */
export const hideable = () => [...Object.keys(PARTS), ...Object.keys(GROUPS)];
