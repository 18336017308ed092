// Draws z and q(z|x) over the map, in the map's own coordinates.
//
// The map itself is a plotly chart of Streamlit's, which is built anew whenever its figure changes.
// So what moves is not in the figure: it is an SVG on top of it, and zoom and points stay.

const SVG = "http://www.w3.org/2000/svg";
const RING = 11;

/**
 * @typedef {{map: string, theme: string, cursor: number[], rings: number[][][],
 *            z: string, posterior: string, paper: string}} Overlay
 */

/** @param {Element} parent @param {string} name @param {Record<string, unknown>} attributes */
function add(parent, name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  parent.append(element);
  return element;
}

/** Paint the overlay that is stored on a plot; the same overlay paints the same picture. */
function paint(plot) {
  const overlay = plot.latentOverlay;
  const layout = plot._fullLayout;
  const host = plot.querySelector(".svg-container");
  if (!overlay || !layout?.xaxis?.d2p || !host) return;
  const { xaxis, yaxis } = layout;
  let svg = host.querySelector("svg.latent-overlay");
  if (!svg) {
    svg = add(host, "svg", { class: "latent-overlay", "aria-hidden": "true" });
    svg.style.cssText = "position:absolute;overflow:hidden;pointer-events:none";
  }
  Object.assign(svg.style, {
    left: `${xaxis._offset}px`,
    top: `${yaxis._offset}px`,
    width: `${xaxis._length}px`,
    height: `${yaxis._length}px`,
  });
  svg.replaceChildren();
  const place = ([x, y]) => [xaxis.d2p(x), yaxis.d2p(y)];
  for (const [i, ring] of overlay.rings.entries()) {
    add(svg, "polygon", {
      points: ring.map((p) => place(p).join()).join(" "),
      fill: overlay.posterior,
      "fill-opacity": i ? 0.5 : 0.3,
      stroke: overlay.posterior,
      "stroke-width": 2,
    });
  }
  const [cx, cy] = place(overlay.cursor);
  for (const [stroke, width] of [[overlay.paper, 8], [overlay.z, 4]]) {
    add(svg, "circle", { cx, cy, r: RING, fill: "none", stroke, "stroke-width": width });
  }
  svg.dataset.cursor = `${cx},${cy}`;
}

/** The one overlay of the page; a new run brings new data, a new plot is found by the observer. */
const page = { data: null, observer: null, theme: "" };

function attach() {
  const plots = document.querySelectorAll(".js-plotly-plot");
  const plot = [...plots].find((p) => p.layout?.meta === page.data.map);
  if (!plot?._fullLayout?.xaxis?.d2p || typeof plot.on !== "function") return;
  if (!plot.latentOverlay) {
    // A finger that swipes scrolls the page; plotly would pan the map. Taps still reach it, as the
    // mouse events that follow them.
    plot.addEventListener("touchstart", (e) => e.stopPropagation(), {
      capture: true,
      passive: true,
    });
    for (const event of ["plotly_afterplot", "plotly_relayouting", "plotly_relayout"]) {
      plot.on(event, () => paint(plot));
    }
  }
  if (plot.latentOverlay === page.data && plot.querySelector("svg.latent-overlay")) return;
  plot.latentOverlay = page.data;
  paint(plot);
}

/** @param {{data: Overlay, setTriggerValue: (name: string, value: string) => void}} component */
export default function show({ data, setTriggerValue }) {
  page.data = data;
  // Streamlit exchanges the chart's element when its figure changes, for full screen, and so on.
  if (!page.observer) {
    let asked = false;
    page.observer = new MutationObserver(() => {
      if (asked) return;
      asked = true;
      requestAnimationFrame(() => {
        asked = false;
        attach();
      });
    });
    page.observer.observe(document.body, { childList: true, subtree: true });
  }
  attach();
  const app = document.querySelector(".stApp");
  const theme = app && getComputedStyle(app).colorScheme.includes("dark") ? "dark" : "light";
  if (theme !== data.theme && theme !== page.theme) setTriggerValue("theme", theme);
  page.theme = theme;
  return () => {
    page.observer?.disconnect();
    page.observer = null;
  };
}
