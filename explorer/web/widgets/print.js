// What a printer gets: the page as it is on the screen, in light colours, as large as the paper.

// A4 without its margins, in CSS pixels; across there is less height, for what stands above the stage.
const ACROSS = { width: 1040, height: 610 };
const UPRIGHT = { width: 710, height: Infinity };
const NARROW = 900; // the width up to which a page is one column, as in base.css

/** Rules of style sheets that ask for the size of the window. @returns {Generator<CSSMediaRule>} */
function* sizeRules() {
  for (const sheet of [...document.styleSheets, ...document.adoptedStyleSheets]) {
    let rules;
    try {
      rules = sheet.cssRules;
    } catch {
      continue; // another site's
    }
    for (const rule of rules)
      if (rule instanceof CSSMediaRule && /width|height/.test(rule.media.mediaText)) yield rule;
  }
}

/** Have the style sheets take the paper for this window. @returns {() => void} gives them the window back */
function keepWindow() {
  const kept = [...sizeRules()].map((rule) => ({ rule, asked: rule.media.mediaText }));
  const now = kept.map(({ asked }) => (matchMedia(asked).matches ? "all" : "not all"));
  kept.forEach(({ rule }, n) => (rule.media.mediaText = now[n]));
  return () => {
    for (const { rule, asked } of kept) rule.media.mediaText = asked;
  };
}

/**
 * Have a part of the page keep its form on paper: what its scripts have painted fits no other. In a wide
 * window it is made as small as a sheet across; a narrow one's column goes over sheets upright.
 * @param {HTMLElement} root
 * @param {() => void} repaint in the colours of the moment
 */
export function keepOnPaper(root, repaint) {
  const page = document.documentElement;
  const sheet = document.createElement("style");
  /** @type {(() => void) | null} */
  let end = null;
  const begin = () => {
    const { width, height } = root.getBoundingClientRect();
    const wide = innerWidth > NARROW;
    const paper = wide ? ACROSS : UPRIGHT;
    const free = keepWindow();
    sheet.textContent = `@page { size: A4 ${wide ? "landscape" : "portrait"}; margin: 10mm; }`;
    document.head.append(sheet);
    page.dataset.print = wide ? "wide" : "narrow";
    const size = Math.min(1, paper.width / width, paper.height / height);
    page.style.setProperty("--print-size", String(size));
    page.style.setProperty("--print-width", `${width}px`);
    page.style.setProperty("--print-height", wide ? `${height}px` : "auto");
    repaint();
    end = () => {
      end = null;
      free();
      sheet.remove();
      delete page.dataset.print;
      repaint();
    };
  };
  addEventListener("beforeprint", () => root.isConnected && !end && begin());
  addEventListener("afterprint", () => end?.());
}
