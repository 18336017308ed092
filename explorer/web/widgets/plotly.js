// plotly.js, loaded once a page, as the script that the plotly package ships.

/**
 * @typedef {Record<string, unknown>} Options of plotly's
 * @typedef {{
 *   react(element: HTMLElement, traces: object[], layout: object, config?: object): Promise<unknown>,
 *   relayout(element: HTMLElement, change: object): Promise<unknown>,
 *   restyle(element: HTMLElement, change: object, traces?: number[]): Promise<unknown>,
 *   Plots: {resize(element: HTMLElement): Promise<unknown>},
 * }} Plotly the part of plotly.js that is used here
 * @typedef {{d2p(value: number): number, p2d(pixel: number): number, _offset: number,
 *   _length: number, range: [number, number]}} PlotlyAxis data ↔ pixels from `_offset` on
 * @typedef {HTMLElement & {
 *   on(event: string, listener: (event: any) => void): void,
 *   data?: Options[], layout?: Options,
 *   _fullLayout?: {xaxis: PlotlyAxis, yaxis: PlotlyAxis,
 *     _size: {l: number, r: number, t: number, b: number, w: number, h: number}},
 * }} PlotlyElement an element that plotly has drawn in
 */

/** @type {Promise<Plotly> | null} */
let loading = null;

/** @param {string} url @returns {Promise<Plotly>} */
export function loadPlotly(url) {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = url;
    script.onload = () =>
      resolve(/** @type {{Plotly: Plotly}} */ (/** @type {unknown} */ (globalThis)).Plotly);
    script.onerror = () => {
      loading = null;
      script.remove();
      reject(new Error("plotly.js could not be loaded, so there is no chart; reload the page."));
    };
    document.head.append(script);
  });
  return loading;
}
