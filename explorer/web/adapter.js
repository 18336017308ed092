// Mounts one of the app's modules in a Streamlit page. All that knows Streamlit is here.

/**
 * @typedef {{pause?: () => void}} Shown the part of a page that a module has mounted
 * @typedef {(parent: HTMLElement, data: object, setState: Send, trigger: Send) => Shown | undefined} Show
 * @typedef {(name: string, value: unknown) => void} Send
 */

/** The app's own address, whatever path a proxy or a page of it adds. */
function appRoot() {
  /** @type {HTMLScriptElement | null} */
  const own = document.querySelector('script[type="module"][src*="static/js/"]');
  return own ? new URL("../../", own.src).href : document.baseURI;
}

/**
 * Each change of the address by a page of Streamlit's is an entry of the browser's history, and the page
 * that Back leads to writes its present view there again: nobody would get out. What a page says of
 * itself takes the place of what it said before; another page is an entry.
 */
function keepBackUseful() {
  const marked = /** @type {History & {foldsViews?: boolean}} */ (history);
  if (marked.foldsViews) return; // each page's copy of this module sees the mark
  marked.foldsViews = true;
  const push = history.pushState.bind(history);
  history.pushState = (state, unused, url) => {
    const stays = new URL(url ?? "", location.href).pathname === location.pathname;
    (stays ? history.replaceState.bind(history) : push)(state, unused, url);
  };
}

/**
 * @param {{data: [facts: {code: string}], parentElement: HTMLElement, setStateValue: Send, setTriggerValue: Send}} component
 */
export default function show({ data: [data], parentElement, setStateValue, setTriggerValue }) {
  keepBackUseful();
  const root = appRoot();
  let gone = false;
  /** @type {Shown | undefined} */
  let shown;
  import(new URL(data.code, root).href)
    .then((/** @type {{show: Show}} */ module) => {
      if (gone) return;
      parentElement.querySelector(".stage-fault")?.remove();
      shown = module.show(parentElement, { ...data, root }, setStateValue, setTriggerValue);
    })
    .catch((error) => {
      if (gone) return;
      const place = parentElement.querySelector(".stage-fault") ?? document.createElement("p");
      place.className = "stage-fault";
      place.setAttribute("role", "alert");
      place.textContent = `This part of the page could not be loaded (${error.message}); reload it.`;
      parentElement.append(place);
    });
  return () => {
    gone = true;
    shown?.pause?.();
  };
}
