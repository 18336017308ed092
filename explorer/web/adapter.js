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

const GONE = "Connection error"; // Streamlit's title, whose text speaks to whoever wrote a script
const STAYS =
  "The server does not answer. What is on the page still works: drag, draw, walk. It goes on by itself when the server is back.";

/** Change the first words in an element, and hide the others: the nodes stay React's. @param {Element} element @param {string} words */
function reword(element, words) {
  const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  const first = texts.nextNode();
  if (!first || first.nodeValue === words) return;
  first.nodeValue = words;
  for (let other = texts.nextNode(); other; other = texts.nextNode()) other.nodeValue = "";
}

/** Say in our own words that the server has gone. */
function sayWhenServerIsGone() {
  if (document.body.dataset.saysGone) return; // each page's copy of this module sees the mark
  document.body.dataset.saysGone = "true";
  new MutationObserver(() => {
    for (const dialog of document.querySelectorAll('[role="dialog"]')) {
      const title = dialog.querySelector("h2");
      if (title?.textContent !== GONE || !title.nextElementSibling) continue;
      reword(title, "The server is not there");
      reword(title.nextElementSibling, STAYS);
    }
  }).observe(document.body, { childList: true }); // not the tree below, which changes in each frame
}

/** Menus and dialogs stand beside the app's element, which alone is told the theme. */
function spreadTheme() {
  const app = document.querySelector(".stApp");
  if (!app) return;
  const theme = getComputedStyle(app).colorScheme;
  document.documentElement.style.colorScheme = document.documentElement.dataset.theme = theme;
}

/**
 * @param {{data: [facts: {code: string}], parentElement: HTMLElement, setStateValue: Send, setTriggerValue: Send}} component
 */
export default function show({ data: [data], parentElement, setStateValue, setTriggerValue }) {
  sayWhenServerIsGone();
  spreadTheme();
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
