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
globalThis.addEventListener?.("resize", () => (scale = 0)); // the page's letters grow with the window

/** A canvas's font. @param {number} size in pixels where a rem is 16 @param {string} [weight] */
export const font = (size, weight = "") =>
  `${weight} ${Math.round(10 * size * typeScale()) / 10}px ${FAMILY}`.trim();
