// Formulas set as mathematics by KaTeX: symbols that can be pressed, and numbers that change in place.

/**
 * @typedef {{render(tex: string, element: HTMLElement, options: object): void}} Katex
 */

/** @type {Promise<Katex> | null} */
let loading = null;

/** Take KaTeX, with its style sheet, from elsewhere. @param {Promise<Katex>} katex */
export function provideKatex(katex) {
  loading = katex;
}

/** KaTeX, its style sheet and fonts, loaded once a page. @param {string} folder its address @returns {Promise<Katex>} */
export function loadKatex(folder) {
  loading ??= new Promise((resolve, reject) => {
    const style = document.createElement("link");
    style.rel = "stylesheet";
    style.href = `${folder}katex.min.css`;
    const script = document.createElement("script");
    script.src = `${folder}katex.min.js`;
    script.onload = () =>
      resolve(/** @type {{katex: Katex}} */ (/** @type {unknown} */ (globalThis)).katex);
    script.onerror = () => {
      loading = null;
      script.remove();
      reject(new Error("The formulas could not be loaded; reload the page."));
    };
    document.head.append(style, script);
  });
  return loading;
}

/** Macros of the page's formulas: \sym{key}{…} can be pressed, \num{key} is a number, \q{colour}{…} has a quantity's colour. */
const MACROS = {
  "\\sym": "\\htmlData{symbol=#1}{#2}",
  "\\num": "\\htmlData{number=#1}{\\text{0.00}}",
  "\\q": "\\htmlData{colour=#1}{#2}",
};

/**
 * A formula, set into an element. What it says in words stands beside it for those who do not see it.
 * @param {Katex} katex @param {HTMLElement} element @param {string} tex @param {string} words
 * @returns {Record<string, HTMLElement[]>} where its numbers are written, by their keys
 */
export function setFormula(katex, element, tex, words) {
  katex.render(tex, element, {
    displayMode: true,
    output: "html",
    trust: (/** @type {{command: string}} */ { command }) => command === "\\htmlData",
    strict: false,
    throwOnError: true,
    macros: { ...MACROS },
  });
  element.querySelector(".katex-html")?.removeAttribute("aria-hidden");
  element.setAttribute("role", "group");
  element.setAttribute("aria-label", words);
  for (const symbol of element.querySelectorAll("[data-symbol]")) {
    symbol.classList.add("symbol");
    symbol.setAttribute("role", "button");
    symbol.setAttribute("tabindex", "0");
  }
  /** @type {Record<string, HTMLElement[]>} */
  const numbers = {};
  for (const place of element.querySelectorAll("[data-number]")) {
    const key = place.getAttribute("data-number") ?? "";
    let leaf = /** @type {HTMLElement} */ (place);
    while (leaf.firstElementChild instanceof HTMLElement) leaf = leaf.firstElementChild;
    (numbers[key] ??= []).push(leaf);
  }
  return numbers;
}
