// plotly.js, loaded once a page, as the script that the plotly package ships.

let loading = null;

/** @param {string} url @returns {Promise<any>} */
export function loadPlotly(url) {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = url;
    script.onload = () => resolve(globalThis.Plotly);
    script.onerror = () => {
      loading = null;
      script.remove();
      reject(new Error("plotly.js could not be loaded, so there is no map; reload the page."));
    };
    document.head.append(script);
  });
  return loading;
}

/** The theme of an element, as its style sheets have it. @returns {"light" | "dark"} */
export function themeOf(element) {
  const scheme = getComputedStyle(element).colorScheme;
  if (scheme.includes("dark") && !scheme.includes("light")) return "dark";
  if (scheme === "normal" || (scheme.includes("dark") && scheme.includes("light")))
    return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  return "light";
}
