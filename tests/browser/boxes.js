// Faults of a page's boxes as sentences: what leaves the window, is cut, is too small to hit, or lies on
// something else. `opaque` are elements whose parts are not looked at. Runs in the page.
({ opaque }) => {
  const found = [];
  const style = (e) => getComputedStyle(e);
  const name = (e) => {
    const words = (e.getAttribute("aria-label") || e.textContent || e.title || "").trim();
    const kind = e.dataset.testid || e.className.baseVal || e.className || "";
    return `${e.localName}.${String(kind).trim().split(/\s+/).slice(0, 3).join(".")} “${words.slice(0, 30)}”`;
  };
  const visible = (e) => e.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  const around = function* (e) {
    for (let p = e.parentElement; p; p = p.parentElement) yield p;
  };
  const readOut = (e) => [e, ...around(e)].some((p) => style(p).clipPath !== "none");
  const clips = (p) => style(p).overflowX !== "visible";
  const scrolls = (p) => ["auto", "scroll"].includes(style(p).overflowX) && p.scrollWidth > p.clientWidth;
  const scrollsDown = (p) => ["auto", "scroll"].includes(style(p).overflowY) && p.scrollHeight > p.clientHeight + 1;
  const within = (e, selector) => selector && e.closest(selector);
  /** What is left of a box when all that clips it has. */
  const seen = (e, box) => {
    let { left, right, top, bottom } = box;
    for (const p of around(e)) {
      if (p === document.body || p === document.documentElement) break;
      const s = style(p);
      if (s.overflowX === "visible" && s.overflowY === "visible") continue;
      const b = p.getBoundingClientRect();
      left = Math.max(left, b.left);
      right = Math.min(right, b.right);
      top = Math.max(top, b.top);
      bottom = Math.min(bottom, b.bottom);
    }
    return { left, right, top, bottom, width: right - left, height: bottom - top };
  };
  const shown = [...document.querySelectorAll(".stApp *, [role=dialog] *, [data-testid=stPopoverBody] *")].filter(
    (e) => visible(e) && !readOut(e) && !(within(e, opaque) && !e.matches(opaque)),
  );

  // Text: each run of words, as it is painted.
  const items = [];
  for (const e of shown) {
    const texts = [...e.childNodes].filter((n) => n.nodeType === 3 && n.nodeValue.trim());
    const field = e.matches("input:not([type=range], [type=checkbox], [type=file], [type=radio]), select");
    // A name may be longer than its box where that is long: it ends in an ellipsis, and the list has it.
    const long = e.matches("[role=combobox]") && e.clientWidth >= 200;
    if (field && !long && e.scrollWidth > e.clientWidth + 1)
      found.push(`cut: ${name(e)}: ${e.value} (${e.clientWidth} of ${e.scrollWidth} px)`);
    for (const text of texts) {
      if (e.localName === "option" || e.localName === "title") continue;
      const range = document.createRange();
      range.selectNodeContents(text);
      for (const box of range.getClientRects()) {
        if (box.width < 1 || box.height < 1) continue;
        const cutter = [e, ...around(e)].find((p) => {
          if (p === document.body || p === document.documentElement || !clips(p) || scrolls(p)) return false;
          const b = p.getBoundingClientRect();
          return b.width > 1 && (box.right > b.right + 1.5 || box.left < b.left - 1.5);
        });
        if (cutter ) found.push(`cut: ${name(e)} by ${name(cutter)}`);
        const left = seen(e, box);
        if (left.width > 1 && left.height > 1) items.push({ e, box: left, text: true });
      }
    }
  }

  // What is pressed, typed into or dragged.
  const TARGETS =
    "button, a[href], input, select, textarea, summary, [role=button], [role=radio], [role=tab], [tabindex='0']";
  for (const e of shown) {
    if (e.localName === "main") continue; // what scrolls
    if (!e.matches(TARGETS) || e.matches(":disabled, [type=file], [aria-hidden=true] *")) continue;
    // A field is as large as the box around it, a mark as its label.
    const label = e.matches("[type=checkbox], [type=radio]") ? e.closest("label") : e.matches("[role=combobox]") && e.closest("[role=group]");
    const box = (label || e).getBoundingClientRect();
    if (box.width < 2 || box.height < 2) continue;
    const left = seen(e, e.getBoundingClientRect());
    const inline = style(e).display === "inline" && e.matches("a, output, [role=button]");
    if (Math.min(box.width, box.height) < 23.5 && !(inline && e.closest("p, figcaption")))
      found.push(`small: ${name(e)} ${box.width.toFixed(1)}×${box.height.toFixed(1)}`);
    if (left.width > 1 && left.height > 1) items.push({ e, box: left, text: false });
  }
  for (const e of shown) {
    if (!e.matches("canvas, img") && !(opaque && e.matches(opaque))) continue;
    if (style(e).pointerEvents === "none" && !e.matches(opaque)) continue;
    const left = seen(e, e.getBoundingClientRect());
    if (left.width > 1 && left.height > 1) items.push({ e, box: left, text: false });
  }

  // The window.
  for (const { e, box } of items)
    if ((box.left < -1 || box.right > innerWidth + 1) )
      found.push(`outside: ${name(e)} ${box.left.toFixed(0)} to ${box.right.toFixed(0)} of ${innerWidth}`);
  for (const e of [document.documentElement, document.querySelector('[data-testid="stMain"]')])
    if (e && e.scrollWidth > e.clientWidth + 1) found.push(`the page is ${e.scrollWidth} wide in ${e.clientWidth}`);

  // One on another: those of one layer, for what floats is above the rest.
  const layer = (e) => {
    for (const p of [e, ...around(e)]) {
      if (["fixed", "sticky"].includes(style(p).position) || p.matches("[data-testid=stPopoverBody], [role=dialog]")) return p;
    }
    return document.body;
  };
  const layers = new Map();
  for (const item of items) {
    const own = layer(item.e);
    layers.set(own, [...(layers.get(own) ?? []), item]);
  }
  for (const many of layers.values())
    for (let i = 0; i < many.length; i++)
      for (let k = i + 1; k < many.length; k++) {
        const [a, b] = [many[i], many[k]];
        if (a.e.contains(b.e) || b.e.contains(a.e)) continue;
        const across = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left);
        const down = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top);
        // Lines of text stand close, and boxes of type are taller than its letters.
        const slack = a.text && b.text ? 5 : 3;
        if (across > 2 && down > slack) found.push(`over each other: ${name(a.e)} and ${name(b.e)} ${across.toFixed(0)}×${down.toFixed(0)}`);
      }
  return [...new Set(found)];
}
