// The page's own letters, for what is written on canvases and by plotly: one family, as large as the page's.

export const FAMILY = '"Source Sans", sans-serif';

let scale = 0; // 0: to be measured

/** How large the page's letters are, 1 where a rem is 16 pixels. */
export function typeScale() {
  scale ||=
    typeof getComputedStyle === "function"
      ? parseFloat(getComputedStyle(document.documentElement).fontSize) / 16
      : 1;
  return scale;
}

/** The page's letters have another size. */
export function rescale() {
  scale = 0;
}
globalThis.addEventListener?.("resize", rescale); // they grow with the window

/** Whether the page is for a lecture hall, where no letter is smaller than a rem. */
const large = () => globalThis.document?.documentElement?.hasAttribute?.("data-present") ?? false;

/** A canvas's font. @param {number} size in pixels where a rem is 16 @param {string} [weight] */
export const font = (size, weight = "") =>
  `${weight} ${Math.round(10 * Math.max(size, large() ? 16 : 0) * typeScale()) / 10}px ${FAMILY}`.trim();

/** How much more room the letters of a chart take than they usually do. */
export const room = () => (large() ? 1.35 * typeScale() : 1);
